package ledger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheFileHoldsWhatWasAppendedAndAKilledRunIsReadable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	l, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := l.Changed()
	l.Append(Record{Hop: Published, MessageID: "m", Details: map[string]any{"n": 1}})
	select {
	case <-changed:
	default:
		t.Error("Append did not tell")
	}
	l.Append(Record{Hop: Workflow, Ambiguous: true, Candidates: []string{"m", "n"}})
	l.Append(Record{Hop: OnBus, MessageID: "n"})
	if got := l.Of("m"); len(got) != 2 {
		t.Errorf("%+v: its own record and the one that may be its own", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(strings.NewReader(string(data) + `{"hop":"on-b`))
	if err != nil || len(got) != 3 || got[1].Candidates[1] != "n" || got[0].Time.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := Read(strings.NewReader("{}\nx\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}

func TestHopsAreOrdered(t *testing.T) {
	if !(Published.Order() < OnBus.Order() && OnBus.Order() < Workflow.Order() && Workflow.Order() < RecordChange.Order()) || Hop("x").Order() != -1 {
		t.Error("hops are out of order")
	}
}
