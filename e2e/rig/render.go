package rig

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventrig/eventrig/internal/argo"
)

// renderArgo begins to render Argo's own manifests while the control plane boots; the returned function waits for them.
func (r *Rig) renderArgo(ctx context.Context) func() ([]*unstructured.Unstructured, error) {
	render := sync.OnceValues(func() ([]*unstructured.Unstructured, error) {
		objects, err := argo.Render(ctx, argo.Versions{ArgoEvents: r.options.ArgoEvents, ArgoWorkflows: r.options.ArgoWorkflows})
		if err != nil {
			return nil, fmt.Errorf("render Argo's manifests: %w", err)
		}
		return objects, nil
	})
	go func() { _, _ = render() }() // who needs them gets the error
	return render
}

const (
	webhookName   = "webhook.argo-events.argoproj.io"
	webhookPort   = "443"
	webhookPeriod = 20 * time.Millisecond
)

// waitWebhook returns when argo-events' validating webhook is registered and answers. Its pod registers it some time
// after it runs, and an API server that finds nobody behind it lets every manifest pass, as its policy is to be ignored.
func (r *Rig) waitWebhook(ctx context.Context) error {
	if err := r.waitDeployment(ctx, eventsNamespace, webhookDeployment); err != nil {
		return err
	}
	ticker := time.NewTicker(webhookPeriod)
	defer ticker.Stop()
	for !r.webhookAnswers(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the validating webhook: %w\n%s", context.Cause(ctx), r.podTroubles(eventsNamespace, ""))
		case <-ticker.C: // the end of its start is nowhere to be watched
		}
	}
	return nil
}

func (r *Rig) webhookAnswers(ctx context.Context) bool {
	if _, err := r.client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, webhookName, metav1.GetOptions{}); err != nil {
		return false
	}
	pods, err := r.client.CoreV1().Pods(eventsNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + webhookDeployment})
	if err != nil {
		return false
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == "" {
			continue
		}
		if connection, err := r.sandbox.Dial(ctx, "tcp", net.JoinHostPort(pod.Status.PodIP, webhookPort)); err == nil {
			_ = connection.Close() // it was only to be accepted
			return true
		}
	}
	return false
}
