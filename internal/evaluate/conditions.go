package evaluate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Knetic/govaluate"
	"github.com/antonmedv/expr"
	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
)

// dependenciesOf reads a trigger's conditions as getDependencyExpression of pkg/sensors/listener.go does: the expression
// over dependencies, and the dependencies that it names. Without conditions all dependencies are needed.
func dependenciesOf(sensor *aev1.Sensor, trigger *aev1.Trigger) (expression string, names []string, err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = fmt.Errorf("read conditions %q: %v", trigger.Template.Conditions, crash)
		}
	}()
	known := map[string]bool{}
	all := make([]string, 0, len(sensor.Spec.Dependencies))
	for _, d := range sensor.Spec.Dependencies {
		known[d.Name] = true
		all = append(all, d.Name)
	}
	expression = strings.Join(all, "&&")
	if conditions := trigger.Template.Conditions; conditions != "" {
		if expression, err = translate(conditions, all); err != nil {
			return "", nil, fmt.Errorf("read conditions %q: %w", conditions, err)
		}
	}
	parsed, err := evaluable(expression)
	if err != nil {
		return expression, nil, fmt.Errorf("read conditions %q: %w", expression, err)
	}
	for _, name := range parsed.Vars() {
		if slices.Contains(names, name) {
			continue
		}
		if !known[name] {
			return expression, nil, fmt.Errorf("conditions name %q, which is no dependency", name)
		}
		names = append(names, name)
	}
	return expression, names, nil
}

// translate lets the expression language put the conditions together as text, which is how names with dashes get through.
func translate(conditions string, dependencies []string) (string, error) {
	text := strings.ReplaceAll(conditions, "&&", ` + "&&" + `)
	text = strings.ReplaceAll(text, "||", ` + "||" + `)
	text = strings.ReplaceAll(text, "-", "_")
	text = strings.ReplaceAll(text, "(", `"("+`)
	text = strings.ReplaceAll(text, ")", `+")"`)
	names := map[string]string{}
	for _, name := range dependencies {
		names[strings.ReplaceAll(name, "-", "_")] = name
	}
	program, err := expr.Compile(text, expr.Env(names))
	if err != nil {
		return "", err
	}
	result, err := expr.Run(program, names)
	if err != nil {
		return "", err
	}
	joined := fmt.Sprintf("%v", result)
	joined = strings.ReplaceAll(joined, `"("`, "(")
	return strings.ReplaceAll(joined, `")"`, ")"), nil
}

func evaluable(expression string) (*govaluate.EvaluableExpression, error) {
	return govaluate.NewEvaluableExpression(strings.ReplaceAll(expression, "-", `\-`))
}

// met says whether the dependencies that were met fulfil the trigger's conditions.
func (t *trigger) met(have map[string]*Outcome) (bool, error) {
	if !t.several() {
		for _, name := range t.names {
			if have[name] != nil {
				return true, nil
			}
		}
		return false, nil
	}
	parsed, err := evaluable(t.expression)
	if err != nil {
		return false, err
	}
	parameters := map[string]any{}
	for _, name := range t.names {
		parameters[name] = have[name] != nil
	}
	result, err := parsed.Evaluate(parameters)
	return result == true, err
}

// several says whether a trigger needs events of several dependencies (as pkg/eventbus/jetstream/sensor tells it).
func (t *trigger) several() bool { return strings.Contains(t.expression, "&") }

// alone lets the triggers act for which this event is enough.
func (e *Evaluator) alone(s *sensor, o *Outcome) {
	for _, t := range s.triggersOf(o.Dependency.Name) {
		if !t.several() {
			o.Triggers = append(o.Triggers, e.trigger(s, t, map[string]*Outcome{o.Dependency.Name: o}))
		}
	}
}

// join goes through the events in their order and lets the other triggers act: one keeps what met a dependency until its
// conditions are met, and starts anew then.
func (q *Sequence) join(results []Result) {
	bySensor := map[string]*sensor{}
	for _, s := range q.evaluator.sensors {
		bySensor[s.Key()] = s
	}
	for i := range results {
		for j := range results[i].Outcomes {
			o := &results[i].Outcomes[j]
			if !o.passed {
				continue
			}
			s := bySensor[o.Sensor.Key()]
			for _, t := range s.triggersOf(o.Dependency.Name) {
				if !t.several() {
					continue
				}
				if q.held[t] == nil {
					q.held[t] = map[string]*Outcome{}
				}
				q.held[t][o.Dependency.Name] = o
				acted := q.evaluator.trigger(s, t, q.held[t])
				if acted.Met {
					delete(q.held, t)
				}
				o.Triggers = append(o.Triggers, acted)
			}
			slices.SortFunc(o.Triggers, func(a, b Trigger) int { return a.index - b.index })
			o.conclude(s)
		}
	}
}

// conclude makes the verdict of an outcome whose filters passed.
func (o *Outcome) conclude(s *sensor) {
	var failed, waits *Trigger
	for i := range o.Triggers {
		switch t := &o.Triggers[i]; {
		case !t.Met:
			waits = t
		case t.Error != "":
			failed = t
		default:
			o.Verdict = Fires
		}
	}
	o.Near = true
	switch {
	case o.Verdict == Fires:
		return
	case failed != nil:
		o.verdict(failed.verdict, failed.step)
		o.Path, o.Got, o.Hint = failed.path, quoted(failed.Error), failed.hint
		o.Want = failed.want
		o.At = o.line(append([]any{"spec", "triggers", failed.index}, failed.at...)...)
	case waits != nil:
		o.verdict(Filtered, "conditions")
		o.Want = []string{waits.Conditions}
		o.Got = quoted(strings.Join(waits.Have, ", "))
		o.Hint = "the filters pass; the trigger waits for: " + strings.Join(waits.Missing, ", ") + " (give these events, too)"
		o.At = o.line("spec", "triggers", waits.index, "template", "conditions")
		if waits.Error != "" {
			o.Hint = waits.Error
		}
	}
	for _, t := range s.triggers {
		if t.err != nil && o.Hint == "" {
			o.Hint = t.err.Error()
		}
	}
}
