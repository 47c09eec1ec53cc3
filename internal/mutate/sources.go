package mutate

import (
	"net/url"
	"slices"
	"strings"
)

// events calls do for each event of a type (amqp, webhook, resource; "" for every type) of an EventSource, with its path.
func (m *maker) events(kind string, do func(path []any)) {
	if !m.is(argo, "EventSource") {
		return
	}
	for _, event := range m.graph.Events() {
		if event.Source.Unstructured == m.object.Unstructured && (kind == "" || event.Type == kind) {
			do([]any{"spec", event.Type, event.Name})
		}
	}
}

func sourceRoute(m *maker) {
	m.events("amqp", func(path []any) {
		for _, field := range []string{"exchangeName", "routingKey"} {
			if m.has(below(path, field)...) {
				m.set(below(path, field), other(m.textAt(below(path, field)...)))
			}
		}
		if kind := m.textAt(below(path, "exchangeType")...); kind != "" {
			another := "topic"
			if kind == another {
				another = "direct"
			}
			m.set(below(path, "exchangeType"), another)
		}
		if address, err := url.Parse(m.textAt(below(path, "url")...)); err == nil && strings.Trim(address.Path, "/") != "" {
			address.Path += mark
			m.set(below(path, "url"), address.String())
		}
	})
}

func sourceQueue(m *maker) {
	m.events("amqp", func(path []any) {
		if name := m.textAt(below(path, "queueDeclare", "name")...); name != "" {
			m.set(below(path, "queueDeclare", "name"), name+mark)
		}
		for _, field := range [][]any{{"exchangeDeclare", "durable"}, {"queueDeclare", "durable"}, {"queueDeclare", "exclusive"}, {"queueDeclare", "autoDelete"},
			{"queueDeclare", "noWait"}, {"consume", "autoAck"}, {"consume", "exclusive"}, {"consume", "consumerTag"}, {"jsonBody"}} {
			if value, there := at(m.object.Object, below(path, field...)); there {
				m.set(below(path, field...), other(value))
			}
		}
	})
}

func sourceWebhook(m *maker) {
	m.events("webhook", func(path []any) {
		for _, field := range []string{"endpoint", "method"} {
			switch value := m.textAt(below(path, field)...); {
			case value == "POST":
				m.set(below(path, field), "PUT")
			case field == "method" && value != "":
				m.set(below(path, field), "POST")
			case value != "":
				m.set(below(path, field), value+mark)
			}
		}
	})
}

func sourceResource(m *maker) {
	m.events("resource", func(path []any) {
		for _, field := range []string{"namespace", "resource"} {
			if value := m.textAt(below(path, field)...); value != "" {
				m.set(below(path, field), value+mark)
			}
		}
		types := m.listAt(below(path, "eventTypes")...)
		for i := range types {
			if len(types) > 1 {
				m.drop(below(path, "eventTypes", i))
			}
		}
		for _, kind := range []string{"ADD", "UPDATE", "DELETE"} {
			if len(types) > 0 && !slices.Contains(types, any(kind)) {
				m.set(below(path, "eventTypes"), append(slices.Clone(types), kind))
			}
		}
		for _, list := range []string{"labels", "fields"} {
			for i := range m.listAt(below(path, "filter", list)...) {
				m.drop(below(path, "filter", list, i))
				m.set(below(path, "filter", list, i, "key"), m.textAt(below(path, "filter", list, i, "key")...)+mark)
			}
		}
	})
}

func sourceDrop(m *maker) {
	var all [][]any
	m.events("", func(path []any) { all = append(all, path) })
	for _, path := range all {
		switch kind := path[1].(string); {
		case len(all) == 1:
			m.remove() // without an event there is no EventSource
		case len(m.fieldsAt("spec", kind)) > 1:
			m.drop(path)
		default:
			m.drop(path[:2])
		}
	}
}
