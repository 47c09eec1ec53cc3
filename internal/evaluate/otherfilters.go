package evaluate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/tidwall/gjson"
)

// exprCheck explains one expression with its fields.
func exprCheck(event *aev1.Event, f aev1.ExprFilter, operator aev1.LogicalOperator, known *answer) Check {
	c := Check{Path: f.Expr, Want: []string{"true"}}
	c.ask(event, &aev1.EventDependencyFilter{Exprs: []aev1.ExprFilter{f}, ExprLogicalOperator: operator}, known)
	if event.Data == nil || !gjson.ValidBytes(event.Data) {
		return c
	}
	values := map[string]json.RawMessage{}
	for _, field := range f.Fields {
		seen := gjson.GetBytes(event.Data, field.Path)
		if !seen.Exists() {
			c.Hint = fmt.Sprintf("%s: %s", field.Name, missing(event.Data, field.Path))
			continue
		}
		values[field.Name] = raw(seen)
		if seen.Type == gjson.String && !strings.ContainsAny(f.Expr, `"'`) {
			c.note("%s is a text", field.Name)
		}
	}
	if len(f.Fields) == 0 {
		c.note("an expression without fields is not looked at")
	}
	if encoded, err := json.Marshal(values); err == nil && len(values) > 0 {
		c.Got = encoded
	}
	return c
}

// contextCheck explains the comparison of the CloudEvent's own fields; empty ones are not compared.
func contextCheck(event *aev1.Event, wanted *aev1.EventContext, known *answer) Check {
	c := Check{Kind: "context"}
	c.ask(event, &aev1.EventDependencyFilter{Context: wanted}, known)
	for _, field := range []struct{ name, want, got string }{
		{"type", wanted.Type, event.Context.Type}, {"subject", wanted.Subject, event.Context.Subject},
		{"source", wanted.Source, event.Context.Source}, {"datacontenttype", wanted.DataContentType, event.Context.DataContentType},
	} {
		if field.want == "" {
			continue
		}
		if c.Path == "" || field.want != field.got {
			c.Path, c.Want, c.Got = field.name, []string{field.want}, quoted(field.got)
		}
		if field.want != field.got {
			return c
		}
	}
	if wanted.ID != "" || !wanted.Time.IsZero() || wanted.SpecVersion != "" {
		c.note("id, time and specversion are never compared")
	}
	return c
}

// timeCheck explains a time of the day.
func timeCheck(event *aev1.Event, f *aev1.TimeFilter, known *answer) Check {
	zone := f.Timezone
	if zone == "" {
		zone = "UTC"
	}
	c := Check{Kind: "time", Path: "time", Want: []string{fmt.Sprintf("from %s, before %s (%s)", f.Start, f.Stop, zone)}}
	c.ask(event, &aev1.EventDependencyFilter{Time: f}, known)
	at := event.Context.Time.Time
	if location, err := time.LoadLocation(zone); err == nil {
		at = at.In(location)
	}
	c.Got = quoted(at.Format(time.RFC3339))
	c.note("it is the time at which the EventSource gets the message, not the message's own; --time sets it")
	return c
}
