package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

// endlessEvents is JSON Lines that go on until something was printed.
type endlessEvents struct {
	line    []byte
	rest    []byte
	printed *printed
	read    int
	last    string // what comes at the end
}

// printed notes that something was.
type printed struct {
	bytes.Buffer
	first int
}

func (p *printed) Write(data []byte) (int, error) {
	p.first++
	return p.Buffer.Write(data)
}

// enough is many times what may be kept back.
const enough = 200 << 20

func (e *endlessEvents) Read(buffer []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.printed.first > 0 || e.read > enough {
			if e.last == "" {
				return 0, io.EOF
			}
			e.rest, e.last = []byte(e.last), ""
		} else {
			e.rest = e.line
		}
	}
	n := copy(buffer, e.rest)
	e.rest = e.rest[n:]
	e.read += n
	return n, nil
}

func TestARecordingOfAnySizeIsExplainedAsItIsRead(t *testing.T) {
	body := notification(t, "keystone/identity.user.created", "payload.filler", strings.Repeat("x", 50_000))
	for name, c := range map[string]struct {
		last   string
		status int
	}{
		"to its end": {"", 0}, "until it breaks off": {"{\"a\": ", 2},
	} {
		t.Run(name, func(t *testing.T) {
			out := &printed{}
			in := &endlessEvents{line: []byte(body + "\n"), printed: out, last: c.last}
			command := New()
			command.SilenceUsage, command.SilenceErrors = true, true
			command.SetOut(out)
			command.SetErr(io.Discard)
			command.SetIn(in)
			command.SetArgs([]string{"--event", "-", "-o", "json", "--expect", "nova-oslo-event=silent"})
			err := command.ExecuteContext(t.Context())
			if status := failure.ExitStatus(err); status != c.status {
				t.Fatalf("%v", err)
			}
			if in.read > enough {
				t.Error("all of the input was read before anything was printed")
			}
			var list []entry
			if err := json.Unmarshal(out.Bytes(), &list); err != nil || len(list) == 0 {
				t.Errorf("%d entries, %v", len(list), err)
			}
		})
	}
}

func TestWhatCannotBePrintedIsSaid(t *testing.T) {
	command := New()
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetOut(broken{})
	command.SetIn(strings.NewReader(notification(t, "keystone/identity.user.created")))
	command.SetArgs([]string{"--event", "-"})
	if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "print: no space") {
		t.Errorf("%v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestStandardInputIsReadOnce(t *testing.T) {
	event := notification(t, "keystone/identity.user.created")
	for _, arguments := range [][]string{{"--event", "-", "--event", "-"}, {"--event", "-", "--diff", "-"}} {
		if out, err := explain(t, event, arguments...); failure.ExitStatus(err) != 2 || out != "" || !strings.Contains(err.Error(), "standard input can be read only once") {
			t.Errorf("%v: %v, %q", arguments, err, out)
		}
	}
}
