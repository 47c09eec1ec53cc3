package openstack

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/simulators/openstack/core"
)

// Call is a call of a service's API.
type Call struct {
	Service, Method, Path string // Path is with the service's prefix; {name} stands for any one segment
	Note                  string
}

// Served are the calls that are served.
func Served() []Call {
	var calls []Call
	for _, service := range New(Config{}).services {
		for _, route := range service.Routes {
			calls = append(calls, Call{service.Name, route.Method, service.Prefix + strings.TrimSuffix(route.Path, "{$}"), route.Note})
		}
	}
	return calls
}

// Coverage writes which calls are served and which of each service's API are not, as Markdown.
func Coverage() []byte {
	out := &bytes.Buffer{}
	out.WriteString(`# OpenStack: what is simulated

Generated from the code by ` + "`make generate`" + `. One listener serves every service under its prefix; Keystone is served at
the root, too. The catalog names each service under the address that the client used.

What holds everywhere: any valid token may do everything (no policy), identifiers are drawn from the seed, a change through
the API is told by the notifications that the real service sends (` + "`eventrig publish --list`" + ` has their names), and
what goes wrong is answered in the service's own words.

A bare metal node whose ` + "`extra`" + ` has ` + "`eventrig_fail`" + ` fails as broken hardware would at the operation that it
names: verify, inspect, clean, deploy, delete, rescue, unrescue, adopt, service or power.
`)
	services := New(Config{}).services
	out.WriteString("\n| service | prefix | type in the catalog | calls served |\n|---|---|---|---|\n")
	for _, s := range services {
		fmt.Fprintf(out, "| %s | `%s` | %s | %d |\n", s.Name, s.Prefix, strings.Join(append([]string{s.Type}, s.Aliases...), ", "), len(s.Routes))
	}
	for _, s := range services {
		fmt.Fprintf(out, "\n## %s\n\n| path below `%s` | methods | note |\n|---|---|---|\n", s.Name, s.Prefix)
		for _, row := range rows(s.Routes) {
			fmt.Fprintf(out, "| `%s` | %s | %s |\n", row.path, strings.Join(row.methods, ", "), strings.Join(row.notes, "; "))
		}
		fmt.Fprintf(out, "\nNot served:\n\n| path | methods | note |\n|---|---|---|\n")
		for _, missing := range s.Missing {
			methods := missing.Method
			if methods == "*" {
				methods = "all"
			}
			fmt.Fprintf(out, "| `%s` | %s | %s |\n", missing.Path, methods, missing.Note)
		}
	}
	return out.Bytes()
}

type row struct {
	path           string
	methods, notes []string
}

// rows puts the methods of one path together.
func rows(routes []core.Route) []row {
	byPath := map[string]*row{}
	for _, route := range routes {
		path := cmp.Or(strings.TrimSuffix(route.Path, "{$}"), "/")
		if byPath[path] == nil {
			byPath[path] = &row{path: path}
		}
		byPath[path].methods = append(byPath[path].methods, route.Method)
		if route.Note != "" && !slices.Contains(byPath[path].notes, route.Note) {
			byPath[path].notes = append(byPath[path].notes, route.Note)
		}
	}
	var all []row
	for _, one := range byPath {
		slices.SortFunc(one.methods, func(a, b string) int { return order(a) - order(b) })
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b row) int { return strings.Compare(a.path, b.path) })
	return all
}

func order(method string) int {
	return slices.Index([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method)
}
