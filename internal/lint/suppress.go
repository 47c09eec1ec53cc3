package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/nearest"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// IgnoreAnnotation takes findings at its object back: a line "RULE[,RULE]: reason" for each reason.
const IgnoreAnnotation = "eventrig.dev/lint-ignore"

const (
	reasonless    = "suppression/no-reason"
	unused        = "suppression/unused"
	unknownRule   = "suppression/unknown-rule"
	ignoredPath   = `metadata.annotations["` + IgnoreAnnotation + `"]`
	ignoreExample = `write "RULE[,RULE]: reason"`
)

// suppressionRules are about the annotation itself. What they say is found by suppress, which alone knows what was
// suppressed; and it cannot be suppressed in turn.
var suppressionRules = []Rule{
	{
		ID: reasonless, Severity: Error, Title: "A suppression without a reason",
		Why: "A finding may be taken back by an annotation of the object that it is at: `" + IgnoreAnnotation + ": \"RULE[,RULE]: reason\"`, " +
			"several on a line each. Without the reason nobody can tell later whether it still holds, so the annotation has no effect " +
			"until it gives one.",
		Bad: `apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
  namespace: openstack
  annotations:
    eventrig.dev/lint-ignore: wiring/duplicate-object
`,
		Good: suppressedExample,
	},
	{
		ID: unused, Severity: Warning, Everywhere: true, Title: "A suppression that suppresses nothing",
		Why: "What it was written for is gone, or was never at this object. Left in place it would hide the next finding of that rule here.",
		Bad: `apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
  namespace: openstack
  annotations:
    eventrig.dev/lint-ignore: "wiring/duplicate-object: the two are for different clusters"
`,
		Good: suppressedExample,
	},
	{
		ID: unknownRule, Severity: Error, Title: "A suppression of a rule that does not exist",
		Why: "It suppresses nothing. `eventrig lint --rules` lists the rules that there are.",
		Bad: `apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
  namespace: openstack
  annotations:
    eventrig.dev/lint-ignore: "wiring/duplicate-objects: the two are for different clusters"
`,
		Good: suppressedExample,
	},
}

const suppressedExample = `apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
  namespace: openstack
  annotations:
    eventrig.dev/lint-ignore: "wiring/duplicate-object: the two are for different clusters"
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
  namespace: openstack
`

// suppression is one rule that an annotation names.
type suppression struct {
	at           pipeline.Object
	rule, reason string
	used         bool
}

// suppress sorts findings by whether an annotation takes them back, and adds what is wrong with annotations. ran are the
// rules that had the chance to find something.
func suppress(in *Input, findings []located, rules []Rule, ran map[string]bool) Result {
	var result Result
	add := func(id string, at pipeline.Object, message, hint string) {
		for _, rule := range rules {
			if rule.ID == id {
				result.Findings = append(result.Findings, locate(rule, at, ignoredPath, message, hint).Finding)
			}
		}
	}
	known := make([]string, len(Rules))
	for i, rule := range Rules {
		known[i] = rule.ID
	}
	byObject := map[*unstructured.Unstructured][]*suppression{}
	var all []*suppression
	for _, object := range in.Graph.Objects {
		for _, one := range suppressions(object) {
			switch {
			case one.reason == "":
				add(reasonless, object, fmt.Sprintf("the suppression of %q gives no reason", one.rule), ignoreExample)
			case !slices.Contains(known, one.rule):
				hint := "eventrig lint --rules lists them"
				if near := nearest.Name(one.rule, known); near != "" {
					hint = fmt.Sprintf("did you mean %q", near)
				}
				add(unknownRule, object, fmt.Sprintf("there is no rule %q", one.rule), hint)
			default:
				all = append(all, one)
				byObject[object.Unstructured] = append(byObject[object.Unstructured], one)
			}
		}
	}
	for _, finding := range findings {
		reason, taken := "", false
		for _, one := range byObject[finding.at.Unstructured] {
			if one.rule == finding.Rule {
				one.used, reason, taken = true, one.reason, true
			}
		}
		if taken {
			result.Suppressed = append(result.Suppressed, Suppressed{finding.Finding, reason})
		} else {
			result.Findings = append(result.Findings, finding.Finding)
		}
	}
	for _, one := range all {
		if !one.used && ran[one.rule] {
			add(unused, one.at, fmt.Sprintf("%s finds nothing here to suppress", one.rule), "take it out of the annotation")
		}
	}
	return result
}

// suppressions reads the annotation of an object; nil without one.
func suppressions(object pipeline.Object) []*suppression {
	var found []*suppression
	for line := range strings.Lines(object.GetAnnotations()[IgnoreAnnotation]) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		names, reason, _ := strings.Cut(line, ":")
		for name := range strings.SplitSeq(names, ",") {
			found = append(found, &suppression{at: object, rule: strings.TrimSpace(name), reason: strings.TrimSpace(reason)})
		}
	}
	return found
}
