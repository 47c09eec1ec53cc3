// Package suites runs the built-in scenarios, and what a scenario file cannot say, on rigs: with `go test ./e2e/...`.
//
// A rig serves as many specs as it can: the default one those of most files, one with UnderStack's whole tree those that are
// about it. A label filter starts only what its specs need:
//
//	go test ./e2e/suites -ginkgo.label-filter='neutron && nightly'
//
// Specs labelled full run only when the filter names that label.
package suites_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/e2e/rig"
)

const suiteName = "eventrig on the embedded tier"

// Labels of specs.
var (
	// ownRig is on specs that do not run on the shared rig: they start one of their own, or need none.
	ownRig = Label("own-rig")
	// fullSuite is on specs that take minutes and find what others rarely miss: they run when a label filter asks for full ones.
	fullSuite = Label("suite:full", "full")
)

func TestSuites(t *testing.T) {
	if os.Getenv("EVENTRIG_BIN") == "" {
		t.Skip("EVENTRIG_BIN is not set: run make test, or make build and EVENTRIG_BIN=$PWD/bin go test ./e2e/...")
	}
	RegisterFailHandler(Fail)
	suite, reporter := GinkgoConfiguration()
	switch {
	case suite.LabelFilter == "":
		suite.LabelFilter = "!full"
	case !strings.Contains(suite.LabelFilter, "full"):
		suite.LabelFilter = "(" + suite.LabelFilter + ") && !full"
	}
	selected.preview = PreviewSpecs(suiteName, suite, reporter)
	RunSpecs(t, suiteName, suite, reporter)
}

// selected knows which specs this run is about, before the first of them runs.
var selected selection

type selection struct{ preview Report }

// specs are those that will run, by their whole text.
func (s selection) specs() map[string]SpecReport {
	chosen := map[string]SpecReport{}
	for _, spec := range s.preview.SpecReports {
		if spec.LeafNodeType.Is(types.NodeTypeIt) && !spec.State.Is(types.SpecStateSkipped|types.SpecStatePending) {
			chosen[spec.FullText()] = spec
		}
	}
	return chosen
}

// shared is the rig of the specs that do not need one of their own.
var shared *rig.Rig

// bootTimeout covers a first build of the components too.
const bootTimeout = 30 * time.Minute

var _ = BeforeSuite(func(ctx SpecContext) {
	needed := false
	for _, spec := range selected.specs() {
		needed = needed || !slices.Contains(spec.Labels(), ownRig[0])
	}
	if !needed {
		return
	}
	shared = startRig(ctx, rig.Options{Images: specImages(ctx)})
}, NodeTimeout(bootTimeout))

// startRig starts a rig that goes with the node that asked for it.
func startRig(ctx SpecContext, options rig.Options) *rig.Rig {
	GinkgoHelper()
	options.Log = func(format string, arguments ...any) { GinkgoLogr.Info("rig", "line", format) }
	started, err := rig.Start(ctx, options)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(started.Close)
	return started
}

// container is the text of the containers of the spec that runs.
func container() string {
	return strings.Join(CurrentSpecReport().ContainerHierarchyTexts, " ")
}
