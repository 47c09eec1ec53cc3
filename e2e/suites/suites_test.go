// Package suites runs the built-in scenarios, and what a scenario file cannot say, on a rig: with `go test ./e2e/...`.
package suites_test

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
)

func TestSuites(t *testing.T) {
	if os.Getenv("EVENTRIG_BIN") == "" {
		t.Skip("EVENTRIG_BIN is not set: run make test, or make build and EVENTRIG_BIN=$PWD/bin go test ./e2e/...")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "eventrig on the embedded tier")
}

// shared is the rig of the specs that do not need one of their own.
var shared *rig.Rig

// bootTimeout covers a first build of the components too.
const bootTimeout = 30 * time.Minute

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	shared, err = rig.Start(ctx, rig.Options{Images: specImages(ctx), Log: func(format string, arguments ...any) { GinkgoLogr.Info("rig", "line", format) }})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(shared.Close)
}, NodeTimeout(bootTimeout))

// The built-in scenarios, one spec each. The simulators are shared and each scenario loads its own world, so the specs
// run one after the other; their order does not matter.
var _ = Describe("scenario", func() {
	all, err := scenario.LoadFS(scenarios.FS)
	if err != nil {
		panic(err) // the embedded fixtures are broken; a test of theirs says how
	}
	for _, one := range all {
		It(one.Metadata.Name, labels(one), func(ctx SpecContext) {
			result := scenario.Run(ctx, shared, one, scenario.Options{Seed: GinkgoRandomSeed()})
			Expect(result.Verdict).To(Or(Equal(scenario.Passed), Equal(scenario.KnownDefect)), result.String())
		}, NodeTimeout(2*time.Minute))
	}
})

func labels(one scenario.Scenario) Labels {
	var all Labels
	for key, value := range one.Metadata.Labels {
		all = append(all, key+":"+value)
	}
	return all
}
