package corpus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/corpus"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

func write(t testing.TB, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func scenario(t testing.TB, steps string) string {
	return write(t, "s.yaml", "apiVersion: eventrig.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  vars: {project: hex}\n  when:\n"+steps+"  then: {ledger: {lost: 0}}\n")
}

// parts reads a corpus.
func parts(t testing.TB, files, scenarios []string, seed int64) []corpus.Part {
	t.Helper()
	c, err := corpus.New(files, scenarios, "", seed)
	if err != nil {
		t.Fatal(err)
	}
	var all []corpus.Part
	for part, err := range c.Parts(t.Context(), strings.NewReader("")) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part)
	}
	return all
}

func TestEveryStepThatMakesAnEvent(t *testing.T) {
	file := scenario(t, `  - publish: {event: keystone/identity.project.created, count: 2, set: {payload.target.id: "${project}"}}
  - publish: {raw: "not JSON", vhost: v, exchange: e, routing-key: r}
  - webhook: {eventSource: hook, event: alerts, body: {a: 1}, headers: {x-token: t}}
  - webhook: {eventSource: hook, event: alerts, body: "no JSON", status: 400}
  - apply: {objects: [{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: n}, stringData: {password: pw}}]}
  - apply: {objects: [{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: n, labels: {k: v}}}]}
  - delete: {objects: [{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: n}}]}
  - openstack: {create: project, id: "${project}", set: {name: corpus, domain_id: default}, notify: true}
  - submit: {template: argo-events/t}
  - wait-settled: {}
`)
	all := parts(t, nil, []string{file}, 1)
	if len(all) != 1 || all[0].Scenario != "s" || !all[0].First {
		t.Fatalf("%+v", all)
	}
	part := all[0]
	var got []string
	for _, e := range part.Events {
		got = append(got, fmt.Sprintf("%d %s %s/%s/%s %s%s", e.Line, e.EventType, e.VHost, e.Exchange, e.RoutingKey, e.Source, e.SourceType))
	}
	want := []string{
		"7 identity.project.created keystone/keystone/notifications.info ", "7 identity.project.created keystone/keystone/notifications.info ",
		"8  v/e/r ", "9  // hook/alertswebhook", "11  // resource", "12  // resource", "13  // resource",
		"14 identity.project.created keystone/keystone/notifications.info ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\n%s", strings.Join(got, "\n"), part.Notes)
	}
	if string(part.Events[2].Data) != "not JSON" || part.Events[2].Form != message.Body || string(part.Events[3].Headers) != `{"Accept-Encoding":["gzip"],"Connection":["close"],"Content-Length":["7"],"Content-Type":["application/json"],"User-Agent":["Go-http-client/1.1"],"X-Token":["t"]}` {
		t.Errorf("%s, %s", part.Events[2].Data, part.Events[3].Headers)
	}
	if !strings.Contains(string(part.Events[5].Passed), `"type":"UPDATE"`) || !strings.Contains(string(part.Events[5].Passed), `"resource":"secrets"`) ||
		!strings.Contains(string(part.Events[6].Passed), `"type":"DELETE"`) || !strings.Contains(string(part.Events[6].Passed), `"labels":{"k":"v"}`) {
		t.Errorf("%s\n%s", part.Events[5].Passed, part.Events[6].Passed)
	}
	// As an API server has it: of a type, and not in plain text.
	if passed := string(part.Events[4].Passed); !strings.Contains(passed, `"type":"Opaque"`) || !strings.Contains(passed, `"data":{"password":"cHc="}`) ||
		strings.Contains(passed, "stringData") || !strings.Contains(passed, `"creationTimestamp":"2026-01-02T03:04:05Z"`) {
		t.Errorf("%s", passed)
	}
	if len(part.Submitted) != 1 || part.Submitted[0].From != "argo-events/t" || part.Submitted[0].Kind != "WorkflowTemplate" || !strings.HasSuffix(part.Submitted[0].Place, "s.yaml:15") {
		t.Errorf("%+v", part.Submitted)
	}
}

func TestTheSeedDecidesWhatIsDrawn(t *testing.T) {
	draw := func(seed int64) string {
		var text strings.Builder
		for _, part := range parts(t, nil, nil, seed) {
			for _, e := range part.Events {
				text.Write(e.Data)
			}
		}
		return text.String()
	}
	if first := draw(1); first != draw(1) || first == draw(2) {
		t.Error("the same seed gives other events, or another one the same")
	}
}

// What needs a rig is left out and said; the rest is taken.
func TestAStepThatNeedsARigIsANote(t *testing.T) {
	file := scenario(t, `  - openstack: {update: project, id: none, set: {name: x}, notify: true}
  - publish: {event: keystone/identity.project.created}
`)
	part := parts(t, nil, []string{file}, 1)[0]
	if len(part.Events) != 1 || len(part.Notes) != 1 || !strings.Contains(part.Notes[0], "s.yaml:7") {
		t.Errorf("%d events, notes %q", len(part.Events), part.Notes)
	}
}

func TestAFileIsOneSequenceInParts(t *testing.T) {
	var text strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&text, "{\"n\": %d}\n", i)
	}
	all := parts(t, []string{write(t, "e.jsonl", text.String())}, []string{corpus.BuiltIn}, 1)
	events, firsts := 0, 0
	for _, part := range all {
		if part.Scenario != "" {
			continue
		}
		events += len(part.Events)
		if part.First {
			firsts++
		}
	}
	if events != 1200 || firsts != 1 || all[0].Scenario != "" || len(all) < 40 {
		t.Errorf("%d events in %d sequences, %d parts", events, firsts, len(all))
	}
}

// The results come in the order of the corpus, whatever is evaluated first.
func TestEvaluateKeepsTheOrder(t *testing.T) {
	graph, err := pipeline.Load("../../manifests/understack")
	if err != nil {
		t.Fatal(err)
	}
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := corpus.New(nil, []string{corpus.BuiltIn}, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for part, err := range c.Evaluate(t.Context(), nil, evaluator, evaluator) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part.Scenario)
		for i := range part.Events {
			if len(part.Results) != 2 || part.Results[1][i].Event.Place() != part.Events[i].Place() {
				t.Fatalf("%s: the results are of other events", part.Scenario)
			}
		}
	}
	var want []string
	for _, s := range c.Scenarios {
		want = append(want, s.Metadata.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
