package scenario

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/ledger"
)

// explainingRig is a rig that has something to say about its Sensors.
type explainingRig struct {
	*fakeRig
	says  []Explanation
	asked []string
}

func (r *explainingRig) Explain(_ context.Context, sensor string, keys []string) ([]Explanation, error) {
	r.asked = append(r.asked, sensor)
	r.asked = append(r.asked, keys...)
	return r.says, nil
}

func TestAFailureAboutASensorIsExplained(t *testing.T) {
	says := func(verdict, text string, near bool) Explanation {
		return Explanation{Event: "m", EventType: "a.b", Sensor: "openstack/s", Verdict: verdict, Text: text, Near: near, At: "s.yaml:7",
			Parameters: map[string]string{"event_type": "dataKey event_type = created", "other": "value"}}
	}
	all := []Explanation{says("no-dependency", "elsewhere", false), says("filtered", "far", false), says("fires", "it passes", true), says("filtered", "near", true),
		says("filtered", "far", false), says("filtered", "another", false)}
	for name, c := range map[string]struct {
		then    string
		records []ledger.Record
		want    []string
	}{
		"silent":     {"    sensors: [{name: s, fires: 1}]\n", []ledger.Record{filtered}, []string{"a.b: filtered: near (s.yaml:7)", "a.b (2 events): filtered: far (s.yaml:7)", "a.b: filtered: another (s.yaml:7)"}},
		"fired":      {"    sensors: [{name: s, fires: 0}]\n", []ledger.Record{decided, fired}, []string{"a.b: fires: it passes (s.yaml:7)"}},
		"parameters": {"    workflows: [{sensor: s, parameters: {event_type: deleted}}]\n", []ledger.Record{fired, workflow("Succeeded", true)}, []string{"a.b: fires: event_type <- dataKey event_type = created (s.yaml:7)"}},
		"no object":  {"    workflows: [{sensor: s}]\n", []ledger.Record{filtered}, []string{"a.b: filtered: near (s.yaml:7)", "a.b (2 events): filtered: far (s.yaml:7)", "a.b: filtered: another (s.yaml:7)"}},
		"no Sensor":  {"    requests: [{to: nautobot}]\n", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rig := &explainingRig{fakeRig: newFakeRig(), says: all}
			rig.onTrack = func(f *fakeRig) { f.observe(true, c.records...) }
			result := Run(t.Context(), rig, parse(t, c.then), Options{})
			if result.Verdict != Failed {
				t.Fatalf("%+v", result)
			}
			var got []string
			for _, e := range result.Failures[0].Explanation {
				got = append(got, e.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if len(c.want) > 0 && !slices.Equal(rig.asked, []string{"openstack/s", "m"}) {
				t.Errorf("asked about %v", rig.asked)
			}
		})
	}
}

func TestAnExplanationThatDisagreesWithWhatWasSeenIsShown(t *testing.T) {
	rig := &explainingRig{fakeRig: newFakeRig(), says: []Explanation{{Event: "m", Verdict: "fires", Text: "filters pass"}}}
	rig.onTrack = func(f *fakeRig) { f.observe(true, decided, refused) }
	result := Run(t.Context(), rig, parse(t, "    sensors: [{name: s, fires: 1}]\n"), Options{})
	if e := result.Failures[0].Explanation; len(e) != 1 || e[0].String() != "event m: fires: filters pass" {
		t.Errorf("%+v", e)
	}
}

// Of several messages the one is named that a failure is about: fires: 0 is often said of many.
func TestAFailureSaysWhichMessageItIsAbout(t *testing.T) {
	s := parse(t, "    sensors: [{name: s, fires: 0}]\n")
	s.Spec.When = append(s.Spec.When, s.Spec.When[0])
	s.Spec.When[1].Line = 77
	rig := &explainingRig{fakeRig: newFakeRig(), says: []Explanation{
		{Event: "m", EventType: "a.b", Verdict: "filtered", Text: "no"}, {Event: "n", EventType: "a.b", Verdict: "fires", Text: "it passes"},
	}}
	second := fired
	second.MessageID = "n"
	sent := 0
	rig.keys = func() []string {
		if sent++; sent == 2 {
			rig.observe(true, decided, second)
		}
		return []string{[]string{"m", "n"}[sent-1]}
	}
	result := Run(t.Context(), rig, s, Options{})
	if result.Verdict != Failed || len(result.Failures) != 1 {
		t.Fatalf("%+v", result)
	}
	f := result.Failures[0]
	if want := "of when[1], line 77"; !strings.Contains(f.Why, want) || len(f.Explanation) != 1 || f.Explanation[0].String() != "a.b of when[1], line 77: fires: it passes" {
		t.Errorf("%s\n%+v", f.Why, f.Explanation)
	}
}
