package offline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/lint"
)

// Why an expectation cannot be decided without a cluster.
const (
	endsThere    = "how a Workflow ends shows only where it runs"
	namedThere   = "a Workflow that a user submits is made by a cluster"
	writtenThere = "the handlers' pods write the records"
	askedThere   = "the handlers' pods make the requests"
	podsThere    = "pods run in a cluster only"
	objectsThere = "objects are asked of an API server"
	busThere     = "losses, duplicates, order and latency are those of a broker and a bus that run"
)

// Decidable implements scenario.Partial.
func (p *play) Decidable(then scenario.Then) (part scenario.Then, skipped []scenario.Skip) {
	skip := func(field string, index int, of, reason string) {
		name := "then." + field
		if index >= 0 {
			field, rest, _ := strings.Cut(field, ".")
			name = fmt.Sprintf("then.%s[%d]", field, index)
			if rest != "" {
				name += "." + rest
			}
		}
		skipped = append(skipped, scenario.Skip{Name: strings.TrimSpace(name + " " + of), Reason: reason})
	}
	reached := p.reached()
	unknown := func(sensor string) string {
		if p.lost != "" {
			return p.lost
		}
		full := p.fullName(sensor)
		if reason := p.unknown[full]; reason != "" {
			return reason
		}
		return reached[full]
	}
	for i, e := range then.Sensors {
		if reason := unknown(e.Name); reason != "" {
			skip("sensors", i, e.Name, reason)
			continue
		}
		part.Sensors = append(part.Sensors, e)
	}
	for i, e := range then.Workflows {
		if e.Sensor == "" {
			skip("workflows", i, e.Template, namedThere)
			continue
		}
		if reason := unknown(e.Sensor); reason != "" {
			skip("workflows", i, e.Sensor, reason)
			continue
		}
		if e.Phase != "" || e.Message != "" {
			skip("workflows.phase", i, e.Sensor, endsThere)
			e.Phase, e.Message = "", ""
			// Of those that are made, others may end in another way: that so many are made is all that can be asked.
			fewest := 1
			if e.Count != nil {
				fewest = e.Count.Min
			}
			if fewest == 0 {
				continue
			}
			count := scenario.AtLeast(fewest)
			e.Count = &count
		}
		part.Workflows = append(part.Workflows, e)
	}
	for i, e := range then.Nautobot {
		skip("nautobot", i, e.Path, writtenThere)
	}
	for i, e := range then.OpenStack {
		skip("openstack", i, e.Path, writtenThere)
	}
	for i, e := range then.ONTAP {
		skip("ontap", i, e.Path, writtenThere)
	}
	for i, e := range then.Requests {
		skip("requests", i, strings.TrimSpace(e.To+" "+e.Method), askedThere)
	}
	for i, e := range then.Pods {
		skip("pods", i, e.Sensor+e.Template, podsThere)
	}
	for i, e := range then.Objects {
		skip("objects", i, e.Kind, objectsThere)
	}
	if then.Ledger != nil {
		skip("ledger", -1, "", busThere)
	}
	return part, skipped
}

// fullName is a Sensor's namespace/name.
func (p *play) fullName(written string) string {
	for _, s := range p.manifests.graph.Sensors() {
		full := s.GetNamespace() + "/" + s.GetName()
		if full == written || !strings.Contains(written, "/") && s.GetName() == written {
			return full
		}
	}
	return written
}

// reached are the Sensors that may get more events than the scenario sends: the Workflows that it starts have commands that
// make OpenStack's services tell of what they changed. It returns the reason for each.
func (p *play) reached() map[string]string {
	found := map[string]string{}
	if len(p.causes) == 0 {
		return found
	}
	chains := p.manifests.chains()
	type cause struct{ name, way string }
	var open []cause
	for name := range p.causes {
		open = append(open, cause{name, strings.TrimPrefix(name, templatePrefix)})
	}
	slices.SortFunc(open, func(a, b cause) int { return strings.Compare(a.name, b.name) })
	for len(open) > 0 {
		from := open[0]
		open = open[1:]
		for _, raised := range raises(chains, from.name) {
			for _, next := range chains {
				if next.Sensor == "" || found[next.Sensor] != "" || !slices.Contains(next.Starts, raised) {
					continue
				}
				found[next.Sensor] = fmt.Sprintf("the Workflow of %s makes a service send %s, which this Sensor may take: that shows only where it runs", from.way, raised)
				open = append(open, cause{next.Sensor, next.Sensor})
			}
		}
	}
	return found
}

func raises(chains []lint.Chain, name string) []string {
	var all []string
	for _, c := range chains {
		if c.Sensor == name && c.Sensor != "" || templatePrefix+c.Template == name {
			all = append(all, c.Raises...)
		}
	}
	return all
}
