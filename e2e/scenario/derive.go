package scenario

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/eventrig/eventrig/internal/ledger"
)

// longestParameter is the longest value of a Workflow's parameter that a derived scenario holds it to: a whole message
// as a parameter would only be the recording once more.
const longestParameter = 200

// Derive makes a scenario of a recording and of what it was seen to cause, so that it stays so: what each Sensor did with
// it, the Workflows with their parameters and how they ended, what was written to Nautobot and what changed there.
func Derive(name, recording string, records []ledger.Record) Scenario {
	s := Scenario{APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: name, Description: "What " + recording + " was seen to cause."}}
	s.Spec.When = []Step{{Replay: &Replay{File: recording}}}
	v := newView(records, nil)
	for _, r := range records {
		if r.Hop == ledger.Published {
			v.keys = append(v.keys, r.MessageID)
		}
	}
	deriveSensors(&s.Spec.Then, v)
	deriveWorkflows(&s.Spec.Then, v)
	deriveRecords(&s.Spec.Then, v)
	lost, duplicates := v.lostAndDuplicates()
	l, d := Exactly(lost), Exactly(duplicates)
	s.Spec.Then.Ledger = &LedgerExpectation{Lost: &l, Duplicates: &d}
	return s
}

func deriveSensors(then *Then, v *view) {
	seen := map[string]bool{}
	for _, r := range v.records {
		if r.Hop != ledger.Decided || seen[r.Sensor] {
			continue
		}
		seen[r.Sensor] = true
		fired, failed, _ := v.fires(r.Sensor, "")
		fires, fails := Exactly(len(fired)), Exactly(len(failed))
		then.Sensors = append(then.Sensors, SensorExpectation{Name: r.Sensor, Fires: &fires, Fails: &fails})
	}
}

func deriveWorkflows(then *Then, v *view) {
	workflows, pods := map[string]int{}, map[string]int{}
	for _, name := range v.order {
		r := v.objects[name]
		if r.Ambiguous || r.Sensor == "" {
			continue
		}
		switch r.Hop {
		case ledger.Workflow:
			e := WorkflowExpectation{Sensor: r.Sensor, Phase: r.Verdict, Parameters: map[string]string{}}
			if parts := strings.Split(r.Object, "/"); len(parts) == 3 {
				e.Namespace = parts[1]
			}
			for name, value := range ParametersOf(r) {
				if len(value) <= longestParameter {
					e.Parameters[name] = value
				}
			}
			if !finishedPhase(e.Phase) {
				e.Phase = ""
			}
			if once(workflows, e, len(then.Workflows)) {
				then.Workflows = append(then.Workflows, e)
			} else {
				add(&then.Workflows[workflows[keyOf(e)]].Count)
			}
		case ledger.Pod:
			code, ended := number(r.Details["exitCode"])
			if !ended {
				continue
			}
			whole := int(code)
			e := PodExpectation{Sensor: r.Sensor, ExitCode: &whole}
			if once(pods, e, len(then.Pods)) {
				then.Pods = append(then.Pods, e)
			} else {
				add(&then.Pods[pods[keyOf(e)]].Count)
			}
		}
	}
}

// deriveRecords takes what was written to Nautobot: the requests, and each record as it was at the end.
func deriveRecords(then *Then, v *view) {
	requests := map[string]int{}
	last := map[string]ledger.Record{}
	changed := map[string]map[string]any{}
	var order []string
	for _, r := range v.records {
		switch {
		case r.Ambiguous:
		case r.Hop == ledger.APICall && r.Details["to"] == "nautobot" && r.Details["method"] != "GET":
			status, _ := number(r.Details["status"])
			e := RequestExpectation{To: "nautobot", Method: fmt.Sprint(r.Details["method"]), Path: fmt.Sprint(r.Details["path"]), Status: int(status)}
			if once(requests, e, len(then.Requests)) {
				then.Requests = append(then.Requests, e)
			} else {
				add(&then.Requests[requests[keyOf(e)]].Count)
			}
		case r.Hop == ledger.RecordChange && strings.HasPrefix(r.Object, "nautobot "):
			if _, known := last[r.Object]; !known {
				order = append(order, r.Object)
				changed[r.Object] = map[string]any{}
			}
			last[r.Object] = r
			before, _ := r.Details["before"].(map[string]any)
			after, _ := r.Details["after"].(map[string]any)
			for name, value := range after {
				if !equal(before[name], value) {
					changed[r.Object][name] = true
				}
			}
		}
	}
	for _, object := range order {
		r := last[object]
		parts := strings.SplitN(object, " ", 3)
		after, _ := r.Details["after"].(map[string]any)
		count := Exactly(1)
		e := RecordExpectation{Path: parts[1], Where: map[string]any{"id": parts[2]}, Count: &count}
		if r.Verdict == "deleted" {
			count = Exactly(0)
			then.Nautobot = append(then.Nautobot, e)
			continue
		}
		e.Fields = map[string]any{}
		for name := range changed[object] {
			switch name {
			case "id", "created", "last_updated", "url", "display", "natural_slug", "object_type":
				continue // another run has others, or they follow from the rest
			}
			e.Fields[name] = after[name]
		}
		then.Nautobot = append(then.Nautobot, e)
	}
}

func keyOf(e any) string {
	text, _ := json.Marshal(e) // of plain fields: it cannot fail
	return string(text)
}

// once notes an expectation at its place and says whether it is the first of its kind.
func once(seen map[string]int, e any, place int) bool {
	key := keyOf(e)
	if _, known := seen[key]; known {
		return false
	}
	seen[key] = place
	return true
}

func add(count **Count) {
	n := 2
	if *count != nil {
		n = (*count).Min + 1
	}
	more := Exactly(n)
	*count = &more
}
