package rig

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
)

// shownAnswer is how much of an answer that was not wanted an error shows.
const shownAnswer = 1024

// ComposeWebhook makes what a webhook step posts to an EventSource, without what sends it. It needs no rig.
func ComposeWebhook(source *v1alpha1.EventSource, step scenario.Webhook) (scenario.Message, error) {
	name := source.Namespace + "/" + source.Name
	if _, ok := source.Spec.Webhook[step.Event]; !ok {
		return scenario.Message{}, failure.New(failure.BadInput, "name one of spec.webhook", "EventSource %s has no webhook event %q", name, step.Event)
	}
	published, err := webhookCall(name, step)
	return scenario.Message{Published: published, Silent: cmp.Or(step.Status, http.StatusOK) != http.StatusOK}, err
}

// webhookCall is what the EventSource of that name gets of a webhook step: a text as it is, any other body as JSON, and the
// header that Go's client and server leave on the way.
func webhookCall(source string, step scenario.Webhook) (scenario.Published, error) {
	var body []byte
	if text, isText := step.Body.(string); isText {
		body = []byte(text)
	} else if step.Body != nil {
		var err error
		if body, err = json.Marshal(step.Body); err != nil {
			return scenario.Published{}, failure.New(failure.BadInput, "", "encode the webhook's body: %w", err)
		}
	}
	header := http.Header{"User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"}, "Connection": {"close"}, "Content-Length": {strconv.Itoa(len(body))}}
	setHeader(header, step)
	return scenario.Published{Source: source + "/" + step.Event, Body: body, Header: header, EventType: "webhook"}, nil
}

// setHeader sets what a webhook step's call says of itself.
func setHeader(header http.Header, step scenario.Webhook) {
	header.Set("Content-Type", "application/json")
	for name, value := range step.Headers {
		header.Set(name, value)
	}
}

// webhook makes the call of a webhook step.
func (r *Rig) webhook(step scenario.Webhook) (scenario.Message, error) {
	source, err := r.observer.EventSource(step.EventSource)
	if err != nil {
		return scenario.Message{}, err
	}
	message, err := ComposeWebhook(source, step)
	if err != nil {
		return scenario.Message{}, err
	}
	name, hook, body, want := source.Namespace+"/"+source.Name, source.Spec.Webhook[step.Event], message.Body, cmp.Or(step.Status, http.StatusOK)
	message.Send = func(ctx context.Context) error {
		host, err := r.webhookHost(ctx, source)
		if err != nil {
			return err
		}
		address := url.URL{Scheme: "http", Host: net.JoinHostPort(host, hook.Port), Path: hook.Endpoint}
		request, err := http.NewRequestWithContext(ctx, cmp.Or(step.Method, hook.Method, http.MethodPost), address.String(), bytes.NewReader(body))
		if err != nil {
			return failure.New(failure.BadInput, "", "make the call: %w", err)
		}
		setHeader(request.Header, step)
		client := &http.Client{Transport: &http.Transport{DialContext: r.sandbox.Dial, DisableKeepAlives: true}}
		answer, err := client.Do(request)
		if err != nil {
			return failure.New(failure.Check, "see the log of its pod", "call EventSource %s: %w", name, err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != want {
			text, _ := io.ReadAll(io.LimitReader(answer.Body, shownAnswer)) // for the message only
			return failure.New(failure.Check, "compare method and body with the EventSource's spec.webhook", "EventSource %s answered %s %s with %s, want %d: %s",
				name, request.Method, address.String(), answer.Status, want, strings.TrimSpace(string(text)))
		}
		return nil
	}
	return message, nil
}

// webhookHost is where an EventSource is called: at its Service, or at its pod where it has none.
func (r *Rig) webhookHost(ctx context.Context, source *v1alpha1.EventSource) (string, error) {
	selector := v1alpha1.LabelEventSourceName + "=" + source.Name
	services, err := r.client.CoreV1().Services(source.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return "", fmt.Errorf("find the Service of EventSource %s/%s: %w", source.Namespace, source.Name, err)
	}
	for _, service := range services.Items {
		if ip := service.Spec.ClusterIP; ip != "" && ip != corev1.ClusterIPNone {
			return ip, nil
		}
	}
	pods, err := r.client.CoreV1().Pods(source.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return "", fmt.Errorf("find the pod of EventSource %s/%s: %w", source.Namespace, source.Name, err)
	}
	for _, pod := range pods.Items {
		if pod.Status.PodIP != "" && pod.DeletionTimestamp == nil {
			return pod.Status.PodIP, nil
		}
	}
	return "", failure.New(failure.Check, "", "EventSource %s/%s has neither a Service nor a pod", source.Namespace, source.Name)
}
