package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
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
		for _, e := range then.Nautobot {
			note(r.recordFailure(ctx, "nautobot", e), false)
		}
		for _, e := range then.OpenStack {
			note(r.recordFailure(ctx, "openstack", e), false)
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
		f := Failure{Hop: string(ledger.Triggered), Expected: fmt.Sprintf("Sensor %s fires %s", e.Name, times(*e.Fires)), Got: fmt.Sprintf("it fired %d", len(fires)), Line: e.Line}
		switch {
		case e.Fires.Exceeded(len(fires)):
			f.Why = "triggered: " + told(fires)
			f.Next = "eventrig explain shows which filter let the event pass; values are unanchored regular expressions"
		case len(fails) > 0:
			f.Hop, f.Why = string(fails[0].Hop), told(fails)
			f.Next = "the event is lost: without atLeastOnce a failed trigger is only logged"
		case len(refusals) > 0:
			f.Hop, f.Why = string(ledger.Decided), told(refusals)
			f.Next = "eventrig explain shows the filter, the value seen and the value wanted"
		default:
			f.Hop, f.Why, f.Next = v.reached(e.Name)
		}
		out = append(out, judged{f, e.Fires.Exceeded(len(fires))})
	}
	if e.Fails != nil && !e.Fails.Holds(len(fails)) {
		f := Failure{Hop: string(ledger.Triggered), Expected: fmt.Sprintf("Sensor %s fails %s", e.Name, times(*e.Fails)), Got: fmt.Sprintf("it failed %d", len(fails)), Line: e.Line}
		switch {
		case len(fails) > 0:
			f.Why = told(fails)
			f.Next = "the message after the last colon is the one of the component that refused"
		case len(fires) > 0:
			f.Why = "its triggers succeeded: " + told(fires)
		case len(refusals) > 0:
			f.Hop, f.Why = string(ledger.Decided), told(refusals)
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
		if f := reasonFailure(e, reasons); f != nil {
			// A failure with another reason does not come a second time with the wanted one.
			out = append(out, judged{*f, len(reasons) > 0 && e.Fails != nil && e.Fails.Holds(len(fails)) && e.Fails.Exceeded(len(fails)+1)})
		}
	}
	return out
}

func reasonFailure(e SensorExpectation, records []ledger.Record) *Failure {
	expression, err := regexp.Compile(e.Reason)
	f := &Failure{Hop: string(ledger.Triggered), Expected: fmt.Sprintf("Sensor %s gives a reason that matches %q", e.Name, e.Reason), Line: e.Line}
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
	f.Hop, f.Got = string(records[0].Hop), told(records)
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
	for _, w := range v.last(ledger.Workflow, e.Sensor) {
		if e.Namespace != "" && !strings.Contains(w.Object, "/"+e.Namespace+"/") {
			others = append(others, w)
			continue
		}
		if d := parameterDifference(w, e.Parameters); d != "" {
			others, differs = append(others, w), append(differs, w.Object+": "+d)
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
	f := &Failure{Hop: string(ledger.Workflow), Expected: fmt.Sprintf("%s %s from Sensor %s%s", want, plural(want, "Workflow"), e.Sensor, phrase(e)), Line: e.Line}
	f.Got = strconv.Itoa(len(right))
	switch {
	case want.Exceeded(len(right)):
		f.Why = told(right)
		return f, e.Phase == "" || finishedPhase(e.Phase)
	case len(wrong) > 0:
		f.Got, f.Why = told(wrong), v.podStory(wrong)
		f.Next = "read the pod's log in the artifacts; the message above is the Workflow's own"
		return f, len(right)+len(unfinished) < want.Min && v.decidedFor(e.Sensor) && len(v.of(ledger.Triggered, e.Sensor, "")) <= len(right)+len(wrong)+len(unfinished)+len(others)
	case len(unfinished) > 0:
		f.Got = told(unfinished)
		f.Why = "not finished"
		f.Next = "a Workflow without a phase has no controller for its namespace; one that is Running waits for its pod"
	case len(differs) > 0:
		f.Got, f.Why = "others: "+told(others), strings.Join(differs, "; ")
		f.Next = "compare the Sensor's parameters (src.dataKey) with the notification"
	default:
		f.Got = "none"
		_, fails, refusals := v.fires(e.Sensor, "")
		switch {
		case len(fails) > 0:
			f.Hop, f.Why = string(fails[0].Hop), told(fails)
		case len(refusals) > 0:
			f.Hop, f.Why = string(ledger.Decided), told(refusals)
		default:
			f.Hop, f.Why, f.Next = v.reached(e.Sensor)
		}
	}
	return f, false
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

func parameterDifference(w ledger.Record, want map[string]string) string {
	got := map[string]string{}
	switch p := w.Details["parameters"].(type) {
	case map[string]string:
		got = p
	case map[string]any: // read back from a file
		for k, value := range p {
			got[k] = fmt.Sprint(value)
		}
	}
	for _, name := range sortedKeys(want) {
		value, ok := got[name]
		if !ok {
			return fmt.Sprintf("it has no parameter %s", name)
		}
		if value != want[name] {
			return fmt.Sprintf("%s is %q, want %q", name, shorten(value, 120), shorten(want[name], 120))
		}
	}
	return ""
}

func podFailure(v *view, e PodExpectation) (*Failure, bool) {
	want := Exactly(1)
	if e.Count != nil {
		want = *e.Count
	}
	pods := v.last(ledger.Pod, e.Sensor)
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
	expected := fmt.Sprintf("%s %s of Sensor %s", want, plural(want, "pod"), e.Sensor)
	if e.ExitCode != nil {
		expected += fmt.Sprintf(" with exit code %d", *e.ExitCode)
	}
	for i := range pods {
		if code, ok := number(pods[i].Details["exitCode"]); ok {
			pods[i].Verdict += fmt.Sprintf(", exit code %v", code)
		}
	}
	return &Failure{Hop: string(ledger.Pod), Expected: expected, Got: strconv.Itoa(matching), Why: told(pods), Next: "read the pod's log in the artifacts", Line: e.Line}, want.Exceeded(matching)
}

func requestFailure(v *view, e RequestExpectation) (*Failure, bool) {
	want := Exactly(1)
	if e.Count != nil {
		want = *e.Count
	}
	matching := 0
	var seen []ledger.Record
	for _, r := range v.records {
		if r.Hop != ledger.APICall || r.Details["to"] != e.To {
			continue
		}
		seen = append(seen, r)
		status, _ := number(r.Details["status"])
		if (e.Method == "" || strings.EqualFold(e.Method, fmt.Sprint(r.Details["method"]))) &&
			(e.Path == "" || pathMatches(e.Path, fmt.Sprint(r.Details["path"]))) &&
			(e.Status == 0 || int(status) == e.Status) {
			matching++
		}
	}
	if want.Holds(matching) {
		return nil, false
	}
	expected := fmt.Sprintf("%s %s to %s", want, plural(want, "request"), e.To)
	for _, part := range []string{e.Method, e.Path} {
		if part != "" {
			expected += " " + part
		}
	}
	if e.Status != 0 {
		expected += fmt.Sprintf(" answered %d", e.Status)
	}
	return &Failure{Hop: string(ledger.APICall), Expected: expected, Got: strconv.Itoa(matching), Why: "requests seen: " + cmpText(told(seen), "none"), Line: e.Line}, want.Exceeded(matching)
}

// pathMatches compares a path with a pattern in which * stands for any text, slashes included.
func pathMatches(pattern, got string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	ok, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", got)
	return err == nil && ok
}

func ledgerFailures(v *view, e LedgerExpectation) []judged {
	var out []judged
	perKey := map[string]map[[2]string]bool{} // key -> EventSource and CloudEvent id
	for _, r := range v.records {
		if r.Hop == ledger.OnBus && r.Verdict != "failed" && r.MessageID != "" {
			if perKey[r.MessageID] == nil {
				perKey[r.MessageID] = map[[2]string]bool{}
			}
			perKey[r.MessageID][[2]string{r.Object, r.EventID}] = true
		}
	}
	lost, duplicates := 0, 0
	for _, key := range v.keys {
		sources := map[string]int{}
		for id := range perKey[key] {
			sources[id[0]]++
		}
		if len(perKey[key]) == 0 {
			lost++
		}
		for _, n := range sources {
			duplicates += n - 1
		}
	}
	if e.Lost != nil && !e.Lost.Holds(lost) {
		out = append(out, judged{Failure{Hop: string(ledger.OnBus), Expected: e.Lost.String() + " lost", Got: strconv.Itoa(lost), Line: e.Line}, false})
	}
	if e.Duplicates != nil && !e.Duplicates.Holds(duplicates) {
		out = append(out, judged{Failure{Hop: string(ledger.OnBus), Expected: e.Duplicates.String() + " duplicates", Got: strconv.Itoa(duplicates), Line: e.Line}, e.Duplicates.Exceeded(duplicates)})
	}
	return out
}

func (r *runner) recordFailure(ctx context.Context, simulator string, e RecordExpectation) *Failure {
	want := AtLeast(1)
	if e.Count != nil {
		want = *e.Count
	}
	f := &Failure{Hop: string(ledger.RecordChange), Expected: fmt.Sprintf("%s: %s %s in %s", simulator, want, plural(want, "record"), e.Path), Line: e.Line}
	if len(e.Where) > 0 {
		f.Expected += " where " + compact(e.Where)
	}
	records, err := r.rig.Records(ctx, simulator, e.Path, e.Where)
	if err != nil {
		f.Got = err.Error()
		return f
	}
	if !want.Holds(len(records)) {
		f.Got = strconv.Itoa(len(records))
		if len(records) > 0 {
			f.Why = compact(records)
		} else if all, err := r.rig.Records(ctx, simulator, e.Path, nil); err == nil {
			f.Why = fmt.Sprintf("%s holds %d records: %s", e.Path, len(all), compact(all))
		}
		f.Next = "the timeline shows which requests the handler made and how they were answered"
		return f
	}
	for _, record := range records {
		for _, name := range sortedKeys(e.Fields) {
			got, ok := field(record, name)
			if !ok || !equal(got, e.Fields[name]) {
				f.Expected = fmt.Sprintf("%s: %s of every matching record in %s is %s", simulator, name, e.Path, compact(e.Fields[name]))
				f.Got = compact(got)
				if !ok {
					f.Got = "no such field"
				}
				f.Why = compact(record)
				return f
			}
		}
	}
	return nil
}

// field goes into a record by a dotted path; a key that holds the dots itself wins.
func field(record map[string]any, name string) (any, bool) {
	if v, ok := record[name]; ok {
		return v, true
	}
	head, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil, false
	}
	inner, isMap := record[head].(map[string]any)
	if !isMap {
		return nil, false
	}
	return field(inner, rest)
}

// equal compares a value of a store with one of a scenario as their JSON reads, so that 1 and 1.0 are one.
func equal(got, want any) bool { return reflect.DeepEqual(viaJSON(got), viaJSON(want)) }

func viaJSON(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(data, &out) != nil {
		return v
	}
	return out
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
