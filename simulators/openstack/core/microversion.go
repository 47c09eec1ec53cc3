package core

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Microversions negotiates a version as Nova and Cinder do (microversion-parse): 2.1 to 2.96, say, by the header
// OpenStack-API-Version or an older one.
type Microversions struct {
	Service  string // of the header's value, such as compute
	Header   string // the older header, "" for none
	Major    int
	Min, Max int // minor versions
	Default  int // without a header
	Skip     func(*Request) bool
}

// Negotiate is Service.Before.
func (m Microversions) Negotiate(r *Request, header http.Header) error {
	header.Set("Vary", "OpenStack-API-Version")
	if m.Skip != nil && m.Skip(r) {
		return nil
	}
	asked := ""
	for _, value := range r.Request.Header.Values("OpenStack-API-Version") {
		for one := range strings.SplitSeq(value, ",") {
			if found, ok := strings.CutPrefix(strings.TrimSpace(one), m.Service+" "); ok {
				asked = strings.TrimSpace(found)
			}
		}
	}
	if asked == "" && m.Header != "" {
		asked = r.Request.Header.Get(m.Header)
	}
	r.Minor = m.Default
	switch asked {
	case "":
	case "latest":
		r.Minor = m.Max
	default:
		majorText, minorText, ok := strings.Cut(asked, ".")
		major, majorErr := strconv.Atoi(majorText)
		minor, minorErr := strconv.Atoi(minorText)
		if !ok || majorErr != nil || minorErr != nil {
			return Errorf(http.StatusBadRequest, "API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", asked)
		}
		if major != m.Major || minor < m.Min || minor > m.Max {
			return Errorf(http.StatusNotAcceptable, "Version %s is not supported by the API. Minimum is %d.%d and maximum is %d.%d.", asked, m.Major, m.Min, m.Major, m.Max)
		}
		r.Minor = minor
	}
	version := fmt.Sprintf("%d.%d", m.Major, r.Minor)
	header.Set("OpenStack-API-Version", m.Service+" "+version)
	if m.Header != "" {
		header.Set(m.Header, version)
	}
	return nil
}

// Invalid is a violation in the words that Nova and Cinder share (api/validation/validators.py of either).
func Invalid(wrong *Violation) error {
	name := wrong.Field
	if name == "" {
		return Errorf(http.StatusBadRequest, "%s", wrong.Message)
	}
	return Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. %s", name, Str(wrong.Value), wrong.Message)
}

// Inner reads {"WRAPPER": {...}} for Nova and Cinder.
func (r *Request) Inner(wrapper string) (Resource, error) {
	value, ok := r.JSON()
	if !ok {
		return nil, Errorf(http.StatusBadRequest, "Malformed request body")
	}
	body, ok := value.(map[string]any)
	if !ok {
		return nil, Errorf(http.StatusBadRequest, "Malformed request body")
	}
	inner, has := body[wrapper]
	if !has {
		return nil, Errorf(http.StatusBadRequest, "'%s' is a required property", wrapper)
	}
	object, ok := inner.(map[string]any)
	if !ok {
		return nil, Errorf(http.StatusBadRequest, "Invalid input for field/attribute %s. Value: %s. %s is not of type 'object'", wrapper, Str(inner), Repr(inner))
	}
	return object, nil
}

// Faults is RenderError for Nova and Cinder: the fault's name is the key.
func Faults(_ *Request, e *Error) any {
	kind := map[int]string{
		http.StatusBadRequest: "badRequest", http.StatusForbidden: "forbidden", http.StatusNotFound: "itemNotFound", http.StatusConflict: "conflictingRequest",
		http.StatusMethodNotAllowed: "badMethod", http.StatusRequestEntityTooLarge: "overLimit", http.StatusNotImplemented: "notImplemented",
		http.StatusServiceUnavailable: "serviceUnavailable",
	}[e.Status]
	if kind == "" {
		kind = "computeFault"
	}
	return map[string]any{kind: map[string]any{"code": e.Status, "message": e.Message}}
}

// Limited reads limit and marker of Nova's and Cinder's lists and returns the page with the address of the next one, ""
// where there is none.
func (r *Request) Limited(found []Resource, key string) (page []Resource, next string, err error) {
	query := r.URL.Query()
	limit := 1000 // [api]max_limit
	if given := query.Get("limit"); given != "" {
		parsed, err := strconv.Atoi(given)
		if err != nil || parsed < 0 {
			return nil, "", Errorf(http.StatusBadRequest, "Invalid input for field/attribute limit. Value: %s. '%s' does not match '^[0-9]*$'", given, given)
		}
		limit = min(limit, parsed)
	}
	page, more, ok := Page(found, key, query.Get("marker"), limit)
	if !ok {
		return nil, "", Errorf(http.StatusBadRequest, "marker [%s] not found", query.Get("marker"))
	}
	if limit == 0 {
		return nil, "", nil
	}
	if more {
		query.Set("marker", page[len(page)-1].Text(key))
		next = r.Base() + r.URL.Path + "?" + query.Encode()
	}
	return page, next, nil
}
