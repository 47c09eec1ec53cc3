package lint

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/eventrig/eventrig/internal/lint/jq"
)

const pathData = `{"exchange": "ironic", "1": {"x": 0}, "body": {"oslo.message": "{}", "list": [{"a": 1}, [2]], "payload": {"ironic_object.data": {"uuid": null, "a.b": 1}}, "@x": 1, "": {"": 2}}}`

// pathShape is what may be known of it.
var pathShape = jq.Closed(map[string]jq.Shape{
	"exchange": jq.Of(jq.String), "1": jq.Of(jq.Object),
	"body": {Kinds: jq.Object, Open: true, Fields: map[string]jq.Shape{"payload": jq.Of(jq.Object), "list": jq.Of(jq.Array), "oslo.message": jq.Of(jq.String)}},
})

// What the analysis says of a path must be what gjson does with it.
func FuzzPathIsGjsons(f *testing.F) {
	for _, path := range []string{"exchange", "body.payload", `body.payload.ironic_object\.data.uuid`, "body.payload.ironic_object.data.uuid", "body.list.0.a", "body.list.1.0", "body.list.5",
		"body.list.#", "body.list.#(a==1).a", "body.*", "bod?", "body|payload", "body.@this", "@this", "{exchange}", "!\"x\"", "", ".", "..", "body.", `a\`, "1.x", "exchange.length", `body.\@x`, "body.list.-1", "body.list.00", "..0", "|..#", "0.{)", `1\`, `body.list.0\`, `body.list.\0.a`} {
		f.Add(path)
	}
	var data any
	if err := json.Unmarshal([]byte(pathData), &data); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := parsePath(text)
		exists := gjson.Get(pathData, text).Exists()
		if at, certain := path.cannotExist(pathShape); certain && exists {
			t.Errorf("%q exists, though step %d is said not to", text, at)
		}
		if !path.whole {
			return
		}
		if _, found := lookup(data, path.steps); found && !exists {
			t.Errorf("%q does not exist for gjson, but is found at %q", text, path.steps)
		}
		for _, step := range path.steps {
			if step == "" {
				return
			}
		}
		if written := joined(path.steps); gjson.Get(pathData, written).Exists() != exists {
			t.Errorf("%q is written again as %q, which is something else", text, written)
		}
	})
}

func TestDottedKeysAreFound(t *testing.T) {
	var data any
	if err := json.Unmarshal([]byte(pathData), &data); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"body.payload.ironic_object.data.uuid": `body.payload.ironic_object\.data.uuid`,
		"body.oslo.message":                    `body.oslo\.message`,
		"body.payload.ironic_object.data.a.b":  `body.payload.ironic_object\.data.a\.b`,
		"body.payload.nova_object.data":        "",
	} {
		steps, ok := dotted(data, parsePath(path).steps)
		if got := joined(steps); ok != (want != "") || ok && got != want {
			t.Errorf("%s: meant is %s (%t), want %q", path, got, ok, want)
		}
	}
}

func TestTopicBindings(t *testing.T) {
	for _, test := range []struct {
		binding, key string
		want         bool
	}{
		{"notifications.info", "notifications.info", true}, {"notifications.*", "notifications.error", true}, {"#", "a.b.c", true}, {"#", "", true},
		{"*.info", "notifications.info", true}, {"*", "a.b", false}, {"a.#.c", "a.c", true}, {"a.#.c", "a.b.b.c", true}, {"a.#.c", "a.b", false}, {"a.b", "a", false}, {"a", "a.b", false},
	} {
		if got := topicMatches(test.binding, test.key); got != test.want {
			t.Errorf("%s routes %s: %t", test.binding, test.key, got)
		}
	}
}
