package nautobot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/graphql-go/graphql"
	"github.com/graphql-go/graphql/gqlerrors"
	"github.com/graphql-go/graphql/language/ast"
)

// The GraphQL schema is made of the models when the first query comes: each has a list by its plural with the REST
// filters as arguments, and one record by its id; relations and what refers back are fields (nautobot/core/graphql).

// serveGraphQL is GraphQLDRFAPIView (core/api/views.py): an error without a path, such as a syntax error, is a 400.
func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		methodNotAllowed(w, r, "POST, OPTIONS")
		return
	}
	request, err := readQuery(r)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	status, body, err := s.runQuery(r.Context(), request)
	answer(w, status, body, err)
}

// doQuery runs a query under the read lock.
func (s *Server) doQuery(ctx context.Context, schema graphql.Schema, request *graphQLRequest) *graphql.Result {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return graphql.Do(graphql.Params{
		Schema: schema, RequestString: request.Query, VariableValues: request.Variables, OperationName: request.OperationName,
		// A client that goes away must not leave a query running on a store that is not locked any more.
		Context: context.WithoutCancel(ctx),
	})
}

type graphQLRequest struct {
	Query         string
	Variables     map[string]any
	OperationName string
}

func readQuery(r *http.Request) (*graphQLRequest, error) {
	refuse := func(message string) error {
		return &refusal{status: http.StatusBadRequest, body: map[string]any{"errors": []any{map[string]any{"message": message}}}}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	given := strings.TrimSuffix(strings.TrimSpace(r.Header.Get("Content-Type")), ";")
	kind, _, _ := mime.ParseMediaType(given)
	request := &graphQLRequest{}
	switch kind {
	case "application/graphql":
		request.Query = string(body)
	case "application/json":
		if _, err := decode(body); err != nil {
			return nil, err // in DRF's words
		}
		var sent struct {
			Query         any             `json:"query"`
			Variables     json.RawMessage `json:"variables"`
			OperationName any             `json:"operationName"`
		}
		if json.Unmarshal(body, &sent) != nil {
			return nil, refuse("The received data is not a valid JSON query.")
		}
		request.Query, _ = sent.Query.(string)
		request.OperationName, _ = sent.OperationName.(string)
		variables := sent.Variables
		var words string
		if json.Unmarshal(variables, &words) == nil && words != "" {
			variables = json.RawMessage(words) // graphene takes variables as text, too
		}
		if len(variables) > 0 && json.Unmarshal(variables, &request.Variables) != nil {
			return nil, refuse("Variables are invalid JSON.")
		}
	}
	if strings.TrimSpace(request.Query) == "" {
		return nil, refuse("Must provide query string.")
	}
	return request, nil
}

// node is a record in a query.
type node struct {
	model  *model
	record *record
}

// graphQLTypes makes the types of a schema.
type graphQLTypes struct {
	server    *Server
	objects   map[*model]*graphql.Object
	arguments map[*model]graphql.FieldConfigArgument
}

// graphql makes the schema once.
func (s *Server) graphql() (graphql.Schema, error) {
	s.graphqlOnce.Do(func() {
		t := &graphQLTypes{server: s, objects: map[*model]*graphql.Object{}, arguments: map[*model]graphql.FieldConfigArgument{}}
		names := map[string]bool{}
		for _, m := range s.schema.models {
			name := m.class + "Type"
			if names[name] {
				name = capital(strings.ReplaceAll(m.plural, "-", "_")) + "Of" + name // of a plugin with a class that is there already
			}
			names[name] = true
			t.objects[m] = graphql.NewObject(graphql.ObjectConfig{
				Name:   name,
				Fields: graphql.FieldsThunk(func() graphql.Fields { return t.fields(m) }),
			})
		}
		query := graphql.Fields{}
		for _, m := range s.schema.models {
			query[m.plural] = t.list(m, func(graphql.ResolveParams) ([]*record, bool) { return nil, false })
			if one := strings.ReplaceAll(strings.ToLower(m.verbose), " ", "_"); one != m.plural {
				query[one] = t.single(m)
			}
		}
		s.graphqlSchema, s.graphqlErr = graphql.NewSchema(graphql.SchemaConfig{Query: graphql.NewObject(graphql.ObjectConfig{Name: "Query", Fields: query})})
	})
	return s.graphqlSchema, s.graphqlErr
}

// graphqlState is the schema, made when the first query comes.
type graphqlState struct {
	graphqlOnce   sync.Once
	graphqlSchema graphql.Schema
	graphqlErr    error
}

func (t *graphQLTypes) single(m *model) *graphql.Field {
	return &graphql.Field{
		Type: t.objects[m],
		Args: graphql.FieldConfigArgument{"id": {Type: graphql.NewNonNull(graphql.ID)}},
		Resolve: func(p graphql.ResolveParams) (any, error) {
			if r := t.server.store.find(m.path, fmt.Sprint(p.Args["id"])); r != nil {
				return node{m, r}, nil
			}
			return nil, gqlerrors.NewFormattedError(m.class + " matching query does not exist.")
		},
	}
}

// list is a list of records: those that within returns, or all, that pass the filters.
func (t *graphQLTypes) list(m *model, within func(graphql.ResolveParams) ([]*record, bool)) *graphql.Field {
	return &graphql.Field{
		Type: graphql.NewList(t.objects[m]),
		Args: t.filters(m),
		Resolve: func(p graphql.ResolveParams) (any, error) {
			query, limit, offset := url.Values{}, -1, 0
			for name, value := range p.Args {
				switch name {
				case "limit":
					limit, _ = value.(int)
				case "offset":
					offset, _ = value.(int)
				default:
					query[strings.TrimPrefix(name, "_")] = texts(value)
				}
			}
			nodes := []any{}
			keep := func(i int, r *record) bool {
				if i >= offset && (limit < 0 || i < offset+limit) {
					nodes = append(nodes, node{m, r})
				}
				return limit < 0 || i < offset+limit
			}
			records, bounded := within(p)
			if !bounded {
				chosen, err := t.server.store.selected(m, query)
				if err != nil {
					return nil, graphQLError(err)
				}
				for i := offset; i < chosen.count && keep(i, chosen.at(i)); i++ {
				}
				return nodes, nil
			}
			conditions, err := t.server.store.filters(m, query)
			if err != nil {
				return nil, graphQLError(err)
			}
			i := 0
			for _, r := range records {
				fits := true
				for _, c := range conditions {
					fits = fits && c.test(r)
				}
				if fits {
					keep(i, r)
					i++
				}
			}
			return nodes, nil
		},
	}
}

// graphQLError says what a refused filter says, without a status.
func graphQLError(err error) error {
	refused, ok := err.(*refusal)
	if !ok {
		return err
	}
	return gqlerrors.NewFormattedError(string(appendJSON(nil, refused.body)))
}

// texts turns an argument into the values of a query parameter.
func texts(value any) []string {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	words := make([]string, len(list))
	for i, item := range list {
		if truth, ok := item.(bool); ok {
			item = strconv.FormatBool(truth)
		}
		words[i] = fmt.Sprint(item)
	}
	return words
}

// argumentLookups are the lookups that filters of a kind take.
func argumentLookups(k kind) []string {
	switch k {
	case integer, decimal, float, date, datetime:
		return []string{"", "__n", "__lt", "__lte", "__gt", "__gte"}
	case boolean:
		return []string{""}
	case related, relatedList, through:
		return []string{"", "__n"}
	}
	return []string{"", "__n", "__ic", "__nic", "__ie", "__nie", "__isw", "__nisw", "__iew", "__niew", "__re", "__nre", "__ire", "__nire"}
}

// filters are a model's REST filters as arguments.
func (t *graphQLTypes) filters(m *model) graphql.FieldConfigArgument {
	if made := t.arguments[m]; made != nil {
		return made
	}
	arguments := graphql.FieldConfigArgument{
		"limit": {Type: graphql.Int}, "offset": {Type: graphql.Int}, "q": {Type: graphql.String}, "id": {Type: graphql.NewList(graphql.ID)},
	}
	words, truth := &graphql.ArgumentConfig{Type: graphql.NewList(graphql.String)}, &graphql.ArgumentConfig{Type: graphql.Boolean}
	numbers := &graphql.ArgumentConfig{Type: graphql.NewList(bigInt)}
	for _, f := range m.fields {
		if !m.filterable(f.name) || f.hidden {
			continue
		}
		of := words
		switch f.kind {
		case boolean:
			of = truth
		case integer:
			of = numbers
		}
		for _, lookup := range argumentLookups(f.kind) {
			arguments[f.name+lookup] = of
		}
		if f.null {
			arguments[f.name+"__isnull"] = truth
		}
		if f.name == "type" {
			arguments["_type"] = of // its name before Nautobot 3
		}
		if f.kind == related || f.toMany() {
			arguments["has_"+f.name] = truth
		}
	}
	for name := range m.filters {
		arguments[name] = words
	}
	for name := range m.byBack {
		if arguments[name] == nil && name != "+" {
			arguments[name], arguments["has_"+name] = words, truth
		}
	}
	t.arguments[m] = arguments
	return arguments
}

// fields are what a query may ask of a record.
func (t *graphQLTypes) fields(m *model) graphql.Fields {
	fields := graphql.Fields{
		"id":      {Type: graphql.NewNonNull(graphql.ID), Resolve: func(p graphql.ResolveParams) (any, error) { return p.Source.(node).record.id, nil }},
		"display": {Type: graphql.String, Resolve: t.resolve(func(n node) any { return t.server.store.display(n.model, n.record) })},
	}
	if m.stamped {
		fields["created"] = &graphql.Field{Type: graphql.String, Resolve: t.resolve(func(n node) any { return n.record.created })}
		fields["last_updated"] = &graphql.Field{Type: graphql.String, Resolve: t.resolve(func(n node) any { return n.record.updated })}
	}
	if m.custom {
		fields["_custom_field_data"] = &graphql.Field{Type: genericScalar, Resolve: t.resolve(func(n node) any { return t.server.store.customShown(n.model, n.record) })}
	}
	for _, f := range m.fields {
		if made := t.field(m, f); made != nil && !f.hidden {
			fields[f.name] = made
		}
	}
	for name, back := range m.byBack {
		if fields[name] == nil && name != "+" {
			fields[name] = t.list(back.model, func(p graphql.ResolveParams) ([]*record, bool) {
				_, found := t.server.store.step(m, p.Source.(node).record, name)
				return found, true
			})
		}
	}
	if m.field("connected_endpoint") != nil {
		interfaces := t.server.schema.byPath["dcim/interfaces"]
		fields["connected_interface"] = &graphql.Field{Type: t.objects[interfaces], Resolve: t.resolve(func(n node) any {
			if other, end, _, _ := t.server.store.endpointOf(n.record.id); end != nil && other == interfaces {
				return node{other, end}
			}
			return nil
		})}
		fields["cable_peer_interface"] = &graphql.Field{Type: t.objects[interfaces], Resolve: t.resolve(func(n node) any {
			if other, end := t.server.store.peerOf(n.record.id); end != nil && other == interfaces {
				return node{other, end}
			}
			return nil
		})}
	}
	return fields
}

func (t *graphQLTypes) resolve(value func(n node) any) graphql.FieldResolveFn {
	return func(p graphql.ResolveParams) (any, error) { return value(p.Source.(node)), nil }
}

func (t *graphQLTypes) field(m *model, f *field) *graphql.Field {
	s := t.server
	stored := func(n node) any { return n.record.values[f.at] }
	switch f.kind {
	case related:
		other := s.schema.byPath[f.to]
		return &graphql.Field{Type: t.objects[other], Resolve: t.resolve(func(n node) any {
			if _, r := s.store.follow(n.model, n.record, f.name); r != nil {
				return node{other, r}
			}
			return nil
		})}
	case relatedList, through:
		other := s.schema.byPath[f.to]
		if f.kind == through {
			other = s.schema.byPath[s.schema.byPath[f.to].field(f.far).to]
		}
		return t.list(other, func(p graphql.ResolveParams) ([]*record, bool) {
			_, found := s.store.step(m, p.Source.(node).record, f.name)
			return found, true
		})
	case choiceOf:
		return &graphql.Field{Type: graphql.String, Resolve: t.resolve(func(n node) any { return enumName(stored(n)) })}
	case integer:
		kind := graphql.Output(graphql.Int)
		if f.high > math.MaxInt32 {
			kind = bigInt
		}
		return &graphql.Field{Type: kind, Resolve: t.resolve(stored)}
	case float:
		return &graphql.Field{Type: graphql.Float, Resolve: t.resolve(stored)}
	case boolean:
		return &graphql.Field{Type: graphql.Boolean, Resolve: t.resolve(stored)}
	case object, choiceList:
		return &graphql.Field{Type: genericScalar, Resolve: t.resolve(stored)}
	case contentTypes:
		return &graphql.Field{Type: graphql.NewList(graphql.String), Resolve: t.resolve(stored)}
	case counted:
		return nil
	case computed:
		if f.far == "cable" {
			cables := s.schema.byPath["dcim/cables"]
			return &graphql.Field{Type: t.objects[cables], Resolve: t.resolve(func(n node) any {
				if r := s.store.cableOf(n.record.id); r != nil {
					return node{cables, r}
				}
				return nil
			})}
		}
		return &graphql.Field{Type: genericScalar, Resolve: t.resolve(func(n node) any { return s.store.derived(n.model, n.record, f) })}
	}
	return &graphql.Field{Type: graphql.String, Resolve: t.resolve(stored)}
}

// enumName is how graphene names the value of a choice field: 25gbase-x-sfp28 is A_25GBASE_X_SFP28.
func enumName(value any) any {
	words, _ := value.(string)
	if words == "" {
		return nil
	}
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToUpper(words))
	if name[0] >= '0' && name[0] <= '9' {
		return "A_" + name
	}
	return name
}

// bigInt is graphene's integer of more than 32 bits.
var bigInt = scalar("BigInt", func(words string) any {
	number, err := strconv.ParseInt(words, 10, 64)
	if err != nil {
		return nil
	}
	return number
})

// genericScalar is any JSON.
var genericScalar = scalar("GenericScalar", func(words string) any { return words })

func scalar(name string, parse func(words string) any) *graphql.Scalar {
	return graphql.NewScalar(graphql.ScalarConfig{
		Name:      name,
		Serialize: func(value any) any { return value },
		ParseValue: func(value any) any {
			if number, ok := value.(float64); ok && number == math.Trunc(number) && math.Abs(number) < 1<<53 {
				value = int64(number)
			}
			return parse(fmt.Sprint(value))
		},
		ParseLiteral: func(value ast.Value) any {
			switch value := value.(type) {
			case *ast.StringValue:
				return parse(value.Value)
			case *ast.IntValue:
				return parse(value.Value)
			}
			return nil
		},
	})
}
