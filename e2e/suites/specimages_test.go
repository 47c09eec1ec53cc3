package suites_test

import (
	"os/exec"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Images of the specs' pods.
const (
	shellImage = "e2e.eventrig.dev/shell" // the host's shell and its /usr
	toolImage  = "e2e.eventrig.dev/tool"  // podtool, over the host's /usr
)

// podtool is the path of the program of that name, built for the specs.
var podtool string

// buildPodtool builds podtool, statically: some images hold nothing else.
func buildPodtool(ctx SpecContext, folder string) {
	GinkgoHelper()
	podtool = filepath.Join(folder, "podtool")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", podtool, "github.com/eventrig/eventrig/e2e/suites/podtool")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
}

// specImages are the mappings of the shared rig.
func specImages(ctx SpecContext) []string {
	GinkgoHelper()
	folder := GinkgoT().TempDir()
	buildPodtool(ctx, folder)
	return []string{shellImage + "=command:/bin/sh", toolImage + "=applet:" + podtool}
}
