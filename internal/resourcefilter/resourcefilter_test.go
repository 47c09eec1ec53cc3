package resourcefilter

import (
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

func TestSelector(t *testing.T) {
	object := labels.Set{"role": "tenant-read", "user": ""}
	for name, c := range map[string]struct {
		filter []v1alpha1.Selector
		wrong  bool
		want   bool
	}{
		"none":           {want: true},
		"there":          {filter: []v1alpha1.Selector{{Key: "user", Operation: "exists"}}, want: true},
		"not there":      {filter: []v1alpha1.Selector{{Key: "user", Operation: "!"}}},
		"equal":          {filter: []v1alpha1.Selector{{Key: "role", Value: "tenant-read"}}, want: true},
		"one of several": {filter: []v1alpha1.Selector{{Key: "role", Operation: "in", Value: "infra-read,tenant-read"}}, want: true},
		"none of them":   {filter: []v1alpha1.Selector{{Key: "role", Operation: "notin", Value: "infra-read,tenant-read"}}},
		"all must hold":  {filter: []v1alpha1.Selector{{Key: "user", Operation: "exists"}, {Key: "role", Value: "other"}}},
		"no operation":   {filter: []v1alpha1.Selector{{Key: "role", Operation: "like", Value: "x"}}, wrong: true},
	} {
		selector, err := Selector(&v1alpha1.ResourceFilter{Labels: c.filter})
		if (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		} else if err == nil && selector.Matches(object) != c.want {
			t.Errorf("%s: matches is %v, want %v", name, !c.want, c.want)
		}
	}
	if selector, err := Selector(nil); err != nil || !selector.Matches(object) {
		t.Errorf("no filter: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	made := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)
	object := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "user-a"}, "type": "Opaque", "data": map[string]any{"n": int64(1)}}}
	object.SetCreationTimestamp(metav1.NewTime(made))
	object.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Operation: metav1.ManagedFieldsOperationApply, Time: &metav1.Time{Time: made.Add(2 * time.Minute)}},
		{Operation: metav1.ManagedFieldsOperationUpdate, Time: &metav1.Time{Time: made.Add(time.Minute)}},
	})
	field := func(key, operation, value string) *v1alpha1.ResourceFilter {
		return &v1alpha1.ResourceFilter{Fields: []v1alpha1.Selector{{Key: key, Operation: operation, Value: value}}}
	}
	for name, c := range map[string]struct {
		filter *v1alpha1.ResourceFilter
		kind   v1alpha1.ResourceEventType
		since  time.Time
		want   string
	}{
		"no filter":                {},
		"prefix":                   {filter: &v1alpha1.ResourceFilter{Prefix: "user-"}},
		"another prefix":           {filter: &v1alpha1.ResourceFilter{Prefix: "group-"}, want: `start with "group-" only`},
		"a field, unanchored":      {filter: field("type", "==", "paq")},
		"another field":            {filter: field("type", "=", "^paq"), want: `matches "^paq", not "Opaque"`},
		"not that field":           {filter: field("type", "!=", "Opaque"), want: `does not match "Opaque"`},
		"a number is no text":      {filter: field("data.n", "==", "1"), want: `matches "1", not ""`},
		"no such field":            {filter: field("status", "==", "x"), want: "which the object has not"},
		"no operation":             {filter: field("type", "", "x"), want: "knows =, == and != only"},
		"created early enough":     {filter: &v1alpha1.ResourceFilter{CreatedBy: metav1.NewTime(made)}},
		"created too late":         {filter: &v1alpha1.ResourceFilter{CreatedBy: metav1.NewTime(made.Add(-time.Second))}, want: "created by"},
		"added before the start":   {filter: &v1alpha1.ResourceFilter{AfterStart: true}, kind: v1alpha1.ADD, since: made.Add(time.Second), want: "after its start only"},
		"updated before the start": {filter: &v1alpha1.ResourceFilter{AfterStart: true}, kind: v1alpha1.UPDATE, since: made.Add(90 * time.Second), want: "after its start only"},
		"updated after the start":  {filter: &v1alpha1.ResourceFilter{AfterStart: true}, kind: v1alpha1.UPDATE, since: made.Add(30 * time.Second)},
		"deleted after the start":  {filter: &v1alpha1.ResourceFilter{AfterStart: true}, kind: v1alpha1.DELETE, since: made.Add(time.Hour)},
		"an unknown start":         {filter: &v1alpha1.ResourceFilter{AfterStart: true}, kind: v1alpha1.ADD},
	} {
		got := Refusal(c.filter, c.kind, object, c.since)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
