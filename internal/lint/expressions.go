package lint

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	luaparse "github.com/yuin/gopher-lua/parse"

	"github.com/eventrig/eventrig/internal/lint/jq"
)

// transformRules are about jq and Lua.
var transformRules = []Rule{
	{
		ID: "expressions/jq-compile", Severity: Error, Title: "A jq transform that does not compile",
		Why: "Every event of the dependency is dropped, and acknowledged. A syntax error is logged as such; an unknown function or " +
			"variable only as `jq transformation output must be a JSON object`, because Argo Events takes jq's error for an output " +
			"(`pkg/sensors/dependencies/transform.go`, v1.9.10). Functions of other jq implementations are among the unknown ones: " +
			"Argo Events runs gojq.",
		Bad:   ironicSource + ironicSensor + "    transform:\n      jq: .body[\"oslo.message\"] | fromJson\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + logTrigger,
		Check: checkCompiles,
	},
	{
		ID: "expressions/jq-not-object", Severity: Error, Title: "A jq transform that never gives an object",
		Why: "Argo Events takes an object only. For anything else, or nothing, the event is dropped with `jq transformation output " +
			"must be a JSON object`. The finding is about programs that cannot give one, whatever the event.",
		Bad:   ironicSource + ironicSensor + "    transform:\n      jq: .body[\"oslo.message\"] | tostring\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + logTrigger,
		Check: checkGivesObject,
	},
	{
		ID: "expressions/jq-fails", Severity: Warning, Title: "A jq transform that fails on every notification the service is known to send",
		Why: "It is run on the notifications of `eventrig publish --list` that the EventSource's binding would get, as oslo.messaging's " +
			"driver `messagingv2` wraps them. Argo Events logs `jq transformation output must be a JSON object` for each and drops it; " +
			"the finding has jq's own message. A misspelt key is the usual cause.",
		Bad:   ironicSource + ironicSensor + "    transform:\n      jq: .body[\"oslomessage\"] | fromjson\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + logTrigger,
		Check: checkFailsOnKnown,
	},
	{
		ID: "expressions/jq-error-hidden", Severity: Info, Title: "A jq transform that fails without oslo's envelope, with an error that Argo Events hides",
		Why: "A service whose driver is `messaging` instead of `messagingv2`, or somebody who publishes by hand, sends the notification " +
			"bare. The program then fails, the event is gone, and the log says only `jq transformation output must be a JSON object`. " +
			"It is worth knowing what the true error would be.",
		Bad:   ironicSource + ironicSensor + unwrap + logTrigger,
		Good:  ironicSource + ironicSensor + "    transform:\n      jq: if .body[\"oslo.message\"] then .body[\"oslo.message\"] | fromjson else .body end\n" + logTrigger,
		Check: checkHiddenError,
	},
	{
		ID: "expressions/jq-first-output", Severity: Warning, Title: "A jq transform written to give several outputs",
		Why:   "Argo Events takes the first and drops the others without a word: an event stays one event.",
		Bad:   ironicSource + ironicSensor + "    transform:\n      jq: (.body[\"oslo.message\"] | fromjson), {exchange}\n" + logTrigger,
		Good:  ironicSource + ironicSensor + "    transform:\n      jq: (.body[\"oslo.message\"] | fromjson) + {exchange}\n" + logTrigger,
		Check: checkOneOutput,
	},
	{
		ID: "expressions/jq-endless", Severity: Warning, Title: "A jq transform that does not come to an end in time",
		Why: "Argo Events sets no limit: the Sensor's dependency stands still at such an event. Linting gives a program a quarter of a " +
			"second for each notification, which is a thousand times what UnderStack's take.",
		Bad:   ironicSource + ironicSensor + "    transform:\n      jq: 'until(false; .)'\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + logTrigger,
		Check: checkEnds,
	},
	{
		ID: "expressions/lua-compile", Severity: Error, Title: "A Lua script that does not compile",
		Why:   "As a transform it drops every event; as a filter it lets none through. Argo Events runs Lua 5.1 (gopher-lua).",
		Bad:   ironicSource + ironicSensor + unwrap + "    filters:\n      script: if event.priority then return true\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + "    filters:\n      script: if event.priority then return true end\n" + logTrigger,
		Check: checkLuaCompiles,
	},
	{
		ID: "expressions/lua-no-result", Severity: Error, Title: "A Lua script that returns nothing",
		Why:   "A filter is passed only if the script returns `true`, and a transform has to return a table. A script without `return` gives nil.",
		Bad:   ironicSource + ironicSensor + unwrap + "    filters:\n      script: passed = event.priority == \"INFO\"\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + "    filters:\n      script: return event.priority == \"INFO\"\n" + logTrigger,
		Check: checkLuaReturns,
	},
}

func (d *sensorDependency) jqPath() string { return d.at("transform", "jq") }

func checkCompiles(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		if d.programErr != nil {
			report(d.sensor.Object, d.jqPath(), fmt.Sprintf("the jq transform of dependency %s does not compile: %v", d.spec.Name, d.programErr),
				"Argo Events runs gojq 0.12.17; try it with gojq or `eventrig explain`")
		}
	}
}

func checkGivesObject(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		if d.program == nil || d.shape.Kinds&jq.Object != 0 {
			continue
		}
		gives := "nothing, or fails"
		if d.shape.Kinds != jq.Nothing {
			gives = d.shape.Kinds.String()
		}
		report(d.sensor.Object, d.jqPath(), fmt.Sprintf("the jq transform of dependency %s never gives an object: it gives %s", d.spec.Name, gives),
			"end with an object, for example with `| fromjson` or {body: ...}")
	}
}

func checkFailsOnKnown(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		if d.program == nil || len(d.outcomes) == 0 || d.shape.Kinds&jq.Object == 0 || slices.ContainsFunc(d.outcomes, func(o outcome) bool { return o.after != nil }) {
			continue
		}
		first := d.outcomes[0]
		why := "it gives no object"
		if first.err != nil {
			why = first.err.Error()
		}
		report(d.sensor.Object, d.jqPath(), fmt.Sprintf("the jq transform of dependency %s fails on all %d notifications that %s is known to send there: %s",
			d.spec.Name, len(d.outcomes), d.event.AMQP.ExchangeName, why), "`eventrig publish "+first.name+" --dry-run` shows one")
	}
}

func checkHiddenError(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		worked := slices.IndexFunc(d.outcomes, func(o outcome) bool { return o.after != nil })
		if d.program == nil || worked < 0 {
			continue
		}
		bare := amqpData("", "", map[string]any{"event_type": d.outcomes[worked].eventType, "payload": map[string]any{}})
		output, err := d.transform(in, bare)
		if _, ok := output.(map[string]any); ok && err == nil {
			continue
		}
		why := "it gives no object"
		if err != nil {
			why = err.Error()
		}
		report(d.sensor.Object, d.jqPath(), fmt.Sprintf("dependency %s: a notification without oslo's envelope would be dropped, and Argo Events would hide why: %s", d.spec.Name, why),
			"keep driver messagingv2 everywhere, or let the program take both")
	}
}

func checkOneOutput(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		if d.program == nil {
			continue
		}
		input := jq.Of(jq.Object)
		if d.found {
			input = shapeOf(d.event)
		}
		if result := d.program.Analyse(input); result.Many && result.First.Kinds&jq.Object != 0 {
			report(d.sensor.Object, d.jqPath(), fmt.Sprintf("the jq transform of dependency %s can give several outputs; Argo Events drops all but the first", d.spec.Name),
				"say which is meant: first(...), or put them into one object")
		}
	}
}

func checkEnds(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		slow := d.slow
		if d.program != nil && len(d.outcomes) == 0 && !slow {
			_, err := d.transform(in, map[string]any{"body": map[string]any{}})
			slow = err == jq.ErrSlow && in.Context().Err() == nil
		}
		if slow {
			report(d.sensor.Object, d.jqPath(), fmt.Sprintf("the jq transform of dependency %s does not come to an end in %v", d.spec.Name, jqLimit),
				"Argo Events would wait for it for ever")
		}
	}
}

// luaScript is a script of a dependency.
type luaScript struct{ source, path, what string }

func (d *sensorDependency) luaScripts() []luaScript {
	var scripts []luaScript
	if source := d.lua(); source != "" {
		scripts = append(scripts, luaScript{source, d.at("transform", "script"), "transform"})
	}
	if d.spec.Filters != nil && d.spec.Filters.Script != "" {
		scripts = append(scripts, luaScript{d.spec.Filters.Script, d.at("filters", "script"), "filter"})
	}
	return scripts
}

func checkLuaCompiles(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		for _, script := range d.luaScripts() {
			if _, err := compileLua(script.source); err != nil {
				report(d.sensor.Object, script.path, fmt.Sprintf("the Lua %s of dependency %s does not compile: %v", script.what, d.spec.Name, err), "Argo Events runs Lua 5.1")
			}
		}
	}
}

func checkLuaReturns(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		for _, script := range d.luaScripts() {
			chunk, err := compileLua(script.source)
			if err != nil || returns(chunk) {
				continue
			}
			want := "`return true` for the events that are to pass"
			if script.what == "transform" {
				want = "`return event` at the end"
			}
			report(d.sensor.Object, script.path, fmt.Sprintf("the Lua %s of dependency %s returns nothing", script.what, d.spec.Name), want)
		}
	}
}

// compileLua parses and compiles as Argo Events' DoString does.
func compileLua(source string) (chunk []ast.Stmt, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r) // the compiler reports some errors so
		}
	}()
	chunk, err = luaparse.Parse(strings.NewReader(source), "<string>")
	if err == nil {
		_, err = lua.Compile(chunk, "<string>")
	}
	return chunk, err
}

// returns reports whether a script itself, not only a function in it, has a `return` with a value.
func returns(chunk []ast.Stmt) bool {
	for _, statement := range chunk {
		switch s := statement.(type) {
		case *ast.ReturnStmt:
			if len(s.Exprs) > 0 {
				return true
			}
		case *ast.IfStmt:
			if returns(s.Then) || returns(s.Else) {
				return true
			}
		case *ast.DoBlockStmt:
			if returns(s.Stmts) {
				return true
			}
		case *ast.WhileStmt:
			if returns(s.Stmts) {
				return true
			}
		case *ast.RepeatStmt:
			if returns(s.Stmts) {
				return true
			}
		case *ast.NumberForStmt:
			if returns(s.Stmts) {
				return true
			}
		case *ast.GenericForStmt:
			if returns(s.Stmts) {
				return true
			}
		}
	}
	return false
}
