package nova

import (
	"net/http"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

func checkMetadata(metadata map[string]any) error {
	for name, value := range metadata {
		if _, ok := value.(string); !ok {
			return core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. %s is not of type 'string'", name, core.Str(value), core.Repr(value))
		}
		if len(name) > 255 {
			return core.Errorf(http.StatusBadRequest, "Invalid input for field/attribute metadata. '%s' is too long", name)
		}
	}
	return nil
}

// metadataRoutes are a server's metadata, all of it and single items.
func (n *Nova) metadataRoutes() []core.Route {
	const path = "/v2.1/servers/{id}/metadata"
	change := func(r *core.Request, do func(metadata map[string]any) (any, error)) (*core.Answer, error) {
		found, err := n.find(r)
		if err != nil {
			return nil, err
		}
		changed := found.Clone()
		body, err := do(changed.Object("metadata"))
		if err != nil {
			return nil, err
		}
		n.save(r.Context(), r.Caller, changed)
		if body == nil {
			return core.NoContent()
		}
		return core.OK(body)
	}
	merge := func(replace bool) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner("metadata")
			if err == nil {
				err = checkMetadata(given)
			}
			if err != nil {
				return nil, err
			}
			return change(r, func(metadata map[string]any) (any, error) {
				if replace {
					clear(metadata)
				}
				for name, value := range given {
					metadata[name] = value
				}
				return map[string]any{"metadata": metadata}, nil
			})
		}
	}
	return []core.Route{
		{Method: "GET", Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			return core.OK(map[string]any{"metadata": found["metadata"]})
		}},
		{Method: "POST", Path: path, Do: merge(false)},
		{Method: "PUT", Path: path, Do: merge(true)},
		{Method: "GET", Path: path + "/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			found, err := n.find(r)
			if err != nil {
				return nil, err
			}
			value, has := found.Object("metadata")[r.PathValue("key")]
			if !has {
				return nil, notFound("Metadata item was not found")
			}
			return core.OK(map[string]any{"meta": map[string]any{r.PathValue("key"): value}})
		}},
		{Method: "PUT", Path: path + "/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			given, err := r.Inner("meta")
			if err == nil {
				err = checkMetadata(given)
			}
			if err != nil {
				return nil, err
			}
			return change(r, func(metadata map[string]any) (any, error) {
				value, has := given[r.PathValue("key")]
				if !has {
					return nil, core.Errorf(http.StatusBadRequest, "Request body and URI mismatch")
				}
				metadata[r.PathValue("key")] = value
				return map[string]any{"meta": map[string]any(given)}, nil
			})
		}},
		{Method: "DELETE", Path: path + "/{key}", Do: func(r *core.Request) (*core.Answer, error) {
			return change(r, func(metadata map[string]any) (any, error) {
				if _, has := metadata[r.PathValue("key")]; !has {
					return nil, notFound("Metadata item was not found")
				}
				delete(metadata, r.PathValue("key"))
				return nil, nil
			})
		}},
	}
}
