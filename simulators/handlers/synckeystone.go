package handlers

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

const syncKeystoneLogger = "understack_workflows.main.sync_keystone"

const defaultNautobotURL = "http://nautobot-default.nautobot.svc.cluster.local"

// keystoneSync is one run of sync-keystone.
type keystoneSync struct {
	Surroundings
	cloud    *cloud
	nautobot nautobotClient
	project  uuid.UUID
}

func (k *keystoneSync) info(format string, arguments ...any) {
	k.logf(syncKeystoneLogger, "INFO", format, arguments...)
}

// syncKeystone is `sync-keystone EVENT UUID`.
func syncKeystone(ctx context.Context, s Surroundings, arguments []string) int {
	events := []string{"identity.project.created", "identity.project.updated", "identity.project.deleted"}
	values, code, done := s.arguments(parser{
		program: "sync-keystone", description: "Handle Keystone Events",
		options: append([]option{{name: "--os-cloud", metavar: "OS_CLOUD", help: "Cloud to load. default: understack"}}, nautobotOptions...),
		positionals: []positional{
			{name: "event", shown: "{" + strings.Join(events, ",") + "}", check: oneOf("Event", events)},
			{name: "object", shown: "object", check: isUUID},
		},
	}, arguments)
	if done {
		return code
	}
	name := values["--os-cloud"]
	if name == "" {
		name = s.Getenv("OS_CLOUD")
	}
	if name == "" {
		name = "understack"
	}
	k := &keystoneSync{Surroundings: s}
	var err error
	if k.project, err = pythonUUID(values["object"]); err != nil {
		return s.crash(err)
	}
	if k.cloud, err = connect(s, name); err != nil {
		return s.crash(err)
	}
	if k.nautobot, err = s.nautobot(values); err != nil {
		return s.crash(err)
	}
	switch values["event"] {
	case events[0]:
		code, err = k.created(ctx)
	case events[1]:
		code, err = k.updated(ctx)
	default:
		code, err = k.deleted(ctx)
	}
	if err != nil {
		return s.crash(err)
	}
	return code
}

func (k *keystoneSync) hex() string { return hexOf(k.project) }

// attributes are a tenant's name and description; the default domain needs no call.
func (k *keystoneSync) attributes(ctx context.Context, project keystoneObject) (object, error) {
	domain := "default"
	switch {
	case project.DomainID == "":
		k.logf(syncKeystoneLogger, "ERROR", "Project %s has no domain_id. This indicates a malformed project. Using 'unknown' as domain name.", project.ID)
		domain = "unknown"
	case project.DomainID != "default":
		found, err := k.cloud.identity(ctx, "domain", project.DomainID)
		if err != nil {
			return nil, err
		}
		domain = found.Name
	}
	description := "None" // str(None)
	if project.Description != nil {
		description = *project.Description
	}
	return object{"name": domain + ":" + project.Name, "description": description}, nil
}

func (k *keystoneSync) failed(verb string, attributes object, err error) int {
	k.logf(syncKeystoneLogger, "ERROR", "Unable to %s project %s / %s\nTraceback (most recent call last):\n%v", verb, k.project, attributes["name"], err)
	return 1
}

func (k *keystoneSync) create(ctx context.Context, attributes object) error {
	made, err := k.nautobot.create(ctx, "tenancy/tenants", object{
		"id": k.project.String(), "name": attributes["name"], "description": attributes["description"],
	})
	if err != nil {
		return err
	}
	k.info("tenant %s created %v", k.project, made["created"])
	return nil
}

func (k *keystoneSync) created(ctx context.Context) (int, error) {
	k.info("got request to create tenant %s", k.hex())
	project, err := k.cloud.identity(ctx, "project", k.hex())
	if err != nil {
		return 0, err
	}
	attributes, err := k.attributes(ctx, project)
	if err != nil {
		return 0, err
	}
	if err := k.create(ctx, attributes); err != nil {
		return k.failed("create", attributes, err), nil
	}
	return 0, nil
}

func (k *keystoneSync) updated(ctx context.Context) (int, error) {
	k.info("got request to update tenant %s", k.hex())
	project, err := k.cloud.identity(ctx, "project", k.hex())
	if err != nil {
		return 0, err
	}
	if project.IsDomain {
		k.info("Skipping domain %s - domains are not synced to Nautobot", k.hex())
		return 0, nil
	}
	attributes, err := k.attributes(ctx, project)
	if err != nil {
		return 0, err
	}
	existing, err := k.nautobot.get(ctx, "tenancy/tenants", url.Values{"id": {k.project.String()}})
	if err != nil {
		return 0, err
	}
	if existing == nil {
		k.info("existing_tenant: None")
		if err := k.create(ctx, attributes); err != nil {
			return k.failed("update", attributes, err), nil
		}
		return 0, nil
	}
	k.info("existing_tenant: %v", existing["display"])
	changed := object{}
	for name, value := range attributes {
		if existing[name] != value {
			changed[name] = value
		}
	}
	if len(changed) > 0 {
		if err := k.nautobot.do(ctx, http.MethodPatch, k.tenant(), changed, nil); err != nil {
			return k.failed("update", attributes, err), nil
		}
	}
	// The record is not read again, so this is when it was last updated before.
	k.info("tenant %s last updated %v", k.project, existing["last_updated"])
	return 0, nil
}

func (k *keystoneSync) tenant() string {
	return k.nautobot.endpoint("tenancy/tenants/" + k.project.String())
}

func (k *keystoneSync) deleted(ctx context.Context) (int, error) {
	k.info("got request to delete tenant %s", k.project)
	existing, err := k.nautobot.get(ctx, "tenancy/tenants", url.Values{"id": {k.project.String()}})
	if err != nil {
		return 0, err
	}
	if existing == nil {
		k.logf(syncKeystoneLogger, "WARNING", "tenant %s does not exist in Nautobot, nothing to delete", k.project)
		return 0, nil
	}
	devices, err := k.nautobot.filter(ctx, "dcim/devices", url.Values{"tenant": {k.project.String()}})
	if err != nil {
		return 0, err
	}
	// UnderStack sends the bulk update inside its loop: one request per device, each with all devices so far.
	var loosened []object
	for _, device := range devices {
		loosened = append(loosened, object{"tenant": nil, "id": device["id"]})
		if err := k.nautobot.do(ctx, http.MethodPatch, k.nautobot.endpoint("dcim/devices"), loosened, nil); err != nil {
			return 0, err
		}
	}
	if err := k.nautobot.do(ctx, http.MethodDelete, k.tenant(), nil, nil); err != nil {
		return 0, err
	}
	k.info("deleted tenant %s", k.project)
	return 0, nil
}
