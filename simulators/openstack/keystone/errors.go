package keystone

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Keystone's exceptions (keystone/exception.py).

func notFound(kind, id string) error {
	return core.Errorf(http.StatusNotFound, "Could not find %s: %s.", kind, id)
}

func badRequest(format string, arguments ...any) error {
	return core.Errorf(http.StatusBadRequest, format, arguments...)
}

func unauthorized() error {
	return &core.Error{Status: http.StatusUnauthorized, Message: core.Unauthenticated}
}

const clientError = "The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error."

// decode reads a JSON object with one wrapper key.
func decode(r *core.Request, wrapper string) (core.Resource, error) {
	value, ok := r.JSON()
	body, object := value.(map[string]any)
	if !ok || !object {
		return nil, badRequest("Expecting to find valid JSON in request body. %s", clientError)
	}
	inner, ok := body[wrapper].(map[string]any)
	if !ok {
		return nil, badRequest("Expecting to find %s in request body. %s", wrapper, clientError)
	}
	return inner, nil
}

// invalid is a violation in Keystone's words (keystone/common/validation/validators.py).
func invalid(wrong *core.Violation) error {
	if wrong.Field == "" {
		return badRequest("%s", wrong.Message)
	}
	return badRequest("Invalid input for field '%s': %s", wrong.Field, wrong.Message)
}
