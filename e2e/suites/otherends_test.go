package suites_test

import (
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// What handlers talk to beside Nautobot and OpenStack. The client is the machine's curl.
var _ = Describe("the handlers' other ends", func() {
	It("are reached by pods, and their journals by expectations", func(ctx SpecContext) {
		if _, err := exec.LookPath("curl"); err != nil {
			Skip("curl is not installed")
		}
		all, err := scenario.Load("testdata/otherends.yaml")
		Expect(err).NotTo(HaveOccurred())
		expectPassed(ctx, shared, all[0])
	}, NodeTimeout(3*time.Minute))
})
