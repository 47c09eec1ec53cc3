package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/ledger"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds":  func(s float64) string { return fmt.Sprintf("%.2f s", s) },
	"versions": versionLine,
	"ways":     ways,
}).Parse(pageText))

// HTML writes the run as one page that needs nothing else: verdicts, failures and each notification's way hop by hop.
func (r Run) HTML(w io.Writer) error {
	err := page.Execute(w, struct {
		Run
		Summary string
		Written string
	}{r, r.Summary(), time.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// way is what became of one notification.
type way struct {
	MessageID, EventType string
	Hops                 []hop
	Ambiguous            bool
}

// hop is one line of a way.
type hop struct {
	Seconds, Station, What, Verdict, Class, Cause, Details string
}

// ways are the notifications of a scenario in the order in which they were published.
func ways(s scenario.Result) []way {
	var order []string
	byMessage := map[string][]ledger.Record{}
	for _, r := range s.Timeline {
		id := r.MessageID
		if r.Ambiguous {
			id = "not told apart: " + strings.Join(r.Candidates, ", ")
		}
		if _, known := byMessage[id]; !known {
			order = append(order, id)
		}
		byMessage[id] = append(byMessage[id], r)
	}
	var all []way
	for _, id := range order {
		records := byMessage[id]
		w := way{MessageID: id}
		for _, r := range records {
			if eventType, ok := r.Details["event_type"].(string); ok {
				w.EventType = eventType
			}
			w.Ambiguous = w.Ambiguous || r.Ambiguous
			h := hop{
				Seconds: fmt.Sprintf("%+.3f", r.Time.Sub(records[0].Time).Seconds()), Station: string(r.Hop),
				What: strings.TrimSpace(r.Sensor + " " + r.Trigger + " " + r.Object), Verdict: r.Verdict, Class: verdictClass(r), Cause: r.Cause,
			}
			if len(r.Details) > 0 {
				details, err := json.MarshalIndent(r.Details, "", "  ")
				if err == nil {
					h.Details = string(details)
				}
			}
			w.Hops = append(w.Hops, h)
		}
		all = append(all, w)
	}
	return all
}

// verdictClass is how a hop is coloured: by whether the component that decided calls it a success.
func verdictClass(r ledger.Record) string {
	switch r.Verdict {
	case "failed", "transform-error", "filter-error", "Failed", "Error", "Deleted":
		return "bad"
	case "filtered", "waiting", "duplicate":
		return "no"
	case "succeeded", "Succeeded", "fires":
		return "good"
	}
	if r.Hop == ledger.APICall && len(r.Verdict) == 3 && r.Verdict >= "400" {
		return "bad"
	}
	return ""
}
