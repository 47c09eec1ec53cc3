// Package rig starts, holds and stops a rig: RabbitMQ, a Kubernetes cluster with Argo Events and Argo Workflows, a
// simulated Nautobot and a simulated OpenStack cloud, and the manifests under test.
//
// In: Options. Out: a Rig whose EventSources consume and whose Sensors are subscribed. A Rig is what scenarios run
// against (e2e/scenario) and what a user's own Go test imports. Everything that a rig makes lies in its folder and in
// its sandbox, and goes with Close or with the process that started it.
package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/authority"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/cluster/embedded"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
	"github.com/eventrig/eventrig/internal/sandbox"
	"github.com/eventrig/eventrig/simulators/nautobot"
	"github.com/eventrig/eventrig/simulators/ontap"
	"github.com/eventrig/eventrig/simulators/openstack"
	"github.com/eventrig/eventrig/simulators/oslo"
	"github.com/eventrig/eventrig/simulators/undersync"
)

// Tier is the tier that this package's rigs run at.
const Tier = "embedded"

// Rig is a running rig.
type Rig struct {
	options Options
	folder  string
	lock    *os.File
	watch   *stopwatch
	ready   time.Duration // from the start of the boot until EventSources and Sensors were ready

	sandbox    *sandbox.Sandbox
	cluster    *embedded.Cluster
	client     kubernetes.Interface
	applier    *apply.Applier
	services   []broker.Service
	broker     *broker.Broker
	publishers *oslo.Publishers // one per virtual host, as each OpenStack service keeps a connection of its own
	own        *space           // the simulators that everybody reaches
	spaces     spaces           // those of scenarios
	doors      []*door          // where the simulators listen
	turns      scenario.Turns
	followed   map[sending]string   // keys of messages that were sent from Go
	authority  *authority.Authority // of what the rig serves over TLS
	ledger     *ledger.Ledger
	observer   *observe.Observer
	manifests  tested
	upstream   func() ([]*unstructured.Unstructured, error) // Argo's own manifests, once they are rendered
	status     Status
	versions   map[string]string
	mu         sync.Mutex

	failing sync.Once
	failed  chan struct{} // closed when a part has ended by itself
	failure error         // which and why; valid after failed

	closeBegun chan struct{} // closed when Close begins: what ends from then on is meant to
	closersMu  sync.Mutex
	closers    []func() error
	closing    sync.Once
	closed     error
}

// Prepared is what a rig needs before it can boot: manifests that are read, programs that are built. Nothing of it runs.
type Prepared struct {
	rig      *Rig
	programs programs
}

// Prepare reads the manifests and finds what a rig runs, or builds it. The first time on a machine that takes many
// minutes, which is why it is a step of its own: a caller's time limit for the rig itself begins with Prepared.Start.
// Bad input and a RabbitMQ that is missing are found before anything is built.
func Prepare(ctx context.Context, options Options) (*Prepared, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	r := &Rig{options: options, watch: newStopwatch(options.Progress), versions: map[string]string{}, services: brokerServices(),
		failed: make(chan struct{}), closeBegun: make(chan struct{})}
	r.publishers = oslo.NewPublishers(func(ctx context.Context, vhost string) (*amqp.Connection, error) { return r.broker.Connect(ctx, vhost) })
	if r.manifests, err = loadManifests(options); err != nil {
		return nil, err
	}
	if options.ownBroker() {
		if _, err := broker.FindServer(); err != nil {
			return nil, err
		}
	}
	programs, err := r.findPrograms(ctx)
	if err != nil {
		return nil, err
	}
	return &Prepared{rig: r, programs: programs}, nil
}

// Start prepares a rig, boots it and returns when it is ready. Whatever it had made is taken down again when it fails;
// the error then has the class that decides the exit status, and a hint.
func Start(ctx context.Context, options Options) (*Rig, error) {
	prepared, err := Prepare(ctx, options)
	if err != nil {
		return nil, err
	}
	return prepared.Start(ctx)
}

// Start boots the rig, once, and returns when it is ready; the errors are those of the function Start.
func (p *Prepared) Start(ctx context.Context) (_ *Rig, err error) {
	r := p.rig
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.folder, err = makeFolder(r.options.Name); err != nil {
		return nil, err
	}
	r.onClose(func() error { return os.RemoveAll(r.folder) })
	if r.lock, err = hold(r.folder); err != nil {
		return nil, r.explain(ctx, err)
	}
	r.onClose(r.lock.Close)
	if err := r.boot(ctx, p.programs); err != nil {
		return nil, r.explain(ctx, err)
	}
	if err := r.publishStatus(); err != nil {
		return nil, r.explain(ctx, err)
	}
	return r, nil
}

// boot starts everything, side by side where nothing forces an order.
func (r *Rig) boot(ctx context.Context, programs programs) error {
	images := filepath.Join(r.folder, "images.json")
	if err := r.servePulls(&programs.catalogue); err != nil {
		return err
	}
	if err := programs.catalogue.Write(images); err != nil {
		return fmt.Errorf("write image catalogue: %w", err)
	}
	if !r.options.ownBroker() {
		// First, because it is refused for reasons that nothing else depends on, and left last.
		if err := r.joinBroker(ctx); err != nil {
			return err
		}
	}
	run := embedded.Tmpfs(r.folder) // asked once: the answer depends on what lies on the host at the moment
	end := r.watch.phase("sandbox")
	inside, err := sandbox.Start(ctx, sandbox.Config{
		Dir: r.folder, Supervisor: programs.supervisor, Log: filepath.Join(r.folder, "logs", "sandbox.log"),
		Tmpfs:     []string{run, filepath.Join(brokerFolder(r.folder), "data")},
		Addresses: embedded.LoopbackAddresses(),
	})
	end(&err)
	if err != nil {
		return err
	}
	r.sandbox = inside
	if err := r.makeSimulators(); err != nil {
		return err
	}
	r.onClose(inside.Close)
	r.sampleMemory()

	// Nobody waits any longer for a rig that has lost a part.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-r.failed:
			cancel(r.Err())
		case <-ctx.Done():
		}
	}()
	group, groupContext := errgroup.WithContext(ctx)
	r.upstream = r.renderArgo(groupContext)
	group.Go(func() error { return r.startBroker(groupContext) })
	group.Go(func() error { return r.startSimulators() })
	group.Go(func() error {
		if err := r.startCluster(groupContext, run, images, programs); err != nil {
			return err
		}
		return r.install(groupContext)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return r.becomeReady(ctx)
}

func (r *Rig) startCluster(ctx context.Context, run, images string, programs programs) error {
	end := r.watch.phase("control plane")
	cluster, err := embedded.Start(ctx, r.sandbox, embedded.Config{
		Dir: r.folder, Run: run, Images: images,
		Binaries: embedded.Binaries{Kube: programs.kube, Shim: programs.shim},
	})
	end(&err)
	if err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	r.cluster = cluster
	go func() {
		select {
		case <-cluster.Failed():
			r.fail(cluster.Err())
		case <-r.closeBegun:
		}
	}()
	if r.client, err = kubernetes.NewForConfig(cluster.REST()); err != nil {
		return fmt.Errorf("make API client: %w", err)
	}
	if r.applier, err = apply.New(cluster.REST()); err != nil {
		return err
	}
	return nil
}

// onClose adds what Close is to do, before what was added earlier.
func (r *Rig) onClose(closer func() error) {
	r.closersMu.Lock()
	defer r.closersMu.Unlock()
	r.closers = append(r.closers, closer)
}

// Close takes the rig down: nothing of it is left, its folder neither. It may be called more than once.
func (r *Rig) Close() error {
	r.closing.Do(func() {
		close(r.closeBegun)
		var all []error
		for i := len(r.closers) - 1; i >= 0; i-- {
			all = append(all, r.closers[i]())
		}
		r.closed = errors.Join(all...)
	})
	return r.closed
}

// fail notes that a part of the rig has ended by itself; the first one counts.
func (r *Rig) fail(err error) {
	r.failing.Do(func() {
		r.failure = err
		close(r.failed)
	})
}

// Failed is closed when a part of the rig has ended by itself; Err then says which and why.
func (r *Rig) Failed() <-chan struct{} { return r.failed }

// Err is why the rig failed, nil while it has not.
func (r *Rig) Err() error {
	select {
	case <-r.failed:
		return failure.New(failure.Environment, "", "%w", r.failure)
	default:
		return nil
	}
}

// Name is the rig's name.
func (r *Rig) Name() string { return r.options.Name }

// Folder is the rig's folder: logs, kubeconfig, audit log.
func (r *Rig) Folder() string { return r.folder }

// Phases are the phases of the boot with their lengths.
func (r *Rig) Phases() []Phase { return r.watch.all() }

// Elapsed is the time since the rig's start began.
func (r *Rig) Elapsed() time.Duration { return time.Since(r.watch.began) }

// Status says how to reach the rig from outside.
func (r *Rig) Status() Status { return r.status }

// Versions are the versions of everything that runs, by component.
func (r *Rig) Versions() map[string]string { return r.versions }

// Kubernetes is a client with all rights.
func (r *Rig) Kubernetes() kubernetes.Interface { return r.client }

// Nautobot is the simulated Nautobot.
func (r *Rig) Nautobot() *nautobot.Server { return r.own.nautobot }

// OpenStack is the simulated OpenStack cloud.
func (r *Rig) OpenStack() *openstack.Server { return r.own.openstack }

// ONTAP is the simulated NetApp cluster.
func (r *Rig) ONTAP() *ontap.Server { return r.own.ontap }

// Undersync is the simulated Undersync.
func (r *Rig) Undersync() *undersync.Server { return r.own.undersync }

// runs says whether a process runs: one that has ended and waits to be reaped has no program any more.
func runs(pid int) bool {
	_, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// End stops the rig in a folder, which another process may hold, and removes what it left.
func End(ctx context.Context, folder string) error {
	name := filepath.Base(folder)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	signalled := 0
	// The lock is the only sign that works also for a process that has yet to write its pid; it is let go a moment before
	// the process has ended.
	for Alive(folder) || signalled != 0 && runs(signalled) {
		// The holder writes its pid right after it took the lock, so it may take a moment to be there.
		if pid := holder(folder); pid != 0 && pid != signalled {
			process, err := os.FindProcess(pid)
			if err == nil {
				err = process.Signal(syscall.SIGTERM)
			}
			if err != nil && !errors.Is(err, os.ErrProcessDone) {
				return failure.New(failure.Environment, "", "end rig %s (pid %d): %w", name, pid, err)
			}
			signalled = pid
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for rig %s (pid %d) to end: %w", name, signalled, ctx.Err())
		case <-ticker.C:
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		return failure.New(failure.Environment, "", "remove folder of rig %s: %w", name, err)
	}
	return nil
}
