package serve

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/spf13/pflag"

	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/oslo"
)

func openstackFlags(set *pflag.FlagSet, f *flags) {
	set.StringVar(&f.amqp, "amqp", "", "RabbitMQ that changes are told to, amqp://USER:PASSWORD@HOST:PORT; each service has the virtual host of its name, unless the URL names one for all. Without it notifications are journalled only")
	set.DurationVar(&f.transition, "transition", 0, "how long a bare metal node stays in each state that it passes; 0: it has passed them when the request is answered")
}

func startOpenStack(f *flags, url string) (started, error) {
	config := openstack.Config{Seed: f.seed, Transition: f.transition, Log: f.log}
	var publishers *oslo.Publishers
	if f.transition < 0 {
		return started{}, failure.New(failure.BadInput, "want 0 or a time such as 500ms", "--transition is %s", f.transition)
	}
	if f.amqp != "" {
		if _, _, err := broker.Address("--amqp", f.amqp, ""); err != nil {
			return started{}, err
		}
		publishers = oslo.NewPublishers(func(ctx context.Context, vhost string) (*amqp.Connection, error) {
			address, _, err := broker.Address("--amqp", f.amqp, vhost)
			if err != nil {
				return nil, err
			}
			return broker.Dial(ctx, nil, address)
		})
		config.Publish = func(ctx context.Context, m openstack.Message) error {
			_, vhost, err := broker.Address("--amqp", f.amqp, m.VHost)
			if err != nil {
				return err
			}
			return publishers.Publish(ctx, oslo.Route{VHost: vhost, Exchange: m.Exchange, RoutingKey: m.RoutingKey}, m.Body)
		}
	}
	s := openstack.New(config)
	return started{cloud{s, publishers}, ready{URL: url + "/v3", CloudsYAML: openstack.CloudsYAML(url + "/v3")}, s.Journal().KeepEntries}, nil
}

// cloud is the simulated cloud with what it publishes through, nil without a broker.
type cloud struct {
	*openstack.Server
	publishers *oslo.Publishers
}

// Close gives the last notifications their time.
func (c cloud) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var flushed error
	if err := c.Flush(ctx); err != nil {
		flushed = failure.New(failure.Environment, "is the broker there, and does it have these virtual hosts?", "%w", err)
	}
	err := errors.Join(flushed, c.Server.Close())
	if c.publishers != nil {
		err = errors.Join(err, c.publishers.Close())
	}
	return err
}
