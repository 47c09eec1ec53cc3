package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// findings lints folders and files with all rules.
func findings(t *testing.T, paths ...string) []lint.Finding {
	t.Helper()
	graph, problems := pipeline.Read(t.Context(), pipeline.Options{}, paths...)
	for _, problem := range problems {
		if problem.Kind == pipeline.Unreadable {
			t.Fatal(problem)
		}
	}
	in := lint.NewInput(graph, problems)
	for _, path := range paths {
		in.Folders = append(in.Folders, lint.Folder{FS: os.DirFS(path), Name: filepath.ToSlash(path)})
	}
	return lint.Run(t.Context(), in, lint.Rules).Findings
}

func has(found []lint.Finding, rule, object, text string) bool {
	return slices.ContainsFunc(found, func(f lint.Finding) bool {
		return f.Rule == rule && f.Object == object && strings.Contains(f.Message, text) && f.Line > 0
	})
}

// What is known to be wrong or fragile in UnderStack's pipelines is found, and nothing else is called an error.
func TestUnderStackDefectsAreFound(t *testing.T) {
	root := filepath.Join("..", "..", "manifests")
	found := findings(t, filepath.Join(root, "understack"), filepath.Join(root, "eventbus", "stan"))
	for _, want := range []struct{ rule, object, text string }{
		// One event starts several Sensors, and what they start writes the same records side by side.
		{"delivery/several-sensors", "Sensor/openstack/keystone-oslo-event", "openstack/keystone-event-project gets identity.project.created"},
		{"delivery/several-sensors", "Sensor/openstack/ironic-port-delete", "openstack/ironic-node-port gets baremetal.port.delete.end"},
		{"delivery/same-record", "Sensor/openstack/ironic-node-port", "openstack/ironic-node-port, openstack/ironic-node-update, openstack/ironic-oslo-event write the interfaces and cables"},
		{"delivery/same-record", "Sensor/openstack/ironic-node-update", "write the node's device in Nautobot"},
		// A late update of a port makes the interface that its deletion took away.
		{"delivery/no-order", "Sensor/openstack/ironic-node-port", "baremetal.port.create.end or baremetal.port.update.end that runs late undoes that of baremetal.port.delete.end"},
		{"delivery/no-order", "Sensor/openstack/ironic-node-portgroup", "baremetal.portgroup.delete.end"},
		// At most once, and nothing is tried again.
		{"delivery/at-most-once", "EventSource/openstack/openstack-ironic", "at most once"},
		{"delivery/at-most-once", "EventSource/openstack/openstack-nova", "at most once"},
		{"delivery/retry-inert", "Sensor/openstack/keystone-automation-user-upsert", "no effect"},
		{"delivery/retry-inert", "Sensor/openstack/keystone-automation-user-delete", "no effect"},
		{"delivery/replay-on-start", "EventSource/openstack/k8s-openstack-secrets", "keystone-automation-user-upsert"},
		{"delivery/no-wait", "EventSource/openstack/openstack-keystone", "queueDeclare"},
		{"delivery/no-backoff", "EventSource/openstack/openstack-keystone", "ten tries"},
		// Pods without an account that may report results.
		{"rights/executor", "WorkflowTemplate/argo-events/reclean-server", "argo-events/default (no serviceAccountName is given) may not create, patch workflowtaskresults"},
		// Keystone's basic format has no target.
		{"expressions/path-sometimes", "Sensor/openstack/keystone-event-project", "keystone/identity.project.created@basic"},
		// Errors never arrive, and the queues that oslo.messaging declares grow.
		{"delivery/errors-not-bound", "EventSource/openstack/openstack-ironic", "36 event types"},
		{"delivery/errors-not-bound", "EventSource/openstack/openstack-nova", "compute.instance.create.error"},
		{"delivery/default-queue", "EventSource/openstack/openstack-ironic", "ironic_versioned_notifications.info"},
		{"delivery/default-queue", "EventSource/openstack/openstack-cinder", "notifications.info"},
		// "wanted" passes what is not wanted.
		{"expressions/filter-matches-more", "Sensor/openstack/nova-oslo-event", `"wanted" also matches wanted-but-not-project`},
		{"expressions/filter-unanchored", "Sensor/openstack/ironic-node-port", "baremetal.port.create.end"},
		{"expressions/jq-error-hidden", "Sensor/openstack/ironic-node-port", "fromjson cannot be applied to: null"},
		// Cleaning again what failed to clean is what fails again.
		{"delivery/loop", "Sensor/openstack/ironic-node-reclean", "openstack baremetal node provide makes the service send baremetal.node.power_set.end"},
		{"delivery/deprecated-bus", "EventBus/openstack/default", "NATS Streaming"},
		{"rights/surplus", "Role/argo-events/sensor-submit-workflow-role", "openstack/sensor-submit-workflow may get, list, watch, update, patch workflows"},
		// A condition that the controller cannot evaluate unless storage is wanted, and one that a state of two words breaks.
		{"contracts/when-invalid", "Sensor/openstack/ironic-oslo-event", "Value 'wanted' cannot be used with the modifier '-'"},
		{"contracts/when-unquoted", "WorkflowTemplate/argo-events/reclean-server", "steps.server-manage-state.outputs.result"},
		// A template that no kustomization lists.
		{"wiring/template-not-listed", "Sensor/openstack/neutron-event-network-segment-range", "no kustomization lists"},
		{"handlers/no-such-command", "WorkflowTemplate/argo-events/sync-provision-state-to-nautobot", "sync-provision-state"},
	} {
		if !has(found, want.rule, want.object, want.text) {
			t.Errorf("not found: %s at %s: ...%s...", want.rule, want.object, want.text)
		}
	}
	for _, finding := range found {
		if finding.Severity == lint.Error && !slices.Contains([]string{"rights/executor WorkflowTemplate/argo-events/reclean-server",
			"contracts/when-invalid Sensor/openstack/ironic-oslo-event", "wiring/template-not-listed Sensor/openstack/neutron-event-network-segment-range"}, finding.Rule+" "+finding.Object) {
			t.Errorf("an error that is not known to be one: %+v", finding)
		}
		if strings.HasPrefix(finding.Rule, "handlers/un") {
			t.Errorf("every type that UnderStack's Sensors let through has a handler, and every handler a Sensor: %+v", finding)
		}
	}
}

// BenchmarkUnderStack is what `eventrig lint` does with UnderStack's tree: it reads the manifests and runs all rules.
func BenchmarkUnderStack(b *testing.B) {
	folder := filepath.Join("..", "..", "manifests", "understack")
	for b.Loop() {
		graph, problems := pipeline.Read(b.Context(), pipeline.Options{}, folder)
		in := lint.NewInput(graph, problems)
		in.Folders = []lint.Folder{{FS: os.DirFS(folder), Name: filepath.ToSlash(folder)}}
		if len(lint.Run(b.Context(), in, lint.Rules).Findings) == 0 {
			b.Fatal("nothing is found")
		}
	}
}
