package node

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/kubernetes/pkg/kubelet"
)

func TestFlagsNameWhatIsMissingOrWrong(t *testing.T) {
	_, err := parseFlags([]string{"--node-ip", "localhost", "--pod-cidr", "10.0.0.0", "--tls-cert-file", "x"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, flag := range []string{"--kubeconfig", "--node-name", "--root-dir", "--images", "--shim", "--node-ip", "--pod-cidr", "--tls-private-key-file"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not named in: %v", flag, err)
		}
	}
	f, err := parseFlags([]string{"--kubeconfig", "k", "--node-name", "n", "--root-dir", "/r", "--images", "i", "--shim", "s"})
	if err != nil || f.PodLogsDir != "/r/pod-logs" {
		t.Errorf("the least that is needed: %+v, %v", f, err)
	}
}

func TestConfigurationIsValidForTheKubelet(t *testing.T) {
	for _, unprivileged := range []bool{false, true} {
		server, err := kubeletServer(&Flags{NodeName: "n", RootDir: t.TempDir(), Unprivileged: unprivileged, MaxPods: 10, Port: 10250}, "/s")
		if err != nil {
			t.Fatal(err)
		}
		if server.FeatureGates["KubeletInUserNamespace"] != unprivileged {
			t.Errorf("unprivileged %v: gates %v", unprivileged, server.FeatureGates)
		}
	}
}

// TestKubeletStillHasTheFields fails on an upgrade of Kubernetes that makes the node silently slow.
func TestKubeletStillHasTheFields(t *testing.T) {
	for _, name := range []string{"pleg", "volumeManager", "podWorkers"} {
		if _, found := reflect.TypeFor[kubelet.Kubelet]().FieldByName(name); !found {
			t.Errorf("kubelet.Kubelet has no field %s", name)
		}
	}
}

func TestSetDurationGoesThroughPointersAndInterfaces(t *testing.T) {
	type inner struct{ period time.Duration }
	type outer struct{ loop any }
	o := &outer{loop: &inner{period: time.Hour}}
	setDuration(reflect.ValueOf(o), time.Second, "loop", "period")
	if got := o.loop.(*inner).period; got != time.Second {
		t.Errorf("got %v", got)
	}
	setDuration(reflect.ValueOf(o), time.Second, "gone", "period") // keeps the default, does not panic
	setDuration(reflect.ValueOf(o), time.Second, "loop")
}

func TestKubeletStaysOutOfTheMachinesLogs(t *testing.T) {
	o := redirectingOS{legacyLogs: "/rig/legacy"}
	for path, want := range map[string]string{
		"/var/log/containers":           "/rig/legacy",
		"/var/log/containers/a.log":     "/rig/legacy/a.log",
		"/var/log/containers-elsewhere": "/var/log/containers-elsewhere",
		"/rig/pods":                     "/rig/pods",
	} {
		if got := o.path(path); got != want {
			t.Errorf("path(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestPokesNeverBlock(t *testing.T) {
	s := newSpeed()
	for range 3 {
		s.changed("")
	}
	if len(s.poke) != 1 {
		t.Errorf("three changes left %d pokes, want one", len(s.poke))
	}
}
