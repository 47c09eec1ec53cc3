package scenario

import (
	"strings"
	"testing"
)

func TestReadRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // vhost exchange key body
		err  string
	}{
		"a message":             {`{"oslo.message": "{}",  "n": 1.0}`, []string{`|||{"oslo.message": "{}",  "n": 1.0}`}, ""},
		"over several lines":    {"{\n \"event_type\": \"x\"\n}\n", []string{"|||{\n \"event_type\": \"x\"\n}"}, ""},
		"JSON Lines":            {"{\"a\":1}\n\n{\"a\":2}\n", []string{`|||{"a":1}`, `|||{"a":2}`}, ""},
		"RabbitMQ's management": {`[{"payload":"{\"a\": 1}","payload_encoding":"string","exchange":"nova","routing_key":"notifications.info","redelivered":false}]`, []string{`|nova|notifications.info|{"a": 1}`}, ""},
		"base64":                {`{"payload":"eyJhIjoxfQ==","payload_encoding":"base64","exchange":"e","routing_key":"k","vhost":"v"}`, []string{`v|e|k|{"a":1}`}, ""},
		"its own payload":       {`{"event_type":"x","payload":{"a":1}}`, []string{`|||{"event_type":"x","payload":{"a":1}}`}, ""},
		"broken base64":         {`{"payload":"?","payload_encoding":"base64","routing_key":"k"}`, nil, "line 1: decode its payload"},
		"nothing":               {" \n", nil, "it holds no message"},
		"a text":                {"\"x\"", nil, `line 1: a message is an object, not "x"`},
		"broken":                {"{\"a\":1}\n{\"a\":\n", nil, "line 2: not JSON"},
		"in a list":             {"[{}, 3]", nil, "message 2 of the list: a message is an object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadRecorded([]byte(c.text))
			if (err != nil) != (c.err != "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("%v, want %q", err, c.err)
			}
			var lines []string
			for _, m := range got {
				lines = append(lines, m.VHost+"|"+m.Exchange+"|"+m.RoutingKey+"|"+string(m.Body))
			}
			if strings.Join(lines, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got  %q\nwant %q", lines, c.want)
			}
		})
	}
}

func FuzzReadRecorded(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `[{"payload":"x","routing_key":"k"}]`, "{}\n{}", `{"payload":"eA==","payload_encoding":"base64","routing_key":"k"}`, "[[{}]]", "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadRecorded(data)
		if err == nil && len(got) == 0 {
			t.Error("neither a message nor an error")
		}
	})
}
