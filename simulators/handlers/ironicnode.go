package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// nodeID is the node that an event is about, wherever it says so.
func (e *osloEvent) nodeID() string {
	if id := at(e.fields, "payload", "ironic_object.data", "uuid"); id != "" {
		return id
	}
	return at(e.fields, "ironic_object", "uuid")
}

func nodeChanged(ctx context.Context, e *osloEvent) (int, error) {
	id := e.nodeID()
	if id == "" {
		e.log("ERROR", "Could not extract node UUID from event")
		return exitFailure, nil
	}
	return e.syncNode(ctx, id), nil
}

func nodeDeleted(ctx context.Context, e *osloEvent) (int, error) {
	id := e.nodeID()
	if id == "" {
		e.log("ERROR", "Could not extract node UUID from delete event")
		return exitFailure, nil
	}
	found, err := e.nautobot.one(ctx, devices, "id", id)
	if err == nil && found != nil {
		err = e.nautobot.remove(ctx, devices, id)
	}
	if err != nil {
		return e.failed(err, "Failed to delete device %s from Nautobot", id), nil
	}
	return 0, nil
}

// nodeProvisioned sees to the storage of a node that has an instance: whether its project and the instance want some is left
// to the Workflow as an output, and Ironic gets a volume connector.
func nodeProvisioned(ctx context.Context, e *osloEvent) (int, error) {
	data, err := e.ironicObject()
	if err != nil {
		e.log("ERROR", "Could not extract payload data from event")
		return exitFailure, nil
	}
	id, instance := at(data, "uuid"), at(data, "instance_uuid")
	if at(data, "lessee") == "" || instance == "" {
		e.log("INFO", "No lessee or no instance_uuid on node %s, skipping SVM check", id)
		return 0, nil
	}
	if err := required(data, "uuid", "event", "owner"); err != nil {
		return 0, err
	}
	lessee, err := pythonUUID(at(data, "lessee"))
	if err != nil {
		return 0, errors.New("ValueError: badly formed hexadecimal UUID string")
	}
	enabled, err := e.svmEnabled(ctx, hexOf(lessee))
	if err != nil {
		return 0, err
	}
	wants, found, err := e.server(ctx, instance)
	if err != nil {
		return 0, err
	}
	if !found {
		e.log("ERROR", "Server %s not found", instance)
		return exitFailure, e.save("storage", "not-found")
	}
	storage := "not-set"
	switch {
	case wants && enabled:
		storage = "wanted"
	case wants:
		storage = "wanted-but-not-project"
	}
	for _, output := range [][2]string{{"storage", storage}, {"node_uuid", id}, {"instance_uuid", instance}} {
		if err := e.save(output[0], output[1]); err != nil {
			return 0, err
		}
	}
	e.cloud.versions = map[string]string{baremetal: "1.32"} // openstacksdk asks for what it needs
	defer func() { e.cloud.versions = nil }()
	err = e.cloud.call(ctx, http.MethodPost, baremetal, "v1/volume/connectors",
		object{"node_uuid": id, "type": "iqn", "connector_id": "nqn.2014-08.org.nvmexpress:uuid:" + instance}, nil)
	if is(err, http.StatusConflict) {
		e.log("INFO", "Connector already exists.")
		err = nil
	}
	return 0, err
}

// server says whether an instance wants storage. openstacksdk looks its addresses up in Neutron besides.
func (e *osloEvent) server(ctx context.Context, id string) (wants, found bool, err error) {
	if err := e.cloud.authenticate(ctx); err != nil {
		return false, false, err
	}
	root, err := url.Parse(e.cloud.endpoints[compute])
	if err != nil {
		return false, false, fmt.Errorf("read Nova's endpoint: %w", err)
	}
	if _, err := e.cloud.send(ctx, http.MethodGet, root.String(), compute, nil, nil); err != nil {
		return false, false, err
	}
	var answer struct {
		Server struct {
			Metadata map[string]any `json:"metadata"`
		} `json:"server"`
	}
	err = e.cloud.call(ctx, http.MethodGet, compute, "servers/"+url.PathEscape(id), nil, &answer)
	if is(err, http.StatusNotFound) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	for _, path := range []string{"ports?device_id=" + url.QueryEscape(id), "networks", "subnets"} {
		if err := e.cloud.call(ctx, http.MethodGet, network, "v2.0/"+path, nil, nil); err != nil {
			return false, false, err
		}
	}
	return answer.Server.Metadata["storage"] == "wanted", true, nil
}

// tenantOf is a lessee as Nautobot has it, "" for one that is no UUID.
func (e *osloEvent) tenantOf(lessee string) string {
	if lessee == "" {
		return ""
	}
	id, err := pythonUUID(lessee)
	if err != nil || id == uuid.Nil {
		e.log("WARNING", "Invalid lessee UUID %s", lessee)
		return ""
	}
	return id.String()
}
