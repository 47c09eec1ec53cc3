package oslo

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/eventrig/eventrig/internal/failure"
)

const exampleService = `
vhost: v
exchange: x
topic: t
object: rig_object
namespace: rig
priorities: {error: ERROR}
publishers: {api: "api.host", part: "part.<thing>"}
contexts: {request: {user: <hex:user>}}
words: {disk: A disk, added: was added}
`

func files(definitions string) fstest.MapFS {
	return fstest.MapFS{
		"common.yaml":      {Data: []byte("parts: {shared: {one: 1, two: 2.50, three: [<thing>]}}")},
		"rig/service.yaml": {Data: []byte(exampleService)},
		"rig/things.yaml":  {Data: []byte(definitions)},
	}
}

func payloadOf(t *testing.T, definitions, name string) (string, Notification, Route) {
	t.Helper()
	c, err := NewCatalogue(files(definitions))
	if err != nil {
		t.Fatal(err)
	}
	template, err := c.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	n, route, err := template.Build(Options{})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(n.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded), n, route
}

func TestDefinitions(t *testing.T) {
	row := func(rest string) string {
		return "quality: exact\nsource: code\nparts: {local: {a: 1, b: null, c: x}, list: [1], deep: {x: {$ref: local, a: 2}}}\n" +
			"objects: {Thing: {version: '1.2', data: {$ref: shared, name: <thing>}}}\nevents:\n" + rest
	}
	for name, test := range map[string]struct{ definitions, event, want string }{
		"as it stands":        {row(`- {type: a.b, publisher: api, payload: {n: 1.50, t: true, z: null}}`), "rig/a.b", `{"n":1.50,"t":true,"z":null}`},
		"a part":              {row(`- {type: a.b, publisher: api, payload: {$ref: local}}`), "rig/a.b", `{"a":1,"b":null,"c":"x"}`},
		"a part within":       {row(`- {type: a.b, publisher: api, payload: {in: {$ref: deep}}}`), "rig/a.b", `{"in":{"x":{"a":2,"b":null,"c":"x"}}}`},
		"a part no object":    {row(`- {type: a.b, publisher: api, payload: {in: {$ref: list}}}`), "rig/a.b", `{"in":[1]}`},
		"replaced and more":   {row(`- {type: a.b, publisher: api, payload: {$ref: local, a: y, d: []}}`), "rig/a.b", `{"a":"y","b":null,"c":"x","d":[]}`},
		"only":                {row(`- {type: a.b, publisher: api, payload: {$ref: local, $only: [a]}}`), "rig/a.b", `{"a":1}`},
		"without":             {row(`- {type: a.b, publisher: api, payload: {$ref: local, $without: [a, b]}}`), "rig/a.b", `{"c":"x"}`},
		"only nothing":        {row(`- {type: a.b, publisher: api, payload: {$ref: local, $only: []}}`), "rig/a.b", `{}`},
		"parameters":          {row(`- {type: <thing>.<done>, each: {thing: [disk, cpu], done: [added, gone]}, publisher: api, payload: {<thing>: <done> now}}`), "rig/cpu.gone", `{"cpu":"gone now"}`},
		"typed parameters":    {row(`- {type: a.b, each: {thing: null, n: 7}, publisher: api, payload: {t: <thing>, n: <n>, s: "<n>!"}}`), "rig/a.b", `{"n":7,"s":"7!","t":null}`},
		"lists of parameters": {row("- {type: a.<n>, each: [&some [{n: x}], {n: y}, [[{n: z}]]], publisher: api, payload: {n: <n>}}"), "rig/a.z", `{"n":"z"}`},
		"parameter in a part": {row(`- {type: a.b, each: {thing: disk}, publisher: api, payload: {$ref: shared}}`), "rig/a.b", `{"one":1,"three":["disk"],"two":2.50}`},
		"part by parameter":   {row(`- {type: <p>.b, each: {p: [local, list]}, publisher: api, payload: {in: {$ref: <p>}}}`), "rig/list.b", `{"in":[1]}`},
		"an object": {row(`- {type: a.b, each: {thing: disk}, publisher: api, payload: {$ref: Thing}}`), "rig/a.b",
			`{"rig_object.data":{"name":"disk","one":1,"three":["disk"],"two":2.50},"rig_object.name":"Thing","rig_object.namespace":"rig","rig_object.version":"1.2"}`},
		"set": {row(`- {type: a.b, each: {thing: disk}, publisher: api, payload: {$ref: Thing}, set: {rig_object.data.one: <thing>, rig_object.data.two: {$ref: list}}}`), "rig/a.b",
			`{"rig_object.data":{"name":"disk","one":"disk","three":["disk"],"two":[1]},"rig_object.name":"Thing","rig_object.namespace":"rig","rig_object.version":"1.2"}`},
		"a variant": {row("- {type: a.b, publisher: api, payload: {n: 1}}\n- {type: a.b, variant: other, publisher: api, payload: {n: 2}}"), "rig/a.b@other", `{"n":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, _ := payloadOf(t, test.definitions, test.event); got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestDefinitionsOfAService(t *testing.T) {
	const definitions = `
quality: best effort
source: code
events:
- {type: <thing>.add.error, each: {thing: disk}, says: "<thing|words> <done|words>.", publisher: part, context: request, payload: {}}
`
	_, n, route := payloadOf(t, strings.ReplaceAll(definitions, "{thing: disk}", "{thing: disk, done: added}"), "rig/disk.add.error")
	if n.PublisherID != "part.disk" || n.Priority != "ERROR" || len(n.Context) != 1 || n.EventType != "disk.add.error" {
		t.Errorf("%+v", n)
	}
	if want := (Route{"v", "x", "t.error"}); route != want {
		t.Errorf("it goes to %v, want %v", route, want)
	}
	c, err := NewCatalogue(files(strings.ReplaceAll(definitions, "{thing: disk}", "{thing: disk, done: added}")))
	if err != nil {
		t.Fatal(err)
	}
	if template, err := c.Lookup("rig/disk.add.error"); err != nil || template.Description != "A disk was added." || template.Quality != BestEffort || template.Source != "code" {
		t.Errorf("%+v, %v", template, err)
	}
}

func TestAFileReplacesADefinition(t *testing.T) {
	fs := files("quality: exact\nsource: code\nevents:\n- {type: a.b, publisher: api, payload: {n: 1}}\n- {type: a.c, publisher: api, payload: {n: 1}}\n")
	fs["rig/a.b.json"] = &fstest.MapFile{Data: []byte(`{"vhost":"v","exchange":"e","topic":"t","publisher_id":"p","priority":"INFO","event_type":"a.b","payload":{"own":"<uuid:x>"}}`)}
	c, err := NewCatalogue(fs)
	if err != nil {
		t.Fatal(err)
	}
	if names := c.Names(); !slices.Equal(names, []string{"rig/a.b", "rig/a.c"}) {
		t.Errorf("%v", names)
	}
	template, err := c.Lookup("rig/a.b")
	if err != nil {
		t.Fatal(err)
	}
	n, route, err := template.Build(Options{})
	if err != nil || route.Exchange != "e" || len(n.Payload) != 1 || len(n.Payload["own"].(string)) != 36 {
		t.Errorf("%v to %v, %v", n.Payload, route, err)
	}
}

func TestBadDefinitions(t *testing.T) {
	event := func(rest string) string { return "quality: exact\nsource: code\nevents:\n- {" + rest + "}\n" }
	for name, test := range map[string]struct {
		definitions, want string
		late              bool // only building it shows
	}{
		"no YAML":               {"a: [", "did not find expected", false},
		"two documents":         {"source: a\n---\nsource: b\n", "more than one YAML document", false},
		"unknown field":         {"quality: exact\nsurce: code\n", "surce", false},
		"a key twice":           {"quality: exact\nquality: exact\n", "line 2", false},
		"a date":                {event("type: a.b, publisher: api, payload: {d: 2026-01-02}"), "quote it", false},
		"no number of JSON":     {event("type: a.b, publisher: api, payload: {d: 0x1f}"), "no number of JSON", false},
		"unknown quality":       {"quality: good\nsource: code\nevents:\n- {type: a.b, publisher: api, payload: {}}\n", `is "good"`, false},
		"no source":             {"quality: exact\nevents:\n- {type: a.b, publisher: api, payload: {}}\n", "no source", false},
		"no payload":            {event("type: a.b, publisher: api"), "no payload", false},
		"unknown publisher":     {event("type: a.b, publisher: nobody, payload: {}"), `no publisher "nobody"`, false},
		"publisher's parameter": {event("type: a.b, publisher: part, payload: {}"), "needs a parameter", false},
		"unknown context":       {event("type: a.b, publisher: api, context: none, payload: {}"), `no context "none"`, false},
		"unknown parameter":     {event("type: a.<b>, publisher: api, payload: {}"), "<b> names no parameter", false},
		"no words":              {event("type: a.b, each: {b: x}, says: <b|words>, publisher: api, payload: {}"), `no words for "x"`, false},
		"parameters no map":     {event("type: a.b, each: [x], publisher: api, payload: {}"), "each must be maps", false},
		"the same twice":        {event("type: a.b, each: {n: [1, 2]}, publisher: api, payload: {}"), "defined twice", false},
		"a part twice":          {"parts: {shared: {}}\n", "defined twice", false},
		"an object as a part":   {"objects: {shared: {version: '1', data: {}}}\n", "defined twice", false},
		"unknown part":          {event("type: a.b, publisher: api, payload: {$ref: sharde}"), "nearest: shared", true},
		"part no name":          {event("type: a.b, publisher: api, payload: {$ref: 1}"), "must be a name", true},
		"beside a list":         {"parts: {l: [1]}\n" + event("type: a.b, publisher: api, payload: {in: {$ref: l, x: 1}}"), "nothing beside it", true},
		"only what is not":      {event("type: a.b, each: {thing: x}, publisher: api, payload: {$ref: shared, $only: [four]}"), `there is no "four"`, true},
		"itself":                {"parts: {l: {in: {$ref: l}}}\n" + event("type: a.b, publisher: api, payload: {$ref: l}"), "contains itself", true},
		"payload no object":     {event("type: a.b, publisher: api, payload: [1]"), "must be an object", true},
		"unknown mark":          {event("type: a.b, publisher: api, payload: {t: '<time:never>'}"), "unknown mark <time:never>", true},
		"set below a number":    {event("type: a.b, publisher: api, payload: {n: 1}, set: {n.x: 1}"), "lies below a number", true},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := NewCatalogue(files(test.definitions))
			if err == nil && test.late {
				var template Template
				if template, err = c.Lookup("rig/a.b"); err == nil {
					_, _, err = template.Build(Options{})
				}
			} else if err != nil && failure.ExitStatus(err) != 2 {
				t.Errorf("exit status %d", failure.ExitStatus(err))
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want it to say %q", err, test.want)
			}
		})
	}
	if _, err := NewCatalogue(fstest.MapFS{"rig/a.yaml": {Data: []byte("source: x")}}); failure.ExitStatus(err) != 2 || !strings.Contains(err.Error(), "rig/service.yaml") {
		t.Errorf("without service.yaml: %v", err)
	}
}

func FuzzDefinitions(f *testing.F) {
	for _, seed := range []string{
		"quality: exact\nsource: s\nevents:\n- {type: a.<b>, each: [{b: [1, x]}], publisher: api, payload: {$ref: shared, $only: [one], <b>: <hex:<b>>}}\n",
		"parts: &a {b: *a}", "objects: {X: {version: '1', data: {}}}", "events: [{}]", "quality: &q [*q]", "events: [{type: a, each: {x: []}}]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, definitions string) {
		c, err := NewCatalogue(files(definitions))
		if err != nil {
			if failure.ExitStatus(err) != 2 {
				t.Errorf("%v is not bad input", err)
			}
			return
		}
		for _, name := range c.Names() {
			template, err := c.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			n, _, err := template.Build(Options{})
			if err != nil {
				continue
			}
			if _, err := n.Body(MessagingV2); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
