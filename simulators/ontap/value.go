package ontap

import (
	"encoding/json"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// normalize turns a value of a request or a world into what the store holds, or says what is wrong with it.
func (s *Server) normalize(c *collection, f *field, value any) (any, error) {
	switch f.form {
	case text:
		if given, ok := value.(string); ok {
			return given, nil
		}
		return nil, invalid(f.name, value, "string")
	case number:
		if given, ok := integer(value); ok {
			return given, nil
		}
		return nil, invalid(f.name, value, "integer")
	case truth:
		switch value {
		case true, "true":
			return true, nil
		case false, "false":
			return false, nil
		}
		return nil, invalid(f.name, value, "true|false")
	case size:
		if given, ok := integer(value); ok && given >= 0 {
			return given, nil
		}
		if given, ok := value.(string); ok {
			if bytes, ok := sizeOf(given); ok {
				return bytes, nil
			}
		}
		return nil, invalid(f.name, value, "integer[KB|MB|GB|TB|PB]")
	case texts:
		given, ok := value.([]any)
		for _, item := range given {
			_, isText := item.(string)
			ok = ok && isText
		}
		if !ok {
			return nil, invalid(f.name, value, "array of strings")
		}
		return given, nil
	case mask:
		if length, ok := prefixLength(value); ok {
			return length, nil
		}
		return nil, invalid(f.name, value, "IP netmask or length")
	case reference:
		return s.resolve(c, f, value)
	default: // references
		given, ok := value.([]any)
		if !ok {
			return nil, invalid(f.name, value, "array of objects")
		}
		resolved := []any{}
		for _, item := range given {
			one, err := s.resolve(c, f, item)
			if err != nil {
				return nil, err
			}
			resolved = append(resolved, one)
		}
		return resolved, nil
	}
}

// integer reads a whole number of JSON, YAML or Go.
func integer(value any) (int64, bool) {
	switch given := value.(type) {
	case int:
		return int64(given), true
	case int64:
		return given, true
	case float64:
		return int64(given), given == math.Trunc(given) && math.Abs(given) < 1<<53
	case json.Number:
		n, err := given.Int64()
		return n, err == nil
	}
	return 0, false
}

// sizeOf reads a size as ONTAP takes it: bytes, or a number with a unit, which is a power of 1024.
func sizeOf(given string) (bytes int64, ok bool) {
	shift := 0
	upper := strings.ToUpper(strings.TrimSpace(given))
	for i, unit := range []string{"KB", "MB", "GB", "TB", "PB"} {
		if before, found := strings.CutSuffix(upper, unit); found {
			upper, shift = before, 10*(i+1)
			break
		}
	}
	count, err := strconv.ParseFloat(strings.TrimSpace(upper), 64)
	if err != nil || count < 0 || math.IsNaN(count) || count*float64(int64(1)<<shift) >= math.MaxInt64 {
		return 0, false
	}
	return int64(count * float64(int64(1)<<shift)), true
}

// prefixLength reads a netmask, written out or as a length, and gives its length.
func prefixLength(value any) (string, bool) {
	if n, ok := integer(value); ok {
		return strconv.FormatInt(n, 10), n >= 0 && n <= 128
	}
	given, ok := value.(string)
	if !ok {
		return "", false
	}
	if n, err := strconv.Atoi(given); err == nil {
		return strconv.Itoa(n), n >= 0 && n <= 128
	}
	address, err := netip.ParseAddr(given)
	if err != nil || address.Zone() != "" {
		return "", false
	}
	length, ended := 0, false
	for _, octet := range address.AsSlice() {
		for bit := 7; bit >= 0; bit-- {
			one := octet>>bit&1 == 1
			if one && ended {
				return "", false
			}
			if one {
				length++
			}
			ended = ended || !one
		}
	}
	return strconv.Itoa(length), true
}

// expand turns names with dots, which ONTAP takes for objects (as NetApp's Ansible modules send them), into the objects.
// Where both are there the object's own field wins.
func expand(given map[string]any) map[string]any {
	expanded := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(given)) { // an object sorts before the names of its parts
		value := given[name]
		if inner, ok := value.(map[string]any); ok {
			value = expand(inner)
		}
		before, rest, dotted := strings.Cut(name, ".")
		if !dotted {
			expanded[name] = value
			continue
		}
		merged, ok := expanded[before].(map[string]any)
		if !ok {
			merged = map[string]any{}
		}
		for part, inner := range expand(map[string]any{rest: value}) {
			if have, both := merged[part].(map[string]any); both {
				if more, ok := inner.(map[string]any); ok {
					maps.Copy(have, more)
					continue
				}
			}
			if _, taken := merged[part]; !taken {
				merged[part] = inner
			}
		}
		expanded[before] = merged
	}
	return expanded
}

// resolve finds the record that a reference names, by everything that the reference says of it, and keeps its uuid.
func (s *Server) resolve(c *collection, f *field, value any) (any, error) {
	given, ok := value.(map[string]any)
	if name, short := value.(string); short {
		given, ok = map[string]any{"name": name}, true
	}
	if !ok {
		return nil, invalid(f.name, value, "object")
	}
	target := byPath[f.to]
	wanted := map[string]any{}
	for name, part := range given {
		if name == "_links" {
			continue
		}
		inner := target.field(name)
		if inner == nil {
			return nil, unexpected(f.name + "." + name)
		}
		normal, err := s.normalize(target, inner, part)
		if err != nil {
			return nil, s.dangling(c, f, given)
		}
		wanted[name] = normal
	}
	if len(wanted) == 0 {
		return nil, invalid(f.name, value, "object with uuid or name")
	}
	for _, candidate := range s.store.all(f.to) {
		fits := true
		for name, want := range wanted {
			if reference, isReference := want.(map[string]any); isReference {
				fits = fits && candidate.text(name+".uuid") == reference["uuid"]
			} else {
				fits = fits && candidate.value(name) == want
			}
		}
		if fits {
			return map[string]any{"uuid": candidate.id()}, nil
		}
	}
	return nil, s.dangling(c, f, given)
}

// dangling is the answer to a reference that leads nowhere: the collection's own, where it is known.
func (s *Server) dangling(c *collection, f *field, given map[string]any) error {
	part := "name"
	if _, byID := given["uuid"]; byID {
		part = "uuid"
	}
	target := f.name + "." + part
	if known, ok := danglingReferences[c.path+" "+target]; ok {
		return refuse(400, known.code, target, "%s", known.message)
	}
	return missing(target)
}
