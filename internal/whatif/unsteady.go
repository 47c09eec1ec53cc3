package whatif

import (
	"regexp"

	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/pipeline"
)

// byChance finds functions whose result is another one each time: sprig's in templates, jq's now, Lua's clock and random
// numbers. Taking a word for one that is none costs a second evaluation and nothing else.
var byChance = regexp.MustCompile(`\b(now|ago|uuidv4|rand[A-Z]\w*|gen[A-Z]\w*|bcrypt|htpasswd|encryptAES|shuffle|os\s*\.\s*(time|date|clock|getenv)|math\s*\.\s*random)\b`)

// unsteady reports whether a Sensor of the graph may do something else with the same event a second time.
func unsteady(graph *pipeline.Graph) bool {
	for _, sensor := range graph.Sensors() {
		for _, d := range sensor.Typed.Spec.Dependencies {
			if d.Transform != nil && (byChance.MatchString(d.Transform.JQ) || byChance.MatchString(d.Transform.Script)) {
				return true
			}
			if d.Filters == nil {
				continue
			}
			if byChance.MatchString(d.Filters.Script) {
				return true
			}
			for _, f := range d.Filters.Data {
				if byChance.MatchString(f.Template) {
					return true
				}
			}
		}
		for i := range sensor.Typed.Spec.Triggers {
			for _, p := range evaluate.ParametersOf(&sensor.Typed.Spec.Triggers[i]) {
				if p.Src != nil && (byChance.MatchString(p.Src.DataTemplate) || byChance.MatchString(p.Src.ContextTemplate)) {
					return true
				}
			}
		}
	}
	return false
}
