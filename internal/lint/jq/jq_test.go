package jq_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/lint/jq"
)

// amqp is what an AMQP EventSource with jsonBody hands on.
var amqp = jq.Closed(map[string]jq.Shape{"body": jq.Anything, "exchange": jq.Of(jq.String)})

func TestWhatAProgramGives(t *testing.T) {
	for program, want := range map[string]jq.Kinds{
		`.`:                                jq.Object,
		`.body["oslo.message"] | fromjson`: jq.Every,
		`.body = (.body["oslo.message"] | fromjson)`: jq.Object,
		`{body: (.body["oslo.message"] | fromjson)}`: jq.Object,
		`.body["oslo.message"] | fromjson | tojson`:  jq.String,
		`.exchange`:                              jq.String,
		`.exchange | .body`:                      jq.Nothing,
		`.nowhere`:                               jq.Null,
		`[.body]`:                                jq.Array,
		`.body | length`:                         jq.Number,
		`"\(.exchange)"`:                         jq.String,
		`@json`:                                  jq.String,
		`.body == 1`:                             jq.Bool,
		`empty`:                                  jq.Nothing,
		`error("no")`:                            jq.Nothing,
		`select(.body != null)`:                  jq.Object,
		`if .body then . else "none" end`:        jq.String | jq.Object,
		`.exchange // {}`:                        jq.String | jq.Object,
		`.nowhere // {}`:                         jq.Object,
		`. + {a: 1}`:                             jq.Object,
		`.exchange + "x"`:                        jq.String,
		`.exchange + 1`:                          jq.Nothing,
		`del(.body)`:                             jq.Object,
		`.body |= fromjson`:                      jq.Object,
		`to_entries`:                             jq.Array,
		`with_entries(select(.key != "body"))`:   jq.Object,
		`def f: {a: .}; .body | f`:               jq.Object,
		`def f(x): x; f(1)`:                      jq.Every,
		`. as $x | {a: $x}`:                      jq.Object,
		`reduce .body[] as $i ({}; . + {a: $i})`: jq.Every,
		`try fromjson catch {}`:                  jq.Object, // it always fails on an object
		`.body | objects`:                        jq.Object,
		`1, {}`:                                  jq.Number,
		`empty, {}`:                              jq.Object,
		`first({}, 1)`:                           jq.Object,
		`.body.a.b = 1`:                          jq.Object,
		`.exchange.a = 1`:                        jq.Nothing,
		`(.body | .a) = 1`:                       jq.Object,
		`.body[0] = 1`:                           jq.Object,
		`.["body"].payload["ironic_object.data"].uuid`: jq.Every,
	} {
		parsed, err := jq.Parse(program)
		if err != nil {
			t.Errorf("%s: %v", program, err)
			continue
		}
		if got := parsed.Analyse(amqp).First.Kinds; got != want {
			t.Errorf("%s gives %s, want %s", program, got, want)
		}
	}
	if got := (jq.String | jq.Null | jq.Object).String(); got != "a string, an object or null" {
		t.Errorf("kinds read %q", got)
	}
}

func TestWhichFieldsTheResultHas(t *testing.T) {
	for program, want := range map[string]map[string]bool{ // whether the field can be there
		`.body = (.body["oslo.message"] | fromjson)`:                {"body": true, "exchange": true, "event_type": false},
		`{body: (.body["oslo.message"] | fromjson)}`:                {"body": true, "exchange": false},
		`.body["oslo.message"] | fromjson`:                          {"body": true, "event_type": true},
		`del(.exchange)`:                                            {"body": true, "exchange": false},
		`del(.exchange, .body)`:                                     {"body": false, "exchange": false},
		`{exchange}`:                                                {"exchange": true, "body": false},
		`{"a": 1} + {b: 2}`:                                         {"a": true, "b": true, "c": false},
		`{(.exchange): 1}`:                                          {"c": true},
		`if .body then {a: 1} else {b: 2} end`:                      {"a": true, "b": true, "c": false},
		`.body = 1 | .body.x = 2`:                                   {},
		`{body: .body, x: .exchange} | .y = 1`:                      {"y": true, "x": true, "z": false},
		`with_entries(.)`:                                           {"z": true},
		`.body.ironic_object = .body.payload["ironic_object.data"]`: {"body": true, "ironic_object": false},
		`{body: (.body | fromjson)} // {other: 1}`:                  {"body": true, "other": true, "third": false},
	} {
		parsed, err := jq.Parse(program)
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		first := parsed.Analyse(amqp).First
		for field, can := range want {
			if got := first.Field(field).Kinds != jq.Nothing; got != can {
				t.Errorf("%s: field %s can be there: %t, want %t", program, field, got, can)
			}
		}
	}
}

func TestSeveralOutputs(t *testing.T) {
	for program, want := range map[string]bool{`.body, .`: true, `.body[]`: true, `{a: (1, 2)}`: true, `.`: false, `first(.body[])`: false, `[.body[]]`: false} {
		parsed, err := jq.Parse(program)
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.Analyse(amqp).Many; got != want {
			t.Errorf("%s: several outputs: %t, want %t", program, got, want)
		}
	}
}

func TestWhatDoesNotCompile(t *testing.T) {
	for program, want := range map[string]string{`.body |`: "syntax", `nofunction`: "compile", `$x`: "compile", ``: "compile", `{`: "syntax"} {
		_, err := jq.Parse(program)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", program, err, want)
		}
	}
}

func TestRunTellsTheTrueError(t *testing.T) {
	parsed, err := jq.Parse(`.body | fromjson`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parsed.Run(t.Context(), map[string]any{}, time.Second)
	if err == nil || !strings.Contains(err.Error(), "fromjson cannot be applied to: null") {
		t.Errorf("error %v", err)
	}
}

func TestRunIsLimited(t *testing.T) {
	parsed, err := jq.Parse(`def f: f; f`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Run(t.Context(), nil, 20*time.Millisecond); !errors.Is(err, jq.ErrSlow) {
		t.Errorf("error %v, want ErrSlow", err)
	}
	if parsed.Analyse(amqp).First.Kinds != jq.Every {
		t.Error("the analysis claims to know what an endless function gives")
	}
}

// fits reports whether a value is one that the shape allows.
func fits(value any, shape jq.Shape) bool {
	kind := jq.Null
	switch value := value.(type) {
	case bool:
		kind = jq.Bool
	case string:
		kind = jq.String
	case []any:
		kind = jq.Array
	case map[string]any:
		kind = jq.Object
		for name, field := range value {
			if !fits(field, shape.Field(name)) {
				return false
			}
		}
	case nil:
	default:
		kind = jq.Number
	}
	return shape.Kinds&kind != 0
}

// What the analysis says must hold for whatever a program really gives.
func FuzzAnalysisHolds(f *testing.F) {
	for _, program := range []string{
		`.body = (.body["oslo.message"] | fromjson)`, `{body, x: .exchange}`, `del(.body.a, .exchange)`, `.body |= (.a // 1)`, `.body.a += 1`,
		`[.. | numbers]`, `if .body then 1 elif .exchange then {} else null end`, `try error("x") catch .`, `.body as {a: $x} | {$x}`, `def f(g): g | g; f(.a)`,
		`. * {body: {b: 1}}`, `limit(1; .body[])`, `(.body, .exchange) = 1`, `.body[]?`, `reduce range(3) as $i (null; . + $i)`, `label $out | 1, break $out`,
		`.body["a"]["b"] = {c: 1}`, `{"a": .body} | .a |= empty`, `{(.exchange): .body}`, `@base64 "x\(.)"`, `.body | map(.a)?`, `path(..)`, `input`, `{} | .a.b |= 1`,
		`.a = (.b = 1)`, `to_entries | from_entries`, `{a: 1} | with_entries(.value += 1)`, `"a" * 3`, `[1] - [1]`, `"a,b" / ","`, `1 as $x | 2 as $y | [$x,$y]`, `.body.a?.b // "c"`,
		`{__loc__}`, `{"a b"}`, `{@base64 "x": 1}`, `{$__loc__}`, `.. |= 1`, `.[]`, `.[] += 1`, `first`, `last(.[])`, `. as [$a] ?// $a | $a`, `-1`, `-(.body)`, `reverse`, `.[0:1] = [1]`,
	} {
		f.Add(program, `{"body": {"a": 1, "oslo.message": "{\"event_type\": \"x\"}"}, "exchange": "ironic"}`)
		f.Add(program, `{"body": null, "exchange": "{}"}`)
	}
	f.Fuzz(func(t *testing.T, program, input string) {
		parsed, err := jq.Parse(program)
		if err != nil {
			return
		}
		var value any
		if json.Unmarshal([]byte(input), &value) != nil {
			return
		}
		shape := jq.Anything
		if fits(value, amqp) {
			shape = amqp
		}
		result := parsed.Analyse(shape)
		got, err := parsed.Run(context.Background(), value, 50*time.Millisecond)
		if err == nil && !fits(got, result.First) {
			t.Errorf("%s gives %v for %s; the analysis allows %s with %v", program, got, input, result.First.Kinds, result.First.Fields)
		}
	})
}

// Mutants are linted side by side, and share the samples of events that are tried.
func TestProgramsShareAValue(t *testing.T) {
	var value any
	if err := json.Unmarshal([]byte(`{"a": {"b": [1, {"c": 2.5}]}, "d": "x"}`), &value); err != nil {
		t.Fatal(err)
	}
	program, err := jq.Parse(".")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				if _, err := program.Run(t.Context(), value, time.Minute); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
