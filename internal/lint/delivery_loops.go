package lint

import (
	"fmt"
	"slices"
	"strings"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

func checkLoop(in *Input, report Report) {
	all := effects.Of(in)
	for i := range all {
		if path := loop(all, i); path != "" {
			report(all[i].sensor.Object, all[i].where(), fmt.Sprintf("trigger %s may start itself again: %s", all[i].name(), path), "filter on what the trigger changes, so that its own effect does not pass")
		}
	}
	for _, t := range objectTriggers(in) {
		if t.object == nil {
			continue
		}
		for _, d := range sensorDependencies.Of(in) {
			if d.sensor.Unstructured == t.sensor.Unstructured && d.found && d.event.Resource != nil && d.spec.Filters == nil && d.program == nil && d.lua() == "" &&
				conditionNames(t.Template.Conditions, d.spec.Name) && watches(d.event.Resource, t) {
				report(t.sensor.Object, t.where(), fmt.Sprintf("trigger %s starts itself again: event %s reports what it does with %s", t.name(), d.event.Name, d.event.Resource.Resource), "a label filter in the EventSource that the object does not meet")
			}
		}
	}
}

// loop follows what a trigger raises until it comes back to it; "" if it does not, otherwise the way in words.
func loop(all []effect, start int) string {
	type visit struct {
		at  int
		way string
	}
	seen := map[int]bool{}
	queue := []visit{{at: start}}
	for len(queue) > 0 {
		here := queue[0]
		queue = queue[1:]
		for _, raised := range all[here.at].raises {
			for next := range all {
				started := common(raised.types, all[next].types)
				if len(started) == 0 {
					continue
				}
				way := fmt.Sprintf("%s%s makes the service send %s", here.way, raised.by, strings.Join(started, ", "))
				if next == start {
					return way
				}
				if !seen[next] {
					seen[next] = true
					queue = append(queue, visit{next, way + ", which starts " + sensorName(all[next].sensor) + ", where "})
				}
			}
		}
	}
	return ""
}

// watches reports whether an EventSource reports what a trigger does.
func watches(source *aev1.ResourceEventSource, t *trigger) bool {
	gvr, _ := meta.UnsafeGuessKindToResource(t.object.GroupVersionKind())
	if gvr.Group != source.Group || gvr.Resource != source.Resource || source.Namespace != "" && source.Namespace != t.goesTo() {
		return false
	}
	does := aev1.ADD
	if k8s := t.Template.K8s; k8s != nil {
		switch k8sOperation(k8s) {
		case aev1.Update, aev1.Patch:
			does = aev1.UPDATE
		case aev1.Delete:
			does = aev1.DELETE
		}
	} else if op := t.Template.ArgoWorkflow.Operation; op != "" && op != aev1.Submit {
		return false
	}
	if !slices.Contains(source.EventTypes, does) {
		return false
	}
	if source.Filter == nil {
		return true
	}
	if len(source.Filter.Fields) > 0 || !strings.HasPrefix(t.object.GetName()+t.object.GetGenerateName(), source.Filter.Prefix) {
		return false
	}
	has := labels.Set{"events.argoproj.io/sensor": t.sensor.GetName(), "events.argoproj.io/trigger": t.name(), "events.argoproj.io/action-timestamp": "0"}
	for key, value := range t.object.GetLabels() {
		has[key] = value
	}
	for _, selector := range source.Filter.Labels {
		operator := selection.Equals
		if selector.Operation != "" {
			operator = selection.Operator(selector.Operation)
		}
		values := []string{selector.Value}
		switch {
		case operator == selection.In || operator == selection.NotIn:
			values = strings.Split(selector.Value, ",")
		case selector.Value == "":
			values = nil
		}
		requirement, err := labels.NewRequirement(selector.Key, operator, values)
		if err != nil || !requirement.Matches(has) {
			return false
		}
	}
	return true
}
