//go:build linux

package suites_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/eventrig/eventrig/e2e/rig"
	"github.com/eventrig/eventrig/internal/report"
)

// keptLine is the end of what eventrig test says about a rig that it leaves up.
const keptLine = "the rig stays up until interrupted"

// transcript is what a program has said so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(data []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(data)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// kept is an eventrig test that keeps its rig.
type kept struct {
	place
	command *exec.Cmd
	stdout  transcript
	stderr  transcript
	ended   chan struct{}
}

// keep runs eventrig test until it says that the rig stays.
func (p place) keep(ctx SpecContext, arguments ...string) *kept {
	GinkgoHelper()
	k := &kept{place: p, command: p.command(append([]string{"test", "-o", "json", "--artifacts", filepath.Join(p.root, "artifacts")}, arguments...)...), ended: make(chan struct{})}
	k.command.Stdout, k.command.Stderr = &k.stdout, &k.stderr
	Expect(k.command.Start()).To(Succeed())
	go func() {
		defer close(k.ended)
		_ = k.command.Wait() // the status tells
	}()
	Eventually(ctx, k.stderr.String).WithPolling(20*time.Millisecond).WithTimeout(time.Minute).Should(ContainSubstring(keptLine), k.stdout.String)
	return k
}

// status waits for the program's end and returns its exit status.
func (k *kept) status(ctx SpecContext) int {
	GinkgoHelper()
	Eventually(ctx, k.ended).WithTimeout(30*time.Second).Should(BeClosed(), k.stderr.String)
	return k.command.ProcessState.ExitCode()
}

// usable tells that the rig is whole: the verdict is out, its API server answers, and another run joins it.
func (k *kept) usable(ctx SpecContext, verdict string) rig.Status {
	GinkgoHelper()
	var run report.Run
	Expect(json.Unmarshal([]byte(k.stdout.String()), &run)).To(Succeed(), k.stdout.String())
	Expect(string(run.Verdict)).To(Equal(verdict))

	code, out, talk := k.run("status", "-o", "json")
	Expect(code).To(BeZero(), talk)
	var status rig.Status
	Expect(json.Unmarshal([]byte(out), &status)).To(Succeed())
	Expect(k.stderr.String()).To(ContainSubstring("KUBECONFIG=" + status.Kubeconfig))
	Expect(status.PID).To(Equal(k.command.Process.Pid))
	config, err := clientcmd.BuildConfigFromFlags("", status.Kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	client, err := kubernetes.NewForConfig(config)
	Expect(err).NotTo(HaveOccurred())
	_, err = client.Discovery().ServerVersion()
	Expect(err).NotTo(HaveOccurred())

	code, out, talk = k.run("test", "--rig", status.Name, "--focus", "^keystone-user-created$")
	Expect(code).To(BeZero(), talk+out)
	return status
}

// What a run keeps is looked at from outside, and that nothing of it is left afterwards.
var _ = Describe("eventrig test --keep", Serial, ownRig, func() {
	const passing = "^keystone-user-created$"
	var p place
	var before machine
	var failing string
	BeforeEach(func() {
		p = newPlace()
		before = observed(p.root)
		failing = filepath.Join(p.root, "failing.yaml")
		Expect(os.WriteFile(failing, []byte(`apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: failing}
spec:
  when: [{publish: {event: keystone/identity.user.created}}]
  then: {sensors: [{name: keystone-event-project, fires: 1}]}
`), 0o644)).To(Succeed())
	})
	nothingLeft := func(ctx SpecContext) {
		GinkgoHelper()
		Expect(p.folders()).To(BeEmpty())
		Eventually(ctx, func() machine { return observed(p.root) }).WithTimeout(10 * time.Second).Should(Equal(before))
		Expect(os.ReadDir(p.temporary)).To(BeEmpty())
	}

	It("on-failure leaves the rig of a run that failed, until down", func(ctx SpecContext) {
		k := p.keep(ctx, "--keep", "on-failure", failing)
		status := k.usable(ctx, "failed")
		Expect(p.folders()).To(ConsistOf(status.Name))
		code, out, talk := p.run("down", "--rig", status.Name)
		Expect(code).To(BeZero(), talk)
		Expect(strings.TrimSpace(out)).To(Equal(status.Name))
		Expect(k.status(ctx)).To(Equal(1), "the verdict decides the exit status")
		closed(status)
		nothingLeft(ctx)
	}, NodeTimeout(3*time.Minute))

	It("always leaves the rig of a run that passed, until an interrupt", func(ctx SpecContext) {
		k := p.keep(ctx, "--keep", "always", "--focus", passing)
		status := k.usable(ctx, "passed")
		Expect(k.command.Process.Signal(os.Interrupt)).To(Succeed())
		Expect(k.status(ctx)).To(BeZero(), "the verdict decides the exit status")
		closed(status)
		nothingLeft(ctx)
	}, NodeTimeout(3*time.Minute))

	DescribeTable("takes the rig down at the end of a run that", func(ctx SpecContext, keep, verdict string, wanted int) {
		selection := []string{failing}
		if verdict == "passed" {
			selection = []string{"--focus", passing}
		}
		code, out, talk := p.run(append([]string{"test", "--keep", keep, "--artifacts", filepath.Join(p.root, "artifacts")}, selection...)...)
		Expect(code).To(Equal(wanted), talk+out)
		Expect(talk).NotTo(ContainSubstring(keptLine))
		nothingLeft(ctx)
	},
		Entry("failed, with never", NodeTimeout(3*time.Minute), "never", "failed", 1),
		Entry("passed, with on-failure", NodeTimeout(3*time.Minute), "on-failure", "passed", 0),
	)
})
