package oslo

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
)

// shared is the one RabbitMQ of this package's tests: booting takes seconds, virtual hosts keep tests apart.
var shared struct {
	once   sync.Once
	broker *broker.Broker
	err    error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if shared.broker != nil {
		_ = shared.broker.Close()
	}
	if shared.err == nil && shared.broker != nil {
		_ = os.RemoveAll(sharedDir)
	}
	os.Exit(status)
}

var sharedDir string

func rabbit(t testing.TB) *broker.Broker {
	t.Helper()
	if _, err := broker.FindHostServer(); err != nil {
		t.Skipf("%s needs a real RabbitMQ: %v", t.Name(), err)
	}
	shared.once.Do(func() {
		if sharedDir, shared.err = os.MkdirTemp("", "eventrig-oslo"); shared.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		services := broker.DefaultServices()
		services = append(services, broker.Service{Name: "bench", VHost: "bench", User: "argo-bench"})
		shared.broker, shared.err = broker.Start(ctx, broker.Config{Dir: sharedDir, Services: services})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.broker
}

func publisher(t testing.TB, vhost string, options ...PublisherOption) *Publisher {
	t.Helper()
	connection, err := rabbit(t).Connect(t.Context(), vhost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	p, err := NewPublisher(connection, options...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPublishAsOsloDoes(t *testing.T) {
	b := rabbit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	taps, err := b.Tap(ctx, "keystone", "keystone", "notifications.info")
	if err != nil {
		t.Fatal(err)
	}
	p := publisher(t, "keystone")
	sent := map[string]bool{}
	for range 3 {
		n, route := build(t, "keystone/identity.project.created", Options{})
		body, err := n.Body(MessagingV2)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Publish(ctx, route, body); err != nil {
			t.Fatal(err)
		}
		sent[string(body)] = true
	}
	for range 3 {
		select {
		case got := <-taps:
			if !sent[string(got.Body)] {
				t.Errorf("a message that was not sent: %s", got.Body)
			}
			delete(sent, string(got.Body))
			got.Body = nil
			assertProperties(t, got)
		case <-ctx.Done():
			t.Fatal("the bound queue did not get all of them")
		}
	}
	// oslo's own queue holds them as well, and nobody drains it.
	state, err := b.Queue(ctx, "keystone", "notifications.info")
	if err != nil || state.Messages != 3 || state.Consumers != 0 {
		t.Errorf("default queue: %+v, %v", state, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func assertProperties(t *testing.T, d amqp.Delivery) {
	t.Helper()
	if d.ContentType != "application/json" || d.ContentEncoding != "utf-8" || d.DeliveryMode != 2 || d.Priority != 0 || len(d.Headers) != 0 {
		t.Errorf("properties %+v", d)
	}
	if d.MessageId != "" || d.CorrelationId != "" || d.AppId != "" || d.Type != "" || d.UserId != "" || d.Expiration != "" || d.ReplyTo != "" || !d.Timestamp.IsZero() {
		t.Errorf("oslo leaves these empty: %+v", d)
	}
}

func TestPublisherSaysWhatStandsInItsWay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	route := Route{VHost: "neutron", Exchange: "neutron", RoutingKey: "notifications.info"}
	if err := publisher(t, "neutron", Transient()).Publish(ctx, route, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	err := publisher(t, "neutron").Publish(ctx, route, []byte("{}"))
	if failure.ExitStatus(err) != 3 || !strings.Contains(failure.Hint(err), "declared it otherwise") {
		t.Errorf("a durable exchange over a transient one: %v (hint %q)", err, failure.Hint(err))
	}
	if err := publisher(t, "nova").Publish(ctx, route, nil); failure.ExitStatus(err) != 2 {
		t.Errorf("a route of another virtual host: %v", err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := publisher(t, "nova").Publish(ended, Route{VHost: "nova", Exchange: "nova", RoutingKey: "notifications.info"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

func TestQuorumQueue(t *testing.T) {
	b := rabbit(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	route := Route{VHost: "ironic", Exchange: "ironic", RoutingKey: "ironic_versioned_notifications.info"}
	p := publisher(t, "ironic", Quorum())
	for range 2 {
		if err := p.Publish(ctx, route, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if state, err := b.Queue(ctx, "ironic", route.RoutingKey); err != nil || state.Messages != 2 {
		t.Errorf("%+v, %v", state, err)
	}
}

// TestFixturesHaveTheShapeOfRealMessages compares the keys and kinds of values with messages captured from a running
// UnderStack, where they are at hand. They are not part of the repository.
func TestFixturesHaveTheShapeOfRealMessages(t *testing.T) {
	dir := os.Getenv("EVENTRIG_SAMPLES")
	if dir == "" {
		t.Skip("EVENTRIG_SAMPLES does not name a folder with captured messages")
	}
	for file, event := range map[string]string{
		"keystone-project-created.json":                    "keystone/identity.project.created",
		"keystone-project-updated.json":                    "keystone/identity.project.updated",
		"keystone-project-deleted.json":                    "keystone/identity.project.deleted",
		"baremetal-port-create-end.json":                   "ironic/baremetal.port.create.end",
		"baremetal-port-delete-end.json":                   "ironic/baremetal.port.delete.end",
		"oslo-event-network.create.end.json":               "neutron/network.create.end",
		"ironic_versioned_notifications_clean_failed.json": "ironic/baremetal.node.power_set.end",
	} {
		data, err := os.ReadFile(dir + "/" + file)
		if err != nil {
			t.Error(err)
			continue
		}
		captured, _, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		made, _ := build(t, event, Options{})
		want, got := shape(captured.Document()), shape(made.Document())
		for key, kinds := range want {
			if got[key] != kinds && got[key] != "null" && kinds != "null" {
				t.Errorf("%s: %s is %q, in %s it is %q", event, key, got[key], file, kinds)
			}
		}
		// A newer version of an object has more fields than the captured one.
		const fields = "/payload/ironic_object.data/"
		newer := captured.Payload["ironic_object.version"] != made.Payload["ironic_object.version"]
		for key := range got {
			if _, ok := want[key]; !ok && !(newer && strings.HasPrefix(key, fields)) {
				t.Errorf("%s: %s is not in %s", event, key, file)
			}
		}
	}
}

// shape lists the paths of a document with the kind of their value. What operators fill in freely has no fixed shape.
func shape(document map[string]any) map[string]string {
	free := []string{"extra", "properties", "metadata", "image_meta", "instance_info", "driver_internal_info"}
	paths := map[string]string{}
	var walk func(prefix string, value any)
	walk = func(prefix string, value any) {
		object, ok := value.(map[string]any)
		if prefix != "" {
			paths[prefix] = kind(value)
		}
		if !ok || slices.Contains(free, prefix[strings.LastIndexByte(prefix, '/')+1:]) {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			walk(prefix+"/"+key, object[key])
		}
	}
	walk("", document)
	return paths
}
