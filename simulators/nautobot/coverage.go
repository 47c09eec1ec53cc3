package nautobot

import "slices"

// ModelCoverage is what the simulator serves of one model, for the coverage table in docs/.
type ModelCoverage struct {
	Path, ObjectType string
	Fields           []string // that a client may write
	ReadOnly         []string
	Relations        int // fields that refer to other models
	Choices          int // fields with a fixed set of values
	UniqueSets       int
	Notes            bool // has a notes subroute
	Fixed            bool // cannot be written over the API
	Rules            bool // the model's clean() is there as well
}

// Coverage is what the simulator serves, in the order of the endpoints.
func Coverage() []ModelCoverage {
	var served []ModelCoverage
	for _, m := range builtin().models {
		one := ModelCoverage{Path: m.path, ObjectType: m.kind, UniqueSets: len(m.sets), Notes: m.notes, Fixed: m.fixed, Rules: rules[m.path] != nil || derivations[m.path] != nil}
		for _, f := range m.fields {
			switch {
			case f.hidden && f.readOnly:
				continue
			case f.readOnly:
				one.ReadOnly = append(one.ReadOnly, f.name)
			default:
				one.Fields = append(one.Fields, f.name)
			}
			if f.kind == related || f.toMany() {
				one.Relations++
			}
			if f.choices != nil {
				one.Choices++
			}
		}
		served = append(served, one)
	}
	slices.SortFunc(served, func(a, b ModelCoverage) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return served
}

// NotServed are the endpoints and behaviours of Nautobot 3.1 that the simulator does not have, with what a client sees.
var NotServed = []struct{ What, Instead string }{
	{"/api/cloud/*, /api/wireless/*, /api/vpn/*, /api/load-balancers/*, /api/data-validation/*", "404; `--openapi` adds their models"},
	{"/api/extras/jobs, job-results, job-logs, job-buttons, job-hooks, job-queue-assignments, scheduled-jobs, approval-workflow-*", "404: no job runs"},
	{"/api/extras/image-attachments, file-proxies, user-saved-view-associations", "404"},
	{"/api/dcim/connected-device, console-connections, power-connections, interface-connections", "404; the endpoints of a connection are shown on its ports"},
	{"/api/dcim/front-ports and rear-ports/{id}/paths; /api/dcim/racks/{id}/elevation as a picture (`?render=svg`); /api/dcim/devices/{id}/napalm; /api/extras/dynamic-groups/{id}/members", "404"},
	{"/api/docs/, /api/redoc/ as pages", "404; the document is at /api/docs/?format=openapi, /api/swagger.yaml and swagger.json"},
	{"/api/users/config, /api/users/tokens/authenticate, /api/core/render-jinja-template", "404"},
	{"Object permissions, LDAP and session log-in", "every user with a token may do everything; a token without write_enabled only reads"},
	{"Jinja beyond `{{ obj.name }}` in computed fields: attributes across relations, `obj.cf.KEY`, and the filters upper, lower, trim, length and default are rendered", "the field's fallback value, as where a template fails"},
	{"Relationships: filters of their sides, `required_on`", "kept as data, not enforced"},
	{"Config contexts: those of dynamic groups, schemas", "kept as data, not applied"},
	{"Members of dynamic groups, scope filters of custom fields", "kept as data, not evaluated"},
	{"Webhooks, jobs hooks, Git repositories, secrets", "kept as data; nothing is called, fetched or looked up"},
	{"GraphQL: computed fields and relationships, enum types (a choice is a String with the enum's name)", "an unknown field is refused"},
	{"CSV (`?format=csv`), HTML and image answers", "JSON always"},
	{"Filters through several relations beyond those in models/*.yaml", "400 Unknown filter field"},
}
