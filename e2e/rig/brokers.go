package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/random"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// launcher runs the broker inside the sandbox, on the host's file system or in an unpacked one.
type launcher struct{ inside *sandbox.Sandbox }

var _ broker.RootLauncher = launcher{}

// Launch implements broker.Launcher.
func (l launcher) Launch(ctx context.Context, command broker.Command) (broker.Process, error) {
	return l.run(ctx, command, sandbox.Process{})
}

// LaunchRoot implements broker.RootLauncher.
func (l launcher) LaunchRoot(ctx context.Context, root, folder string, command broker.Command) (broker.Process, error) {
	// The second for Erlang, which looks up the host's own name.
	return l.run(ctx, command, sandbox.Process{Root: root, Binds: []string{folder, "/etc/hosts"}})
}

func (l launcher) run(ctx context.Context, command broker.Command, process sandbox.Process) (broker.Process, error) {
	process.Name, process.Path, process.Args, process.Env = command.Name, command.Path, command.Args, command.Env
	process.Dir, process.Log = command.Dir, command.Log
	child, err := l.inside.Run(ctx, process)
	if err != nil {
		return nil, fmt.Errorf("run %s in the sandbox: %w", command.Name, err)
	}
	return launched{child}, nil
}

// launched is a process of the broker's. What it started besides ends with the sandbox.
type launched struct{ *sandbox.Child }

// Stop implements broker.Process.
func (l launched) Stop() error {
	_ = l.Signal(syscall.SIGKILL) // it may have ended by itself
	<-l.Done()
	return nil
}

// startBroker starts RabbitMQ with a virtual host and a user for each OpenStack service, or lets the sandbox reach the one
// that was joined.
func (r *Rig) startBroker(ctx context.Context) (err error) {
	defer r.watch.phase("RabbitMQ")(&err)
	if !r.options.ownBroker() {
		stop, err := r.sandbox.Expose(net.JoinHostPort(embedded.NodeAddress, strconv.Itoa(amqpPort)), r.broker.DialServer)
		if err != nil {
			return fmt.Errorf("let the sandbox reach RabbitMQ: %w", err)
		}
		r.onClose(func() error { stop(); return nil })
		return nil
	}
	started, err := broker.Start(ctx, broker.Config{
		Dir:      brokerFolder(r.folder),
		Services: r.services,
		Listen:   net.JoinHostPort(embedded.NodeAddress, strconv.Itoa(amqpPort)),
		Launcher: launcher{r.sandbox},
		Dial:     r.sandbox.Dial,

		Distribution: distributionPort, HTTP: managementPort,
	})
	if err != nil {
		return fmt.Errorf("start RabbitMQ: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broker = started
	r.versions["rabbitmq"] = started.Version()
	r.onClose(started.Close)
	go func() {
		select {
		case <-started.Done():
			r.fail(errors.New("RabbitMQ ended; its log: " + started.Log()))
		case <-r.closeBegun:
		}
	}()
	return nil
}

// brokerFolder is the server's folder: its configuration is written from outside the sandbox, so it is a host folder.
func brokerFolder(folder string) string { return filepath.Join(folder, "rabbitmq") }

// brokerServices are the services' shares with passwords of this rig's own, known before the server runs because the
// EventSources' Secrets hold them too.
func brokerServices() []broker.Service {
	services := broker.DefaultServices()
	for i := range services {
		services[i].Password = random.Hex(16)
	}
	return services
}

// brokerSecrets are the credentials with which the EventSources consume, named as UnderStack names them.
func brokerSecrets(services []broker.Service) []apply.Object {
	var secrets []apply.Object
	for _, service := range services {
		secrets = append(secrets, secret("openstack", "argo-"+service.Name+"-user-credentials", map[string]string{
			"username": service.User, "password": service.Password,
		}))
	}
	return secrets
}

// hostAMQP is the administrator's AMQP URL on the host, without vhost.
func (r *Rig) hostAMQP(forward func(inside string) (string, error)) (string, error) {
	address, err := url.Parse(r.broker.URL(""))
	if err != nil {
		return "", fmt.Errorf("read the broker's URL: %w", err)
	}
	address.Path, address.RawPath = "", ""
	if r.options.ownBroker() {
		if address.Host, err = forward(net.JoinHostPort(embedded.NodeAddress, strconv.Itoa(amqpPort))); err != nil {
			return "", err
		}
	}
	return address.String(), nil
}

// queue asks RabbitMQ, once it runs, for the depth and the consumers of a queue.
func (r *Rig) queue(ctx context.Context, vhost, name string) (messages, consumers int, err error) {
	r.mu.Lock()
	asked := r.broker
	r.mu.Unlock()
	if asked == nil {
		return 0, 0, errors.New("it is not up yet")
	}
	state, err := asked.Queue(ctx, vhost, name)
	return state.Messages, state.Consumers, err
}
