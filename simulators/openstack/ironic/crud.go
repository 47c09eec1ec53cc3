package ironic

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// stamp is how Ironic's API writes a time.
func (i *Ironic) stamp() string {
	return i.cloud.Now().Truncate(time.Second).Format("2006-01-02T15:04:05+00:00")
}

var logicalName = regexp.MustCompile(`^[A-Za-z0-9\-._~]+$`)

func isUUID(text string) bool {
	_, err := uuid.Parse(text)
	return err == nil && (len(text) == 36 || len(text) == 32)
}

// find looks a resource up by the identifier of the path: a UUID or, where the kind has names, a name.
func (k kind) find(ident string) (core.Resource, error) {
	if isUUID(ident) {
		if found := k.table.Get(strings.ToLower(ident)); found != nil {
			return found, nil
		}
		return nil, k.notFound(ident)
	}
	if !logicalName.MatchString(ident) {
		return nil, badRequest("Expected UUID or name for %s_ident: %s", k.singular, ident)
	}
	if k.named {
		if found := k.table.Find(core.Where("name", ident)); found != nil {
			return found, nil
		}
		return nil, k.notFound(ident)
	}
	return nil, badRequest("Expected UUID for %s_ident: %s", k.singular, ident)
}

// schemaError is a violation in the words of ironic/common/args.py.
func schemaError(name string, wrong *core.Violation) error {
	where := "schema"
	if wrong.Field != "" {
		where = fmt.Sprintf("schema['properties'][%s]", core.Repr(wrong.Field))
	}
	return badRequest("Schema error for %s: %s  Failed validating %s in %s", name, wrong.Message, core.Repr(wrong.Keyword), where)
}

// settle turns what a client wrote into what Ironic keeps: booleans from texts, empty objects for null, and what is
// special about the kind.
func (k kind) settle(made core.Resource) error {
	for _, field := range k.fields {
		value := made[field.Name]
		switch {
		case field.Types == flag:
			if written, ok := value.(string); ok {
				parsed, ok := core.Boolean(written)
				if !ok {
					return badRequest("Invalid %s: Unrecognized value %s, acceptable values are: '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'", field.Name, core.Repr(written))
				}
				made[field.Name] = parsed
			}
			if value == nil && field.Default != nil {
				made[field.Name] = field.Default
			}
		case strings.HasPrefix(field.Types, "object"):
			if value == nil {
				made[field.Name] = map[string]any{}
			}
		case field.Name == "uuid" || strings.HasSuffix(field.Name, "_uuid"):
			if written, ok := value.(string); ok {
				if !isUUID(written) {
					return badRequest("Expected UUID for %s: %s", field.Name, written)
				}
				made[field.Name] = strings.ToLower(written)
			}
		}
	}
	if k.normalise != nil {
		return k.normalise(made)
	}
	return nil
}

// load makes a world's record: as the API would, but any field may be given, also those that Ironic alone writes.
func (i *Ironic) load(ctx context.Context, k kind, fields core.Resource) error {
	given := core.Resource{}
	for name, value := range fields {
		if field, known := k.fields.Find(name); known && field.Types != "" {
			given[name] = value
		}
	}
	if wrong := k.fields.Check(given, true); wrong != nil {
		return schemaError(k.singular, wrong)
	}
	made := k.fields.New()
	for name, value := range fields {
		made[name] = value
	}
	if err := k.settle(made); err != nil {
		return err
	}
	_, err := i.put(ctx, nil, k, made)
	return err
}

// put stores a new resource that has been settled, with its notifications.
func (i *Ironic) put(ctx context.Context, caller *core.Caller, k kind, made core.Resource) (core.Resource, error) {
	if made["uuid"] == nil {
		made["uuid"] = i.cloud.UUID()
	}
	i.notify(ctx, caller, k, "create", "start", made)
	err := func() error {
		if k.table.Get(made.Text("uuid")) != nil {
			return conflict("A %s with UUID %s already exists.", strings.ToLower(k.title), made.Text("uuid"))
		}
		if k.check != nil {
			return k.check(made, nil)
		}
		return nil
	}()
	if err != nil {
		i.notify(ctx, caller, k, "create", "error", made)
		return nil, err
	}
	if made["created_at"] == nil {
		made["created_at"] = i.stamp()
	}
	k.table.Put(ctx, made)
	if k.stored != nil {
		k.stored(ctx, made)
	}
	i.notify(ctx, caller, k, "create", "end", made)
	return made, nil
}

// change stores a changed resource, with its notifications; operation is the event's, such as update.
func (i *Ironic) change(ctx context.Context, caller *core.Caller, k kind, before, changed core.Resource, operation string) (core.Resource, error) {
	i.notify(ctx, caller, k, operation, "start", changed)
	if k.check != nil {
		if err := k.check(changed, before); err != nil {
			i.notify(ctx, caller, k, operation, "error", changed)
			return nil, err
		}
	}
	changed["updated_at"] = i.stamp()
	k.table.Put(ctx, changed)
	i.notify(ctx, caller, k, operation, "end", changed)
	return changed, nil
}

// routes are the calls that every kind has.
func (i *Ironic) routes(k kind) []core.Route {
	path := "/v1/" + k.under + k.plural
	guard := func(do func(*core.Request) (*core.Answer, error)) func(*core.Request) (*core.Answer, error) {
		return func(r *core.Request) (*core.Answer, error) {
			if err := needs(r, k.since); err != nil {
				return nil, err
			}
			return do(r)
		}
	}
	routes := []core.Route{
		{Method: "GET", Path: path, Do: guard(func(r *core.Request) (*core.Answer, error) { return i.list(r, k, k.table.All(), false) })},
		{Method: "POST", Path: path, Do: guard(func(r *core.Request) (*core.Answer, error) { return i.create(r, k) })},
		{Method: "GET", Path: path + "/{ident}", Do: guard(func(r *core.Request) (*core.Answer, error) {
			found, err := k.find(r.PathValue("ident"))
			if err != nil {
				return nil, err
			}
			fields, err := k.chosen(r, nil)
			if err != nil {
				return nil, err
			}
			return core.OK(k.view(r, found, fields))
		})},
		{Method: "PATCH", Path: path + "/{ident}", Do: guard(func(r *core.Request) (*core.Answer, error) { return i.update(r, k) })},
		{Method: "DELETE", Path: path + "/{ident}", Do: guard(func(r *core.Request) (*core.Answer, error) { return i.remove(r, k) })},
	}
	if k.event == "node" || k.event == "port" || k.event == "portgroup" || k.event == "chassis" {
		routes = append(routes, core.Route{Method: "GET", Path: path + "/detail", Do: guard(func(r *core.Request) (*core.Answer, error) {
			return i.list(r, k, k.table.All(), true)
		})})
	}
	return routes
}

func (i *Ironic) create(r *core.Request, k kind) (*core.Answer, error) {
	given, err := body(r)
	if err != nil {
		return nil, err
	}
	if wrong := k.fields.Check(given, true); wrong != nil {
		return nil, schemaError(k.singular, wrong)
	}
	for _, field := range k.fields {
		if value, has := given[field.Name]; has && value != nil && field.Since > r.Minor && !core.Same(value, field.Default) {
			return nil, notAcceptable()
		}
	}
	made := k.fields.New()
	for name, value := range given {
		made[name] = value
	}
	if k.event == "node" && r.Minor < sinceEnroll {
		made["provision_state"] = available
	}
	if err := k.settle(made); err != nil {
		return nil, err
	}
	made, err = i.put(r.Context(), r.Caller, k, made)
	if err != nil {
		return nil, err
	}
	return &core.Answer{Status: http.StatusCreated, Body: k.view(r, made, nil),
		Header: map[string]string{"Location": r.Base() + "/v1/" + k.under + k.plural + "/" + made.Text("uuid")}}, nil
}

// nodeAndBody finds the node of the path and reads a JSON object.
func (i *Ironic) nodeAndBody(r *core.Request) (node, given core.Resource, err error) {
	if node, err = i.kind("node").find(r.PathValue("ident")); err != nil {
		return nil, nil, err
	}
	given, err = body(r)
	return node, given, err
}

// body reads a JSON object.
func body(r *core.Request) (core.Resource, error) {
	value, ok := r.JSON()
	if !ok {
		return nil, badRequest("Request body is not valid JSON")
	}
	given, ok := value.(map[string]any)
	if !ok {
		return nil, badRequest("Expected types <class 'dict'> for body: %s", core.Str(value))
	}
	return given, nil
}

func (i *Ironic) update(r *core.Request, k kind) (*core.Answer, error) {
	value, ok := r.JSON()
	if !ok {
		return nil, badRequest("Request body is not valid JSON")
	}
	patch, err := parsePatch(value)
	if err != nil {
		return nil, err
	}
	if err := k.mayPatch(r, patch); err != nil {
		return nil, err
	}
	existing, err := k.find(r.PathValue("ident"))
	if err != nil {
		return nil, err
	}
	if k.event == "node" {
		if err := i.mayUpdateNode(r, existing, patch); err != nil {
			return nil, err
		}
	}
	changed, err := applyPatch(existing.Clone(), patch)
	if err != nil {
		return nil, err
	}
	given := core.Resource{}
	for name, value := range changed {
		if field, known := k.fields.Find(name); known && field.Types != "" {
			given[name] = value
		}
	}
	for _, field := range k.fields {
		if _, has := changed[field.Name]; !has {
			changed[field.Name] = field.Default // a field that was removed
		}
	}
	if wrong := k.fields.Check(given, true); wrong != nil {
		return nil, schemaError("patch", wrong)
	}
	if err := k.settle(changed); err != nil {
		return nil, err
	}
	changed, err = i.change(r.Context(), r.Caller, k, existing, changed, "update")
	if err != nil {
		return nil, err
	}
	return core.OK(k.view(r, changed, nil))
}

// mayPatch refuses fields that nobody may write, and those that the version does not have.
func (k kind) mayPatch(r *core.Request, patch []operation) error {
	allowed := k.fields.Names(func(f core.Field) bool { return f.Types != "" && !f.Fixed })
	slices.Sort(allowed)
	for _, op := range patch {
		name := op.path[0]
		if name == "traits" && k.event == "node" && op.op != "remove" {
			return badRequest("Cannot update node traits via node patch. Node traits should be updated via the node traits API.")
		}
		if !slices.Contains(allowed, name) {
			return badRequest("Cannot patch %s. Only the following can be updated: %s", op.pointer(), strings.Join(allowed, ", "))
		}
		if field, _ := k.fields.Find(name); field.Since > r.Minor {
			return notAcceptable()
		}
	}
	return nil
}

func (i *Ironic) remove(r *core.Request, k kind) (*core.Answer, error) {
	existing, err := k.find(r.PathValue("ident"))
	if err != nil {
		return nil, err
	}
	i.notify(r.Context(), r.Caller, k, "delete", "start", existing)
	if k.free != nil {
		if err := k.free(existing); err != nil {
			i.notify(r.Context(), r.Caller, k, "delete", "error", existing)
			return nil, err
		}
	}
	if k.forget != nil {
		k.forget(r, existing)
	}
	k.table.Delete(r.Context(), existing.Text("uuid"))
	i.notify(r.Context(), r.Caller, k, "delete", "end", existing)
	return core.NoContent()
}

// view is what the API shows of a resource: the fields, nil for all, that the version has.
func (k kind) view(r *core.Request, found core.Resource, fields []string) map[string]any {
	shown := make(map[string]any, len(found)+4)
	for _, field := range k.fields {
		if field.Since > r.Minor || (fields != nil && !slices.Contains(fields, field.Name)) {
			continue
		}
		shown[field.Name] = found[field.Name]
	}
	path := k.under + k.plural + "/" + found.Text("uuid")
	shown["links"] = links(r, path)
	if k.extend != nil && fields == nil {
		k.extend(r, shown)
	}
	if k.event == "node" {
		hide(shown, r)
	}
	return shown
}

func links(r *core.Request, path string) []any {
	return []any{
		map[string]any{"href": r.Base() + "/v1/" + path, "rel": "self"},
		map[string]any{"href": r.Base() + "/" + path, "rel": "bookmark"},
	}
}

// chosen is what a request wants to see: the query's fields, else what is given.
func (k kind) chosen(r *core.Request, otherwise []string) ([]string, error) {
	query := r.URL.Query()
	if !query.Has("fields") {
		return otherwise, nil
	}
	if r.Minor < sinceFields {
		return nil, notAcceptable()
	}
	var fields, wrong []string
	for _, name := range strings.Split(cmp.Or(strings.Join(query["fields"], ","), ""), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		switch field, known := k.fields.Find(name); {
		case name == "" || slices.Contains(fields, name):
		case !known && name != "links":
			wrong = append(wrong, name)
		case field.Since > r.Minor:
			return nil, notAcceptable()
		default:
			fields = append(fields, name)
		}
	}
	if len(wrong) > 0 {
		return nil, badRequest("Field(s) \"%s\" are not valid", strings.Join(wrong, ", "))
	}
	return fields, nil
}
