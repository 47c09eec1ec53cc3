package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/lint"
)

// listed is what --rules -o json prints of a rule.
type listed struct {
	Rule     string        `json:"rule"`     // the id
	Severity lint.Severity `json:"severity"` // error, warning or info
	Title    string        `json:"title"`    // what it finds
	Why      string        `json:"why"`      // Markdown
	Bad      string        `json:"bad"`      // YAML
	Good     string        `json:"good"`     // YAML
}

// printRules prints the list of rules or the page of one. The flag's value is optional, so `--rules ID` leaves the id
// among the arguments.
func printRules(out io.Writer, f flags, arguments []string) error {
	wanted := arguments
	if f.rules != everyRule {
		wanted = append([]string{f.rules}, arguments...)
	}
	rules, err := choose(nil, nil)
	if err != nil {
		return err
	}
	if len(wanted) > 0 {
		rules = nil
		for _, id := range wanted {
			found := false
			for _, rule := range lint.Rules {
				if names(id, rule) {
					rules, found = append(rules, rule), true
				}
			}
			if !found {
				return unknown(id)
			}
		}
	}
	switch f.output {
	case "text":
	case "json":
		list := []listed{}
		for _, rule := range rules {
			list = append(list, listed{rule.ID, rule.Severity, rule.Title, rule.Why, rule.Bad, rule.Good})
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(list)
	default:
		return failure.New(failure.BadInput, "give text or json", "--rules has no output format %q", f.output)
	}
	if len(wanted) > 0 {
		for i, rule := range rules {
			if i > 0 {
				if _, err := fmt.Fprintln(out); err != nil {
					return fmt.Errorf("print: %w", err)
				}
			}
			if _, err := io.WriteString(out, rule.Page()); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, rule := range rules {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", rule.ID, rule.Severity, rule.Title) // Flush returns what goes wrong
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
