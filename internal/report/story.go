package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
)

// Story is what became of messages that were sent without an expectation: what fired, what ran, what changed. Its JSON is
// what `eventrig test --event FILE -o json` prints.
type Story struct {
	Verdict  scenario.Verdict   `json:"verdict"` // passed when the chain settled, whatever it did
	Versions map[string]string  `json:"versions"`
	Messages []StoryMessage     `json:"messages"`
	Failures []scenario.Failure `json:"failures"`           // why it did not settle
	Scenario string             `json:"scenario,omitempty"` // file that a scenario was written to
}

// StoryMessage is what became of one message.
type StoryMessage struct {
	MessageID string          `json:"messageID"`
	EventType string          `json:"eventType,omitempty"`
	Sent      string          `json:"sent"`                // vhost/exchange/routing key
	Routed    []string        `json:"routed"`              // EventSources whose queue got it
	Decisions []StoryDecision `json:"decisions"`           // what each Sensor's trigger did with it
	Runs      []StoryRun      `json:"runs"`                // Workflows and Jobs, with how they ended
	Requests  []string        `json:"requests"`            // of their pods, with the answers' status
	Changes   []StoryChange   `json:"changes"`             // of records in the simulators
	Ambiguous []string        `json:"ambiguous,omitempty"` // objects that may be another message's
}

// StoryDecision is what one trigger of a Sensor did with a message.
type StoryDecision struct {
	Sensor  string `json:"sensor"`
	Trigger string `json:"trigger"`
	Verdict string `json:"verdict"` // fires, filtered, transform-error, ...; failed where the trigger's action did
	Cause   string `json:"cause,omitempty"`
	// Explanation says why it did not fire, by evaluation.
	Explanation *scenario.Explanation `json:"explanation,omitempty"`
}

// StoryRun is a Workflow or a Job.
type StoryRun struct {
	Object     string            `json:"object"`
	Phase      string            `json:"phase"`
	Cause      string            `json:"cause,omitempty"`
	Parameters map[string]string `json:"parameters"`
	Pods       []string          `json:"pods"` // with their exit codes
}

// StoryChange is a change of one record.
type StoryChange struct {
	Record  string `json:"record"`
	Verdict string `json:"verdict"` // created, updated or deleted
}

// NewStory tells the story of a scenario's result.
func NewStory(versions map[string]string, result scenario.Result) Story {
	story := Story{Verdict: result.Verdict, Versions: versions, Failures: result.Failures, Messages: []StoryMessage{}}
	place := map[string]int{}
	runs := map[string][2]int{} // object -> message and run
	for _, r := range result.Timeline {
		if r.Hop == ledger.Published {
			place[r.MessageID] = len(story.Messages)
			eventType, _ := r.Details["event_type"].(string)
			story.Messages = append(story.Messages, StoryMessage{MessageID: r.MessageID, EventType: eventType, Sent: r.Object,
				Routed: []string{}, Decisions: []StoryDecision{}, Runs: []StoryRun{}, Requests: []string{}, Changes: []StoryChange{}})
		}
	}
	for _, r := range result.Timeline {
		i, known := place[r.MessageID]
		if r.Ambiguous {
			for _, candidate := range r.Candidates {
				if i, ok := place[candidate]; ok {
					story.Messages[i].Ambiguous = append(story.Messages[i].Ambiguous, r.Object)
				}
			}
			continue
		}
		if !known {
			continue
		}
		m := &story.Messages[i]
		switch r.Hop {
		case ledger.Routed:
			m.Routed = append(m.Routed, r.Object)
		case ledger.Decided:
			m.Decisions = append(m.Decisions, StoryDecision{r.Sensor, r.Trigger, r.Verdict, r.Cause, explained(result, r)})
		case ledger.Triggered:
			if r.Verdict == "failed" {
				m.Decisions = append(m.Decisions, StoryDecision{r.Sensor, r.Trigger, "failed", r.Cause, explained(result, r)})
			}
		case ledger.Workflow:
			at, ok := runs[r.Object]
			if !ok {
				at = [2]int{i, len(m.Runs)}
				runs[r.Object] = at
				m.Runs = append(m.Runs, StoryRun{Object: r.Object, Parameters: scenario.ParametersOf(r), Pods: []string{}})
			}
			run := &story.Messages[at[0]].Runs[at[1]]
			run.Phase, run.Cause = r.Verdict, r.Cause
		case ledger.Pod:
			code, ended := r.Details["exitCode"]
			if at, ok := runs[fmt.Sprint(r.Details["workflow"])]; ok && ended {
				run := &story.Messages[at[0]].Runs[at[1]]
				text := fmt.Sprintf("%s: exit code %v", r.Object, code)
				if len(run.Pods) == 0 || run.Pods[len(run.Pods)-1] != text {
					run.Pods = append(run.Pods, text)
				}
			}
		case ledger.APICall:
			m.Requests = append(m.Requests, r.Object+" -> "+r.Verdict)
		case ledger.RecordChange:
			m.Changes = append(m.Changes, StoryChange{r.Object, r.Verdict})
		}
	}
	return story
}

// explained is what evaluation says of a message at a Sensor that did nothing with it, or failed.
func explained(result scenario.Result, r ledger.Record) *scenario.Explanation {
	if r.Verdict == "fires" {
		return nil
	}
	for i := range result.Explained {
		e := &result.Explained[i]
		if e.Event == r.MessageID && e.Sensor == r.Sensor && e.Verdict != "no-dependency" && e.Verdict != "fires" {
			return e
		}
	}
	return nil
}

// JSON writes the story as one indented document.
func (s Story) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return fmt.Errorf("write the JSON: %w", err)
	}
	return nil
}

// Text writes the story for people.
func (s Story) Text(w io.Writer) error {
	var out strings.Builder
	list := func(name string, lines []string) {
		if len(lines) == 0 {
			lines = []string{"nothing"}
		}
		for i, line := range lines {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&out, "  %-8s  %s\n", name, strings.ReplaceAll(line, "\n", " "))
		}
	}
	for _, m := range s.Messages {
		fmt.Fprintf(&out, "%s %s\n", m.MessageID, m.EventType)
		list("sent", []string{m.Sent})
		list("routed", m.Routed)
		var decided, ran, changed []string
		for _, d := range m.Decisions {
			text := d.Sensor + " " + d.Trigger + ": " + d.Verdict
			switch {
			case d.Explanation != nil:
				text += ": " + d.Explanation.Text
			case d.Cause != "":
				text += " (" + d.Cause + ")"
			}
			decided = append(decided, text)
		}
		list("sensors", decided)
		for _, r := range m.Runs {
			text := r.Object + ": " + r.Phase
			if r.Cause != "" {
				text += " (" + r.Cause + ")"
			}
			ran = append(ran, text)
			for _, name := range sortedKeys(r.Parameters) {
				ran = append(ran, fmt.Sprintf("  %s=%.200s", name, r.Parameters[name]))
			}
			for _, pod := range r.Pods {
				ran = append(ran, "  "+pod)
			}
		}
		list("ran", ran)
		list("called", m.Requests)
		for _, c := range m.Changes {
			changed = append(changed, c.Record+": "+c.Verdict)
		}
		list("changed", changed)
		if len(m.Ambiguous) > 0 {
			list("unsure", m.Ambiguous)
		}
	}
	out.WriteString(scenario.FailuresText(s.Failures))
	out.WriteString(versionLine(s.Versions) + "\n")
	if s.Scenario != "" {
		fmt.Fprintf(&out, "scenario written; run it with: eventrig test %s\n", s.Scenario)
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write the story: %w", err)
	}
	return nil
}
