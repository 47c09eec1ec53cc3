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
		"broken base64":         {`{"payload":"?","payload_encoding":"base64","routing_key":"k"}`, nil, "r.json:1: decode its payload"},
		"nothing":               {" \n", nil, "it holds no message"},
		"a text":                {"\"x\"", nil, `r.json:1: a message is a JSON object, not "\"x\""`},
		"broken":                {"{\"a\":1}\n{\"a\":\n", nil, "r.json:2: the message that starts on line 2 does not end"},
		"in a list":             {"[{}, 3]", nil, "message 2 of the list: a message is a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadRecorded("r.json", []byte(c.text))
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
