package publish

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/simulators/oslo"
)

// complete offers the catalogue's names: first the services, then one service's events.
func complete(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	catalogue, err := oslo.Default()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if !strings.Contains(typed, "/") {
		var services []string
		for _, service := range catalogue.Services() {
			if strings.HasPrefix(service, typed) {
				services = append(services, service+"/")
			}
		}
		return services, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var events []string
	for _, name := range catalogue.Names() {
		if template, err := catalogue.Lookup(name); err == nil && strings.HasPrefix(name, typed) {
			events = append(events, cobra.CompletionWithDesc(name, template.Description))
		}
	}
	return events, cobra.ShellCompDirectiveNoFileComp
}

// completePaths offers the paths of the notification that was named before; each ends in suffix. Dots within names are not
// escaped: a shell would ask for a second backslash, and publish finds such names without.
func completePaths(suffix string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		catalogue, err := oslo.Default()
		if err != nil || len(args) == 0 || strings.Contains(typed, "=") {
			return nil, directive
		}
		template, err := catalogue.Lookup(args[0])
		if err != nil {
			return nil, directive
		}
		notification, _, err := template.Build(oslo.Options{})
		if err != nil {
			return nil, directive
		}
		var paths []string
		for _, path := range notification.Paths() {
			if strings.HasPrefix(path.Path, typed) {
				now, err := json.Marshal(path.Value)
				if err != nil {
					continue // it came from JSON
				}
				paths = append(paths, cobra.CompletionWithDesc(path.Path+suffix, string(now)))
			}
		}
		return paths, directive
	}
}
