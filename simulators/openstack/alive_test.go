package openstack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/nodes"
	"github.com/gophercloud/gophercloud/v2/openstack/baremetal/v1/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumetypes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// told are the notifications since the last call, short: what of the payload matters stands after the event type.
func told(t testing.TB, s *openstack.Server, seen *int, fields ...string) []string {
	t.Helper()
	var short []string
	all := s.Notifications()
	for _, sent := range all[*seen:] {
		line := strings.TrimPrefix(sent.EventType, "baremetal.")
		data, _ := sent.Payload["ironic_object.data"].(map[string]any)
		for _, name := range fields {
			if value := data[name]; value != nil {
				line += fmt.Sprintf(" %v", value)
			}
		}
		if sent.Priority == "ERROR" && !strings.HasSuffix(sent.RoutingKey, ".error") {
			t.Errorf("%s goes to %s", sent.EventType, sent.RoutingKey)
		}
		short = append(short, line)
	}
	*seen = len(all)
	return short
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s was told as\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// What Ironic tells of a node's life, in order, with the states as they are at that moment.
func TestWhatIronicTells(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	seen := 0
	made := createNode(t, c, "n1")
	same(t, "a creation", told(t, s, &seen, "provision_state"), []string{"node.create.start enroll", "node.create.end enroll"})
	port, err := ports.Create(t.Context(), c, ports.CreateOpts{NodeUUID: made.UUID, Address: "52:54:00:00:00:01", PhysicalNetwork: "net"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a port", told(t, s, &seen, "address", "physical_network"), []string{"port.create.start 52:54:00:00:00:01 net", "port.create.end 52:54:00:00:00:01 net"})
	provide(t, c, "n1", nodes.TargetManage)
	same(t, "manage", told(t, s, &seen, "provision_state", "event", "previous_provision_state"),
		[]string{"node.provision_set.start verifying manage enroll", "node.provision_set.end manageable done verifying"})
	provide(t, c, "n1", nodes.TargetProvide)
	same(t, "provide", told(t, s, &seen, "provision_state", "event", "to_power", "target_provision_state"), []string{
		"node.provision_set.start cleaning provide available", "node.power_set.start cleaning rebooting available", "node.power_set.end cleaning rebooting available",
		"node.provision_set.success clean wait wait available", "node.provision_set.success cleaning resume available",
		"node.power_set.start cleaning power off available", "node.power_set.end cleaning power off available", "node.provision_set.end available done",
	})
	if _, err := nodes.Update(t.Context(), c, "n1", nodes.UpdateOpts{nodes.UpdateOperation{Op: nodes.AddOp, Path: "/instance_info/image_source", Value: "http://x"}}).Extract(); err != nil {
		t.Fatal(err)
	}
	same(t, "an update", told(t, s, &seen), []string{"node.update.start", "node.update.end"})
	provide(t, c, "n1", nodes.TargetActive)
	got := told(t, s, &seen, "provision_state", "event", "previous_provision_state")
	if first, last := got[0], got[len(got)-1]; first != "node.provision_set.start deploying deploy available" || last != "node.provision_set.end active done deploying" {
		t.Errorf("a deployment was told from %q to %q", first, last)
	}
	if err := nodes.ChangePowerState(t.Context(), c, "n1", nodes.PowerStateOpts{Target: nodes.PowerOff}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "power off", told(t, s, &seen, "power_state", "target_power_state", "to_power"),
		[]string{"node.power_set.start power on power off power off", "node.power_set.end power off power off"})
	if err := nodes.SetMaintenance(t.Context(), c, "n1", nodes.MaintenanceOpts{Reason: "fan"}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "maintenance", told(t, s, &seen, "maintenance", "maintenance_reason"), []string{"node.maintenance_set.start true fan", "node.maintenance_set.end true fan"})
	if err := ports.Delete(t.Context(), c, port.UUID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "the port's end", told(t, s, &seen), []string{"port.delete.start", "port.delete.end"})
	_, err = nodes.Update(t.Context(), c, "n1", nodes.UpdateOpts{nodes.UpdateOperation{Op: nodes.ReplaceOp, Path: "/retired_reason", Value: "old"}}).Extract()
	is(t, err, http.StatusBadRequest, "can only be set when retired is True")
	same(t, "a refused update", told(t, s, &seen), []string{"node.update.start", "node.update.error"})
	if err := nodes.Delete(t.Context(), c, "n1").ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "the end", told(t, s, &seen), []string{"node.delete.start", "node.delete.end"})
	for _, sent := range s.Notifications() {
		data, _ := sent.Payload["ironic_object.data"].(map[string]any)
		if info, _ := data["driver_info"].(map[string]any); info["redfish_password"] == "secret" {
			t.Errorf("%s gives the password away", sent.EventType)
		}
		if created, _ := data["created_at"].(string); created != "" && !strings.HasSuffix(created, "Z") {
			t.Errorf("%s: created_at is %q", sent.EventType, created)
		}
	}
}

// A failed cleaning is told on the error key, and a power change afterwards carries the state that the reclean pipeline
// listens for.
func TestWhatIronicTellsOfAFailure(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := bareMetal(t, url, "1.95")
	made, err := nodes.Create(t.Context(), c, nodes.CreateOpts{Driver: "redfish", Extra: map[string]any{"eventrig_fail": "clean"}}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	provide(t, c, made.UUID, nodes.TargetManage)
	seen := len(s.Notifications())
	provide(t, c, made.UUID, nodes.TargetProvide)
	if err := nodes.ChangePowerState(t.Context(), c, made.UUID, nodes.PowerStateOpts{Target: nodes.PowerOff}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	got := told(t, s, &seen, "provision_state")
	same(t, "a failed cleaning", got[len(got)-3:], []string{"node.provision_set.error clean failed", "node.power_set.start clean failed", "node.power_set.end clean failed"})
}

func TestWhatTheOthersTell(t *testing.T) {
	s, url := start(t, openstack.Config{})
	p := provider(t, url)
	seen := 0
	network := client(t, p, cloud.NewNetworkV2)
	made, err := networks.Create(t.Context(), network, networks.CreateOpts{Name: "lab"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	renamed := "lab2"
	if _, err := networks.Update(t.Context(), network, made.ID, networks.UpdateOpts{Name: &renamed}).Extract(); err != nil {
		t.Fatal(err)
	}
	if err := networks.Delete(t.Context(), network, made.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "a network", told(t, s, &seen), []string{"network.create.start", "network.create.end", "network.update.start", "network.update.end", "network.delete.start", "network.delete.end"})
	all := s.Notifications()
	created, _ := all[1].Payload["network"].(map[string]any)
	if asked, _ := all[0].Payload["network"].(map[string]any); created["id"] != made.ID || asked["id"] != nil || all[4].Payload["network_id"] != made.ID {
		t.Errorf("payloads: %v, %v, %v", all[0].Payload, all[1].Payload, all[4].Payload)
	}
	block := client(t, p, cloud.NewBlockStorageV3)
	private := false
	gold, err := volumetypes.Create(t.Context(), block, volumetypes.CreateOpts{Name: "gold", IsPublic: &private}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if err := volumetypes.AddAccess(t.Context(), block, gold.ID, volumetypes.AddAccessOpts{Project: "p1"}).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "a volume type", told(t, s, &seen), []string{"volume_type.create", "volume_type_project.access.add"})
	if access := s.Notifications()[seen-1]; fmt.Sprint(access.Payload) != fmt.Sprintf("map[project_id:p1 volume_type_id:%s]", gold.ID) || access.Exchange != "openstack" || access.VHost != "cinder" {
		t.Errorf("%+v", access)
	}
	compute := client(t, p, cloud.NewComputeV2)
	server, err := servers.Create(t.Context(), compute, servers.CreateOpts{Name: "s1", FlavorRef: "1", Metadata: map[string]string{"storage": "wanted"}}, nil).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.Delete(t.Context(), compute, server.ID).ExtractErr(); err != nil {
		t.Fatal(err)
	}
	same(t, "a server", told(t, s, &seen), []string{"compute.instance.create.start", "compute.instance.update", "compute.instance.create.end",
		"compute.instance.delete.start", "compute.instance.shutdown.start", "compute.instance.shutdown.end", "compute.instance.delete.end"})
	deleted := s.Notifications()[seen-1].Payload
	if metadata, _ := deleted["metadata"].(map[string]any); metadata["storage"] != "wanted" || deleted["instance_id"] != server.ID {
		t.Errorf("compute.instance.delete.end has %v", deleted)
	}
}

// What is secret is neither on the bus nor in what the API shows of a node; a volume target's connection is on the API
// only.
func TestSecretsAreWithheld(t *testing.T) {
	s := openstack.New(openstack.Config{})
	token := token(t, s)
	ask := func(method, path, body string) string {
		t.Helper()
		answer := handle(t, s, token, method, path, body)
		if answer.Code >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return answer.Body.String()
	}
	const node = `{"uuid": "7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e", "driver": "redfish", "name": "n", "driver_info": {"redfish_password": "s3cret-a",
		"nested": {"ipmi_password": "s3cret-b"}, "redfish_address": "https://192.0.2.1"}, "instance_info": {"image_url": "http://s3cret-c", "configdrive": "s3cret-d"}}`
	shown := ask("POST", "/baremetal/v1/nodes", node) + ask("GET", "/baremetal/v1/nodes/n", "")
	if strings.Contains(shown, "s3cret") || strings.Count(shown, `"******"`) != 8 || !strings.Contains(shown, "https://192.0.2.1") {
		t.Errorf("the API shows %s", shown)
	}
	const target = `{"node_uuid": "7b8c9d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e", "volume_type": "iscsi", "volume_id": "v", "boot_index": INDEX, "properties": PROPERTIES}`
	made := func(index, properties string) string {
		return ask("POST", "/baremetal/v1/volume/targets", strings.NewReplacer("INDEX", index, "PROPERTIES", properties).Replace(target))
	}
	if shown := made("0", `{"auth_password": "s3cret-e", "target_portal": "192.0.2.2:3260"}`); !strings.Contains(shown, "s3cret-e") {
		t.Errorf("the API hides a target's properties: %s", shown)
	}
	made("1", `{}`)
	withheld := 0
	for _, sent := range s.Notifications() {
		if strings.Contains(string(sent.Body), "s3cret") || strings.Contains(string(sent.Body), "192.0.2.2") {
			t.Errorf("%s tells %s", sent.EventType, sent.Body)
		}
		data, _ := sent.Payload["ironic_object.data"].(map[string]any)
		properties, _ := data["properties"].(map[string]any)
		switch {
		case !strings.HasPrefix(sent.EventType, "baremetal.volumetarget."):
		case fmt.Sprint(data["boot_index"]) == "1" && len(properties) != 0:
			t.Errorf("%s: nothing became %v", sent.EventType, properties)
		case len(properties) > 0:
			withheld++
			if properties["redacted_contents"] != "** Value redacted: not published on the notification bus. **" {
				t.Errorf("%s: %v", sent.EventType, properties)
			}
		}
	}
	if withheld != 2 {
		t.Errorf("%d notifications withheld the properties, want start and end of one target", withheld)
	}
}

// Nothing that a route can send is unknown to the catalogue: a service would tell less than the real one.
func TestEveryNotificationIsInTheCatalogue(t *testing.T) {
	var unknown []string
	s := openstack.New(openstack.Config{Log: func(format string, arguments ...any) { unknown = append(unknown, fmt.Sprintf(format, arguments...)) }})
	token := token(t, s)
	id := func(answer string, key string) string {
		_, rest, _ := strings.Cut(answer, `"`+key+`":"`)
		found, _, _ := strings.Cut(rest, `"`)
		return found
	}
	ask := func(method, path, body string) string {
		answer := handle(t, s, token, method, path, body)
		if answer.Code >= 300 {
			t.Errorf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return answer.Body.String()
	}
	project := id(ask("POST", "/v3/projects", `{"project": {"name": "p"}}`), "id")
	user := id(ask("POST", "/v3/users", `{"user": {"name": "u", "password": "x"}}`), "id")
	group := id(ask("POST", "/v3/groups", `{"group": {"name": "g"}}`), "id")
	role := id(ask("POST", "/v3/roles", `{"role": {"name": "r"}}`), "id")
	domain := id(ask("POST", "/v3/domains", `{"domain": {"name": "d"}}`), "id")
	ask("PUT", "/v3/groups/"+group+"/users/"+user, "")
	ask("DELETE", "/v3/groups/"+group+"/users/"+user, "")
	ask("PUT", "/v3/projects/"+project+"/users/"+user+"/roles/"+role, "")
	ask("DELETE", "/v3/projects/"+project+"/users/"+user+"/roles/"+role, "")
	ask("PUT", "/v3/OS-INHERIT/domains/"+domain+"/groups/"+group+"/roles/"+role+"/inherited_to_projects", "")
	ask("DELETE", "/v3/OS-INHERIT/domains/"+domain+"/groups/"+group+"/roles/"+role+"/inherited_to_projects", "")
	ask("PATCH", "/v3/domains/"+domain, `{"domain": {"enabled": false}}`)
	for _, path := range []string{"users/" + user, "groups/" + group, "roles/" + role, "domains/" + domain, "projects/" + project} {
		ask("DELETE", "/v3/"+path, "")
	}
	node := id(ask("POST", "/baremetal/v1/nodes", `{"driver": "fake-hardware", "name": "n", "resource_class": "x"}`), "uuid")
	part := func(path, body string) {
		made := id(ask("POST", "/baremetal/v1/"+path, strings.ReplaceAll(body, "NODE", node)), "uuid")
		ask("PATCH", "/baremetal/v1/"+path+"/"+made, `[{"op": "add", "path": "/extra/a", "value": "b"}]`)
		ask("DELETE", "/baremetal/v1/"+path+"/"+made, "")
	}
	part("ports", `{"node_uuid": "NODE", "address": "52:54:00:00:00:01"}`)
	part("portgroups", `{"node_uuid": "NODE"}`)
	part("volume/connectors", `{"node_uuid": "NODE", "type": "iqn", "connector_id": "c"}`)
	part("volume/targets", `{"node_uuid": "NODE", "volume_type": "iscsi", "volume_id": "v", "boot_index": 0}`)
	part("chassis", `{}`)
	part("deploy_templates", `{"name": "CUSTOM_T", "steps": []}`)
	part("runbooks", `{"name": "CUSTOM_R", "steps": []}`)
	for _, verb := range []string{"manage", "inspect", "provide", "active", "rebuild", "rescue", "unrescue", "deleted"} {
		body := `{"target": "` + verb + `"}`
		if verb == "rescue" {
			body = `{"target": "rescue", "rescue_password": "x"}`
		}
		ask("PUT", "/baremetal/v1/nodes/n/states/provision", body)
	}
	part("allocations", `{"resource_class": "x"}`)
	ask("PUT", "/baremetal/v1/nodes/n/states/console", `{"enabled": true}`)
	network := id(ask("POST", "/networking/v2.0/networks", `{"network": {"router:external": true}}`), "id")
	for plural, body := range map[string]string{
		"subnets": `{"subnet": {"network_id": "NET", "ip_version": 4, "cidr": "10.0.0.0/24"}}`, "ports": `{"port": {"network_id": "NET"}}`,
		"network_segment_ranges": `{"network_segment_range": {"network_type": "vlan", "physical_network": "x", "minimum": 1, "maximum": 2}}`, "routers": `{"router": {}}`,
		"security-groups": `{"security_group": {"name": "g"}}`, "subnetpools": `{"subnetpool": {"name": "s", "prefixes": ["10.1.0.0/16"]}}`,
	} {
		singular := strings.ReplaceAll(strings.TrimSuffix(plural, "s"), "-", "_")
		var answer map[string]map[string]any
		if err := json.Unmarshal([]byte(ask("POST", "/networking/v2.0/"+plural, strings.ReplaceAll(body, "NET", network))), &answer); err != nil {
			t.Fatal(err)
		}
		made := "/networking/v2.0/" + plural + "/" + fmt.Sprint(answer[singular]["id"])
		ask("PUT", made, `{"`+singular+`": {"description": "x"}}`)
		ask("DELETE", made, "")
	}
	volume := id(ask("POST", "/volume/v3/p/volumes", `{"volume": {"size": 1}}`), "id")
	ask("PUT", "/volume/v3/p/volumes/"+volume, `{"volume": {"name": "v"}}`)
	snapshot := id(ask("POST", "/volume/v3/p/snapshots", `{"snapshot": {"volume_id": "`+volume+`"}}`), "id")
	ask("DELETE", "/volume/v3/p/snapshots/"+snapshot, "")
	ask("POST", "/volume/v3/p/volumes/"+volume+"/action", `{"os-extend": {"new_size": 2}}`)
	ask("DELETE", "/volume/v3/p/volumes/"+volume, "")
	server := id(ask("POST", "/compute/v2.1/servers", `{"server": {"name": "s", "flavorRef": "1"}}`), "id")
	for _, action := range []string{"os-stop", "os-start", "reboot", "pause", "unpause", "suspend", "resume", "rebuild"} {
		ask("POST", "/compute/v2.1/servers/"+server+"/action", `{"`+action+`": {}}`)
	}
	image := id(ask("POST", "/image/v2/images", `{"name": "i"}`), "id")
	ask("PUT", "/image/v2/images/"+image+"/file", "data")
	ask("DELETE", "/image/v2/images/"+image, "")
	if len(unknown) > 0 {
		t.Errorf("%s", strings.Join(unknown, "\n"))
	}
	if n := len(s.Notifications()); n < 150 {
		t.Errorf("only %d notifications", n)
	}
}

// A broker that is away delays no answer, loses nothing and changes no order; one service does not wait for another.
func TestPublishingGoesOn(t *testing.T) {
	var mu sync.Mutex
	var arrived []string
	away := true
	s, url := start(t, openstack.Config{Publish: func(_ context.Context, m openstack.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if away && m.VHost == "ironic" {
			return errors.New("connection refused")
		}
		arrived = append(arrived, m.EventType)
		return nil
	}})
	c := bareMetal(t, url, "1.95")
	for range 3 {
		createNode(t, c, "")
	}
	if _, err := s.CreateProjectContext(openstack.Notifying(t.Context()), "default", "lab", ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Flush(ctx); err == nil || !contains(err.Error(), "baremetal.node.create.end") {
		t.Errorf("with the broker away: %v", err)
	}
	mu.Lock()
	same(t, "a project", arrived, []string{"identity.project.created"})
	away = false
	mu.Unlock()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(arrived[1:], " "); got != strings.TrimSpace(strings.Repeat("baremetal.node.create.start baremetal.node.create.end ", 3)) {
		t.Errorf("three nodes arrived as %s", got)
	}
	for _, sent := range s.Notifications() {
		if !sent.Published || sent.Error != "" {
			t.Errorf("%s: published %v, %s", sent.EventType, sent.Published, sent.Error)
		}
	}
}
