package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Knetic/govaluate"
	"github.com/antonmedv/expr"
	"github.com/antonmedv/expr/ast"
	"github.com/antonmedv/expr/parser"
	aeexpr "github.com/argoproj/argo-events/pkg/shared/expr"

	"github.com/eventrig/eventrig/internal/lint/jq"
	"github.com/eventrig/eventrig/internal/nearest"
)

// exprRules are about expression filters: those of Sensors (govaluate) and those of EventSources (expr).
var exprRules = []Rule{
	{
		ID: "expressions/expr-compile", Severity: Error, Title: "An expression filter that does not compile",
		Why: "Every event is discarded, with an error in the log. A Sensor's `exprs` are in govaluate's language, an EventSource's `filter.expression` in expr's: " +
			"in govaluate a name with a dash is written in brackets, `[a-b]`.",
		Bad: ironicSource + ironicSensor + unwrap + "    filters:\n      exprs:\n      - expr: priority == \"ERROR\" and state == \"active\"\n" +
			"        fields:\n        - {name: priority, path: priority}\n        - {name: state, path: payload.ironic_object\\.data.provision_state}\n" + logTrigger,
		Good: ironicSource + ironicSensor + unwrap + "    filters:\n      exprs:\n      - expr: priority == \"ERROR\" && state == \"active\"\n" +
			"        fields:\n        - {name: priority, path: priority}\n        - {name: state, path: payload.ironic_object\\.data.provision_state}\n" + logTrigger,
		Check: checkExprs,
	},
	{
		ID: "expressions/expr-undeclared", Severity: Error, Title: "An expression filter that uses a name it does not have",
		Why: "A Sensor's expression sees only what its `fields` declare; for another name govaluate fails with `No parameter 'x' found` as soon as it comes to it. " +
			"An EventSource's expression sees the fields of the event's data, with dashes as underscores; anything else is nil there.",
		Bad:   ironicSource + ironicSensor + unwrap + "    filters:\n      exprs:\n      - expr: level == \"ERROR\"\n        fields: [{name: priority, path: priority}]\n" + logTrigger,
		Good:  ironicSource + ironicSensor + unwrap + "    filters:\n      exprs:\n      - expr: priority == \"ERROR\"\n        fields: [{name: priority, path: priority}]\n" + logTrigger,
		Check: checkExprNames,
	},
}

func checkExprs(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		if d.spec.Filters == nil {
			continue
		}
		for i, filter := range d.spec.Filters.Exprs {
			if _, err := govaluate.NewEvaluableExpression(filter.Expr); err != nil {
				report(d.sensor.Object, d.at("filters", "exprs", i, "expr"), fmt.Sprintf("dependency %s: the expression %q does not compile: %v", d.spec.Name, filter.Expr, err), "the language is govaluate's")
			}
		}
	}
	for _, event := range in.Graph.Events() {
		if event.Filter == nil || event.Filter.Expression == "" {
			continue
		}
		if _, err := expr.Compile(event.Filter.Expression); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			report(event.Source.Object, event.Path+".filter.expression", fmt.Sprintf("event %s: the filter's expression does not compile: %s", event.Name, first), "the language is expr's (antonmedv/expr 1.15)")
		}
	}
}

func checkExprNames(in *Input, report Report) {
	for _, d := range sensorDependencies.Of(in) {
		if d.spec.Filters == nil {
			continue
		}
		for i, filter := range d.spec.Filters.Exprs {
			expression, err := govaluate.NewEvaluableExpression(filter.Expr)
			if err != nil {
				continue
			}
			var declared []string
			for _, field := range filter.Fields {
				declared = append(declared, field.Name)
			}
			for _, name := range unique(expression.Vars()) {
				if !slices.Contains(declared, name) {
					report(d.sensor.Object, d.at("filters", "exprs", i, "expr"), fmt.Sprintf("dependency %s: the expression %q uses %q, which its fields do not declare", d.spec.Name, filter.Expr, name),
						"they declare "+strings.Join(declared, ", "))
				}
			}
		}
	}
	for _, event := range in.Graph.Events() {
		shape := shapeOf(event)
		if event.Filter == nil || shape.Open {
			continue
		}
		tree, err := parser.Parse(event.Filter.Expression)
		if err != nil {
			continue
		}
		known := aeexpr.GetFuncMap(map[string]any{})
		names := &identifiers{}
		ast.Walk(&tree.Node, names)
		fields := slices.Sorted(maps.Keys(shape.Fields))
		for _, name := range unique(names.found) {
			if _, ok := known[name]; ok || shape.Field(name).Kinds != jq.Nothing {
				continue
			}
			report(event.Source.Object, event.Path+".filter.expression", fmt.Sprintf("event %s: the filter's expression uses %q, which the event's data does not have", event.Name, name),
				"the nearest: "+strings.Join(nearest.Names(name, fields, 2), ", "))
		}
	}
}

// identifiers collects the names that an expression takes from its surroundings.
type identifiers struct{ found, declared []string }

// Visit takes a node.
func (i *identifiers) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		i.declared = append(i.declared, n.Name)
	case *ast.IdentifierNode:
		i.found = append(i.found, n.Value)
	}
	i.found = slices.DeleteFunc(i.found, func(name string) bool { return slices.Contains(i.declared, name) || name == "$env" })
}

func unique(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
