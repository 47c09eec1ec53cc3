package rig

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/eventrig/eventrig/e2e/observe"
)

// Listen listens on the rig's own network, where pods and the API server reach it: for what a test serves itself, such as
// an admission webhook. 10.244.0.1 is the address of the node.
func (r *Rig) Listen(network, address string) (net.Listener, error) {
	return r.sandbox.Listen(network, address)
}

// Dial connects to an address on the rig's own network: a pod, a Service's cluster address, the node.
func (r *Rig) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return r.sandbox.Dial(ctx, network, address)
}

// metrics asks the pod of an EventSource or a Sensor for its metrics.
func (r *Rig) metrics(ctx context.Context, address string) (io.ReadCloser, error) {
	target := "http://" + net.JoinHostPort(address, strconv.Itoa(observe.MetricsPort)) + "/metrics"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: r.sandbox.Dial, DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for metrics: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("ask for metrics at %s: %s", target, answer.Status)
	}
	return answer.Body, nil
}
