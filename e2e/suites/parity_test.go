package suites_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/received"
)

// evaluationSpecs hold what internal/evaluate says against what Argo does.
func evaluationSpecs() {
	It("agrees with every Sensor about every event of the corpus", func(ctx SpecContext) {
		graph, _, err := rig.Manifests(understack)
		Expect(err).NotTo(HaveOccurred())
		evaluator, err := evaluate.New(graph, evaluate.Options{})
		Expect(err).NotTo(HaveOccurred())
		Expect(tree.Observer().Ready(ctx)).To(Succeed())
		var names, keys []string
		var events []message.Event
		for _, one := range corpus() {
			messages, err := tree.Messages(ctx, one.step)
			Expect(err).NotTo(HaveOccurred(), one.name)
			for _, m := range messages {
				if m.Source == "" && !slices.Contains(tree.Status().AMQP.VHosts, m.VHost) {
					continue // a service that UnderStack's RabbitMQ has no place for
				}
				m.Time = time.Now()
				tracked, err := tree.Observer().Track([]scenario.Published{m.Published})
				Expect(err).NotTo(HaveOccurred(), one.name)
				Expect(m.Send(ctx)).To(Succeed(), one.name)
				event, err := received.Event(m.Published)
				Expect(err).NotTo(HaveOccurred(), one.name)
				names, keys, events = append(names, one.name), append(keys, tracked[0]), append(events, event)
			}
		}
		Expect(scenario.Settle(ctx, tree.Observer(), keys)).To(Succeed())
		byKey := recordsByKey(tree.Ledger().Of(keys...))
		var mismatches []string
		fires := 0
		for i, result := range evaluator.Run(events) {
			seen, said := sawOf(byKey[keys[i]]), evaluated(result)
			for _, sensor := range union(seen, said) {
				if strings.Contains(said[sensor], "succeeded") {
					fires++
				}
				if seen[sensor] != said[sensor] {
					mismatches = append(mismatches, fmt.Sprintf("%s (%s), %s:\n  observed:  %s\n  evaluated: %s", names[i], keys[i], sensor, orNothing(seen[sensor]), orNothing(said[sensor])))
				}
			}
		}
		AddReportEntry("corpus", fmt.Sprintf("%d events, %d of them started something", len(events), fires))
		Expect(mismatches).To(BeEmpty(), "%d mismatches over %d events:\n%s", len(mismatches), len(events), strings.Join(mismatches, "\n"))
		Expect(fires).To(BeNumerically(">", 40), "the corpus lets Sensors fire")
	}, NodeTimeout(15*time.Minute))

	It("agrees with what becomes of Secrets", func(ctx SpecContext) {
		secret := func(name string, labels map[string]any) map[string]any {
			return map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": "openstack", "labels": labels}, "stringData": map[string]any{"password": "p"}}
		}
		const user, role = "understack.rackspace.com/keystone-user", "understack.rackspace.com/keystone-role"
		_, undo, err := tree.Apply(ctx, []map[string]any{
			secret("parity-without-labels", nil), secret("parity-without-role", map[string]any{user: "u"}), secret("parity-user", map[string]any{user: "u", role: "tenant-read"}),
		})
		Expect(err).NotTo(HaveOccurred())
		secrets := func() []message.Event {
			var found []message.Event
			for _, seen := range tree.Observer().(*observe.Observer).Events() {
				if seen.Name == "k8s-openstack-secrets" && strings.Contains(string(seen.Data), "parity-") {
					written, err := json.Marshal(map[string]any{"specversion": "1.0", "id": seen.ID, "source": seen.Name, "subject": seen.Event, "type": "resource", "data": seen.Data})
					Expect(err).NotTo(HaveOccurred())
					events, err := message.Parse(seen.Key, written)
					Expect(err).NotTo(HaveOccurred())
					found = append(found, events...)
				}
			}
			return found
		}
		Eventually(ctx, func() int { return len(secrets()) }).WithTimeout(30 * time.Second).Should(BeNumerically(">=", 1))
		_, err = undo(ctx)
		Expect(err).NotTo(HaveOccurred())
		// Of those without the role only the deletion is told.
		Eventually(ctx, func() []string {
			var all []string
			for _, event := range secrets() {
				all = append(all, event.EventName)
			}
			slices.Sort(all)
			return all
		}).WithTimeout(30 * time.Second).Should(Equal([]string{"keystone-automation-user-delete", "keystone-automation-user-delete", "keystone-automation-user-upsert"}))
		graph, _, err := rig.Manifests(understack)
		Expect(err).NotTo(HaveOccurred())
		evaluator, err := evaluate.New(graph, evaluate.Options{})
		Expect(err).NotTo(HaveOccurred())
		events := secrets()
		for i, result := range evaluator.Run(events) {
			said := evaluated(result)
			Expect(said).To(HaveLen(1), "%+v", said)
			Eventually(ctx, func() map[string]string {
				var its []ledger.Record
				for _, r := range tree.Ledger().Records() {
					if r.EventID == events[i].CloudEventID {
						its = append(its, r)
					}
				}
				return sawOf(its)
			}).WithTimeout(30 * time.Second).Should(Equal(said))
		}
	}, NodeTimeout(3*time.Minute))
}

// disparities are what a scenario's results on a rig and without one do not agree about: its verdict, as far as there is one
// without a rig, and what each Sensor made of each message.
func disparities(there, here scenario.Result) []string {
	var all []string
	if here.Verdict != scenario.Skipped && here.Verdict != there.Verdict {
		all = append(all, fmt.Sprintf("embedded %s, offline %s\n%s%s", there.Verdict, here.Verdict, there.String(), here.String()))
	}
	if here.Verdict == scenario.Skipped && len(here.Timeline) == 0 {
		return all // it is for other tiers
	}
	// Messages have other ids each time, and the order in which the scenario sends them.
	observations, evaluations := inOrder(there.Timeline), inOrder(here.Timeline)
	if len(observations) != len(evaluations) {
		return append(all, fmt.Sprintf("%d messages embedded, %d offline", len(observations), len(evaluations)))
	}
	for i := range observations {
		seen, said := decisions(observations[i]), decisions(evaluations[i])
		for _, sensor := range union(seen, said) {
			if seen[sensor] != said[sensor] {
				all = append(all, fmt.Sprintf("message %d, %s:\n  embedded: %s\n  offline:  %s", i+1, sensor, orNothing(seen[sensor]), orNothing(said[sensor])))
			}
		}
	}
	return all
}

func recordsByKey(records []ledger.Record) map[string][]ledger.Record {
	found := map[string][]ledger.Record{}
	for _, r := range records {
		found[r.MessageID] = append(found[r.MessageID], r)
		for _, candidate := range r.Candidates {
			found[candidate] = append(found[candidate], r)
		}
	}
	return found
}

// decisions say for each Sensor what its triggers did with a message, by the ledger.
func decisions(records []ledger.Record) map[string]string {
	parts := map[string][]string{}
	for _, r := range records {
		if r.Hop == ledger.Decided || r.Hop == ledger.Triggered {
			parts[r.Sensor] = append(parts[r.Sensor], r.Trigger+": "+r.Verdict)
		}
	}
	return joined(parts)
}

func joined(parts map[string][]string) map[string]string {
	found := map[string]string{}
	for sensor, all := range parts {
		slices.Sort(all)
		found[sensor] = strings.Join(all, "; ")
	}
	return found
}

// sawOf adds to the decisions the parameters of the Workflows that came of them.
func sawOf(records []ledger.Record) map[string]string {
	found := decisions(records)
	// As they were created: the controller puts what {{workflow.name}} and the like stand for into a Workflow's own arguments.
	first := map[string]ledger.Record{}
	for _, r := range records {
		if _, known := first[r.Object]; r.Hop == ledger.Workflow && !known {
			first[r.Object] = r
		}
	}
	// Events that are alike and come at once make Workflows that are alike: which is whose nobody can tell, and each made one when
	// there are not more of them than of the events.
	made, may := map[[2]string]int{}, map[[2]string]map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		r := first[name]
		which := [2]string{r.Sensor, strings.SplitN(name, "/", 3)[0] + " " + parametersText(scenario.ParametersOf(r))}
		if !r.Ambiguous {
			found[r.Sensor] += "; " + which[1]
			continue
		}
		made[which]++
		for _, key := range r.Candidates {
			if may[which] == nil {
				may[which] = map[string]bool{}
			}
			may[which][key] = true
		}
	}
	for which, n := range made {
		found[which[0]] += "; " + which[1]
		if n > len(may[which]) {
			found[which[0]] += fmt.Sprintf(" (%d of %d messages)", n, len(may[which]))
		}
	}
	return found
}

// evaluated says the same by evaluation.
func evaluated(result evaluate.Result) map[string]string {
	parts := map[string][]string{}
	objects := map[string]string{}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		verdict := ""
		switch {
		case o.Source == nil || o.Step == "eventsource" || result.Found.Tried:
			continue
		case o.Doubt != "":
			parts[o.Name()] = append(parts[o.Name()], "doubt: "+o.Doubt)
			continue
		case o.Step == "transform":
			verdict = "transform-error"
		case o.Step == "filter" && o.FilterError != "":
			verdict = "filter-error"
		case o.Step == "filter":
			verdict = "filtered"
		}
		if verdict != "" {
			for _, trigger := range o.Listeners {
				parts[o.Name()] = append(parts[o.Name()], trigger+": "+verdict)
			}
			continue
		}
		for _, t := range o.Triggers {
			switch {
			case !t.Met:
				parts[o.Name()] = append(parts[o.Name()], t.Name+": waiting")
			case t.Error != "":
				parts[o.Name()] = append(parts[o.Name()], t.Name+": failed", t.Name+": fires")
			default:
				parts[o.Name()] = append(parts[o.Name()], t.Name+": fires", t.Name+": succeeded")
				objects[o.Name()] += "; " + objectText(t)
			}
		}
	}
	found := joined(parts)
	for sensor, text := range objects {
		found[sensor] += text
	}
	return found
}

func objectText(t evaluate.Trigger) string {
	var object unstructured.Unstructured
	if err := json.Unmarshal(t.Object, &object.Object); err != nil {
		return "no object: " + err.Error()
	}
	given := map[string]string{}
	list, _, _ := unstructured.NestedSlice(object.Object, "spec", "arguments", "parameters")
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok && fields["value"] != nil {
			given[fmt.Sprint(fields["name"])] = fmt.Sprint(fields["value"])
		}
	}
	return object.GetKind() + " " + parametersText(given)
}

// parametersText shortens the values: whole notifications are compared by what they hold, in the order of its keys.
func parametersText(parameters map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, parameters[name]))
	}
	return strings.Join(parts, " ")
}

func union(a, b map[string]string) []string {
	all := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(all)
	return slices.Compact(all)
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	if len(text) > 2000 {
		return text[:2000] + "…"
	}
	return text
}

// inOrder are the records of each message that a scenario sent, in the order in which it did. What an API server tells of objects
// that were applied, and what pods cause, there is only on a rig.
func inOrder(timeline []ledger.Record) [][]ledger.Record {
	var order []string
	for _, r := range timeline {
		if r.Hop == ledger.Published && r.Verdict != "applied" && r.Details["caused"] == nil && !slices.Contains(order, r.MessageID) {
			order = append(order, r.MessageID)
		}
	}
	byKey := recordsByKey(timeline)
	var all [][]ledger.Record
	for _, key := range order {
		all = append(all, byKey[key])
	}
	return all
}
