package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"k8s.io/client-go/dynamic"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/images"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/logfile"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// startObserver begins to watch the cluster and the simulators' journals.
func (r *Rig) startObserver(ctx context.Context) (err error) {
	defer r.watch.phase("observer")(&err)
	if r.ledger, err = ledger.Open(filepath.Join(r.folder, "ledger.jsonl")); err != nil {
		return err
	}
	r.onClose(r.ledger.Close)
	client, err := dynamic.NewForConfig(r.cluster.REST())
	if err != nil {
		return fmt.Errorf("make dynamic client: %w", err)
	}
	r.observer, err = observe.Start(ctx, observe.Config{
		Kube: r.client, Dynamic: client, Ledger: r.ledger, Journals: r.journals, Metrics: r.metrics, Queue: r.queue,
		Audit: func(ctx context.Context) (io.ReadCloser, error) { return logfile.Follow(ctx, r.cluster.AuditLog()) },
	})
	if err != nil {
		return fmt.Errorf("watch the cluster: %w", err)
	}
	r.onClose(func() error { r.observer.Close(); return nil })
	r.observeRequests()
	return r.keepPodLogs()
}

// becomeReady waits until every EventSource consumes and every Sensor is subscribed: a Sensor on STAN never sees what was
// published before that. It gives up when one of their pods waits for an image that nothing stands behind, or after ReadyTimeout.
func (r *Rig) becomeReady(ctx context.Context) (err error) {
	defer r.watch.phase("EventSources and Sensors ready")(&err)
	limited, stop := r.limited(ctx)
	defer stop()
	watched, cancel := context.WithCancelCause(limited)
	concerned := append(r.busNamespaces(), eventsNamespace, workflowsNamespace)
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer cancel(nil) // before the wait
	for _, name := range concerned {
		watchers.Go(func() {
			if err := r.missingImage(watched, name); err != nil {
				cancel(err)
			}
		})
	}
	if err := r.observer.Ready(watched); err != nil {
		if ended := r.Err(); ended != nil {
			return ended // the pods have nothing to do with it
		}
		first := err
		var image *imageError
		if errors.As(context.Cause(watched), &image) {
			first = image
		}
		trouble := ""
		for _, name := range concerned {
			trouble += r.podTroubles(name, err.Error())
		}
		trouble += brokerTroubles(r.broker.Log())
		return failure.New(failure.Environment, failure.Hint(first), "%w\n%s", first, strings.TrimRight(trouble, "\n"))
	}
	r.ready = r.Elapsed()
	return nil
}

// limited gives a wait for pods ReadyTimeout at most.
func (r *Rig) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.options.ReadyTimeout, fmt.Errorf("no sign of it within %s", r.options.ReadyTimeout))
}

// ReadySeconds is the time from the start of the boot until every EventSource consumed and every Sensor was subscribed.
func (r *Rig) ReadySeconds() float64 { return r.ready.Seconds() }

// publishStatus makes the rig reachable from outside, over loopback, and writes how.
func (r *Rig) publishStatus() error {
	forward := func(inside string) (string, error) {
		host, stop, err := r.sandbox.Forward(inside)
		if err != nil {
			return "", fmt.Errorf("forward %s: %w", inside, err)
		}
		r.onClose(func() error { stop(); return nil })
		return host, nil
	}
	inside := func(port int) string { return net.JoinHostPort(embedded.NodeAddress, strconv.Itoa(port)) }
	api, err1 := forward(r.cluster.APIAddress())
	amqpURL, err2 := r.hostAMQP(forward)
	nautobot, err3 := forward(inside(nautobotPort))
	keystone, err4 := forward(inside(openstackPort))
	netapp, err5 := forward(inside(ontapPort))
	syncer, err6 := forward(inside(undersyncPort))
	management, err7 := r.serveManagement()
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return err
	}
	kubeconfig := filepath.Join(r.folder, "kubeconfig")
	if err := r.cluster.WriteKubeconfig(kubeconfig, api); err != nil {
		return err
	}
	clouds := filepath.Join(r.folder, "clouds.yaml")
	authURL := "http://" + keystone + "/v3"
	if err := os.WriteFile(clouds, []byte(openstack.CloudsYAML(authURL)), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", clouds, err)
	}
	trusted := filepath.Join(r.folder, "simulators-ca.crt")
	if err := os.WriteFile(trusted, r.authority.PEM(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", trusted, err)
	}
	r.versions["kubernetes"] = images.KubeVersion
	r.status = Status{
		Name: r.options.Name, Tier: Tier, Kubeconfig: kubeconfig,
		AMQP:       AMQPStatus{URL: amqpURL, VHosts: vhosts(r.services), Management: management},
		Nautobot:   NautobotStatus{URL: "http://" + nautobot, Token: nautobotToken},
		OpenStack:  OpenStackStatus{AuthURL: authURL, CloudsYAML: clouds},
		ONTAP:      ONTAPStatus{URL: "https://" + netapp, Username: ontap.DefaultUsername, Password: ontap.DefaultPassword, CAFile: trusted},
		Undersync:  UndersyncStatus{URL: "http://" + syncer, Token: undersync.DefaultToken},
		Namespaces: namespaces, Versions: r.versions, Folder: r.folder, PID: os.Getpid(),
	}
	return r.status.write()
}

func vhosts(services []broker.Service) []string {
	var all []string
	for _, service := range services {
		all = append(all, service.VHost)
	}
	return all
}

// PeakMemoryBytes is the highest memory use (proportional set size) of everything in the rig that was sampled.
func (r *Rig) PeakMemoryBytes() (int64, error) { return r.sandbox.PeakPSS() }
