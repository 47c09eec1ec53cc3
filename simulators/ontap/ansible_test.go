package ontap_test

import (
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/eventrig/eventrig/simulators/ontap"
)

// NetApp's own Ansible modules, unmodified, make and remove an SVM with all that UnderStack's handlers give one. Debian's
// package ansible has them, and CI has that; where it is missing the test is skipped and says so.
func TestNetAppsAnsibleModules(t *testing.T) {
	program, err := exec.LookPath("ansible-playbook")
	if err == nil {
		_, err = os.Stat("/usr/lib/python3/dist-packages/ansible_collections/netapp/ontap")
	}
	if err != nil {
		message := t.Name() + " needs Debian's package ansible (scripts/setup.sh --clients): " + err.Error()
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s, c := start(t, ontap.Config{})
	address, err := url.Parse(c.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), program, "-i", "localhost,", "testdata/svm.yaml",
		"-e", "ansible_python_interpreter=/usr/bin/python3", "-e", "port="+address.Port())
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "ANSIBLE_LOCAL_TEMP="+t.TempDir(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_DEPRECATION_WARNINGS=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	made := map[string]int{}
	for _, entry := range s.Journal().Entries() {
		for _, change := range entry.Changes {
			if change.Before == nil {
				made[change.Path]++
			}
		}
	}
	for path, want := range map[string]int{
		"svm/svms": 1, "storage/volumes": 2, "network/ethernet/ports": 1, "network/ip/interfaces": 1, "network/ip/routes": 1, "storage/namespaces": 1,
	} {
		if made[path] != want {
			t.Errorf("%d of %s were made, want %d", made[path], path, want)
		}
	}
	for _, path := range []string{"svm/svms", "storage/volumes", "network/ip/interfaces", "network/ip/routes", "storage/namespaces"} {
		if left := s.Records(path, nil); len(left) != 0 {
			t.Errorf("%s after the end: %v", path, left)
		}
	}
}
