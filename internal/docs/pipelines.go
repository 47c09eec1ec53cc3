package docs

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/eventrig/eventrig/internal/cases"
	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

//go:embed pipelines.md.tmpl
var pipelinesText string

// impossible are cases that no event can be, with the reason, by Sensor and case.
var impossible = map[string]map[string]string{
	"openstack/nova-oslo-event": {
		"`body.storage_wanted` is missing": "the transform always gives one",
		"`body.storage_wanted` is null":    "the transform makes `none` of it",
	},
	"openstack/keystone-automation-user-upsert": withoutFilter,
	"openstack/keystone-automation-user-delete": withoutFilter,
}

var withoutFilter = map[string]string{
	"parameter from `body.type` is missing":            "the API server gives every Secret one",
	"parameter from `body.type` is null":               "the API server gives every Secret one",
	"parameter from `body.metadata.name` is missing":   "every object has one",
	"parameter from `body.metadata.name` is null":      "every object has one",
	"parameter from `body.metadata.labels` is missing": "the EventSource passes on only what has labels",
	"parameter from `body.metadata.labels` is null":    "the EventSource passes on only what has labels",
}

// fidelity says how far the commands are UnderStack's of what no Sensor starts.
var fidelity = map[string]string{
	"WorkflowTemplate/argo-events/bmc-password":                     "the inline program; the password is UnderStack's, as its documentation has one",
	"WorkflowTemplate/argo-events/enroll-fw":                        "`enroll-fw`, best effort",
	"WorkflowTemplate/argo-events/enroll-netdev":                    "`enroll-netdev`, best effort",
	"WorkflowTemplate/argo-events/inspect-server":                   "`openstack`, recorded from the client",
	"WorkflowTemplate/argo-events/resync-nautobot":                  "`resync-*-nautobot`, recorded",
	"WorkflowTemplate/argo-events/server-firmware-update":           "`openstack`, recorded from the client",
	"WorkflowTemplate/argo-events/sync-provision-state-to-nautobot": "nothing: its image has no such command any more",
	"CronWorkflow/argo-events/resync-nautobot":                      "as its template",
	"WorkflowTemplate/argo-events/enroll-server":                    notSubmitted["WorkflowTemplate/argo-events/enroll-server"],
}

// notSubmitted are templates that no scenario starts, with the reason.
var notSubmitted = map[string]string{
	"WorkflowTemplate/argo-events/enroll-server": "nothing yet: `enroll-server` asks a BMC by Redfish, of which there is no simulator",
}

// found is an object of the manifests with the scenarios that reach it.
type found struct {
	Name, Type, Fidelity string
	Scenarios            []string
}

// pipelines is what the page is made of.
type pipelines struct {
	Sensors            []cases.Sensor
	Sources, Submitted []found
}

// readPipelines holds the scenarios that come with eventrig against UnderStack's manifests.
func readPipelines(ctx context.Context) (*pipelines, error) {
	graph, err := pipeline.LoadFS(manifests.FS, "understack")
	if err != nil {
		return nil, fmt.Errorf("read UnderStack's manifests: %w", err)
	}
	events, err := corpus.New(nil, []string{corpus.BuiltIn}, "", 1)
	if err != nil {
		return nil, err
	}
	p := &pipelines{}
	if p.Sensors, err = cases.Of(ctx, graph, events); err != nil {
		return nil, fmt.Errorf("find the cases of UnderStack's Sensors: %w", err)
	}
	sources, submitted := map[string][]string{}, map[string][]string{}
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		return nil, err
	}
	for part, err := range events.Evaluate(ctx, nil, evaluator) {
		if err != nil {
			return nil, err
		}
		for _, result := range part.Results[0] {
			for _, source := range result.Passed {
				sources[source.String()] = append(sources[source.String()], part.Scenario)
			}
		}
		for _, one := range part.Submitted {
			for _, key := range []string{one.Kind + "/" + one.From, "WorkflowTemplate/" + graph.TemplateBehind(one.Kind, one.From)} {
				submitted[key] = append(submitted[key], part.Scenario)
			}
		}
	}
	for _, event := range graph.Events() {
		name := event.Namespace + "/" + event.SourceName + "/" + event.Name
		p.Sources = append(p.Sources, found{Name: name, Type: event.Type, Scenarios: each(sources[name])})
	}
	can := lint.StartableBy(graph)
	for _, object := range graph.Objects {
		key := object.Key()
		if object.GetKind() == "CronWorkflow" || object.GetKind() == "WorkflowTemplate" && (!can.Templates[key] || len(submitted[key]) > 0) {
			p.Submitted = append(p.Submitted, found{Name: key, Fidelity: fidelity[key], Scenarios: each(submitted[key])})
		}
	}
	byName := func(a, b found) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(p.Sources, byName)
	slices.SortFunc(p.Submitted, byName)
	return p, nil
}

func each(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// shownScenarios is how many scenarios a row names.
const shownScenarios = 3

// Pipelines writes which scenarios show what of UnderStack's pipelines.
func Pipelines() ([]byte, error) {
	p, err := readPipelines(context.Background())
	if err != nil {
		return nil, err
	}
	list := func(names []string) string {
		if len(names) == 0 {
			return "**none**"
		}
		text := strings.Join(names[:min(len(names), shownScenarios)], ", ")
		if more := len(names) - shownScenarios; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		return text
	}
	reasons := map[*cases.Case]string{}
	for _, sensor := range p.Sensors {
		for _, c := range sensor.Cases {
			reasons[c] = impossible[sensor.Name][c.Name]
		}
	}
	page, err := template.New("pipelines.md").Funcs(template.FuncMap{"list": list, "scenarios": func(c *cases.Case) string {
		if len(c.Scenarios) == 0 && reasons[c] != "" {
			return "*" + reasons[c] + "*"
		}
		return list(c.Scenarios)
	}}).Parse(pipelinesText)
	if err != nil {
		return nil, fmt.Errorf("read the template of pipelines.md: %w", err)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("write pipelines.md: %w", err)
	}
	return b.Bytes(), nil
}

// PipelineHoles names what no scenario shows and no reason excuses, and reasons that are not needed.
func PipelineHoles(ctx context.Context) ([]string, error) {
	p, err := readPipelines(ctx)
	if err != nil {
		return nil, err
	}
	var holes []string
	used := map[string]bool{}
	for _, sensor := range p.Sensors {
		for _, c := range sensor.Cases {
			reason := impossible[sensor.Name][c.Name]
			used[sensor.Name+c.Name] = true
			switch {
			case reason != "" && len(c.Scenarios) > 0:
				holes = append(holes, fmt.Sprintf("%s: %s: called impossible, and %s shows it", sensor.Name, c.Name, c.Scenarios[0]))
			case reason == "" && len(c.Scenarios) == 0:
				holes = append(holes, fmt.Sprintf("%s: %s: no scenario", sensor.Name, c.Name))
			}
		}
	}
	for _, sensor := range slices.Sorted(maps.Keys(impossible)) {
		for _, name := range slices.Sorted(maps.Keys(impossible[sensor])) {
			if !used[sensor+name] {
				holes = append(holes, fmt.Sprintf("%s: %s: called impossible, and no such case", sensor, name))
			}
		}
	}
	for _, one := range slices.Concat(p.Sources, p.Submitted) {
		switch reason := notSubmitted[one.Name]; {
		case reason == "" && len(one.Scenarios) == 0:
			holes = append(holes, one.Name+": no scenario")
		case reason != "" && len(one.Scenarios) > 0:
			holes = append(holes, one.Name+": said not to be started, and "+one.Scenarios[0]+" starts it")
		}
	}
	for _, one := range p.Submitted {
		if one.Fidelity == "" {
			holes = append(holes, one.Name+": nothing says how far its command is UnderStack's")
		}
	}
	return holes, nil
}
