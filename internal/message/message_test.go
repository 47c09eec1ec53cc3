package message_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/message"
)

// A notification with what is lost easily: a number that is no float, an escaped slash, keys out of order, spaces.
const (
	bare    = `{"event_type": "identity.project.created", "payload":{"z":1.0,"a":12345678901234567890,"u":"a\/b"},  "publisher_id":"identity.h", "message_id":"m-1"}`
	wrapped = `{"oslo.version":"2.0","oslo.message":"{\"event_type\": \"identity.project.created\", \"payload\": {\"n\": 1.0}, \"publisher_id\": \"identity.h\", \"message_id\": \"m-1\"}"}`
	inner   = `{"event_type": "identity.project.created", "payload": {"n": 1.0}, "publisher_id": "identity.h", "message_id": "m-1"}`
	passed  = `{"contentType":"application/json","exchange":"keystone","routingKey":"notifications.info","body":` + wrapped + `}`
	webhook = `{"header":{"Host":["h"]},"body":{"alerts":[{"status":"firing"}]}}`
)

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestEveryForm(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(bare))
	for name, c := range map[string]struct {
		text string
		want message.Event
	}{
		"in oslo's envelope": {wrapped, message.Event{Form: message.Envelope, Content: message.Envelope, Data: []byte(wrapped), Notification: []byte(inner)}},
		"bare":               {bare, message.Event{Form: message.Notification, Content: message.Notification, Data: []byte(bare), Notification: []byte(bare)}},
		"as the management API shows it": {
			`[{"payload_bytes":9,"redelivered":false,"exchange":"keystone","routing_key":"notifications.info","message_count":0,"properties":{"delivery_mode":2,"headers":{"x":1.0}},"payload":` + quoted(wrapped) + `,"payload_encoding":"string"}]`,
			message.Event{
				Form: message.RabbitMQ, Content: message.Envelope, Data: []byte(wrapped), Notification: []byte(inner), Exchange: "keystone",
				RoutingKey: "notifications.info", Properties: json.RawMessage(`{"delivery_mode":2,"headers":{"x":1.0}}`),
			},
		},
		"in base64": {
			`{"payload":"` + encoded + `","payload_encoding":"base64","exchange":"k","routing_key":"r","vhost":"v","properties":[]}`,
			message.Event{Form: message.RabbitMQ, Content: message.Notification, Data: []byte(bare), Notification: []byte(bare), VHost: "v", Exchange: "k", RoutingKey: "r"},
		},
		"as it is given to the management API": {
			`{"properties":{},"routing_key":"r","payload":` + quoted(bare) + `,"payload_encoding":"string"}`,
			message.Event{Form: message.RabbitMQ, Content: message.Notification, Data: []byte(bare), Notification: []byte(bare), RoutingKey: "r", Properties: json.RawMessage(`{}`)},
		},
		"as the tracing plugin logs it": {
			`{"timestamp":"t","type":"published","node":"n","vhost":"keystone","exchange":"k","queue":"none","routing_keys":["r","cc"],"properties":{},"payload":"` + encoded + `"}`,
			message.Event{Form: message.Trace, Content: message.Notification, Data: []byte(bare), Notification: []byte(bare), VHost: "keystone", Exchange: "k", RoutingKey: "r", Properties: json.RawMessage(`{}`)},
		},
		"as an EventSource passes it on": {passed, message.Event{
			Form: message.EventSource, Content: message.Envelope, Data: []byte(wrapped), Passed: []byte(passed), Notification: []byte(inner),
			Exchange: "keystone", RoutingKey: "notifications.info",
		}},
		"without jsonBody": {
			`{"exchange":"e","routingKey":"r","body":"` + encoded + `"}`,
			message.Event{
				Form: message.EventSource, Content: message.Notification, Data: []byte(bare), Notification: []byte(bare), Exchange: "e", RoutingKey: "r",
				Passed: []byte(`{"exchange":"e","routingKey":"r","body":"` + encoded + `"}`),
			},
		},
		"a webhook as its EventSource passes it on": {webhook, message.Event{
			Form: message.EventSource, Content: message.Body, Data: []byte(`{"alerts":[{"status":"firing"}]}`), Passed: []byte(webhook), Headers: json.RawMessage(`{"Host":["h"]}`),
		}},
		"a resource": {
			`{"type":"ADD","body":{"kind":"Secret"},"group":"","version":"v1","resource":"secrets"}`,
			message.Event{
				Form: message.EventSource, Content: message.Body, Data: []byte(`{"kind":"Secret"}`),
				Passed: []byte(`{"type":"ADD","body":{"kind":"Secret"},"group":"","version":"v1","resource":"secrets"}`),
			},
		},
		"a CloudEvent": {
			`{"specversion":"1.0","id":"c","source":"openstack-keystone","subject":"notifications","type":"amqp","data":` + passed + `}`,
			message.Event{
				Form: message.CloudEvent, Content: message.Envelope, Data: []byte(wrapped), Passed: []byte(passed), Notification: []byte(inner), Exchange: "keystone",
				RoutingKey: "notifications.info", SourceName: "openstack-keystone", EventName: "notifications", CloudEventID: "c", SourceType: "amqp",
			},
		},
		"a CloudEvent in base64": {
			`{"specversion":"1.0","id":"c","source":"s","subject":"n","type":"webhook","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(webhook)) + `"}`,
			message.Event{
				Form: message.CloudEvent, Content: message.Body, Data: []byte(`{"alerts":[{"status":"firing"}]}`), Passed: []byte(webhook), Headers: json.RawMessage(`{"Host":["h"]}`),
				SourceName: "s", EventName: "n", CloudEventID: "c", SourceType: "webhook",
			},
		},
		"a CloudEvent whose data is a text": {
			`{"specversion":"1.0","id":"c","source":"s","subject":"n","type":"webhook","datacontenttype":"text/plain","data":"a\"b"}`,
			message.Event{Form: message.CloudEvent, Content: message.Body, Data: []byte(`a"b`), Passed: []byte(`a"b`), SourceName: "s", EventName: "n", CloudEventID: "c", SourceType: "webhook"},
		},
		"a webhook's body":            {`{"alerts":[]}`, message.Event{Form: message.Body, Content: message.Body, Data: []byte(`{"alerts":[]}`)}},
		"a misspelt envelope":         {`{"oslomessage":"{}"}`, message.Event{Form: message.Body, Content: message.Body, Data: []byte(`{"oslomessage":"{}"}`)}},
		"an envelope of nothing":      {`{"oslo.message":"x"}`, message.Event{Form: message.Envelope, Content: message.Envelope, Data: []byte(`{"oslo.message":"x"}`)}},
		"keys in other letters":       {`{"Payload":"x","Routing_Key":"r","Exchange":"e"}`, message.Event{Form: message.Body, Content: message.Body, Data: []byte(`{"Payload":"x","Routing_Key":"r","Exchange":"e"}`)}},
		"a payload that is an object": {`{"payload":{},"routing_key":"r","exchange":"e"}`, message.Event{Form: message.Body, Content: message.Body, Data: []byte(`{"payload":{},"routing_key":"r","exchange":"e"}`)}},
		"a mark that was there":       {`{"payload":"\ufffd","routing_key":"r","exchange":"e"}`, message.Event{Form: message.RabbitMQ, Content: message.Body, Data: []byte("\ufffd"), Exchange: "e", RoutingKey: "r"}},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := message.Parse("f.json", []byte(" "+c.text+"\n"))
			if err != nil || len(events) != 1 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			got, want := events[0], c.want
			want.File, want.Line, want.Index = "f.json", 1, 1
			want.Raw = []byte(strings.TrimSuffix(strings.TrimPrefix(c.text, "["), "]"))
			if want.Notification != nil {
				want.EventType, want.PublisherID, want.MessageID = "identity.project.created", "identity.h", "m-1"
			}
			if show(got) != show(want) {
				t.Errorf("got\n%s\nwant\n%s", show(got), show(want))
			}
		})
	}
}

// show prints an event so that nil and empty are told apart.
func show(e message.Event) string {
	return fmt.Sprintf("%s %s %s %d: raw %q data %q passed %q (%t) notification %q (%t)\n  %q %q %q\n  %q %q %q %q\n  %q %q %q properties %s headers %s", e.Form, e.Content, e.Place(), e.Index,
		e.Raw, e.Data, e.Passed, e.Passed == nil, e.Notification, e.Notification == nil, e.VHost, e.Exchange, e.RoutingKey,
		e.SourceName, e.EventName, e.CloudEventID, e.SourceType, e.EventType, e.PublisherID, e.MessageID, e.Properties, e.Headers)
}

func TestManyMessages(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"JSON Lines":              {"{\"n\":1}\n\n{\"n\":2}\r\n", `1:{"n":1} 3:{"n":2}`},
		"a list over lines":       {"[\n{\"n\":1},\n\n{\"n\":2}\n]\n", `2:{"n":1} 4:{"n":2}`},
		"lists in a list":         {"[[{\"n\":1},\n[]],\n[{\"n\":2}]]", `1:{"n":1} 3:{"n":2}`},
		"lists one by one":        {"[{\"n\":1}]\n[]\n[{\"n\":2}]{\"n\":3}", `1:{"n":1} 3:{"n":2} 3:{"n":3}`},
		"over several lines":      {"{\n \"n\":\n1}\n{\"n\":2}", "1:{\n \"n\":\n1} 4:{\"n\":2}"},
		"brackets in texts":       {`{"n":"]}\"{"}{"n":2}`, `1:{"n":"]}\"{"} 1:{"n":2}`},
		"after a byte order mark": {"\ufeff{\"n\":1}", `1:{"n":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			// One byte at a time, so that every boundary of a buffer is met.
			events, err := message.All(message.Read("f", slow{strings.NewReader(c.text)}, message.Options{}))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, event := range events {
				if event.Index != i+1 {
					t.Errorf("message %d has index %d", i+1, event.Index)
				}
				got = append(got, fmt.Sprintf("%d:%s", event.Line, event.Raw))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got  %q\nwant %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

type slow struct{ io.Reader }

func (s slow) Read(p []byte) (int, error) { return s.Reader.Read(p[:1]) }

func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":                      {"", "bad.json:1: it holds no message"},
		"white space":                {"\n \n", "bad.json:3: it holds no message"},
		"an empty list":              {"[]", "bad.json:1: it holds no message"},
		"a text":                     {"\n\"x\"", `bad.json:2: a message is a JSON object, not "\"x\""`},
		"YAML":                       {"event_type: x\n", `bad.json:1: not JSON: "event_type: x\n"`},
		"binary":                     {"\x7fELF\x00\x01", `bad.json:1: not JSON: "\x7fELF\x00\x01"`},
		"compressed":                 {"\x1f\x8b\x08", "bad.json:1: not JSON: it is compressed with gzip"},
		"cut off":                    {"{\"a\":1}\n{\"a\":\n", "the message that starts on line 2 does not end"},
		"cut off in a text":          {"{\"a\":1}\n{\"a\":\"x", "the message that starts on line 2 does not end"},
		"a line cut off in a text":   {"{\"a\":\"x\n{\"a\":\"y\"}\n", "bad.json:1: not JSON: a text does not end on its line"},
		"a list cut off":             {"\n[{\"a\":1},\n", "bad.json:3: the list that starts on line 2 does not end"},
		"garbage after":              {"{\"a\":1}\nOK\n", `bad.json:2: not JSON: "OK\n"`},
		"a bracket after":            {"{\"a\":1}}", `bad.json:1: not JSON: "}"`},
		"garbage in a list":          {"[{\"a\":1}\n {}]", "bad.json:2: not JSON: a comma or the list's end must follow"},
		"a comma too many":           {"[{\"a\":1},\n]", `bad.json:2: message 2 of the list`},
		"a number in a list":         {"[{},\n 3]", `bad.json:2: message 2 of the list: a message is a JSON object, not "3]"`},
		"a number in a list's list":  {"[[{},\n 3]]", `bad.json:2: a message is a JSON object, not "3"`},
		"broken on its second line":  {"{\"a\":1}\n{\"a\":1,\n b:2}", "bad.json:3: not JSON: invalid character 'b'"},
		"brackets that do not match": {"{\"a\":[}]", "bad.json:1: not JSON"},
		"broken base64":              {`{"payload":"?","payload_encoding":"base64","routing_key":"k"}`, "bad.json:1: decode its payload"},
		"an unknown encoding":        {`{"payload":"00","payload_encoding":"hex","routing_key":"k"}`, `payload_encoding is "hex"`},
		"a payload cut off":          {`{"payload":"{\"event_","payload_bytes":400,"payload_encoding":"string","routing_key":"k"}`, "its payload is cut off: 8 of 400 bytes are there"},
		"bytes that are not Unicode": {"{\"payload\":\"a\xff\",\"payload_encoding\":\"string\",\"routing_key\":\"k\"}", "a text in it is not Unicode"},
		"half a character":           {`{"payload":"\ud83d","payload_encoding":"string","routing_key":"k"}`, "a text in it is not Unicode"},
		"broken CloudEvent":          {`{"specversion":"1.0","id":"c","source":"s","type":"t","data_base64":"?"}`, "decode the CloudEvent's data_base64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := message.Parse("bad.json", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad.json:") {
				t.Errorf("error %v\nwant  %s", err, c.want)
			}
			if failure.ExitStatus(err) != int(failure.BadInput) || failure.Hint(err) == "" {
				t.Errorf("exit status %d, hint %q", failure.ExitStatus(err), failure.Hint(err))
			}
		})
	}
}

func TestFilesAndStandardInput(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, two := write("b.json", "{\"n\":1}\n"), write("a/c.jsonl", "{\"n\":2}\n{\"n\":3}\n")
	write("a/readme.md", "no event")
	empty := filepath.Join(folder, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}

	paths, err := message.Expand([]string{message.Stdin, folder})
	if want := []string{message.Stdin, two, one}; err != nil || !slices.Equal(paths, want) {
		t.Fatalf("a folder holds %q, %v; want %q", paths, err, want)
	}
	var got []string
	for event, err := range message.Files(paths, strings.NewReader("{\"n\":0}"), message.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimPrefix(event.Place(), folder+"/"))
	}
	if want := "standard input:1 a/c.jsonl:1 a/c.jsonl:2 b.json:1"; strings.Join(got, " ") != want {
		t.Errorf("events at %q, want %q", got, want)
	}

	for name, c := range map[string]struct {
		paths []string
		want  string
	}{
		"a folder":          {[]string{folder}, "is a folder"},
		"no file":           {[]string{filepath.Join(folder, "none.json")}, "none.json"},
		"twice from stdin":  {[]string{message.Stdin, message.Stdin}, "only once"},
		"after a good file": {[]string{one, write("bad.json", "{")}, "bad.json:1"},
	} {
		_, err := message.All(message.Files(c.paths, strings.NewReader("{}"), message.Options{}))
		if failure.ExitStatus(err) != int(failure.BadInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want bad input with %q", name, err, c.want)
		}
	}
	if _, err := message.Expand([]string{empty}); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("a folder without events: %v", err)
	}
}

func TestFormOverrules(t *testing.T) {
	as := func(form message.Form, text string) (message.Event, error) {
		events, err := message.All(message.Read("f", strings.NewReader(text), message.Options{As: form}))
		if err != nil {
			return message.Event{}, err
		}
		return events[0], nil
	}
	cloud := `{"specversion":"1.0","id":"c","source":"s","subject":"n","type":"t","data":{}}`
	if event, err := as(message.Body, cloud); err != nil || event.Form != message.Body || string(event.Data) != cloud || event.Passed != nil {
		t.Errorf("a CloudEvent that a webhook got: %s, %v", show(event), err)
	}
	if event, err := as(message.EventSource, `{"topic":"t","body":{"a":1}}`); err != nil || string(event.Data) != `{"a":1}` {
		t.Errorf("what a Kafka EventSource passes on: %s, %v", show(event), err)
	}
	if _, err := as(message.RabbitMQ, bare); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("a bare notification as RabbitMQ's: %v", err)
	}
	for _, form := range message.Forms() {
		if parsed, err := message.ParseForm(string(form)); err != nil || parsed != form {
			t.Errorf("form %s: %v, %v", form, parsed, err)
		}
	}
	if _, err := message.ParseForm("yaml"); failure.ExitStatus(err) != int(failure.BadInput) {
		t.Errorf("an unknown form: %v", err)
	}
}

// endless is a list that never ends, in one text after n messages.
type endless struct {
	start *strings.Reader
	read  int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.start.Len() > 0 {
		return e.start.Read(p)
	}
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestTooLargeEndsEarly(t *testing.T) {
	in := &endless{start: strings.NewReader("[{\"a\":1},\n{\"a\":\"")}
	var good int
	var last error
	for _, err := range message.Read("huge.json", in, message.Options{}) {
		if last = err; err == nil {
			good++
		}
	}
	if good != 1 || last == nil || !strings.Contains(last.Error(), "huge.json:2: the message that starts on line 2 is larger than 64 MiB") {
		t.Errorf("%d messages, then %v", good, last)
	}
	if in.read > message.MaxSize+1<<20 {
		t.Errorf("%d bytes were read", in.read)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		bare, wrapped, passed, webhook, "[" + bare + ",\n" + wrapped + "]", "{}\n{}", "[[{}]]", "null", "", "[", "{\"a\":\"\\", "\ufeff{}",
		`{"payload":"eA==","payload_encoding":"base64","routing_key":"k"}`, `{"payload":"\ud800","exchange":"e","routing_key":"k"}`,
		`{"specversion":"1.0","id":"c","source":"s","subject":"n","type":"amqp","data":` + passed + `}`,
		`{"specversion":"1.0","id":"c","source":"s","type":"t","datacontenttype":"text/plain","data":"x"}`,
		`{"type":"published","exchange":"e","routing_keys":["r"],"payload":"e30="}`, "[{\"a\":1}\n,[1]]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := message.Parse("f", data)
		if (err == nil) != (len(events) > 0) {
			t.Fatalf("%d events and %v", len(events), err)
		}
		if err != nil && failure.ExitStatus(err) != int(failure.BadInput) {
			t.Errorf("%v is not called bad input", err)
		}
		rest := data
		for _, event := range events {
			at := bytes.Index(rest, event.Raw)
			if at < 0 || !json.Valid(event.Raw) {
				t.Fatalf("%q is not in the input, in its order", event.Raw)
			}
			before := data[:len(data)-len(rest)+at]
			if line := 1 + bytes.Count(before, []byte("\n")); line != event.Line {
				t.Errorf("%q is on line %d, not %d", event.Raw, line, event.Line)
			}
			if left := bytes.Trim(rest[:at], " \t\r\n,[]\ufeff"); len(left) > 0 {
				t.Errorf("%q was passed over", left)
			}
			rest = rest[at+len(event.Raw):]
			again, err := message.Parse("f", event.Raw)
			if err != nil || len(again) != 1 || again[0].Form != event.Form || !bytes.Equal(again[0].Data, event.Data) {
				t.Errorf("%q alone is read in another way: %v", event.Raw, err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	lines := strings.Repeat(wrapped+"\n", 1000)
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		for _, err := range message.Read("f", strings.NewReader(lines), message.Options{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
