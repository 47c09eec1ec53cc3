package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eventrig/eventrig/e2e/explanation"
	"github.com/eventrig/eventrig/e2e/observe"
	"github.com/eventrig/eventrig/e2e/scenario"
	"github.com/eventrig/eventrig/internal/evaluate"
	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/pipeline"
)

var _ scenario.Explainer = (*Rig)(nil)

// Explain implements scenario.Explainer: by the EventSources and Sensors as they are at the moment, on the data that the
// EventSources put on the bus.
func (r *Rig) Explain(_ context.Context, sensor string, keys []string) ([]scenario.Explanation, error) {
	graph, err := r.present()
	if err != nil {
		return nil, err
	}
	evaluator, err := evaluate.New(graph, evaluate.Options{})
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	var events []message.Event
	var of []string
	for _, seen := range r.observer.Events(keys...) {
		event, err := onBus(seen)
		if err != nil {
			return nil, err
		}
		events, of = append(events, event), append(of, seen.Key)
	}
	var all []scenario.Explanation
	for i, result := range evaluator.Run(events) {
		all = append(all, explanation.Of(result, of[i], sensor)...)
	}
	return all, nil
}

// onBus is an event as its EventSource put it on the bus.
func onBus(seen observe.BusEvent) (message.Event, error) {
	written, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": seen.ID, "source": seen.Name, "subject": seen.Event, "type": "amqp", "time": seen.Time.Format(time.RFC3339Nano), "data": seen.Data,
	})
	if err != nil {
		return message.Event{}, fmt.Errorf("read event %s: %w", seen.ID, err)
	}
	events, err := message.Parse(seen.Key, written)
	if err != nil {
		return message.Event{}, fmt.Errorf("read event %s: %w", seen.ID, err)
	}
	return events[0], nil
}

// present is the manifests under test with the EventSources and Sensors as the API server has them: a scenario may have
// changed them. Those that are as the manifests have them know their file and line.
func (r *Rig) present() (*pipeline.Graph, error) {
	now := &pipeline.Graph{}
	for _, object := range r.manifests.graph.Objects {
		if kind := object.GetKind(); kind != "EventSource" && kind != "Sensor" {
			now.Objects = append(now.Objects, object)
		}
	}
	sources, sensors := r.observer.Pipeline()
	writtenSources, writtenSensors := map[string]pipeline.EventSource{}, map[string]pipeline.Sensor{}
	for _, source := range r.manifests.graph.EventSources() {
		writtenSources[source.Key()] = source
	}
	for _, sensor := range r.manifests.graph.Sensors() {
		writtenSensors[sensor.Key()] = sensor
	}
	for _, source := range sources {
		object, err := untyped(source, "EventSource")
		if err != nil {
			return nil, err
		}
		if written, ok := writtenSources[object.Key()]; ok && sameJSON(written.Typed.Spec, source.Spec) {
			object = written.Object
		}
		now.Objects = append(now.Objects, object)
	}
	for _, sensor := range sensors {
		object, err := untyped(sensor, "Sensor")
		if err != nil {
			return nil, err
		}
		if written, ok := writtenSensors[object.Key()]; ok && sameJSON(written.Typed.Spec, sensor.Spec) {
			object = written.Object
		}
		now.Objects = append(now.Objects, object)
	}
	return now, nil
}

// untyped is an object as manifests have it, but for the place where it is written.
func untyped(object any, kind string) (pipeline.Object, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return pipeline.Object{}, fmt.Errorf("read a %s: %w", kind, err)
	}
	live := &unstructured.Unstructured{Object: content}
	live.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kind))
	return pipeline.Object{Unstructured: live}, nil
}

func sameJSON(a, b any) bool {
	left, errA := json.Marshal(a)
	right, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(left, right)
}
