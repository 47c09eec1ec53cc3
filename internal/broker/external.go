package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/internal/failure"
)

// externalTimeout bounds how long a server that someone else runs may take to let us in.
const externalTimeout = 15 * time.Second

// ParseExternal reads the AMQP URL of a server that someone else runs. Virtual hosts are the services' own, so that a URL
// with one is a mistake.
func ParseExternal(rawURL string) (amqp.URI, error) {
	base, err := amqp.ParseURI(rawURL)
	if err != nil {
		return amqp.URI{}, failure.New(failure.BadInput, "write amqp://USER:PASSWORD@HOST:PORT, or amqps:// for TLS", "read the broker's URL: %w", err)
	}
	if base.Vhost != "/" && base.Vhost != "" {
		return amqp.URI{}, failure.New(failure.BadInput, "leave it out: each service's EventSource names its own",
			"the broker's URL names the virtual host %q", base.Vhost)
	}
	return base, nil
}

// External joins a server that someone else runs, by its AMQP URL without a virtual host, and returns when each of the
// virtual hosts lets the URL's user in. Closing it closes connections only.
func External(ctx context.Context, rawURL string, vhosts ...string) (*Broker, error) {
	base, err := ParseExternal(rawURL)
	if err != nil {
		return nil, err
	}
	b := &Broker{base: base, dial: (&net.Dialer{}).DialContext, connections: map[string]*amqp.Connection{}}
	ctx, cancel := context.WithTimeoutCause(ctx, externalTimeout, fmt.Errorf("no answer within %s", externalTimeout))
	defer cancel()
	for _, vhost := range vhosts {
		connection, err := b.observer(ctx, vhost)
		if err != nil {
			return nil, errors.Join(failure.New(failure.Environment, b.wayIn(vhost, err),
				"join the broker at %s, virtual host %s, as user %s: %w", b.Address(), vhost, base.Username, err), b.Close())
		}
		b.version = versionOf(connection)
	}
	return b, nil
}

// wayIn says what would let the user into a virtual host.
func (b *Broker) wayIn(vhost string, err error) string {
	if errors.Is(err, amqp.ErrVhost) { // the library's word for one that is not there as well
		return fmt.Sprintf("rabbitmqctl add_vhost %s --default-queue-type quorum && rabbitmqctl set_permissions -p %s %s '.*' '.*' '.*'",
			vhost, vhost, b.base.Username)
	}
	return "check address, user and password of the URL"
}

// DialServer opens a plain byte stream to the server, through TLS where its URL is amqps: for a listener elsewhere that
// passes AMQP connections on.
func (b *Broker) DialServer(ctx context.Context) (net.Conn, error) {
	raw, err := b.dial(ctx, "tcp", b.Address())
	if err != nil || b.base.Scheme != "amqps" {
		return raw, err
	}
	secured := tls.Client(raw, &tls.Config{ServerName: b.base.Host, MinVersion: tls.VersionTLS12})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("set up TLS with the broker at %s: %w", b.Address(), err)
	}
	return secured, nil
}

// User and Password are those of the broker's own URL.
func (b *Broker) User() string { return b.base.Username }

// Password is the password of User.
func (b *Broker) Password() string { return b.base.Password }

// Exchange says whether an exchange exists, by a passive declaration, which changes nothing.
func (b *Broker) Exchange(ctx context.Context, vhost, name string) (bool, error) {
	channel, err := b.channel(ctx, vhost)
	if err != nil {
		return false, err
	}
	defer func() { _ = channel.Close() }()
	err = channel.ExchangeDeclarePassive(name, amqp.ExchangeTopic, true, false, false, false, nil)
	var refused *amqp.Error
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &refused) && refused.Code == amqp.NotFound:
		return false, nil
	case errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed:
		return true, nil // it exists, and is of another kind
	}
	return false, fmt.Errorf("ask for exchange %s/%s: %w", vhost, name, err)
}

// Remove deletes the queues and exchanges that a rig has made on a virtual host, those only that nobody uses. What is not
// there is no error; what is still used is tried again until ctx ends.
func (b *Broker) Remove(ctx context.Context, vhost string, queues, exchanges []string) error {
	var kept []string
	for _, name := range queues {
		if err := b.removeUnused(ctx, vhost, func(c *amqp.Channel) error {
			// Asked for and not left to the server: a quorum queue cannot be deleted "if unused".
			state, err := c.QueueDeclarePassive(name, false, false, false, false, nil)
			if err == nil && state.Consumers > 0 {
				return fmt.Errorf("%w: %d consumers", errInUse, state.Consumers)
			}
			if err == nil {
				_, err = c.QueueDelete(name, false, false, false)
			}
			return err
		}); err != nil {
			kept = append(kept, fmt.Sprintf("queue %s (%v)", name, err))
		}
	}
	for _, name := range exchanges {
		if err := b.removeUnused(ctx, vhost, func(c *amqp.Channel) error { return c.ExchangeDelete(name, true, false) }); err != nil {
			kept = append(kept, fmt.Sprintf("exchange %s (%v)", name, err))
		}
	}
	if len(kept) > 0 {
		return failure.New(failure.Environment, "remove it with rabbitmqctl or the management page",
			"left on the broker at %s, virtual host %s: %s", b.Address(), vhost, strings.Join(kept, ", "))
	}
	return nil
}

var errInUse = errors.New("in use")

func (b *Broker) removeUnused(ctx context.Context, vhost string, remove func(*amqp.Channel) error) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		channel, err := b.channel(ctx, vhost)
		if err != nil {
			return err
		}
		err = remove(channel)
		_ = channel.Close() // a refusal has closed it already
		var refused *amqp.Error
		switch {
		case err == nil, errors.As(err, &refused) && refused.Code == amqp.NotFound:
			return nil
		case !errors.Is(err, errInUse) && (refused == nil || refused.Code != amqp.PreconditionFailed):
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C: // the server has yet to notice that its last consumer has gone
		}
	}
}
