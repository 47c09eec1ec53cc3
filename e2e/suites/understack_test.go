package suites_test

import (
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
)

// understack are the options of a rig with UnderStack's whole tree.
var understack = rig.Options{Manifests: []string{filepath.Join("..", "..", "manifests", "understack")}, ReadyTimeout: 10 * time.Minute}

// tree is the rig of the specs that are about UnderStack's whole tree: all 14 Sensors.
var tree *rig.Rig

var _ = Describe("UnderStack's whole tree", Serial, Ordered, ContinueOnFailure, ownRig, func() {
	BeforeAll(func(ctx SpecContext) { tree = startRig(ctx, understack) }, NodeTimeout(bootTimeout))

	Describe("scenario", func() {
		batch := newBatch(loaded(scenario.LoadFS(scenarios.UnderStack)), understack)
		BeforeAll(func() { batch.on = tree })
		AfterAll(func() { batch.stop() })
		batch.specs()
	})
	Describe("evaluation", evaluationSpecs)
	Describe("least privilege", rightsSpecs)
	Describe("least privilege", deniedSpecs)
	Describe("co-location", colocationSpecs)
	Describe("argo-events' validating webhook", admissionSpecs)
})
