package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// GitHub writes the run as workflow commands of GitHub Actions: an error for each expectation that was not met, at its
// line of the scenario, a warning for each scenario that passed only at a later attempt, and the run's own warnings.
// Paths are relative to root, the checkout, because GitHub knows no others.
func (r Run) GitHub(w io.Writer, root string) error {
	var out strings.Builder
	annotate := func(kind, file string, line int, title, text string) {
		var properties []string
		if file != "" {
			properties = append(properties, "file="+property(relative(root, file)))
			if line > 0 {
				properties = append(properties, fmt.Sprintf("line=%d", line))
			}
		}
		properties = append(properties, "title="+property(title))
		fmt.Fprintf(&out, "::%s %s::%s\n", kind, strings.Join(properties, ","), escape(text))
	}
	for _, s := range r.Scenarios {
		switch {
		case s.Failed():
			for _, f := range s.Failures {
				annotate("error", f.File, f.Line, s.Name+": "+string(s.Verdict)+" at "+f.Hop, failureLines(f))
			}
		case s.Flaky():
			text := fmt.Sprintf("passed at attempt %d", len(s.Earlier)+1)
			for i, attempt := range s.Earlier {
				for _, f := range attempt.Failures {
					text += fmt.Sprintf("\nattempt %d, at %s\n%s", i+1, f.Hop, failureLines(f))
				}
			}
			annotate("warning", s.File, s.Line, s.Name+": flaky", text)
		}
	}
	for _, warning := range r.Warnings {
		annotate("warning", "", 0, "eventrig", warning)
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("write the annotations: %w", err)
	}
	return nil
}

func failureLines(f scenario.Failure) string {
	lines := []string{"hop: " + f.Hop}
	for _, part := range f.Parts() {
		lines = append(lines, part.Name+": "+part.Text)
	}
	return clean(strings.Join(lines, "\n"))
}

func relative(root, file string) string {
	whole, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if root == "" {
		root = "."
	}
	if root, err = filepath.Abs(root); err != nil {
		return file
	}
	if short, err := filepath.Rel(root, whole); err == nil && !strings.HasPrefix(short, "..") {
		return filepath.ToSlash(short)
	}
	return file
}

// escape and property write what actions/toolkit's core.command (escapeData, escapeProperty) writes.
func escape(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}
