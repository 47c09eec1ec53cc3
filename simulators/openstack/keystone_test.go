package openstack_test

import (
	"encoding/json"
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

// A role that projects inherit: not on the project or domain that it was given for, on all below, through groups too.
func TestInheritedRoles(t *testing.T) {
	s := openstack.New(openstack.Config{})
	admin := token(t, s)
	ask := func(method, path, body string, status int) map[string]any {
		t.Helper()
		answer := handle(t, s, admin, method, path, body)
		if answer.Code != status {
			t.Fatalf("%s %s: %d %s, want %d", method, path, answer.Code, answer.Body, status)
		}
		var read map[string]any
		if answer.Body.Len() > 0 {
			if err := json.Unmarshal(answer.Body.Bytes(), &read); err != nil {
				t.Fatal(err)
			}
		}
		return read
	}
	create := func(singular, fields string) string {
		made, _ := ask("POST", "/v3/"+singular+"s", `{"`+singular+`": {`+fields+`}}`, 201)[singular].(map[string]any)
		id, _ := made["id"].(string)
		return id
	}
	domain := create("domain", `"name": "customers"`)
	top := create("project", `"name": "top", "domain_id": "`+domain+`"`)
	middle := create("project", `"name": "middle", "domain_id": "`+domain+`", "parent_id": "`+top+`"`)
	bottom := create("project", `"name": "bottom", "domain_id": "`+domain+`", "parent_id": "`+middle+`"`)
	user := create("user", `"name": "bob", "password": "builder", "domain_id": "`+domain+`"`)
	group := create("group", `"name": "operators", "domain_id": "`+domain+`"`)
	ask("PUT", "/v3/groups/"+group+"/users/"+user, "", 204)
	member := s.Records("roles", map[string]any{"name": "member"})[0]["id"].(string)
	reader := s.Records("roles", map[string]any{"name": "reader"})[0]["id"].(string)
	login := func(project string) int {
		return handle(t, s, "", "POST", "/v3/auth/tokens", `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "`+user+
			`", "password": "builder"}}}, "scope": {"project": {"id": "`+project+`"}}}}`).Code
	}
	onTop := "/v3/OS-INHERIT/projects/" + top + "/groups/" + group + "/roles/" + member + "/inherited_to_projects"
	onDomain := "/v3/OS-INHERIT/domains/" + domain + "/users/" + user + "/roles/" + reader + "/inherited_to_projects"
	for _, path := range []string{onTop, onDomain} {
		ask("GET", path, "", 404)
		ask("DELETE", path, "", 404)
		ask("PUT", path, "", 204)
		ask("PUT", path, "", 204)
		ask("HEAD", path, "", 204)
	}
	// A grant of the same role that is not inherited is another one.
	ask("GET", "/v3/projects/"+top+"/groups/"+group+"/roles/"+member, "", 404)
	if roles := ask("GET", "/v3/OS-INHERIT/domains/"+domain+"/users/"+user+"/roles/inherited_to_projects", "", 200)["roles"].([]any); len(roles) != 1 {
		t.Errorf("inherited roles of the domain: %v", roles)
	}
	if roles := ask("GET", "/v3/domains/"+domain+"/users/"+user+"/roles", "", 200)["roles"].([]any); len(roles) != 0 {
		t.Errorf("the domain's own roles: %v", roles)
	}
	for id, want := range map[string]int{top: 201, middle: 201, bottom: 201, s.Records("projects", map[string]any{"name": "admin"})[0]["id"].(string): 401} {
		if got := login(id); got != want {
			t.Errorf("log-in for %s: %d, want %d", id, got, want)
		}
	}
	listed := func(query string) []string {
		t.Helper()
		var lines []string
		for _, one := range ask("GET", "/v3/role_assignments?include_names&"+query, "", 200)["role_assignments"].([]any) {
			one, _ := one.(map[string]any)
			name := func(of map[string]any, key string) string {
				inner, _ := of[key].(map[string]any)
				name, _ := inner["name"].(string)
				return name
			}
			scope, _ := one["scope"].(map[string]any)
			line := strings.TrimSpace(name(one, "role") + " of " + name(one, "user") + name(one, "group") + " on " + name(scope, "project") + name(scope, "domain"))
			if scope["OS-INHERIT:inherited_to"] == "projects" {
				line += ", inherited"
			}
			links, _ := one["links"].(map[string]any)
			link, _ := links["assignment"].(string)
			lines = append(lines, line+": "+strings.NewReplacer(domain, "DOMAIN", top, "TOP", user, "BOB", group, "OPERATORS", member, "MEMBER", reader, "READER").Replace(link[max(0, strings.Index(link, "/v3")):]))
		}
		return lines
	}
	const grantOnTop = "/v3/OS-INHERIT/projects/TOP/groups/OPERATORS/roles/MEMBER/inherited_to_projects"
	const grantOnDomain = "/v3/OS-INHERIT/domains/DOMAIN/users/BOB/roles/READER/inherited_to_projects"
	for query, want := range map[string][]string{
		"group.id=" + group: {"member of operators on top, inherited: " + grantOnTop},
		"user.id=" + user:   {"reader of bob on customers, inherited: " + grantOnDomain},
		"user.id=" + user + "&scope.OS-INHERIT:inherited_to=":    nil,
		"scope.project.id=" + middle:                             nil,
		"effective&user.id=" + user + "&scope.project.id=" + top: {"reader of bob on top, inherited: " + grantOnDomain},
		"effective&user.id=" + user + "&scope.project.id=" + bottom: {
			"member of bob on bottom, inherited: " + grantOnTop, "reader of bob on bottom, inherited: " + grantOnTop,
			"reader of bob on bottom, inherited: " + grantOnDomain,
		},
		"effective&include_subtree&role.id=" + member + "&scope.project.id=" + top: {
			"member of bob on middle, inherited: " + grantOnTop, "member of bob on bottom, inherited: " + grantOnTop,
		},
		"include_subtree&scope.project.id=" + top: {"member of operators on top, inherited: " + grantOnTop},
	} {
		if got := listed(query); !slices.Equal(got, want) {
			t.Errorf("?%s lists\n  %s\nwant\n  %s", query, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
	for query, want := range map[string]string{
		"include_subtree":                                        "scope.project.id must be specified if include_subtree is also specified",
		"user.id=" + user + "&group.id=" + group:                 "Specify a user or group, not both",
		"scope.domain.id=" + domain + "&scope.project.id=" + top: "Specify a domain or project, not both",
		"effective&group.id=" + group:                            "Combining effective and group filter will always result in an empty list.",
		"scope.system=all&scope.project.id=" + top:               "Specify system or project, not both",
	} {
		refused, _ := ask("GET", "/v3/role_assignments?"+query, "", 400)["error"].(map[string]any)
		if refused["message"] != want {
			t.Errorf("?%s: %v, want %q", query, refused["message"], want)
		}
	}
	for _, path := range []string{onTop, onDomain} {
		ask("DELETE", path, "", 204)
	}
	if got := login(bottom); got != 401 {
		t.Errorf("log-in after the grants are gone: %d", got)
	}
	var told []any
	for _, sent := range s.Notifications() {
		if strings.HasPrefix(sent.EventType, "identity.role_assignment.") {
			told = append(told, sent.Payload["inherited_to_projects"])
			_, ofUser := sent.Payload["user"]
			_, ofGroup := sent.Payload["group"]
			_, onProject := sent.Payload["project"]
			_, onDomain := sent.Payload["domain"]
			if ofUser == ofGroup || onProject == onDomain || ofGroup != onProject {
				t.Errorf("%s is of %v", sent.EventType, sent.Payload)
			}
		}
	}
	if len(told) != 8 || slices.Contains(told, any(false)) {
		t.Errorf("told of inheritance: %v, want true for two refused revocations, four grants and two revocations", told)
	}
}
