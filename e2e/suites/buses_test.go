package suites_test

import (
	. "github.com/onsi/ginkgo/v2"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
)

// All of UnderStack's scenarios on the buses that it could go to: each has the verdict, and each Sensor makes of each message,
// what evaluation says, which is what the specs of UnderStack's own bus hold that to.
var _ = DescribeTableSubtree("UnderStack's whole tree on a bus of the kind", func(bus string) {
	Describe("that is not UnderStack's:", Serial, Ordered, ContinueOnFailure, ownRig, fullSuite, func() {
		options := understack
		options.Bus = bus
		batch := newBatch(loaded(scenario.LoadFS(scenarios.UnderStack)), options)
		BeforeAll(func(ctx SpecContext) { batch.on = startRig(ctx, options) }, NodeTimeout(bootTimeout))
		AfterAll(func() { batch.stop() })
		batch.specs()
	})
},
	Entry(rig.BusJetStream, rig.BusJetStream),
	Entry(rig.BusJetStreamExotic, rig.BusJetStreamExotic),
)
