package suites_test

import (
	"errors"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	amqp "github.com/rabbitmq/amqp091-go"
)

// UnderStack's virtual hosts make quorum queues of what does not name a type. An EventSource names none and does not wait
// for the answer (noWait), so that a refusal would only show as a lost channel.
var _ = Describe("the queue of an EventSource", func() {
	It("is a quorum queue, as the virtual host's default has it", func(SpecContext) {
		if version := shared.Versions()["rabbitmq"]; strings.HasPrefix(version, "3.10.") || strings.HasPrefix(version, "3.9.") {
			Skip("RabbitMQ " + version + " has no default queue type: scripts/setup.sh --rabbitmq 4")
		}
		connection, err := amqp.Dial(shared.Status().AMQP.URL + "/keystone")
		Expect(err).NotTo(HaveOccurred())
		defer connection.Close()
		// Declaring an existing queue changes nothing, and is refused where it differs.
		declare := func(kind string) error {
			channel, err := connection.Channel()
			Expect(err).NotTo(HaveOccurred())
			queue, err := channel.QueueDeclare("argo_notifications", true, false, false, false, amqp.Table{"x-queue-type": kind})
			if err == nil {
				Expect(queue.Consumers).To(Equal(1))
			}
			return err
		}
		Expect(declare("quorum")).To(Succeed())
		var refused *amqp.Error
		Expect(errors.As(declare("classic"), &refused)).To(BeTrue())
		Expect(refused.Code).To(Equal(amqp.PreconditionFailed))
	}, NodeTimeout(time.Minute))
})
