package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
)

// rehearsed is what --dry-run prints of a scenario.
type rehearsed struct {
	Name   string            `json:"name"`
	File   string            `json:"file"`
	Line   int               `json:"line"`
	Runs   bool              `json:"runs"`            // whether it would run at this tier
	Alone  string            `json:"alone,omitempty"` // why it would run with no other beside it
	Values map[string]string `json:"values"`          // of its variables
	Spec   any               `json:"spec"`            // as in the scenario, with the variables replaced

	steps []scenario.Step
}

// rehearse checks everything that can be checked without a rig and prints what would be done.
func (f *flags) rehearse(command *cobra.Command, selected []scenario.Scenario) error {
	rehearsal, err := rig.Rehearse(f.rig)
	if err != nil {
		return err
	}
	var all []rehearsed
	var mistakes []error
	for _, s := range selected {
		values, err := scenario.Values(s, f.seed, 0)
		var spec scenario.Spec
		if err == nil {
			spec, err = scenario.Resolve(s, values)
		}
		if err == nil {
			err = rehearsal.Check(s, spec)
		}
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		all = append(all, rehearsed{
			Name: s.Metadata.Name, File: s.File, Line: s.Line, Runs: len(s.Spec.Tiers) == 0 || slices.Contains(s.Spec.Tiers, f.tier),
			Alone: scenario.ClaimOf(s, spec, values).Alone, Values: values, Spec: spec, steps: spec.When,
		})
	}
	if len(mistakes) > 0 {
		return failure.New(failure.BadInput, failure.Hint(errors.Join(mistakes...)), "%w", errors.Join(mistakes...))
	}
	if f.output == "json" {
		encoder := json.NewEncoder(command.OutOrStdout())
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"dryRun": true, "seed": f.seed, "scenarios": all})
	}
	for _, one := range all {
		if err := one.print(command); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(command.OutOrStdout(), "%d scenarios are right; nothing was run\n", len(all))
	return err
}

func (r rehearsed) print(command *cobra.Command) error {
	out := command.OutOrStdout()
	note := ""
	switch {
	case !r.Runs:
		note = "  would be skipped: it is not for this tier"
	case r.Alone != "":
		note = "  runs alone: " + r.Alone
	}
	if _, err := fmt.Fprintf(out, "%s  (%s:%d)%s\n", r.Name, r.File, r.Line, note); err != nil {
		return err
	}
	for _, step := range r.steps {
		text, err := yaml.Marshal(step)
		if err != nil {
			return fmt.Errorf("print a step: %w", err)
		}
		var line yaml.Node
		if err := yaml.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("print a step: %w", err)
		}
		flow(&line)
		if text, err = yaml.Marshal(&line); err != nil {
			return fmt.Errorf("print a step: %w", err)
		}
		if _, err := fmt.Fprintf(out, "    %s", text); err != nil {
			return err
		}
	}
	return nil
}

// flow writes what is below the first name in one line.
func flow(node *yaml.Node) {
	for _, child := range node.Content {
		flow(child)
		if node.Kind == yaml.MappingNode && child.Kind != yaml.ScalarNode {
			child.Style = yaml.FlowStyle
		}
	}
}
