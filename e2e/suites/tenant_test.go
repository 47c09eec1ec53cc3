package suites_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/remotecommand"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/yaml"

	"github.com/eventrig/eventrig/internal/await"
)

// podTimeout bounds a spec about pods. Each takes seconds; a busy machine may take much longer.
const podTimeout = 2 * time.Minute

// tenant is a namespace of the shared rig that one spec has to itself, reached from outside by the rig's kubeconfig, as a
// user's own client would.
type tenant struct {
	ctx       context.Context
	client    kubernetes.Interface
	config    *rest.Config
	namespace string
}

func newTenant(ctx SpecContext) tenant {
	GinkgoHelper()
	config := configOf(shared)
	client, err := kubernetes.NewForConfig(config)
	Expect(err).NotTo(HaveOccurred())
	made, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "spec-"}}, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) error {
		now := int64(0)
		pods := client.CoreV1().Pods(made.Name)
		return errors.Join(pods.DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{}),
			client.CoreV1().Namespaces().Delete(ctx, made.Name, metav1.DeleteOptions{}))
	}, NodeTimeout(20*time.Second))
	t := tenant{ctx: ctx, client: client, config: config, namespace: made.Name}
	// Without it a pod is refused.
	until(t, client.CoreV1().RESTClient(), "serviceaccounts", "default", "to exist", func(*corev1.ServiceAccount) bool { return true })
	return t
}

// apply creates objects from YAML documents, in the tenant's namespace.
func (t tenant) apply(documents ...string) {
	GinkgoHelper()
	var objects []map[string]any
	for _, text := range documents {
		for document := range strings.SplitSeq(text, "\n---\n") {
			var object map[string]any
			Expect(yaml.Unmarshal([]byte(document), &object)).To(Succeed(), document)
			metadata, _ := object["metadata"].(map[string]any)
			metadata["namespace"] = t.namespace
			objects = append(objects, object)
		}
	}
	_, _, err := shared.Apply(t.ctx, objects) // they go with the tenant's namespace
	Expect(err).NotTo(HaveOccurred())
}

// until waits until an object is as wanted and returns it.
func until[T runtime.Object](t tenant, client rest.Interface, resource, name, what string, holds func(T) bool) T {
	GinkgoHelper()
	last, err := await.Object(t.ctx, client, resource, t.namespace, name, holds)
	if err != nil {
		seen, _ := json.MarshalIndent(last, "", " ")
		Fail(fmt.Sprintf("wait for %s %s %s: %v; last seen:\n%s\n%s", resource, name, what, err, seen, t.events()))
	}
	return last
}

// pod waits until a pod is as wanted.
func (t tenant) pod(name, what string, holds func(*corev1.Pod) bool) *corev1.Pod {
	GinkgoHelper()
	return until(t, t.client.CoreV1().RESTClient(), "pods", name, what, holds)
}

// phase waits until a pod is in a phase.
func (t tenant) phase(name string, want corev1.PodPhase) *corev1.Pod {
	GinkgoHelper()
	return t.pod(name, "to be "+string(want), func(pod *corev1.Pod) bool { return pod.Status.Phase == want })
}

// succeeded waits for a pod's end and returns the log of its first container.
func (t tenant) succeeded(name string) string {
	GinkgoHelper()
	pod := t.pod(name, "to end", func(pod *corev1.Pod) bool {
		return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	})
	log := t.log(name, pod.Spec.Containers[0].Name)
	Expect(pod.Status.Phase).To(Equal(corev1.PodSucceeded), "%s: %+v\n%s\n%s", name, pod.Status.ContainerStatuses, log, t.events())
	return log
}

// ready waits until a pod is Ready.
func (t tenant) ready(name string) *corev1.Pod {
	GinkgoHelper()
	return t.pod(name, "to be ready", isReady)
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// gone waits until a pod is deleted.
func (t tenant) gone(name string) {
	GinkgoHelper()
	source := cache.NewListWatchFromClient(t.client.CoreV1().RESTClient(), "pods", t.namespace, fields.OneTermEqualSelector("metadata.name", name))
	_, err := watchtools.UntilWithSync(t.ctx, source, &corev1.Pod{}, func(store cache.Store) (bool, error) {
		return len(store.List()) == 0, nil
	}, func(event watch.Event) (bool, error) { return event.Type == watch.Deleted, nil })
	Expect(err).NotTo(HaveOccurred(), "wait for the end of pod "+name)
}

func (t tenant) log(pod, container string) string {
	GinkgoHelper()
	return t.logWith(pod, &corev1.PodLogOptions{Container: container})
}

func (t tenant) logWith(pod string, options *corev1.PodLogOptions) string {
	GinkgoHelper()
	data, err := t.client.CoreV1().Pods(t.namespace).GetLogs(pod, options).DoRaw(t.ctx)
	Expect(err).NotTo(HaveOccurred())
	return string(data)
}

// logs waits until a running container has logged a text.
func (t tenant) logs(pod, container, text string) {
	GinkgoHelper()
	t.phase(pod, corev1.PodRunning)
	stream, err := t.client.CoreV1().Pods(t.namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, Follow: true}).Stream(t.ctx)
	Expect(err).NotTo(HaveOccurred())
	defer stream.Close()
	var seen bytes.Buffer
	chunk := make([]byte, 4096)
	for !strings.Contains(seen.String(), text) {
		n, err := stream.Read(chunk)
		seen.Write(chunk[:n])
		if err != nil && !strings.Contains(seen.String(), text) {
			Fail(fmt.Sprintf("wait for %q in the log of %s: %v; it is\n%s", text, pod, err, seen.String()))
		}
	}
}

// event waits for an Event about an object whose message holds a text.
func (t tenant) event(name, text string) *corev1.Event {
	GinkgoHelper()
	var found *corev1.Event
	source := cache.NewListWatchFromClient(t.client.CoreV1().RESTClient(), "events", t.namespace, fields.OneTermEqualSelector("involvedObject.name", name))
	_, err := watchtools.UntilWithSync(t.ctx, source, &corev1.Event{}, nil, func(event watch.Event) (bool, error) {
		object, right := event.Object.(*corev1.Event)
		if right && strings.Contains(object.Message, text) {
			found = object
		}
		return found != nil, nil
	})
	Expect(err).NotTo(HaveOccurred(), "no event of %s says %q:\n%s", name, text, t.events())
	return found
}

// events are the namespace's, for a failure's text.
func (t tenant) events() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), 5*time.Second)
	defer cancel()
	list, err := t.client.CoreV1().Events(t.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for _, event := range list.Items {
		fmt.Fprintf(&text, "%s %s %s: %s\n", event.Type, event.InvolvedObject.Name, event.Reason, event.Message)
	}
	return text.String()
}

// exec runs a command in a pod's container (the first one for "") and returns what it says.
func (t tenant) exec(pod, container string, command ...string) (stdout string, err error) {
	var out, problems bytes.Buffer
	err = t.stream(pod, "exec", &corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true},
		remotecommand.StreamOptions{Stdout: &out, Stderr: &problems})
	if err != nil {
		err = fmt.Errorf("%w: %s", err, problems.String())
	}
	return out.String(), err
}

// does is exec of what must succeed.
func (t tenant) does(pod string, command ...string) string {
	GinkgoHelper()
	out, err := t.exec(pod, "", command...)
	Expect(err).NotTo(HaveOccurred(), "%s: %v", pod, command)
	return out
}

// stream connects to a subresource of a pod by WebSocket, as kubectl does.
func (t tenant) stream(pod, subresource string, parameters runtime.Object, options remotecommand.StreamOptions) error {
	request := t.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(t.namespace).Name(pod).SubResource(subresource).
		VersionedParams(parameters, scheme.ParameterCodec)
	executor, err := remotecommand.NewWebSocketExecutor(t.config, http.MethodGet, request.URL().String())
	if err != nil {
		return err
	}
	return executor.StreamWithContext(t.ctx, options)
}

// typed is a keyboard: what is written to it comes out, and it stays open.
type typed struct {
	io.Reader
	io.Writer
}

func keyboard() typed {
	reader, writer := io.Pipe()
	DeferCleanup(func() { _ = writer.Close() })
	return typed{reader, writer}
}

func nodeURL(host string, port int32) string { return fmt.Sprintf("http://%s:%d/", host, port) }

// fromNode asks an HTTP server as a process on the node's own network does.
func (t tenant) fromNode(host string, port int32) string {
	GinkgoHelper()
	return strings.TrimSpace(fetchBy(t.ctx, &http.Transport{DialContext: shared.Dial, DisableKeepAlives: true}, nodeURL(host, port)))
}

// fetch returns the body of a page.
func fetch(ctx context.Context, address string) string {
	GinkgoHelper()
	return fetchBy(ctx, &http.Transport{DisableKeepAlives: true}, address)
}

func fetchBy(ctx context.Context, transport *http.Transport, address string) string {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	Expect(err).NotTo(HaveOccurred())
	response, err := (&http.Client{Transport: transport}).Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(body)
}
