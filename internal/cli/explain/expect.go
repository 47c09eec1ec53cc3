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

// expected is what --expect says of one Sensor.
type expected struct {
	sensor string // namespace/name
	fires  bool
}

type expectedAll []expected

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
			all = append(all, expected{fits[0], verdict == "fires"})
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

// check holds the results against the expectations.
func (all expectedAll) check(results []evaluate.Result) error {
	var failures []string
	for _, want := range all {
		var fired, silent []string
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
				fired = append(fired, result.Event.Place())
			} else {
				silent = append(silent, result.Event.Place()+": "+why)
			}
		}
		switch {
		case want.fires && len(fired) == 0:
			failures = append(failures, fmt.Sprintf("%s does not fire: %s", want.sensor, strings.Join(first(silent, 3), "; ")))
		case !want.fires && len(fired) > 0:
			failures = append(failures, fmt.Sprintf("%s fires: %s", want.sensor, strings.Join(first(fired, 3), ", ")))
		}
	}
	if len(failures) == 0 {
		return nil
	}
	slices.Sort(failures)
	return failure.New(failure.Check, "", "not as expected: %s", strings.Join(slices.Compact(failures), "\n  "))
}

func first(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), fmt.Sprintf("and %d more", len(list)-n))
}
