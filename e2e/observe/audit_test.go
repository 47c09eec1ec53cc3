package observe

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/ledger"
)

// auditLine is what kube-apiserver 1.34 writes, shortened by what is not read.
func auditLine(address, user, resource, namespace, name string, received, answered time.Time, code int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","stage":"ResponseComplete","requestURI":"/apis/argoproj.io/v1alpha1/namespaces/%[4]s/%[3]s?fieldManager=x","verb":"create",`+
		`"user":{"username":"%[2]s","groups":["system:serviceaccounts"]},"sourceIPs":["%[1]s"],"objectRef":{"resource":"%[3]s","namespace":"%[4]s","apiGroup":"argoproj.io","apiVersion":"v1alpha1"},`+
		`"responseStatus":{"metadata":{},"code":%[8]d},"responseObject":{"kind":"Workflow","metadata":{"name":"%[5]s","generateName":"s-","namespace":"%[4]s"}},"requestReceivedTimestamp":"%[6]s","stageTimestamp":"%[7]s"}`,
		address, user, resource, namespace, name, received.Format("2006-01-02T15:04:05.000000Z07:00"), answered.Format("2006-01-02T15:04:05.000000Z07:00"), code)
}

const submitter = "system:serviceaccount:openstack:submit"

func TestAuditLinesThatTellWhoMadeWhat(t *testing.T) {
	object, made, ok := parseAudit([]byte(auditLine("10.244.1.7", submitter, "workflows", "argo-events", "s-x7x7x", at(5), at(9), 201)))
	if !ok || object != "Workflow/argo-events/s-x7x7x" || made != (creation{submitter, "10.244.1.7", at(5), at(9)}) {
		t.Errorf("%s %+v %v", object, made, ok)
	}
	for name, line := range map[string]string{
		"a denied one":    auditLine("10.244.1.7", submitter, "workflows", "argo-events", "", at(5), at(9), 403),
		"another kind":    auditLine("10.244.1.7", submitter, "sensors", "openstack", "s", at(5), at(9), 201),
		"an update":       strings.Replace(auditLine("10.244.1.7", submitter, "workflows", "argo-events", "s", at(5), at(9), 200), `"create"`, `"update"`, 1),
		"half a line":     auditLine("10.244.1.7", submitter, "workflows", "argo-events", "s", at(5), at(9), 201)[:200],
		"no answer's end": strings.Replace(auditLine("10.244.1.7", submitter, "workflows", "argo-events", "s", at(5), at(9), 201), "ResponseComplete", "Panic", 1),
	} {
		if object, made, ok := parseAudit([]byte(line)); ok {
			t.Errorf("%s: %s %+v", name, object, made)
		}
	}
	impersonated := strings.Replace(auditLine("10.244.0.1", "admin", "workflows", "argo-events", "w", at(5), at(9), 201), `"sourceIPs"`, `"impersonatedUser":{"username":"someone"},"sourceIPs"`, 1)
	if _, made, ok = parseAudit([]byte(impersonated)); !ok || made.user != "someone" {
		t.Errorf("impersonated: %+v %v", made, ok)
	}
}

func FuzzParseAudit(f *testing.F) {
	f.Add([]byte(auditLine("10.244.1.7", submitter, "workflows", "argo-events", "s-x7x7x", at(5), at(9), 201)))
	f.Add([]byte(`{"verb":"create","stage":"ResponseComplete"}`))
	f.Add([]byte(`{"verb":"create","stage":"ResponseComplete","objectRef":null,"responseStatus":null,"sourceIPs":[]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if object, _, ok := parseAudit(line); ok && strings.Count(object, "/") < 2 {
			t.Errorf("%q of %q", object, line)
		}
	})
}

// twins is a world with a second Sensor of the same name, and an EventSource of its own, in another namespace: both get
// every message, and make the same Workflow of it.
func twins(t *testing.T) *world {
	w := newWorld(t)
	w.sensor.address, w.sensor.account = "10.244.1.7", "submit"
	w.components["s"] = w.sensor
	source, sensor := w.sources["openstack/keystone"].DeepCopy(), w.sensors["openstack/s"].DeepCopy()
	source.Namespace, sensor.Namespace = "tenant", "tenant"
	w.sources["tenant/keystone"], w.sensors["tenant/s"] = source, sensor
	w.components["t"] = &component{namespace: "tenant", name: "s", ready: map[string]time.Time{}, address: "10.244.1.8", account: "submit"}
	w.audited = true
	w.publish("m")
	w.track("m", start, []route{{queue: "keystone q2", consumers: []consumer{{"tenant", "keystone", "notifications"}}}})
	w.arrives("e1", "m", "1", 1)
	second := &component{namespace: "tenant", name: "keystone", source: true, ready: map[string]time.Time{}}
	w.line(second, line{kind: sourceEvent, eventIDs: []string{"e2"}, data: data("m", "1"), time: at(1)})
	w.line(second, line{kind: sourcePublished, eventIDs: []string{"e2"}, event: "notifications", time: at(1)})
	return w
}

func (w *world) audit(line string) {
	w.t.Helper()
	object, made, ok := parseAudit([]byte(line))
	if !ok {
		w.t.Fatalf("not understood: %s", line)
	}
	w.creations[object] = made
}

func TestTwoSensorsOfOneNameAreToldApart(t *testing.T) {
	w := twins(t)
	w.says(sensorTriggered, 6, "", "e1")
	w.line(w.components["t"], line{kind: sensorTriggered, trigger: "t", time: at(6), eventIDs: []string{"e2"}})
	w.workflow("of-tenant", "1", "Succeeded", 5)
	w.workflow("of-openstack", "1", "Succeeded", 5)
	w.settled("has not been seen yet", "m")
	if made := w.of(ledger.Workflow); len(made) > 0 {
		t.Errorf("told before the audit log did: %+v", made)
	}
	w.audit(auditLine("10.244.1.8", "system:serviceaccount:tenant:submit", "workflows", "argo-events", "of-tenant", at(4), at(5), 201))
	w.audit(auditLine("10.244.1.7:40312", submitter, "workflows", "argo-events", "of-openstack", at(4), at(5), 201))
	w.settled("", "m")
	for _, r := range w.of(ledger.Workflow) {
		want := map[string][2]string{
			"Workflow/argo-events/of-tenant":    {"tenant/s", "system:serviceaccount:tenant:submit"},
			"Workflow/argo-events/of-openstack": {"openstack/s", submitter},
		}[r.Object]
		if r.Sensor != want[0] || r.Details["createdBy"] != want[1] || r.MessageID != "m" || r.Ambiguous {
			t.Errorf("%+v, want the Sensor %s", r, want[0])
		}
	}
	if got := w.of(ledger.Workflow); len(got) != 2 {
		t.Errorf("%d Workflows", len(got))
	}
}

// A Sensor's Workflow that somebody submits again has the Sensor's labels, and is not the Sensor's.
func TestACopyIsNotTheSensors(t *testing.T) {
	w := twins(t)
	w.says(sensorTriggered, 6, "", "e1")
	w.says(sensorFiltered, 6, "", "e2")
	w.line(w.components["t"], line{kind: sensorFiltered, trigger: "t", time: at(6), eventIDs: []string{"e2"}})
	w.workflow("copy", "1", "Succeeded", 5)
	w.audit(auditLine("10.244.0.1", "admin", "workflows", "argo-events", "copy", at(4), at(5), 201))
	w.settled("has not been seen yet", "m")
	w.workflow("own", "1", "Succeeded", 5)
	// On the node's own network the address is nobody's, and the ServiceAccount tells.
	w.sensor.hostNetwork = true
	w.audit(auditLine("10.244.0.1", submitter, "workflows", "argo-events", "own", at(4), at(5), 201))
	w.settled("", "m")
	if got := w.of(ledger.Workflow); len(got) != 1 || got[0].Object != "Workflow/argo-events/own" {
		t.Errorf("%+v", got)
	}
}

// The time at which the API server got the request is finer than the label's milliseconds.
func TestTheTimeOfTheRequestTellsTwoMessagesApart(t *testing.T) {
	w := newWorld(t)
	w.sensor.address = "10.244.1.7"
	w.components["s"] = w.sensor
	w.audited = true
	w.publish("a", "b")
	w.arrives("ea", "a", "same", 1)
	w.arrives("eb", "b", "same", 1)
	run := func(event string, micros int) {
		w.line(w.sensor, line{kind: sensorTriggered, trigger: "t", eventIDs: []string{event}, time: at(2).Add(time.Duration(micros) * time.Microsecond)})
	}
	run("ea", 300)
	run("eb", 900)
	w.workflow("second", "same", "Succeeded", 2)
	w.workflow("first", "same", "Succeeded", 2)
	w.audit(auditLine("10.244.1.7", submitter, "workflows", "argo-events", "second", at(2).Add(600*time.Microsecond), at(3), 201))
	w.settled("has not been seen yet", "a", "b")
	w.audit(auditLine("10.244.1.7", submitter, "workflows", "argo-events", "first", at(2).Add(100*time.Microsecond), at(3), 201))
	w.settled("", "a", "b")
	for _, r := range w.of(ledger.Workflow) {
		if want := map[string]string{"Workflow/argo-events/second": "b", "Workflow/argo-events/first": "a"}[r.Object]; r.MessageID != want {
			t.Errorf("%s is of message %q, want %q", r.Object, r.MessageID, want)
		}
	}
}

func TestAnAuditLogThatEndsKeepsNobodyWaiting(t *testing.T) {
	reader, writer := io.Pipe()
	o := newObserver(Config{Ledger: ledger.New(nil)})
	o.state.audited = true
	o.wg.Add(1)
	go o.followAudit(reader)
	t.Cleanup(o.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := io.WriteString(writer, "no JSON\n"+auditLine("10.244.1.7", submitter, "workflows", "argo-events", "w", at(4), at(5), 201)+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := writer.CloseWithError(io.ErrUnexpectedEOF); err != nil {
		t.Fatal(err)
	}
	for {
		o.mu.Lock()
		audited, known := o.state.audited, o.state.creations["Workflow/argo-events/w"]
		o.mu.Unlock()
		if !audited {
			if known.user != submitter {
				t.Errorf("read before: %+v", known)
			}
			return
		}
		select {
		case <-o.dirty:
		case <-ctx.Done():
			t.Fatal("the end was not noticed")
		}
	}
}
