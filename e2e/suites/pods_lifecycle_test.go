package suites_test

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var _ = Describe("a pod's containers", func() {
	It("start in order: init containers, sidecars, then the others", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(`
apiVersion: v1
kind: Pod
metadata: {name: order}
spec:
  restartPolicy: Never
  volumes: [{name: v, emptyDir: {}}]
  initContainers:
  - {name: first, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo first >>/v/log"], volumeMounts: [{name: v, mountPath: /v}]}
  - name: sidecar
    image: e2e.eventrig.dev/shell
    restartPolicy: Always
    command: [sh, -c, "trap 'echo sidecar ends; exit 0' TERM; sleep 0.2; echo sidecar >>/v/log; touch /v/up; while :; do sleep 0.05; done"]
    startupProbe: {exec: {command: [test, -e, /v/up]}, periodSeconds: 1}
    volumeMounts: [{name: v, mountPath: /v}]
  - {name: second, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo second >>/v/log"], volumeMounts: [{name: v, mountPath: /v}]}
  containers:
  - {name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo main >>/v/log; cat /v/log"], volumeMounts: [{name: v, mountPath: /v}]}`, `
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec:
  restartPolicy: Never
  initContainers: [{name: init, image: e2e.eventrig.dev/shell, command: [sh, -c, exit 4]}]
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, echo never]}]`)
		Expect(t.succeeded("order")).To(Equal("first\nsidecar\nsecond\nmain\n"))
		Expect(t.log("order", "sidecar")).To(Equal("sidecar ends\n"), "the sidecar is told to end after the others")
		broken := t.phase("broken", corev1.PodFailed)
		Expect(broken.Status.InitContainerStatuses[0].State.Terminated.ExitCode).To(BeEquivalentTo(4))
		Expect(broken.Status.ContainerStatuses[0].State.Waiting).NotTo(BeNil(), "a container started although the one before failed")
	}, NodeTimeout(podTimeout))

	It("are started again as their restart policy says, with back-off, and say why they ended", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(`
apiVersion: v1
kind: Pod
metadata: {name: always}
spec:
  volumes: [{name: v, emptyDir: {}}]
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo x >>/v/runs; echo run $(wc -l </v/runs); exit 1"], volumeMounts: [{name: v, mountPath: /v}]}]`, `
apiVersion: v1
kind: Pod
metadata: {name: on-failure}
spec:
  restartPolicy: OnFailure
  volumes: [{name: v, emptyDir: {}}]
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "test -e /v/second && exit 0; touch /v/second; exit 5"], volumeMounts: [{name: v, mountPath: /v}]}]`, `
apiVersion: v1
kind: Pod
metadata: {name: never}
spec:
  restartPolicy: Never
  containers:
  - {name: own-file, image: e2e.eventrig.dev/shell, command: [sh, -c, "printf 'as it wishes' >/var/why; exit 3"], terminationMessagePath: /var/why}
  - {name: from-log, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo the last words; exit 2"], terminationMessagePolicy: FallbackToLogsOnError}
  - {name: no-such-command, image: e2e.eventrig.dev/shell, command: [no-such-command]}`)
		t.pod("always", "to back off", func(pod *corev1.Pod) bool {
			for _, c := range pod.Status.ContainerStatuses {
				return c.RestartCount >= 1 && c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff" && c.LastTerminationState.Terminated.ExitCode == 1
			}
			return false
		})
		t.pod("always", "to have run three times", func(pod *corev1.Pod) bool { return pod.Status.ContainerStatuses[0].RestartCount >= 2 })
		// Only one earlier run is kept: when it starts once more at this moment, the log that was asked for is gone.
		Eventually(ctx, func() string { return t.logWith("always", &corev1.PodLogOptions{Previous: true}) }).Should(MatchRegexp(`^run [0-9]+\n$`))

		Expect(t.phase("on-failure", corev1.PodSucceeded).Status.ContainerStatuses[0].RestartCount).To(BeEquivalentTo(1))

		ended := map[string]corev1.ContainerStateTerminated{}
		for _, c := range t.phase("never", corev1.PodFailed).Status.ContainerStatuses {
			ended[c.Name] = *c.State.Terminated
		}
		Expect(ended["own-file"].ExitCode).To(BeEquivalentTo(3))
		Expect(ended["own-file"].Message).To(Equal("as it wishes"))
		Expect(ended["from-log"].ExitCode).To(BeEquivalentTo(2))
		Expect(ended["from-log"].Message).To(Equal("the last words\n"))
		Expect(ended["no-such-command"].Reason).To(Equal("StartError"))
		Expect(ended["no-such-command"].Message).To(ContainSubstring(`"no-such-command": executable file not found in $PATH`))
	}, NodeTimeout(podTimeout))

	It("are probed by command, HTTP, TCP and gRPC", func(ctx SpecContext) {
		t := newTenant(ctx)
		serving := func(name, probe string) string {
			return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: e2e.eventrig.dev/tool, args: [serve, ":8080", ":8081"], ports: [{name: http, containerPort: 8080}],
     readinessProbe: {periodSeconds: 1, successThreshold: 1, failureThreshold: 1, ` + probe + `}}`
		}
		t.apply(serving("by-command", "exec: {command: [podtool, cat, /tmp/ready]}"), serving("by-http", "httpGet: {path: '/exists?path=/tmp/ready', port: http}"),
			serving("by-tcp", "tcpSocket: {port: 8080}"), serving("by-grpc", "grpc: {port: 8081}"), serving("never", "tcpSocket: {port: 9}"), `
apiVersion: v1
kind: Pod
metadata: {name: alive}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: v, emptyDir: {}}]
  containers:
  - name: main
    image: e2e.eventrig.dev/shell
    command: [sh, -c, "test -e /v/second || touch /tmp/sick; touch /v/second; sleep 0.5; touch /tmp/started; exec sleep 1000"]
    startupProbe: {periodSeconds: 1, failureThreshold: 30, exec: {command: [test, -e, /tmp/started]}}
    livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [test, '!', -e, /tmp/sick]}}
    volumeMounts: [{name: v, mountPath: /v}]`)
		for _, name := range []string{"by-tcp", "by-grpc"} {
			t.ready(name)
		}
		for _, name := range []string{"by-command", "by-http"} {
			Expect(isReady(t.phase(name, corev1.PodRunning))).To(BeFalse(), name)
			t.does(name, "podtool", "touch", "/tmp/ready")
			t.ready(name)
		}
		t.event("never", "Readiness probe failed")
		alive := t.pod("alive", "to be restarted and ready", func(pod *corev1.Pod) bool {
			return isReady(pod) && pod.Status.ContainerStatuses[0].RestartCount == 1
		})
		Expect(alive.Status.ContainerStatuses[0].LastTerminationState.Terminated.ExitCode).To(BeEquivalentTo(137))
		t.event("alive", "failed liveness probe, will be restarted")
		never, err := t.client.CoreV1().Pods(t.namespace).Get(ctx, "never", metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		Expect(isReady(never)).To(BeFalse())
	}, NodeTimeout(podTimeout))

	It("end gracefully: preStop, SIGTERM, and SIGKILL when the time is over", func(ctx SpecContext) {
		t := newTenant(ctx)
		folder := GinkgoT().TempDir()
		Expect(os.Chmod(folder, 0o777)).To(Succeed())
		ending := func(name, grace, command string) string {
			return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  terminationGracePeriodSeconds: ` + grace + `
  volumes: [{name: host, hostPath: {path: ` + folder + `, type: Directory}}]
  containers:
  - name: main
    image: e2e.eventrig.dev/shell
    command: [sh, -c, "` + command + `"]
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo postStart >>/host/` + name + `"]}}
      preStop: {exec: {command: [sh, -c, "echo preStop >>/host/` + name + `"]}}
    volumeMounts: [{name: host, mountPath: /host}]`
		}
		t.apply(ending("polite", "30", "trap 'echo TERM >>/host/polite; exit 0' TERM; while :; do sleep 0.05; done"),
			ending("deaf", "1", "trap 'echo TERM >>/host/deaf' TERM; while :; do sleep 0.05; done"), `
apiVersion: v1
kind: Pod
metadata: {name: hook}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, exec sleep 1000], lifecycle: {postStart: {exec: {command: [sh, -c, "echo no good; exit 1"]}}}}`)
		for _, name := range []string{"polite", "deaf"} {
			t.ready(name)
			Expect(t.client.CoreV1().Pods(t.namespace).Delete(ctx, name, metav1.DeleteOptions{})).To(Succeed())
		}
		for _, name := range []string{"polite", "deaf"} {
			t.gone(name)
			told, err := os.ReadFile(filepath.Join(folder, name))
			Expect(err).NotTo(HaveOccurred())
			Expect(strings.Fields(string(told))).To(Equal([]string{"postStart", "preStop", "TERM"}), name)
		}
		t.event("hook", "PostStartHook failed")
	}, NodeTimeout(podTimeout))
})
