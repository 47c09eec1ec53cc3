package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// expected is what --expect says of one Sensor, and what was seen of it.
type expected struct {
	sensor string // namespace/name
	fires  bool

	fired, silent few
}

type expectedAll []*expected

// few are the first of many.
type few struct {
	first []string
	count int
}

func (f *few) add(text string) {
	if f.count++; f.count <= 3 {
		f.first = append(f.first, text)
	}
}

func (f few) text(separator string) string {
	all := slices.Clone(f.first)
	if more := f.count - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, separator)
}

// expectations reads --expect; a Sensor that there is not is bad input, because it could never fail.
func expectations(graph *pipeline.Graph, texts []string) (expectedAll, error) {
	var all expectedAll
	names := sensorNames(graph)
	for _, text := range texts {
		sensor, verdict, _ := strings.Cut(text, "=")
		if verdict != "fires" && verdict != "silent" {
			return nil, failure.New(failure.BadInput, "such as keystone-event-project=fires, or openstack/nova-oslo-event=silent", "--expect %q is not SENSOR=fires or SENSOR=silent", text)
		}
		var fits []string
		for _, name := range names {
			if name == sensor || strings.HasSuffix(name, "/"+sensor) {
				fits = append(fits, name)
			}
		}
		switch len(fits) {
		case 0:
			return nil, failure.New(failure.BadInput, "the nearest: "+strings.Join(nearestNames(sensor, names), ", "), "--expect %q: there is no Sensor %s", text, sensor)
		case 1:
			all = append(all, &expected{sensor: fits[0], fires: verdict == "fires"})
		default:
			return nil, failure.New(failure.BadInput, "give the namespace, too", "--expect %q: there is %s", text, strings.Join(fits, " and "))
		}
	}
	return all, nil
}

func nearestNames(name string, all []string) []string {
	if strings.Contains(name, "/") {
		return nearest.Names(name, all, 3)
	}
	// Without a namespace only the name is to be compared.
	short := map[string]string{}
	var names []string
	for _, full := range all {
		_, last, _ := strings.Cut(full, "/")
		short[last] = full
		names = append(names, last)
	}
	found := nearest.Names(name, names, 3)
	for i := range found {
		found[i] = short[found[i]]
	}
	return found
}

// see takes in what the Sensors do with some events.
func (all expectedAll) see(results []evaluate.Result) {
	for _, want := range all {
		for _, result := range results {
			fires, why := false, ""
			for i := range result.Outcomes {
				o := &result.Outcomes[i]
				if o.Name() != want.sensor {
					continue
				}
				fires = fires || o.Verdict == evaluate.Fires
				if why == "" || o.Near {
					why = o.Reason()
				}
			}
			if fires {
				want.fired.add(result.Event.Place())
			} else {
				want.silent.add(result.Event.Place() + ": " + why)
			}
		}
	}
}

// check holds what was seen against the expectations.
func (all expectedAll) check() error {
	var failures []string
	for _, want := range all {
		switch {
		case want.fires && want.fired.count == 0:
			failures = append(failures, fmt.Sprintf("%s does not fire: %s", want.sensor, want.silent.text("; ")))
		case !want.fires && want.fired.count > 0:
			failures = append(failures, fmt.Sprintf("%s fires: %s", want.sensor, want.fired.text(", ")))
		}
	}
	if len(failures) == 0 {
		return nil
	}
	slices.Sort(failures)
	return failure.New(failure.Check, "", "not as expected: %s", strings.Join(slices.Compact(failures), "\n  "))
}
