package ontap

import "slices"

// Version is the release of ONTAP that is simulated.
const Version = "9.15.1"

// Endpoint is one path with what is served of it, for the coverage table.
type Endpoint struct {
	Path     string   // below /api/
	Methods  []string // on the collection and on its records together
	Async    bool     // changes answer with a job
	Fields   []string // that a client can set
	ReadOnly []string // that it cannot
}

// Coverage is what is served, made from the tables that serve it.
func Coverage() []Endpoint {
	var all []Endpoint
	for _, c := range collections {
		one := Endpoint{Path: c.path, Methods: append([]string{"GET"}, c.methods...), Async: c.async}
		for _, f := range c.fields {
			if f.readOnly || len(c.methods) == 0 {
				one.ReadOnly = append(one.ReadOnly, f.name)
			} else {
				one.Fields = append(one.Fields, f.name)
			}
		}
		slices.Sort(one.Fields)
		slices.Sort(one.ReadOnly)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Endpoint) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return all
}

// NotServed is what of ONTAP is left out, and what a client gets instead.
var NotServed = []struct{ What, Instead string }{
	{"every other endpoint", "404, code 3, API not found; the journal names the closest one that is served"},
	{"fields that the tables below do not have", "an answer without them to whoever asks for one of ONTAP's; 400, code 262179, to whoever sets one"},
	{"PATCH and DELETE of a collection by a query", "405"},
	{"link aggregation groups (type lag)", "400, code 1967083, as for an unknown type"},
	{"work that takes time in a job", "a job is done when its request is answered; without return_timeout the client still has to ask for it"},
	{"space: what volumes take of an aggregate", "an aggregate's figures stay as they are"},
	{"sessions and certificates as logins, roles", "basic authentication of one user who may do everything"},
	{"answers whose code NetApp's API description does not tell", "the status that fits, and the general code 13001"},
}
