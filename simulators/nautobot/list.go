package nautobot

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Nautobot's PAGINATE_COUNT and MAX_PAGE_SIZE.
const (
	pageSize    = 50
	maxPageSize = 1000
)

// selection is the records of a list: their number, and any of them by its place.
type selection struct {
	count int
	at    func(i int) *record
}

func chosen(records []*record) selection {
	return selection{count: len(records), at: func(i int) *record { return records[i] }}
}

// selected applies filters and ?sort=.
func (s *store) selected(m *model, query url.Values) (selection, error) {
	conditions, err := s.filters(m, query)
	if err != nil {
		return selection{}, err
	}
	sorting := s.sorting(m, query.Get("sort"))
	table := s.tables[m.path]
	// The filter that leaves the fewest records is the one to go along.
	var narrowest *condition
	for _, c := range conditions {
		if size := c.size(); size >= 0 && (narrowest == nil || size < narrowest.size()) {
			narrowest = c
		}
	}
	rest := slices.DeleteFunc(slices.Clone(conditions), func(c *condition) bool { return c == narrowest && c.exact })
	if len(rest) == 0 && sorting == nil {
		switch {
		case narrowest == nil:
			return selection{count: table.ordered.Len(), at: func(i int) *record {
				r, _ := table.ordered.GetAt(i)
				return r
			}}, nil
		case !narrowest.byID && len(narrowest.narrow) == 1:
			g := narrowest.narrow[0]
			return selection{count: g.len(), at: g.at}, nil
		}
	}
	var records []*record
	keep := func(r *record) bool {
		if !slices.ContainsFunc(rest, func(c *condition) bool { return !c.test(r) }) {
			records = append(records, r)
		}
		return true
	}
	switch {
	case narrowest == nil:
		table.ordered.Scan(keep)
	case narrowest.byID:
		for _, id := range narrowest.ids {
			if r := table.byID[id]; r != nil {
				keep(r)
			}
		}
	default:
		for _, g := range narrowest.narrow {
			g.all(keep)
		}
	}
	if narrowest != nil {
		slices.SortFunc(records, byOrder)
		records = slices.Compact(records)
	}
	if sorting != nil {
		slices.SortStableFunc(records, sorting)
	}
	return chosen(records), nil
}

// sorting is ?sort=name,-created; names that are no fields are passed over, as DRF's OrderingFilter does.
func (s *store) sorting(m *model, words string) func(a, b *record) int {
	var keys []func(a, b *record) int
	for name := range strings.SplitSeq(words, ",") {
		name = strings.TrimSpace(name)
		sign := 1
		if strings.HasPrefix(name, "-") {
			sign, name = -1, name[1:]
		}
		f := m.field(name)
		switch {
		case name == "id":
			keys = append(keys, func(a, b *record) int { return sign * cmp.Compare(a.id, b.id) })
		case name == "created" && m.stamped:
			keys = append(keys, func(a, b *record) int { return sign * cmp.Compare(a.created, b.created) })
		case name == "last_updated" && m.stamped:
			keys = append(keys, func(a, b *record) int { return sign * cmp.Compare(a.updated, b.updated) })
		case f != nil && f.at >= 0 && !f.toMany():
			keys = append(keys, func(a, b *record) int {
				return sign * cmp.Compare(s.orderPart(m, a, f.name, false), s.orderPart(m, b, f.name, false))
			})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return func(a, b *record) int {
		for _, key := range keys {
			if order := key(a, b); order != 0 {
				return order
			}
		}
		return 0
	}
}

// appendPage renders a page of records.
func (s *store) appendPage(b []byte, v *view, r *http.Request, query url.Values, m *model, records selection) []byte {
	return appendEnvelope(b, v, r, query, records.count, func(b []byte, i int) []byte { return s.appendRecord(b, v, m, records.at(i)) })
}

// appendEnvelope cuts a list and makes the envelope with the links to its neighbours.
func appendEnvelope(b []byte, v *view, r *http.Request, query url.Values, count int, appendItem func(b []byte, i int) []byte) []byte {
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
	b = strconv.AppendInt(append(b, `{"count":`...), int64(count), 10)
	b = append(b, `,"next":`...)
	if offset < count-limit {
		b = appendString(b, link(v, r, query, limit, offset+limit))
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"previous":`...)
	if offset > 0 {
		b = appendString(b, link(v, r, query, limit, offset-limit))
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"results":[`...)
	for i := offset; i < count && i-offset < limit; i++ {
		if i > offset {
			b = append(b, ',')
		}
		b = appendItem(b, i)
	}
	return append(b, "]}"...)
}

func link(v *view, r *http.Request, query url.Values, limit, offset int) string {
	changed := url.Values{}
	for name, values := range query {
		changed[name] = values
	}
	changed.Set("limit", strconv.Itoa(limit))
	changed.Del("offset")
	if offset > 0 {
		changed.Set("offset", strconv.Itoa(offset))
	}
	return v.base + r.URL.Path + "?" + changed.Encode()
}
