package evaluate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/sensors/triggers"
	"github.com/tidwall/gjson"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/eventrig/eventrig/internal/nearest"
)

// Trigger is what a trigger makes of an event.
type Trigger struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`                 // k8s, argoWorkflow, http, ...
	Operation  string          `json:"operation,omitempty"`  // create, submit, ...
	Conditions string          `json:"conditions,omitempty"` // where several dependencies are needed, or one of several
	Have       []string        `json:"have,omitempty"`       // dependencies that were met
	Missing    []string        `json:"missing,omitempty"`    // dependencies that it waits for
	Met        bool            `json:"met"`                  // the conditions are met: it acts
	Parameters []Parameter     `json:"parameters,omitempty"`
	Object     json.RawMessage `json:"object,omitempty"`   // what it would create; labels that Argo Events adds are left out
	Payload    string          `json:"payload,omitempty"`  // what it would send, of triggers that are no Kubernetes object
	Error      string          `json:"error,omitempty"`    // why it fails
	Problems   []Problem       `json:"problems,omitempty"` // what Kubernetes or Argo Workflows would say of the object
	Notes      []string        `json:"notes,omitempty"`

	index   int
	object  *unstructured.Unstructured
	verdict Verdict
	step    string
	path    string
	want    []string
	hint    string
	at      []any
}

// Problem is what will go wrong with an object once it is created.
type Problem struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Parameter is one parameter of a trigger.
type Parameter struct {
	Dest       string `json:"dest"`
	Dependency string `json:"dependency"`
	From       string `json:"from"`            // dataKey PATH, dataTemplate TEXT, contextKey PATH, contextTemplate TEXT, value, or the whole event
	Value      string `json:"value"`           // what is put there
	Default    bool   `json:"default"`         // the parameter's own value, because the event has none
	Skipped    bool   `json:"skipped"`         // no event of its dependency takes part: nothing is put there
	Error      string `json:"error,omitempty"` // why it cannot be resolved, which fails the trigger
	Note       string `json:"note,omitempty"`
	Template   bool   `json:"template,omitempty"` // it changes the trigger itself, not the object
}

// trigger lets a trigger act on what its dependencies got.
func (e *Evaluator) trigger(s *sensor, t *trigger, have map[string]*Outcome) Trigger {
	shown := Trigger{Name: t.Template.Name, index: t.index}
	if len(t.names) > 1 || t.Template.Conditions != "" {
		shown.Conditions = t.expression
	}
	events := map[string]*aev1.Event{}
	for _, name := range t.names {
		if have[name] == nil {
			shown.Missing = append(shown.Missing, name)
			continue
		}
		shown.Have = append(shown.Have, name)
		events[name] = convert(have[name].event)
	}
	met, err := t.met(have)
	if err != nil {
		shown.Error = "read conditions: " + err.Error()
	}
	shown.Type, shown.Operation = kindOf(t.Template)
	if shown.Met = met; !met {
		return shown
	}
	if shown.Conditions == "" {
		shown.Have = nil
	} else if !t.several() {
		shown.Missing = nil
	}
	e.act(s, t, events, &shown)
	return shown
}

// act goes through the steps of triggerOne in pkg/sensors/listener.go.
func (e *Evaluator) act(s *sensor, t *trigger, events map[string]*aev1.Event, shown *Trigger) {
	defer func() {
		if crash := recover(); crash != nil {
			shown.fail(Undecided, "parameters", fmt.Sprint(crash), "argo-events' own code panics on this event; a Sensor's pod would restart")
		}
	}()
	acting := *t.Trigger
	for i := range acting.Parameters {
		p := e.resolve(acting.Parameters[i], events)
		p.Template = true
		shown.add(p, "parameters", i)
	}
	if err := e.limited(acting.Parameters, func() error { return triggers.ApplyTemplateParameters(events, &acting) }); err != nil {
		shown.failed(err, "parameters")
		return
	}
	shown.Type, shown.Operation = kindOf(acting.Template)
	switch template := acting.Template; {
	case template.K8s != nil:
		e.create(s, template.K8s.Source, template.K8s.Parameters, events, shown, "k8s")
	case template.ArgoWorkflow != nil:
		e.create(s, template.ArgoWorkflow.Source, template.ArgoWorkflow.Parameters, events, shown, "argoWorkflow")
	default:
		e.send(template, events, shown)
	}
	if acting.RateLimit != nil {
		shown.Notes = append(shown.Notes, fmt.Sprintf("rate limit: %d a %s", acting.RateLimit.RequestsPerUnit, strings.ToLower(string(acting.RateLimit.Unit))))
	}
	shown.delivery(&acting)
}

// delivery says what becomes of a failure.
func (t *Trigger) delivery(trigger *aev1.Trigger) {
	switch {
	case trigger.AtLeastOnce:
		note := "at least once: the event is acknowledged after the trigger"
		if trigger.RetryStrategy == nil {
			note += "; there is no retryStrategy, so that it is tried once"
		}
		if trigger.DlqTrigger != nil && trigger.DlqTrigger.Template != nil {
			note += "; when it fails, dlqTrigger " + trigger.DlqTrigger.Template.Name + " acts"
		}
		t.Notes = append(t.Notes, note)
	case trigger.RetryStrategy != nil || trigger.DlqTrigger != nil:
		t.Notes = append(t.Notes, "without atLeastOnce retryStrategy and dlqTrigger have no effect: a failure loses the event")
	}
}

// create makes the object of a k8s or argoWorkflow trigger.
func (e *Evaluator) create(s *sensor, source *aev1.ArtifactLocation, parameters []aev1.TriggerParameter, events map[string]*aev1.Event, shown *Trigger, kind string) {
	for i := range parameters {
		shown.add(e.resolve(parameters[i], events), "template", kind, "parameters", i)
	}
	if source != nil && source.Resource == nil && source.Inline == nil {
		shown.Notes = append(shown.Notes, "the object lies outside the manifests ("+locationOf(source)+") and is not fetched")
		if shown.Error != "" {
			shown.verdict = ParameterError
		}
		return
	}
	object, err := triggers.FetchKubernetesResource(source)
	if err == nil && len(object.Object) == 0 {
		err = fmt.Errorf("the trigger's source is empty")
	}
	if err != nil {
		shown.fail(ParameterError, "object", err.Error(), "", "template", kind, "source")
		return
	}
	before, err := object.MarshalJSON()
	if err != nil {
		before = nil
	}
	if err := e.limited(parameters, func() error { return triggers.ApplyResourceParameters(events, parameters, object) }); err != nil {
		shown.failed(err, "template", kind)
		return
	}
	if shown.Error != "" { // a parameter cannot be resolved on its own, and could for argo-events
		shown.Notes = append(shown.Notes, "eventrig disagrees with argo-events: "+shown.Error)
		shown.Error = ""
	}
	shown.overwritten(before, parameters)
	if object.GetNamespace() == "" && !clusterWide(object.GetKind()) {
		object.SetNamespace(s.GetNamespace())
	}
	shown.object = object
	encoded, err := json.Marshal(object.Object)
	if err != nil {
		shown.fail(ParameterError, "object", err.Error(), "")
		return
	}
	shown.Object = encoded
	shown.Problems = e.problems(s, object, shown.Operation)
}

// clusterWide are the kinds that Argo's trigger knows to be in no namespace.
func clusterWide(kind string) bool { return kind == "Namespace" || kind == "Node" }

// overwritten tells of parameters that put something where nothing was.
func (t *Trigger) overwritten(before []byte, parameters []aev1.TriggerParameter) {
	if before == nil {
		return
	}
	at := len(t.Parameters) - len(parameters)
	for i, p := range parameters {
		shown := &t.Parameters[at+i]
		if shown.Skipped || gjson.GetBytes(before, p.Dest).Exists() {
			continue
		}
		if note := newPlace(before, p.Dest); note != "" {
			shown.Note = strings.TrimPrefix(shown.Note+"; "+note, "; ")
		}
	}
}

// newPlace says what is odd about a place that the object does not have. A field that is left to the trigger is not.
func newPlace(object []byte, dest string) string {
	parent, last, nested := cutLast(dest)
	if !nested {
		return ""
	}
	for immediate := true; nested; immediate = false {
		switch at := gjson.GetBytes(object, parent); {
		case at.IsArray():
			return fmt.Sprintf("there is no item %s in %s, which has %d", last, parent, len(at.Array()))
		case at.Exists() && immediate:
			return ""
		case at.Exists():
			return "the object has nothing at this place; it is made"
		}
		parent, last, nested = cutLast(parent)
	}
	return "the object has nothing at this place; it is made"
}

func cutLast(path string) (parent, last string, nested bool) {
	at := strings.LastIndex(path, ".")
	if at <= 0 {
		return "", path, false
	}
	return path[:at], path[at+1:], true
}

// add takes a parameter in; the first that cannot be resolved is what the trigger fails of.
func (t *Trigger) add(p Parameter, at ...any) {
	t.Parameters = append(t.Parameters, p)
	if p.Error != "" && t.Error == "" {
		t.fail(ParameterError, "parameters", p.Error, p.Note, at...)
		_, path, _ := strings.Cut(p.From, " ")
		t.path, t.want = path, []string{"a value for " + p.Dest}
	}
}

func (t *Trigger) fail(v Verdict, step, message, hint string, at ...any) {
	t.verdict, t.step, t.Error, t.hint, t.at = v, step, message, hint, at
}

// failed takes argo-events' own error, and keeps the parameter's that explains it.
func (t *Trigger) failed(err error, at ...any) {
	if t.Error == "" {
		t.fail(ParameterError, "object", err.Error(), "", at...)
		return
	}
	t.Error = err.Error()
}

// limited runs f, which takes these parameters, within the limit where they may take long.
func (e *Evaluator) limited(parameters []aev1.TriggerParameter, f func() error) error {
	if !slices.ContainsFunc(parameters, mayTakeLong) {
		return f()
	}
	var err error // what does not come to an end may still write it
	if !within(e.options.Limit, func() { err = f() }) {
		return fmt.Errorf("it still runs after %s; Argo Events sets no limit", e.options.Limit)
	}
	return err
}

// mayTakeLong says whether a parameter runs a template, or puts its value so far into a list that the list is long.
func mayTakeLong(p aev1.TriggerParameter) bool {
	if p.Src != nil && (p.Src.DataTemplate != "" || p.Src.ContextTemplate != "") {
		return true
	}
	digits := 0
	for i := range len(p.Dest) {
		if digits++; p.Dest[i] < '0' || p.Dest[i] > '9' {
			digits = 0
		}
		if digits > 4 {
			return true
		}
	}
	return false
}

// resolve explains one parameter; its value is argo-events'.
func (e *Evaluator) resolve(p aev1.TriggerParameter, events map[string]*aev1.Event) Parameter {
	shown := Parameter{Dest: p.Dest}
	src := p.Src
	if src == nil {
		shown.Error = "the parameter has no src"
		return shown
	}
	shown.Dependency, shown.From = src.DependencyName, fromOf(src)
	event, exists := events[src.DependencyName]
	var value *string
	err := e.limited([]aev1.TriggerParameter{{Src: src}}, func() error {
		var err error
		value, _, err = triggers.ResolveParamValue(src, events)
		return err
	})
	var data []byte
	if exists {
		data = dataFor(src, event)
	}
	key := src.DataKey
	if key == "" {
		key = src.ContextKey
	}
	switch {
	case err != nil:
		shown.Error = err.Error()
		if key != "" {
			shown.Note = missing(data, key)
		}
		if src.UseRawData {
			break
		}
		if shown.Note != "" && src.Value == nil {
			shown.Note += "; a value beside dataKey would be the default"
		}
		return shown
	case value == nil:
		shown.Skipped = true
		shown.Note = "no event of this dependency takes part"
		if !slices.Contains(keysOf(events), src.DependencyName) {
			if near := nearest.Name(src.DependencyName, keysOf(events)); near != "" && near != src.DependencyName {
				shown.Note += "; did you mean " + near + "?"
			}
		}
		return shown
	}
	if value != nil {
		shown.Value = *value
	}
	template := src.DataTemplate + src.ContextTemplate
	if key != "" && template == "" || !exists {
		seen := gjson.GetBytes(data, key)
		switch {
		case !exists || !seen.Exists():
			shown.Default = true
			shown.Note = missing(data, key)
		case seen.Type == gjson.Null && !src.UseRawData:
			shown.Note = "null becomes the text null"
		}
	} else if template != "" && src.Value != nil && shown.Value == *src.Value {
		shown.Default = true
	}
	if op := p.Operation; op == aev1.TriggerParameterOpAppend || op == aev1.TriggerParameterOpPrepend {
		shown.From += " (" + string(op) + ")"
	}
	return shown
}

// dataFor is what a parameter's key is looked up in.
func dataFor(src *aev1.TriggerParameterSource, event *aev1.Event) []byte {
	if src.DataKey != "" || src.DataTemplate != "" {
		return event.Data
	}
	encoded, err := json.Marshal(event.Context)
	if err != nil {
		return nil
	}
	return encoded
}

func fromOf(src *aev1.TriggerParameterSource) string {
	switch {
	case src.DataTemplate != "":
		return "dataTemplate " + src.DataTemplate
	case src.DataKey != "":
		return "dataKey " + src.DataKey
	case src.ContextTemplate != "":
		return "contextTemplate " + src.ContextTemplate
	case src.ContextKey != "":
		return "contextKey " + src.ContextKey
	case src.Value != nil:
		return "value"
	}
	return "the whole event"
}

func keysOf(events map[string]*aev1.Event) []string {
	names := make([]string, 0, len(events))
	for name := range events {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func locationOf(source *aev1.ArtifactLocation) string {
	switch {
	case source.S3 != nil:
		return "s3"
	case source.File != nil:
		return "file"
	case source.URL != nil:
		return "url"
	case source.Git != nil:
		return "git"
	case source.Configmap != nil:
		return "configmap"
	}
	return "unknown"
}

// Creates says whether the trigger makes a Kubernetes object, and does not change or delete one or send something else.
func (t *Trigger) Creates() bool {
	return t.Type == "k8s" && t.Operation == string(aev1.Create) || t.Type == "argoWorkflow" && t.Operation == string(aev1.Submit)
}
