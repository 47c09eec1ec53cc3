package openstack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/roles"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/services"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/users"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/simulators/openstack"
)

func TestProjects(t *testing.T) {
	var changes []openstack.Change
	s, url := start(t, openstack.Config{OnChange: func(c openstack.Change) { changes = append(changes, c) }})
	world, err := worlds.Open("one-domain")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(world); err != nil {
		t.Fatal(err)
	}
	identity := client(t, provider(t, url), cloud.NewIdentityV3)
	pages, err := projects.List(identity, projects.ListOpts{DomainID: "default"}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := projects.ExtractProjects(pages)
	if err != nil || len(all) != 3 {
		t.Fatalf("projects of default: %v, %v; want admin, eng, ops", all, err)
	}
	made, err := projects.Create(t.Context(), identity, projects.CreateOpts{Name: "lab", DomainID: "default", Tags: []string{"UNDERSTACK_SVM"}}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	_, err = projects.Create(t.Context(), identity, projects.CreateOpts{Name: "lab", DomainID: "default"}).Extract()
	is(t, err, http.StatusConflict, "Duplicate entry found with name lab at domain ID default.")
	_, err = projects.Create(t.Context(), identity, projects.CreateOpts{Name: "lab", DomainID: "nowhere"}).Extract()
	is(t, err, http.StatusNotFound, "Could not find domain: nowhere.")
	_, err = projects.Create(t.Context(), identity, projects.CreateOpts{Name: strings.Repeat("x", 65)}).Extract()
	is(t, err, http.StatusBadRequest, "is too long")
	description := "Laboratory"
	if _, err := projects.Update(t.Context(), identity, made.ID, projects.UpdateOpts{Description: &description}).Extract(); err != nil {
		t.Error(err)
	}
	pages, err = projects.List(identity, projects.ListOpts{Tags: "UNDERSTACK_SVM"}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if tagged, err := projects.ExtractProjects(pages); err != nil || len(tagged) != 1 || tagged[0].Description != description {
		t.Errorf("projects with the tag: %v, %v", tagged, err)
	}
	if err := projects.DeleteTags(t.Context(), identity, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	if err := projects.Delete(t.Context(), identity, made.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	_, err = projects.Get(t.Context(), identity, made.ID).Extract()
	is(t, err, http.StatusNotFound, "Could not find project: "+made.ID+".")
	if domain, err := domains.Get(t.Context(), identity, "default").Extract(); err != nil || domain.Name != "Default" {
		t.Errorf("domain default: %v, %v", domain, err)
	}
	is(t, domains.Delete(t.Context(), identity, "default").ExtractErr(), http.StatusForbidden, "please disable it first")
	var operations []string
	for _, c := range changes {
		operations = append(operations, c.Resource+" "+c.Operation)
	}
	if got, want := strings.Join(operations, ", "), "project created, project updated, project updated, project deleted"; got != want {
		t.Errorf("changes: %s, want %s", got, want)
	}
	if got, want := events(s), []string{"identity.project.created", "identity.project.updated", "identity.project.updated", "identity.project.deleted"}; !slices.Equal(got, want) {
		t.Errorf("notifications: %v, want %v", got, want)
	}
	admin := s.Records("users", map[string]any{"name": "admin"})[0]
	for _, sent := range s.Notifications() {
		target, _ := sent.Payload["target"].(map[string]any)
		initiator, _ := sent.Payload["initiator"].(map[string]any)
		if target["id"] != made.ID || initiator["id"] != admin["id"] || sent.RoutingKey != "notifications.info" || sent.VHost != "keystone" {
			t.Errorf("%s is about %v by %v to %s", sent.EventType, target, initiator, sent.RoutingKey)
		}
	}
}

// A domain is a project, too, and an update of it says so twice; a change from Go is told when that is asked for.
func TestWhatIsTold(t *testing.T) {
	s, url := start(t, openstack.Config{})
	identity := client(t, provider(t, url), cloud.NewIdentityV3)
	made, err := domains.Create(t.Context(), identity, domains.CreateOpts{Name: "customers"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	off := false
	if _, err := domains.Update(t.Context(), identity, made.ID, domains.UpdateOpts{Enabled: &off}).Extract(); err != nil {
		t.Fatal(err)
	}
	if err := domains.Delete(t.Context(), identity, made.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	want := []string{"identity.domain.created", "identity.project.updated", "identity.domain.updated", "identity.domain.deleted"}
	if got := events(s); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if _, err := s.CreateProject("default", "quiet"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateProjectContext(openstack.Notifying(t.Context()), "default", "loud", ""); err != nil {
		t.Fatal(err)
	}
	if got, want := events(s), append(want, "identity.project.created"); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestTokens(t *testing.T) {
	s, url := start(t, openstack.Config{})
	identity := client(t, provider(t, url), cloud.NewIdentityV3)
	found, err := tokens.Get(t.Context(), identity, identity.Token()).ExtractRoles()
	if err != nil || len(found) != 4 {
		t.Errorf("roles of the administrator's token: %v, %v; admin implies manager, member, reader", found, err)
	}
	if err := tokens.Revoke(t.Context(), identity, identity.Token()).Err; err != nil {
		t.Error(err)
	}
	if valid, err := tokens.Validate(t.Context(), identity, identity.Token()); valid {
		t.Errorf("a revoked token is valid (%v)", err)
	}
	project := s.Records("projects", map[string]any{"name": "admin"})[0]["id"].(string)
	for name, c := range map[string]struct {
		change func(*gophercloud.AuthOptions)
		status int
	}{
		"a wrong password":                 {func(o *gophercloud.AuthOptions) { o.Password = "wrong" }, 401},
		"a user that there is not":         {func(o *gophercloud.AuthOptions) { o.Username = "nobody" }, 401},
		"a project that there is not":      {func(o *gophercloud.AuthOptions) { o.Scope.ProjectName = "nothing" }, 401},
		"a domain that there is not":       {func(o *gophercloud.AuthOptions) { o.DomainName = "nowhere" }, 401},
		"no scope: the user's own project": {func(o *gophercloud.AuthOptions) { o.Scope = nil }, 0},
		"a project by its id":              {func(o *gophercloud.AuthOptions) { o.Scope = &gophercloud.AuthScope{ProjectID: project} }, 0},
		"the system":                       {func(o *gophercloud.AuthOptions) { o.Scope = &gophercloud.AuthScope{System: true} }, 0},
		"a domain without a role there":    {func(o *gophercloud.AuthOptions) { o.Scope = &gophercloud.AuthScope{DomainName: "Default"} }, 401},
	} {
		options := gophercloud.AuthOptions{IdentityEndpoint: url + "/identity/v3", Username: "admin", Password: "password", DomainName: "Default",
			Scope: &gophercloud.AuthScope{ProjectName: "admin", DomainName: "Default"}}
		c.change(&options)
		_, err := authenticate(t, options)
		if (err == nil) != (c.status == 0) || (err != nil && !gophercloud.ResponseCodeIs(err, c.status)) {
			t.Errorf("%s: %v, want status %d", name, err, c.status)
		}
	}
}

// A user of its own: a role through a group, an application credential, and the end of both.
func TestUsersRolesAndCredentials(t *testing.T) {
	s, url := start(t, openstack.Config{})
	admin := client(t, provider(t, url), cloud.NewIdentityV3)
	project, err := projects.Create(t.Context(), admin, projects.CreateOpts{Name: "lab"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	user, err := users.Create(t.Context(), admin, users.CreateOpts{Name: "bob", Password: "builder", DomainID: "default"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	group, err := groups.Create(t.Context(), admin, groups.CreateOpts{Name: "operators"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if err := users.AddToGroup(t.Context(), admin, group.ID, user.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	login := gophercloud.AuthOptions{IdentityEndpoint: url + "/identity/v3", Username: "bob", Password: "builder", DomainName: "Default",
		Scope: &gophercloud.AuthScope{ProjectID: project.ID}}
	_, err = authenticate(t, login)
	is(t, err, http.StatusUnauthorized, "requires authentication")
	member := s.Records("roles", map[string]any{"name": "member"})[0]["id"].(string)
	if err := roles.Assign(t.Context(), admin, member, roles.AssignOpts{GroupID: group.ID, ProjectID: project.ID}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	p, err := authenticate(t, login)
	if err != nil {
		t.Fatal(err)
	}
	include := true
	pages, err := roles.ListAssignments(admin, roles.ListAssignmentsOpts{ScopeProjectID: project.ID, IncludeNames: &include}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := roles.ExtractRoleAssignments(pages); err != nil || len(found) != 1 || found[0].Group.Name != "operators" || found[0].Role.Name != "member" {
		t.Errorf("assignments: %+v, %v", found, err)
	}
	bob := client(t, p, cloud.NewIdentityV3)
	credential, err := applicationcredentials.Create(t.Context(), bob, user.ID, applicationcredentials.CreateOpts{Name: "robot"}).Extract()
	if err != nil || credential.Secret == "" {
		t.Fatalf("%+v, %v", credential, err)
	}
	robot := gophercloud.AuthOptions{IdentityEndpoint: url + "/identity/v3", ApplicationCredentialID: credential.ID, ApplicationCredentialSecret: credential.Secret}
	if p, err = authenticate(t, robot); err != nil {
		t.Fatal(err)
	}
	if found, err := tokens.Get(t.Context(), client(t, p, cloud.NewIdentityV3), p.Token()).ExtractProject(); err != nil || found.ID != project.ID {
		t.Errorf("the credential's project: %+v, %v", found, err)
	}
	pages, err = services.List(bob, services.ListOpts{ServiceType: "baremetal"}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := services.ExtractServices(pages); err != nil || len(found) != 1 {
		t.Errorf("services: %+v, %v", found, err)
	}
	if err := applicationcredentials.Delete(t.Context(), bob, user.ID, credential.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	_, err = authenticate(t, robot)
	is(t, err, http.StatusUnauthorized, "")
	if err := users.Delete(t.Context(), admin, user.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	_, err = users.Get(t.Context(), bob, user.ID).Extract()
	is(t, err, http.StatusUnauthorized, "")
}
