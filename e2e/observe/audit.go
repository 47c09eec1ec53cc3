package observe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// creation is what the API server's audit log says of the making of a Workflow or Job.
type creation struct {
	user     string // who did it: system:serviceaccount:NAMESPACE:NAME for a Sensor
	address  string // where the request came from: the Sensor's pod
	received time.Time
	answered time.Time
}

// auditEvent has the fields of an audit event (audit.k8s.io/v1) that tell who made what.
type auditEvent struct {
	Stage string
	Verb  string
	User  struct{ Username string }
	As    *struct{ Username string } `json:"impersonatedUser"`

	SourceIPs []string `json:"sourceIPs"`
	ObjectRef *struct {
		Resource, Namespace, Name, APIGroup, Subresource string
	}
	ResponseStatus *struct{ Code int }
	ResponseObject *struct {
		Metadata struct{ Name, Namespace string }
	}
	RequestReceivedTimestamp, StageTimestamp time.Time
}

// parseAudit reads one line of the audit log: a Workflow or Job that was made, by its name in state.objects.
func parseAudit(text []byte) (object string, made creation, ok bool) {
	// Most lines are a controller's updates.
	if !bytes.Contains(text, []byte(`"verb":"create"`)) {
		return "", made, false
	}
	var e auditEvent
	if json.Unmarshal(text, &e) != nil || e.Verb != "create" || e.Stage != "ResponseComplete" || e.ObjectRef == nil || e.ObjectRef.Subresource != "" ||
		e.ResponseStatus == nil || e.ResponseStatus.Code/100 != 2 {
		return "", made, false
	}
	kind := ""
	switch e.ObjectRef.APIGroup + "/" + e.ObjectRef.Resource {
	case "argoproj.io/workflows":
		kind = "Workflow"
	case "batch/jobs":
		kind = "Job"
	}
	name := e.ObjectRef.Name // empty where the server made the name
	if e.ResponseObject != nil && e.ResponseObject.Metadata.Name != "" {
		name = e.ResponseObject.Metadata.Name
	}
	if kind == "" || name == "" {
		return "", made, false
	}
	made = creation{user: e.User.Username, received: e.RequestReceivedTimestamp, answered: e.StageTimestamp}
	if e.As != nil {
		made.user = e.As.Username
	}
	if len(e.SourceIPs) > 0 {
		made.address = e.SourceIPs[0]
	}
	return kind + "/" + e.ObjectRef.Namespace + "/" + name, made, true
}

// followAudit reads the API server's audit log until the observer is closed.
func (o *Observer) followAudit(log io.ReadCloser) {
	defer o.wg.Done()
	defer log.Close()
	reader := bufio.NewReaderSize(log, 64<<10)
	for {
		text, err := reader.ReadBytes('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) && o.ctx.Err() == nil {
				o.cfg.Log("audit log: %v", err)
			}
			o.mu.Lock()
			o.state.audited = false // nobody is to wait for a line that nobody reads
			o.mu.Unlock()
			o.touch()
			return
		}
		if object, made, ok := parseAudit(text); ok {
			o.mu.Lock()
			o.state.creations[object] = made
			o.mu.Unlock()
			o.touch()
		}
	}
}

// madeBy says whether a Sensor made an object, by the address of the pod that asked for it and, where that is no Sensor's,
// by the ServiceAccount. It holds for any Sensor while nothing is known of the making.
func (s *state) madeBy(o *object, sensor string) bool {
	made, known := s.creations[o.name]
	if !known {
		return true
	}
	if c := s.sensorAt(made.address, made.received); c != nil {
		return c.namespace+"/"+c.name == sensor
	}
	for _, c := range s.components {
		if !c.source && c.namespace+"/"+c.name == sensor && "system:serviceaccount:"+c.namespace+":"+c.account == made.user {
			return true
		}
	}
	return false
}

// maker is the Sensor that made an object, as far as the audit log tells; "" where it does not.
func (s *state) maker(o *object) string {
	if made, known := s.creations[o.name]; known {
		if c := s.sensorAt(made.address, made.received); c != nil {
			return c.namespace + "/" + c.name
		}
	}
	return ""
}

// sensorAt returns the Sensor's pod that had the address at that time: of several the youngest that was there, because the
// others had ended before it could get the address. A pod of the node's own network has the node's address.
func (s *state) sensorAt(address string, at time.Time) *component {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	var best *component
	for _, c := range s.components {
		if c.source || c.address != address || c.hostNetwork || address == "" || c.created.After(at) {
			continue
		}
		if best == nil || c.created.After(best.created) {
			best = c
		}
	}
	return best
}

// account is the ServiceAccount of a pod's spec, which the API server fills in.
func account(name string) string {
	if name = strings.TrimSpace(name); name == "" {
		return "default"
	}
	return name
}
