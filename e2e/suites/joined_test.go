//go:build linux

package suites_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/eventrig/eventrig/internal/report"
)

// The program as a user runs it, on a rig that is up: scenarios side by side, a message from production, an interrupt.
var _ = Describe("a rig that is up", Serial, ownRig, func() {
	It("is joined by eventrig test, and left as it was", func(ctx SpecContext) {
		p := newPlace()
		p.up("mine")
		run := func(arguments ...string) (int, string, string) {
			return p.run(append([]string{"test", "--rig", "mine", "--artifacts", filepath.Join(p.root, "artifacts")}, arguments...)...)
		}

		By("running scenarios side by side")
		code, out, talk := run("--parallel", "3", "--repeat", "2", "--focus", "^keystone-(project-created|sensor-without-rights)$", "-o", "json")
		Expect(code).To(BeZero(), talk+out)
		var verdict report.Run
		Expect(json.Unmarshal([]byte(out), &verdict)).To(Succeed())
		Expect(verdict.Scenarios).To(HaveLen(4))

		By("making a scenario of a message")
		message, written := filepath.Join(p.root, "message.json"), filepath.Join(p.root, "scenarios", "bug.yaml")
		code, body, talk := p.run("publish", "--dry-run", "keystone/identity.project.deleted", "--set", "payload.target.id=1f0e8d7c6b5a49382716a5b4c3d2e1f0")
		Expect(code).To(BeZero(), talk)
		Expect(os.WriteFile(message, []byte(body), 0o644)).To(Succeed())
		code, out, talk = run("--event", message, "--write-scenario", written, "-o", "json")
		Expect(code).To(BeZero(), talk+out)
		var story report.Story
		Expect(json.Unmarshal([]byte(out), &story)).To(Succeed())
		Expect(story.Messages).To(HaveLen(1))
		Expect(story.Messages[0].Decisions).To(ContainElement(HaveField("Verdict", "fires")))
		Expect(story.Messages[0].Changes).To(ContainElement(HaveField("Verdict", "deleted")))
		code, out, talk = run(written)
		Expect(code).To(BeZero(), talk+out)

		By("failing, and reading what explains it")
		expectBundle(p, "mine", "--rig", "mine")

		By("interrupting a run")
		command := p.command("test", "--rig", "mine", "--artifacts", filepath.Join(p.root, "artifacts"), "--focus", "without-rights")
		talks, err := command.StderrPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Start()).To(Succeed())
		_, err = talks.Read(make([]byte, 1)) // it has begun, so it takes signals
		Expect(err).NotTo(HaveOccurred())
		Expect(command.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(command.Wait()).NotTo(Succeed())
		Expect(command.ProcessState.ExitCode()).To(Equal(130))

		By("finding it as it was")
		code, out, talk = run("--focus", "without-rights|project-deleted")
		Expect(code).To(BeZero(), talk+out)
		code, _, talk = p.run("down", "--rig", "mine")
		Expect(code).To(BeZero(), talk)
	}, NodeTimeout(8*time.Minute))
})
