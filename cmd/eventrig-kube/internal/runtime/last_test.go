package runtime

import (
	"strings"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
)

// named gives a container a name, and the image whose container "wait" starts last.
func named(name string) func(*cri.ContainerConfig) {
	return func(c *cri.ContainerConfig) { c.Metadata.Name, c.Image.Image = name, "test/executor" }
}

func startWithExecutor(t *testing.T) *rig {
	return start(t, images.Image{Repository: "test/executor", Kind: images.Command, Entrypoint: []string{"/bin/sh"}, Last: []string{"wait"}})
}

func (r *rig) runs(id string) bool {
	c, err := r.container(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c.running()
}

func TestAContainerThatStartsLastWaitsForAnother(t *testing.T) {
	r := startWithExecutor(t)
	began := time.Now()
	// Both say when they start: main first, although the kubelet starts it second.
	last := r.run("echo wait runs", named("wait"))
	if !r.runs(last) {
		t.Error("to the kubelet a container that has to wait does not run")
	}
	if _, err := r.exec(last, "true"); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("a command in a container that waits: %v", err)
	}
	r.wait(r.run("echo main runs", named("main")))
	if s := r.wait(last); s.ExitCode != 0 || s.Reason != "Completed" {
		t.Errorf("status: %v", s)
	}
	if waited := time.Since(began); waited >= patience {
		t.Errorf("it started after %v, as if there were no other container", waited)
	}
	if log := r.log(); strings.Index(log, "main runs") > strings.Index(log, "wait runs") {
		t.Errorf("the order of the start:\n%s", log)
	}
}

func TestAContainerThatStartsLastStartsAlone(t *testing.T) {
	r := startWithExecutor(t)
	if s := r.wait(r.run("exit 4", named("wait"))); s.ExitCode != 4 {
		t.Errorf("status: %v", s)
	}
	// With another one that runs already there is nothing to wait for.
	r.run("sleep 60", named("main"))
	began := time.Now()
	r.wait(r.run("true", named("wait")))
	if waited := time.Since(began); waited >= patience {
		t.Errorf("it waited %v for a container that runs", waited)
	}
}

func TestAContainerThatWaitsCanBeStopped(t *testing.T) {
	r := startWithExecutor(t)
	id := r.run("sleep 60", named("wait"))
	if _, err := r.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: id, Timeout: 30}); err != nil {
		t.Fatal(err)
	}
	if s := r.wait(id); s.ExitCode != 137 {
		t.Errorf("status: %v", s)
	}
	// What cannot be started ends, as the kubelet believes that it runs.
	missing := r.create("", named("wait"), func(c *cri.ContainerConfig) { c.Command = []string{"/no/such/command"} })
	if _, err := r.StartContainer(t.Context(), &cri.StartContainerRequest{ContainerId: missing}); err != nil {
		t.Fatal(err)
	}
	if s := r.wait(missing); s.ExitCode != startFailed || s.Reason != "StartError" || !strings.Contains(s.Message, "/no/such/command") {
		t.Errorf("status: %v", s)
	}
}
