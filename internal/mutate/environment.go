package mutate

func env(m *maker) {
	m.containers(func(container []any) {
		list := below(container, "env")
		for i := range m.listAt(list...) {
			m.drop(below(list, i))
			if value, there := at(m.object.Object, below(list, i, "value")); there {
				m.set(below(list, i, "value"), other(value))
			}
		}
	})
}

func envFrom(m *maker) {
	m.containers(func(container []any) {
		list := below(container, "envFrom")
		for i := range m.listAt(list...) {
			m.drop(below(list, i))
		}
	})
}

func mount(m *maker) {
	m.containers(func(container []any) {
		list := below(container, "volumeMounts")
		for i := range m.listAt(list...) {
			m.drop(below(list, i))
			m.set(below(list, i, "mountPath"), other(m.textAt(below(list, i, "mountPath")...)))
		}
	})
}

// secretName names other Secrets and ConfigMaps, and other keys of them, in environments, volumes and credentials.
func secretName(m *maker) {
	reference := func(path []any, fields ...string) {
		for _, field := range fields {
			if text := m.textAt(below(path, field)...); text != "" {
				m.set(below(path, field), otherText(text))
			}
		}
	}
	m.containers(func(container []any) {
		for i := range m.listAt(below(container, "env")...) {
			for _, kind := range []string{"secretKeyRef", "configMapKeyRef"} {
				reference(below(container, "env", i, "valueFrom", kind), "name", "key")
			}
		}
		for i := range m.listAt(below(container, "envFrom")...) {
			for _, kind := range []string{"secretRef", "configMapRef"} {
				reference(below(container, "envFrom", i, kind), "name")
			}
		}
	})
	m.volumes(func(volume []any) {
		reference(below(volume, "secret"), "secretName")
		reference(below(volume, "configMap"), "name")
		for _, kind := range []string{"secret", "configMap"} {
			for i := range m.listAt(below(volume, kind, "items")...) {
				reference(below(volume, kind, "items", i), "key", "path")
			}
		}
	})
	m.events("amqp", func(path []any) {
		for _, part := range []string{"username", "password"} {
			reference(below(path, "auth", part), "name", "key")
		}
		reference(below(path, "urlSecret"), "name", "key")
	})
}
