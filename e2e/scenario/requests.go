package scenario

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/eventrig/eventrig/internal/ledger"
)

func requestFailure(v *view, e RequestExpectation) (*Failure, bool) {
	want := Exactly(1)
	if e.Count != nil {
		want = *e.Count
	}
	matching := 0
	var seen []ledger.Record
	var differs []string
	for _, r := range v.records {
		if r.Hop != ledger.APICall || r.Details["to"] != e.To {
			continue
		}
		seen = append(seen, r)
		status, _ := number(r.Details["status"])
		if (e.Method == "" || strings.EqualFold(e.Method, fmt.Sprint(r.Details["method"]))) &&
			(e.Path == "" || pathMatches(e.Path, fmt.Sprint(r.Details["path"]))) &&
			(e.Status == 0 || int(status) == e.Status) {
			if d := bodyDifference(r, e.Body); d != "" {
				differs = append(differs, r.Object+": "+d)
				continue
			}
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
	if len(e.Body) > 0 {
		expected += " with " + compact(e.Body)
	}
	why := "requests seen: " + cmpText(told(seen), "none")
	if len(differs) > 0 {
		why = strings.Join(differs, "; ")
	}
	return &Failure{Hop: string(ledger.APICall), Expected: expected, Got: strconv.Itoa(matching), Why: why, Line: e.Line}, want.Exceeded(matching)
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

// bodyDifference says in what the JSON of a request differs from the fields wanted of it, "" when in nothing.
func bodyDifference(r ledger.Record, want map[string]any) string {
	if len(want) == 0 {
		return ""
	}
	text, _ := r.Details["body"].(string)
	var sent any
	if err := json.Unmarshal([]byte(text), &sent); err != nil {
		return fmt.Sprintf("its body %q is no JSON", shorten(text, 120))
	}
	for _, name := range sortedKeys(want) {
		got, ok := field(sent, name)
		if !ok {
			return fmt.Sprintf("its body has no %s: %s", name, shorten(text, 300))
		}
		if !equal(got, want[name]) {
			return fmt.Sprintf("%s is %s, want %s", name, compact(got), compact(want[name]))
		}
	}
	return ""
}
