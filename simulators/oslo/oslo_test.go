package oslo

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
)

func catalogue(t testing.TB) *Catalogue {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func build(t testing.TB, name string, options Options) (Notification, Route) {
	t.Helper()
	template, err := catalogue(t).Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	n, route, err := template.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	return n, route
}

func TestEveryNotificationIsComplete(t *testing.T) {
	services := map[string]bool{}
	for _, name := range catalogue(t).Names() {
		n, route := build(t, name, Options{})
		services[route.VHost] = true
		for _, driver := range []Driver{MessagingV2, Messaging} {
			body, err := n.Body(driver)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if found := mark.Find(body); found != nil {
				t.Errorf("%s: mark %s is left", name, found)
			}
			parsed, written, err := Parse(body)
			if err != nil || written != driver {
				t.Fatalf("%s: driver %q, %v", name, written, err)
			}
			again, err := parsed.Body(driver)
			if err != nil || string(again) != string(body) {
				t.Errorf("%s: parsed and written again it differs (%v):\n%s\n%s", name, err, body, again)
			}
		}
		if _, err := time.Parse("2006-01-02 15:04:05.000000", n.Timestamp); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		back, err := catalogue(t).Route("", n)
		if err != nil || back != route {
			t.Errorf("%s: route from the event type alone is %v, %v; want %v", name, back, err, route)
		}
	}
	for _, service := range []string{"cinder", "glance", "ironic", "keystone", "neutron", "nova"} {
		if !services[service] {
			t.Errorf("no notification of %s", service)
		}
	}
}

func TestRoutes(t *testing.T) {
	for name, want := range map[string]Route{
		"keystone/identity.project.created":       {"keystone", "keystone", "notifications.info"},
		"cinder/volume_type_project.access.add":   {"cinder", "openstack", "notifications.info"},
		"ironic/baremetal.node.provision_set.end": {"ironic", "ironic", "ironic_versioned_notifications.info"},
	} {
		if _, route := build(t, name, Options{}); route != want {
			t.Errorf("%s goes to %v, want %v", name, route, want)
		}
	}
	if _, route := build(t, "nova/compute.instance.delete.end", Options{Set: map[string]any{"priority": "ERROR"}}); route.RoutingKey != "notifications.error" {
		t.Errorf("an error goes to %v", route)
	}
	if _, route := build(t, "nova/compute.instance.delete.end", Options{Remove: []string{"priority"}}); route.RoutingKey != "notifications.info" {
		t.Errorf("without a priority it goes to %v", route)
	}
}

// TestWireFormat holds a body against what oslo.messaging 16.1 was seen to send, byte for byte.
func TestWireFormat(t *testing.T) {
	n := Notification{
		MessageID: "11111111-2222-4333-8444-555555555555", PublisherID: "identity.host", EventType: "identity.project.created",
		Priority: "INFO", Timestamp: "2026-01-02 03:04:05.000006", UniqueID: "abc",
		Payload: map[string]any{"b": []any{json.Number("1.0"), nil, true}, "a": "Zoë \U0001f600 \"q\" \\ <&>\n\x7f"},
		Context: map[string]any{"user": nil},
	}
	message := `{"message_id": "11111111-2222-4333-8444-555555555555", "publisher_id": "identity.host", ` +
		`"event_type": "identity.project.created", "priority": "INFO", ` +
		`"payload": {"a": "Zo\u00eb \ud83d\ude00 \"q\" \\ <&>\n\u007f", "b": [1.0, null, true]}, ` +
		`"timestamp": "2026-01-02 03:04:05.000006", "_unique_id": "abc", "_context_user": null}`
	got, err := n.Body(Messaging)
	if err != nil || string(got) != message {
		t.Errorf("bare (%v):\n%s\nwant\n%s", err, got, message)
	}
	got, err = n.Body(MessagingV2)
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(message)
	if want := `{"oslo.version": "2.0", "oslo.message": "` + quoted + `"}`; err != nil || string(got) != want {
		t.Errorf("wrapped (%v):\n%s\nwant\n%s", err, got, want)
	}
	if _, err := n.Body("carrier pigeon"); failure.ExitStatus(err) != 2 {
		t.Errorf("an unknown driver: %v", err)
	}
}

func TestSeedDecidesIdentifiers(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	make2 := func(seed uint64) (string, string) {
		random := NewRandom(seed)
		var bodies [2]string
		for i := range bodies {
			n, _ := build(t, "ironic/baremetal.port.create.end", Options{Random: random, Now: now})
			body, err := n.Body(MessagingV2)
			if err != nil {
				t.Fatal(err)
			}
			bodies[i] = string(body)
		}
		return bodies[0], bodies[1]
	}
	a1, a2 := make2(7)
	b1, b2 := make2(7)
	c1, _ := make2(8)
	if a1 != b1 || a2 != b2 {
		t.Error("one seed gives different notifications")
	}
	if a1 == a2 || a1 == c1 {
		t.Error("notifications repeat their identifiers")
	}
	n, _ := build(t, "keystone/identity.project.created", Options{Now: now})
	target := n.Payload["target"].(map[string]any)
	if target["id"] != n.Payload["resource_info"] {
		t.Errorf("one name, two identifiers: %v", n.Payload)
	}
	if n.Timestamp != "2026-01-02 03:04:05.000006" || n.Payload["eventTime"] != "2026-01-02T03:04:05.000006+0000" {
		t.Errorf("times %q, %q", n.Timestamp, n.Payload["eventTime"])
	}
}

func TestLookupNamesTheNearest(t *testing.T) {
	_, err := catalogue(t).Lookup("keystone/identity.project.create")
	if failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), "nearest: keystone/identity.project.created,") {
		t.Errorf("%v", err)
	}
}

func TestCatalogueRefusesBadFiles(t *testing.T) {
	for name, test := range map[string]struct{ file, content, want string }{
		"unknown field":   {"nova/a.json", `{"vhots": "nova"}`, "vhots"},
		"other type":      {"nova/a.json", `{"vhost":"v","exchange":"e","topic":"t","publisher_id":"p","priority":"INFO","event_type":"b","payload":{}}`, "file's name"},
		"no payload":      {"nova/a.json", `{"vhost":"v","exchange":"e","topic":"t","publisher_id":"p","priority":"INFO","event_type":"a"}`, "no payload"},
		"nowhere to send": {"nova/a.json", `{"event_type":"a","payload":{}}`, "must be given"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewCatalogue(fstest.MapFS{test.file: {Data: []byte(test.content)}})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.file) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestEdits(t *testing.T) {
	const node, project = "ironic/baremetal.node.power_set.end", "keystone/identity.project.created"
	get := func(n Notification, keys ...string) any {
		var value any = n.Document()
		for _, key := range keys {
			object, ok := value.(map[string]any)
			if !ok {
				return "no object at " + key
			}
			if value, ok = object[key]; !ok {
				return "nothing at " + key
			}
		}
		return value
	}
	for name, test := range map[string]struct {
		event  string
		set    map[string]any
		remove []string
		at     []string
		want   any
	}{
		"a string":             {project, map[string]any{"payload.target.id": "abc"}, nil, []string{"payload", "target", "id"}, "abc"},
		"digits stay a string": {project, map[string]any{"payload.target.id": Literal("12345678901234567890123456789012")}, nil, []string{"payload", "target", "id"}, "12345678901234567890123456789012"},
		"null for a string":    {project, map[string]any{"payload.target.id": Literal("null")}, nil, []string{"payload", "target", "id"}, nil},
		"quoted null":          {project, map[string]any{"payload.target.id": Literal(`"null"`)}, nil, []string{"payload", "target", "id"}, "null"},
		"a new number":         {project, map[string]any{"payload.count": Literal("12345678901234567890")}, nil, []string{"payload", "count"}, json.Number("12345678901234567890")},
		"not JSON":             {project, map[string]any{"payload.name": Literal("{{workflow.name}}")}, nil, []string{"payload", "name"}, "{{workflow.name}}"},
		"a new object":         {"nova/compute.instance.delete.end", map[string]any{"payload.metadata.storage": "wanted"}, nil, []string{"payload", "metadata", "storage"}, "wanted"},
		"a whole object":       {"nova/compute.instance.delete.end", map[string]any{"payload.metadata": Literal("[]")}, nil, []string{"payload", "metadata"}, []any{}},
		"an escaped dot":       {node, map[string]any{`payload.ironic_object\.data.lessee`: "x"}, nil, []string{"payload", "ironic_object.data", "lessee"}, "x"},
		"a forgotten escape":   {node, map[string]any{`payload.ironic_object.data.lessee`: "x"}, nil, []string{"payload", "ironic_object.data", "lessee"}, "x"},
		"an array's element":   {node, map[string]any{`payload.ironic_object\.data.traits.0`: "T"}, nil, []string{"payload", "ironic_object.data", "traits"}, []any{"T"}},
		"an array's next":      {node, map[string]any{`payload.ironic_object\.data.traits.1`: "T"}, nil, []string{"payload", "ironic_object.data", "traits"}, []any{"CUSTOM_RIG", "T"}},
		"context":              {node, map[string]any{"_context_project_id": "p"}, nil, []string{"_context_project_id"}, "p"},
		"removed":              {project, nil, []string{"payload.target"}, []string{"payload", "target"}, "nothing at target"},
		"removed payload":      {project, nil, []string{"payload"}, []string{"payload"}, "nothing at payload"},
		"removed element":      {node, nil, []string{`payload.ironic_object\.data.traits.0`}, []string{"payload", "ironic_object.data", "traits"}, []any{}},
		"other types":          {project, map[string]any{"payload.n": map[string]int{"a": 1}}, nil, []string{"payload", "n", "a"}, json.Number("1")},
		"parent, then child":   {project, map[string]any{"payload.x.y": "1", "payload.x": map[string]any{"z": "2"}}, nil, []string{"payload", "x"}, map[string]any{"y": "1", "z": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := build(t, test.event, Options{Set: test.set, Remove: test.remove})
			if got := get(n, test.at...); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v, want %#v", got, test.want)
			}
			if _, err := n.Message(); err != nil {
				t.Error(err)
			}
		})
	}
	// The template must not have been changed by any of it.
	if n, _ := build(t, node, Options{}); get(n, "payload", "ironic_object.data", "lessee") != nil {
		t.Error("editing a notification changed its template")
	}
}

func TestBadEdits(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"misspelt field":     {Options{Set: map[string]any{"paylod.target.id": "x"}}, "nearest: payload"},
		"below a string":     {Options{Set: map[string]any{"payload.target.id.x": "x"}}, "lies below a string"},
		"empty name":         {Options{Set: map[string]any{"payload..id": "x"}}, "a name is empty"},
		"trailing backslash": {Options{Set: map[string]any{`payload\`: "x"}}, "ends in a backslash"},
		"payload no object":  {Options{Set: map[string]any{"payload": Literal("[]")}}, "payload must be an object, is an array"},
		"number for text":    {Options{Set: map[string]any{"event_type": 1}}, "event_type must be a string, is a number"},
		"nothing to remove":  {Options{Remove: []string{"payload.nonsense"}}, "there is nothing at that path"},
		"not JSON":           {Options{Set: map[string]any{"payload.x": func() {}}}, "is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := catalogue(t).Lookup("keystone/identity.project.created")
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = template.Build(test.options)
			if failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), test.want) {
				t.Errorf("exit status %d, %v", failure.ExitStatus(err), err)
			}
		})
	}
}

func TestCapturedMessages(t *testing.T) {
	const bare = `{"message_id":"m","publisher_id":"p","event_type":"identity.project.updated","priority":"INFO","payload":{"n":1.0},"timestamp":"t","_unique_id":"u","_context_user":"me","extra":[1]}`
	n, driver, err := Parse([]byte(bare))
	if err != nil || driver != Messaging {
		t.Fatal(driver, err)
	}
	if message, err := n.Message(); err != nil || !strings.HasSuffix(string(message), `"_unique_id": "u", "_context_user": "me", "extra": [1]}`) {
		t.Errorf("%s, %v", message, err)
	}
	edited, err := n.Edit(Options{Set: map[string]any{"payload.n": "2"}})
	if err != nil || edited.Payload["n"] != "2" || n.Payload["n"] != json.Number("1.0") {
		t.Errorf("%v, %v, original %v", edited.Payload, err, n.Payload)
	}
	if fresh := n.Fresh(Options{}); fresh.MessageID == n.MessageID || fresh.UniqueID == n.UniqueID || fresh.Payload["n"] != n.Payload["n"] {
		t.Errorf("%+v", fresh)
	}
	for name, test := range map[string]struct{ data, want string }{
		"empty":          {``, "a notification is JSON"},
		"array":          {`[]`, "not an array"},
		"two values":     {`{} {}`, "more after"},
		"bad envelope":   {`{"oslo.message": {}}`, "must be a string that holds JSON"},
		"bad inside":     {`{"oslo.message": "x"}`, "in oslo.message"},
		"something else": {`{"kind": "Sensor"}`, "it has no event_type"},
		"payload a list": {`{"event_type": "e", "payload": []}`, "payload must be an object"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Parse([]byte(test.data)); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
	unknown, err := catalogue(t).Route("", Notification{EventType: "nobody.create", Priority: "INFO"})
	if failure.ExitStatus(err) != 2 {
		t.Errorf("an event of nobody: %v, %v", unknown, err)
	}
	if route, err := catalogue(t).Route("nova", Notification{EventType: "aggregate.create.end", Priority: "INFO"}); err != nil || route.VHost != "nova" {
		t.Errorf("%v, %v", route, err)
	}
}

func FuzzAssignment(f *testing.F) {
	for _, seed := range []string{`a=b`, `payload.target.id=x`, `payload.ironic_object\.data.uuid=`, `a\=b=c`, `=`, `\`, `a..b=1`, `a.0.b=[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, value, err := ParseAssignment(text)
		if err != nil {
			if failure.ExitStatus(err) != 2 {
				t.Errorf("%q: %v is not bad input", text, err)
			}
			return
		}
		if path+"="+string(value) != text {
			t.Errorf("%q became %q and %q", text, path, value)
		}
		keys, err := splitPath(path)
		if err != nil {
			t.Fatalf("%q: an accepted path is refused: %v", path, err)
		}
		again, err := splitPath(joinPath(keys))
		if err != nil || !reflect.DeepEqual(keys, again) {
			t.Errorf("%q: %q written and read again is %q, %v", path, keys, again, err)
		}
		// What was set can be removed.
		document := map[string]any{}
		if _, err := setAt(document, keys, value); err != nil {
			t.Fatalf("set %q in an empty object: %v", path, err)
		}
		if _, ok := removeAt(document, keys); !ok {
			t.Errorf("%q was set and cannot be removed: %v", path, document)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"oslo.version":"2.0","oslo.message":"{\"event_type\":\"e\",\"payload\":{\"a\":[1,\"\\u00e9\"]}}"}`))
	f.Add([]byte(`{"event_type":"e","payload":{"x":1e400},"_context_a":null,"z":{}}`))
	f.Add([]byte(`{"oslo.message":"[]"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, driver, err := Parse(data)
		if err != nil {
			if failure.ExitStatus(err) != 2 {
				t.Errorf("%v is not bad input", err)
			}
			return
		}
		body, err := n.Body(driver)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, _, err := Parse(body)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, body)
		}
		if !reflect.DeepEqual(again.Document(), n.Document()) {
			t.Errorf("%v became %v", n.Document(), again.Document())
		}
	})
}
