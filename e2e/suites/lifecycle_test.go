//go:build linux

package suites_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/eventrig/eventrig/e2e/rig"
)

// machine is what a rig could leave behind on the machine: each entry is one thing, so that a difference names it.
type machine struct {
	Processes, Mounts, Interfaces []string
}

// observed takes stock. Processes and mounts count when they have to do with the spec's own folder, because tests of other
// packages run beside this one.
func observed(folder string) machine {
	var m machine
	processes, err := filepath.Glob("/proc/[0-9]*")
	Expect(err).NotTo(HaveOccurred())
	for _, process := range processes {
		// Any of them may end at any moment.
		program, _ := os.Readlink(filepath.Join(process, "exe"))
		environment, _ := os.ReadFile(filepath.Join(process, "environ"))
		arguments, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		for _, trace := range []string{program, string(environment), string(arguments)} {
			if strings.Contains(trace, folder+"/") {
				m.Processes = append(m.Processes, filepath.Base(process)+" "+strings.ReplaceAll(string(arguments), "\x00", " "))
				break
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	Expect(err).NotTo(HaveOccurred())
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, folder) {
			m.Mounts = append(m.Mounts, line)
		}
	}
	interfaces, err := net.Interfaces()
	Expect(err).NotTo(HaveOccurred())
	for _, one := range interfaces {
		m.Interfaces = append(m.Interfaces, one.Name)
	}
	return m
}

// closed tells that nothing listens any more where a rig could be reached.
func closed(status rig.Status) {
	GinkgoHelper()
	config, err := clientcmd.BuildConfigFromFlags("", status.Kubeconfig)
	if err == nil { // down removes the file
		expectRefused(config.Host)
	}
	for _, address := range []string{status.AMQP.URL, status.Nautobot.URL, status.OpenStack.AuthURL} {
		expectRefused(address)
	}
}

func expectRefused(address string) {
	GinkgoHelper()
	parsed, err := url.Parse(address)
	Expect(err).NotTo(HaveOccurred())
	connection, err := net.DialTimeout("tcp", parsed.Host, time.Second)
	if err == nil {
		connection.Close()
	}
	Expect(err).To(MatchError(syscall.ECONNREFUSED), "something still listens on "+parsed.Host)
}

// place is a home of its own for the rigs of one spec, and copies of the programs, so that their processes are told from
// those of others.
type place struct{ root, bin, state, temporary string }

func newPlace() place {
	root := GinkgoT().TempDir()
	p := place{root: root, bin: filepath.Join(root, "bin"), state: filepath.Join(root, "state"), temporary: filepath.Join(root, "tmp")}
	Expect(os.Mkdir(p.temporary, 0o755)).To(Succeed())
	Expect(os.Mkdir(p.bin, 0o755)).To(Succeed())
	from, err := filepath.Abs(os.Getenv("EVENTRIG_BIN"))
	Expect(err).NotTo(HaveOccurred())
	entries, err := os.ReadDir(from)
	Expect(err).NotTo(HaveOccurred())
	for _, entry := range entries {
		program, copied := filepath.Join(from, entry.Name()), filepath.Join(p.bin, entry.Name())
		if os.Link(program, copied) != nil { // another file system
			data, err := os.ReadFile(program)
			Expect(err).NotTo(HaveOccurred())
			Expect(os.WriteFile(copied, data, 0o755)).To(Succeed())
		}
	}
	DeferCleanup(func() { _ = p.command("down", "--all").Run() })
	return p
}

func (p place) command(arguments ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(p.bin, "eventrig"), arguments...)
	command.Env = append(os.Environ(), "XDG_STATE_HOME="+p.state, "TMPDIR="+p.temporary, "EVENTRIG_BIN="+p.bin)
	return command
}

// run runs eventrig and returns its exit status.
func (p place) run(arguments ...string) (status int, stdout, stderr string) {
	command := p.command(arguments...)
	var out, talk bytes.Buffer
	command.Stdout, command.Stderr = &out, &talk
	err := command.Run()
	if command.ProcessState == nil {
		Expect(err).NotTo(HaveOccurred())
	}
	return command.ProcessState.ExitCode(), out.String(), talk.String()
}

func (p place) up(name string) rig.Status {
	code, out, talk := p.run("up", "--rig", name, "-o", "json")
	Expect(code).To(BeZero(), talk)
	var status rig.Status
	Expect(json.Unmarshal([]byte(out), &status)).To(Succeed())
	return status
}

// folders are the rigs' folders that exist.
func (p place) folders() []string {
	entries, _ := os.ReadDir(filepath.Join(p.state, "eventrig", "rigs")) // none before the first rig
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// These specs start the real binary in the background and count what is left of it. They are serial because they look at
// the machine.
var _ = Describe("a rig's life", Serial, ownRig, func() {
	var p place
	var before machine
	BeforeEach(func() {
		p = newPlace()
		before = observed(p.root)
	})
	left := func() machine { return observed(p.root) }
	kill := func(pid int) {
		process, err := os.FindProcess(pid)
		Expect(err).NotTo(HaveOccurred())
		Expect(process.Kill()).To(Succeed())
	}

	It("is one beside another, and boots again and again", func(ctx SpecContext) {
		first := p.up("first")
		second := p.up("second")
		Expect(second.AMQP.URL).NotTo(Equal(first.AMQP.URL))
		code, _, talk := p.run("status")
		Expect(code).To(Equal(2))
		Expect(talk).To(ContainSubstring("name one with --rig: first, second"))
		code, _, talk = p.run("up", "--rig", "first")
		Expect(code).To(Equal(2))
		Expect(talk).To(ContainSubstring(`a rig named "first" exists`))

		code, _, talk = p.run("down", "--rig", "first")
		Expect(code).To(BeZero(), talk)
		code, out, talk := p.run("publish", "keystone/identity.user.created") // the only one
		Expect(code).To(BeZero(), talk)
		Expect(out).To(ContainSubstring("identity.user.created"))
		code, _, talk = p.run("down")
		Expect(code).To(BeZero(), talk)
		Expect(p.folders()).To(BeEmpty())
		Expect(left()).To(Equal(before))
		closed(first)
		closed(second)

		for boot := 3; boot <= 10; boot++ { // with a name used before
			By(fmt.Sprintf("boot %d", boot))
			p.up("first")
			code, _, talk = p.run("down")
			Expect(code).To(BeZero(), talk)
			Expect(left()).To(Equal(before))
		}
		Expect(p.folders()).To(BeEmpty())
	}, NodeTimeout(10*time.Minute))

	It("leaves nothing but its own folder when it is killed", func(ctx SpecContext) {
		By("while it runs")
		status := p.up("killed")
		kill(status.PID)
		Eventually(ctx, left).WithTimeout(10 * time.Second).Should(Equal(before))
		closed(status)
		Expect(p.folders()).To(ConsistOf("killed"))
		code, _, _ := p.run("status")
		Expect(code).To(Equal(2))
		code, _, talk := p.run("down", "--all")
		Expect(code).To(BeZero(), talk)
		Expect(p.folders()).To(BeEmpty())

		// A test's own process holds its rig; so the boot is met at the moment that its talk tells.
		for _, moment := range []string{"RabbitMQ", "Argo's manifests", "manifests under test"} {
			By("after " + moment)
			killAfter(ctx, p, moment, "test")
			Eventually(ctx, left).WithTimeout(10 * time.Second).Should(Equal(before))
		}
		By("when eventrig up is killed")
		killAfter(ctx, p, "sandbox", "up")
		Eventually(ctx, left).WithTimeout(10 * time.Second).Should(Equal(before))

		code, _, talk = p.run("down", "--all")
		Expect(code).To(BeZero(), talk)
		Expect(p.folders()).To(BeEmpty())
		Expect(os.ReadDir(p.temporary)).To(BeEmpty())
	}, NodeTimeout(3*time.Minute))
})

// killAfter starts an eventrig command and kills it once it has told of the end of a phase.
func killAfter(ctx SpecContext, p place, phase string, arguments ...string) {
	command := p.command(arguments...)
	talk, err := command.StderrPipe()
	Expect(err).NotTo(HaveOccurred())
	Expect(command.Start()).To(Succeed())
	var heard []byte
	chunk := make([]byte, 4096)
	for !bytes.Contains(heard, []byte("✓ "+phase)) {
		count, err := talk.Read(chunk)
		heard = append(heard, chunk[:count]...)
		Expect(err).NotTo(HaveOccurred(), "it ended before %s: %s", phase, heard)
	}
	Expect(command.Process.Kill()).To(Succeed())
	Expect(command.Wait()).NotTo(Succeed())
}
