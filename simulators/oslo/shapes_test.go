package oslo

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestVersionedObjectsHaveTheFieldsOfTheirVersion holds every versioned object of every notification, nested ones too,
// against the fields that the services' own classes declare: ironic/objects/*.py of ironic 39.0.0 and
// nova/notifications/objects/*.py of nova 34.0.0.
func TestVersionedObjectsHaveTheFieldsOfTheirVersion(t *testing.T) {
	data, err := os.ReadFile("testdata/versioned-objects.json")
	if err != nil {
		t.Fatal(err)
	}
	type declared struct {
		Version string
		Fields  []string
	}
	var known map[string]map[string]declared
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range catalogue(t).Names() {
		n, _ := build(t, name, Options{})
		service, _, _ := strings.Cut(name, "/")
		var walk func(path string, value any)
		walk = func(path string, value any) {
			switch v := value.(type) {
			case []any:
				for _, child := range v {
					walk(path, child)
				}
			case map[string]any:
				prefix := service + "_object"
				if class, ok := v[prefix+".name"].(string); ok {
					seen[service+"/"+class] = true
					want, ok := known[service][class]
					fields, isObject := v[prefix+".data"].(map[string]any)
					switch {
					case !isObject || v[prefix+".namespace"] != service || len(v) != 4:
						t.Errorf("%s: %s: %s is no versioned object: %v", name, path, class, v)
					case !ok && class != "ImageMetaPropsPayload": // which has only the properties that an image sets
						t.Errorf("%s: %s: %s is not known", name, path, class)
					case ok && v[prefix+".version"] != want.Version:
						t.Errorf("%s: %s: %s has version %v, want %s", name, path, class, v[prefix+".version"], want.Version)
					case ok:
						if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want.Fields) {
							t.Errorf("%s: %s: %s has fields\n%v, want\n%v", name, path, class, got, want.Fields)
						}
					}
				}
				for key, child := range v {
					walk(path+"/"+key, child)
				}
			}
		}
		walk("payload", any(n.Payload))
	}
	for service, classes := range known {
		if !slices.Contains(catalogue(t).Services(), service) {
			t.Errorf("no notifications of %s", service)
		}
		for class := range classes {
			if !seen[service+"/"+class] {
				t.Errorf("no notification has a %s of %s", class, service)
			}
		}
	}
}
