package ontap_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eventrig/eventrig/fixtures/worlds"
	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/simulators/ontap"
)

// client is a client with the right password that speaks to a simulator over TLS, as NetApp's SDK does.
type client struct {
	t      testing.TB
	server *httptest.Server
	header http.Header
}

func start(t testing.TB, config ontap.Config) (*ontap.Server, *client) {
	t.Helper()
	s := ontap.New(config)
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	return s, &client{t: t, server: server, header: http.Header{}}
}

// ask sends a request and returns the status and the object that came back.
func (c *client) ask(method, path, body string) (int, map[string]any, http.Header) {
	c.t.Helper()
	request, err := http.NewRequest(method, c.server.URL+"/api/"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header = c.header.Clone()
	request.SetBasicAuth(ontap.DefaultUsername, ontap.DefaultPassword)
	response, err := c.server.Client().Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		c.t.Errorf("%s %s: %s %q is no JSON object", method, path, response.Status, data)
	}
	return response.StatusCode, object, response.Header
}

// want sends a request and holds its answer to a status.
func (c *client) want(status int, method, path, body string) map[string]any {
	c.t.Helper()
	got, object, _ := c.ask(method, path, body)
	if got != status {
		c.t.Errorf("%s %s %s: %d %v, want %d", method, path, body, got, object, status)
	}
	return object
}

// at reads a value of an answer: names and indices, with dots.
func at(object any, path string) any {
	for segment := range strings.SplitSeq(path, ".") {
		switch inner := object.(type) {
		case map[string]any:
			object = inner[segment]
		case []any:
			var i int
			if _, err := fmt.Sscan(segment, &i); err != nil || i >= len(inner) {
				return nil
			}
			object = inner[i]
		default:
			return nil
		}
	}
	return object
}

const project = "1f0e8d7c6b5a49382716a5b4c3d2e1f0"

// The calls of UnderStack's handlers over the life of a project, in their order (oslo project.created, volume type access
// added, netapp-configure-interfaces, access removed, project.deleted).
func TestLifeOfAProject(t *testing.T) {
	s, c := start(t, ontap.Config{Seed: 5})
	svm, volume := "os-"+project, "vol_"+project

	aggregates := c.want(200, "GET", "storage/aggregates?fields=name,state,space.block_storage.available&state=online", "")
	if at(aggregates, "num_records") != 2.0 || at(aggregates, "records.0.space.block_storage.available") == nil || at(aggregates, "records.0.node") != nil {
		t.Errorf("aggregates %v", aggregates)
	}
	if none := c.want(200, "GET", "svm/svms?name="+svm, ""); at(none, "num_records") != 0.0 {
		t.Errorf("SVMs before: %v", none)
	}
	status, made, header := c.ask("POST", "svm/svms", fmt.Sprintf(`{"name": %q, "aggregates": [{"name": "aggr01"}], "language": "c.utf_8",
		"root_volume": {"name": "os_%s_root", "security_style": "unix"}, "allowed_protocols": ["nvme"], "nvme": {"enabled": true}}`, svm, project))
	job, _ := at(made, "job._links.self.href").(string)
	if status != 202 || !strings.HasPrefix(job, "/api/cluster/jobs/") || !strings.HasPrefix(header.Get("Location"), "/api/svm/svms/") {
		t.Fatalf("POST svm/svms: %d %v %v", status, made, header)
	}
	if done := c.want(200, "GET", strings.TrimPrefix(job, "/api/"), ""); at(done, "state") != "success" || at(done, "description") != "POST /api/svm/svms" {
		t.Errorf("job %v", done)
	}
	shown := c.want(200, "GET", strings.TrimPrefix(header.Get("Location"), "/api/"), "")
	if at(shown, "state") != "running" || at(shown, "nvme.enabled") != true || at(shown, "aggregates.0.name") != "aggr01" || at(shown, "root_volume") != nil {
		t.Errorf("SVM %v", shown)
	}
	root := c.want(200, "GET", "storage/volumes?name=os_"+project+"_root&svm.name="+svm, "")
	if at(root, "num_records") != 1.0 || at(root, "records.0.svm.name") != svm {
		t.Fatalf("root volume %v", root)
	}
	c.want(202, "PATCH", "storage/volumes/"+at(root, "records.0.uuid").(string), `{"snapshot_policy": {"name": "none"}}`)

	c.want(201, "POST", "storage/volumes?return_timeout=15", fmt.Sprintf(`{"name": %q, "svm": {"name": %q}, "aggregates": [{"name": "aggr01"}], "size": "514GB"}`, volume, svm))
	found := c.want(200, "GET", "storage/volumes?name="+volume+"&svm.name="+svm+"&fields=size,state", "")
	if at(found, "records.0.size") != float64(514<<30) || at(found, "records.0.state") != "online" {
		t.Errorf("volume %v", found)
	}

	nodes := c.want(200, "GET", "cluster/nodes", "")
	if name, _ := at(nodes, "records.0.name").(string); !strings.HasSuffix(name, "01") {
		t.Errorf("nodes %v", nodes)
	}
	port := c.want(201, "POST", "network/ethernet/ports?return_records=true", fmt.Sprintf(`{"type": "vlan", "node": {"name": %q}, "enabled": true,
		"broadcast_domain": {"name": "Fabric-A", "ipspace": {"name": "Default"}},
		"vlan": {"tag": 2002, "base_port": {"name": "e4a", "node": {"name": %[1]q}}}}`, at(nodes, "records.0.name")))
	if at(port, "records.0.name") != "e4a-2002" || at(port, "records.0.vlan.base_port.name") != "e4a" {
		t.Errorf("port %v", port)
	}
	lif := c.want(201, "POST", "network/ip/interfaces?return_records=true", fmt.Sprintf(`{"name": "N1-lif-A", "ip": {"address": "100.127.0.21", "netmask": "255.255.255.128"},
		"enabled": true, "svm": {"name": %q}, "location": {"auto_revert": false, "home_port": {"uuid": %q}, "broadcast_domain": {"name": "Fabric-A"}},
		"service_policy": {"name": "default-data-nvme-tcp"}}`, svm, at(port, "records.0.uuid")))
	if at(lif, "records.0.ip.netmask") != "25" || at(lif, "records.0.location.home_node.name") != at(nodes, "records.0.name") || at(lif, "records.0.state") != "up" {
		t.Errorf("interface %v", lif)
	}
	route := c.want(201, "POST", "network/ip/routes?return_records=true", fmt.Sprintf(
		`{"svm": {"name": %q}, "gateway": "100.127.0.1", "destination": {"address": "100.126.0.0", "netmask": "255.255.128.0"}}`, svm))
	if at(route, "records.0.destination.netmask") != "17" || at(route, "records.0.scope") != "svm" {
		t.Errorf("route %v", route)
	}

	// An SVM with a data volume cannot go: the job says so.
	href := at(shown, "_links.self.href").(string)
	refused := c.want(202, "DELETE", strings.TrimPrefix(href, "/api/"), "")
	failed := c.want(200, "GET", "cluster/jobs/"+at(refused, "job.uuid").(string), "")
	if at(failed, "state") != "failure" || !strings.Contains(at(failed, "error.message").(string), volume) {
		t.Errorf("job of a refused deletion %v", failed)
	}
	c.want(400, "DELETE", strings.TrimPrefix(href, "/api/")+"?return_timeout=10", "")
	c.want(202, "DELETE", "storage/volumes/"+at(found, "records.0.uuid").(string)+"?allow_delete_while_mapped=true", "")
	c.want(202, "DELETE", strings.TrimPrefix(href, "/api/"), "")
	for _, path := range []string{"svm/svms", "storage/volumes", "network/ip/interfaces", "network/ip/routes"} {
		if left := s.Records(path, nil); len(left) != 0 {
			t.Errorf("%s after the end: %v", path, left)
		}
	}
	entries := s.Journal().Entries()
	if last := entries[len(entries)-1]; len(last.Changes) != 4 || last.Changes[3].Path != "svm/svms" || last.Who != "admin" {
		t.Errorf("journal of the last request: %+v", last)
	}
}

// prepared has an SVM s1 with a volume v1 and a mapped namespace, and an SVM s2.
func prepared(t testing.TB) (*ontap.Server, *client) {
	t.Helper()
	s, c := start(t, ontap.Config{})
	world, err := worlds.Parse("w.yaml", []byte(`
ontap:
  svm/svms:
    - {name: s1, uuid: 11111111-1111-4111-8111-111111111111, nvme: {enabled: true}}
    - {name: s2}
  storage/volumes:
    - {name: v1, svm: {name: s1}, aggregates: [{name: aggr01}], size: 10GB}
    - {name: v2, svm: {name: s1}, aggregates: [{name: aggr02}], size: 1073741824, comment: second}
  storage/namespaces:
    - {name: /vol/v1/n1, svm: {name: s1}, space: {size: 1GB}, status: {mapped: true}}
`))
	if err == nil {
		err = s.Load(world)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestFilters(t *testing.T) {
	_, c := prepared(t)
	for query, want := range map[string]string{
		"name=v1":                       "v1",
		"name=v1|v2":                    "v1,v2",
		"name=v*":                       "v1,v2",
		"name=!v*":                      "s1_root,s2_root",
		"name=*_root&svm.name=s2":       "s2_root",
		"size=%3E1GB":                   "v1",
		"size=%3C%3D1073741824&name=v*": "v2",
		"size=2GB..10GB":                "v1",
		"comment=null&name=v*":          "v1",
		"comment=!null":                 "v2",
		"comment=!first":                "v2", // a field without a value fulfils nothing
		"aggregates.name=aggr02":        "v2",
		"is_svm_root=true":              "s1_root,s2_root",
		"svm.uuid=11111111-1111-4111-8111-111111111111&is_svm_root=false&order_by=name%20desc": "v2,v1",
		"query=seco*":                      "v2",
		"query=seco*&query_fields=name":    "",
		"order_by=size,name&max_records=2": "s1_root,s2_root",
		"order_by=size,name&start.index=2": "v2,v1",
	} {
		answer := c.want(200, "GET", "storage/volumes?"+query, "")
		names := []string{}
		for i := 0; at(answer, fmt.Sprintf("records.%d", i)) != nil; i++ {
			names = append(names, at(answer, fmt.Sprintf("records.%d.name", i)).(string))
		}
		if got := strings.Join(names, ","); !strings.Contains(query, "order_by") && !slices.Equal(sorted(names), sorted(strings.Split(want, ","))) && got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		} else if strings.Contains(query, "order_by") && got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		}
	}
	mapped := c.want(200, "GET", "storage/namespaces?svm.name=s1&location.volume.name=v1&fields=uuid,name,status.mapped", "")
	if at(mapped, "num_records") != 1.0 || at(mapped, "records.0.status.mapped") != true || at(mapped, "records.0.location.volume.name") != "v1" {
		t.Errorf("namespaces %v", mapped)
	}
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

func TestShapes(t *testing.T) {
	_, c := prepared(t)
	// A list shows name and uuid only, with links.
	list := c.want(200, "GET", "svm/svms?max_records=1", "")
	one, _ := at(list, "records.0").(map[string]any)
	if len(one) != 3 || at(list, "_links.self.href") != "/api/svm/svms?max_records=1" ||
		at(list, "_links.next.href") != "/api/svm/svms?max_records=1&start.index=1" || at(one, "_links.self.href") != "/api/svm/svms/11111111-1111-4111-8111-111111111111" {
		t.Errorf("list %v", list)
	}
	if all := c.want(200, "GET", "svm/svms?fields=*", ""); at(all, "records.0.ipspace.name") != "Default" || at(all, "records.0.ipspace._links.self.href") == nil {
		t.Errorf("fields=* gives %v", all)
	}
	if counted := c.want(200, "GET", "svm/svms?return_records=false", ""); at(counted, "num_records") != 2.0 || at(counted, "records") != nil {
		t.Errorf("return_records=false gives %v", counted)
	}
	if cluster := c.want(200, "GET", "cluster", ""); at(cluster, "version.major") != 15.0 {
		t.Errorf("cluster %v", cluster)
	}
	c.header.Set("Accept", "application/json")
	status, plain, header := c.ask("GET", "svm/svms/11111111-1111-4111-8111-111111111111?fields=name,ipspace.name", "")
	if status != 200 || len(plain) != 3 || at(plain, "ipspace.name") != "Default" || header.Get("Content-Type") != "application/json" {
		t.Errorf("plain JSON %d %v %v", status, plain, header)
	}
}

// What clients write short: names with dots for objects, a name for a reference. And what they ask for that there is not here.
func TestShortForms(t *testing.T) {
	_, c := prepared(t)
	made := c.want(201, "POST", "storage/volumes?return_timeout=10&return_records=true",
		`{"name": "v3", "svm.name": "s1", "aggregates": [{"name": "aggr01"}], "nas": {"path": "/v3"}, "nas.security_style": "ntfs", "snapshot_policy": "none"}`)
	if at(made, "records.0.svm.name") != "s1" || at(made, "records.0.nas.path") != "/v3" || at(made, "records.0.nas.security_style") != "ntfs" || at(made, "records.0.snapshot_policy.name") != "none" {
		t.Errorf("volume %v", made)
	}
	c.want(201, "POST", "svm/svms?return_timeout=10", `{"name": "s4", "ipspace": "Default"}`)
	c.want(400, "POST", "svm/svms", `{"name": "s5", "ipspace": "None"}`)
	shown := c.want(200, "GET", "storage/volumes?name=v3&fields=nas.path,nas.uid,efficiency.compression,space.size", "")
	if at(shown, "records.0.nas.path") != "/v3" || at(shown, "records.0.space.size") == nil || at(shown, "records.0.efficiency") != nil {
		t.Errorf("fields %v", shown)
	}
}

func TestRefusals(t *testing.T) {
	s, c := prepared(t)
	uuid := s.Records("storage/volumes", map[string]any{"name": "v1"})[0]["uuid"].(string)
	const lif = `{"name": "l", "svm": {"name": "s1"}, "ip": {"address": %q, "netmask": %q}, "location": %s}`
	c.want(201, "POST", "network/ip/interfaces", fmt.Sprintf(lif, "10.0.0.1", "24", `{"broadcast_domain": {"name": "Fabric-B"}}`))
	c.want(201, "POST", "network/ip/routes", `{"svm": {"name": "s1"}, "gateway": "10.0.0.254"}`)
	for _, test := range []struct {
		method, path, body string
		status             int
		code, target       string
	}{
		{"GET", "svm/svm", "", 404, "3", ""},
		{"GET", "svm/svms/none", "", 404, "4", "uuid"},
		{"GET", "cluster/none", "", 404, "3", ""},
		{"GET", "svm/svms?nme=x", "", 400, "262179", "nme"},
		{"GET", "svm/svms?fields=nme", "", 400, "262197", "fields"},
		{"GET", "svm/svms?max_records=0", "", 400, "262197", "max_records"},
		{"GET", "svm/svms?order_by=name+up", "", 400, "262197", "order_by"},
		{"PUT", "svm/svms", "{}", 405, "13001", ""},
		{"POST", "storage/aggregates", "{}", 405, "13001", ""},
		{"DELETE", "svm/svms", "", 405, "13001", ""},
		{"POST", "svm/svms", "{", 400, "13001", ""},
		{"POST", "svm/svms", "[]", 400, "13001", ""},
		{"POST", "svm/svms", "{} {}", 400, "13001", ""},
		{"POST", "svm/svms", "{}", 400, "13434884", "name"},
		{"POST", "svm/svms", `{"name": 5}`, 400, "262197", "name"},
		{"POST", "svm/svms", `{"name": "s3", "uuid": "x"}`, 400, "262196", "uuid"},
		{"POST", "svm/svms", `{"name": "s3", "nvme": true}`, 400, "262197", "nvme"},
		{"POST", "svm/svms", `{"name": "s3", "nvme": {"enable": true}}`, 400, "262179", "nvme.enable"},
		{"POST", "svm/svms", `{"name": "s1"}`, 409, "13434908", "name"},
		{"POST", "svm/svms", `{"name": "` + strings.Repeat("s", 48) + `"}`, 400, "13434911", "name"},
		{"POST", "svm/svms", `{"name": "s3", "aggregates": [{"name": "none"}]}`, 400, "13434909", "aggregates.name"},
		{"POST", "svm/svms?return_timeout=121", `{"name": "s3"}`, 400, "262197", "return_timeout"},
		{"POST", "storage/volumes", `{"name": "v3", "aggregates": [{"name": "aggr01"}]}`, 400, "2621707", "svm"},
		{"POST", "storage/volumes", `{"name": "v3", "svm": {"name": "none"}, "aggregates": [{"name": "aggr01"}]}`, 400, "2621462", "svm.name"},
		{"POST", "storage/volumes", `{"name": "v1", "svm": {"name": "s1"}, "aggregates": [{"name": "aggr01"}]}`, 409, "917526", "name"},
		{"POST", "storage/volumes", `{"name": "v-3", "svm": {"name": "s1"}, "aggregates": [{"name": "aggr01"}]}`, 400, "13001", "name"},
		{"POST", "storage/volumes", `{"name": "v3", "svm": {"name": "s1"}}`, 400, "787140", "aggregates"},
		{"POST", "storage/volumes", `{"name": "v3", "svm": {"name": "s1"}, "aggregates": [{"name": "aggr01"}, {"name": "aggr02"}]}`, 400, "918242", "aggregates"},
		{"POST", "storage/volumes", `{"name": "v3", "svm": {"name": "s1"}, "aggregates": [{"name": "aggr01"}], "size": "10 pints"}`, 400, "262197", "size"},
		{"POST", "storage/volumes", `{"name": "v3", "svm": {"name": "s1", "uuid": "x"}, "aggregates": [{"name": "aggr01"}]}`, 400, "2621462", "svm.uuid"},
		{"DELETE", "storage/volumes/" + uuid + "?return_timeout=1", "", 400, "13001", ""},
		{"POST", "storage/namespaces", `{"name": "/vol/none/n", "svm": {"name": "s1"}, "space": {"size": 1}}`, 400, "917927", "name"},
		{"POST", "storage/namespaces", `{"name": "/vol/v1/n1", "svm": {"name": "s1"}, "space": {"size": 1}}`, 409, "72089725", "name"},
		{"POST", "storage/namespaces", `{"name": "/vol/s1_root/n", "svm": {"name": "s1"}, "space": {"size": 1}}`, 400, "72089727", "name"},
		{"POST", "storage/namespaces", `{"name": "n", "svm": {"name": "s1"}}`, 400, "5374352", "name"},
		{"POST", "network/ethernet/ports", `{"type": "lag"}`, 400, "1967083", "type"},
		{"POST", "network/ethernet/ports", `{"type": "vlan", "node": {"name": "none"}}`, 400, "1967085", "node.name"},
		{"POST", "network/ethernet/ports", `{"type": "vlan", "broadcast_domain": {"name": "none"}}`, 400, "1967088", "broadcast_domain.name"},
		{"POST", "network/ethernet/ports", `{"type": "vlan", "vlan": {"tag": 5, "base_port": {"name": "e9z", "node": {"name": "eventrig-netapp-01"}}}}`, 400, "1967091", "vlan.base_port.name"},
		{"POST", "network/ethernet/ports", `{"type": "vlan", "vlan": {"tag": 5000, "base_port": {"name": "e4a", "node": {"name": "eventrig-netapp-01"}}}}`, 400, "262197", "vlan.tag"},
		{"POST", "network/ip/interfaces", `{"name": "x"}`, 400, "1967127", "svm"},
		{"POST", "network/ip/interfaces", fmt.Sprintf(lif, "10.0.0.2", "24", `{"broadcast_domain": {"name": "Fabric-B"}}`), 409, "1966140", "name"},
		{"POST", "network/ip/interfaces", strings.Replace(fmt.Sprintf(lif, "10.0.0.1", "24", `{"broadcast_domain": {"name": "Fabric-B"}}`), `"l"`, `"m"`, 1), 409, "1376963", "ip.address"},
		{"POST", "network/ip/interfaces", strings.Replace(fmt.Sprintf(lif, "10.0.0.2", "0", `{}`), `"l"`, `"m"`, 1), 400, "1966269", "ip.netmask"},
		{"POST", "network/ip/interfaces", strings.Replace(fmt.Sprintf(lif, "10.0.0.2", "255.0.255.0", `{}`), `"l"`, `"m"`, 1), 400, "262197", "ip.netmask"},
		{"POST", "network/ip/interfaces", strings.Replace(fmt.Sprintf(lif, "10.0.0.2", "24", `{}`), `"l"`, `"m"`, 1), 400, "1967111", "location"},
		{"POST", "network/ip/interfaces", strings.Replace(fmt.Sprintf(lif, "10.0.0.2", "24", `{"home_port": {"name": "e4a"}, "broadcast_domain": {"name": "Fabric-B"}}`), `"l"`, `"m"`, 1), 400, "1966987", "location"},
		{"POST", "network/ip/interfaces", strings.Replace(fmt.Sprintf(lif, "10.0.0.256", "24", `{}`), `"l"`, `"m"`, 1), 400, "262197", "ip.address"},
		{"POST", "network/ip/routes", `{"svm": {"name": "s1"}, "gateway": "10.0.0.254", "destination": {"address": "0.0.0.0", "netmask": "0"}}`, 409, "1966345", ""},
		{"POST", "network/ip/routes", `{"svm": {"name": "none"}, "gateway": "10.0.0.254"}`, 400, "1967146", "svm.name"},
		{"POST", "network/ip/routes", `{"svm": {"name": "s1"}, "gateway": "10.0.0.254", "destination": {"netmask": "24"}}`, 400, "1967080", "destination.address"},
	} {
		before := len(s.Journal().Entries())
		answer := c.want(test.status, test.method, test.path, test.body)
		target, _ := at(answer, "error.target").(string)
		if at(answer, "error.code") != test.code || target != test.target || at(answer, "error.message") == "" {
			t.Errorf("%s %s %s: %v, want code %s, target %q", test.method, test.path, test.body, answer, test.code, test.target)
		}
		if entry := s.Journal().Entries()[before]; len(entry.Changes) != 0 || (entry.Closest != nil) != (test.code == "3" || test.status == 405) {
			t.Errorf("%s %s: journal %+v", test.method, test.path, entry)
		}
	}
	c.header.Set("Authorization", "Bearer x")
	request, err := http.NewRequest(http.MethodGet, c.server.URL+"/api/cluster", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("admin", "wrong")
	response, err := c.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 401 || !strings.Contains(string(body), `"code":"6691623"`) || response.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("wrong password: %s %s %v", response.Status, body, err)
	}
}

func TestFaultsSpeakAsONTAP(t *testing.T) {
	s, c := start(t, ontap.Config{})
	if err := s.Faults().Add(ontap.Fault{Status: 503, Method: "GET"}); err != nil {
		t.Fatal(err)
	}
	if answer := c.want(503, "GET", "cluster", ""); at(answer, "error.code") != "13001" || at(answer, "error.message") != "Service Unavailable" {
		t.Errorf("%v", answer)
	}
}

func TestBadWorlds(t *testing.T) {
	for text, want := range map[string]string{
		"ontap:\n  svm/svm: []":                                      `w.yaml:2: ontap has no "svm/svm"`,
		"ontap:\n  cluster: []\n":                                    `w.yaml:2: ontap cluster: a world cannot add one`,
		"ontap:\n  svm/svms:\n    - nam: x":                          `w.yaml:3: ontap svm/svms: nam: Unexpected argument`,
		"ontap:\n  svm/svms:\n    - name: x\n      nvme: {on: true}": `w.yaml:4: ontap svm/svms: nvme.on: Unexpected argument`,
		"ontap:\n  svm/svms:\n    - name: x\n    - name: x":          "w.yaml:4: ontap svm/svms: name: Invalid SVM name. The name is already in use",
		"ontap:\n  storage/volumes:\n    - name: v\n      svm: {name: x}\n      aggregates: [{name: aggr01}]\n": "w.yaml:4: ontap storage/volumes: svm.name: The supplied SVM does not exist.",
	} {
		s := ontap.New(ontap.Config{})
		before := fmt.Sprint(s.State())
		world, err := worlds.Parse("w.yaml", []byte(text))
		if err == nil {
			err = s.Load(world)
		}
		if err == nil || !strings.Contains(err.Error(), want) || failure.ExitStatus(err) != int(failure.BadInput) || failure.Hint(err) == "" {
			t.Errorf("%q: %v (hint %q), want %s", text, err, failure.Hint(err), want)
		}
		if fmt.Sprint(s.State()) != before {
			t.Errorf("%q left something", text)
		}
	}
}

func TestCheckNamesTheNearest(t *testing.T) {
	s := ontap.New(ontap.Config{})
	if err := s.Check("svm/svms", "name", "aggregates.name", "nvme"); err != nil {
		t.Error(err)
	}
	if err := s.Check("svm/svm"); err == nil || !strings.Contains(err.Error(), "nearest is svm/svms") {
		t.Error(err)
	}
	if err := s.Check("svm/svms", "aggregate.name"); err == nil || !strings.Contains(err.Error(), "nearest is aggregates.name") {
		t.Error(err)
	}
}

func TestSameSeedSameIDs(t *testing.T) {
	one, other := ontap.New(ontap.Config{Seed: 9}), ontap.New(ontap.Config{Seed: 9})
	if fmt.Sprint(one.State()) != fmt.Sprint(other.State()) {
		t.Error("two clusters of one seed differ")
	}
	before := fmt.Sprint(one.State())
	one.Reset()
	if fmt.Sprint(one.State()) != before {
		t.Error("a reset changes the cluster")
	}
}

func TestConcurrentWriters(t *testing.T) {
	s, c := prepared(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for i := range 10 {
				status, answer, _ := c.ask("POST", "svm/svms", fmt.Sprintf(`{"name": "c%d"}`, i))
				if status != 202 && at(answer, "error.code") != "13434908" {
					t.Errorf("%d %v", status, answer)
				}
				c.want(200, "GET", "storage/volumes?fields=*", "")
			}
		})
	}
	wait.Wait()
	if n := len(s.Records("svm/svms", nil)); n != 12 {
		t.Errorf("%d SVMs", n)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("GET", "storage/volumes?size=%3E1GB|!x*..y&fields=aggregates.name,*&order_by=size desc", []byte{})
	f.Add("POST", "storage/volumes", []byte(`{"name": "v", "svm": {"name": "s1"}, "aggregates": [{"name": "aggr01"}], "size": "1e300PB"}`))
	f.Add("PATCH", "svm/svms/11111111-1111-4111-8111-111111111111", []byte(`{"name": null, "aggregates": [{}], "ipspace": null}`))
	f.Add("POST", "network/ip/interfaces", []byte(`{"name": "l", "ip": {"address": "::1", "netmask": 128}, "svm": {"name": "s1"}, "location": {"home_node": {"name": "eventrig-netapp-01"}}}`))
	f.Add("POST", "network/ethernet/ports", []byte(`{"type": "vlan", "vlan": {"tag": 1e2, "base_port": {"node": {"name": {}}}}}`))
	f.Add("DELETE", "svm/svms/11111111-1111-4111-8111-111111111111", []byte{})
	f.Add("POST", "svm/svms", []byte(`{"name": "x", "nvme.enabled": true, "nvme": {"allowed": false}, ".": 1, "ipspace.name.": {}, "a.b.c": {"d.e": 1}}`))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		s := ontap.New(ontap.Config{})
		world, err := worlds.Parse("w.yaml", []byte("ontap:\n  svm/svms: [{name: s1, uuid: 11111111-1111-4111-8111-111111111111}]\n"))
		if err == nil {
			err = s.Load(world)
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(method, "http://x/api/"+path, strings.NewReader(string(body)))
		if err != nil {
			return
		}
		r.SetBasicAuth(ontap.DefaultUsername, ontap.DefaultPassword)
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, r)
		if recorder.Code >= 500 || !json.Valid(recorder.Body.Bytes()) {
			t.Errorf("%s %q %q: %d %s", method, path, body, recorder.Code, recorder.Body)
		}
		// What a change left can be read again.
		r = httptest.NewRequest(http.MethodGet, "/api/svm/svms?fields=*", nil)
		r.SetBasicAuth(ontap.DefaultUsername, ontap.DefaultPassword)
		recorder = httptest.NewRecorder()
		s.ServeHTTP(recorder, r)
		if recorder.Code != 200 {
			t.Errorf("after %s %q %q: %d %s", method, path, body, recorder.Code, recorder.Body)
		}
	})
}
