package ironic

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// What a trait may be. The standard ones stand in the library os-traits; here everything that looks like one is one.
var (
	customTrait   = regexp.MustCompile(`^CUSTOM_[A-Z0-9_]+$`)
	standardTrait = regexp.MustCompile(`^(HW|COMPUTE|STORAGE|MISC|OWNER)_[A-Z0-9_]+$`)
)

func checkTrait(trait any) error {
	text, ok := trait.(string)
	if ok && len(text) <= 255 && (customTrait.MatchString(text) || standardTrait.MatchString(text)) {
		return nil
	}
	return badRequest("Invalid trait. A valid trait must be no longer than 255 characters. Standard traits are defined in the os_traits library. A custom trait must start with the prefix CUSTOM_ and use the following characters: A-Z, 0-9 and _")
}

// traitRoutes are a node's traits (NodeTraitsController); each change is told as an update of the node.
func (i *Ironic) traitRoutes() []core.Route {
	const path = "/v1/nodes/{ident}/traits"
	nodes := i.kind("node")
	route := func(method, path string, do func(r *core.Request, node core.Resource, traits []any) ([]any, error)) core.Route {
		return core.Route{Method: method, Path: path, Do: func(r *core.Request) (*core.Answer, error) {
			if err := needs(r, sinceTraits); err != nil {
				return nil, err
			}
			node, err := nodes.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			traits, err := do(r, node, slices.Clone(node.List("traits")))
			if err != nil {
				return nil, err
			}
			if method == http.MethodGet {
				return core.OK(map[string]any{"traits": node["traits"]})
			}
			changed := node.Clone()
			changed["traits"] = traits
			if _, err := i.change(r.Context(), r.Caller, nodes, node, changed, "update"); err != nil {
				return nil, err
			}
			return core.NoContent()
		}}
	}
	return []core.Route{
		route("GET", path, func(*core.Request, core.Resource, []any) ([]any, error) { return nil, nil }),
		route("PUT", path, func(r *core.Request, _ core.Resource, _ []any) ([]any, error) {
			given, err := body(r)
			if err != nil {
				return nil, err
			}
			if wrong := (core.Fields{{Name: "traits", Types: "array", Required: true}}).Check(given, true); wrong != nil {
				return nil, schemaError("traits", wrong)
			}
			traits := []any{}
			for _, trait := range given.List("traits") {
				if err := checkTrait(trait); err != nil {
					return nil, err
				}
				if !slices.Contains(traits, trait) {
					traits = append(traits, trait)
				}
			}
			if len(traits) > 50 {
				return nil, badRequest("A node cannot have more than 50 traits")
			}
			return traits, nil
		}),
		route("PUT", path+"/{trait}", func(r *core.Request, _ core.Resource, traits []any) ([]any, error) {
			trait := any(r.PathValue("trait"))
			if err := checkTrait(trait); err != nil {
				return nil, err
			}
			if !slices.Contains(traits, trait) {
				traits = append(traits, trait)
			}
			return traits, nil
		}),
		route("DELETE", path, func(*core.Request, core.Resource, []any) ([]any, error) { return []any{}, nil }),
		route("DELETE", path+"/{trait}", func(r *core.Request, node core.Resource, traits []any) ([]any, error) {
			at := slices.Index(traits, any(r.PathValue("trait")))
			if at < 0 {
				return nil, core.Errorf(http.StatusNotFound, "Node %s doesn't have a trait '%s'", node.Text("uuid"), r.PathValue("trait"))
			}
			return slices.Delete(traits, at, at+1), nil
		}),
	}
}
