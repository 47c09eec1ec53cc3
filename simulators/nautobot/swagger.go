package nautobot

import (
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"
)

// serveSwagger serves the OpenAPI document of the API, made of the models, in the shape that drf-spectacular gives it.
func (s *Server) serveSwagger(w http.ResponseWriter, r *http.Request, rest string) {
	document := s.openAPI()
	w.Header().Set("API-Version", apiVersion)
	if rest == "swagger.json" || strings.Contains(r.Header.Get("Accept"), "json") && rest == "swagger" {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
		_, _ = w.Write(appendJSON(nil, document)) // held by the journal: cannot fail
		return
	}
	data, err := yaml.Marshal(document)
	if err != nil {
		answer(w, 0, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.oai.openapi")
	_, _ = w.Write(data)
}

// schemaObject is a part of the document.
type schemaObject = map[string]any

func (s *Server) openAPI() schemaObject {
	paths, components := schemaObject{}, schemaObject{}
	for _, m := range s.schema.models {
		name := m.componentName(s.schema)
		shown, written, required := m.described(s.schema)
		components[name] = schemaObject{"type": "object", "properties": shown, "required": []string{"id"}}
		components["Paginated"+name+"List"] = schemaObject{"type": "object", "properties": schemaObject{
			"count":    schemaObject{"type": "integer", "example": 123},
			"next":     schemaObject{"type": "string", "nullable": true, "format": "uri"},
			"previous": schemaObject{"type": "string", "nullable": true, "format": "uri"},
			"results":  schemaObject{"type": "array", "items": componentRef(name)},
		}}
		id := schemaObject{"in": "path", "name": "id", "required": true, "schema": schemaObject{"type": "string", "format": "uuid"}}
		operation := strings.NewReplacer("/", "_", "-", "_").Replace(m.path)
		list := schemaObject{"get": described200(operation+"_list", "Paginated"+name+"List", nil)}
		detail := schemaObject{"get": described200(operation+"_retrieve", name, []any{id})}
		if !m.fixed {
			request := schemaObject{"type": "object", "properties": written}
			if len(required) > 0 {
				request["required"] = required
			}
			components[name+"Request"] = request
			body := schemaObject{"content": schemaObject{"application/json": schemaObject{"schema": schemaObject{"oneOf": []any{
				componentRef(name + "Request"), schemaObject{"type": "array", "items": componentRef(name + "Request")},
			}}}}, "required": true}
			one := schemaObject{"content": schemaObject{"application/json": schemaObject{"schema": componentRef(name + "Request")}}}
			create := described200(operation+"_create", name, nil)
			create["requestBody"] = body
			create["responses"] = schemaObject{"201": create["responses"].(schemaObject)["200"]}
			list["post"] = create
			for method, verb := range map[string]string{"put": "update", "patch": "partial_update"} {
				change := described200(operation+"_"+verb, name, []any{id})
				change["requestBody"] = one
				detail[method] = change
			}
			detail["delete"] = schemaObject{
				"operationId": operation + "_destroy", "parameters": []any{id},
				"responses": schemaObject{"204": schemaObject{"description": "No response body"}},
			}
		}
		paths["/"+m.path+"/"], paths["/"+m.path+"/{id}/"] = list, detail
	}
	return schemaObject{
		"openapi": "3.0.3", "paths": paths, "servers": []any{schemaObject{"url": "/api"}},
		"info": schemaObject{"title": "API Documentation", "version": Version + " (" + apiVersion + ")", "description": "Source of truth and network automation platform"},
		"components": schemaObject{"schemas": components, "securitySchemes": schemaObject{
			"tokenAuth": schemaObject{"type": "apiKey", "in": "header", "name": "Authorization", "description": `Token-based authentication with required prefix "Token"`},
		}},
		"security": []any{schemaObject{"tokenAuth": []string{}}},
	}
}

// componentName is the class, with the app before it where two models have the same.
func (m *model) componentName(s *schema) string {
	for _, other := range s.models {
		if other != m && other.class == m.class {
			return capital(strings.ReplaceAll(m.plural, "-", "_")) + m.class
		}
	}
	return m.class
}

func componentRef(name string) schemaObject {
	return schemaObject{"$ref": "#/components/schemas/" + name}
}

func described200(id, component string, parameters []any) schemaObject {
	operation := schemaObject{"operationId": id, "responses": schemaObject{"200": schemaObject{
		"description": "", "content": schemaObject{"application/json": schemaObject{"schema": componentRef(component)}},
	}}}
	if parameters != nil {
		operation["parameters"] = parameters
	}
	return operation
}

// described are the properties of a model's answers and requests, and the names of those that a request must have.
func (m *model) described(s *schema) (shown, written schemaObject, required []string) {
	text := func(more ...any) schemaObject {
		property := schemaObject{"type": "string"}
		for i := 0; i+1 < len(more); i += 2 {
			property[more[i].(string)] = more[i+1]
		}
		return property
	}
	shown = schemaObject{
		"id": text("format", "uuid"), "object_type": text("readOnly", true, "example", m.kind), "display": text("readOnly", true),
		"url": text("format", "uri", "readOnly", true), "natural_slug": text("readOnly", true),
	}
	written = schemaObject{"id": text("format", "uuid")}
	if m.stamped {
		shown["created"], shown["last_updated"] = text("format", "date-time", "readOnly", true, "nullable", true), text("format", "date-time", "readOnly", true, "nullable", true)
	}
	if m.notes {
		shown["notes_url"] = text("format", "uri", "readOnly", true)
	}
	if m.custom {
		shown["custom_fields"] = schemaObject{"type": "object", "additionalProperties": schemaObject{"nullable": true}}
		written["custom_fields"] = shown["custom_fields"]
	}
	for _, f := range m.fields {
		property := f.described(s)
		if f.null {
			property["nullable"] = true
		}
		if f.readOnly {
			property["readOnly"] = true
		}
		if !f.hidden {
			shown[f.name] = property
		}
		if f.readOnly {
			continue
		}
		written[f.name] = property
		if f.kind == choiceOf {
			written[f.name] = f.enumeration()
		}
		if f.required {
			required = append(required, f.name)
		}
	}
	return shown, written, required
}

func (f *field) enumeration() schemaObject {
	values := make([]any, len(f.choices))
	for i, c := range f.choices {
		if values[i] = c.value; f.number {
			values[i], _ = convertInteger(&field{}, c.value)
		}
	}
	kind := "string"
	if f.number {
		kind = "integer"
	}
	return schemaObject{"type": kind, "enum": values}
}

// described is a field's schema.
func (f *field) described(s *schema) schemaObject {
	refers := func(kind string) schemaObject {
		return schemaObject{"type": "object", "properties": schemaObject{
			"id":          schemaObject{"oneOf": []any{schemaObject{"type": "string", "format": "uuid"}, schemaObject{"type": "integer"}}},
			"object_type": schemaObject{"type": "string", "pattern": `^[a-z][a-z0-9_]+\.[a-z][a-z0-9_]+$`, "example": kind},
			"url":         schemaObject{"type": "string", "format": "uri"},
		}}
	}
	switch f.kind {
	case integer:
		if f.low != 0 || f.high != 0 {
			return schemaObject{"type": "integer", "minimum": f.low, "maximum": f.high}
		}
		return schemaObject{"type": "integer"}
	case counted:
		return schemaObject{"type": "integer"}
	case decimal:
		return schemaObject{"type": "string", "format": "decimal", "pattern": `^-?\d{0,9}(?:\.\d{0,` + plain(int64(f.places)) + `})?$`}
	case float:
		return schemaObject{"type": "number", "format": "double"}
	case boolean:
		return schemaObject{"type": "boolean"}
	case date:
		return schemaObject{"type": "string", "format": "date"}
	case datetime:
		return schemaObject{"type": "string", "format": "date-time"}
	case generic, identifier:
		return schemaObject{"type": "string", "format": "uuid"}
	case choiceOf:
		if f.bare {
			return f.enumeration()
		}
		labels := make([]any, len(f.choices))
		for i, c := range f.choices {
			labels[i] = c.label
		}
		return schemaObject{"type": "object", "properties": schemaObject{"value": f.enumeration(), "label": schemaObject{"type": "string", "enum": labels}}}
	case related:
		return refers(s.byPath[f.to].kind)
	case relatedList:
		return schemaObject{"type": "array", "items": refers(s.byPath[f.to].kind)}
	case through:
		return schemaObject{"type": "array", "items": refers(s.byPath[s.byPath[f.to].field(f.far).to].kind)}
	case contentTypes, choiceList:
		return schemaObject{"type": "array", "items": schemaObject{"type": "string"}}
	case object, computed:
		return schemaObject{}
	}
	if f.max > 0 {
		return schemaObject{"type": "string", "maxLength": f.max}
	}
	return schemaObject{"type": "string"}
}
