package scenario

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/eventrig/eventrig/internal/nearest"
)

// checker collects the mistakes of one document.
type checker struct {
	file     string
	mistakes []error
}

func (c *checker) fail(line int, format string, args ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf("%s:%d: "+format, append([]any{c.file, line}, args...)...))
}

func typeOf[T any]() reflect.Type { return reflect.TypeOf((*T)(nil)).Elem() }

var countType = typeOf[Count]()

// check compares the document with the type it is decoded into. The YAML library could refuse unknown fields too, but
// it neither knows the path nor says which field was meant.
func (c *checker) check(node *yaml.Node, t reflect.Type, at string) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == countType || node.Tag == "!!null" {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if node.Kind != yaml.MappingNode {
			c.fail(node.Line, "%s holds %s, not fields; it knows %s", place(at), kindName(node), strings.Join(fieldNames(t), ", "))
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if key.Value == "<<" {
				continue
			}
			field, ok := fieldByName(t, key.Value)
			if !ok {
				c.fail(key.Line, "%s", unknownField(key.Value, at, t))
				continue
			}
			c.check(value, field.Type, join(at, key.Value))
		}
	case reflect.Slice:
		if node.Kind != yaml.SequenceNode {
			c.fail(node.Line, "%s holds %s, not a list", place(at), kindName(node))
			return
		}
		for i, item := range node.Content {
			c.check(item, t.Elem(), fmt.Sprintf("%s[%d]", at, i))
		}
	case reflect.Map:
		if node.Kind != yaml.MappingNode {
			c.fail(node.Line, "%s holds %s, not names and values", place(at), kindName(node))
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			c.check(node.Content[i+1], t.Elem(), join(at, node.Content[i].Value))
		}
	case reflect.String, reflect.Int, reflect.Bool:
		if node.Kind != yaml.ScalarNode {
			c.fail(node.Line, "%s holds %s, not a single value", place(at), kindName(node))
		}
	}
}

func unknownField(name, at string, t reflect.Type) string {
	known := fieldNames(t)
	text := fmt.Sprintf("unknown field %q in %s", name, place(at))
	if best := nearest.Name(name, known); best != "" {
		return text + fmt.Sprintf("; did you mean %q?", best)
	}
	return text + "; it knows " + strings.Join(known, ", ")
}

func place(at string) string {
	if at == "" {
		return "the document"
	}
	return at
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func kindName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	default:
		return fmt.Sprintf("the value %q", node.Value)
	}
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "-" && name != "" {
			names = append(names, name)
		}
	}
	return names
}

func fieldByName(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); tag == name && tag != "-" {
			return t.Field(i), true
		}
	}
	return reflect.StructField{}, false
}

// setLines notes in every struct with a Line field where it begins.
func setLines(node *yaml.Node, target any) {
	var walk func(*yaml.Node, reflect.Value)
	walk = func(node *yaml.Node, v reflect.Value) {
		for node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return
			}
			v = v.Elem()
		}
		switch {
		case v.Kind() == reflect.Struct && node.Kind == yaml.MappingNode && v.Type() != countType:
			if line := v.FieldByName("Line"); line.IsValid() {
				line.SetInt(int64(node.Line))
			}
			for i := 0; i+1 < len(node.Content); i += 2 {
				if field, ok := fieldByName(v.Type(), node.Content[i].Value); ok {
					walk(node.Content[i+1], v.FieldByIndex(field.Index))
				}
			}
		case v.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
			for i, item := range node.Content {
				if i < v.Len() {
					walk(item, v.Index(i))
				}
			}
		}
	}
	walk(node, reflect.ValueOf(target))
}

// rules checks what types cannot say.
func (c *checker) rules(s *Scenario) {
	if s.APIVersion != APIVersion {
		c.fail(s.Line, "apiVersion is %q, want %q", s.APIVersion, APIVersion)
	}
	if s.Kind != Kind {
		c.fail(s.Line, "kind is %q, want %q", s.Kind, Kind)
	}
	if !nameRule.MatchString(s.Metadata.Name) {
		c.fail(s.Line, "metadata.name is %q: give a name of lower case letters, digits and dashes", s.Metadata.Name)
	}
	if s.Spec.Timeout != "" {
		if d, err := time.ParseDuration(s.Spec.Timeout); err != nil || d <= 0 {
			c.fail(s.Line, "spec.timeout is %q: give a duration such as 90s", s.Spec.Timeout)
		}
	}
	for _, tier := range s.Spec.Tiers {
		c.oneOf(s.Line, "spec.tiers", tier, "offline", "embedded", "kind", "existing")
	}
	if len(s.Spec.When) == 0 {
		c.fail(s.Line, "spec.when is empty: nothing would happen")
	}
	for i, f := range s.Spec.Given.Faults {
		c.fault(s.Line, fmt.Sprintf("spec.given.faults[%d]", i), f)
		if f.Clear {
			c.fail(s.Line, "spec.given.faults[%d] clears what is not there yet", i)
		}
	}
	for i, step := range s.Spec.When {
		c.step(fmt.Sprintf("spec.when[%d]", i), step)
	}
	c.then(s)
}

func (c *checker) step(at string, step Step) {
	set := 0
	v := reflect.ValueOf(step)
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Pointer && !v.Field(i).IsNil() {
			set++
		}
	}
	if set != 1 {
		c.fail(step.Line, "%s has %d actions, want exactly one of %s", at, set, strings.Join(fieldNames(typeOf[Step]()), ", "))
		return
	}
	switch {
	case step.Publish != nil:
		p := step.Publish
		if (p.Event == "") == (p.Raw == "") {
			c.fail(step.Line, "%s.publish needs event or raw, and not both", at)
		}
		if p.Raw != "" && (p.Exchange == "" || p.RoutingKey == "") {
			c.fail(step.Line, "%s.publish with raw needs vhost, exchange and routing-key", at)
		}
		if p.Driver != "" {
			c.oneOf(step.Line, at+".publish.driver", p.Driver, "messagingv2", "messaging")
		}
		if p.Count < 0 {
			c.fail(step.Line, "%s.publish.count is negative", at)
		}
		for _, path := range sortedKeys(p.Fill) {
			if length := p.Fill[path]; length < 1 || length > maxFill {
				c.fail(step.Line, "%s.publish.fill %s is %d: give a length from 1 to %d bytes", at, path, length, maxFill)
			}
		}
		if p.Raw != "" && len(p.Fill) > 0 {
			c.fail(step.Line, "%s.publish.fill is for an event; a raw body is sent as it is", at)
		}
	case step.OpenStack != nil:
		o := step.OpenStack
		verbs := 0
		for _, kind := range []string{o.Create, o.Update, o.Delete, o.Action, o.Call} {
			if kind != "" {
				verbs++
			}
		}
		if verbs != 1 {
			c.fail(step.Line, "%s.openstack needs exactly one of create, update, delete, action, call", at)
		}
		if (o.Action != "") != (o.Do != "") {
			c.fail(step.Line, "%s.openstack needs action, the kind of resource, together with do, what to do", at)
		}
		if o.ID == "" && o.Update+o.Action != "" {
			c.fail(step.Line, "%s.openstack needs the id of what it changes", at)
		}
		if o.ID == "" && o.Delete != "" && len(o.Set) == 0 {
			c.fail(step.Line, "%s.openstack needs the id of what it deletes", at)
		}
		if method, path, ok := strings.Cut(o.Call, " "); o.Call != "" && (!ok || method != strings.ToUpper(method) || !strings.HasPrefix(path, "/")) {
			c.fail(step.Line, "%s.openstack.call is %q: give METHOD and path, such as PUT /baremetal/v1/nodes/n1/maintenance", at, o.Call)
		}
		if o.Status != 0 && (o.Status < 100 || o.Status > 599) {
			c.fail(step.Line, "%s.openstack.status is %d: give an HTTP status", at, o.Status)
		}
	case step.Replay != nil:
		if step.Replay.File == "" {
			c.fail(step.Line, "%s.replay needs a file", at)
		}
	case step.Webhook != nil:
		w := step.Webhook
		if w.EventSource == "" || w.Event == "" {
			c.fail(step.Line, "%s.webhook needs eventSource and event", at)
		}
		if w.Status != 0 && (w.Status < 100 || w.Status > 599) {
			c.fail(step.Line, "%s.webhook.status is %d: give an HTTP status", at, w.Status)
		}
	case step.Submit != nil:
		if (step.Submit.Template == "") == (step.Submit.CronWorkflow == "") {
			c.fail(step.Line, "%s.submit needs template or cronWorkflow, and not both", at)
		} else if !isQualified(step.Submit.From()) {
			c.fail(step.Line, "%s.submit names %q: give namespace/name", at, step.Submit.From())
		}
	case step.Fault != nil:
		c.fault(step.Line, at+".fault", *step.Fault)
	case step.Apply != nil || step.Delete != nil:
		objects := step.Apply
		if objects == nil {
			objects = step.Delete
		}
		if objects.File == "" && len(objects.Objects) == 0 {
			c.fail(step.Line, "%s names neither file nor objects", at)
		}
	}
}

// maxFill is twice what RabbitMQ 4 accepts of one message.
const maxFill = 32 << 20

func isQualified(name string) bool {
	namespace, short, ok := strings.Cut(name, "/")
	return ok && namespace != "" && short != "" && !strings.Contains(short, "/")
}

func (c *checker) fault(line int, at string, f Fault) {
	set := 0
	for _, is := range []bool{f.Nautobot != nil, f.OpenStack != nil, f.ONTAP != nil, f.Undersync != nil, f.Broker != "", f.DeletePods != nil, f.Scale != nil, f.Refuse != "", f.Clear} {
		if is {
			set++
		}
	}
	if set != 1 {
		c.fail(line, "%s has %d faults, want exactly one of %s", at, set, strings.Join(fieldNames(typeOf[Fault]()), ", "))
		return
	}
	component := func(at, kind, name string) {
		c.oneOf(line, at+".kind", kind, componentKinds...)
		if !isQualified(name) {
			c.fail(line, "%s.name is %q: give namespace/name", at, name)
		}
	}
	switch {
	case f.Broker != "":
		c.oneOf(line, at+".broker", f.Broker, "restart", "stop", "start", "close-connections")
	case f.DeletePods != nil:
		component(at+".delete-pods", f.DeletePods.Kind, f.DeletePods.Name)
	case f.Scale != nil:
		component(at+".scale", f.Scale.Kind, f.Scale.Name)
		if f.Scale.Replicas < 0 {
			c.fail(line, "%s.scale.replicas is negative", at)
		}
	case f.Refuse != "":
		c.oneOf(line, at+".refuse", f.Refuse, "nautobot", "openstack", "ontap", "undersync")
	}
}

func (c *checker) then(s *Scenario) {
	t := s.Spec.Then
	if t.empty() {
		c.fail(s.Line, "spec.then is empty: nothing would be checked")
	}
	expression := func(line int, at, text string) {
		if _, err := regexp.Compile(variable.ReplaceAllString(text, "x")); err != nil {
			c.fail(line, "%s is no regular expression: %v", at, err)
		}
	}
	for i, e := range t.Sensors {
		at := fmt.Sprintf("spec.then.sensors[%d]", i)
		if e.Name == "" {
			c.fail(e.Line, "%s needs a name", at)
		}
		if e.Fires == nil && e.Fails == nil {
			c.fail(e.Line, "%s checks nothing: give fires or fails", at)
		}
		expression(e.Line, at+".reason", e.Reason)
	}
	for i, e := range t.Workflows {
		at := fmt.Sprintf("spec.then.workflows[%d]", i)
		if (e.Sensor == "") == (e.Template == "") {
			c.fail(e.Line, "%s needs a sensor or a template, and not both", at)
		}
		if e.Phase != "" {
			c.oneOf(e.Line, at+".phase", e.Phase, "Succeeded", "Failed", "Error", "Running", "Pending")
		}
		expression(e.Line, at+".message", e.Message)
	}
	for name, list := range map[string][]RecordExpectation{"nautobot": t.Nautobot, "openstack": t.OpenStack, "ontap": t.ONTAP} {
		for i, e := range list {
			at := fmt.Sprintf("spec.then.%s[%d]", name, i)
			if e.Path == "" {
				c.fail(e.Line, "%s needs a path", at)
			}
			if e.Count != nil && e.Count.Max == 0 && len(e.Fields) > 0 {
				c.fail(e.Line, "%s wants no record and yet fields of it", at)
			}
		}
	}
	for i, e := range t.Requests {
		c.oneOf(e.Line, fmt.Sprintf("spec.then.requests[%d].to", i), e.To, "nautobot", "openstack", "ontap", "undersync")
	}
	for i, e := range t.Pods {
		if (e.Sensor == "") == (e.Template == "") {
			c.fail(e.Line, "spec.then.pods[%d] needs a sensor or a template, and not both", i)
		}
	}
	for i, e := range t.Objects {
		at := fmt.Sprintf("spec.then.objects[%d]", i)
		if e.APIVersion == "" || e.Kind == "" {
			c.fail(e.Line, "%s needs apiVersion and kind", at)
		}
		if e.Sensor != "" && e.Kind != "Workflow" && e.Kind != "Job" {
			c.fail(e.Line, "%s has a sensor: that is known of Workflows and Jobs only, not of a %s", at, e.Kind)
		}
		if e.Count != nil && e.Count.Max == 0 && len(e.Fields) > 0 {
			c.fail(e.Line, "%s wants no object and yet fields of it", at)
		}
	}
	if l := t.Ledger; l != nil {
		if l.Lost == nil && l.Duplicates == nil && len(l.Order) == 0 && len(l.MaxLatency) == 0 {
			c.fail(l.Line, "spec.then.ledger checks nothing")
		}
		for _, hop := range l.Order {
			c.oneOf(l.Line, "spec.then.ledger.order", hop, "received", "on-bus", "decided", "triggered", "workflow", "finished")
		}
		for _, hop := range sortedKeys(l.MaxLatency) {
			c.oneOf(l.Line, "spec.then.ledger.maxLatency", hop, "received", "on-bus", "decided", "triggered", "workflow", "finished", "pod", "api-call", "record-change")
			if d, err := time.ParseDuration(l.MaxLatency[hop]); err != nil || d <= 0 {
				c.fail(l.Line, "spec.then.ledger.maxLatency.%s is %q: give a duration such as 500ms", hop, l.MaxLatency[hop])
			}
		}
	}
}

func (c *checker) oneOf(line int, at, got string, allowed ...string) {
	for _, a := range allowed {
		if got == a {
			return
		}
	}
	text := fmt.Sprintf("%s is %q, want one of %s", at, got, strings.Join(allowed, ", "))
	if best := nearest.Name(got, allowed); best != "" {
		text += fmt.Sprintf("; did you mean %q?", best)
	}
	c.fail(line, "%s", text)
}
