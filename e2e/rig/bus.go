package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	busMonitor  = "8222" // the port on which every NATS server that stands behind a bus tells how it is
	busPeriod   = 50 * time.Millisecond
	busPatience = 15 * time.Second
)

// busSelectors name the pods of a bus: those that argo-events makes, and those of manifests/eventbus/jetstream-exotic.
var busSelectors = map[string]string{
	BusSTAN: "controller=eventbus-controller", BusJetStream: "controller=eventbus-controller", BusJetStreamExotic: "app=nats",
}

// waitBus returns when the bus of every namespace has a leader. Clients that ask earlier wait for time-outs of theirs of 2
// to 5 s. It decides nothing: a bus that does not come up is noticed, and explained, by EventSources and Sensors that do
// not become ready, so that after a while this lets them try.
func (r *Rig) waitBus(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, busPatience)
	defer cancel()
	ticker := time.NewTicker(busPeriod)
	defer ticker.Stop()
	client := &http.Client{Transport: &http.Transport{DialContext: r.sandbox.Dial, DisableKeepAlives: true}, Timeout: 2 * time.Second}
	for _, namespace := range r.busNamespaces() {
		for !r.busLed(patient, client, namespace) {
			select {
			case <-patient.Done():
				if ctx.Err() != nil {
					return fmt.Errorf("wait for the EventBus in %s: %w", namespace, context.Cause(ctx))
				}
				return nil
			case <-ticker.C: // its servers tell nobody, they can only be asked
			}
		}
	}
	return nil
}

// busLed says whether the bus has a leader. All the servers of a native JetStream must know it: a stream that is made
// while one has yet to join waits for its own leader for a second or three.
func (r *Rig) busLed(ctx context.Context, client *http.Client, namespace string) bool {
	pods, err := r.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: busSelectors[r.options.Bus]})
	if err != nil {
		return false
	}
	healthy := 0
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == "" {
			continue
		}
		base := "http://" + net.JoinHostPort(pod.Status.PodIP, busMonitor)
		if r.options.Bus != BusSTAN {
			if _, status := fetch(ctx, client, base+"/healthz"); status == http.StatusOK {
				healthy++
			}
			continue
		}
		var server struct {
			Role string `json:"role"`
		}
		if body, _ := fetch(ctx, client, base+"/streaming/serverz"); json.Unmarshal(body, &server) == nil && server.Role == "Leader" {
			return true
		}
	}
	return r.options.Bus != BusSTAN && healthy >= r.busServers(namespace)
}

// busServers is how many servers the bus of a namespace has, as its manifest says: argo-events makes three of a native
// JetStream that says nothing.
func (r *Rig) busServers(namespace string) int {
	if r.options.Bus != BusJetStream {
		return 1
	}
	for _, object := range r.manifests.bus {
		if object.GetKind() != "EventBus" || object.GetNamespace() != namespace {
			continue
		}
		if replicas, found, err := unstructured.NestedInt64(object.Object, "spec", "jetstream", "replicas"); err == nil && found {
			return int(replicas)
		}
	}
	return 3
}

// fetch asks once; no answer is status 0.
func fetch(ctx context.Context, client *http.Client, url string) (body []byte, status int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, 0
	}
	return body, response.StatusCode
}
