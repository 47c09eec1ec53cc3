package openstack

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/internal/faults"
)

// faulty writes what the service answers with a status that a fault rule asks for.
var faulty = faults.WithErrors(func(w http.ResponseWriter, r *http.Request, status int) {
	answerError(w, r, &httpError{status, http.StatusText(status)})
})
