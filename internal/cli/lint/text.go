package lint

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/cli/paint"
	"github.com/eventrig/eventrig/internal/figures"
	"github.com/eventrig/eventrig/internal/lint"
)

var colours = map[lint.Severity]paint.Colour{lint.Error: paint.Red, lint.Warning: paint.Yellow, lint.Info: paint.Cyan}

// writeText writes the findings grouped by object, and a line that sums them up. Colours are for terminals.
func writeText(out io.Writer, result lint.Result, checked *input) error {
	coloured := paint.For(out)
	var text strings.Builder
	last := ""
	for i, finding := range grouped(result.Findings) {
		if i == 0 || heading(finding) != last {
			if i > 0 {
				text.WriteByte('\n')
			}
			last = heading(finding)
			fmt.Fprintln(&text, coloured(paint.Bold, last))
		}
		// One that editors and terminals recognise as a place.
		place := finding.File
		if finding.Line > 0 {
			place = fmt.Sprintf("%s:%d", finding.File, finding.Line)
		}
		fmt.Fprintf(&text, "  %s  %s  %s\n", coloured(paint.Dim, place), coloured(colours[finding.Severity], string(finding.Severity)), finding.Rule)
		fmt.Fprintf(&text, "    %s\n", strings.ReplaceAll(finding.Message, "\n", "\n    "))
		if finding.Combination != "" {
			fmt.Fprintf(&text, "    in: %s\n", finding.Combination)
		}
		if finding.Hint != "" {
			fmt.Fprintf(&text, "    %s\n", coloured(paint.Dim, "hint: "+strings.ReplaceAll(finding.Hint, "\n", "\n    ")))
		}
	}
	if len(result.Findings) > 0 {
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "%s in %s\n", summary(result), figures.Of(checked.objects(), "object"))
	for _, line := range checked.varied() {
		fmt.Fprintln(&text, line)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// summary says how many findings there are of each severity.
func summary(result lint.Result) string {
	numbers := map[lint.Severity]int{}
	for _, finding := range result.Findings {
		numbers[finding.Severity]++
	}
	words := "nothing found"
	if len(result.Findings) > 0 {
		words = fmt.Sprintf("%s, %s, %d info", figures.Of(numbers[lint.Error], "error"), figures.Of(numbers[lint.Warning], "warning"), numbers[lint.Info])
	}
	if n := len(result.Suppressed); n > 0 {
		words += fmt.Sprintf(" (%d suppressed)", n)
	}
	return words
}

// grouped puts the findings with one heading together, in the order in which the first of each comes: objects that one template
// makes share its lines.
func grouped(findings []lint.Finding) []lint.Finding {
	order := map[string]int{}
	for _, finding := range findings {
		if _, ok := order[heading(finding)]; !ok {
			order[heading(finding)] = len(order)
		}
	}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b lint.Finding) int { return order[heading(a)] - order[heading(b)] })
	return sorted
}

// heading is what the findings are grouped by: the object, or the file where there is none.
func heading(finding lint.Finding) string {
	if finding.Object != "" {
		return finding.Object
	}
	return finding.File
}
