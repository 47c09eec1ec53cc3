package ironic

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// operation is one operation of a JSON patch as far as Ironic takes it (ironic/common/args.py, patch).
type operation struct {
	op    string
	path  []string
	value any
	raw   map[string]any
}

func (o operation) pointer() string { return "/" + strings.Join(o.path, "/") }

var pointer = regexp.MustCompile(`^(/[\w-]+)+$`)

var operationFields = core.Fields{
	{Name: "path", Types: "string"},
	{Name: "op", Types: "string", Enum: []string{"add", "replace", "remove"}},
	{Name: "value", Types: "string null boolean number array object"},
}

// parsePatch reads a JSON patch.
func parsePatch(value any) ([]operation, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, badRequest("Schema error for patch: %s is not of type 'array'  Failed validating 'type' in schema", core.Repr(value))
	}
	var patch []operation
	for _, item := range list {
		raw, ok := item.(map[string]any)
		if !ok {
			return nil, badRequest("Schema error for patch: %s is not of type 'object'  Failed validating 'type' in schema['items']", core.Repr(item))
		}
		if wrong := operationFields.Check(raw, false); wrong != nil {
			return nil, schemaError("patch", wrong)
		}
		path, hasPath := raw["path"].(string)
		op, hasOp := raw["op"].(string)
		switch {
		case !hasPath || !hasOp:
			return nil, badRequest("Couldn't apply patch '%s'. Reason: Operation does not contain 'op' or 'path' member", core.Repr(raw))
		case !pointer.MatchString(path):
			return nil, badRequest("Schema error for patch: %s does not match '^(/[\\\\w-]+)+$'  Failed validating 'pattern' in schema['items']['properties']['path']", core.Repr(path))
		}
		if _, given := raw["value"]; !given && op != "remove" {
			return nil, badRequest("Couldn't apply patch '%s'. Reason: The operation does not contain a 'value' member", core.Repr(raw))
		}
		patch = append(patch, operation{op: op, path: strings.Split(path[1:], "/"), value: raw["value"], raw: raw})
	}
	return patch, nil
}

// applyPatch applies a patch to a resource, which it changes; the refusals are those of api_utils.apply_jsonpatch with the
// library jsonpatch behind it.
func applyPatch(resource core.Resource, patch []operation) (core.Resource, error) {
	for _, o := range patch {
		if _, has := resource[o.path[0]]; o.op == "add" && len(o.path) == 1 && !has {
			return nil, badRequest("Adding a new attribute (%s) to the root of the resource is not allowed", o.pointer())
		}
	}
	for _, o := range patch {
		changed, err := apply(map[string]any(resource), o.op, o.path, o.value)
		if err != nil {
			return nil, badRequest("Couldn't apply patch '%s'. Reason: %v", core.Repr(o.raw), err)
		}
		resource = changed.(map[string]any) // an object stays one: a path is never empty
	}
	return resource, nil
}

// apply does one operation below a value and returns the value that then is there.
func apply(node any, op string, path []string, value any) (any, error) {
	name := path[0]
	switch parent := node.(type) {
	case map[string]any:
		child, has := parent[name]
		switch {
		case len(path) > 1 && !has:
			return nil, fmt.Errorf("member %s not found in %s", core.Repr(name), core.Repr(parent))
		case len(path) > 1:
			changed, err := apply(child, op, path[1:], value)
			if err != nil {
				return nil, err
			}
			parent[name] = changed
		case op == "remove" && !has:
			return nil, fmt.Errorf("can't remove a non-existent object %s", core.Repr(name))
		case op == "remove":
			delete(parent, name)
		case op == "replace" && !has:
			return nil, fmt.Errorf("can't replace a non-existent object %s", core.Repr(name))
		default:
			parent[name] = value
		}
		return parent, nil
	case []any:
		if name == "-" && op == "add" && len(path) == 1 {
			return append(parent, value), nil
		}
		index, err := strconv.Atoi(name)
		if err != nil || index < 0 || (len(name) > 1 && name[0] == '0') {
			return nil, fmt.Errorf("%s is not a valid sequence index", core.Repr(name))
		}
		if index > len(parent) || (index == len(parent) && (op != "add" || len(path) > 1)) {
			return nil, fmt.Errorf("list index out of range")
		}
		switch {
		case len(path) > 1:
			parent[index], err = apply(parent[index], op, path[1:], value)
			return parent, err
		case op == "add":
			return slices.Insert(parent, index, value), nil
		case op == "remove":
			return slices.Delete(parent, index, index+1), nil
		default:
			parent[index] = value
			return parent, nil
		}
	default:
		return nil, fmt.Errorf("document %s does not support indexing", core.Repr(node))
	}
}
