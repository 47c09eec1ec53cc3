package openstack

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/internal/faults"
)

// faulty writes what a service answers with a status that a fault rule asks for.
func (s *Server) faulty() faults.Option {
	return faults.WithErrors(func(w http.ResponseWriter, r *http.Request, status int) {
		s.services[s.serviceOf(r)].Refuse(w, r, status)
	})
}
