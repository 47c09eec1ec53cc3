package test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/cli/talk"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/report"
)

// runEvent sends recorded messages as they are and tells what became of them.
func (f *flags) runEvent(command *cobra.Command) error {
	data, err := os.ReadFile(f.event)
	if err != nil {
		return failure.New(failure.BadInput, "give a file with a message as it lay in the queue", "read the event: %w", err)
	}
	messages, err := scenario.ReadRecorded(f.event, data)
	if err != nil {
		return err
	}
	s := scenario.Scenario{APIVersion: scenario.APIVersion, Kind: scenario.Kind, File: f.event, Line: 1}
	s.Metadata.Name = scenarioName(f.event)
	s.Spec.When = []scenario.Step{{Replay: &scenario.Replay{File: filepath.Base(f.event), Messages: messages}, Line: 1}}
	if _, err := rig.Compose(s.Spec.When[0]); err != nil {
		return fmt.Errorf("send %s: %w", f.event, err)
	}
	talker := talk.New(command.ErrOrStderr())
	return f.on(command, talker, func(ctx context.Context, on target) (report.Run, error) {
		waits := newWaits(talker)
		defer waits.close()
		end := talker.Step(f.event)
		result := on.Run(ctx, s, scenario.Options{Seed: f.seed, Explain: true, Waiting: func(open string) { waits.set(f.event, open) }})
		end(string(result.Verdict))
		versions, notes, err := on.About(context.WithoutCancel(ctx))
		if err != nil {
			return report.Run{}, err
		}
		story := report.NewStory(versions, result)
		if f.write != "" && result.Verdict == scenario.Passed {
			if err := writeScenario(f.write, f.event, data, result); err != nil {
				return report.Run{}, err
			}
			story.Scenario = f.write
		}
		f.print = story.Text
		if f.output == "json" {
			f.print = story.JSON
		}
		verdict := report.New(versions, []scenario.Result{result}, nil)
		verdict.Notes = append(verdict.Notes, notes...)
		return verdict, nil
	})
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// scenarioName makes a scenario's name of a file's.
func scenarioName(file string) string {
	base := filepath.Base(file)
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base))), "-"), "-")
	if name == "" {
		return "event"
	}
	return name
}

// writeScenario writes the scenario that a message makes, with the message beside it.
func writeScenario(path, event string, data []byte, result scenario.Result) error {
	recording := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".json"
	if same(filepath.Dir(path), filepath.Dir(event)) {
		recording = filepath.Base(event)
	} else if err := writeFile(filepath.Join(filepath.Dir(path), recording), data); err != nil {
		return err
	}
	var text bytes.Buffer
	text.WriteString("# Made of " + filepath.Base(event) + " by eventrig test --event. Read it before you keep it: it says what was seen, not what is right.\n")
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(scenario.Derive(scenarioName(path), recording, result.Timeline)); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	// Nothing in it is a variable.
	whole := bytes.ReplaceAll(text.Bytes(), []byte("${"), []byte("$${"))
	if _, err := scenario.Parse(path, whole); err != nil {
		return fmt.Errorf("write the scenario: what was made of the message is none: %w", err)
	}
	return writeFile(path, whole)
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return failure.New(failure.BadInput, "name a file in a folder that can be written", "write the scenario: %w", err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return failure.New(failure.BadInput, "name a file that can be written", "write the scenario: %w", err)
	}
	return nil
}

func same(a, b string) bool {
	first, err1 := filepath.Abs(a)
	second, err2 := filepath.Abs(b)
	return err1 == nil && err2 == nil && first == second
}
