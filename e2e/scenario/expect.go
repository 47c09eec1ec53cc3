package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/ledger"
)

// evaluate checks every expectation against the view. Without final it only looks for what can no longer be met
// (hopeless); stores are asked at the end only, since they are still changing before.
func (r *runner) evaluate(ctx context.Context, v *view, final bool) (failures []Failure, hopeless bool) {
	note := func(f *Failure, never bool) {
		if f != nil && (never || final) {
			failures = append(failures, *f)
			hopeless = hopeless || never
		}
	}
	for _, f := range stuckFailures(v) {
		note(&f, true)
	}
	then := r.spec.Then
	for _, e := range then.Sensors {
		for _, f := range sensorFailures(v, e) {
			note(&f.Failure, f.never)
		}
	}
	for _, e := range then.Workflows {
		note(workflowFailure(v, e))
	}
	for _, e := range then.Pods {
		note(podFailure(v, e))
	}
	for _, e := range then.Requests {
		note(requestFailure(v, e))
	}
	if e := then.Ledger; e != nil {
		for _, f := range ledgerFailures(v, *e) {
			note(&f.Failure, f.never)
		}
	}
	if final {
		for _, e := range then.Objects {
			note(r.objectFailure(ctx, v, e), false)
		}
		for _, e := range then.Nautobot {
			note(r.recordFailure(ctx, "nautobot", e), false)
		}
		for _, e := range then.OpenStack {
			note(r.recordFailure(ctx, "openstack", e), false)
		}
		for _, e := range then.ONTAP {
			note(r.recordFailure(ctx, "ontap", e), false)
		}
		for _, record := range v.records {
			if record.Ambiguous {
				note(&Failure{Hop: string(record.Hop), Expected: "one message behind " + cmpText(record.Object, record.Sensor), Got: fmt.Sprintf("%d candidates: %s", len(record.Candidates), strings.Join(record.Candidates, ", ")),
					Why: cmpText(record.Cause, "what was observed fits each of them"), Next: "let the scenario's events differ (another id per event), or run it on its own"}, false)
			}
		}
	}
	return failures, hopeless
}

// judged is a failure and whether it is one for good.
type judged struct {
	Failure
	never bool
}

func sensorFailures(v *view, e SensorExpectation) []judged {
	var out []judged
	fires, fails, refusals := v.fires(e.Name, e.Trigger)
	if e.Fires != nil && !e.Fires.Holds(len(fires)) {
		f := Failure{Hop: string(ledger.Triggered), Expected: fmt.Sprintf("Sensor %s fires %s", e.Name, times(*e.Fires)), Got: fmt.Sprintf("it fired %d", len(fires)), Line: e.Line,
			about: subject{sensor: e.Name, fired: e.Fires.Exceeded(len(fires))}}
		switch {
		case e.Fires.Exceeded(len(fires)):
			f.Why = "triggered: " + v.told(fires)
			f.Next = "if it should not, narrow the Sensor's filters: their values are unanchored regular expressions"
		case len(fails) > 0:
			f.Hop, f.Why = string(fails[0].Hop), v.told(fails)
			f.Next = "the event is lost: without atLeastOnce a failed trigger is only logged"
		case len(refusals) > 0:
			f.Hop, f.Why = string(ledger.Decided), v.told(refusals)
			f.Next = "eventrig explain --event FILE shows each filter of the Sensor"
		default:
			f.Hop, f.Why, f.Next = v.reached(e.Name)
		}
		out = append(out, judged{f, e.Fires.Exceeded(len(fires))})
	}
	if e.Fails != nil && !e.Fails.Holds(len(fails)) {
		f := Failure{Hop: string(ledger.Triggered), Expected: fmt.Sprintf("Sensor %s fails %s", e.Name, times(*e.Fails)), Got: fmt.Sprintf("it failed %d", len(fails)), Line: e.Line,
			about: subject{sensor: e.Name}}
		switch {
		case len(fails) > 0:
			f.Why = v.told(fails)
			f.Next = "the message after the last colon is the one of the component that refused"
		case len(fires) > 0:
			f.Why = "its triggers succeeded: " + v.told(fires)
		case len(refusals) > 0:
			f.Hop, f.Why = string(ledger.Decided), v.told(refusals)
		default:
			f.Hop, f.Why, f.Next = v.reached(e.Name)
		}
		out = append(out, judged{f, e.Fails.Exceeded(len(fails))})
	}
	if e.Reason != "" {
		reasons := fails
		if len(reasons) == 0 && (e.Fails == nil || e.Fails.Max == 0) {
			reasons = refusals
		}
		if f := reasonFailure(v, e, reasons); f != nil {
			// A failure with another reason does not come a second time with the wanted one.
			out = append(out, judged{*f, len(reasons) > 0 && e.Fails != nil && e.Fails.Holds(len(fails)) && e.Fails.Exceeded(len(fails)+1)})
		}
	}
	return out
}

func reasonFailure(v *view, e SensorExpectation, records []ledger.Record) *Failure {
	expression, err := regexp.Compile(e.Reason)
	f := &Failure{Hop: string(ledger.Triggered), Expected: fmt.Sprintf("Sensor %s gives a reason that matches %q", e.Name, e.Reason), Line: e.Line, about: subject{sensor: e.Name}}
	if err != nil {
		f.Got = err.Error()
		return f
	}
	for _, r := range records {
		if expression.MatchString(r.Cause) {
			return nil
		}
	}
	if len(records) == 0 {
		f.Got = "no failure and no refusal"
		return f
	}
	f.Hop, f.Got = string(records[0].Hop), v.told(records)
	f.Next = "if this reason is right too, write it into the expectation"
	return f
}

func times(c Count) string {
	if c == Exactly(1) {
		return "once"
	}
	return c.String() + " times"
}

func workflowFailure(v *view, e WorkflowExpectation) (*Failure, bool) {
	want := Exactly(1)
	if e.Count != nil {
		want = *e.Count
	}
	message, err := regexp.Compile(e.Message)
	if err != nil {
		return &Failure{Hop: string(ledger.Workflow), Expected: "a regular expression", Got: err.Error(), Line: e.Line}, true
	}
	var right, wrong, unfinished, others []ledger.Record
	var differs []string
	unlike := map[string]bool{} // names of parameters
	for _, w := range v.made(ledger.Workflow, e.Sensor, e.Template) {
		if e.Namespace != "" && !strings.Contains(w.Object, "/"+e.Namespace+"/") {
			others = append(others, w)
			continue
		}
		if name, d := parameterDifference(w, e.Parameters); d != "" {
			others, differs = append(others, w), append(differs, w.Object+": "+d)
			unlike[name] = true
			continue
		}
		finished, _ := w.Details["finished"].(bool)
		switch {
		case (e.Phase == "" || w.Verdict == e.Phase) && message.MatchString(w.Cause):
			right = append(right, w)
		case finished:
			wrong = append(wrong, w)
		default:
			unfinished = append(unfinished, w)
		}
	}
	if want.Holds(len(right)) {
		return nil, false
	}
	f := &Failure{Hop: string(ledger.Workflow), Expected: fmt.Sprintf("%s %s from %s%s", want, plural(want, "Workflow"), origin(e.Sensor, e.Template), phrase(e)), Line: e.Line}
	f.Got = strconv.Itoa(len(right))
	switch {
	case want.Exceeded(len(right)):
		f.Why = v.told(right)
		f.about = subject{sensor: e.Sensor, fired: true}
		return f, e.Phase == "" || finishedPhase(e.Phase)
	case len(wrong) > 0:
		f.Got, f.Why = v.told(wrong), v.podStory(wrong)
		f.Next = "read the pod's log in the artifacts; the message above is the Workflow's own"
		seen := len(right) + len(wrong) + len(unfinished) + len(others)
		return f, len(right)+len(unfinished) < want.Min && v.allMade(e.Sensor, e.Template, seen)
	case len(unfinished) > 0:
		f.Got = v.told(unfinished)
		f.Why = "not finished"
		f.Next = "a Workflow without a phase has no controller for its namespace; one that is Running waits for its pod"
	case len(differs) > 0:
		f.Got, f.Why = "others: "+v.told(others), strings.Join(differs, "; ")
		f.Next = "compare the Sensor's parameters (src.dataKey) with the notification"
		f.about = subject{sensor: e.Sensor, parameters: sortedKeys(unlike)}
	case e.Template != "":
		f.Got = "none"
		f.Why = "no submit step of this scenario names the template"
	default:
		f.Got = "none"
		f.about = subject{sensor: e.Sensor}
		_, fails, refusals := v.fires(e.Sensor, "")
		switch {
		case len(fails) > 0:
			f.Hop, f.Why = string(fails[0].Hop), v.told(fails)
		case len(refusals) > 0:
			f.Hop, f.Why = string(ledger.Decided), v.told(refusals)
		default:
			f.Hop, f.Why, f.Next = v.reached(e.Sensor)
		}
	}
	return f, false
}

// origin names what made a Workflow.
func origin(sensor, template string) string {
	if template != "" {
		return "WorkflowTemplate " + template
	}
	return "Sensor " + sensor
}

func finishedPhase(phase string) bool {
	return phase == "Succeeded" || phase == "Failed" || phase == "Error"
}

func plural(c Count, noun string) string {
	if c == Exactly(1) {
		return noun
	}
	return noun + "s"
}

func phrase(e WorkflowExpectation) string {
	var parts []string
	if e.Phase != "" {
		parts = append(parts, "phase "+e.Phase)
	}
	for _, name := range sortedKeys(e.Parameters) {
		parts = append(parts, name+"="+e.Parameters[name])
	}
	if len(parts) == 0 {
		return ""
	}
	return " with " + strings.Join(parts, ", ")
}

// podStory tells what the pods of these Workflows ended with.
func (v *view) podStory(workflows []ledger.Record) string {
	var pods []ledger.Record
	for _, name := range v.order {
		pod := v.objects[name]
		for _, w := range workflows {
			if pod.Hop == ledger.Pod && pod.Details["workflow"] == w.Object {
				if code, ok := number(pod.Details["exitCode"]); ok {
					pod.Verdict += fmt.Sprintf(", exit code %v", code)
				}
				pods = append(pods, pod)
			}
		}
	}
	return told(pods)
}

// ParametersOf returns the parameters of a Workflow's record.
func ParametersOf(w ledger.Record) map[string]string {
	got := map[string]string{}
	switch p := w.Details["parameters"].(type) {
	case map[string]string:
		got = p
	case map[string]any: // read back from a file
		for k, value := range p {
			got[k] = fmt.Sprint(value)
		}
	}
	return got
}

// parameterDifference names the first parameter of a Workflow that is not as wanted, and says how; both are empty where
// all are.
func parameterDifference(w ledger.Record, want map[string]string) (parameter, text string) {
	got := ParametersOf(w)
	for _, name := range sortedKeys(want) {
		value, ok := got[name]
		if !ok {
			return name, fmt.Sprintf("it has no parameter %s", name)
		}
		if value != want[name] {
			return name, fmt.Sprintf("%s is %q, want %q", name, shorten(value, 120), shorten(want[name], 120))
		}
	}
	return "", ""
}

func podFailure(v *view, e PodExpectation) (*Failure, bool) {
	want := Exactly(1)
	if e.Count != nil {
		want = *e.Count
	}
	pods := v.made(ledger.Pod, e.Sensor, e.Template)
	matching := 0
	for _, p := range pods {
		code, ok := number(p.Details["exitCode"])
		if e.ExitCode == nil || (ok && code == float64(*e.ExitCode)) {
			matching++
		}
	}
	if want.Holds(matching) {
		return nil, false
	}
	expected := fmt.Sprintf("%s %s of %s", want, plural(want, "pod"), origin(e.Sensor, e.Template))
	if e.ExitCode != nil {
		expected += fmt.Sprintf(" with exit code %d", *e.ExitCode)
	}
	for i := range pods {
		if code, ok := number(pods[i].Details["exitCode"]); ok {
			pods[i].Verdict += fmt.Sprintf(", exit code %v", code)
		}
	}
	return &Failure{Hop: string(ledger.Pod), Expected: expected, Got: strconv.Itoa(matching), Why: v.told(pods), Next: "read the pod's log in the artifacts", Line: e.Line}, want.Exceeded(matching)
}

func compact(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return shorten(string(data), 600)
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int32:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	default:
		return 0, false
	}
}
