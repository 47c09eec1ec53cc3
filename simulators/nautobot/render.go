package nautobot

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// view is how one request wants records shown.
type view struct {
	base  string // scheme://host of the request: Nautobot makes its URLs from it
	depth int
	// counted: a record that was just created is shown without its counts, because only lists and lookups annotate them.
	counted bool
}

func viewOf(r *http.Request) view {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	v := view{base: scheme + "://" + r.Host, counted: r.Method != http.MethodPost}
	if r.Method == http.MethodGet {
		if depth, err := strconv.Atoi(r.URL.Query().Get("depth")); err == nil {
			v.depth = min(max(depth, 0), 10)
		}
	}
	return v
}

func (v view) url(m *model, id string) string {
	return fmt.Sprintf("%s/api/%s/%s/", v.base, m.path, id)
}

// show renders a record as the serializer does.
func (s *Server) show(v view, m *model, r record) map[string]any {
	shown := map[string]any{
		"id": r.id(), "object_type": m.kind, "display": s.store.display(m, r), "url": v.url(m, r.id()),
		"natural_slug": s.naturalSlug(m, r), "created": r["created"], "last_updated": r["last_updated"],
		"custom_fields": r["custom_fields"],
	}
	if m.notes {
		shown["notes_url"] = v.url(m, r.id()) + "notes/"
	}
	for name, value := range m.extra {
		shown[name] = value
	}
	for i := range m.fields {
		f := &m.fields[i]
		shown[f.name] = s.showValue(v, f, r[f.name])
	}
	if v.counted {
		for name, counted := range m.counts {
			shown[name] = s.count(counted, r.id())
		}
	}
	return shown
}

func (s *Server) showValue(v view, f *field, value any) any {
	switch f.kind {
	case related:
		return s.showRelated(v, byPath[f.to], value)
	case relatedList:
		list, _ := value.([]any)
		shown := make([]any, 0, len(list))
		for _, id := range list {
			shown = append(shown, s.showRelated(v, byPath[f.to], id))
		}
		return shown
	case choiceOf:
		for _, c := range f.choices {
			if c.value == value {
				return map[string]any{"value": c.value, "label": c.label}
			}
		}
		return nil
	default:
		return value
	}
}

// showRelated is exactly {id, object_type, url} at depth 0: no name.
func (s *Server) showRelated(v view, m *model, id any) any {
	key, ok := id.(string)
	if !ok {
		return nil
	}
	if v.depth > 0 {
		if r, exists := s.store.tables[m.path][key]; exists {
			inner := v
			inner.depth--
			inner.counted = false
			return s.show(inner, m, r)
		}
	}
	return map[string]any{"id": key, "object_type": m.kind, "url": v.url(m, key)}
}

func (s *Server) count(counted, id string) int {
	if counted == "" {
		return 0
	}
	path, name, _ := strings.Cut(counted, ".")
	total := 0
	for _, r := range s.store.tables[path] {
		if refers(r[name], id) {
			total++
		}
	}
	return total
}

// naturalSlug is the natural key for people, with the beginning of the id to keep it apart from others.
func (s *Server) naturalSlug(m *model, r record) string {
	var parts []string
	for _, name := range m.natural {
		value := r[name]
		if f := m.field(name); f.kind == related {
			id, _ := value.(string)
			value = s.store.tables[f.to][id][byPath[f.to].natural[0]]
		}
		if value != nil {
			parts = append(parts, slug(fmt.Sprint(value)))
		}
	}
	id := r.id()
	return strings.Join(append(parts, id[:min(4, len(id))]), "_")
}

func slug(words string) string {
	var b strings.Builder
	dash := false
	for _, c := range strings.ToLower(words) {
		if (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(c)
			dash = false
		} else {
			dash = true
		}
	}
	return b.String()
}

// Nautobot's PAGINATE_COUNT and MAX_PAGE_SIZE.
const (
	pageSize    = 50
	maxPageSize = 1000
)

// page cuts a list and makes the envelope with the links to its neighbours.
func (s *Server) page(v view, r *http.Request, m *model, records []record) map[string]any {
	query := r.URL.Query()
	limit := pageSize
	if given, err := strconv.Atoi(query.Get("limit")); err == nil && given >= 0 {
		limit = given
		if limit == 0 || limit > maxPageSize {
			limit = maxPageSize
		}
	}
	offset, err := strconv.Atoi(query.Get("offset"))
	if err != nil || offset < 0 {
		offset = 0
	}
	total := len(records)
	shown := []any{}
	for i := offset; i < total && i < offset+limit; i++ {
		shown = append(shown, s.show(v, m, records[i]))
	}
	envelope := map[string]any{"count": total, "next": nil, "previous": nil, "results": shown}
	if offset < total-limit {
		envelope["next"] = link(v, r, limit, offset+limit)
	}
	if offset > 0 {
		envelope["previous"] = link(v, r, limit, offset-limit)
	}
	return envelope
}

func link(v view, r *http.Request, limit, offset int) string {
	query := url.Values{}
	for name, values := range r.URL.Query() {
		query[name] = values
	}
	query.Set("limit", strconv.Itoa(limit))
	query.Del("offset")
	if offset > 0 {
		query.Set("offset", strconv.Itoa(offset))
	}
	return v.base + r.URL.Path + "?" + query.Encode()
}
