package evaluate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	aev1 "github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	argoexpr "github.com/argoproj/argo-events/pkg/shared/expr"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/eventrig/eventrig/internal/message"
	"github.com/eventrig/eventrig/internal/resourcefilter"
)

// arrival is an event as one source puts it on the bus.
type arrival struct {
	source  *Source
	event   cloudevents.Event
	dropped string // why the EventSource passes nothing on
	hint    string

	transforms map[string]*transformed // what the same transform made of it for another dependency
	input      any                     // the data as a jq program gets it
}

// arrivals makes what each source puts on the bus for a message.
func (e *Evaluator) arrivals(event message.Event, sources []*Source) []*arrival {
	all := make([]*arrival, 0, len(sources))
	for _, source := range sources {
		a := &arrival{source: source, transforms: map[string]*transformed{}}
		data, err := dataOf(source, event)
		if err == nil {
			err = filterOf(source, data)
		}
		if making := a.make(event, data, e.time(event)); err == nil {
			err = making
		}
		// What was recorded behind an EventSource has passed its bus.
		if err == nil && event.Passed == nil {
			err = e.capacity(source).refused(a)
		}
		if err != nil {
			var d dropped
			if errors.As(err, &d) {
				a.hint = d.hint
			}
			a.dropped = err.Error()
		}
		all = append(all, a)
	}
	return all
}

// dropped is why an EventSource passes nothing on.
type dropped struct{ why, hint string }

func (d dropped) Error() string { return d.why }

// make builds the CloudEvent as pkg/eventsources/eventing.go does.
func (a *arrival) make(event message.Event, data []byte, at time.Time) error {
	a.event = cloudevents.NewEvent()
	id := event.CloudEventID
	if id == "" {
		id = "00000000000000000000000000000000" // an EventSource draws it at random
	}
	a.event.SetID(id)
	a.event.SetSource(a.source.Name)
	a.event.SetSubject(a.source.Event)
	kind := a.source.Type
	if kind == "" {
		kind = event.SourceType
	}
	if kind == "" {
		kind = "amqp"
	}
	a.event.SetType(kind)
	a.event.SetTime(at)
	return a.event.SetData(cloudevents.ApplicationJSON, data)
}

// time is when the EventSource gets the event.
func (e *Evaluator) time(event message.Event) time.Time {
	if !e.options.Time.IsZero() {
		return e.options.Time
	}
	if event.Form == message.CloudEvent {
		var own struct {
			Time time.Time `json:"time"`
		}
		if json.Unmarshal(event.Raw, &own) == nil && !own.Time.IsZero() {
			return own.Time
		}
	}
	return time.Now()
}

// dataOf makes what an EventSource passes on, as its type does at v1.9.10 (pkg/eventsources/sources). What was recorded
// behind an EventSource is that already.
func dataOf(source *Source, event message.Event) ([]byte, error) {
	if event.Passed != nil {
		compact, err := json.Marshal(json.RawMessage(event.Passed))
		if err != nil {
			return event.Passed, nil // a CloudEvent may hold what is not JSON; the Sensor's filters refuse it
		}
		return compact, nil
	}
	kind := source.Type
	if kind == "" && event.SourceType == "webhook" {
		kind = "webhook" // the manifests do not have the EventSource, but the event is known to be a webhook's
	}
	switch kind {
	case "", "amqp":
		return amqpData(source.event.AMQP, event)
	case "webhook":
		body, err := jsonOf(event.Data, "a webhook answers it with an error and passes nothing on")
		if err != nil {
			return nil, err
		}
		header := json.RawMessage(`{"Content-Type":["application/json"]}`)
		if event.Headers != nil {
			header = event.Headers
		}
		var metadata map[string]string
		if source.event.Webhook != nil {
			metadata = source.event.Webhook.Metadata
		}
		return json.Marshal(struct {
			Header   json.RawMessage   `json:"header"`
			Body     json.RawMessage   `json:"body"`
			Metadata map[string]string `json:"metadata,omitempty"`
		}{header, body, metadata})
	case "resource":
		return resourceData(source.event.Resource, event)
	}
	return otherData(source, event)
}

func jsonOf(data []byte, consequence string) (json.RawMessage, error) {
	if json.Valid(data) {
		return data, nil
	}
	return nil, dropped{"the body is not JSON", consequence}
}

// amqpData is events.AMQPEventData. Without an EventSource in the manifests it is taken to have jsonBody, as UnderStack's.
func amqpData(source *aev1.AMQPEventSource, event message.Event) ([]byte, error) {
	var p struct {
		ContentType     string `json:"content_type"`
		ContentEncoding string `json:"content_encoding"`
		DeliveryMode    int    `json:"delivery_mode"`
		Priority        int    `json:"priority"`
		CorrelationID   string `json:"correlation_id"`
		ReplyTo         string `json:"reply_to"`
		Expiration      string `json:"expiration"`
		MessageID       string `json:"message_id"`
		Timestamp       int64  `json:"timestamp"`
		Type            string `json:"type"`
		AppID           string `json:"app_id"`
	}
	if event.Properties == nil || json.Unmarshal(event.Properties, &p) != nil {
		p.ContentType, p.ContentEncoding, p.DeliveryMode = "application/json", "utf-8", 2 // oslo.messaging's
	}
	at := time.Time{}
	if p.Timestamp != 0 {
		at = time.Unix(p.Timestamp, 0).UTC()
	}
	data := struct {
		ContentType     string            `json:"contentType"`
		ContentEncoding string            `json:"contentEncoding"`
		DeliveryMode    int               `json:"deliveryMode"`
		Priority        int               `json:"priority"`
		CorrelationID   string            `json:"correlationId"`
		ReplyTo         string            `json:"replyTo"`
		Expiration      string            `json:"expiration"`
		MessageID       string            `json:"messageId"`
		Timestamp       string            `json:"timestamp"`
		Type            string            `json:"type"`
		AppID           string            `json:"appId"`
		Exchange        string            `json:"exchange"`
		RoutingKey      string            `json:"routingKey"`
		Body            any               `json:"body"`
		Metadata        map[string]string `json:"metadata,omitempty"`
	}{p.ContentType, p.ContentEncoding, p.DeliveryMode, p.Priority, p.CorrelationID, p.ReplyTo, p.Expiration, p.MessageID, at.String(),
		p.Type, p.AppID, event.Exchange, event.RoutingKey, nil, nil}
	if source != nil {
		data.Metadata = source.Metadata
		if data.Exchange == "" && data.RoutingKey == "" {
			data.Exchange, data.RoutingKey = source.ExchangeName, source.RoutingKey
		}
	}
	if source != nil && !source.JSONBody {
		data.Body = event.Data // base64
		return json.Marshal(data)
	}
	body, err := jsonOf(event.Data, "with jsonBody the EventSource logs \"failed to marshal the message\" and passes nothing on; with autoAck the message is gone")
	if err != nil {
		return nil, err
	}
	data.Body = body
	return json.Marshal(data)
}

// resource is events.ResourceEventData.
type resource struct {
	Type     string            `json:"type"`
	Body     json.RawMessage   `json:"body"`
	OldBody  json.RawMessage   `json:"oldBody"`
	Group    string            `json:"group"`
	Version  string            `json:"version"`
	Resource string            `json:"resource"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func resourceOf(data []byte) resource {
	var r resource
	if json.Unmarshal(data, &r) != nil {
		return resource{}
	}
	return r
}

// namespace is that of the object that it is about.
func (r resource) namespace() string {
	var object struct {
		Metadata struct {
			Namespace string `json:"namespace"`
		} `json:"metadata"`
	}
	if json.Unmarshal(r.Body, &object) != nil {
		return ""
	}
	return object.Metadata.Namespace
}

// resourceData takes a bare Kubernetes object for one that was added.
func resourceData(source *aev1.ResourceEventSource, event message.Event) ([]byte, error) {
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(event.Data); err != nil {
		return nil, dropped{"the message is no Kubernetes object", "a resource EventSource hears of objects of the API server; give {\"type\": \"ADD\", \"body\": OBJECT, ...} or the object itself"}
	}
	return json.Marshal(resource{Type: "ADD", Body: event.Data, OldBody: json.RawMessage("null"), Group: source.Group, Version: source.Version,
		Resource: source.Resource, Metadata: source.Metadata})
}

// shapes are the fields that other types of EventSources pass on beside the body, with a value of their kind (package
// events of argo-events).
var shapes = map[string]string{
	"kafka": `{"topic":"","key":"","partition":0,"body":null,"timestamp":"","headers":{}}`,
	"mqtt":  `{"topic":"","messageId":0,"body":null}`, "nats": `{"subject":"","body":null}`,
	"nsq":   `{"body":null,"timestamp":"","nsqdAddress":""}`,
	"redis": `{"channel":"","pattern":"","body":null}`, "pulsar": `{"key":"","publishTime":"","body":null}`,
	"emitter": `{"topic":"","body":null}`, "sns": `{"header":{},"body":null}`, "sqs": `{"messageId":"","messageAttributes":{},"body":null}`,
	"pubSub": `{"id":"","body":null,"attributes":{},"publishTime":""}`,
	"github": `{"headers":{},"body":null}`, "gitlab": `{"headers":{},"body":null}`, "bitbucket": `{"headers":{},"body":null}`,
	"bitbucketserver": `{"headers":{},"body":null}`, "gerrit": `{"headers":{},"body":null}`,
}

// rawTypes are those whose body is JSON whatever jsonBody says: they have no such field.
var rawTypes = []string{"sns", "github", "gitlab", "bitbucket", "bitbucketserver", "gerrit"}

func otherData(source *Source, event message.Event) ([]byte, error) {
	data := map[string]any{}
	if shape, ok := shapes[source.Type]; ok {
		if err := json.Unmarshal([]byte(shape), &data); err != nil {
			return nil, fmt.Errorf("read the shape of %s: %w", source.Type, err)
		}
	}
	asJSON := slices.Contains(rawTypes, source.Type)
	if value := reflect.ValueOf(source.event.Value); value.Kind() == reflect.Pointer && value.Elem().Kind() == reflect.Struct {
		if field := value.Elem().FieldByName("JSONBody"); field.IsValid() && field.Kind() == reflect.Bool {
			asJSON = field.Bool()
		}
		if field := value.Elem().FieldByName("Metadata"); field.IsValid() && field.Len() > 0 {
			data["metadata"] = field.Interface()
		}
	}
	if asJSON {
		body, err := jsonOf(event.Data, "the EventSource cannot encode it and passes nothing on")
		if err != nil {
			return nil, err
		}
		data["body"] = body
	} else {
		data["body"] = event.Data
	}
	return json.Marshal(data)
}

// filterOf applies the filter of the EventSource itself, as pkg/eventsources/eventing.go and sources/resource do.
func filterOf(source *Source, data []byte) (err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = dropped{fmt.Sprintf("the EventSource's filter panics: %v", crash), ""}
		}
	}()
	if f := source.event.Filter; f != nil {
		values := map[string]any{}
		if err := json.Unmarshal(data, &values); err != nil {
			return dropped{"the EventSource's filter cannot read the data: " + err.Error(), ""}
		}
		parameters := map[string]any{}
		for key, value := range values {
			parameters[strings.ReplaceAll(key, "-", "_")] = value
		}
		proceed, err := argoexpr.EvalBool(f.Expression, argoexpr.GetFuncMap(parameters))
		if err != nil {
			return dropped{"the EventSource's filter fails: " + err.Error(), "its expression is " + f.Expression}
		}
		if !proceed {
			return dropped{"the EventSource's filter is not met: " + f.Expression, ""}
		}
	}
	if r := source.event.Resource; r != nil {
		return resourceFilter(r, data)
	}
	return nil
}

// resourceFilter is what a resource EventSource asks of an object before it tells of it: kinds of events, labels, name, fields.
// What depends on the time of its start (afterStart) is left out.
func resourceFilter(source *aev1.ResourceEventSource, data []byte) error {
	event := resourceOf(data)
	wanted := make([]string, 0, len(source.EventTypes))
	for _, kind := range source.EventTypes {
		wanted = append(wanted, string(kind))
	}
	if len(wanted) > 0 && !slices.Contains(wanted, event.Type) {
		return dropped{fmt.Sprintf("the EventSource tells of %s only, not of %s", strings.Join(wanted, ", "), event.Type), ""}
	}
	if source.Filter == nil {
		return nil
	}
	var object unstructured.Unstructured
	if err := json.Unmarshal(bytes.TrimSpace(event.Body), &object.Object); err != nil {
		return dropped{"the body is no object: " + err.Error(), ""}
	}
	selector, err := resourcefilter.Selector(source.Filter)
	if err != nil {
		return dropped{"the EventSource's label filter is wrong: " + err.Error(), ""}
	}
	requirements, _ := selector.Requirements()
	for _, requirement := range requirements {
		if !requirement.Matches(labels.Set(object.GetLabels())) {
			return dropped{fmt.Sprintf("the EventSource tells of objects with label %s only", &requirement), fmt.Sprintf("the object has %s", labels.Set(object.GetLabels()))}
		}
	}
	if why := resourcefilter.Refusal(source.Filter, aev1.ResourceEventType(event.Type), &object, time.Time{}); why != "" {
		return dropped{why, ""}
	}
	return nil
}

// wrap puts a notification without an envelope into one, as oslo.messaging's driver messagingv2 does.
func wrap(event message.Event) message.Event {
	if event.Content != message.Notification || event.Passed != nil {
		return event
	}
	var text bytes.Buffer
	if json.Compact(&text, event.Data) != nil {
		return event
	}
	body, err := json.Marshal(map[string]string{"oslo.version": "2.0", "oslo.message": text.String()})
	if err != nil {
		return event
	}
	event.Notification, event.Data, event.Content = event.Data, body, message.Envelope
	return event
}
