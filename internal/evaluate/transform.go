package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/argoproj/argo-events/pkg/sensors/dependencies"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/itchyny/gojq"
	"github.com/tidwall/gjson"

	"github.com/eventrig/eventrig/internal/nearest"
)

// Transform is what a dependency's transform made of an event.
type Transform struct {
	JQ     string          // the program; empty for a script
	Script string          // in Lua
	Result json.RawMessage // the event's data after it
	Error  string          // what argo-events says
	Cause  string          // jq's own error, which argo-events hides
	Notes  []string
}

// transformed is the outcome of a transform of one arrival; several Sensors may have the same.
type transformed struct {
	transform Transform
	event     *cloudevents.Event
	verdict   Verdict
	hint      string
}

// query is a jq program that is compiled once, to see what it does before argo-events runs it.
type query struct {
	code  *gojq.Code
	err   error
	plain bool // it needs no limit
}

// transform runs the dependency's transform; false: the event ends here.
func (e *Evaluator) transform(o *Outcome) (*cloudevents.Event, bool) {
	t := o.Dependency.Transform
	if t == nil || t.JQ == "" && t.Script == "" {
		return &o.arrival.event, true
	}
	key, field := "jq\x00"+t.JQ, "jq"
	if t.JQ == "" {
		key, field = "lua\x00"+t.Script, "script"
	}
	done, known := o.arrival.transforms[key]
	if !known {
		done = e.runTransform(o, key)
		o.arrival.transforms[key] = done
	}
	copied := done.transform
	o.Transform = &copied
	if done.event != nil {
		return done.event, true
	}
	o.verdict(done.verdict, "transform")
	o.Near = true
	o.Hint = done.hint
	o.Path = strings.TrimPrefix(strings.TrimPrefix(key, "jq\x00"), "lua\x00")
	o.Want = []string{"a JSON object"}
	o.At = o.field("transform", field)
	cause := copied.Cause
	if cause == "" {
		cause = copied.Error
	}
	o.Got = quoted(cause)
	return nil, false
}

// runTransform lets argo-events transform a copy of the event, once it is known that this ends.
func (e *Evaluator) runTransform(o *Outcome, key string) *transformed {
	t := o.Dependency.Transform
	done := &transformed{verdict: TransformError, transform: Transform{JQ: t.JQ, Script: t.Script}}
	fail := func(cause, hint string) *transformed {
		done.transform.Cause, done.hint = cause, hint
		return done
	}
	if why := e.givenUp(key); why != "" {
		done.verdict = Undecided
		return fail(why, "Argo Events sets no limit: the trigger would stand still")
	}
	if t.JQ != "" && e.query(t.JQ).plain {
		copied := o.arrival.event.Clone()
		if event, err := dependencies.ApplyTransform(&copied, t); err == nil {
			done.event, done.transform.Result = event, event.Data()
			return done
		}
		// Why, argo-events does not say.
	}
	if t.JQ != "" {
		cause, hint, ends := e.tryQuery(o.arrival, t.JQ, &done.transform)
		if !ends {
			e.ranOut(key)
			return fail(cause, hint)
		}
		done.transform.Cause, done.hint = cause, hint
	} else if why := unsafeScript(t.Script); why != "" {
		done.verdict = Undecided
		return fail(why, "eventrig does not run scripts that may change this machine")
	}
	copied := o.arrival.event.Clone()
	var event *cloudevents.Event
	var err error
	run := func() { event, err = dependencies.ApplyTransform(&copied, t) }
	if t.JQ != "" {
		run()
	} else if !within(e.options.Limit, run) {
		e.ranOut(key)
		return fail(fmt.Sprintf("the script still runs after %s", e.options.Limit), "Argo Events sets no limit: the trigger would stand still")
	}
	if err != nil {
		done.transform.Error = err.Error()
		return done
	}
	if cause := done.transform.Cause; cause != "" {
		done.transform.Notes = append(done.transform.Notes, cause)
		done.transform.Cause = ""
	}
	done.event = event
	done.transform.Result = event.Data()
	return done
}

// tryQuery runs a jq program within the limit, because argo-events neither limits it nor tells its error. It returns the
// reason why it gives no object, or "", what to do about that, and whether it ends at all.
func (e *Evaluator) tryQuery(a *arrival, program string, t *Transform) (cause, hint string, ends bool) {
	q := e.query(program)
	if q.err != nil {
		return q.err.Error(), "the program is no jq: the Sensor drops every event", true
	}
	if a.input == nil {
		var input map[string]any
		if err := json.Unmarshal(a.event.Data(), &input); err != nil {
			return "the data is no JSON object: " + err.Error(), "argo-events transforms objects only", true
		}
		a.input = input
	}
	ctx, cancel := context.WithTimeout(context.Background(), e.options.Limit)
	defer cancel()
	iter := q.code.RunWithContext(ctx, a.input)
	value, ok := iter.Next()
	if !ok {
		return "the program gives nothing for this event (empty)", "it must give an object for every event", true
	}
	if err, failed := value.(error); failed {
		if ctx.Err() != nil {
			return fmt.Sprintf("the program still runs after %s", e.options.Limit), "Argo Events sets no limit: the trigger would stand still, and use up the Sensor's memory", false
		}
		return err.Error(), jqHint(err, program, a.event.Data()), true
	}
	if _, object := value.(map[string]any); !object {
		return fmt.Sprintf("the program gives %s, not an object", preview(value)), "argo-events takes objects only: put it under a key, as in {body: ...}", true
	}
	if more, again := iter.Next(); again {
		if _, failed := more.(error); !failed {
			t.Notes = append(t.Notes, "the program gives several results, of which argo-events takes the first")
		}
	}
	return "", "", true
}

func (e *Evaluator) query(program string) *query {
	if known, ok := e.queries.Load(program); ok {
		return known.(*query)
	}
	q := &query{}
	parsed, err := gojq.Parse(program)
	if err == nil {
		q.plain = plain(parsed)
		q.code, err = gojq.Compile(parsed)
	}
	if err != nil {
		q.err = fmt.Errorf("compile: %w", err)
	}
	e.queries.Store(program, q)
	return q
}

// jqHint says what the most frequent errors mean here.
func jqHint(err error, program string, data []byte) string {
	text := err.Error()
	body := gjson.GetBytes(data, "body")
	const member = `oslo\.message`
	switch {
	case strings.Contains(program, `"oslo.message"`) && strings.Contains(text, "fromjson") && !body.Get(member).Exists():
		var keys []string
		body.ForEach(func(key, _ gjson.Result) bool { keys = append(keys, key.String()); return true })
		if near := nearest.Name("oslo.message", keys); near != "" && len(near) > 6 {
			return fmt.Sprintf("the body has no oslo.message, but %s", near)
		}
		if body.Get("event_type").Exists() {
			return "the notification is not in oslo's envelope, as the driver `messaging` sends it; services must use `messagingv2` (--wrap adds the envelope)"
		}
		return "the body has no oslo.message: it is no oslo notification of the driver `messagingv2`"
	case strings.Contains(text, "fromjson") && (strings.Contains(text, "EOF") || strings.Contains(text, "invalid")):
		return "the text in the envelope is no JSON, or is cut off"
	case strings.Contains(text, "expected an object but got"):
		return "something on the way is not what the program takes it for; // gives a default only for null and false"
	}
	return ""
}

func preview(value any) string {
	encoded, err := gojq.Marshal(value)
	if err != nil {
		return fmt.Sprintf("a %T", value)
	}
	return shorten(string(encoded), 80)
}

// shorten cuts a text for people.
func shorten(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit]) + "…"
}

var luaReach = regexp.MustCompile(`\b(?:io\s*[.\[]|os\s*\.\s*(?:execute|exit|remove|rename|tmpname|setenv|getenv|setlocale)\b|os\s*\[|package\b|require\b|dofile\b|loadfile\b|load\b|loadstring\b|debug\b|_G\b|getfenv\b|setfenv\b|module\b)`)

// unsafeScript says what in a Lua script reaches beyond it: argo-events opens all of Lua's libraries, so that a script may
// run commands and end the process. Explaining a pull request's manifests must not.
func unsafeScript(script string) string {
	if hit := luaReach.FindString(script); hit != "" {
		return fmt.Sprintf("the script uses %s", strings.TrimSpace(strings.TrimRight(hit, ".[")))
	}
	// A table under another name hides what is called.
	if regexp.MustCompile(`\b(?:os|io)\b\s*(?:[^.\s]|$)`).MatchString(script) {
		return "the script hands Lua's os or io on"
	}
	return ""
}

var errPanic = errors.New("panic")

// within runs f and returns whether it ended in time. One that does not is left behind: nothing can stop it.
func within(limit time.Duration, f func()) bool {
	done := make(chan any, 1)
	go func() {
		var crash any = errPanic
		defer func() {
			if r := recover(); r != nil {
				crash = r
			}
			done <- crash
		}()
		f()
		crash = nil
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case crash := <-done:
		if crash != nil {
			panic(crash)
		}
		return true
	case <-timer.C:
		return false
	}
}
