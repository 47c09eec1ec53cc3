package openstack

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"unicode/utf8"
)

// httpError is Keystone's error body.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

func notFound(kind, id string) error {
	return &httpError{http.StatusNotFound, fmt.Sprintf("Could not find %s: %s.", kind, id)}
}

func badRequest(format string, arguments ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, arguments...)}
}

// identifiers that a caller from Go or a world may choose; the API never accepts one.
var identifier = regexp.MustCompile(`^([0-9a-f]{32}|default)$`)

// projectFields are what may be set on a project or domain.
var projectFields = map[string]string{
	"name": "string", "description": "string", "enabled": "boolean", "is_domain": "boolean", "domain_id": "string",
	"parent_id": "string", "tags": "array", "options": "object",
}

// validateProject is Keystone's JSON schema for projects, with its messages.
func validateProject(fields map[string]any, creating bool) error {
	if _, given := fields["name"]; creating && !given {
		return badRequest("'name' is a required property")
	}
	for name, value := range fields {
		if value == nil && name != "name" && name != "enabled" && name != "is_domain" {
			continue
		}
		ok := true
		switch want := projectFields[name]; want {
		case "string":
			_, ok = value.(string)
		case "boolean":
			_, ok = value.(bool)
		case "array":
			_, ok = value.([]any)
		case "object":
			_, ok = value.(map[string]any)
		}
		if !ok {
			return badRequest("Invalid input for field '%s': %v is not of type '%s'", name, pythonValue(value), projectFields[name])
		}
	}
	if name, given := fields["name"].(string); given {
		switch {
		case name == "":
			return badRequest("Invalid input for field 'name': '' should be non-empty")
		case utf8.RuneCountInString(name) > 64:
			return badRequest("Invalid input for field 'name': '%s' is too long", name)
		}
	}
	return nil
}

func pythonValue(value any) string {
	switch value := value.(type) {
	case nil:
		return "None"
	case string:
		return "'" + value + "'"
	case bool:
		if value {
			return "True"
		}
		return "False"
	default:
		return fmt.Sprint(value)
	}
}

// createProject makes a project or, with is_domain, a domain. The caller holds changing.
func (s *Server) createProject(ctx context.Context, fields resource) (resource, error) {
	if err := validateProject(fields, true); err != nil {
		return nil, err
	}
	made := resource{"description": "", "enabled": true, "is_domain": false, "tags": []any{}, "options": map[string]any{}}
	for name, value := range fields {
		if value != nil {
			made[name] = value
		}
	}
	if made.flag("is_domain") {
		made["domain_id"], made["parent_id"] = nil, nil
	} else {
		if made["domain_id"] == nil {
			made["domain_id"] = defaultDomain
		}
		if made["parent_id"] == nil {
			made["parent_id"] = made["domain_id"]
		}
	}
	s.mu.Lock()
	if made["id"] == nil {
		made["id"] = s.newID()
	}
	err := s.checkNew(made)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.commit(ctx, tableOf(made), made.text("id"), made)
	return made, nil
}

// checkNew checks a new project against the others. The caller holds mu.
func (s *Server) checkNew(made resource) error {
	id := made.text("id")
	if !identifier.MatchString(id) {
		return badRequest("Invalid input for field 'id': '%s' does not match '%s'", id, identifier)
	}
	if _, exists := s.identity.projects[id]; exists {
		return &httpError{http.StatusConflict, "Conflict occurred attempting to store project - Duplicate ID, " + id + "."}
	}
	if domain := made.text("domain_id"); !made.flag("is_domain") {
		if parent := s.identity.projects[domain]; parent == nil || !isDomain(parent) {
			return notFound("domain", domain)
		}
		if s.identity.projects[made.text("parent_id")] == nil {
			return notFound("project", made.text("parent_id"))
		}
	}
	return s.checkName(made)
}

func (s *Server) checkName(made resource) error {
	for id, other := range s.identity.projects {
		if id == made.text("id") || other["name"] != made["name"] || other.flag("is_domain") != made.flag("is_domain") ||
			other["domain_id"] != made["domain_id"] {
			continue
		}
		if made.flag("is_domain") {
			return &httpError{http.StatusConflict, fmt.Sprintf(
				"Conflict occurred attempting to store domain - Duplicate entry found with name %s.", made["name"])}
		}
		return &httpError{http.StatusConflict, fmt.Sprintf(
			"Conflict occurred attempting to store project - Duplicate entry found with name %s at domain ID %s.", made["name"], made["domain_id"])}
	}
	return nil
}

// updateProject changes a project or domain. The caller holds changing.
func (s *Server) updateProject(ctx context.Context, existing resource, fields map[string]any) (resource, error) {
	if err := validateProject(fields, false); err != nil {
		return nil, err
	}
	changed := existing.clone()
	for name, value := range fields {
		switch name {
		case "id":
		case "domain_id", "parent_id", "is_domain":
			if value != existing[name] {
				return nil, badRequest("Invalid input for field '%s': it cannot be changed after creation", name)
			}
		default:
			changed[name] = value
		}
	}
	s.mu.RLock()
	err := s.checkName(changed)
	s.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	s.commit(ctx, tableOf(changed), changed.text("id"), changed)
	return changed, nil
}
