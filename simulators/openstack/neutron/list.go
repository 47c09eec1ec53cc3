package neutron

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// controls are the query parameters that are no filters.
var controls = []string{"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"}

// list answers a collection with filters, sorting and pages (neutron/api/api_common.py).
func (n *Neutron) list(r *core.Request, k kind) (*core.Answer, error) {
	query := r.URL.Query()
	var wrong []string
	for name := range query {
		if _, known := k.fields.Find(name); !known && !slices.Contains(controls, name) && !slices.Contains(tagFilters, name) {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return nil, invalid("Invalid input for operation: %s is invalid attribute for filtering.", core.Repr(texts(wrong)))
	}
	found := n.tables[k.plural].All(func(one core.Resource) bool { return passes(one, query) })
	for i := len(query["sort_key"]) - 1; i >= 0; i-- {
		key, direction := query["sort_key"][i], "asc"
		if i < len(query["sort_dir"]) {
			direction = query["sort_dir"][i]
		}
		if _, known := k.fields.Find(key); !known {
			return nil, badRequest("%s is invalid attribute for sort_key", core.Repr(texts([]string{key})))
		}
		if direction != "asc" && direction != "desc" {
			return nil, badRequest("['%s'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'", direction)
		}
		core.Sort(found, key, direction == "desc")
	}
	limit := 0
	if given := query.Get("limit"); given != "" {
		parsed, err := strconv.Atoi(given)
		if err != nil || parsed < 0 {
			return nil, badRequest("Limit must be an integer 0 or greater and not '%s'", given)
		}
		limit = parsed
	}
	reverse, _ := core.Boolean(query.Get("page_reverse"))
	if reverse {
		slices.Reverse(found)
	}
	page, more, ok := core.Page(found, "id", query.Get("marker"), limit)
	if !ok {
		return nil, k.notFound(query.Get("marker"))
	}
	if reverse {
		slices.Reverse(page)
	}
	shown := []any{}
	for _, one := range page {
		shown = append(shown, chosen(n.view(k, one), query["fields"]))
	}
	body := map[string]any{k.plural: shown}
	if limit > 0 {
		links := []any{}
		link := func(rel string, marker core.Resource, reversed bool) {
			to := url.Values{}
			for name, values := range query {
				to[name] = values
			}
			to.Set("marker", marker.Text("id"))
			to.Del("page_reverse")
			if reversed {
				to.Set("page_reverse", "True")
			}
			links = append(links, map[string]any{"rel": rel, "href": r.Base() + r.URL.Path + "?" + to.Encode()})
		}
		if len(page) > 0 && (more || reverse) {
			link("next", page[len(page)-1], false)
		}
		if len(page) > 0 && (query.Get("marker") != "" && (!reverse || more)) {
			link("previous", page[0], true)
		}
		if len(links) > 0 {
			body[k.plural+"_links"] = links
		}
	}
	return core.OK(body)
}

// passes applies the filters; several values of one name are alternatives.
func passes(one core.Resource, query url.Values) bool {
	for name, wanted := range query {
		if slices.Contains(controls, name) {
			continue
		}
		if slices.Contains(tagFilters, name) {
			if !tagged(one, name, strings.Split(wanted[0], ",")) {
				return false
			}
			continue
		}
		if !slices.ContainsFunc(wanted, func(value string) bool { return matches(one[name], value) }) {
			return false
		}
	}
	return true
}

func matches(have any, wanted string) bool {
	switch v := have.(type) {
	case nil:
		return wanted == "" || wanted == "None"
	case bool:
		truth, ok := core.Boolean(wanted)
		return ok && truth == v
	case []any: // fixed_ips=ip_address=10.0.0.1, security_groups=ID
		key, value, isPair := strings.Cut(wanted, "=")
		return slices.ContainsFunc(v, func(item any) bool {
			if object, ok := item.(map[string]any); ok && isPair {
				have := core.Str(object[key])
				if prefix, ok := strings.CutSuffix(key, "_substr"); ok {
					return strings.Contains(core.Str(object[prefix]), value)
				}
				return have == value
			}
			return core.Str(item) == wanted
		})
	default:
		return core.Str(have) == wanted
	}
}

var tagFilters = []string{"tags", "tags-any", "not-tags", "not-tags-any"}

func tagged(one core.Resource, filter string, tags []string) bool {
	has := func(tag string) bool { return slices.Contains(one.List("tags"), any(tag)) }
	switch filter {
	case "tags":
		return !slices.ContainsFunc(tags, func(t string) bool { return !has(t) })
	case "tags-any":
		return slices.ContainsFunc(tags, has)
	case "not-tags":
		return slices.ContainsFunc(tags, func(t string) bool { return !has(t) })
	default:
		return !slices.ContainsFunc(tags, has)
	}
}
