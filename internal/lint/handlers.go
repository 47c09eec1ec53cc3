package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/handlers"
)

// handlerRules are about the commands of UnderStack's images and the events that they take.
var handlerRules = []Rule{
	{
		ID: "handlers/unhandled", Severity: Warning, Title: "An event type that a Sensor lets through and no handler takes",
		Why: "The Workflow is created, its pod starts, and the command ends with an error: openstack-oslo-event with exit code 6, sync-keystone and sync-network-segment-range with 2. " +
			"Which types each takes is known for the commands of UnderStack's images (rackerlabs/understack 2c8c08d3).",
		Bad:   ironicSource + osloSensor("ironic-node", "^baremetal.node.maintenance_set.end$", "") + osloTemplate,
		Good:  ironicSource + osloSensor("ironic-node", "^baremetal.node.update.end$", "") + osloTemplate,
		Check: checkUnhandled,
	},
	{
		ID: "handlers/unreached", Severity: Info, Everywhere: true, Title: "Event types that a handler takes and no Sensor hands it",
		Why: "The templates of the graph run the command, and some Sensor reaches it, but not with these types: the code for them never runs. It may wait for another Sensor, or be left over.",
		Bad: ironicSource + osloSensor("ironic-node", "^baremetal.node.update.end$", "") + osloTemplate,
		Good: ironicSource + strings.Replace(osloSensor("network-segment-range", "^baremetal.node.update.end$", ""), "openstack-oslo-event", "undersync-switch", 1) +
			strings.NewReplacer("openstack-oslo-event", "undersync-switch").Replace(osloTemplate),
		Check: checkUnreached,
	},
	{
		ID: "handlers/no-such-command", Severity: Warning, Title: "A command that UnderStack's images no longer have",
		Why:   "The pod fails at its start: the executable is not found. The console scripts are those of `pyproject.toml` of understack-workflows.",
		Bad:   strings.NewReplacer("entrypoint: main", "entrypoint: main\n  serviceAccountName: workflow", "[openstack-oslo-event]", "[sync-provision-state]", "[--file, /tmp/event.json]", "[/tmp/event.json]").Replace(strings.TrimPrefix(strings.Replace(osloTemplate, "  serviceAccountName: workflow\n", "", 1), "---\n")),
		Good:  strings.TrimPrefix(osloTemplate, "---\n"),
		Check: checkNoSuchCommand,
	},
}

func checkUnhandled(in *Input, report Report) {
	for _, e := range effects.Of(in) {
		seen := map[string]bool{}
		for _, use := range e.command {
			if seen[use.name] {
				continue
			}
			seen[use.name] = true
			taken := handlers.EventTypes(use.name)
			var unhandled []string
			for _, eventType := range e.types {
				if !slices.Contains(taken, eventType) {
					unhandled = append(unhandled, eventType)
				}
			}
			if len(unhandled) > 0 {
				report(e.sensor.Object, e.where(), fmt.Sprintf("trigger %s: %s, which %s runs, does not take %s", e.name(), use.name, "template "+use.step.template.Name, listed(unhandled, 4)),
					"narrow the filter on the event type, or add a handler")
			}
		}
	}
}

func checkUnreached(in *Input, report Report) {
	reached := map[string][]string{} // command to event types
	at := map[string]step{}
	var order []string
	for _, e := range effects.Of(in) {
		for _, use := range e.command {
			if _, ok := at[use.name]; !ok {
				at[use.name] = use.step
				order = append(order, use.name)
			}
			reached[use.name] = append(reached[use.name], e.types...)
		}
	}
	for _, name := range order {
		if len(reached[name]) == 0 {
			continue // by events of which nothing is known
		}
		var unreached []string
		for _, eventType := range handlers.EventTypes(name) {
			if !slices.Contains(reached[name], eventType) {
				unreached = append(unreached, eventType)
			}
		}
		if len(unreached) > 0 {
			report(at[name].at, at[name].path, fmt.Sprintf("%s takes %s too, which no Sensor hands it", name, listed(unreached, 6)), "add a Sensor for them, or take the handlers out")
		}
	}
	for _, template := range in.Graph.WorkflowTemplates() {
		for i := range template.Typed.Spec.Templates {
			s := step{&template.Typed.Spec.Templates[i], template.Object, pipeline.Path("spec", "templates", i), nil}
			for _, words := range s.words() {
				name := path.Base(words[0])
				if _, ok := at[name]; !ok && len(handlers.EventTypes(name)) > 0 && len(in.Graph.Sensors()) > 0 {
					at[name] = s
					report(template.Object, s.path, fmt.Sprintf("no Sensor starts a workflow that runs %s", name), "")
				}
			}
		}
	}
}

func checkNoSuchCommand(in *Input, report Report) {
	for _, template := range in.Graph.WorkflowTemplates() {
		for i := range template.Typed.Spec.Templates {
			s := step{&template.Typed.Spec.Templates[i], template.Object, pipeline.Path("spec", "templates", i), nil}
			for _, words := range s.words() {
				if name := path.Base(words[0]); handlers.Gone(name) {
					report(template.Object, s.path, fmt.Sprintf("template %s runs %s, which UnderStack's images no longer have", s.template.Name, name), "take the template out, or name the command that took its place")
				}
			}
		}
	}
}
