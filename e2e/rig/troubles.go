package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// troubleTimeout bounds the search for what went wrong, once something has.
const troubleTimeout = 10 * time.Second

// The ends of what an error shows: the newest lines of a container's log, the newest warnings of a namespace, the
// newest complaints of RabbitMQ.
const (
	shownLogLines = 10
	shownEvents   = 10
	shownLine     = 400 // characters; Argo's debug lines hold whole messages

	shownComplaints = 6
)

// imageError says that a pod can never start because nothing stands behind its image.
type imageError struct{ pod, container, message string }

func (e *imageError) Error() string {
	return fmt.Sprintf("pod %s, container %s cannot start: %s", e.pod, e.container, e.message)
}

// missingImage watches a namespace's pods until one of Argo's waits for an image that cannot be had; nil when ctx ends
// first. That another pod of the manifests waits for one is only told: the chain may do without it.
func (r *Rig) missingImage(ctx context.Context, namespace string) error {
	told := map[types.UID]bool{}
	for ctx.Err() == nil {
		watcher, err := r.client.CoreV1().Pods(namespace).Watch(ctx, metav1.ListOptions{})
		if err != nil {
			return nil // whoever waits for the pods meets it too, and says it
		}
		for event := range watcher.ResultChan() {
			pod, isPod := event.Object.(*corev1.Pod)
			if !isPod {
				continue
			}
			missing := imageOf(pod)
			if missing == nil || told[pod.UID] {
				continue
			}
			if isArgos(pod) {
				watcher.Stop()
				return missing
			}
			told[pod.UID] = true
			r.options.Log("warning: %v", missing)
		}
	}
	return nil
}

// isArgos tells whether a pod is one of Argo's own, or one that it made for an EventBus, EventSource or Sensor.
func isArgos(pod *corev1.Pod) bool {
	if pod.Namespace == eventsNamespace || pod.Namespace == workflowsNamespace {
		return true
	}
	for _, label := range []string{"eventbus-name", v1alpha1.LabelEventSourceName, v1alpha1.LabelSensorName} {
		if pod.Labels[label] != "" {
			return true
		}
	}
	return false
}

// brokerTroubles returns the newest complaints of RabbitMQ, such as a login that it refused.
func brokerTroubles(log string) string {
	data, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	var complaints []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "[error]") || strings.Contains(line, "[warning]") {
			complaints = append(complaints, line)
		}
	}
	if len(complaints) == 0 {
		return ""
	}
	return "RabbitMQ's log:\n" + indent(strings.Join(complaints[max(0, len(complaints)-shownComplaints):], ""))
}

// imageOf returns what keeps a pod from its image.
func imageOf(pod *corev1.Pod) error {
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		waiting := status.State.Waiting
		if waiting != nil && slices.Contains([]string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName"}, waiting.Reason) {
			return &imageError{pod.Namespace + "/" + pod.Name, status.Name, waiting.Message}
		}
	}
	return nil
}

// podTroubles describes the pods of a namespace that are not ready, or that named mentions: container states, the ends of
// their logs, and the namespace's warnings. It is for error messages, so it never fails itself.
func (r *Rig) podTroubles(namespace, named string) string {
	ctx, cancel := context.WithTimeout(context.Background(), troubleTimeout)
	defer cancel()
	pods, err := r.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "the pods of " + namespace + " could not be listed: " + err.Error() + "\n"
	}
	var text strings.Builder
	for _, pod := range pods.Items {
		for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			done := container.State.Terminated != nil && container.State.Terminated.ExitCode == 0
			if (container.Ready || done) && !strings.Contains(named, pod.Name) {
				continue
			}
			fmt.Fprintf(&text, "pod %s/%s, container %s: %s\n", namespace, pod.Name, container.Name, containerState(container))
			text.WriteString(r.podLog(ctx, namespace, pod.Name, container.Name))
		}
	}
	events, err := r.client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		return text.String()
	}
	warnings := events.Items
	slices.SortFunc(warnings, func(a, b corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) })
	for _, event := range warnings[max(0, len(warnings)-shownEvents):] {
		fmt.Fprintf(&text, "event %s %s/%s: %s: %s\n", event.InvolvedObject.Kind, namespace, event.InvolvedObject.Name, event.Reason, event.Message)
	}
	return text.String()
}

func containerState(status corev1.ContainerStatus) string {
	restarts := ""
	if status.RestartCount > 0 {
		restarts = fmt.Sprintf(", restarted %d times", status.RestartCount)
	}
	switch state := status.State; {
	case state.Waiting != nil:
		return strings.TrimSpace("waiting: "+state.Waiting.Reason+" "+state.Waiting.Message) + restarts
	case state.Terminated != nil:
		return strings.TrimSpace(fmt.Sprintf("ended with %d: %s %s", state.Terminated.ExitCode, state.Terminated.Reason, state.Terminated.Message)) + restarts
	case status.Ready:
		return "running" + restarts
	default:
		return "running but not ready" + restarts
	}
}

// podLog returns the last lines of a container, indented.
func (r *Rig) podLog(ctx context.Context, namespace, pod, container string) string {
	lines := int64(shownLogLines)
	data, err := r.client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container, TailLines: &lines}).DoRaw(ctx)
	if err != nil {
		return ""
	}
	return indent(string(data))
}

// indent sets a log off from the text around it and makes its lines readable.
func indent(text string) string {
	var indented strings.Builder
	for line := range strings.Lines(text) {
		line = plain(strings.TrimRight(line, "\n"))
		if len(line) > shownLine {
			line = strings.ToValidUTF8(line[:shownLine], "") + " …"
		}
		indented.WriteString("    " + line + "\n")
	}
	return indented.String()
}

// plain makes words of a line of Argo Events' JSON log; other lines it leaves as they are.
func plain(line string) string {
	var entry struct{ Level, Msg, Error, EventName, TriggerName string }
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg == "" {
		return line
	}
	text := strings.TrimSpace(entry.Level + " " + entry.Msg)
	for _, detail := range []string{entry.EventName, entry.TriggerName, entry.Error} {
		if detail != "" {
			text += ": " + detail
		}
	}
	return text
}
