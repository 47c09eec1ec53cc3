package suites_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
)

// singleID tells whether the rig's user has no subordinate ids: nothing can then run as another user, and says so.
func singleID(ctx SpecContext) bool {
	for _, note := range shared.Notes(ctx) {
		if strings.Contains(note, "no subordinate ids") {
			return true
		}
	}
	return false
}

var _ = Describe("a pod's security and namespaces", func() {
	It("are what the manifest asks for", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(`
apiVersion: v1
kind: Pod
metadata: {name: user}
spec:
  restartPolicy: Never
  securityContext: {runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567]}
  volumes: [{name: v, emptyDir: {}}]
  containers:
  - name: main
    image: e2e.eventrig.dev/shell
    command: [sh, -c, "id -u; id -g; id -G; stat -c %g /v; touch /v/x && stat -c %u:%g /v/x; cat /var/run/secrets/kubernetes.io/serviceaccount/token >/dev/null && echo token"]
    volumeMounts: [{name: v, mountPath: /v}]`, `
apiVersion: v1
kind: Pod
metadata: {name: locked}
spec:
  restartPolicy: Never
  volumes: [{name: v, emptyDir: {}}]
  containers:
  - name: main
    image: e2e.eventrig.dev/shell
    command: [sh, -c, "touch /x /etc/x 2>/dev/null || echo read-only; touch /v/x && echo but the volume; grep -E 'NoNewPrivs|CapEff' /proc/self/status; (echo 0 >/proc/sys/kernel/panic) 2>/dev/null || echo read-only kernel"]
    securityContext:
      readOnlyRootFilesystem: true
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
      seccompProfile: {type: RuntimeDefault}
    volumeMounts: [{name: v, mountPath: /v}]`, `
apiVersion: v1
kind: Pod
metadata: {name: not-root}
spec:
  containers: [{name: main, image: e2e.eventrig.dev/shell, securityContext: {runAsNonRoot: true}}]`, `
apiVersion: v1
kind: Pod
metadata: {name: together}
spec:
  restartPolicy: Never
  shareProcessNamespace: true
  volumes: [{name: v, emptyDir: {}}]
  containers:
  - {name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "until test -e /dev/shm/there; do sleep 0.05; done; pkill -TERM podtool 2>/dev/null || for p in /proc/[0-9]*; do grep -q podtool $p/comm && kill ${p#/proc/}; done; echo killed"]}
  - {name: other, image: e2e.eventrig.dev/tool, args: [wait], lifecycle: {postStart: {exec: {command: [podtool, touch, /dev/shm/there]}}}}`, `
apiVersion: v1
kind: Pod
metadata: {name: apart}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo $$$$; ls -d /proc/[0-9]* | wc -l"]}
  - {name: other, image: e2e.eventrig.dev/shell, command: [sh, -c, sleep 0.3]}`, `
apiVersion: v1
kind: Pod
metadata: {name: on-node}
spec:
  restartPolicy: Never
  hostPID: true
  hostIPC: true
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "cat /proc/[0-9]*/comm | grep -c eventrig-kube"]}]`, `
apiVersion: v1
kind: Pod
metadata: {name: handler}
spec:
  hostUsers: false
  containers: [{name: main, image: e2e.eventrig.dev/shell}]`)
		if singleID(ctx) {
			Expect(t.succeeded("user")).To(HavePrefix("0\n"))
			t.event("user", "runs as uid 0 instead of 1234, which does not exist in this user namespace")
			t.event("user", "group 2345 is ignored")
		} else {
			Expect(t.succeeded("user")).To(Equal("1234\n2345\n2345 3456 4567\n3456\n1234:3456\ntoken\n"))
		}
		Expect(t.succeeded("locked")).To(Equal("read-only\nbut the volume\nCapEff:\t0000000000000400\nNoNewPrivs:\t1\nread-only kernel\n"))
		t.event("not-root", "container has runAsNonRoot and image will run as root")
		Expect(t.succeeded("together")).To(Equal("killed\n"))
		Expect(t.log("together", "other")).To(Equal("waiting\nterminated\n"))
		Expect(t.succeeded("apart")).To(MatchRegexp(`^1\n[1-4]\n$`), "another container's processes are seen")
		Expect(t.succeeded("on-node")).NotTo(Equal("0\n"))
		t.event("handler", "user namespaces")
	}, NodeTimeout(podTimeout))

	It("that have no effect are told of, in the verdict too", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(`
apiVersion: v1
kind: Pod
metadata: {name: asking}
spec:
  restartPolicy: Never
  securityContext:
    seccompProfile: {type: Localhost, localhostProfile: profiles/strict.json}
    seLinuxOptions: {level: "s0:c123"}
  containers:
  - {name: one, image: e2e.eventrig.dev/shell, command: ["true"], resources: {limits: {cpu: 100m, memory: 64Mi}}}
  - {name: two, image: e2e.eventrig.dev/shell, command: ["true"], resources: {limits: {cpu: 100m, memory: 64Mi}}}`)
		t.phase("asking", corev1.PodSucceeded)
		for _, text := range []string{
			"securityContext.seccompProfile: the profile profiles/strict.json is not loaded",
			"securityContext.seLinuxOptions have no effect",
			"resources.limits (cpu, memory) are not enforced",
		} {
			t.event("asking", text)
			Expect(shared.Notes(ctx)).To(ContainElement(ContainSubstring("pod " + t.namespace + "/asking, " + text)))
		}
		Expect(shared.Notes(ctx)).NotTo(ContainElement(ContainSubstring("controller-manager")), "what Argo's own manifests ask for is no affair of those under test")
	}, NodeTimeout(podTimeout))

	It("have the class that its resources give", func(ctx SpecContext) {
		t := newTenant(ctx)
		asking := func(name, resources string) string {
			return `
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  restartPolicy: Never
  containers: [{name: main, image: e2e.eventrig.dev/shell, command: ["true"], resources: ` + resources + `}]`
		}
		classes := map[string]corev1.PodQOSClass{"best-effort": corev1.PodQOSBestEffort, "burstable": corev1.PodQOSBurstable, "guaranteed": corev1.PodQOSGuaranteed}
		t.apply(asking("best-effort", "{}"), asking("burstable", "{requests: {cpu: 1m, memory: 1Mi, ephemeral-storage: 1Mi}}"),
			asking("guaranteed", "{limits: {cpu: 10m, memory: 16Mi}}"), asking("too-big", "{requests: {cpu: 1000}}"))
		for name, class := range classes {
			t.succeeded(name)
			Expect(t.phase(name, corev1.PodSucceeded).Status.QOSClass).To(Equal(class))
		}
		t.event("too-big", "Insufficient cpu")
	}, NodeTimeout(podTimeout))
})
