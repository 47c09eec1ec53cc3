package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/cli/serve"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/oslo"
)

// serving runs a serve command and returns its first line; stop ends it and gives what it ended with.
func serving(t *testing.T, arguments ...string) (line string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	command := serve.New()
	command.SetArgs(arguments)
	command.SetOut(writer)
	command.SetErr(t.Output())
	command.SilenceErrors, command.SilenceUsage = true, true
	ended := make(chan error, 1)
	go func() { ended <- command.ExecuteContext(ctx) }()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() error { cancel(); return <-ended }
}

// inMemory is a folder whose writes wait for no disk: the broker confirms a message once it is synced, and on a busy disk
// that takes as long as the test may last.
func inMemory(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "eventrig-serve")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // what a broker that is stopping still writes is of no interest
	return folder
}

// What a client changes arrives in RabbitMQ, each service's in its own virtual host, in order, as oslo.messaging sends it.
func TestChangesReachRabbitMQ(t *testing.T) {
	if _, err := broker.FindHostServer(); err != nil {
		t.Skipf("%s needs a real RabbitMQ: %v", t.Name(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	b, err := broker.Start(ctx, broker.Config{Dir: inMemory(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	taps := map[string]<-chan amqp.Delivery{}
	for vhost, key := range map[string]string{"keystone": "notifications.info", "ironic": "ironic_versioned_notifications.info"} {
		if taps[vhost], err = b.Tap(ctx, vhost, vhost, key); err != nil {
			t.Fatal(err)
		}
	}
	address, stop := serving(t, "openstack", "--amqp", strings.TrimSuffix(b.URL(""), "/"))
	p, err := cloud.AuthenticatedClient(ctx, gophercloud.AuthOptions{IdentityEndpoint: address, Username: "admin", Password: "password", DomainName: "Default",
		Scope: &gophercloud.AuthScope{ProjectName: "admin", DomainName: "Default"}})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := cloud.NewIdentityV3(p, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := projects.Create(ctx, identity, projects.CreateOpts{Name: "lab"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	ironic, err := cloud.NewBareMetalV1(p, gophercloud.EndpointOpts{})
	if err != nil {
		t.Fatal(err)
	}
	ironic.Microversion = "1.95"
	node, err := nodes.Create(ctx, ironic, nodes.CreateOpts{Name: "n1", Driver: "redfish"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes.ChangeProvisionState(ctx, ironic, node.UUID, nodes.ProvisionStateOpts{Target: nodes.TargetManage}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	next := func(vhost string) (oslo.Notification, string) {
		select {
		case delivery := <-taps[vhost]:
			n, driver, err := oslo.Parse(delivery.Body)
			if err != nil || driver != oslo.MessagingV2 {
				t.Fatalf("%s: %v, driver %s", delivery.Body, err, driver)
			}
			body, err := json.Marshal(n.Payload)
			if err != nil {
				t.Fatal(err)
			}
			return n, string(body)
		case <-ctx.Done():
			t.Fatalf("nothing more in %s", vhost)
		}
		return oslo.Notification{}, ""
	}
	if n, body := next("keystone"); n.EventType != "identity.project.created" || !strings.Contains(body, made.ID) {
		t.Errorf("%s %s", n.EventType, body)
	}
	var types []string
	for len(types) < 4 {
		n, body := next("ironic")
		types = append(types, n.EventType)
		if !strings.Contains(body, node.UUID) {
			t.Errorf("%s is not about the node: %s", n.EventType, body)
		}
	}
	want := []string{"baremetal.node.create.start", "baremetal.node.create.end", "baremetal.node.provision_set.start", "baremetal.node.provision_set.end"}
	if !slices.Equal(types, want) {
		t.Errorf("ironic told %v, want %v", types, want)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestBadOpenStackFlags(t *testing.T) {
	for _, arguments := range [][]string{{"--amqp", "http://x"}, {"--transition", "-1s"}} {
		command := serve.New()
		command.SetArgs(append([]string{"openstack"}, arguments...))
		command.SilenceErrors, command.SilenceUsage = true, true
		if err := command.ExecuteContext(t.Context()); failure.ExitStatus(err) != int(failure.BadInput) {
			t.Errorf("%v: %v", arguments, err)
		}
	}
}
