package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/simulators/handlers"
)

// effect is what a Sensor's trigger does in the end: the commands of its workflow with what they write and raise.
type effect struct {
	*trigger
	run     run
	types   []string       // the event types that start it, as far as they are known; sorted
	command []commandUse   // the commands of UnderStack's images that it runs with them
	raises  []raisedEvents // the events that its commands make services send
}

// commandUse is a command that takes events, in a template.
type commandUse struct {
	name string
	step step
}

// raisedEvents are event types, and the command that makes a service send them.
type raisedEvents struct {
	types []string
	by    string
}

// effects are those of all triggers that create a Workflow.
var effects = NewFact(func(in *Input) []effect {
	var all []effect
	for _, r := range runs.Of(in) {
		if r.trigger == nil {
			continue
		}
		e := effect{trigger: r.trigger, run: r, types: startedBy(in, r.trigger)}
		for _, s := range r.steps(in) {
			for _, words := range s.words() {
				name := path.Base(words[0])
				if taken := handlers.EventTypes(name); len(taken) > 0 {
					e.command = append(e.command, commandUse{name, s})
				}
				for _, eventType := range e.types {
					for _, handler := range handlers.EventHandlers(name, eventType) {
						if len(handler.Raises) > 0 {
							e.raises = append(e.raises, raisedEvents{handler.Raises, name + " (" + handler.Name + ")"})
						}
					}
				}
				if types, command := openstackRaises(words); len(types) > 0 {
					e.raises = append(e.raises, raisedEvents{types, command})
				}
			}
		}
		all = append(all, e)
	}
	return all
})

// startedBy are the event types that can start a trigger.
func startedBy(in *Input, t *trigger) []string {
	var types []string
	for _, d := range sensorDependencies.Of(in) {
		if d.sensor.Unstructured == t.sensor.Unstructured && conditionNames(t.Template.Conditions, d.spec.Name) {
			types = append(types, d.admittedTypes()...)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// conditionNames reports whether a trigger's conditions name a dependency; without conditions they name all.
func conditionNames(conditions, dependency string) bool {
	if conditions == "" {
		return true
	}
	return slices.Contains(strings.FieldsFunc(conditions, func(c rune) bool { return strings.ContainsRune("&|()! \t\n", c) }), dependency)
}

// writes are the records that the trigger's workflow writes for an event type.
func (e effect) writes(eventType string) []handlers.Record {
	var records []handlers.Record
	for _, use := range e.command {
		for _, handler := range handlers.EventHandlers(use.name, eventType) {
			records = append(records, handler.Writes...)
		}
	}
	slices.Sort(records)
	return slices.Compact(records)
}

// serialised reports whether the workflow takes a mutex or a semaphore, as a whole or in a step that works on the event.
func (e effect) serialised() bool {
	if e.run.Synchronization != nil || e.run.base != nil && e.run.base.Synchronization != nil {
		return true
	}
	return slices.ContainsFunc(e.command, func(use commandUse) bool { return use.step.template.Synchronization != nil })
}

// stateCommands are the words behind `openstack baremetal node` that change a node's provision state; the value tells
// whether the node's power is switched on the way.
var stateCommands = map[string]bool{
	"manage": false, "adopt": false, "abort": false, "provide": true, "clean": true, "deploy": true, "undeploy": true,
	"rebuild": true, "inspect": true, "rescue": true, "unrescue": true, "service": true,
}

// openstackWords are the first words of the commands that openstackRaises knows.
var openstackWords = []string{"baremetal", "project", "network", "subnet", "port", "router", "volume"}

// enrolments are the commands of UnderStack's images that make or change nodes and ports in Ironic, with what Ironic sends.
var enrolments = map[string][]string{"enroll-netdev": enrolled, "enroll-fw": enrolled, "enroll-server": append(slices.Clone(enrolled), "baremetal.node.power_set.start", "baremetal.node.power_set.end")}

var enrolled = []string{
	"baremetal.node.create.start", "baremetal.node.create.end", "baremetal.node.update.start", "baremetal.node.update.end",
	"baremetal.port.create.start", "baremetal.port.create.end", "baremetal.port.update.start", "baremetal.port.update.end",
	"baremetal.node.provision_set.start", "baremetal.node.provision_set.end", "baremetal.node.provision_set.success",
}

// openstackRaises are the types of the events that services send when the openstack command line is called so, and the call in
// short. It knows the calls that change what UnderStack's Sensors listen to (nodes, ports, portgroups, projects, networks, volume types).
func openstackRaises(words []string) ([]string, string) {
	if name := path.Base(words[0]); enrolments[name] != nil {
		return slices.Clone(enrolments[name]), name
	}
	at := slices.IndexFunc(words, func(word string) bool { return path.Base(word) == "openstack" })
	if at < 0 {
		return nil, ""
	}
	var args []string
	for _, word := range words[at+1:] {
		if !strings.HasPrefix(word, "-") {
			args = append(args, strings.Trim(word, `"';`))
		}
	}
	// Values of options before the first word of the command are no part of it.
	if first := slices.IndexFunc(args, func(arg string) bool { return slices.Contains(openstackWords, arg) }); first > 0 {
		args = args[first:]
	}
	phases := func(prefix string) []string { return []string{prefix + ".start", prefix + ".end"} }
	is := func(prefix ...string) bool {
		return len(args) > len(prefix) && slices.Equal(args[:len(prefix)], prefix)
	}
	short := func(n int) string { return "openstack " + strings.Join(args[:min(n, len(args))], " ") }
	verbs := map[string]string{"create": "create", "delete": "delete", "set": "update", "unset": "update"}
	switch {
	case is("baremetal", "node"):
		verb := args[2]
		if power, ok := stateCommands[verb]; ok {
			types := append(phases("baremetal.node.provision_set"), "baremetal.node.provision_set.success")
			if power {
				types = append(types, phases("baremetal.node.power_set")...)
			}
			return types, short(3)
		}
		switch verb {
		case "power", "reboot":
			return phases("baremetal.node.power_set"), short(3)
		case "maintenance":
			return phases("baremetal.node.maintenance_set"), short(3)
		}
		if event, ok := verbs[verb]; ok {
			return phases("baremetal.node." + event), short(3)
		}
	case is("baremetal", "port", "group"):
		if event, ok := verbs[args[3]]; ok {
			return phases("baremetal.portgroup." + event), short(4)
		}
	case is("baremetal", "port"):
		if event, ok := verbs[args[2]]; ok {
			return phases("baremetal.port." + event), short(3)
		}
	case is("project"):
		if event, ok := map[string]string{"create": "created", "delete": "deleted", "set": "updated"}[args[1]]; ok {
			return []string{"identity.project." + event}, short(2)
		}
	case is("network", "segment", "range"):
		if event, ok := verbs[args[3]]; ok {
			return phases("network_segment_range." + event), short(4)
		}
	case is("network"), is("subnet"), is("port"), is("router"):
		if event, ok := verbs[args[1]]; ok {
			return phases(args[0] + "." + event), short(2)
		}
	case is("volume", "type"):
		switch args[2] {
		case "set":
			return []string{"volume_type_project.access.add"}, short(3)
		case "unset":
			return []string{"volume_type_project.access.remove"}, short(3)
		}
	}
	return nil, ""
}

// common are the values that both lists have.
func common[T comparable](a, b []T) []T {
	var both []T
	for _, value := range a {
		if slices.Contains(b, value) && !slices.Contains(both, value) {
			both = append(both, value)
		}
	}
	return both
}

// sensorName names a Sensor with its namespace.
func sensorName(sensor pipeline.Sensor) string {
	return strings.TrimPrefix(sensor.GetNamespace()+"/"+sensor.GetName(), "/")
}
