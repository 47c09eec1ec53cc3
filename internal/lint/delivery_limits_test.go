package lint_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/lint"
)

// A policy that limits a queue counts wherever it is written: as an object of the topology operator, or in definitions that the
// broker loads.
func TestPoliciesLimitQueues(t *testing.T) {
	const source = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: ironic, namespace: a}
spec:
  amqp:
    events:
      url: amqp://rabbitmq/ironic
      exchangeName: ironic
      exchangeType: topic
      exchangeDeclare: {durable: true}
      routingKey: ironic_versioned_notifications.info
      queueDeclare: {name: argo_notifications, durable: true}
      jsonBody: true
---
`
	operator := func(kind, pattern, definition string) string {
		return "apiVersion: rabbitmq.com/v1beta1\nkind: " + kind + "\nmetadata: {name: ttl, namespace: a}\nspec: {name: ttl, vhost: ironic, pattern: '" + pattern + "', applyTo: queues, definition: {" + definition + "}}\n"
	}
	const definitions = `{"vhosts": [{"name": "ironic"}], "policies": [{"vhost": "ironic", "name": "ttl", "pattern": "PATTERN", "apply-to": "queues", "definition": {"message-ttl": 86400000}}]}`
	defined := func(pattern string) string { return strings.Replace(definitions, "PATTERN", pattern, 1) }
	config := func(pattern string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: definitions, namespace: a}\ndata:\n  other: text\n  definitions.json: '" + defined(pattern) + "'\n"
	}
	secret := func(pattern string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: definitions, namespace: a}\ndata:\n  x: '!'\n  definitions.json: " + base64.StdEncoding.EncodeToString([]byte(defined(pattern))) + "\n"
	}
	for name, test := range map[string]struct {
		policies string
		want     []string // what is not limited
	}{
		"none":             {"", nil},
		"operator's, both": {operator("Policy", "notifications", "message-ttl: 1"), nil},
		"for operators":    {operator("OperatorPolicy", "^argo_", "max-length: 1"), []string{"ironic_versioned_notifications.info"}},
		"operator's, one":  {operator("Policy", "^notifications.*", "message-ttl: 1"), []string{"ironic_versioned_notifications.info", "argo_notifications"}},
		"no limit":         {operator("Policy", "notifications", "ha-mode: all"), nil},
		"definitions":      {config("notifications"), nil},
		"definitions, one": {config("^argo_"), []string{"ironic_versioned_notifications.info"}},
		"in a Secret":      {secret("^argo_"), []string{"ironic_versioned_notifications.info"}},
		"broken":           {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: definitions, namespace: a}\ndata: {a: '{\"policies\": 5}', b: '{\"policies\"'}\n", nil},
	} {
		var got []string
		for _, finding := range lintAll(t, source+test.policies) {
			if finding.Rule == "delivery/queue-limit" && finding.Severity == lint.Warning {
				got = append(got, strings.Fields(strings.SplitAfter(finding.Message, "limits queue ")[1])[0])
			}
		}
		for i := range got {
			got[i] = strings.Trim(got[i], ",:")
		}
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: not limited %q, want %q", name, got, test.want)
		}
	}
}
