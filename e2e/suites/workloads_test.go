package suites_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: e2e.eventrig.dev/tool, args: [serve, ":8080"], env: [{name: GENERATION, value: first}], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}]
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo x >>/data/starts; exec sleep 1000"], volumeMounts: [{name: data, mountPath: /data}]}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: e2e.eventrig.dev/tool, args: [wait]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: work}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, "echo $JOB_COMPLETION_INDEX"]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: hopeless}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, exit 1]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      ttlSecondsAfterFinished: 600
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: e2e.eventrig.dev/shell, command: [sh, -c, echo tick]}]`

var _ = Describe("workloads", func() {
	It("roll out", func(ctx SpecContext) {
		t := newTenant(ctx)
		t.apply(workloads)
		apps, batch := t.client.AppsV1().RESTClient(), t.client.BatchV1().RESTClient()
		rolledOut := func(d *appsv1.Deployment) bool {
			return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 2 && d.Status.AvailableReplicas == 2 && d.Status.Replicas == 2
		}
		until(t, apps, "deployments", "web", "to roll out", rolledOut)
		until(t, apps, "statefulsets", "db", "to roll out", func(s *appsv1.StatefulSet) bool { return s.Status.ReadyReplicas == 2 })
		until(t, apps, "daemonsets", "agent", "to run on the node", func(d *appsv1.DaemonSet) bool { return d.Status.NumberReady == 1 })
		until(t, batch, "jobs", "work", "to complete", func(j *batchv1.Job) bool { return j.Status.Succeeded == 3 && j.Status.CompletionTime != nil })
		until(t, batch, "jobs", "hopeless", "to fail", func(j *batchv1.Job) bool {
			for _, c := range j.Status.Conditions {
				if c.Type == batchv1.JobFailed && c.Reason == "BackoffLimitExceeded" {
					return true
				}
			}
			return false
		})

		By("a new template")
		_, err := t.client.AppsV1().Deployments(t.namespace).Patch(ctx, "web", "application/strategic-merge-patch+json",
			[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"GENERATION","value":"second"}]}]}}}}`), metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())
		until(t, apps, "deployments", "web", "to roll out anew", func(d *appsv1.Deployment) bool { return d.Generation == 2 && rolledOut(d) })
		pods, err := t.client.CoreV1().Pods(t.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		Expect(err).NotTo(HaveOccurred())
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp == nil {
				Expect(t.does(pod.Name, "podtool", "env", "GENERATION")).To(Equal("GENERATION=second\n"))
			}
		}

		By("a replaced pod of a StatefulSet, which finds its volume")
		old := t.phase("db-0", corev1.PodRunning)
		Expect(t.client.CoreV1().Pods(t.namespace).Delete(ctx, "db-0", metav1.DeleteOptions{})).To(Succeed())
		t.pod("db-0", "to be another one", func(pod *corev1.Pod) bool { return pod.UID != old.UID && isReady(pod) })
		Eventually(ctx, func() string { return t.does("db-0", "cat", "/data/starts") }).Should(Equal("x\nx\n"))

		By("the next minute")
		until(t, batch, "cronjobs", "tick", "to have run", func(c *batchv1.CronJob) bool { return c.Status.LastSuccessfulTime != nil })
	}, NodeTimeout(podTimeout+time.Minute))
})

var _ = Describe("kubectl", func() {
	It("works from outside", func(ctx SpecContext) {
		t := newTenant(ctx)
		folder := GinkgoT().TempDir()
		kubectl := func(ctx context.Context, arguments ...string) *exec.Cmd {
			command := exec.CommandContext(ctx, filepath.Join(os.Getenv("EVENTRIG_BIN"), "eventrig-kube"), append([]string{"kubectl"}, arguments...)...)
			command.Env = append(os.Environ(), "KUBECONFIG="+shared.Status().Kubeconfig, "HOME="+folder)
			return command
		}
		run := func(arguments ...string) string {
			GinkgoHelper()
			command := kubectl(ctx, append([]string{"--namespace", t.namespace}, arguments...)...)
			var problems bytes.Buffer
			command.Stderr = &problems
			out, err := command.Output()
			Expect(err).NotTo(HaveOccurred(), "kubectl %v: %s%s", arguments, out, problems.String())
			return string(out)
		}
		manifest := filepath.Join(folder, "server.yaml")
		Expect(os.WriteFile(manifest, []byte(`
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: e2e.eventrig.dev/tool, command: [sh, -c, "echo hello from $HOSTNAME; exec podtool serve :8080"], readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}}
`), 0o644)).To(Succeed())
		Expect(run("get", "nodes")).To(ContainSubstring("Ready"))
		Expect(run("apply", "-f", manifest)).To(Equal("pod/server created\n"))
		Expect(run("apply", "-f", manifest)).To(Equal("pod/server unchanged\n"))
		Expect(run("wait", "--for=condition=Ready", "pod/server", "--timeout=60s")).To(Equal("pod/server condition met\n"))
		Expect(run("logs", "server")).To(ContainSubstring("hello from server\n"))
		Expect(run("exec", "server", "--", "cat", "/etc/hostname")).To(Equal("server\n"))
		Expect(run("get", "pod", "server", "-o", "jsonpath={.status.phase}")).To(Equal("Running"))
		Expect(run("describe", "pod", "server")).To(ContainSubstring("Started container main"))
		Expect(run("get", "events")).To(ContainSubstring("Successfully assigned"))

		By("copying files")
		sent, fetched := filepath.Join(folder, "sent"), filepath.Join(folder, "fetched")
		Expect(os.WriteFile(sent, bytes.Repeat([]byte("data\n"), 50_000), 0o644)).To(Succeed())
		run("cp", sent, "server:/tmp/there")
		run("cp", "server:/tmp/there", fetched)
		Expect(os.ReadFile(fetched)).To(Equal(bytes.Repeat([]byte("data\n"), 50_000)))

		By("forwarding a port")
		forward := kubectl(ctx, "--namespace", t.namespace, "port-forward", "pod/server", ":8080")
		out, err := forward.StdoutPipe()
		Expect(err).NotTo(HaveOccurred())
		Expect(forward.Start()).To(Succeed())
		defer func() {
			_ = forward.Process.Kill()
			_ = forward.Wait()
		}()
		var port int32
		line := make([]byte, 200)
		n, err := out.Read(line)
		Expect(err).NotTo(HaveOccurred())
		_, err = fmt.Sscanf(string(line[:n]), "Forwarding from 127.0.0.1:%d", &port)
		Expect(err).NotTo(HaveOccurred(), string(line[:n]))
		Expect(fetch(ctx, fmt.Sprintf("http://127.0.0.1:%d/", port))).To(Equal("server\n"))

		By("debugging and deleting")
		run("debug", "server", "--image="+shellImage, "--target=main", "--container=debug", "--", "sh", "-c", "cat /proc/1/comm")
		t.pod("server", "to have been debugged", func(pod *corev1.Pod) bool {
			return len(pod.Status.EphemeralContainerStatuses) == 1 && pod.Status.EphemeralContainerStatuses[0].State.Terminated != nil
		})
		Expect(strings.TrimSpace(run("logs", "server", "-c", "debug"))).To(Equal("podtool"))
		Expect(run("delete", "pod", "server")).To(ContainSubstring(`pod "server" deleted`))
	}, NodeTimeout(podTimeout))
})
