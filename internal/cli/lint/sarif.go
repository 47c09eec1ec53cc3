package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/eventrig/eventrig/internal/lint"
)

// homepage is where the reference of the rules can be read.
const homepage = "https://github.com/eventrig/eventrig"

// writeSARIF writes the findings as SARIF 2.1.0, which code scanning services take. Suppressed findings are in it too, with
// their reason, as the format has a place for them.
func writeSARIF(out io.Writer, result lint.Result) error {
	run := sarif.NewRunWithInformationURI("eventrig lint", homepage)
	levels := map[lint.Severity]string{lint.Error: sarif.LevelError, lint.Warning: sarif.LevelWarning, lint.Info: sarif.LevelNote}
	for _, rule := range lint.Rules {
		run.AddRule(rule.ID).
			WithShortDescription(sarif.NewMultiformatMessageString().WithText(rule.Title)).
			WithFullDescription(sarif.NewMultiformatMessageString().WithText(rule.Why).WithMarkdown(rule.Why)).
			WithHelp(sarif.NewMultiformatMessageString().WithText(rule.Page()).WithMarkdown(rule.Page())).
			WithHelpURI(homepage + "/blob/main/docs/lint.md#" + lint.Anchor(rule.ID)).
			WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(levels[rule.Severity]))
	}
	add := func(finding lint.Finding) *sarif.Result {
		one := run.CreateResultForRule(finding.Rule).WithLevel(levels[finding.Severity]).WithMessage(sarif.NewTextMessage(whole(finding)))
		location := sarif.NewLocation()
		if finding.File != "" {
			place := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation((&url.URL{Path: relative(finding.File)}).String()))
			if finding.Line > 0 {
				place.WithRegion(sarif.NewRegion().WithStartLine(finding.Line))
			}
			location.WithPhysicalLocation(place)
		}
		if finding.Object != "" {
			location.AddLogicalLocation(sarif.NewLogicalLocation().WithFullyQualifiedName(finding.Object).WithKind("resource"))
		}
		return one.AddLocation(location)
	}
	for _, finding := range result.Findings {
		add(finding)
	}
	for _, suppressed := range result.Suppressed {
		add(suppressed.Finding).AddSuppression(sarif.NewSuppression().WithKind("inSource").WithJustification(suppressed.Reason))
	}
	document := sarif.NewReport()
	document.AddRun(run)
	content, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	_, err = out.Write(append(content, '\n'))
	return err
}
