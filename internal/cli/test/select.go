package test

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/onsi/ginkgo/v2/types"
	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
)

// selection says which scenarios to run.
type selection struct {
	focus  string
	labels string
}

func (s selection) choose(all []scenario.Scenario) ([]scenario.Scenario, error) {
	focus, err := regexp.Compile(s.focus)
	if err != nil {
		return nil, failure.New(failure.BadInput, "it is a Go regular expression (RE2)", "read --focus: %w", err)
	}
	matches, err := types.ParseLabelFilter(s.labels)
	if err != nil {
		return nil, failure.New(failure.BadInput, "such as: smoke && !service:nova", "read --label-filter: %w", err)
	}
	var chosen []scenario.Scenario
	for _, one := range all {
		if focus.MatchString(one.Metadata.Name) && matches(one.Labels()) {
			chosen = append(chosen, one)
		}
	}
	return chosen, nil
}

func list(command *cobra.Command, selected []scenario.Scenario, output string) error {
	type entry struct {
		Name        string            `json:"name"`
		Labels      map[string]string `json:"labels,omitempty"`
		Description string            `json:"description,omitempty"`
		File        string            `json:"file"`
		Line        int               `json:"line"`
	}
	var entries []entry
	for _, one := range selected {
		entries = append(entries, entry{one.Metadata.Name, one.Metadata.Labels, one.Metadata.Description, one.File, one.Line})
	}
	if output == "json" {
		encoder := json.NewEncoder(command.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"scenarios": entries})
	}
	for i, one := range entries {
		if _, err := fmt.Fprintf(command.OutOrStdout(), "%-44s %s\n", one.Name, strings.Join(selected[i].Labels(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// toFile writes a report to a file.
func toFile(path string, write func(io.Writer) error) error {
	file, err := create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
