package suites_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// part of a corpus: what a step sends, and what that is.
type part struct {
	name string
	step scenario.Step
}

// corpus is everything that evaluation is held against a rig with: each notification of the catalogue, those that Sensors
// consume also as they must not be (other driver, misspelt or broken envelope, fields that are missing, null or of another
// type), what the scenarios send, bodies that are no notification, and webhook calls.
func corpus() []part {
	var all []part
	publish := func(name string, p scenario.Publish) {
		all = append(all, part{name, scenario.Step{Publish: &p}})
	}
	catalogue, err := oslo.Default()
	Expect(err).NotTo(HaveOccurred())
	for _, name := range catalogue.Names() {
		publish(name, scenario.Publish{Event: name})
	}
	for _, consumed := range []string{
		"keystone/identity.project.created", "keystone/identity.project.updated", "keystone/identity.project.deleted", "nova/compute.instance.delete.end",
		"neutron/network_segment_range.create.end", "cinder/volume_type_project.access.add", "ironic/baremetal.port.delete.end", "ironic/baremetal.portgroup.update.end",
		"ironic/baremetal.node.update.end", "ironic/baremetal.node.provision_set.end", "ironic/baremetal.node.power_set.end",
	} {
		publish(consumed+", legacy driver", scenario.Publish{Event: consumed, Driver: "messaging"})
		publish(consumed+", no payload", scenario.Publish{Event: consumed, Remove: []string{"payload"}})
		publish(consumed+", longer type", scenario.Publish{Event: consumed, Set: map[string]any{"event_type": "x." + strings.SplitN(consumed, "/", 2)[1] + ".y"}})
	}
	set := func(event string, fields map[string]any) {
		publish(fmt.Sprintf("%s with %v", event, fields), scenario.Publish{Event: event, Set: fields})
	}
	const project, server, ranges, port, node = "keystone/identity.project.created", "nova/compute.instance.delete.end", "neutron/network_segment_range.update.end",
		"ironic/baremetal.port.delete.end", "ironic/baremetal.node.power_set.end"
	for _, id := range []any{nil, 5, 12345678901234567, 1.5e300, true, "", " ", "{{workflow.name}}", `with "quotes" and \ and <tags> & ü 日本` + "\u2028\n\t", []any{1, "a"}, map[string]any{"a": nil}} {
		set(project, map[string]any{"payload.target.id": id})
	}
	publish(project+" without an id", scenario.Publish{Event: project, Remove: []string{"payload.target.id"}})
	publish(project+" without a target", scenario.Publish{Event: project, Remove: []string{"payload.target"}})
	set(project, map[string]any{"payload.filler": strings.Repeat("x", 200_000)})
	for _, storage := range []any{"wanted", "unwanted", "Wanted", " wanted ", "wante", "", nil, false, true, []any{"wanted"}, map[string]any{"wanted": 1}} {
		set(server, map[string]any{"payload.metadata": map[string]any{"storage": storage}, "payload.node": nil})
	}
	for _, metadata := range []any{nil, "wanted", []any{}, map[string]any{}} {
		set(server, map[string]any{"payload.metadata": metadata})
	}
	for _, kind := range []any{"vxlan", "VXLAN", "vxlan2", "vlan", nil, 1} {
		set(ranges, map[string]any{"payload.network_segment_range.network_type": kind, "payload.network_segment_range.minimum": 1.5, "payload.network_segment_range.maximum": "2"})
	}
	for _, network := range []any{"net", "", nil, " ", 0, false, map[string]any{}} {
		set(port, map[string]any{`payload.ironic_object\.data.physical_network`: network})
	}
	for _, state := range []any{"clean failed", "clean-failed", "cleanXfailed", "not clean failed at all", nil} {
		set(node, map[string]any{`payload.ironic_object\.data.provision_state`: state})
	}
	return append(append(all, raw()...), played()...)
}

// raw are bodies that are no notification in oslo's envelope, and webhook calls.
func raw() []part {
	var all []part
	// What %s stands in is sent to each of two services, the rest to one: the ledger tells bodies apart by what they hold.
	for i, body := range []string{
		`{}`, `{"oslo.message": 5, "at": "%s"}`, `{"oslo.message": null, "at": "%s"}`, `{"oslo.message": "", "at": "%s"}`, `{"oslo.message": "5", "at": "%s"}`, `{"oslo.message": "null", "at": "%s"}`,
		`{"oslo.message": "[]", "at": "%s"}`, `{"oslo.message": "{\"event_type\": \"identity.project.created\"", "at": "%s"}`, `{"oslo.message": "not JSON", "at": "%s"}`,
		`{"oslo.message": {"event_type": "identity.project.created"}, "at": "%s"}`,
		`{"oslo_message": "{\"event_type\": \"identity.project.created\", \"message_id\": \"misspelt\"}", "oslo.version": "2.0", "at": "%s"}`,
		`{"Oslo.Message": "{\"event_type\": \"identity.project.created\"}", "at": "%s"}`,
		`{"oslo.message": "{\"event_type\": \"identity.project.created\", \"message_id\": \"plain-%s\", \"payload\": {\"target\": {\"id\": \"p1\"}}}"}`,
		`{"oslo.message": "{\"event_type\": [\"identity.project.created\"], \"message_id\": \"in-a-list-%s\", \"payload\": {\"target\": {\"id\": \"p2\"}}}"}`,
		`{"oslo.message": "{\"event_type\": \"identity.project.created\", \"event_type\": \"identity.user.created\", \"message_id\": \"twice-%s\"}"}`,
		`{"oslo.message": "{\"event_type\": \"identity.project.created\", \"message_id\": \"large-%s\", \"n\": 1e400}"}`,
		`{"oslo.message": "{\"event_type\": null, \"message_id\": \"null-type-%s\", \"payload\": {}}"}`, `{"oslo.message": "{\"message_id\": \"no-type-%s\", \"payload\": {}}"}`,
		`{"oslo.message": "{\"event_type\": \"identity.project.created\", \"message_id\": \"null-payload-%s\", \"payload\": null}"}`,
		`{"n": 1e400, "at": "%s"}`, `[]`, `[{"oslo.message": "{}", "at": "%s"}]`, `4711`, `true`, `null`, `"only a text, to %s"`, ` {"spaces" :  [ 1 , 2 ] , "at":"%s"} `,
		`not JSON at all, to %s`, `{"cut off": "%s`, "\x00\x01\x02", `{"a": 1} {"b": "%s"}`,
	} {
		for _, at := range []struct{ vhost, exchange, key string }{{"keystone", "keystone", "notifications.info"}, {"ironic", "ironic", "ironic_versioned_notifications.info"}} {
			step := scenario.Publish{Raw: strings.Replace(body, "%s", at.vhost, 1), VHost: at.vhost, Exchange: at.exchange, RoutingKey: at.key}
			all = append(all, part{fmt.Sprintf("body %d to %s: %.60q", i, at.vhost, body), scenario.Step{Publish: &step}})
			if !strings.Contains(body, "%s") {
				break
			}
		}
	}
	elsewhere := scenario.Publish{Raw: `{"oslo.message": "{\"event_type\": \"identity.project.created\", \"message_id\": \"elsewhere\"}"}`, VHost: "keystone", Exchange: "keystone", RoutingKey: "notifications.error"}
	all = append(all, part{"a key that no queue is bound by", scenario.Step{Publish: &elsewhere}})
	for _, body := range []any{
		map[string]any{"webhook": "empty"}, []any{"webhook"}, map[string]any{"alerts": []any{}}, map[string]any{"alerts": "x"},
		map[string]any{"alerts": []any{map[string]any{"status": "firing", "labels": map[string]any{"alertname": "NeutronAgentDown", "id": "i1", "hostname": "h1"}}}},
		map[string]any{"alerts": []any{map[string]any{"status": "firing", "labels": map[string]any{"alertname": "NeutronAgentDown", "id": "i2"}}}},
		map[string]any{"alerts": []any{map[string]any{"status": "firing", "labels": map[string]any{"alertname": "NotNeutronAgentDown", "id": 5, "hostname": nil}}}},
		map[string]any{"alerts": []any{map[string]any{"status": "resolved", "labels": map[string]any{"alertname": "NeutronAgentDown", "id": "i3", "hostname": "h3"}}}},
	} {
		step := scenario.Webhook{EventSource: "argo-events/alertmanager-webhook-eventsource", Event: "alerts", Body: body}
		all = append(all, part{fmt.Sprintf("alerts %v", body), scenario.Step{Webhook: &step}})
	}
	return all
}

// played are the steps of the scenarios that send something.
func played() []part {
	var all []part
	found, err := scenario.LoadFS(scenarios.UnderStack)
	Expect(err).NotTo(HaveOccurred())
	for _, s := range found {
		values, err := scenario.Values(s, 1, 0)
		Expect(err).NotTo(HaveOccurred())
		spec, err := scenario.Resolve(s, values)
		Expect(err).NotTo(HaveOccurred())
		for i, step := range spec.When {
			if step.Publish != nil || step.Replay != nil || step.Webhook != nil && step.Webhook.Status == 0 {
				all = append(all, part{fmt.Sprintf("step %d of %s", i, s.Metadata.Name), step})
			}
		}
	}
	return all
}
