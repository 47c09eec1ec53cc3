package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/images"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// TestCachedRabbitMQ runs the RabbitMQ 4 that scripts/setup.sh unpacks, in a sandbox as a rig does.
func TestCachedRabbitMQ(t *testing.T) {
	server, err := broker.FindServer()
	if err != nil || server.Root == "" {
		root, _ := broker.CachedRoot()
		t.Skipf("%s needs RabbitMQ 4 in %s: run scripts/setup.sh --rabbitmq 4", t.Name(), root)
	}
	before := listTree(t, server.Root)
	started := startInSandbox(t, server)
	if !strings.HasPrefix(started.Version(), "4.") {
		t.Errorf("version %s", started.Version())
	}
	// As an EventSource declares its queue: without a type, and without waiting for an answer.
	if err := declare(t, started, true, nil); err != nil {
		t.Error(err)
	}
	if err := declare(t, started, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		t.Errorf("the queue is no quorum queue: %v", err)
	}
	var refused *amqp.Error
	if err := declare(t, started, false, amqp.Table{"x-queue-type": "classic"}); !errors.As(err, &refused) || refused.Code != amqp.PreconditionFailed {
		t.Errorf("declare the queue as a classic one: %v", err)
	}
	answer, err := started.Control(t.Context(), "list_queues", "--vhost", "keystone", "name", "type", "--quiet", "--no-table-headers")
	if err != nil || answer.Output != "argo_notifications\tquorum\n" {
		t.Errorf("rabbitmqctl: %+v, %v", answer, err)
	}
	connection, err := started.DialManagement(t.Context())
	if err != nil {
		t.Error(err)
	} else {
		_ = connection.Close()
	}
	if err := started.Close(); err != nil {
		t.Error(err)
	}
	if after := listTree(t, server.Root); after != before {
		t.Error("the root file system in the cache was changed")
	}
}

// declare declares the durable queue argo_notifications of Keystone's virtual host on a channel of its own.
func declare(t *testing.T, b *broker.Broker, noWait bool, arguments amqp.Table) error {
	t.Helper()
	connection, err := b.Connect(t.Context(), "keystone")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	channel, err := connection.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := channel.QueueDeclare("argo_notifications", true, false, false, noWait, arguments); err != nil {
		return err
	}
	if noWait {
		_, err = channel.QueueDeclarePassive("argo_notifications", true, false, false, false, nil)
	}
	return err
}

func startInSandbox(t *testing.T, server *broker.Server) *broker.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	supervisor, err := (&images.Builder{}).Sandbox(ctx)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	inside, err := sandbox.Start(ctx, sandbox.Config{
		Dir: folder, Supervisor: supervisor, Log: filepath.Join(folder, "sandbox.log"),
		Tmpfs: []string{filepath.Join(brokerFolder(folder), "data")}, Addresses: embedded.LoopbackAddresses(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inside.Close() })
	begin := time.Now()
	started, err := broker.Start(ctx, broker.Config{
		Dir: brokerFolder(folder), Listen: net.JoinHostPort(embedded.NodeAddress, "5672"),
		Launcher: launcher{inside}, Dial: inside.Dial, Server: server, Distribution: distributionPort, HTTP: managementPort,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Close() })
	t.Logf("RabbitMQ %s accepted AMQP after %v", started.Version(), time.Since(begin).Round(time.Millisecond))
	return started
}

// listTree lists a tree with sizes and times.
func listTree(t *testing.T, root string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&list, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}
