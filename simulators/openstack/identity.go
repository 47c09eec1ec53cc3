package openstack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/eventrig/eventrig/simulators/internal/journal"
	"github.com/eventrig/eventrig/simulators/internal/values"
)

// identity is Keystone's store. A domain is a project with is_domain, as in Keystone itself.
type identity struct {
	projects map[string]resource
	users    map[string]resource
	tokens   map[string]token
}

// resource is a project, domain or user as the API shows it, without links.
type resource map[string]any

func (r resource) text(name string) string { value, _ := r[name].(string); return value }

func (r resource) flag(name string) bool { value, _ := r[name].(bool); return value }

func (r resource) clone() resource {
	copied := make(resource, len(r))
	for name, value := range r {
		if list, ok := value.([]any); ok {
			value = slices.Clone(list)
		}
		copied[name] = value
	}
	return copied
}

type token struct {
	user    string
	project string
	issued  time.Time
	expires time.Time
}

// defaultDomain is the id of the domain that every Keystone starts with; it is not hexadecimal.
const defaultDomain = "default"

func newIdentity(newID func() string) *identity {
	i := &identity{projects: map[string]resource{}, users: map[string]resource{}, tokens: map[string]token{}}
	i.projects[defaultDomain] = resource{
		"id": defaultDomain, "name": DomainName, "description": "The default domain", "enabled": true, "is_domain": true,
		"domain_id": nil, "parent_id": nil, "tags": []any{}, "options": map[string]any{},
	}
	admin := newID()
	i.projects[admin] = resource{
		"id": admin, "name": ProjectName, "description": "Bootstrap project for initializing the cloud.", "enabled": true,
		"is_domain": false, "domain_id": defaultDomain, "parent_id": defaultDomain, "tags": []any{}, "options": map[string]any{},
	}
	user := newID()
	i.users[user] = resource{
		"id": user, "name": Username, "domain_id": defaultDomain, "enabled": true, "default_project_id": admin,
		"password_expires_at": nil, "options": map[string]any{},
	}
	return i
}

// sorted returns the resources that keep keeps, by name.
func sorted(resources map[string]resource, keep func(resource) bool) []resource {
	var found []resource
	for _, r := range resources {
		if keep(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b resource) int {
		return cmp.Or(cmp.Compare(a.text("name"), b.text("name")), cmp.Compare(a.text("id"), b.text("id")))
	})
	return found
}

func isProject(r resource) bool { return !r.flag("is_domain") }

func isDomain(r resource) bool { return r.flag("is_domain") }

// domainView shows a project that acts as a domain the way /v3/domains does.
func domainView(r resource) resource {
	shown := r.clone()
	delete(shown, "is_domain")
	delete(shown, "domain_id")
	delete(shown, "parent_id")
	return shown
}

// commit stores or, with a nil after, removes a project or domain, journals that, and tells the hook. The caller holds
// changing, but not mu.
func (s *Server) commit(ctx context.Context, table, id string, after resource) {
	s.mu.Lock()
	resources := s.identity.projects
	if table == "users" {
		resources = s.identity.users
	}
	before := resources[id]
	if after == nil {
		delete(resources, id)
	} else {
		resources[id] = after
	}
	s.mu.Unlock()

	kind := map[string]string{"projects": "project", "domains": "domain", "users": "user"}[table]
	change := Change{Resource: kind, ID: id, RequestID: journal.RequestID(ctx)}
	switch {
	case before == nil:
		change.Operation = "created"
	case after == nil:
		change.Operation = "deleted"
	default:
		change.Operation = "updated"
	}
	if before != nil {
		change.Before = before.clone()
	}
	if after != nil {
		change.After = after.clone()
	}
	journal.Record(ctx, journal.Change{Path: table, ID: id, Before: change.Before, After: change.After})
	if s.config.OnChange != nil {
		s.config.OnChange(change)
	}
}

// CreateProject makes a project in a domain, named by id or name, as an administrator would; without an id it draws
// one. It returns the project's id. A second project of the same name in the domain, or of the same id, is an error.
func (s *Server) CreateProject(domain, name string, id ...string) (string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	parent, err := s.findDomain(domain)
	if err != nil {
		return "", err
	}
	return s.create("project", resource{"name": name, "domain_id": parent}, id)
}

// CreateDomain makes a domain and returns its id.
func (s *Server) CreateDomain(name string, id ...string) (string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.create("domain", resource{"name": name, "is_domain": true}, id)
}

// create makes a project or domain with the id given, or one of its own.
func (s *Server) create(kind string, fields resource, id []string) (string, error) {
	if len(id) > 0 && id[0] != "" {
		fields["id"] = id[0]
	}
	made, err := s.createProject(context.Background(), fields)
	if err != nil {
		return "", fmt.Errorf("create %s %s: %w", kind, fields.text("name"), err)
	}
	return made.text("id"), nil
}

// UpdateProject changes fields of a project or domain, such as name, description or enabled.
func (s *Server) UpdateProject(id string, fields map[string]any) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.RLock()
	existing := s.identity.projects[id]
	s.mu.RUnlock()
	if existing == nil {
		return notFound("project", id)
	}
	if _, err := s.updateProject(context.Background(), existing, fields); err != nil {
		return fmt.Errorf("update project %s: %w", id, err)
	}
	return nil
}

// DeleteProject deletes a project, or a domain whether it is enabled or not.
func (s *Server) DeleteProject(id string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.RLock()
	existing := s.identity.projects[id]
	s.mu.RUnlock()
	if existing == nil {
		return notFound("project", id)
	}
	s.commit(context.Background(), tableOf(existing), id, nil)
	return nil
}

func tableOf(r resource) string {
	if r.flag("is_domain") {
		return "domains"
	}
	return "projects"
}

// findDomain finds a domain by id or name.
func (s *Server) findDomain(nameOrID string) (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, r := range s.identity.projects {
		if isDomain(r) && (id == nameOrID || r["name"] == nameOrID) {
			return id, nil
		}
	}
	return "", notFound("domain", nameOrID)
}

// Records returns the projects, domains or users whose fields equal where. Check tells an unknown path from an empty one.
func (s *Server) Records(path string, where map[string]any) []map[string]any {
	s.mu.RLock()
	defer s.mu.RUnlock()
	resources, keep := s.identity.projects, isProject
	switch path {
	case "projects":
	case "domains":
		keep = isDomain
	case "users":
		resources, keep = s.identity.users, func(resource) bool { return true }
	default:
		return nil
	}
	found := []map[string]any{}
	for _, r := range sorted(resources, keep) {
		fits := true
		for name, want := range where {
			fits = fits && values.Equal(r[name], want)
		}
		if fits {
			found = append(found, r.clone())
		}
	}
	return found
}

// Paths are the paths that Records knows.
func Paths() []string { return []string{"projects", "domains", "users"} }

// Check says whether Records knows a path.
func (s *Server) Check(path string, _ ...string) error {
	if !slices.Contains(Paths(), path) {
		return fmt.Errorf("openstack has no %q: want projects, domains or users", path)
	}
	return nil
}

// State returns everything in the store by path.
func (s *Server) State() map[string][]map[string]any {
	state := map[string][]map[string]any{}
	for _, path := range Paths() {
		state[path] = s.Records(path, nil)
	}
	return state
}
