// Package broker gives a rig its RabbitMQ: the one that OpenStack's services publish to and Argo's EventSources consume from.
//
// In: a folder, an address, a way to launch processes (on the host or inside a rig's sandbox) and the services that get a
// virtual host each. Out: a running server whose definitions (virtual hosts, users, permissions) were loaded at boot, its
// URLs, and what a test needs to observe: consumers of a queue, and taps that see what an exchange routes without taking
// anything from anyone. External wraps a server that someone else runs.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/internal/random"
)

// Service is one OpenStack service's share of the broker: a virtual host and the user that may do everything in it.
type Service struct {
	Name     string // keystone
	VHost    string
	User     string
	Password string // drawn at random when empty
}

// DialFunc opens a connection to the broker; a rig passes one that dials inside its sandbox.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Config says what server to start and where.
type Config struct {
	Dir      string    // the server's own folder: configuration, database, log; made when missing
	Listen   string    // host:port; empty or port 0 is a free port of 127.0.0.1 (host use only)
	Launcher Launcher  // ExecLauncher when nil
	Dial     DialFunc  // the host's own when nil
	Services []Service // DefaultServices when empty
	Admin    Service   // may do everything in every virtual host; only User and Password count
	Server   *Server   // FindServers's best for the launcher when nil

	// Ports of the loopback interface, free ones when 0 (host use only): the one at which rabbitmqctl reaches the server, and
	// that of its HTTP API.
	Distribution, HTTP int
}

// Broker is a RabbitMQ that accepts AMQP connections.
type Broker struct {
	base     amqp.URI
	dial     DialFunc
	services []Service
	version  string
	log      string
	config   Config        // complete; of a server that was started here
	files    files         // its own
	ended    chan struct{} // closed when the server ends by itself or with Close

	managing sync.Mutex // held while the HTTP API is being started
	managed  bool       // it runs

	mu          sync.Mutex
	server      Process // the one that runs at the moment; nil for an external broker
	halted      bool
	connections map[string]*amqp.Connection // by virtual host, for observation only
	closed      bool
}

// DefaultServices returns the five services whose notifications UnderStack listens to, one virtual host each.
func DefaultServices() []Service {
	var services []Service
	for _, name := range []string{"cinder", "ironic", "keystone", "neutron", "nova"} {
		services = append(services, Service{Name: name, VHost: name, User: "argo-" + name})
	}
	return services
}

// Start launches RabbitMQ and returns when it accepts AMQP connections. Whatever it started is stopped again when it fails.
func Start(ctx context.Context, config Config) (*Broker, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	files, err := config.write()
	if err != nil {
		return nil, err
	}
	if taken(ctx, config) {
		return nil, failure.New(failure.Environment, "stop what listens there, or let the rig choose a port",
			"start RabbitMQ: something already accepts connections on %s", config.Listen)
	}
	broker := &Broker{
		dial: config.Dial, services: config.Services, log: files.log, connections: map[string]*amqp.Connection{},
		config: config, files: files, ended: make(chan struct{}),
	}
	if err := broker.run(ctx); err != nil {
		return nil, fmt.Errorf("start RabbitMQ (%s): %w", config.Server.Path, err)
	}
	broker.base, err = baseURI(config.Listen, config.Admin)
	if err == nil {
		err = broker.awaitReady(ctx, config.Services[0].VHost)
	}
	if err != nil {
		return nil, errors.Join(err, broker.Close())
	}
	return broker, nil
}

// complete fills in what the caller left to the broker.
func (c Config) complete() (Config, error) {
	if c.Launcher == nil {
		c.Launcher = ExecLauncher{}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return c, failure.New(failure.BadInput, "give HOST:PORT", "read the broker's address: %w", err)
	}
	if port == "0" {
		if c.Dial != nil {
			return c, failure.New(failure.BadInput, "name the port: a free one of the host says nothing about a sandbox",
				"start RabbitMQ: address %s with a dialer of its own", c.Listen)
		}
		if c.Listen, err = freeAddress(host); err != nil {
			return c, err
		}
	}
	for _, port := range []*int{&c.Distribution, &c.HTTP} {
		if *port != 0 {
			continue
		}
		if c.Dial != nil {
			return c, failure.New(failure.BadInput, "name the ports: a free one of the host says nothing about a sandbox",
				"start RabbitMQ: no port for its management with a dialer of its own")
		}
		if *port, err = freePort(); err != nil {
			return c, err
		}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if len(c.Services) == 0 {
		c.Services = DefaultServices()
	}
	c.Services = append([]Service(nil), c.Services...)
	for i := range c.Services {
		if c.Services[i].Password == "" {
			c.Services[i].Password = random.Hex(16)
		}
	}
	if c.Admin.User == "" {
		c.Admin.User = "eventrig"
	}
	if c.Admin.Password == "" {
		c.Admin.Password = random.Hex(16)
	}
	if c.Server == nil {
		if c.Server, err = pickServer(c.Launcher); err != nil {
			return c, err
		}
	}
	return c, nil
}

// taken reports whether someone else accepts connections where the server is to listen.
func taken(ctx context.Context, config Config) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := config.Dial(ctx, "tcp", config.Listen)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// awaitReady polls until an AMQP handshake succeeds, the server exits or ctx ends.
func (b *Broker) awaitReady(ctx context.Context, vhost string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		connection, err := b.observer(ctx, vhost)
		if err == nil {
			b.version = versionOf(connection)
			return nil
		}
		var refused *amqp.Error
		if errors.As(err, &refused) && (refused.Code == amqp.AccessRefused || refused.Code == amqp.NotAllowed) {
			return failure.New(failure.Environment, "see "+b.log, "RabbitMQ refuses its own administrator: %w", err)
		}
		select {
		case <-b.process():
			return failure.New(failure.Environment, exitHint(b.log), "RabbitMQ exited before it accepted connections:\n%s", logfile.Tail(b.log, 12))
		case <-ctx.Done():
			return fmt.Errorf("wait for RabbitMQ: %w (last: %w)\nend of its log:\n%s", context.Cause(ctx), err, logfile.Tail(b.log, 6))
		case <-ticker.C:
		}
	}
}

// Version is the server's own statement of its version, for example 3.10.8.
func (b *Broker) Version() string { return b.version }

// Services returns the services with the passwords that were set.
func (b *Broker) Services() []Service { return append([]Service(nil), b.services...) }

// Log is the path of the server's log, empty for an external broker.
func (b *Broker) Log() string { return b.log }

// Address is the host:port that the server listens on, as seen from where it runs.
func (b *Broker) Address() string { return net.JoinHostPort(b.base.Host, fmt.Sprint(b.base.Port)) }

// Done is closed when the server's process ends, unless Halt ended it; nil for an external broker.
func (b *Broker) Done() <-chan struct{} { return b.ended }

// URL returns the administrator's AMQP URL of a virtual host.
func (b *Broker) URL(vhost string) string { return b.urlFor(vhost, b.base.Username, b.base.Password) }

// ServiceURL returns the AMQP URL of a service with that service's own user.
func (b *Broker) ServiceURL(name string) (string, error) {
	for _, service := range b.services {
		if service.Name == name {
			return b.urlFor(service.VHost, service.User, service.Password), nil
		}
	}
	return "", failure.New(failure.BadInput, "", "the broker has no service %q", name)
}

func (b *Broker) urlFor(vhost, user, password string) string {
	u := url.URL{Scheme: b.base.Scheme, User: url.UserPassword(user, password), Host: b.Address(), Path: "/" + vhost, RawPath: "/" + url.PathEscape(vhost)}
	return u.String()
}

// Connect opens a connection of the caller's own, as administrator.
func (b *Broker) Connect(ctx context.Context, vhost string) (*amqp.Connection, error) {
	return Dial(ctx, b.dial, b.URL(vhost))
}

// Close ends connections and, when the broker was started here, the server with everything it started.
func (b *Broker) Close() error {
	b.mu.Lock()
	b.closed = true
	connections, server := b.connections, b.server
	b.connections = nil
	b.mu.Unlock()
	for _, connection := range connections {
		_ = connection.CloseDeadline(time.Now().Add(time.Second)) // the server is about to go; its answer does not matter
	}
	if server == nil {
		return nil
	}
	if err := server.Stop(); err != nil {
		return fmt.Errorf("stop RabbitMQ: %w", err)
	}
	return nil
}

// Dial opens an AMQP connection through dial, giving up when ctx ends.
func Dial(ctx context.Context, dial DialFunc, rawURL string) (*amqp.Connection, error) {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	var raw net.Conn
	config := amqp.Config{
		Heartbeat: 10 * time.Second,
		Locale:    "en_US",
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			raw = conn
			deadline := time.Now().Add(10 * time.Second)
			if ends, ok := ctx.Deadline(); ok && ends.Before(deadline) {
				deadline = ends
			}
			// The library clears the deadline once the handshake is done.
			return conn, conn.SetDeadline(deadline)
		},
	}
	connection, err := amqp.DialConfig(rawURL, config)
	if err != nil {
		if raw != nil {
			_ = raw.Close()
		}
		return nil, fmt.Errorf("connect to RabbitMQ: %w", err)
	}
	return connection, nil
}

func versionOf(connection *amqp.Connection) string {
	version, _ := connection.Properties["version"].(string)
	return version
}

func baseURI(listen string, admin Service) (amqp.URI, error) {
	u := url.URL{Scheme: "amqp", User: url.UserPassword(admin.User, admin.Password), Host: listen, Path: "/"}
	uri, err := amqp.ParseURI(u.String())
	if err != nil {
		return uri, fmt.Errorf("make the broker's URL: %w", err)
	}
	return uri, nil
}

func freePort() (int, error) {
	address, err := freeAddress("127.0.0.1")
	if err != nil {
		return 0, err
	}
	_, port, _ := net.SplitHostPort(address) // it is the listener's own
	return strconv.Atoi(port)
}

func freeAddress(host string) (string, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", failure.New(failure.Environment, "", "find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}
