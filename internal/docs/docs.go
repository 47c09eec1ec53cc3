// Package docs writes the reference in docs/ from the program itself, so that it cannot say anything else.
//
// In go the command tree, the source of the types that commands print as JSON, the catalogue of notifications, the
// models of the simulated Nautobot, the exit codes of the handlers, the rules of lint, and the schema of a scenario; out come
// files (see Files). `go generate ./...` writes them, a test of this package fails when one is not current.
package docs

import (
	"fmt"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/cli"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/oslo"
)

//go:generate go run ./generate

// Files makes every generated file of docs/, by its path from the module's root, which is the folder given.
func Files(root string) (map[string][]byte, error) {
	schema, err := scenario.Schema()
	if err != nil {
		return nil, err
	}
	commands, err := Commands(cli.New(), root)
	if err != nil {
		return nil, fmt.Errorf("write the reference of the commands: %w", err)
	}
	catalogue, err := oslo.Default()
	if err != nil {
		return nil, fmt.Errorf("read the catalogue of notifications: %w", err)
	}
	coverage, err := Notifications(catalogue)
	if err != nil {
		return nil, fmt.Errorf("write the coverage of the notifications: %w", err)
	}
	simulators, err := Simulators(root)
	if err != nil {
		return nil, err
	}
	explain, err := Explain()
	if err != nil {
		return nil, err
	}
	pipelines, err := Pipelines()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"docs/commands.md":                 commands,
		"docs/coverage-nautobot.md":        Nautobot(),
		"docs/coverage-notifications.md":   coverage,
		"docs/coverage-ontap-undersync.md": OtherEnds(),
		"docs/coverage-openstack.md":       openstack.Coverage(),
		"docs/exit-codes.md":               ExitCodes(),
		"docs/explain.md":                  explain,
		"docs/lint.md":                     lint.Reference(),
		"docs/pipelines.md":                pipelines,
		"docs/scenario.schema.json":        schema,
		"docs/simulators.md":               simulators,
	}, nil
}
