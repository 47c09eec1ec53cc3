package mutate

const rbac = "rbac.authorization.k8s.io"

// serviceAccount takes the account away where one is named, so that pods run as the namespace's default one. A Sensor's and an
// EventSource's own are there, too.
func serviceAccount(m *maker) {
	account := func(path []any) {
		if m.textAt(path...) != "" && m.textAt(path...) != "default" {
			m.set(path, "default")
		}
	}
	if m.is(argo, "Sensor", "EventSource") {
		account([]any{"spec", "template", "serviceAccountName"})
	}
	m.specs(func(spec []any) {
		account(below(spec, "serviceAccountName"))
		account(below(spec, "executor", "serviceAccountName"))
	})
	m.templates(func(path []any) {
		account(below(path, "serviceAccountName"))
		account(below(path, "executor", "serviceAccountName"))
	})
	m.pods(func(path []any) { account(below(path, "serviceAccountName")) })
}

// rules calls do for each rule of a role, with its path.
func (m *maker) rules(do func(path []any)) {
	if !m.is(rbac, "Role", "ClusterRole") {
		return
	}
	for i := range m.listAt("rules") {
		do([]any{"rules", i})
	}
}

func rbacVerb(m *maker) {
	m.rules(func(rule []any) { m.each(rule, "verbs") })
}

func rbacResource(m *maker) {
	m.rules(func(rule []any) { m.each(rule, "resources") })
}

// each takes the items of a list of a rule away one by one. A rule cannot have an empty one: the rule goes then.
func (m *maker) each(rule []any, field string) {
	items := m.listAt(below(rule, field)...)
	for i, item := range items {
		if len(items) > 1 {
			m.drop(below(rule, field, i))
			continue
		}
		m.made = append(m.made, m.edited(below(rule, field, i), "without the rule, which has only "+short(item), Edit{Path: rule, Remove: true}))
	}
}

func rbacBinding(m *maker) {
	if !m.is(rbac, "RoleBinding", "ClusterRoleBinding") {
		return
	}
	m.remove()
	if subjects := m.listAt("subjects"); len(subjects) > 1 {
		for i := range subjects {
			m.drop([]any{"subjects", i})
		}
	}
}

func rbacAccount(m *maker) {
	if m.is("", "ServiceAccount") && m.object.GetName() != "default" {
		m.remove()
	}
}
