package lint

import "strings"

// Parts that the examples of several rules are put together from.
const (
	// ironicSource receives what Ironic reports.
	ironicSource = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: openstack-ironic, namespace: openstack}
spec:
  amqp:
    openstack:
      url: amqp://rabbitmq.openstack.svc:5672/ironic
      exchangeName: ironic
      exchangeType: topic
      exchangeDeclare: {durable: true}
      routingKey: ironic_versioned_notifications.info
      queueDeclare: {name: argo_notifications, durable: true}
      jsonBody: true
`

	// ironicSensor listens to it; a dependency's further fields come next, then triggers.
	ironicSensor = `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: ironic-node, namespace: openstack}
spec:
  dependencies:
  - name: node
    eventSourceName: openstack-ironic
    eventName: openstack
`

	// unwrap is the transform that takes the notification out of oslo's envelope.
	unwrap = `    transform:
      jq: .body["oslo.message"] | fromjson
`

	// logTrigger writes the event to the Sensor's log.
	logTrigger = `  triggers:
  - template:
      name: log
      log: {}
`
)

// neutron makes the parts those of Neutron.
var neutron = strings.NewReplacer("openstack-ironic", "openstack-neutron", "ironic-node", "neutron-policy", "/ironic", "/neutron", "exchangeName: ironic", "exchangeName: neutron",
	"ironic_versioned_notifications", "notifications", "name: node", "name: policy", "openstack:\n      url", "notifications:\n      url", "eventName: openstack", "eventName: notifications")

// keystone makes the parts those of Keystone.
var keystone = strings.NewReplacer("openstack-ironic", "openstack-keystone", "ironic-node", "keystone-project", "/ironic", "/keystone", "exchangeName: ironic", "exchangeName: keystone",
	"ironic_versioned_notifications", "notifications", "name: node", "name: project", "dependencyName: node", "dependencyName: project", "openstack:\n      url", "notifications:\n      url",
	"eventName: openstack", "eventName: notifications", "baremetal.node.update.end", "identity.project.updated")
