// Package resourcefilter is the filter of a resource EventSource (argo-events, pkg/eventsources/sources/resource): what it
// asks the API server for by labels, and what it leaves out of that by itself.
package resourcefilter

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/tidwall/gjson"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// Selector is the label selector that an EventSource watches by; everything where its filter has no labels.
func Selector(filter *v1alpha1.ResourceFilter) (labels.Selector, error) {
	selector := labels.NewSelector()
	if filter == nil {
		return selector, nil
	}
	for _, want := range filter.Labels {
		operator := selection.Equals
		if want.Operation != "" {
			operator = selection.Operator(want.Operation)
		}
		values := []string{want.Value}
		switch {
		case (operator == selection.Exists || operator == selection.DoesNotExist) && want.Value == "":
			values = nil
		case operator == selection.In || operator == selection.NotIn:
			values = strings.Split(want.Value, ",")
		}
		requirement, err := labels.NewRequirement(want.Key, operator, values)
		if err != nil {
			return nil, fmt.Errorf("read the label filter of a resource EventSource: %w", err)
		}
		selector = selector.Add(*requirement)
	}
	return selector, nil
}

// Refusal says why an EventSource is silent about an object that the API server told it of, and "" when it is not. since
// is when it began to watch, for afterStart; the zero time leaves that out.
func Refusal(filter *v1alpha1.ResourceFilter, kind v1alpha1.ResourceEventType, object *unstructured.Unstructured, since time.Time) string {
	if filter == nil {
		return ""
	}
	if prefix := filter.Prefix; prefix != "" && !strings.HasPrefix(object.GetName(), prefix) {
		return fmt.Sprintf("the EventSource tells of names that start with %q only, not of %q", prefix, object.GetName())
	}
	if at := happened(kind, object); filter.AfterStart && at.Before(since) {
		return fmt.Sprintf("the EventSource tells of what happened after its start only, not at %s", at.UTC().Format(time.RFC3339))
	}
	if created := object.GetCreationTimestamp(); !filter.CreatedBy.IsZero() && created.After(filter.CreatedBy.Time) {
		return fmt.Sprintf("the EventSource tells of objects created by %s only, not of one created at %s", filter.CreatedBy.UTC().Format(time.RFC3339), created.UTC().Format(time.RFC3339))
	}
	return refusedByFields(filter.Fields, object)
}

func refusedByFields(fields []v1alpha1.Selector, object *unstructured.Unstructured) string {
	if len(fields) == 0 {
		return ""
	}
	data, err := json.Marshal(object.Object)
	if err != nil {
		return "the object is no JSON: " + err.Error()
	}
	for _, want := range fields {
		value := gjson.GetBytes(data, want.Key)
		expression, err := regexp.Compile(want.Value)
		switch {
		case !value.Exists():
			return fmt.Sprintf("the EventSource asks for a field %s, which the object has not", want.Key)
		case err != nil:
			return fmt.Sprintf("the EventSource's filter of field %s is no regular expression: %v", want.Key, err)
		}
		// Str, as upstream has it, is empty for a value that is no string.
		matches := expression.MatchString(value.Str)
		switch selection.Operator(want.Operation) {
		case selection.Equals, selection.DoubleEquals:
			if !matches {
				return fmt.Sprintf("the EventSource asks for a field %s that matches %q, not %q", want.Key, want.Value, value.Str)
			}
		case selection.NotEquals:
			if matches {
				return fmt.Sprintf("the EventSource asks for a field %s that does not match %q, as %q does", want.Key, want.Value, value.Str)
			}
		default:
			return fmt.Sprintf("the EventSource's filter of field %s has operation %q; it knows =, == and != only", want.Key, want.Operation)
		}
	}
	return ""
}

// happened is when an event took place, as the EventSource counts it. An update by server-side apply does not count as one.
func happened(kind v1alpha1.ResourceEventType, object *unstructured.Unstructured) time.Time {
	at := object.GetCreationTimestamp().Time
	switch kind {
	case v1alpha1.UPDATE:
		for _, fields := range object.GetManagedFields() {
			if fields.Time != nil && fields.Operation == metav1.ManagedFieldsOperationUpdate && fields.Time.After(at) {
				at = fields.Time.Time
			}
		}
	case v1alpha1.DELETE:
		at = time.Now()
		if deleted := object.GetDeletionTimestamp(); deleted != nil {
			at = deleted.Time
		}
	}
	return at
}
