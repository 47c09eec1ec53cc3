package mutate

import "strings"

// triggers calls do for each trigger of a Sensor, with its path.
func (m *maker) triggers(do func(path []any)) {
	if !m.is(argo, "Sensor") {
		return
	}
	for i := range m.listAt("spec", "triggers") {
		do([]any{"spec", "triggers", i})
	}
}

// makers are the kinds of triggers that create an object.
var makers = []string{"k8s", "argoWorkflow"}

// created calls do for each object that a trigger of the Sensor creates, with the path of the kind of trigger and the object.
func (m *maker) created(do func(trigger, object []any)) {
	m.triggers(func(path []any) {
		for _, kind := range makers {
			if object := below(path, "template", kind, "source", "resource"); m.has(object...) {
				do(below(path, "template", kind), object)
			}
		}
	})
}

func triggerDrop(m *maker) {
	if triggers := m.listAt("spec", "triggers"); m.is(argo, "Sensor") && len(triggers) == 1 {
		m.remove() // a Sensor has at least one
		return
	}
	m.triggers(m.drop)
}

func triggerConditions(m *maker) {
	m.triggers(func(path []any) {
		conditions := m.textAt(below(path, "template", "conditions")...)
		if conditions == "" {
			return
		}
		m.drop(below(path, "template", "conditions"))
		if turned := strings.NewReplacer("&&", "||", "||", "&&").Replace(conditions); turned != conditions {
			m.set(below(path, "template", "conditions"), turned)
		}
	})
}

func triggerDelivery(m *maker) {
	m.triggers(func(path []any) {
		for _, field := range []string{"retryStrategy", "rateLimit", "dlqTrigger"} {
			if m.has(below(path, field)...) {
				m.drop(below(path, field))
			}
		}
		if value, there := at(m.object.Object, below(path, "atLeastOnce")); there {
			m.set(below(path, "atLeastOnce"), other(value))
		}
	})
}

func triggerOperation(m *maker) {
	m.created(func(trigger, _ []any) {
		operation := below(trigger, "operation")
		switch m.textAt(operation...) {
		case "create", "submit", "":
			m.set(operation, map[string]string{"k8s": "update", "argoWorkflow": "stop"}[trigger[len(trigger)-1].(string)])
		case "update":
			m.set(operation, "create")
		default:
			m.set(operation, map[string]string{"k8s": "create", "argoWorkflow": "submit"}[trigger[len(trigger)-1].(string)])
		}
	})
}

// createdNamespace puts what a trigger creates into another namespace of the manifests, or into the Sensor's own.
func createdNamespace(m *maker) {
	m.created(func(_, object []any) {
		path := below(object, "metadata", "namespace")
		if m.has(path...) {
			m.drop(path)
		}
		written := m.textAt(path...)
		if written == "" {
			written = m.object.GetNamespace()
		}
		for _, namespace := range m.graph.Namespaces() {
			// Without one of its own it goes into the Sensor's.
			if namespace != written && (namespace != m.object.GetNamespace() || !m.has(path...)) {
				m.set(path, namespace)
				return
			}
		}
	})
}
