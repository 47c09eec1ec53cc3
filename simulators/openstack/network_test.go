package openstack_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	cloud "github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/agents"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/attributestags"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"

	"github.com/eventrig/eventrig/simulators/openstack"
)

func TestNetworks(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := client(t, provider(t, url), cloud.NewNetworkV2)
	external := true
	network, err := networks.Create(t.Context(), c, externalNetwork{networks.CreateOpts{Name: "lab"}, &external}).Extract()
	if err != nil || network.Status != "ACTIVE" {
		t.Fatalf("%+v, %v", network, err)
	}
	subnet, err := subnets.Create(t.Context(), c, subnets.CreateOpts{NetworkID: network.ID, CIDR: "10.0.0.0/29", IPVersion: gophercloud.IPv4}).Extract()
	if err != nil || subnet.GatewayIP != "10.0.0.1" || len(subnet.AllocationPools) != 1 || subnet.AllocationPools[0] != (subnets.AllocationPool{Start: "10.0.0.2", End: "10.0.0.6"}) {
		t.Fatalf("%+v, %v", subnet, err)
	}
	_, err = subnets.Create(t.Context(), c, subnets.CreateOpts{NetworkID: network.ID, CIDR: "10.0.0.4/30", IPVersion: gophercloud.IPv4}).Extract()
	is(t, err, http.StatusBadRequest, "overlaps with another subnet")
	var made []*ports.Port
	for range 5 {
		port, err := ports.Create(t.Context(), c, ports.CreateOpts{NetworkID: network.ID}).Extract()
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, port)
	}
	if made[0].FixedIPs[0].IPAddress != "10.0.0.2" || made[4].FixedIPs[0].IPAddress != "10.0.0.6" || made[0].MACAddress == made[1].MACAddress {
		t.Errorf("addresses: %+v to %+v", made[0], made[4])
	}
	_, err = ports.Create(t.Context(), c, ports.CreateOpts{NetworkID: network.ID}).Extract()
	is(t, err, http.StatusConflict, "No more IP addresses available on network "+network.ID)
	_, err = ports.Create(t.Context(), c, ports.CreateOpts{NetworkID: network.ID, FixedIPs: []ports.IP{{IPAddress: "10.0.0.3"}}}).Extract()
	is(t, err, http.StatusConflict, "The IP address 10.0.0.3 is in use.")
	is(t, networks.Delete(t.Context(), c, network.ID).ExtractErr(), http.StatusConflict, "There are one or more ports in use on the network")
	is(t, subnets.Delete(t.Context(), c, subnet.ID).ExtractErr(), http.StatusConflict, "One or more ports have an IP allocation from this subnet.")
	_, err = networks.Get(t.Context(), c, "nothing").Extract()
	is(t, err, http.StatusNotFound, "Network nothing could not be found.")
	pages, err := ports.List(c, ports.ListOpts{NetworkID: network.ID, Limit: 2}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if all, err := ports.ExtractPorts(pages); err != nil || len(all) != 5 {
		t.Errorf("ports by pages of 2: %d, %v", len(all), err)
	}
	pages, err = ports.List(c, ports.ListOpts{FixedIPs: []ports.FixedIPOpts{{IPAddress: "10.0.0.4"}}}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := ports.ExtractPorts(pages); err != nil || len(found) != 1 || found[0].ID != made[2].ID {
		t.Errorf("the port of 10.0.0.4: %+v, %v", found, err)
	}
	if tags, err := attributestags.ReplaceAll(t.Context(), c, "networks", network.ID, attributestags.ReplaceAllOpts{Tags: []string{"a", "b"}}).Extract(); err != nil || !slices.Equal(tags, []string{"a", "b"}) {
		t.Errorf("tags %v, %v", tags, err)
	}
	for _, port := range made {
		if err := ports.Delete(t.Context(), c, port.ID).ExtractErr(); err != nil {
			t.Error(err)
		}
	}
	router, err := routers.Create(t.Context(), c, routers.CreateOpts{Name: "r"}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := routers.AddInterface(t.Context(), c, router.ID, routers.AddInterfaceOpts{SubnetID: subnet.ID}).Extract(); err != nil {
		t.Error(err)
	}
	is(t, routers.Delete(t.Context(), c, router.ID).ExtractErr(), http.StatusConflict, "still has ports")
	if floating, err := floatingips.Create(t.Context(), c, floatingips.CreateOpts{FloatingNetworkID: network.ID}).Extract(); err != nil || floating.FloatingIP != "10.0.0.2" {
		t.Errorf("%+v, %v", floating, err)
	}
	if _, err := routers.RemoveInterface(t.Context(), c, router.ID, routers.RemoveInterfaceOpts{SubnetID: subnet.ID}).Extract(); err != nil {
		t.Error(err)
	}
	if err := networks.Delete(t.Context(), c, network.ID).ExtractErr(); err != nil {
		t.Error(err)
	}
	if left := s.Records("network/subnets", nil); len(left) > 0 {
		t.Errorf("a deleted network left %v", left)
	}
	pages, err = agents.List(c, agents.ListOpts{AgentType: "DHCP agent"}).AllPages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found, err := agents.ExtractAgents(pages); err != nil || len(found) != 1 || !found[0].Alive {
		t.Errorf("%+v, %v", found, err)
	}
}

// externalNetwork is a network that floating IPs come from.
type externalNetwork struct {
	networks.CreateOpts
	External *bool
}

func (e externalNetwork) ToNetworkCreateMap() (map[string]any, error) {
	body, err := e.CreateOpts.ToNetworkCreateMap()
	body["network"].(map[string]any)["router:external"] = *e.External
	return body, err
}

// What Neutron refuses, in its words, and what its answers look like beside the SDK.
func TestNetworkingRefusals(t *testing.T) {
	_, url := start(t, openstack.Config{})
	p := provider(t, url)
	for _, test := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "networks", `{"network": {"nam": "x"}}`, 400, `"type":"HTTPBadRequest"`},
		{"POST", "networks", `{"network": {"nam": "x"}}`, 400, "Unrecognized attribute(s) 'nam'"},
		{"POST", "networks", `{"network": {"status": "x"}}`, 400, "Attribute 'status' not allowed in POST"},
		{"POST", "networks", `{"network": {"name": 5}}`, 400, "Invalid input for name. Reason: '5' is not a valid string."},
		{"POST", "networks", `{"network": {"admin_state_up": "up"}}`, 400, "Invalid input for admin_state_up. Reason: 'up' cannot be converted to boolean."},
		{"POST", "networks", `{"networks": [{"name": "a"}, {"name": "b"}]}`, 201, `{"networks":[{`},
		{"POST", "networks", `{"networks": [{"name": "c"}, {"provider:network_type": "tin"}]}`, 400, "network_type value 'tin' not supported"},
		{"GET", "networks?name=c", "", 200, `{"networks":[]}`},
		{"POST", "networks", `{"net": {}}`, 400, "Unable to find 'network' in request body"},
		{"POST", "networks", `[`, 400, "Malformed request body: Cannot understand JSON."},
		{"POST", "networks", ``, 400, "Malformed request body"},
		{"POST", "subnets", `{"subnet": {"ip_version": 4}}`, 400, "Failed to parse request. Required attribute 'network_id' not specified"},
		{"POST", "ports", `{"port": {"network_id": "nothing"}}`, 404, `"type":"NetworkNotFound"`},
		{"POST", "network_segment_ranges", `{"network_segment_range": {"network_type": "vxlan", "minimum": 100, "maximum": 200}}`, 201, `"available":[100,`},
		{"POST", "network_segment_ranges", `{"network_segment_range": {"network_type": "vxlan", "minimum": 150, "maximum": 160}}`, 409, "NetworkSegmentRangeOverlaps"},
		{"POST", "network_segment_ranges", `{"network_segment_range": {"network_type": "vlan", "minimum": 5, "maximum": 4}}`, 400, "minimum 5 is greater than maximum 4"},
		{"POST", "networks", `{"network": {"name": "d"}}`, 201, `"provider:segmentation_id":100`},
		{"GET", "networks?colour=red", "", 400, "['colour'] is invalid attribute for filtering"},
		{"GET", "networks?limit=x", "", 400, "Limit must be an integer 0 or greater and not 'x'"},
		{"GET", "networks?name=d&fields=name", "", 200, `{"networks":[{"name":"d"}]}`},
		{"GET", "networks?name=a&name=b&sort_key=name&sort_dir=desc&fields=name", "", 200, `{"networks":[{"name":"b"},{"name":"a"}]}`},
		{"DELETE", "agents", "", 405, "not allowed"},
		{"GET", "nothing", "", 404, "NeutronError"},
	} {
		status, body, _ := do(t, request(t, p, test.method, url+"/networking/v2.0/"+test.path, test.body))
		if status != test.status || !contains(body, test.text) {
			t.Errorf("%s %s %s: %d %s; want %d %s", test.method, test.path, test.body, status, body, test.status, test.text)
		}
	}
}
