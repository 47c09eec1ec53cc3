package nautobot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// subroute is an endpoint below a record, beside its notes.
type subroute struct {
	methods string // for the list of routes
	serve   func(s *Server, w http.ResponseWriter, r *http.Request, who actor, m *model, key string)
}

// subroutes are found by the path of their model and their last segment.
var subroutes map[string]subroute

func init() {
	const both = "GET, POST"
	subroutes = map[string]subroute{
		"ipam/prefixes/available-ips":      {both, allocation{"ipam/ip-addresses", listIPs, takeIPs}.serve},
		"ipam/prefixes/available-prefixes": {both, allocation{"ipam/prefixes", listPrefixes, takePrefixes}.serve},
		"ipam/vlan-groups/available-vlans": {both, serveVLANs},
		"extras/graphql-queries/run":       {"POST", runSavedQuery},
		"dcim/racks/elevation":             {"GET", serveElevation},
	}
	for _, path := range []string{"circuits/circuit-terminations", "dcim/console-ports", "dcim/console-server-ports", "dcim/interfaces",
		"dcim/power-feeds", "dcim/power-outlets", "dcim/power-ports"} {
		subroutes[path+"/trace"] = subroute{"GET", serveTrace}
	}
}

// serveTrace is the way from a port to the other end of its cables: for each cable what is at its near end, the cable,
// and what is at its far end (PathEndpointMixin of dcim/api/views.py).
func serveTrace(s *Server, w http.ResponseWriter, r *http.Request, _ actor, m *model, key string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, r, readMethods)
		return
	}
	s.read(w, readMethods, func(b []byte) ([]byte, error) {
		origin, err := s.lookup(r, m, key)
		if err != nil {
			return b, err
		}
		v, near, nearModel, first := viewOf(r), origin, m, true
		b = append(b, '[')
		s.store.walk(origin.id, func(id string, cable *record, farModel *model, far *record) {
			if !first {
				b = append(b, ',')
			}
			if near.id != id { // the other side of the patch panel at which the last cable ended
				nearModel = s.schema.byPath["dcim/rear-ports"]
				if near = s.store.find(nearModel.path, id); near == nil {
					nearModel = s.schema.byPath["dcim/front-ports"]
					near = s.store.find(nearModel.path, id)
				}
			}
			b = s.store.appendRecord(append(b, '['), &v, nearModel, near)
			b = appendJSON(append(b, ','), s.tracedCable(cable))
			b = s.store.appendRecord(append(b, ','), &v, farModel, far)
			b, first = append(b, ']'), false
		})
		return append(b, ']'), nil
	})
}

// tracedCable is a cable as TracedCableSerializer has it: the columns of its table, without a URL.
func (s *Server) tracedCable(cable *record) map[string]any {
	m := s.schema.byPath["dcim/cables"]
	shown := m.values(cable)
	shown["_custom_field_data"] = shown["custom_fields"]
	delete(shown, "custom_fields")
	delete(shown, "tags")
	for _, side := range []string{"a", "b"} {
		kind := m.text(cable, "termination_"+side+"_type")
		shown["termination_"+side+"_type"] = s.contentTypeID(kind)
		var device any
		if other := s.schema.byKind[kind]; other != nil && other.field("device") != nil {
			if end := s.store.find(other.path, m.text(cable, "termination_"+side+"_id")); end != nil {
				device = other.get(end, "device")
			}
		}
		shown["_termination_"+side+"_device"] = device
	}
	return shown
}

// contentTypeID is the number that a kind of record has among the content types.
func (s *Server) contentTypeID(kind string) int {
	return 1 + slices.IndexFunc(s.schema.models, func(m *model) bool { return m.kind == kind })
}

// runSavedQuery runs a GraphQL query that is kept as a record, with the variables of the request
// (GraphQLQueryViewSet.run of extras/api/views.py).
func runSavedQuery(s *Server, w http.ResponseWriter, r *http.Request, _ actor, m *model, key string) {
	if r.Method != http.MethodPost {
		methodNotAllowed(w, r, "POST, OPTIONS")
		return
	}
	data, err := readBody(r)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	given, err := dictionary(data)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	s.mu.RLock()
	saved, err := s.lookup(r, m, key)
	s.mu.RUnlock()
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	query := &graphQLRequest{Query: m.text(saved, "query")}
	if variables, err := json.Marshal(given["variables"]); err != nil || json.Unmarshal(variables, &query.Variables) != nil {
		answer(w, 0, nil, &refusal{status: http.StatusBadRequest, body: map[string]any{"errors": []any{map[string]any{"message": "Variables are invalid JSON."}}}})
		return
	}
	status, body, err := s.runQuery(r.Context(), query)
	answer(w, status, body, err)
}

// runQuery answers a GraphQL query.
func (s *Server) runQuery(ctx context.Context, request *graphQLRequest) (status int, body map[string]any, err error) {
	schema, err := s.graphql()
	if err != nil {
		return 0, nil, fmt.Errorf("make GraphQL schema: %w", err)
	}
	result := s.doQuery(ctx, schema, request)
	status, body = http.StatusOK, map[string]any{}
	if len(result.Errors) > 0 {
		body["errors"] = result.Errors
		for _, one := range result.Errors {
			if len(one.Path) == 0 {
				status = http.StatusBadRequest
			}
		}
	}
	if status == http.StatusOK {
		body["data"] = result.Data
	}
	return status, body, nil
}
