package suites_test

import (
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
)

// A Sensor whose trigger is an argoWorkflow runs argo, the command, which a rig builds for it; and what such a Workflow runs
// here is ansible-playbook, which UnderStack's own templates do not. The rig has a tree of its own for both.
var _ = Describe("a Sensor that runs argo", Ordered, ContinueOnFailure, func() {
	var own *rig.Rig
	BeforeAll(func(ctx SpecContext) {
		manifests := []string{filepath.Join("testdata", "argo", "pipeline.yaml")}
		for _, part := range []string{"namespaces", "rbac/sensors", "rbac/workflows", "eventsources/openstack-keystone"} {
			manifests = append(manifests, filepath.Join("..", "..", "manifests", "understack", filepath.FromSlash(part)))
		}
		var err error
		own, err = rig.Start(ctx, rig.Options{Manifests: manifests, Log: func(format string, arguments ...any) { GinkgoLogr.Info("rig", "line", format) }})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() error { return own.Close() })
	}, NodeTimeout(bootTimeout))

	all, err := scenario.Load(filepath.Join("testdata", "argo", "scenarios.yaml"))
	if err != nil {
		panic(err) // the file is part of this test
	}
	for _, one := range all {
		It(one.Metadata.Name, func(ctx SpecContext) { expectPassed(ctx, own, one) }, NodeTimeout(stepTimeout))
	}
})
