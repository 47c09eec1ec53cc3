package suites_test

import (
	"context"
	"regexp"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/mutate"
)

// A few mutants of what only a rig can tell: what the handler's pod gets, who may report its result, what an API server does
// not take. Sensors are not changed: on the shared rig's STAN their pods leave subscriptions behind.
var _ = Describe("mutation", Label("mutation"), func() {
	It("kills on a rig what the offline tier cannot tell, and leaves the rig as it was", func(ctx SpecContext) {
		graph, _, err := rig.Manifests(rig.Options{})
		Expect(err).NotTo(HaveOccurred())
		all, err := scenario.LoadFS(scenarios.FS)
		Expect(err).NotTo(HaveOccurred())
		all = slices.DeleteFunc(all, func(s scenario.Scenario) bool { return s.Metadata.Name != "keystone-project-created" })
		report, err := mutate.Run(ctx, graph, all, mutate.Options{
			Choice: mutate.Choice{Focus: regexp.MustCompile(`^(command|args-value|entrypoint) WorkflowTemplate/argo-events/keystone-event-project |^rbac-binding RoleBinding/argo-events/executor|^rbac-verb Role/argo-events/http-template-role`)},
			Seed:   GinkgoRandomSeed(),
			Rigs: func(context.Context) ([]mutate.Stage, func() error, error) {
				return []mutate.Stage{mutate.OnRig(shared, graph, GinkgoRandomSeed(), time.Minute)}, func() error { return nil }, nil
			},
		})
		Expect(err).NotTo(HaveOccurred())
		verdicts := map[string]mutate.Verdict{}
		for _, m := range report.Mutants {
			verdicts[m.Operator] = m.Verdict
			if m.Operator != "rbac-verb" {
				Expect(m.Verdict).To(Equal(mutate.Killed), "%s: %s", m.ID, m.Why)
				Expect(m.Scenario).To(Equal("keystone-project-created"))
			} else {
				// Nothing of the pipeline runs an HTTP template.
				Expect(m.Verdict).To(Equal(mutate.Survived), "%s: %s", m.ID, m.Why)
				Expect(m.Tried).To(Equal(1))
			}
		}
		Expect(verdicts).To(HaveLen(5))
		expectPassed(ctx, shared, all[0])
	}, NodeTimeout(5*time.Minute))
})
