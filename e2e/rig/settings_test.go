package rig

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/fixtures/scenarios"
	"github.com/eventrig/eventrig/internal/apply"
	"github.com/eventrig/eventrig/internal/pipeline"
	"github.com/eventrig/eventrig/manifests"
)

// namedBy are the fields that name a Secret or a ConfigMap of the same namespace.
var namedBy = map[string]string{
	"secretKeyRef": "Secret", "secretRef": "Secret", "username": "Secret", "password": "Secret",
	"configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap",
}

// wanted collects what an object's pods need, with the keys that they need of it.
func wanted(value any, found map[string][]string) {
	switch value := value.(type) {
	case map[string]any:
		for field, inner := range value {
			object, _ := inner.(map[string]any)
			name, _ := object["name"].(string)
			key, _ := object["key"].(string)
			if secret, ok := object["secretName"].(string); ok && field == "secret" {
				found["Secret "+secret] = append(found["Secret "+secret], "")
			} else if kind := namedBy[field]; kind != "" && name != "" {
				found[kind+" "+name] = append(found[kind+" "+name], key)
			}
			wanted(inner, found)
		}
	case []any:
		for _, inner := range value {
			wanted(inner, found)
		}
	}
}

// TestARigMakesWhatThePodsOfUnderStackNeed fails when a manifest names a Secret, a ConfigMap or a key that no rig has: its
// pods would wait for it for ever.
func TestARigMakesWhatThePodsOfUnderStackNeed(t *testing.T) {
	made := map[string][]string{}
	for _, object := range slices.Concat(handlerSettings([]byte("certificate")), brokerSecrets(brokerServices())) {
		made[object.GetKind()+" "+object.GetName()] = keysOf(t, object)
	}
	under, err := fs.Sub(manifests.FS, "understack")
	if err != nil {
		t.Fatal(err)
	}
	graph, err := pipeline.LoadFS(under, ".", "workflowtemplates/neutron-event-network-segment-range")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, object := range graph.Objects {
		found := map[string][]string{}
		wanted(object.Object, found)
		for name, keys := range found {
			if name == "Secret placeholder" {
				continue // the Sensor puts the name of the Secret there that the event is about
			}
			count++
			has, ok := made[name]
			for _, key := range keys {
				if !ok || (key != "" && !slices.Contains(has, key)) {
					t.Errorf("%s: nobody makes %s with key %q", object.Origin(), name, key)
				}
			}
		}
	}
	if count < 30 {
		t.Errorf("%d names were found", count)
	}
}

// TestUnderStacksScenariosFitItsManifests rehearses them: every name is there, every message can be made.
func TestUnderStacksScenariosFitItsManifests(t *testing.T) {
	all, err := scenario.LoadFS(scenarios.UnderStack)
	if err != nil {
		t.Fatal(err)
	}
	rehearsal, err := Rehearse(Options{Manifests: []string{"../../manifests/understack"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		values, err := scenario.Values(s, 1, i)
		if err != nil {
			t.Fatal(err)
		}
		spec, err := scenario.Resolve(s, values)
		if err == nil {
			err = rehearsal.Check(s, spec)
		}
		if err != nil {
			t.Errorf("%s: %v", s.Metadata.Name, err)
		}
	}
}

func keysOf(t *testing.T, object apply.Object) []string {
	t.Helper()
	data, ok := object.Object["data"].(map[string]any)
	if !ok {
		t.Fatalf("%s %s has no data", object.GetKind(), object.GetName())
	}
	var keys []string
	for key := range data {
		keys = append(keys, key)
	}
	return keys
}
