package suites_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/e2e/scenario"
)

// running is a pod of one container that runs to its end; rest are further fields of the container.
func running(name, image, rest string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  restartPolicy: Never
  containers: [{name: main, image: %s, %s}]`, name, image, rest)
}

// waitsWith waits until a pod's first container waits for a reason.
func (t tenant) waitsWith(name string, reasons ...string) *corev1.ContainerStateWaiting {
	GinkgoHelper()
	pod := t.pod(name, "to wait with "+strings.Join(reasons, " or "), func(pod *corev1.Pod) bool {
		return len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State.Waiting != nil && slices.Contains(reasons, pod.Status.ContainerStatuses[0].State.Waiting.Reason)
	})
	return pod.Status.ContainerStatuses[0].State.Waiting
}

var _ = Describe("an image", func() {
	It("of every kind runs, with what its configuration says", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(running("command", shellImage, `args: [-c, "echo the shell $0 $(id -u)"]`), running("applet", toolImage, `args: [args, with, arguments]`),
			running("rootfs", "e2e.eventrig.dev/rootfs", `command: [/bin/podtool, cat, /data/kept]`))
		containers := []string{"layout", "layout-tar:v2", "saved", "registry:v1", "pinned@sha256:" + strings.Repeat("0", 64)}
		for _, image := range containers {
			name, _, _ := strings.Cut(strings.ReplaceAll(image, "@", ":"), ":")
			t.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  restartPolicy: Never
  containers:
  - {name: defaults, image: %[2]s}
  - {name: environment, image: %[2]s, args: [env, FROM_IMAGE, BOTH, HOME], env: [{name: BOTH, value: pod}]}
  - {name: identity, image: %[2]s, args: [id]}
  - {name: command, image: %[2]s, command: [same, cat, kept, version]}
  - {name: whiteout, image: %[2]s, args: [cat, gone]}
  - {name: temporary, image: %[2]s, args: [touch, /tmp/x]}
  - {name: folder, image: %[2]s, args: [pwd], workingDir: /tmp}`, name, "e2e.eventrig.dev/"+image))
		}
		Expect(t.succeeded("command")).To(HavePrefix("the shell "))
		Expect(t.succeeded("applet")).To(Equal("with arguments\n"))
		Expect(t.succeeded("rootfs")).To(Equal("kept\n"))
		identity := "uid 1234 gid 2345 groups [2345]\n"
		if singleID(ctx) {
			identity = "uid 0 gid 0 groups []\n"
		}
		for _, image := range containers {
			name, _, _ := strings.Cut(strings.ReplaceAll(image, "@", ":"), ":")
			pod := t.phase(name, corev1.PodFailed) // for what the upper layer took away, and nothing else
			for _, status := range pod.Status.ContainerStatuses {
				code := map[bool]int32{true: 1}[status.Name == "whiteout"]
				Expect(status.State.Terminated.ExitCode).To(Equal(code), "%s of %s: %s", status.Name, image, t.log(name, status.Name))
			}
			Expect(t.log(name, "defaults")).To(Equal("/data\n"), image)
			Expect(t.log(name, "environment")).To(Equal("FROM_IMAGE=yes\nBOTH=pod\nHOME=/home/app\n"), image)
			Expect(t.log(name, "identity")).To(Equal(identity), image)
			Expect(t.log(name, "command")).To(Equal("kept\nfirst\n"), image)
			Expect(t.log(name, "whiteout")).To(ContainSubstring("no such file"), image)
			Expect(t.log(name, "folder")).To(Equal("/tmp\n"), image)
		}
	}, NodeTimeout(podTimeout))

	It("of a registry is pulled as its policy and its credentials say", func(ctx SpecContext) {
		t := newTenant(ctx)
		moving := imageRegistry.open + "/team/app:moving"
		reading := `args: [cat, version], imagePullPolicy: `
		t.apply(running("too-early", "e2e.eventrig.dev/registry:moving", reading+"Never"))
		t.waitsWith("too-early", "ErrImageNeverPull")
		push(moving, toolInAnImage("one"))
		t.apply(running("first", "e2e.eventrig.dev/registry:moving", reading+"IfNotPresent"))
		Expect(t.succeeded("first")).To(Equal("one\n"))
		image := toolInAnImage("two")
		push(moving, image)
		t.apply(running("present", "e2e.eventrig.dev/registry:moving", reading+"IfNotPresent"), running("never", "e2e.eventrig.dev/registry:moving", reading+"Never"))
		Expect(t.succeeded("present")).To(Equal("one\n"))
		Expect(t.succeeded("never")).To(Equal("one\n"))
		t.apply(running("always", "e2e.eventrig.dev/registry:moving", reading+"Always"))
		Expect(t.succeeded("always")).To(Equal("two\n"))
		digest, err := image.Digest()
		Expect(err).NotTo(HaveOccurred())
		Expect(t.phase("always", corev1.PodSucceeded).Status.ContainerStatuses[0].ImageID).To(Equal("e2e.eventrig.dev/registry@" + digest.String()))

		By("credentials")
		t.apply(running("stranger", "e2e.eventrig.dev/guarded", reading+"Always"))
		t.event("stranger", "UNAUTHORIZED")
		// The kubelet looks a Secret up by the registry of the pod's own reference.
		_, err = t.client.CoreV1().Secrets(t.namespace).Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "login"}, Type: corev1.SecretTypeDockerConfigJson,
			StringData: map[string]string{corev1.DockerConfigJsonKey: dockerConfig("e2e.eventrig.dev")}}, metav1.CreateOptions{})
		Expect(err).NotTo(HaveOccurred())
		t.apply(running("known", "e2e.eventrig.dev/guarded", reading+"Always") + "\n  imagePullSecrets: [{name: login}]")
		Expect(t.succeeded("known")).To(Equal("first\n"))
	}, NodeTimeout(podTimeout))

	It("that cannot be had says why", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(running("unmapped", "nobody.example/knows:1", ""), running("unreachable", "e2e.eventrig.dev/unreachable", ""), running("no-such-tag", "e2e.eventrig.dev/registry:none", ""),
			running("no-name", "Not/A:Name", ""))
		Expect(t.waitsWith("unmapped", "ImagePullBackOff").Message).To(ContainSubstring("add --image nobody.example/knows=rootfs:PATH"))
		Expect(t.event("unmapped", "has no mapping: add --image nobody.example/knows=rootfs:PATH").Type).To(Equal("Warning"))
		Expect(t.waitsWith("unreachable", "ImagePullBackOff").Message).To(ContainSubstring("connection refused"))
		t.event("unreachable", "127.0.0.1:1")
		Expect(t.waitsWith("no-such-tag", "ImagePullBackOff").Message).To(ContainSubstring("MANIFEST_UNKNOWN"))
		t.waitsWith("no-name", "InvalidImageName")
	}, NodeTimeout(podTimeout))

	It("that a Workflow lacks fails the scenario at once, with the node's words", func(ctx SpecContext) {
		list, err := scenario.Parse("unmapped.yaml", []byte(unmapped))
		Expect(err).NotTo(HaveOccurred())
		started := time.Now()
		result := scenario.Run(ctx, shared, list[0], scenario.Options{Seed: GinkgoRandomSeed()})
		Expect(result.Verdict).To(Equal(scenario.Failed), "%+v", result)
		Expect(result.Failures[0].Hop).To(Equal("pod"))
		Expect(result.Failures[0].Why).To(ContainSubstring("add --image nobody.example/handler=rootfs:PATH"))
		Expect(time.Since(started)).To(BeNumerically("<", podTimeout/2), "it waited for its time to run out")
	}, NodeTimeout(podTimeout))
})

const unmapped = `
apiVersion: eventrig.dev/v1alpha1
kind: Scenario
metadata: {name: unmapped-image}
spec:
  timeout: 110s
  vars: {project: hex, name: name}
  given:
    worlds: [one-domain]
    objects:
      - apiVersion: argoproj.io/v1alpha1
        kind: Sensor
        metadata: {name: unmapped-image, namespace: openstack}
        spec:
          template:
            serviceAccountName: sensor-submit-workflow
            container: {env: [{name: LOG_LEVEL, value: debug}]}
          dependencies:
            - name: keystone-msg
              eventSourceName: openstack-keystone
              eventName: notifications
              transform: {jq: '.body["oslo.message"] | fromjson'}
              filters: {data: [{path: event_type, type: string, value: [identity.project.created]}]}
          triggers:
            - template:
                name: unmapped-image
                k8s:
                  operation: create
                  parameters: [{src: {dependencyName: keystone-msg, dataKey: payload.target.id}, dest: spec.arguments.parameters.0.value}]
                  source:
                    resource:
                      apiVersion: argoproj.io/v1alpha1
                      kind: Workflow
                      metadata: {generateName: unmapped-image-, namespace: argo-events}
                      spec:
                        serviceAccountName: workflow
                        entrypoint: main
                        arguments: {parameters: [{name: project, value: set by the trigger}]}
                        templates: [{name: main, container: {image: "nobody.example/handler:1", command: [handle]}}]
  when:
    - openstack: {create: project, id: "${project}", set: {name: "${name}", domain_id: default}}
    - publish: {event: keystone/identity.project.created, set: {payload.target.id: "${project}", payload.resource_info: "${project}"}}
  then:
    workflows: [{sensor: unmapped-image, phase: Succeeded}]
`
