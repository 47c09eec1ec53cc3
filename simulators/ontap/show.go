package ontap

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// complete is a record with the names behind its references. It shares nothing with the store.
func (s *Server) complete(c *collection, r record) map[string]any {
	shown := record{}
	for _, f := range c.fields {
		value := r.value(f.name)
		switch f.form {
		case reference:
			if id := r.text(f.name + ".uuid"); id != "" {
				shown.set(f.name, s.behind(f.to, id))
			}
			continue
		case references:
			list, ok := value.([]any)
			if !ok {
				continue
			}
			all := []any{}
			for _, item := range list {
				all = append(all, s.behind(f.to, record(item.(map[string]any)).id())) // normalize made it one
			}
			value = all
		case texts:
			if list, ok := value.([]any); ok {
				value = slices.Clone(list)
			}
		}
		if value != nil {
			shown.set(f.name, value)
		}
	}
	return shown
}

// behind is what an answer shows of a record that another refers to.
func (s *Server) behind(path, id string) map[string]any {
	shown := map[string]any{"uuid": id}
	r := s.store.get(path, id)
	if name := r.text("name"); name != "" {
		shown["name"] = name
	}
	if node := r.text("node.uuid"); path == "network/ethernet/ports" && node != "" {
		shown["node"] = map[string]any{"name": s.store.get("cluster/nodes", node).text("name")}
	}
	if ipspace := r.text("ipspace.uuid"); path == "network/ethernet/broadcast-domains" && ipspace != "" {
		shown["ipspace"] = map[string]any{"name": s.store.get("network/ipspaces", ipspace).text("name")}
	}
	return shown
}

// lookup returns the values of a field, through objects and through the items of lists.
func lookup(object map[string]any, name string) []any {
	found := []any{object}
	for _, segment := range splitName(name) {
		var next []any
		for _, one := range found {
			inner, ok := asObject(one)
			if value, has := inner[segment]; ok && has && value != nil {
				if list, isList := value.([]any); isList && len(list) > 0 {
					if _, objects := asObject(list[0]); objects {
						next = append(next, list...)
						continue
					}
				}
				next = append(next, value)
			}
		}
		found = next
	}
	// A list of objects is a value of its own when it is asked for itself.
	if len(found) > 0 {
		if last, ok := single(object, name); ok {
			return []any{last}
		}
	}
	return found
}

// single returns a field that is reached through objects only.
func single(object map[string]any, name string) (any, bool) {
	var value any = object
	for _, segment := range splitName(name) {
		inner, ok := asObject(value)
		if !ok {
			return nil, false
		}
		if value, ok = inner[segment]; !ok || value == nil {
			return nil, false
		}
	}
	return value, true
}

func asObject(value any) (map[string]any, bool) {
	switch object := value.(type) {
	case map[string]any:
		return object, true
	case record:
		return object, true
	}
	return nil, false
}

// selection is which fields an answer has: names, or nil for all.
type selection []string

// selectionOf reads the parameter fields. For a list the rest is what ONTAP shows without it, and what the query filters by.
func selectionOf(c *collection, query url.Values, filters []filter, list bool) (selection, error) {
	given := query.Get("fields")
	if given == "" && !list {
		return nil, nil
	}
	selected := selection(c.identity())
	for _, f := range filters {
		selected = append(selected, f.name)
	}
	for name := range strings.SplitSeq(given, ",") {
		switch name = strings.TrimSpace(name); {
		case name == "":
		case name == "*" || name == "**":
			return nil, nil
		case !c.knows(name) && c.hasElsewhere(name):
		case !c.knows(name):
			return nil, invalid("fields", name, "field,...")
		default:
			selected = append(selected, name)
		}
	}
	return selected, nil
}

// project takes the selected fields of a record that complete made.
func (selected selection) project(shown map[string]any) map[string]any {
	if selected == nil {
		return shown
	}
	projected := record{}
	for _, name := range selected {
		// A part of a list's items brings the items.
		for at := name; at != ""; {
			if value, ok := single(shown, at); ok {
				projected.set(at, value)
				break
			}
			i := strings.LastIndexByte(at, '.')
			at = at[:max(i, 0)]
			if value, ok := single(shown, at); !ok || !isList(value) {
				break
			}
		}
	}
	return projected
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// link adds the HAL links of a record and of the records that it refers to.
func link(c *collection, shown map[string]any) map[string]any {
	linked := maps.Clone(shown)
	for _, f := range c.fields {
		if f.form != reference && f.form != references {
			continue
		}
		value, ok := single(linked, f.name)
		if !ok {
			continue
		}
		one := func(value any) any {
			inner, ok := asObject(value)
			if id, has := inner["uuid"].(string); ok && has {
				inner = maps.Clone(inner)
				inner["_links"] = self("/api/" + f.to + "/" + id)
				return inner
			}
			return value
		}
		if list, ok := value.([]any); ok {
			all := []any{}
			for _, item := range list {
				all = append(all, one(item))
			}
			record(linked).set(f.name, all)
		} else {
			record(linked).set(f.name, one(value))
		}
	}
	path := "/api/" + c.path
	if id, ok := linked["uuid"].(string); ok && !c.single {
		path += "/" + id
	}
	linked["_links"] = self(path)
	return linked
}

func self(href string) map[string]any {
	return map[string]any{"self": map[string]any{"href": href}}
}
