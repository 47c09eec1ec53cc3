package mutate

import "strings"

func when(m *maker) {
	m.steps(func(_, step []any) {
		condition := m.textAt(below(step, "when")...)
		if condition == "" {
			return
		}
		m.drop(below(step, "when"))
		m.set(below(step, "when"), "!("+strings.TrimSpace(condition)+")")
		for _, pair := range [][2]string{{"&&", "||"}, {"||", "&&"}} {
			if before, after, found := strings.Cut(condition, pair[0]); found {
				m.set(below(step, "when"), before+pair[1]+after)
			}
		}
	})
}

func stepDrop(m *maker) {
	m.steps(func(list, step []any) {
		if len(m.listAt(list...)) > 1 || list[len(list)-1] == "tasks" {
			m.drop(step)
			return
		}
		m.add("without "+short(m.textAt(below(step, "name")...)), Edit{Path: list, Remove: true}) // a group of one step
	})
}

func stepOrder(m *maker) {
	m.templates(func(path []any) {
		groups := m.listAt(below(path, "steps")...)
		for i := 0; i+1 < len(groups); i++ {
			m.add("groups "+short(i)+" and "+short(i+1)+" the other way round",
				Edit{Path: below(path, "steps", i), Value: groups[i+1]}, Edit{Path: below(path, "steps", i+1), Value: groups[i]})
		}
	})
	m.steps(func(_, step []any) {
		for _, field := range []string{"depends", "dependencies"} {
			if m.has(below(step, field)...) {
				m.drop(below(step, field))
			}
		}
		depends := m.textAt(below(step, "depends")...)
		for _, pair := range [][2]string{{"&&", "||"}, {"||", "&&"}} {
			if before, after, found := strings.Cut(depends, pair[0]); found {
				m.set(below(step, "depends"), before+pair[1]+after)
			}
		}
	})
}

func continueOn(m *maker) {
	m.steps(func(_, step []any) {
		for _, field := range []string{"failed", "error"} {
			if value, there := at(m.object.Object, below(step, "continueOn", field)); there {
				m.set(below(step, "continueOn", field), other(value))
			}
		}
	})
}

func retries(m *maker) {
	m.specs(func(spec []any) {
		if path := below(spec, "retryStrategy"); m.has(path...) {
			m.drop(path)
		}
	})
	m.templates(func(path []any) {
		if retry := below(path, "retryStrategy"); m.has(retry...) {
			m.drop(retry)
		}
	})
	m.created(func(_, object []any) {
		if limit := below(object, "spec", "backoffLimit"); m.textAt(below(object, "kind")...) == "Job" && m.has(limit...) {
			m.set(limit, int64(0))
		}
	})
}

func concurrency(m *maker) {
	of := func(path []any) {
		for _, field := range []string{"synchronization", "activeDeadlineSeconds", "parallelism"} {
			if m.has(below(path, field)...) {
				m.drop(below(path, field))
			}
		}
	}
	m.specs(of)
	m.templates(of)
}

func schedule(m *maker) {
	if !m.is(argo, "CronWorkflow") {
		return
	}
	for _, path := range [][]any{{"spec", "schedule"}, {"spec", "schedules", 0}} {
		if m.has(path...) {
			m.set(path, "59 23 31 12 *")
		}
	}
	if m.has("spec", "timezone") {
		m.set([]any{"spec", "timezone"}, "Pacific/Kiritimati")
	}
	switch m.textAt("spec", "concurrencyPolicy") {
	case "Forbid", "Replace":
		m.set([]any{"spec", "concurrencyPolicy"}, "Allow")
	case "Allow":
		m.set([]any{"spec", "concurrencyPolicy"}, "Forbid")
	}
	m.set([]any{"spec", "suspend"}, other(m.fieldsAt("spec")["suspend"] == true))
}
