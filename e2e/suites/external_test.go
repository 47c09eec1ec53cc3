package suites_test

import (
	"context"
	"errors"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
)

// The other RabbitMQ of these specs is a process of this machine that no rig has started.
var _ = Describe("a RabbitMQ that someone else runs", ownRig, func() {
	var other *broker.Broker
	queue := func(ctx context.Context, vhost, name string) error {
		_, err := other.Queue(ctx, vhost, name)
		return err
	}
	declare := func(ctx context.Context, name string) {
		GinkgoHelper()
		connection, err := other.Connect(ctx, "keystone")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		channel, err := connection.Channel()
		Expect(err).NotTo(HaveOccurred())
		_, err = channel.QueueDeclare(name, true, false, false, false, nil)
		Expect(err).NotTo(HaveOccurred())
	}

	BeforeEach(func(ctx SpecContext) {
		dir, err := os.MkdirTemp("", "other")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(os.RemoveAll, dir)
		other, err = broker.Start(ctx, broker.Config{Dir: dir})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(other.Close)
	}, NodeTimeout(time.Minute))

	It("carries the chain, and is left as it was", func(ctx SpecContext) {
		declare(ctx, "somebodys")
		r, err := rig.Start(ctx, rig.Options{Broker: other.URL("")})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(r.Close)
		Expect(r.Versions()).To(HaveKeyWithValue("rabbitmq", other.Version()))
		Expect(r.Status().AMQP.URL).To(Equal(other.URL("")[:len(other.URL(""))-1]))

		all, err := scenario.LoadFS(scenarios.FS)
		Expect(err).NotTo(HaveOccurred())
		for _, one := range all {
			if one.Metadata.Name == "keystone-project-created" {
				result := scenario.Run(ctx, r, one, scenario.Options{Seed: GinkgoRandomSeed()})
				Expect(result.Verdict).To(Equal(scenario.Passed), result.String())
			}
		}
		for _, name := range []string{"argo_notifications", "notifications.info"} {
			Expect(queue(ctx, "keystone", name)).To(Succeed())
		}
		Expect(r.Close()).To(Succeed())
		for _, name := range []string{"argo_notifications", "notifications.info"} {
			Expect(queue(ctx, "keystone", name)).To(MatchError(broker.ErrNoQueue), "queue %s is left", name)
		}
		Expect(other.Exchange(ctx, "keystone", "keystone")).To(BeFalse())
		Expect(queue(ctx, "keystone", "somebodys")).To(Succeed())
	}, NodeTimeout(2*time.Minute))

	It("is refused where the rig would take somebody's messages, or is not let in", func(ctx SpecContext) {
		begin := func(url string) error {
			r, err := rig.Start(ctx, rig.Options{Broker: url})
			if err == nil {
				err = errors.Join(errors.New("it started"), r.Close())
			}
			return err
		}
		By("a queue that exists")
		declare(ctx, "argo_notifications")
		err := begin(other.URL(""))
		Expect(err).To(MatchError(ContainSubstring("queue argo_notifications of virtual host keystone exists on the broker, with 0 consumers")))
		Expect(failure.ExitStatus(err)).To(Equal(3))
		Expect(failure.Hint(err)).To(ContainSubstring("rabbitmqctl delete_queue -p keystone argo_notifications"))
		Expect(queue(ctx, "keystone", "argo_notifications")).To(Succeed(), "somebody's queue was removed")

		By("a password that is wrong")
		base, err := amqp.ParseURI(other.URL(""))
		Expect(err).NotTo(HaveOccurred())
		base.Password = "wrong"
		err = begin(base.String())
		Expect(err).To(MatchError(ContainSubstring("virtual host keystone, as user")))
		Expect(failure.ExitStatus(err)).To(Equal(3))

		By("a user without rights in the virtual host")
		nova, err := other.ServiceURL("nova")
		Expect(err).NotTo(HaveOccurred())
		base, err = amqp.ParseURI(nova)
		Expect(err).NotTo(HaveOccurred())
		base.Vhost = "/"
		err = begin(base.String())
		Expect(failure.ExitStatus(err)).To(Equal(3), "%v", err)
		Expect(failure.Hint(err)).To(ContainSubstring("rabbitmqctl set_permissions -p keystone argo-nova"))

		By("a URL with a virtual host")
		err = begin(other.URL("keystone"))
		Expect(err).To(MatchError(ContainSubstring(`names the virtual host "keystone"`)))
		Expect(failure.ExitStatus(err)).To(Equal(2))
	}, NodeTimeout(time.Minute))
})
