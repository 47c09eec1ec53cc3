package suites_test

import (
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
)

// What handlers talk to beside Nautobot and OpenStack. The client is the machine's curl, on a rig of its own because an
// image is mapped when a rig starts.
var _ = Describe("the handlers' other ends", func() {
	It("are reached by pods, and their journals by expectations", func(ctx SpecContext) {
		curl, err := exec.LookPath("curl")
		if err != nil {
			Skip("curl is not installed")
		}
		all, err := scenario.Load("testdata/otherends.yaml")
		Expect(err).NotTo(HaveOccurred())
		own, err := rig.Start(ctx, rig.Options{Images: []string{"curl:1=command:" + curl}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(own.Close)
		result := scenario.Run(ctx, own, all[0], scenario.Options{Seed: GinkgoRandomSeed()})
		Expect(result.Verdict).To(Equal(scenario.Passed), result.String())
	}, NodeTimeout(3*time.Minute))
})
