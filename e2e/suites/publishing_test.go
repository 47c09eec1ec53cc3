package suites_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// Messages that a Go test sends itself, without a scenario that remembers which it has sent.
var _ = Describe("a message sent from Go", func() {
	It("is waited for as often as one asks, and told from another of the same content", func(ctx SpecContext) {
		project, err := shared.OpenStack().CreateProject("default", "sent-from-go")
		Expect(err).NotTo(HaveOccurred())
		sent, err := shared.Publish(ctx, scenario.Publish{Event: "keystone/identity.project.created", Set: map[string]any{"payload.target.id": project}})
		Expect(err).NotTo(HaveOccurred())
		Expect(shared.WaitSettled(ctx, sent...)).To(Succeed())
		first, err := shared.Workflows(ctx, sent...)
		Expect(err).NotTo(HaveOccurred())
		Expect(first).To(HaveLen(1))

		m := sent[0]
		resent, err := shared.Publish(ctx, scenario.Publish{Raw: string(m.Body), VHost: m.VHost, Exchange: m.Exchange, RoutingKey: m.RoutingKey})
		Expect(err).NotTo(HaveOccurred())
		second, err := shared.Workflows(ctx, resent...)
		Expect(err).NotTo(HaveOccurred())
		Expect(second).To(HaveLen(1))
		Expect(second[0].Parameters).To(Equal(first[0].Parameters))
		Expect(second[0].Name).NotTo(Equal(first[0].Name))
		Expect(shared.Workflows(ctx, sent...)).To(Equal(first))
		Expect(shared.Workflows(ctx, sent[0], resent[0])).To(ConsistOf(first[0], second[0]))
	}, NodeTimeout(time.Minute))
})
