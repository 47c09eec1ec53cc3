package control

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/broker"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/ledger"
)

// host is a rig that only tells what reached it; nothing that was published on it ever settles, unless a test says so.
type host struct {
	folder  string
	turns   scenario.Turns
	log     *ledger.Ledger
	settled bool
	applied []map[string]any
	set     map[string]any
	removed chan struct{}
	waiting chan struct{}
}

func newHost(t *testing.T) *host {
	return &host{folder: t.TempDir(), log: ledger.New(nil), removed: make(chan struct{}), waiting: make(chan struct{})}
}

func (h *host) Tier() string                   { return "embedded" }
func (h *host) Folder() string                 { return h.folder }
func (h *host) Versions() map[string]string    { return map[string]string{"rabbitmq": "4.0.5"} }
func (h *host) Notes(context.Context) []string { return []string{"a note"} }
func (h *host) Observer() scenario.Observer    { return h }
func (h *host) RabbitMQCtl(_ context.Context, arguments ...string) (broker.Answer, error) {
	if arguments[0] == "none" {
		return broker.Answer{}, failure.New(failure.BadInput, "use the tools of that server", "the RabbitMQ is not the rig's own")
	}
	return broker.Answer{Output: strings.Join(arguments, " "), Errors: "a warning", Status: 64}, nil
}
func (h *host) SaveArtifacts(folder string) error {
	if folder == "/full" {
		return failure.New(failure.BadInput, "name a folder that can be written", "the disk is full")
	}
	return os.WriteFile(filepath.Join(folder, "ledger.jsonl"), nil, 0o644)
}
func (h *host) Ledger() *ledger.Ledger                    { return h.log }
func (h *host) Name(string)                               {}
func (h *host) Own([]string)                              {}
func (h *host) Caused() []string                          { return nil }
func (h *host) Close()                                    {}
func (h *host) Adopt(object, _ string) string             { return object }
func (h *host) Ready(context.Context) error               { return nil }
func (h *host) Changed() <-chan struct{}                  { return make(chan struct{}) }
func (h *host) Sensors(context.Context) ([]string, error) { return []string{"openstack/s"}, nil }
func (h *host) Turn(ctx context.Context, claim scenario.Claim) (func(), error) {
	return h.turns.Take(ctx, claim)
}
func (h *host) Stores(context.Context, []string) (scenario.Stores, error) { return stores{h}, nil }
func (h *host) Messages(_ context.Context, step scenario.Step) ([]scenario.Message, error) {
	h.set = step.Publish.Set
	return []scenario.Message{{Published: scenario.Published{MessageID: "m"}, Send: func(context.Context) error { return nil }}}, nil
}
func (h *host) Submission(context.Context, scenario.Submit) (string, func(context.Context) error, error) {
	return "", nil, errors.New("not asked for")
}
func (h *host) Heard([]map[string]any) (bool, error) { return false, nil }
func (h *host) Apply(_ context.Context, objects []map[string]any) ([]scenario.Published, scenario.Restore, error) {
	h.applied = objects
	return nil, func(context.Context) ([]scenario.Published, error) { close(h.removed); return nil, nil }, nil
}
func (h *host) Delete(context.Context, []map[string]any) ([]scenario.Published, scenario.Restore, error) {
	return nil, nil, failure.New(failure.BadInput, "name an object that is there", "no such object")
}
func (h *host) Objects(context.Context, scenario.ObjectExpectation) ([]map[string]any, error) {
	return nil, nil
}
func (h *host) Fault(context.Context, scenario.Fault) (func(context.Context) error, error) {
	return nil, nil
}
func (h *host) Track([]scenario.Published, ...string) ([]string, error) { return []string{"m"}, nil }
func (h *host) Settled(context.Context, []string) (bool, string, error) {
	if !h.settled {
		select {
		case <-h.waiting:
		default:
			close(h.waiting)
		}
	}
	return h.settled, "Sensor openstack/s has not said", nil
}

// stores are the host's simulators; Fault is another method there.
type stores struct{ *host }

func (stores) Fault(context.Context, string, map[string]any) error { return nil }
func (stores) ChangeOpenStack(context.Context, scenario.OpenStackChange) ([]scenario.Message, error) {
	return nil, nil
}
func (stores) Records(context.Context, string, string, map[string]any) ([]map[string]any, error) {
	return []map[string]any{{"n": 3, "none": nil}}, nil
}

func serve(t *testing.T, h *host) *Client {
	t.Helper()
	server, err := Serve(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := Join(h.folder)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func load(t *testing.T, spec string) scenario.Scenario {
	t.Helper()
	list, err := scenario.Parse("s.yaml", []byte("apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: a, labels: {suite: smoke}}\nspec:\n"+spec))
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func TestAJoinedRigRunsTheScenarioAsItIsWritten(t *testing.T) {
	h := newHost(t)
	h.settled = true
	client := serve(t, h)
	s := load(t, `  vars: {id: hex}
  given: {objects: [{kind: A, spec: {replicas: 2, share: 0.5}}]}
  when:
    - publish: {event: keystone/x, set: {payload.id: "${id}", payload.n: 12345678901234567}}
  then:
    sensors: [{name: s, fires: ">=0"}]
    nautobot: [{path: a/b, count: 1, fields: {n: 3, none: null}}, {path: a/b, fields: {n: 4}}]
`)
	var waits []string
	got := client.Run(t.Context(), s, "embedded", scenario.Options{Seed: 7, Waiting: func(open string) { waits = append(waits, open) }})
	if got.Verdict != scenario.Failed || len(got.Failures) != 1 || got.Failures[0].Got != "3" || got.Failures[0].File != "s.yaml" || got.Failures[0].Line != 11 {
		t.Errorf("%+v", got)
	}
	if got.Labels["suite"] != "smoke" || got.Tier != "embedded" || len(got.Timeline) != 1 || got.Timeline[0].Hop != ledger.Published {
		t.Errorf("%+v", got)
	}
	values, err := scenario.Values(s, 7, 0)
	if err != nil || h.set["payload.id"] != values["id"] || h.set["payload.n"] != int64(12345678901234567) {
		t.Errorf("%v: published with %#v, want id %s", err, h.set, values["id"])
	}
	spec := h.applied[0]["spec"].(map[string]any)
	if spec["replicas"] != int64(2) || spec["share"] != 0.5 {
		t.Errorf("applied %#v", spec) // a float for a whole number is refused by the API server's own types
	}
	if !slices.Contains(waits, "its turn") {
		t.Errorf("told to wait for %q", waits)
	}
	<-h.removed
	versions, notes, err := client.About(t.Context())
	if err != nil || versions["rabbitmq"] != "4.0.5" || len(notes) != 1 {
		t.Errorf("%v %v %v", versions, notes, err)
	}
}

func TestAnErrorKeepsItsClassAndHint(t *testing.T) {
	client := serve(t, newHost(t))
	got := client.Run(t.Context(), load(t, "  when: [{delete: {objects: [{kind: A}]}}]\n  then: {sensors: [{name: s, fires: 0}]}\n"), "embedded", scenario.Options{})
	if got.Verdict != scenario.Errored || failure.ExitStatus(got.Err) != int(failure.BadInput) || failure.Hint(got.Err) != "name an object that is there" {
		t.Errorf("%+v %v", got, got.Err)
	}
}

func TestAnInterruptIsTakenBackBeforeRunReturns(t *testing.T) {
	h := newHost(t)
	client := serve(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-h.waiting; cancel() }()
	got := client.Run(ctx, load(t, "  given: {objects: [{kind: A}]}\n  when: [{publish: {event: keystone/x}}]\n  then: {sensors: [{name: s, fires: 0}]}\n"), "embedded", scenario.Options{})
	if got.Verdict != scenario.Errored || failure.ExitStatus(got.Err) != int(failure.Interrupted) {
		t.Errorf("%+v %v", got, got.Err)
	}
	select {
	case <-h.removed:
	default:
		t.Error("what the scenario applied is still there")
	}
}

func TestAnInterruptThatCameFirstIsHeard(t *testing.T) {
	client := serve(t, newHost(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := client.Run(ctx, load(t, "  when: [{publish: {event: keystone/x}}]\n  then: {sensors: [{name: s, fires: 0}]}\n"), "embedded", scenario.Options{})
	if got.Verdict != scenario.Errored || failure.ExitStatus(got.Err) != int(failure.Interrupted) {
		t.Errorf("%+v %v", got, got.Err)
	}
}

func TestAKilledClientIsTakenBackToo(t *testing.T) {
	h := newHost(t)
	client := serve(t, h)
	// The connection breaks while the scenario runs, without a word before.
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	body := `{"id":"x","scenario":{"metadata":{"name":"a"},"spec":{"given":{"objects":[{"kind":"A"}]},"when":[{"publish":{"event":"keystone/x"}}],"then":{"sensors":[{"name":"s","fires":0}]}}}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, client.access.URL+"/scenarios", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+client.access.Token)
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	<-h.waiting
	kill()
	answer.Body.Close()
	select {
	case <-h.removed:
	case <-time.After(10 * time.Second):
		t.Error("what the scenario applied is still there")
	}
}

func TestWhoHasNoTokenOrAnotherVersionIsRefused(t *testing.T) {
	h := newHost(t)
	client := serve(t, h)
	info, err := os.Stat(filepath.Join(h.folder, fileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: others can read the token", info.Mode(), err)
	}
	stranger := &Client{access: access{client.access.URL, "wrong"}, name: "r"}
	if _, _, err := stranger.About(t.Context()); failure.ExitStatus(err) != int(failure.Environment) || !strings.Contains(err.Error(), "token") {
		t.Errorf("%v", err)
	}
	answer, err := client.do(t.Context(), http.MethodPost, "/scenarios", []byte(`{"id":"x","scenario":{"spec":{"given":{"moons":2}}}}`))
	if err == nil || !strings.Contains(err.Error(), "moons") || !strings.Contains(failure.Hint(err), "eventrig up") {
		t.Errorf("%v %v", answer, err)
	}
	if _, err := Join(t.TempDir()); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("%v", err)
	}
	gone := &Client{access: access{"http://127.0.0.1:1", "x"}, name: "r"}
	if got := gone.Run(t.Context(), scenario.Scenario{}, "embedded", scenario.Options{}); failure.ExitStatus(got.Err) != int(failure.Environment) || got.Verdict != scenario.Errored {
		t.Errorf("%+v", got)
	}
}

func TestRabbitMQCtlOfAJoinedRig(t *testing.T) {
	client := serve(t, newHost(t))
	answer, err := client.RabbitMQCtl(t.Context(), "list_queues", "-p", "a b")
	if err != nil || answer.Output != "list_queues -p a b" || answer.Errors != "a warning" || answer.Status != 64 {
		t.Errorf("%+v, %v", answer, err)
	}
	if _, err := client.RabbitMQCtl(t.Context(), "none"); failure.ExitStatus(err) != int(failure.BadInput) || failure.Hint(err) != "use the tools of that server" {
		t.Errorf("a refused one: %v", err)
	}
}

func TestArtifactsOfAJoinedRigAreSavedByWhoHoldsIt(t *testing.T) {
	h := newHost(t)
	server, err := Serve(h)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := Join(h.folder)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := client.SaveArtifacts(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "ledger.jsonl")); err != nil {
		t.Error(err)
	}
	err = client.SaveArtifacts(t.Context(), "/full")
	if err == nil || err.Error() != "the disk is full" || failure.Hint(err) != "name a folder that can be written" || failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("%v, hint %q", err, failure.Hint(err))
	}
}
