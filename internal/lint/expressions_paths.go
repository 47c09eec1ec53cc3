package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/lint/jq"
	"github.com/eventrig/eventrig/internal/nearest"
)

// pathRules are about where filters and parameters look.
var pathRules = []Rule{
	{
		ID: "expressions/dotted-key", Severity: Error, Title: "A path into a key that holds a dot, without escaping it",
		Why: "Argo Events' paths are gjson's: a dot goes one level down. Oslo's versioned objects (`ironic_object.data`, `nova_object.data`), " +
			"its envelope (`oslo.message`) and Kubernetes' labels have dots in their keys, which a path has to escape with a backslash. Unescaped " +
			"there is nothing at the path: a filter never passes, a parameter without a default value is an error and the event is lost.",
		Bad: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: payload.ironic_object.data.provision_state\n        type: string\n        value: [^clean failed$]\n" +
			logTrigger,
		Good: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: payload.ironic_object\\.data.provision_state\n        type: string\n        value: [^clean failed$]\n" +
			logTrigger,
		Check: checkPaths(dottedKey),
	},
	{
		ID: "expressions/path-removed", Severity: Error, Title: "A path to what the event cannot have",
		Why: "What an EventSource hands on has a fixed outside (an AMQP event: exchange, routingKey, body and so on; a webhook: header and body), " +
			"and a jq transform may replace it. A path that starts with a field that is not there finds nothing in any event: a filter never passes, " +
			"a parameter without a default value is an error. Typical are paths written for the other one of the two usual transforms: " +
			"`.body[\"oslo.message\"] | fromjson` makes the notification the event, `.body = (...)` keeps it below `body`.",
		Bad: ironicSource + ironicSensor + "    transform:\n      jq: .body = (.body[\"oslo.message\"] | fromjson)\n" +
			"    filters:\n      data:\n      - path: event_type\n        type: string\n        value: [^baremetal.node.update.end$]\n" + logTrigger,
		Good: ironicSource + ironicSensor + "    transform:\n      jq: .body = (.body[\"oslo.message\"] | fromjson)\n" +
			"    filters:\n      data:\n      - path: body.event_type\n        type: string\n        value: [^baremetal.node.update.end$]\n" + logTrigger,
		Check: checkPaths(pathRemoved),
	},
	{
		ID: "expressions/path-unknown", Severity: Warning, Title: "A path that no known notification has",
		Why: "None of the notifications that the dependency can get, as far as `eventrig publish --list` knows them, has anything at the path. " +
			"A filter with it never passes; a parameter without a default value is an error, and the event is lost.",
		Bad: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: payload.ironic_object\\.data.provision_status\n        type: string\n        value: [^clean failed$]\n" +
			logTrigger,
		Good: ironicSource + ironicSensor + unwrap + "    filters:\n      data:\n      - path: payload.ironic_object\\.data.provision_state\n        type: string\n        value: [^clean failed$]\n" +
			logTrigger,
		Check: checkPaths(pathUnknown),
	},
	{
		ID: "expressions/path-sometimes", Severity: Info, Title: "A parameter that some known notifications have no value for",
		Why: "Without a default value (`src.value`) such an event is lost: the trigger fails, with an error in the log, and the event is acknowledged all the same. Keystone with `notification_format = basic`, for example, " +
			"sends no `payload.target`.",
		Bad:   keystone.Replace(ironicSource + ironicSensor + unwrap + onNode + projectTrigger + "      dest: name\n"),
		Good:  keystone.Replace(ironicSource + ironicSensor + unwrap + onNode + projectTrigger + "        value: unknown\n      dest: name\n"),
		Check: checkPaths(pathSometimes),
	},
}

const projectTrigger = "  triggers:\n  - template:\n      name: log\n      log: {}\n    parameters:\n    - src:\n        dependencyName: node\n        dataKey: payload.target.id\n"

// pathMistake is what is wrong with a path.
type pathMistake int

const (
	dottedKey pathMistake = iota + 1
	pathRemoved
	pathUnknown
	pathSometimes
)

func checkPaths(wanted pathMistake) func(*Input, Report) {
	return func(in *Input, report Report) {
		for _, d := range sensorDependencies.Of(in) {
			for _, use := range d.uses() {
				if mistake, message, hint := d.mistake(use); mistake == wanted {
					report(d.sensor.Object, use.at, message, hint)
				}
			}
		}
	}
}

// mistake tells what is wrong with a path, if anything. A parameter with a default value may look for what is not always there.
func (d *sensorDependency) mistake(use pathUse) (pathMistake, string, string) {
	path := parsePath(use.path)
	if d.programErr != nil || len(path.steps) == 0 || use.path == "" || d.shape.Kinds&jq.Object == 0 {
		return 0, "", ""
	}
	nothing := fmt.Sprintf("%s %q finds nothing in the events of dependency %s", use.what, use.path, d.spec.Name)
	if steps, ok := d.meantDotted(path); ok {
		return dottedKey, nothing + ": the key " + quotedDots(steps) + " holds a dot", "write " + joined(steps)
	}
	if use.defaults {
		return 0, "", ""
	}
	if at, ok := path.cannotExist(d.shape); ok && (d.found || d.program != nil) {
		inside := "the event"
		if at > 0 {
			inside = joined(path.steps[:at])
		}
		return pathRemoved, fmt.Sprintf("%s: %s has no %q", nothing, inside, path.steps[at]), d.otherPlace(path, at)
	}
	if !path.whole {
		return 0, "", ""
	}
	candidates := d.admitted()
	if len(candidates) == 0 {
		return 0, "", ""
	}
	deepest, at := any(nil), -1
	var without []string
	for _, candidate := range candidates {
		for length := len(path.steps); length >= 0; length-- {
			value, ok := lookup(candidate.after, path.steps[:length])
			if !ok {
				continue
			}
			if length < len(path.steps) {
				without = append(without, candidate.name)
			}
			if length > at {
				deepest, at = value, length
			}
			break
		}
	}
	switch {
	case len(without) == 0:
		return 0, "", ""
	case len(without) < len(candidates) && use.filter:
		return 0, "", "" // a filter may well be there to tell them apart
	case len(without) < len(candidates):
		return pathSometimes, fmt.Sprintf("%s %q finds nothing in %d of %d known notifications of dependency %s: %s", use.what, use.path, len(without), len(candidates), d.spec.Name, listed(without, 3)),
			"give the parameter a default value (src.value), or filter these out"
	}
	hint := fmt.Sprintf("`eventrig publish %s --dry-run` shows one", candidates[0].name)
	if object, ok := deepest.(map[string]any); ok {
		if near := nearest.Names(path.steps[at], slices.Sorted(maps.Keys(object)), 2); len(near) > 0 {
			hint = "the nearest there: " + strings.Join(near, ", ")
		}
	}
	return pathUnknown, fmt.Sprintf("%s, as far as they are known (%d notifications)", nothing, len(candidates)), hint
}

// meantDotted finds the path that was meant, if an unescaped dot is what is wrong.
func (d *sensorDependency) meantDotted(path dataPath) ([]string, bool) {
	for _, result := range d.outcomes {
		if result.after == nil {
			continue
		}
		if _, ok := lookup(result.after, path.steps); ok {
			return nil, false
		}
	}
	for _, result := range d.outcomes {
		if result.after == nil {
			continue
		}
		if steps, ok := dotted(result.after, path.steps); ok && len(steps) < len(path.steps) {
			return steps, true
		}
	}
	// Without samples: keys that are known to hold dots, in events that nothing has changed.
	if len(d.outcomes) > 0 || d.program != nil || d.lua() != "" || !d.found {
		return nil, false
	}
	return dottedByName(path.steps, d.event.Resource != nil)
}

// dottedByName knows keys with dots by their names: those of oslo, and those of labels and annotations, whose values hold
// nothing further.
func dottedByName(steps []string, kubernetes bool) ([]string, bool) {
	for i := 0; i+1 < len(steps); i++ {
		rest := steps[i+2:]
		switch first, second := steps[i], steps[i+1]; {
		case strings.HasSuffix(first, "_object") && slices.Contains([]string{"data", "name", "namespace", "version"}, second),
			first == "oslo" && (second == "message" || second == "version"):
			return slices.Concat(steps[:i], []string{first + "." + second}, rest), true
		case kubernetes && i > 0 && steps[i-1] == "metadata" && (first == "labels" || first == "annotations") && len(rest) > 0:
			return slices.Concat(steps[:i+1], []string{strings.Join(steps[i+1:], ".")}), true
		}
	}
	return nil, false
}

func quotedDots(steps []string) string {
	var keys []string
	for _, step := range steps {
		if strings.Contains(step, ".") {
			keys = append(keys, fmt.Sprintf("%q", step))
		}
	}
	return strings.Join(keys, ", ")
}

// otherPlace is a hint where the value may be instead: below body or not.
func (d *sensorDependency) otherPlace(path dataPath, at int) string {
	if at == 0 && d.shape.Field("body").Kinds&jq.Object != 0 && path.steps[0] != "body" {
		return "write body." + joined(path.steps)
	}
	if path.steps[0] == "body" && at == 0 && len(path.steps) > 1 {
		return "write " + joined(path.steps[1:])
	}
	if fields := slices.Sorted(maps.Keys(d.shape.Fields)); at == 0 && len(fields) > 0 {
		return "it has " + strings.Join(fields, ", ")
	}
	return "`eventrig explain` shows what the transform makes of an event"
}
