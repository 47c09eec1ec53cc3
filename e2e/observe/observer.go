// Package observe watches a live rig and writes down what became of every notification.
//
// In go the rig's Kubernetes API (EventSources, Sensors, their pods' logs, Workflows, Jobs, pods) and the requests that
// the simulators saw; out come records of the ledger and the answer to one question: is the chain settled for these
// messages. Every outcome is one that a component reported: an EventSource's debug log pairs message and CloudEvent, a
// Sensor's log (LOG_LEVEL=debug) says for each CloudEvent what its triggers did, a Workflow tells its phase, a pod its
// exit code. argo-events' code is used only to tell to which message an object belongs.
//
// The logger of argo-events samples: of lines with the same text it drops some beyond a hundred per second. The lines
// read here hold an id or data, save those of a trigger's success and failure; so what a Sensor's log says is held against
// its metrics before the chain is called settled, and what the log dropped is told from them where it can be.
package observe

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// Config says what to watch.
type Config struct {
	Kube    kubernetes.Interface
	Dynamic dynamic.Interface
	Ledger  *ledger.Ledger
	Log     func(format string, args ...any)
	// Journals returns what the simulators answered, at least since it was asked last, and what they have not answered yet;
	// nil without simulators. It is asked before the chain is called settled, because a subscription may lag behind a pod's end.
	Journals func() (answered, open []Request)
	// Metrics returns what a Sensor's pod at that address serves at MetricsPort; nil where it cannot be reached.
	Metrics func(ctx context.Context, address string) (io.ReadCloser, error)
	// Queue returns how many messages are ready in a queue of RabbitMQ and how many consumers it has; nil where RabbitMQ
	// cannot be asked.
	Queue func(ctx context.Context, vhost, name string) (messages, consumers int, err error)
	// Audit follows the API server's audit log from its begin, with the answers to creations of Workflows and Jobs: it tells
	// which Sensor made which. Nil where it cannot be read.
	Audit func(ctx context.Context) (io.ReadCloser, error)
	// OpenLog follows a container's log with timestamps; the API server's by default.
	OpenLog func(ctx context.Context, namespace, pod, container string, since *time.Time) (io.ReadCloser, error)
}

var (
	sensorsGVR      = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "sensors"}
	eventSourcesGVR = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "eventsources"}
	workflowsGVR    = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}
	jobsGVR         = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
	podsGVR         = schema.GroupVersionResource{Group: "", Version: "v1", Resource: "pods"}
)

const (
	sensorLabel  = "events.argoproj.io/sensor"
	triggerLabel = "events.argoproj.io/trigger"
	actionLabel  = "events.argoproj.io/action-timestamp"
)

// Observer implements scenario.Observer on a live cluster.
type Observer struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	dirty  chan struct{}

	mu      sync.Mutex
	state   *state
	follows map[string]bool // uids of the pods whose log is followed
	changed chan struct{}
	err     error
	depths  depths
}

// Start begins to watch and returns once every list is complete. Stop it with Close.
func Start(ctx context.Context, cfg Config) (*Observer, error) {
	o := newObserver(cfg)
	kinds := []*watched{
		{gvr: eventSourcesGVR, set: o.setEventSource},
		{gvr: sensorsGVR, set: o.setSensor},
		{gvr: workflowsGVR, set: o.state.setObject}, // also those that no Sensor made: a scenario may submit one
		{gvr: jobsGVR, selector: sensorLabel, set: o.state.setObject},
		{gvr: podsGVR, set: o.setPod},
	}
	if cfg.Audit != nil {
		log, err := cfg.Audit(o.ctx)
		if err != nil {
			o.Close()
			return nil, failure.New(failure.Environment, "", "read the audit log: %w", err)
		}
		o.state.audited = true
		o.wg.Add(1)
		go o.followAudit(log)
	}
	o.wg.Add(1)
	go o.loop()
	synced := make(chan error, len(kinds))
	for _, w := range kinds {
		o.wg.Add(1)
		go o.watch(w, synced)
	}
	for range kinds {
		var err error
		select {
		case err = <-synced:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			o.Close()
			return nil, failure.New(failure.Environment, "are the CRDs of argo-events and argo-workflows installed, and may the kubeconfig list them?", "observe the cluster: %w", err)
		}
	}
	return o, nil
}

func newObserver(cfg Config) *Observer {
	if cfg.Log == nil {
		cfg.Log = func(string, ...any) {}
	}
	if cfg.OpenLog == nil {
		cfg.OpenLog = func(ctx context.Context, namespace, pod, container string, since *time.Time) (io.ReadCloser, error) {
			options := &corev1.PodLogOptions{Container: container, Follow: true, Timestamps: true}
			if since != nil {
				options.SinceTime = &metav1.Time{Time: *since}
			}
			return cfg.Kube.CoreV1().Pods(namespace).GetLogs(pod, options).Stream(ctx)
		}
	}
	o := &Observer{cfg: cfg, dirty: make(chan struct{}, 1), follows: map[string]bool{}, changed: make(chan struct{})}
	// The observer outlives the context that it was started with: Close ends it.
	o.ctx, o.cancel = context.WithCancel(context.Background())
	o.state = newState(cfg.Ledger.Append)
	return o
}

// Close stops watching.
func (o *Observer) Close() {
	o.cancel()
	o.wg.Wait()
}

func (o *Observer) touch() {
	select {
	case o.dirty <- struct{}{}:
	default:
	}
}

// coalesce is how long observations are collected before whoever waits is told: everybody who is told looks at what there is
// for him, and a pod's start alone is a dozen observations.
const coalesce = 10 * time.Millisecond

// loop works new observations into records and tells whoever waits.
func (o *Observer) loop() {
	defer o.wg.Done()
	pause := time.NewTicker(coalesce)
	defer pause.Stop()
	for {
		select {
		case <-o.ctx.Done():
			return
		case <-o.dirty:
		}
		o.mu.Lock()
		o.pull()
		o.state.sweep()
		close(o.changed)
		o.changed = make(chan struct{})
		o.mu.Unlock()
		pause.Reset(coalesce)
		select {
		case <-o.ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// Changed implements scenario.Observer.
func (o *Observer) Changed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// Request takes a request that a simulator answered, as it comes. One that Journals returns too is taken once.
func (o *Observer) Request(r Request) {
	o.mu.Lock()
	o.state.request(r)
	o.mu.Unlock()
	o.touch()
}

// pull takes what the simulators' journals hold. The caller holds the lock.
func (o *Observer) pull() {
	if o.cfg.Journals == nil {
		return
	}
	answered, open := o.cfg.Journals()
	for _, r := range answered {
		o.state.request(r)
	}
	o.state.openRequests = open
}

// Track implements scenario.Observer.
func (o *Observer) Track(published []scenario.Published, own ...string) ([]string, error) {
	sources := o.eventSources()
	var keys []string
	own = slices.Clone(own)
	known := map[[4]string][]route{} // many messages go one way, and finding it asks the API server
	for _, p := range published {
		way := [4]string{p.VHost, p.Exchange, p.RoutingKey, p.Source}
		routes, found := known[way]
		if !found {
			var err error
			if routes, err = o.routes(sources, p); err != nil {
				return nil, failure.New(failure.Environment, "", "find the EventSources for %s: %w", p.RoutingKey, err)
			}
			known[way] = routes
		}
		o.mu.Lock()
		key := o.state.keyFor(scenario.Key(p), p.Time, own)
		keys, own = append(keys, key), append(own, key)
		o.state.track(key, p.Time, routes)
		o.mu.Unlock()
	}
	o.touch()
	return keys, nil
}

// routes are the EventSources' queues that a message reaches, or the EventSource that a webhook call goes to or that hears of
// an object.
func (o *Observer) routes(sources []*v1alpha1.EventSource, p scenario.Published) ([]route, error) {
	if p.Source == "" {
		return routesOf(sources, p.VHost, p.Exchange, p.RoutingKey, o.vhost)
	}
	parts := strings.SplitN(p.Source, "/", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is not namespace/name/event", p.Source)
	}
	return []route{{queue: directRoute + p.Source, consumers: []consumer{{parts[0], parts[1], parts[2]}}}}, nil
}

// eventSources returns all EventSources in the order of their names.
func (o *Observer) eventSources() []*v1alpha1.EventSource {
	o.mu.Lock()
	defer o.mu.Unlock()
	var sources []*v1alpha1.EventSource
	for _, name := range sortedNames(o.state.sources) {
		sources = append(sources, o.state.sources[name])
	}
	return sources
}

// EventSource returns the EventSource of that name, or namespace/name.
func (o *Observer) EventSource(name string) (*v1alpha1.EventSource, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, full := range sortedNames(o.state.sources) {
		if full == name || strings.HasSuffix(full, "/"+name) {
			return o.state.sources[full], nil
		}
	}
	return nil, failure.New(failure.BadInput, "the rig has "+strings.Join(sortedNames(o.state.sources), ", "), "there is no EventSource %q", name)
}

// Adopt implements scenario.Observer.
func (o *Observer) Adopt(object, template string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.adopted[object] = template
	o.state.newObjects[object] = true
	o.state.track(object, time.Now(), nil)
	return object
}

// Owner returns the messages behind the Workflow or Job whose pod has an address at the moment: several where they
// cannot be told apart, none where it is nobody's. While it is not known yet, known is false.
func (o *Observer) Owner(address string) (keys []string, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.sweep()
	return o.state.ownerAt(address, time.Now())
}

// Leaving says that pods were deleted, so that Ready does not count them until the watch has seen it.
func (o *Observer) Leaving(uids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, uid := range uids {
		o.state.leaving[uid] = true
		if c := o.state.components[uid]; c != nil {
			c.gone = true
		}
	}
}

// vhost returns the vhost that an EventSource's event consumes from.
func (o *Observer) vhost(source *v1alpha1.EventSource, amqp *v1alpha1.AMQPEventSource) (string, error) {
	if amqp.URLSecret == nil {
		return VHostOfURL(amqp.URL)
	}
	secret, err := o.cfg.Kube.CoreV1().Secrets(source.Namespace).Get(o.ctx, amqp.URLSecret.Name, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read its urlSecret: %w", err)
	}
	return VHostOfURL(strings.TrimSpace(string(secret.Data[amqp.URLSecret.Key])))
}

// Sensors implements scenario.Observer.
func (o *Observer) Sensors(context.Context) ([]string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sortedNames(o.state.sensors), nil
}

// Settled implements scenario.Observer. What the logs say is held against the Sensors' metrics before it is believed.
func (o *Observer) Settled(ctx context.Context, keys []string) (bool, string, error) {
	open, sampled, err := o.look(keys)
	if err != nil || (open != "" && !sampled) {
		return false, open, err
	}
	if unclear := o.crossCheck(ctx, keys); unclear != "" {
		return false, unclear, nil
	}
	// The metrics may have told what the log did not.
	open, _, err = o.look(keys)
	return open == "" && err == nil, open, err
}

// look says what is open by what was observed so far, and whether a Sensor's log may have dropped lines about it.
func (o *Observer) look(keys []string) (open string, sampled bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err.Error(), false, o.err
	}
	o.pull()
	o.state.sweep()
	if open = o.state.open(keys); open == "" {
		return "", false, nil
	}
	open += o.depth(o.state.waitsIn)
	wanted := map[string]bool{}
	for _, key := range keys {
		wanted[key] = true
	}
	return open, o.state.sampled(wanted), nil
}

// Ready implements scenario.Observer.
func (o *Observer) Ready(ctx context.Context) error {
	for {
		changed := o.Changed()
		o.mu.Lock()
		missing, err := o.state.notReady()
		o.mu.Unlock()
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			sort.Strings(missing)
			return failure.New(failure.Environment, "", "not ready: %s: %w", strings.Join(missing, "; "), context.Cause(ctx))
		}
	}
}

func (o *Observer) setSensor(u *unstructured.Unstructured, gone bool) {
	o.state.pipelines++
	name := u.GetNamespace() + "/" + u.GetName()
	if gone {
		delete(o.state.sensors, name)
		return
	}
	var s v1alpha1.Sensor
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &s); err != nil {
		o.err = fmt.Errorf("read Sensor %s: %w", name, err)
		return
	}
	o.state.sensors[name] = &s
}

func (o *Observer) setEventSource(u *unstructured.Unstructured, gone bool) {
	o.state.pipelines++
	name := u.GetNamespace() + "/" + u.GetName()
	if gone {
		delete(o.state.sources, name)
		return
	}
	var s v1alpha1.EventSource
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &s); err != nil {
		o.err = fmt.Errorf("read EventSource %s: %w", name, err)
		return
	}
	o.state.sources[name] = &s
}

func (o *Observer) setPod(u *unstructured.Unstructured, gone bool) {
	var p corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &p); err != nil {
		o.err = fmt.Errorf("read pod %s/%s: %w", u.GetNamespace(), u.GetName(), err)
		return
	}
	if p.Labels[v1alpha1.LabelSensorName] == "" && p.Labels[v1alpha1.LabelEventSourceName] == "" {
		o.state.setPod(&p, gone)
		return
	}
	c := o.state.setComponent(&p, gone)
	if gone || c == nil {
		return
	}
	for _, status := range p.Status.ContainerStatuses {
		if status.Name != c.container || (status.State.Running == nil && status.State.Terminated == nil) {
			continue
		}
		run := fmt.Sprintf("%s#%d", p.UID, status.RestartCount)
		if c.run != run {
			c.run = run
			// What an earlier run said holds no more. What this run said may be read already, before its start was seen.
			if running := status.State.Running; running != nil {
				maps.DeleteFunc(c.ready, func(_ string, since time.Time) bool { return since.Before(running.StartedAt.Time) })
				c.bus.restarted(running.StartedAt.Time)
			} else {
				clear(c.ready)
			}
		}
		// One reader for all runs of a container: two would both read the newest run's log, and count each line twice.
		if uid := string(p.UID); !o.follows[uid] {
			o.follows[uid] = true
			o.wg.Add(1)
			go o.follow(c, p.Namespace, p.Name)
		}
	}
}
