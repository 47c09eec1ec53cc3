package suites_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/report"
)

// The scenarios in testdata/steps use every step and expectation that the built-in ones do not: recordings, webhooks,
// submissions, faults with what mends them, Jobs.
var _ = Describe("step", func() {
	all, err := scenario.Load("testdata/steps")
	if err != nil {
		panic(err) // the files are part of this test
	}
	for _, one := range all {
		It(one.Metadata.Name, func(ctx SpecContext) {
			result := scenario.Run(ctx, shared, one, scenario.Options{Seed: GinkgoRandomSeed()})
			Expect(result.Verdict).To(Equal(scenario.Passed), report.FailureText(result)+report.Timeline(result))
		}, NodeTimeout(3*time.Minute))
	}
})
