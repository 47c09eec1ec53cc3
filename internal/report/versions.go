package report

import (
	"fmt"
	"slices"
	"strings"
)

// understack are the majors that UnderStack runs, and how a rig gets them.
var understack = []struct{ component, name, major, hint string }{
	{"rabbitmq", "RabbitMQ", "4", "scripts/setup.sh --rabbitmq 4"},
	{"argo-events", "Argo Events", "1", "leave --argo-events out"},
	{"argo-workflows", "Argo Workflows", "3", "leave --argo-workflows out"},
}

// leading are the components that the line of versions begins with; others follow by name.
var leading = []string{"rabbitmq", "kubernetes", "argo-events", "argo-workflows", "nats-streaming", "nats"}

// versionLine tells all versions in one line; it is empty where none is known.
func versionLine(versions map[string]string) string {
	names := slices.DeleteFunc(slices.Clone(leading), func(name string) bool { return versions[name] == "" })
	for _, name := range sortedKeys(versions) {
		if versions[name] != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var parts []string
	for _, name := range names {
		parts = append(parts, name+" "+strings.TrimPrefix(versions[name], "v"))
	}
	return strings.Join(parts, ", ")
}

// versionWarnings names each component of another major than UnderStack's.
func versionWarnings(versions map[string]string) []string {
	warnings := []string{}
	for _, wanted := range understack {
		version := strings.TrimPrefix(versions[wanted.component], "v")
		major, _, _ := strings.Cut(version, ".")
		if version != "" && major != wanted.major {
			warnings = append(warnings, fmt.Sprintf("%s %s was found, UnderStack runs %s: %s", wanted.name, version, wanted.major, wanted.hint))
		}
	}
	return warnings
}
