package suites_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
)

const server = `
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: e2e.eventrig.dev/tool, args: [serve, ":8080"], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}}
  - {name: reader, image: e2e.eventrig.dev/shell, stdin: true, tty: true, command: [sh, -c, "while read line; do echo got $line; done"]}`

// shows waits until a terminal shows a text.
func shows(ctx SpecContext, screen *gbytes.Buffer, text string) {
	GinkgoHelper()
	Eventually(ctx, func() string { return string(screen.Contents()) }).Should(ContainSubstring(text))
}

// sizes is a terminal's window as it is resized.
type sizes chan remotecommand.TerminalSize

func (s sizes) Next() *remotecommand.TerminalSize {
	size, open := <-s
	if !open {
		return nil
	}
	return &size
}

var _ = Describe("a pod is reached from outside", func() {
	It("by exec, with and without a terminal, and by attach", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(server)
		t.ready("server")

		By("running a command")
		out, err := t.exec("server", "reader", "sh", "-c", "echo out; echo problem >&2; exit 7")
		var exit utilexec.ExitError
		Expect(errors.As(err, &exit)).To(BeTrue(), "%v", err)
		Expect(exit.ExitStatus()).To(Equal(7))
		Expect(err).To(MatchError(ContainSubstring("problem")))
		Expect(out).To(Equal("out\n"))

		By("feeding its input")
		var upper bytes.Buffer
		Expect(t.stream("server", "exec", &corev1.PodExecOptions{Container: "reader", Command: []string{"tr", "a-z", "A-Z"}, Stdin: true, Stdout: true},
			remotecommand.StreamOptions{Stdin: strings.NewReader(strings.Repeat("a", 100_000)), Stdout: &upper})).To(Succeed())
		Expect(upper.String()).To(Equal(strings.Repeat("A", 100_000)))

		By("working in a terminal")
		keys, screen, window, ended := keyboard(), gbytes.NewBuffer(), make(sizes, 2), make(chan error, 1)
		window <- remotecommand.TerminalSize{Width: 100, Height: 30}
		go func() {
			ended <- t.stream("server", "exec", &corev1.PodExecOptions{Container: "reader", Command: []string{"sh"}, Stdin: true, Stdout: true, TTY: true},
				remotecommand.StreamOptions{Stdin: keys, Stdout: screen, Tty: true, TerminalSizeQueue: window})
		}()
		fmt.Fprintln(keys, "PS1='next> '; tty; stty size")
		shows(ctx, screen, "/dev/pts/1\r\n")
		window <- remotecommand.TerminalSize{Width: 123, Height: 45}
		fmt.Fprintln(keys, `until [ "$(stty size)" = "45 123" ]; do sleep 0.05; done; echo re""sized`)
		shows(ctx, screen, "resized")
		fmt.Fprintln(keys, "cat")
		fmt.Fprintln(keys, "echoed")
		shows(ctx, screen, "echoed\r\nechoed")
		fmt.Fprint(keys, "\x03") // Ctrl-C reaches the program in front, and not the shell
		// The terminal throws away what was typed before the program has gone.
		Eventually(ctx, func() string { return string(screen.Contents()) }).Should(MatchRegexp(`\^C\s+next> $`))
		fmt.Fprintln(keys, "exit 9")
		Eventually(ctx, ended).Should(Receive(&err), func() string { return string(screen.Contents()) })
		Expect(errors.As(err, &exit)).To(BeTrue(), "%v: %s", err, screen.Contents())
		Expect(exit.ExitStatus()).To(Equal(9))
		close(window)

		By("attaching to the first process")
		keys, screen = keyboard(), gbytes.NewBuffer()
		go func() {
			_ = t.stream("server", "attach", &corev1.PodAttachOptions{Container: "reader", Stdin: true, Stdout: true, TTY: true},
				remotecommand.StreamOptions{Stdin: keys, Stdout: screen, Tty: true})
		}()
		fmt.Fprintln(keys, "this")
		shows(ctx, screen, "got this")
		t.logs("server", "reader", "got this")
	}, NodeTimeout(podTimeout))

	It("by port-forward", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(server)
		t.ready("server")
		transport, upgrader, err := spdy.RoundTripperFor(t.config)
		Expect(err).NotTo(HaveOccurred())
		address := t.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(t.namespace).Name("server").SubResource("portforward").URL()
		stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		forwarder, err := portforward.NewOnAddresses(spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, address),
			[]string{"127.0.0.1"}, []string{"0:8080"}, stop, ready, io.Discard, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
		go func() { ended <- forwarder.ForwardPorts() }()
		Eventually(ctx, ready).Should(BeClosed())
		ports, err := forwarder.GetPorts()
		Expect(err).NotTo(HaveOccurred())
		for range 2 {
			Expect(fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))).To(Equal("server\n"))
		}
		close(stop)
		Eventually(ctx, ended).Should(Receive(BeNil()))
	}, NodeTimeout(podTimeout))

	It("by a debugging container that sees its target", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(server)
		pod := t.ready("server")
		pod.Spec.EphemeralContainers = []corev1.EphemeralContainer{{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: shellImage, Command: []string{"sh", "-c", "cat /proc/1/comm; ls /proc/1/root/eventrig/bin"}},
			TargetContainerName:      "main",
		}}
		_, err := t.client.CoreV1().Pods(t.namespace).UpdateEphemeralContainers(ctx, "server", pod, metav1.UpdateOptions{})
		Expect(err).NotTo(HaveOccurred())
		t.pod("server", "to have run its debugging container", func(pod *corev1.Pod) bool {
			return len(pod.Status.EphemeralContainerStatuses) == 1 && pod.Status.EphemeralContainerStatuses[0].State.Terminated != nil
		})
		Expect(t.log("server", "debug")).To(Equal("podtool\npodtool\n"))
		Expect(isReady(t.phase("server", corev1.PodRunning))).To(BeTrue())
	}, NodeTimeout(podTimeout))
})
