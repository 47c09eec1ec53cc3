package nautobot

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/eventrig/eventrig/internal/failure"
)

// extend adds the models of an OpenAPI document, as a Nautobot serves it at /api/swagger.yaml, that s does not have. What
// such a document does not tell is left out: uniqueness, what a deletion does, and, where neither the field's name nor
// its example says it, which model a relation leads to; such a relation is kept as the JSON that was sent.
func (s *schema) extend(file string) (*schema, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, failure.New(failure.BadInput, "save what your Nautobot serves at /api/swagger.yaml", "read OpenAPI document: %w", err)
	}
	document, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, failure.New(failure.BadInput, "it must be an OpenAPI 3 document, as Nautobot serves it at /api/swagger.yaml", "%s: %w", file, err)
	}
	if document.Paths == nil || document.OpenAPI == "" {
		return nil, failure.New(failure.BadInput, "it must be an OpenAPI 3 document, as Nautobot serves it at /api/swagger.yaml", "%s has no paths", file)
	}
	extended := s.extended()
	d := &described{schema: extended, components: map[*model]*openapi3.Schema{}, requests: map[*model]*openapi3.Schema{}}
	for _, path := range slices.Sorted(maps.Keys(document.Paths.Map())) {
		d.endpoint(path, document.Paths.Value(path))
	}
	// Relations may lead to models that come later in the document: fields are read when all models are known.
	for _, m := range d.added {
		d.fields(m)
		if err := m.finish([3][][]string{}); err != nil {
			return nil, failure.New(failure.BadInput, "", "%s: %s: %w", file, m.path, err)
		}
	}
	if err := extended.link(); err != nil {
		return nil, failure.New(failure.BadInput, "", "%s: %w", file, err)
	}
	return extended, nil
}

// described reads models from a document of drf-spectacular.
type described struct {
	schema     *schema
	added      []*model
	components map[*model]*openapi3.Schema
	requests   map[*model]*openapi3.Schema
}

// endpoint adds a model for a list endpoint that is not known yet.
func (d *described) endpoint(path string, item *openapi3.PathItem) {
	path = strings.Trim(strings.TrimPrefix(path, "/api/"), "/")
	parts := strings.Split(path, "/")
	if strings.Contains(path, "{") || len(parts) != 2 && (len(parts) != 3 || parts[0] != "plugins") || item.Get == nil {
		return
	}
	if slices.ContainsFunc(d.schema.models, func(m *model) bool { return m.path == path }) {
		return
	}
	name, component := listed200(item.Get)
	if component == nil || component.Properties["id"] == nil {
		return
	}
	m := &model{path: path, class: name, filters: map[string]string{}, byName: map[string]*field{}, fixed: item.Post == nil}
	app := parts[len(parts)-2]
	m.kind = strings.ReplaceAll(app, "-", "_") + "." + strings.ToLower(name)
	has := func(name string) bool { return component.Properties[name] != nil }
	m.tags, m.notes, m.custom, m.stamped = has("tags"), has("notes_url"), has("custom_fields"), has("created") && has("last_updated")
	m.logged = m.stamped
	if has("name") {
		m.search = []string{"name"}
	}
	d.components[m] = component
	if item.Post != nil && item.Post.RequestBody != nil && item.Post.RequestBody.Value != nil {
		if media := item.Post.RequestBody.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
			d.requests[m] = whole(media.Schema)
		}
	}
	d.schema.models, d.added = append(d.schema.models, m), append(d.added, m)
}

// listed200 finds the component that a list answers with: the items of results.
func listed200(get *openapi3.Operation) (name string, component *openapi3.Schema) {
	answer := get.Responses.Value("200")
	if answer == nil || answer.Value == nil {
		return "", nil
	}
	media := answer.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil || media.Schema.Value == nil {
		return "", nil
	}
	results := media.Schema.Value.Properties["results"]
	if results == nil || results.Value == nil || results.Value.Items == nil {
		return "", nil
	}
	items := results.Value.Items
	return items.Ref[strings.LastIndexByte(items.Ref, '/')+1:], items.Value
}

// whole looks through oneOf and allOf with one schema of substance: a body is one record or a list of them, a reference
// with a description beside it is an allOf of one.
func whole(ref *openapi3.SchemaRef) *openapi3.Schema {
	if ref == nil || ref.Value == nil {
		return &openapi3.Schema{}
	}
	schema := ref.Value
	for _, of := range []openapi3.SchemaRefs{schema.OneOf, schema.AllOf, schema.AnyOf} {
		for _, one := range of {
			if inner := whole(one); len(inner.Properties) > 0 || len(inner.Enum) > 0 || inner.Type != nil && !inner.Type.Is("array") {
				return inner
			}
		}
	}
	return schema
}

// shownAlways are members that every model has by itself.
var shownAlways = []string{"id", "object_type", "display", "url", "natural_slug", "created", "last_updated", "notes_url", "custom_fields", "computed_fields", "relationships", "tags"}

func (d *described) fields(m *model) {
	component, request := d.components[m], d.requests[m]
	for _, name := range slices.Sorted(maps.Keys(component.Properties)) {
		if slices.Contains(shownAlways, name) && (name != "created" || m.stamped) {
			continue
		}
		property := component.Properties[name]
		f := &field{name: name, at: -1, null: property.Value != nil && property.Value.Nullable}
		f.readOnly = property.Value != nil && property.Value.ReadOnly
		f.required = request != nil && slices.Contains(request.Required, name) && !f.readOnly
		d.typed(m, f, whole(property))
		if request != nil && f.kind == choiceOf && request.Properties[name] == nil {
			f.readOnly = true
		}
		f.defaults("", false)
		if f.kind == choiceOf && f.null {
			f.def = ""
		}
		m.add(f)
	}
	if m.tags {
		m.add(&field{name: "tags", at: -1, kind: relatedList, to: "extras/tags", def: []string{}})
	}
}

// typed sets a field's kind by its schema.
func (d *described) typed(m *model, f *field, schema *openapi3.Schema) {
	switch {
	case schema.Properties["value"] != nil && schema.Properties["label"] != nil:
		f.kind = choiceOf
		values, labels := whole(schema.Properties["value"]), whole(schema.Properties["label"]).Enum
		f.number = values.Type != nil && values.Type.Is("integer")
		for i, value := range values.Enum {
			c := choice{value: fmt.Sprint(value), label: fmt.Sprint(value)}
			if i < len(labels) {
				c.label = fmt.Sprint(labels[i])
			}
			f.choices = append(f.choices, c)
		}
	case schema.Properties["id"] != nil && schema.Properties["url"] != nil:
		f.kind = object
		if to := d.target(m, f.name, schema); to != nil {
			f.kind, f.to, f.indexed = related, to.path, true
		}
	case len(schema.Enum) > 0:
		f.kind, f.bare = choiceOf, true
		for _, value := range schema.Enum {
			if value != nil {
				f.choices = append(f.choices, choice{fmt.Sprint(value), fmt.Sprint(value)})
			}
		}
	case schema.Type == nil:
		f.kind = object
	case schema.Type.Is("array"):
		f.kind = object
		if items := whole(schema.Items); items.Properties["id"] != nil && items.Properties["url"] != nil {
			if to := d.target(m, singular(f.name), items); to != nil {
				f.kind, f.to, f.indexed = relatedList, to.path, true
			}
		}
	case schema.Type.Is("integer"):
		f.kind = integer
		if schema.Min != nil && schema.Max != nil {
			f.low, f.high = int64(*schema.Min), int64(*schema.Max)
		}
	case schema.Type.Is("number"):
		f.kind = float
	case schema.Type.Is("boolean"):
		f.kind = boolean
	case schema.Type.Is("string"):
		f.text(schema)
	default:
		f.kind = object
	}
}

func (f *field) text(schema *openapi3.Schema) {
	switch schema.Format {
	case "date":
		f.kind = date
	case "date-time":
		f.kind = datetime
	case "uuid":
		f.kind = identifier
	case "decimal":
		f.kind, f.places = decimal, 2
		// drf-spectacular writes the digits into a pattern: ^-?\d{0,3}(?:\.\d{0,6})?$
		if _, digits, found := strings.Cut(schema.Pattern, `\.\d{0,`); found {
			if places, err := strconv.Atoi(digits[:max(0, strings.IndexByte(digits, '}'))]); err == nil {
				f.places = places
			}
		}
	default:
		f.kind = text
		if schema.MaxLength != nil {
			f.max = int(*schema.MaxLength)
		}
	}
}

func singular(name string) string {
	switch {
	case strings.HasSuffix(name, "ies"):
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "ses"):
		return strings.TrimSuffix(name, "es")
	}
	return strings.TrimSuffix(name, "s")
}

// target is the model that a relation leads to: the one that the example of its object_type names, else the one whose
// class is the end of the field's name, such as primary_tenant; a parent is one of the same model.
func (d *described) target(from *model, name string, schema *openapi3.Schema) *model {
	if kind := schema.Properties["object_type"]; kind != nil && kind.Value != nil {
		for _, m := range d.schema.models {
			if m.kind == kind.Value.Example {
				return m
			}
		}
	}
	if name == "parent" {
		return from
	}
	var best *model
	score := 0
	for _, m := range d.schema.models {
		class := strings.ToLower(m.class)
		if !strings.HasSuffix(strings.ReplaceAll(name, "_", ""), class) {
			continue
		}
		// The longer name is the better guess; of two with one name that of the same app.
		guess := 2 * len(class)
		if m.appPath() == from.appPath() {
			guess++
		}
		if guess > score {
			best, score = m, guess
		}
	}
	return best
}

// extended returns a copy of s that more models can be added to.
func (s *schema) extended() *schema {
	copied := &schema{byPath: map[string]*model{}, byKind: map[string]*model{}, choices: s.choices}
	for _, m := range s.models {
		clone := *m
		clone.fields, clone.stored, clone.sets, clone.unique = nil, nil, nil, nil
		clone.byName = map[string]*field{}
		for _, f := range m.fields {
			again := *f
			again.at = -1
			clone.add(&again)
		}
		swap := func(sets []uniqueSet) []uniqueSet {
			var swapped []uniqueSet
			for _, set := range sets {
				fields := make([]*field, len(set.fields))
				for i, f := range set.fields {
					fields[i] = clone.byName[f.name]
				}
				swapped = append(swapped, uniqueSet{fields: fields, style: set.style})
			}
			return swapped
		}
		clone.unique, clone.sets = swap(m.unique), swap(m.sets)
		copied.models = append(copied.models, &clone)
	}
	return copied
}
