package lint

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/eventrig/eventrig/internal/lint"
)

// writeGitHub writes the findings as workflow commands of GitHub Actions, which show them at their lines of a pull request.
// Paths are relative to the working directory, which in a job is the checkout.
func writeGitHub(out io.Writer, result lint.Result) error {
	kinds := map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning", lint.Info: "notice"}
	// As actions/toolkit's core.command writes them (escapeData, escapeProperty).
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var text strings.Builder
	for _, finding := range result.Findings {
		var properties []string
		if finding.File != "" {
			properties = append(properties, "file="+property.Replace(relative(finding.File)))
		}
		if finding.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", finding.Line))
		}
		properties = append(properties, "title="+property.Replace(finding.Rule))
		fmt.Fprintf(&text, "::%s %s::%s\n", kinds[finding.Severity], strings.Join(properties, ","), data.Replace(whole(finding)))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// whole is a finding's object, message, combination of values and hint as one text.
func whole(finding lint.Finding) string {
	text := finding.Message
	if finding.Object != "" {
		text = finding.Object + ": " + text
	}
	if finding.Combination != "" {
		text += "\nin: " + finding.Combination
	}
	if finding.Hint != "" {
		text += "\nhint: " + finding.Hint
	}
	return text
}

// relative is a file's path from the working directory, with slashes, or the path as it is where it lies elsewhere.
func relative(file string) string {
	if !filepath.IsAbs(file) {
		return filepath.ToSlash(filepath.Clean(file))
	}
	here, err := filepath.Abs(".")
	if err != nil {
		return filepath.ToSlash(file)
	}
	short, err := filepath.Rel(here, file)
	if err != nil || strings.HasPrefix(short, "..") {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(short)
}
