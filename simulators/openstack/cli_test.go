package openstack_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eventrig/eventrig/simulators/openstack"
)

// commandLine is Debian's openstack client with the bare metal plugin, set up for a cloud. CI has it (scripts/setup.sh
// --clients); where it is missing the test is skipped and says so.
type commandLine struct {
	t      *testing.T
	folder string
	env    []string
}

func newCommandLine(t *testing.T, authURL string) *commandLine {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("openstack"); err != nil {
		missing = err.Error()
	} else if out, err := exec.CommandContext(t.Context(), "openstack", "complete").CombinedOutput(); err != nil || !strings.Contains(string(out), "cmds_baremetal") {
		missing = "the client has no bare metal plugin"
	}
	if missing != "" {
		message := t.Name() + " needs python3-openstackclient and python3-ironicclient (scripts/setup.sh --clients): " + missing
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	c := &commandLine{t: t, folder: t.TempDir()}
	if err := os.WriteFile(filepath.Join(c.folder, "clouds.yaml"), []byte(openstack.CloudsYAML(authURL)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "OS_") && !strings.HasPrefix(variable, "HOME=") && !strings.HasPrefix(variable, "XDG_") {
			c.env = append(c.env, variable)
		}
	}
	c.env = append(c.env, "OS_CLOUD=understack", "HOME="+c.folder, "PYTHONWARNINGS=ignore")
	return c
}

// run runs openstack with words and returns what a user sees.
func (c *commandLine) run(words string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "openstack", strings.Fields(words)...)
	command.Dir, command.Env = c.folder, c.env
	out, err := command.CombinedOutput()
	return string(out), err
}

// The commands that an operator of bare metal types, and what they print.
func TestCommandLine(t *testing.T) {
	s, url := start(t, openstack.Config{})
	c := newCommandLine(t, url+"/v3")
	for _, step := range []struct {
		words string
		want  string // in the output, "" for nothing in particular
		fails bool
	}{
		{"project create --domain default --tag UNDERSTACK_SVM lab -f value -c name -c domain_id", "default\nlab\n", false},
		{"project list -f value -c Name", "admin\nlab\n", false},
		{"project create --domain default --parent lab sub -f value -c name", "sub\n", false},
		{"user create --domain default --password secret bob -f value -c name", "bob\n", false},
		{"group create --domain default operators -f value -c name", "operators\n", false},
		{"group add user operators bob", "", false},
		{"role add --project lab --user bob member", "", false},
		{"role add --project lab --group operators --inherited reader", "", false},
		{"role add --domain default --user bob --inherited reader", "", false},
		{"role assignment list --user bob --names -f value -c Role -c Project -c Domain -c Inherited", "member lab@Default  False\nreader  Default True\n", false},
		{"role assignment list --group operators --names -f value -c Role -c Group -c Project -c Inherited", "reader operators@Default lab@Default True\n", false},
		{"role assignment list --user bob --project sub --effective --names -f value -c Role -c User -c Project", "reader bob@Default sub@Default\nreader bob@Default sub@Default\n", false},
		{"role assignment list --project sub --names -f value", "", false},
		{"role assignment list --inherited --domain default --names -f value -c User", "bob@Default\n", false},
		{"role remove --domain default --user bob --inherited reader", "", false},
		{"role remove --domain default --user bob --inherited reader", "Could not find role assignment with role", true},
		{"role list -f value -c Name", "admin\n", false},
		{"project delete sub", "", false},
		{"baremetal node create --driver redfish --name n1 --resource-class baremetal.small -f value -c provision_state", "enroll\n", false},
		{"baremetal node manage n1 --wait", "", false},
		{"baremetal node inspect n1 --wait", "", false},
		{"baremetal node provide n1 --wait", "Waiting for provision state available on node n1", false},
		{"baremetal node deploy n1", "Missing are: ['instance_info.image_source']", true},
		{"baremetal node set n1 --instance-info image_source=http://images/noble.qcow2 --extra rack=f20", "", false},
		{"baremetal node deploy n1 --wait", "", false},
		{"baremetal node power off n1", "", false},
		{"baremetal node maintenance set n1 --reason fan", "", false},
		{"baremetal node show n1 -f value -c provision_state -c power_state -c maintenance_reason -c extra", "{'rack': 'f20'}\nfan\npower off\nactive\n", false},
		{"baremetal node maintenance unset n1", "", false},
		{"baremetal node provide n1", `The requested action "provide" can not be performed on node`, true},
		{"baremetal node undeploy n1 --wait", "", false},
		{"baremetal node list -f value -c Name -c Provisioning -c Maintenance", "n1 False\n", false},
		{"network create net1 -f value -c name -c status", "net1\nACTIVE\n", false},
		{"subnet create --network net1 --subnet-range 10.0.0.0/24 sub1 -f value -c gateway_ip", "10.0.0.1\n", false},
		{"port create --network net1 p1 -f value -c name", "p1\n", false},
		{"network agent list -f value -c Binary", "neutron-dhcp-agent\n", false},
		{"volume type create --private gold -f value -c is_public", "False\n", false},
		{"volume type set --project lab gold", "", false},
		{"image list -f value", "", false},
		{"server list -f value -c Name", "", false},
		{"baremetal node show n2", "Node n2 could not be found", true},
	} {
		out, err := c.run(step.words)
		if (err != nil) != step.fails || !strings.Contains(out, step.want) {
			t.Errorf("openstack %s: %v\n%swant %q", step.words, err, out, step.want)
		}
	}
	for path, want := range map[string]int{"projects": 2, "baremetal/nodes": 1, "network/ports": 1, "volume/types": 2, "volume/type_access": 1} {
		if got := len(s.Records(path, nil)); got != want {
			t.Errorf("%d %s, want %d", got, path, want)
		}
	}
	sent := events(s)
	for _, want := range []string{"identity.project.created", "baremetal.node.provision_set.end", "baremetal.node.update.end", "port.create.end", "volume_type_project.access.add"} {
		if !slices.Contains(sent, want) {
			t.Errorf("%s was not told: %v", want, sent)
		}
	}
	for _, entry := range s.Journal().Entries() {
		if entry.Closest != nil {
			t.Errorf("the client asked for what is not served: %s %s", entry.Method, entry.Path)
		}
	}
}
