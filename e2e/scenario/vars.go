package scenario

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/internal/nearest"
)

// variable matches ${name} and ${name|filter}; $${ writes a literal ${.
var variable = regexp.MustCompile(`\$?\$\{([^{}|]*)((?:\|[^{}|]*)*)\}`)

var filters = map[string]func(string) (string, error){
	"dashed": func(s string) (string, error) {
		id, err := uuid.Parse(s)
		if err != nil {
			return "", fmt.Errorf("%q is no UUID: %w", s, err)
		}
		return id.String(), nil
	},
	"undashed": func(s string) (string, error) { return strings.ReplaceAll(s, "-", ""), nil },
	"upper":    func(s string) (string, error) { return strings.ToUpper(s), nil },
	"lower":    func(s string) (string, error) { return strings.ToLower(s), nil },
}

func filterNames() []string {
	var names []string
	for name := range filters {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// variables reports each ${x} that spec.vars does not define and each filter that does not exist. Kubernetes objects
// are left out: ${X} in a script belongs to its shell.
func (c *checker) variables(node *yaml.Node, vars map[string]string) {
	switch node.Kind {
	case yaml.ScalarNode:
		for _, m := range variable.FindAllStringSubmatch(node.Value, -1) {
			if strings.HasPrefix(m[0], "$$") {
				continue
			}
			name := strings.TrimSpace(m[1])
			if _, ok := vars[name]; !ok {
				text := fmt.Sprintf("undefined variable ${%s}", name)
				known := sortedKeys(vars)
				switch best := nearest.Name(name, known); {
				case best != "":
					text += fmt.Sprintf("; did you mean ${%s}?", best)
				case len(known) > 0:
					text += "; spec.vars defines " + strings.Join(known, ", ")
				default:
					text += "; spec.vars defines none"
				}
				c.fail(node.Line, "%s", text)
			}
			for _, filter := range splitFilters(m[2]) {
				if _, ok := filters[filter]; !ok {
					c.fail(node.Line, "unknown filter %q in %s; there are %s", filter, m[0], strings.Join(filterNames(), ", "))
				}
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			name, value := node.Content[i].Value, node.Content[i+1]
			if name == "then" && value.Kind == yaml.MappingNode {
				// Here objects are expectations.
				for j := 1; j < len(value.Content); j += 2 {
					c.variables(value.Content[j], vars)
				}
				continue
			}
			if name != "objects" {
				c.variables(value, vars)
			}
		}
	default:
		for _, child := range node.Content {
			c.variables(child, vars)
		}
	}
}

func splitFilters(text string) []string {
	var out []string
	for _, f := range strings.Split(text, "|") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Values draws the variables of a scenario. The same seed, scenario and attempt give the same values; another attempt
// or scenario gives others, so that runs never meet in one store.
func Values(s Scenario, seed int64, attempt int) (map[string]string, error) {
	values := make(map[string]string, len(s.Spec.Vars))
	var literals []string
	for _, name := range sortedKeys(s.Spec.Vars) {
		digest := fnv.New64a()
		fmt.Fprintf(digest, "%s\x00%s\x00%d", s.Metadata.Name, name, attempt)
		random := rand.New(rand.NewPCG(uint64(seed), digest.Sum64()))
		switch kind := s.Spec.Vars[name]; kind {
		case "uuid":
			values[name] = drawUUID(random).String()
		case "hex":
			id := drawUUID(random)
			values[name] = hex.EncodeToString(id[:])
		case "name":
			values[name] = fmt.Sprintf("%s-%08x", adjectives[random.IntN(len(adjectives))], random.Uint32())
		default:
			literals = append(literals, name)
		}
	}
	// A literal may use drawn variables and literals that need no further step; a circle never resolves.
	for pending := literals; len(pending) > 0; {
		var rest []string
		for _, name := range pending {
			text, missing, err := expandText(s.Spec.Vars[name], values, true)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s:%d: variable %s: %w", s.File, s.Line, name, err)
			case missing != "":
				rest = append(rest, name)
			default:
				values[name] = text
			}
		}
		if len(rest) == len(pending) {
			return nil, fmt.Errorf("%s:%d: the variables %s need each other", s.File, s.Line, strings.Join(rest, ", "))
		}
		pending = rest
	}
	return values, nil
}

var adjectives = []string{"amber", "brisk", "calm", "dapper", "eager", "fresh", "gentle", "hardy", "keen", "lively", "mellow", "noble"}

func drawUUID(random *rand.Rand) uuid.UUID {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(random.UintN(256))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// expandText replaces the variables of text. With strict an unknown one is returned as missing; else it stays as it is.
func expandText(text string, values map[string]string, strict bool) (out, missing string, err error) {
	out = variable.ReplaceAllStringFunc(text, func(match string) string {
		m := variable.FindStringSubmatch(match)
		if strings.HasPrefix(match, "$$") {
			if strict {
				return match[1:]
			}
			return match
		}
		value, ok := values[strings.TrimSpace(m[1])]
		if !ok {
			if strict && missing == "" {
				missing = strings.TrimSpace(m[1])
			}
			return match
		}
		for _, name := range splitFilters(m[2]) {
			filter, ok := filters[name]
			if !ok {
				err = fmt.Errorf("unknown filter %q", name)
				return match
			}
			filtered, ferr := filter(value)
			if ferr != nil {
				err = fmt.Errorf("%s: %w", match, ferr)
				return match
			}
			value = filtered
		}
		return value
	})
	return out, missing, err
}

// Resolve returns a copy of the scenario's body with every variable replaced.
func Resolve(s Scenario, values map[string]string) (Spec, error) {
	var first error
	expand := func(strict bool) func(string) string {
		return func(text string) string {
			out, missing, err := expandText(text, values, strict)
			if err == nil && missing != "" {
				err = fmt.Errorf("undefined variable ${%s}", missing)
			}
			if err != nil && first == nil {
				first = fmt.Errorf("%s:%d: %w", s.File, s.Line, err)
			}
			return out
		}
	}
	spec := mapStrings(reflect.ValueOf(s.Spec), expand(true), expand(false)).Interface().(Spec)
	return spec, first
}

var objectsType = reflect.TypeOf([]map[string]any(nil))

// mapStrings copies v deeply and applies f to every string in it, and g inside Kubernetes objects.
func mapStrings(v reflect.Value, f, g func(string) string) reflect.Value {
	if v.Type() == objectsType {
		f = g
	}
	switch v.Kind() {
	case reflect.String:
		out := reflect.New(v.Type()).Elem()
		out.SetString(f(v.String()))
		return out
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v
		}
		inner := mapStrings(v.Elem(), f, g)
		out := reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Pointer {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(inner)
		} else {
			out.Set(inner)
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(mapStrings(v.Field(i), f, g))
			}
		}
		return out
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(mapStrings(v.Index(i), f, g))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			out.SetMapIndex(key, mapStrings(v.MapIndex(key), f, g))
		}
		return out
	default:
		return v
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
