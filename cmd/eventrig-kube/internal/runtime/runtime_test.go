package runtime

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/client-go/tools/remotecommand"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/images"
)

func want(t *testing.T, got string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(got, w) {
			t.Errorf("missing %q in:\n%s", w, got)
		}
	}
}

func TestContainerRunsToItsEnd(t *testing.T) {
	r := start(t)
	id := r.run(`echo out; echo err >&2; echo "$FROM_IMAGE $BOTH $OWN $HOSTNAME $HOME"; hostname; cat /etc/resolv.conf; echo pid $$; head -c 20000 /dev/zero | tr '\0' x; exit 3`,
		func(c *cri.ContainerConfig) {
			c.Envs = []*cri.KeyValue{{Key: "BOTH", Value: "container"}, {Key: "OWN", Value: "2"}}
		})
	s := r.wait(id)
	if s.State != cri.ContainerState_CONTAINER_EXITED || s.ExitCode != 3 || s.Reason != "Error" {
		t.Errorf("status: %v", s)
	}
	if s.StartedAt < s.CreatedAt || s.FinishedAt < s.StartedAt {
		t.Errorf("times: created %d started %d finished %d", s.CreatedAt, s.StartedAt, s.FinishedAt)
	}
	want(t, r.log(), "stdout F out\n", "stderr F err\n", "stdout F 1 container 2 pod-1 /root\n", "stdout F pod-1\n", "nameserver 10.96.0.10", "search ns.svc.cluster.local",
		"stdout F pid 1\n", "stdout P "+strings.Repeat("x", maxLine)+"\n", "stdout F "+strings.Repeat("x", 20000-maxLine)+"\n")
	if r.wait(r.run("true")).Reason != "Completed" {
		t.Error("a container that ends with 0 is not Completed")
	}
	sandbox, err := r.PodSandboxStatus(t.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: r.sandbox})
	if err != nil || sandbox.Status.Network.Ip != "10.244.1.7" || sandbox.Status.State != cri.PodSandboxState_SANDBOX_READY {
		t.Errorf("sandbox: %v %v", sandbox, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes < 5 {
		t.Errorf("OnChange was called %d times for a sandbox and two containers", r.changes)
	}
}

func TestTreeAndVolumes(t *testing.T) {
	program := t.TempDir() + "/hello"
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho hello from an image file\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// /bin leads to the host's read-only /usr/bin: the file has to appear there all the same.
	r := start(t, images.Image{Repository: "test/hello", Kind: images.Applet, Files: map[string]string{"/bin/hello-eventrig": program, "/app/tool": program}, Entrypoint: []string{"/bin/sh"}})
	rw, ro, message := r.dir+"/rw", r.dir+"/ro", r.dir+"/termination"
	for _, dir := range []string{rw, ro, rw + "/inner"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{ro + "/key", message} {
		if err := os.WriteFile(file, []byte("value"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	id := r.run(`hello-eventrig; /app/tool; ls /usr/bin/env
		for p in `+r.dir+` /work /.eventrig-node; do [ -e $p ] && echo "visible $p"; done
		echo "own file" >/data/file; cat /etc/secret/key; echo; echo x >/etc/secret/key || echo "read-only secret"
		touch /usr/lib/x || echo "read-only usr"; touch /etc/x /tmp/x /run/x /var/run/y && echo "writable"; touch /data/deep/z
		echo done >/dev/termination-log; ls -d /proc/[0-9]* | wc -l; [ -w /dev/null ] && [ -c /dev/urandom ] && ls /dev/pts /dev/fd/ >/dev/null && echo devices; stat -c %a /tmp; pwd; id -u`,
		func(c *cri.ContainerConfig) {
			c.Image.Image = "test/hello"
			c.WorkingDir = "/new/dir"
			c.Mounts = []*cri.Mount{{ContainerPath: "/data/deep", HostPath: rw + "/inner"}, {ContainerPath: "/data", HostPath: rw}, {ContainerPath: "/etc/secret", HostPath: ro, Readonly: true},
				{ContainerPath: "/dev/termination-log", HostPath: message}, {ContainerPath: "/var/run/made/here", HostPath: r.dir + "/made"}}
		})
	if s := r.wait(id); s.ExitCode != 0 {
		t.Errorf("status: %v", s)
	}
	log := r.log()
	want(t, log, "hello from an image file", "F /usr/bin/env", "F value", "read-only secret", "read-only usr", "F writable", "F devices", "F 1777", "F /new/dir", "F 0\n")
	if strings.Contains(log, "visible") || strings.Count(log, "hello from an image file") != 2 {
		t.Errorf("log:\n%s", log)
	}
	for file, content := range map[string]string{rw + "/file": "own file\n", message: "done\n", rw + "/inner/z": ""} {
		if data, err := os.ReadFile(file); err != nil || string(data) != content {
			t.Errorf("%s: %q, %v", file, data, err)
		}
	}
	if info, err := os.Stat(r.dir + "/made"); err != nil || !info.IsDir() {
		t.Errorf("the missing host path was not made: %v", err)
	}
}

func TestRootfsImage(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"/usr", "/etc", "/lib", "/lib64", "/bin"} {
		if err := os.Mkdir(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(root+"/etc/passwd", []byte("app:x:1234:1234::/home/app:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// A static program makes a root file system of one file: the shim itself complains of its arguments, as user app.
	r := start(t)
	program, _ := shim()
	if err := os.WriteFile(root+"/bin/tool", program, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Runtime.config.Images.Images = append(r.Runtime.config.Images.Images, images.Image{Repository: "test/rootfs", Kind: images.Rootfs, Root: root, User: "app", Entrypoint: []string{"/bin/tool"}})
	id := r.run("", func(c *cri.ContainerConfig) {
		c.Image.Image = "test/rootfs"
		c.Args = nil
		c.Mounts = []*cri.Mount{{ContainerPath: "/usr/share/x", HostPath: r.dir}}
	})
	if s := r.wait(id); s.ExitCode != 2 {
		t.Errorf("status: %v", s)
	}
	want(t, r.log(), "stderr F eventrig-shim is started by")
	if _, err := os.Stat(root + "/usr/share"); err == nil {
		t.Error("the image's folder was written to")
	}
}

func TestUserAndGroups(t *testing.T) {
	r := start(t)
	id := r.run(`id -u; id -g; id -G; echo via >/dev/stdout; touch /root/x || echo denied; grep NoNewPrivs /proc/self/status`, func(c *cri.ContainerConfig) {
		c.Linux = &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{RunAsUser: &cri.Int64Value{Value: 1000}, RunAsGroup: &cri.Int64Value{Value: 2000},
			SupplementalGroups: []int64{3000}, NoNewPrivs: true}}
	})
	r.wait(id)
	if singleUID() {
		want(t, strings.Join(r.events, "\n"), "runs as uid 0 instead of 1000", "group 2000 is ignored", "supplementary groups [3000] are ignored")
		return
	}
	want(t, r.log(), "F 1000\n", "F 2000\n", "F 2000 3000\n", "F via\n", "F denied", "NoNewPrivs:\t1")
}

func TestMissingCommand(t *testing.T) {
	r := start(t)
	id := r.create("", func(c *cri.ContainerConfig) { c.Command = []string{"no-such-command"} })
	_, err := r.StartContainer(t.Context(), &cri.StartContainerRequest{ContainerId: id})
	if err == nil {
		t.Fatal("a missing command was started")
	}
	want(t, err.Error(), `"no-such-command"`, "executable file not found in $PATH")
	s := r.wait(id)
	if s.ExitCode != 128 || s.Reason != "StartError" {
		t.Errorf("status: %v", s)
	}
}

func TestUnknownImage(t *testing.T) {
	r := start(t)
	got, err := r.ImageStatus(t.Context(), &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: "nobody/knows:1"}})
	if err != nil || got.Image != nil {
		t.Errorf("image status: %v %v", got, err)
	}
	_, err = r.PullImage(t.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: "nobody/knows:1"}})
	if status.Code(err) != codes.NotFound {
		t.Errorf("pull: %v", err)
	}
	want(t, err.Error(), "add --image nobody/knows=rootfs:PATH")
	pulled, err := r.PullImage(t.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: "test/shell:9"}})
	if err != nil {
		t.Fatal(err)
	}
	if r.wait(r.run("exit 4", func(c *cri.ContainerConfig) { c.Image.Image = pulled.ImageRef })).ExitCode != 4 {
		t.Error("a container of an image id does not run")
	}
}

func TestStopWithGrace(t *testing.T) {
	r := start(t)
	polite := r.run(`trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done`)
	r.logged("ready")
	if _, err := r.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: polite, Timeout: 20}); err != nil {
		t.Fatal(err)
	}
	if s := r.wait(polite); s.ExitCode != 7 {
		t.Errorf("status: %v", s)
	}
	want(t, r.log(), "F bye")

	// A child that nobody waits for dies with the pid namespace.
	deaf := r.run(`trap '' TERM; sleep 1000 & echo deaf; wait`)
	r.logged("deaf")
	began := time.Now()
	if _, err := r.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: deaf, Timeout: 1}); err != nil {
		t.Fatal(err)
	}
	if s := r.wait(deaf); s.ExitCode != 137 || time.Since(began) < time.Second {
		t.Errorf("after %s: %v", time.Since(began), s)
	}
}

func TestExec(t *testing.T) {
	r := start(t)
	id := r.run(`cd /tmp; touch marker; echo up; exec sleep 1000`, func(c *cri.ContainerConfig) { c.Envs = []*cri.KeyValue{{Key: "OWN", Value: "2"}} })
	r.logged("up")
	got, err := r.exec(id, "sh", "-c", `echo "$OWN $$"; ls /tmp/marker; hostname; echo bad >&2; exit 5`)
	if err != nil {
		t.Fatal(err)
	}
	if got.ExitCode != 5 || string(got.Stderr) != "bad\n" {
		t.Errorf("got %d, stderr %q", got.ExitCode, got.Stderr)
	}
	want(t, string(got.Stdout), "2 ", "/tmp/marker\n", "pod-1\n")
	if _, err := r.exec(id, "no-such-command"); err == nil || !strings.Contains(err.Error(), "not found in $PATH") {
		t.Errorf("missing command: %v", err)
	}
	_, err = r.ExecSync(t.Context(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sleep", "999"}, Timeout: 1})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("timeout: %v", err)
	}
	if got, err := r.exec(id, "sh", "-c", "cat /proc/[0-9]*/comm"); err != nil || strings.Count(string(got.Stdout), "sleep") != 1 {
		t.Errorf("the timed out command still runs: %s %v", got.GetStdout(), err)
	}
}

func TestTerminalAndStdin(t *testing.T) {
	r := start(t)
	id := r.run(`while read line; do echo "got $line"; done; echo end`, func(c *cri.ContainerConfig) { c.Stdin, c.StdinOnce = true, true })
	var out bytes.Buffer
	if err := (streamer{r.Runtime}).Attach(t.Context(), id, strings.NewReader("one\ntwo\n"), nopCloser{&out}, nil, false, nil); err != nil {
		t.Fatal(err)
	}
	r.wait(id)
	want(t, r.log(), "F got one\n", "F got two\n", "F end\n")
	want(t, out.String(), "got one\n", "end\n")

	id = r.run(`tty -s && echo terminal; exec sleep 1000`, func(c *cri.ContainerConfig) { c.Tty = true })
	r.logged("terminal")
	var screen bytes.Buffer
	if err := (streamer{r.Runtime}).Exec(t.Context(), id, []string{"sh", "-c", `tty -s && echo yes; read x </dev/tty; echo "x=$x"; exit 3`}, strings.NewReader("abc\n"), nopCloser{&screen}, nil, true, nil); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("exec with a terminal: %v", err)
	}
	want(t, screen.String(), "yes", "x=abc")
}

func TestATerminalIsOneOfTheContainersOwn(t *testing.T) {
	r := start(t)
	id := r.run(`tty; echo "into the console" >/dev/console; exec sleep 1000`, func(c *cri.ContainerConfig) { c.Tty = true })
	r.logged("into the console")
	want(t, r.log(), "F /dev/pts/0")
	var screen bytes.Buffer
	sizes := make(chan remotecommand.TerminalSize, 1)
	sizes <- remotecommand.TerminalSize{Width: 123, Height: 45}
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := (streamer{r.Runtime}).Exec(ctx, id, []string{"sh", "-c", `tty; until [ "$(stty size)" = "45 123" ]; do sleep 0.01; done; echo resized`}, in, nopCloser{&screen}, nil, true, sizes)
	if err != nil {
		t.Error(err)
	}
	want(t, screen.String(), "/dev/pts/1", "resized")
}

func TestContainersOfAPodShareWhatItAsksFor(t *testing.T) {
	r := start(t)
	processes := `cat /proc/[0-9]*/comm; sed -n 's/^NSpid://p' /proc/self/status`
	r.config.Linux.SecurityContext.NamespaceOptions.Pid = cri.NamespaceMode_POD
	r.pod()
	server := r.run(`sleep 1001 & echo "mine" >/dev/shm/common; echo up; wait`)
	r.logged("up")
	ipc := func(id string) string {
		got, err := r.exec(id, "readlink", "/proc/self/ns/ipc")
		if err != nil {
			t.Fatal(err)
		}
		return string(got.Stdout)
	}
	if s := r.wait(r.run(processes+`; cat /dev/shm/common; (setsid sleep 1002 &); exit 3`, func(c *cri.ContainerConfig) { c.LogPath = "main/0.log" })); s.ExitCode != 3 {
		t.Errorf("status: %v", s)
	}
	want(t, r.log(), "F shim\n", "F sleep", "F mine")
	second := r.run("exec sleep 1003")
	if a, b := ipc(server), ipc(second); a != b {
		t.Errorf("the containers have different ipc namespaces: %s %s", a, b)
	}
	got, err := r.exec(server, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
	if err != nil {
		t.Fatal(err)
	}
	// What the container that has ended left behind is gone, what the others run is not.
	if text := string(got.Stdout); strings.Contains(text, "sleep 1002") || !strings.Contains(text, "sleep 1001") || !strings.Contains(text, "sleep 1003") {
		t.Errorf("processes of the pod: %s", text)
	}
	if _, err := r.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: r.sandbox}); err != nil {
		t.Fatal(err)
	}
	if s := r.wait(server); s.ExitCode != 137 {
		t.Errorf("status: %v", s)
	}
}

func TestADebuggingContainerSeesTheProcessesOfItsTarget(t *testing.T) {
	r := start(t)
	target := r.run("echo up; exec sleep 1000")
	r.logged("up")
	if s := r.wait(r.run(`cat /proc/1/comm; ls /proc/1/root >/dev/null && echo its files`, func(c *cri.ContainerConfig) {
		c.Linux = &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_TARGET, TargetId: target}}}
	})); s.ExitCode != 0 {
		t.Errorf("status: %v", s)
	}
	want(t, r.log(), "F sleep", "F its files")
	if c, _ := r.container(target); !c.running() {
		t.Error("the end of the debugging container ended its target")
	}
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }

func TestStopSandboxKillsItsContainers(t *testing.T) {
	r := start(t)
	id := r.run("exec sleep 1000")
	if _, err := r.StopPodSandbox(t.Context(), &cri.StopPodSandboxRequest{PodSandboxId: r.sandbox}); err != nil {
		t.Fatal(err)
	}
	if s := r.wait(id); s.ExitCode != 137 || len(r.net.pods) != 0 {
		t.Errorf("status %v, networks %v", s, r.net.pods)
	}
	if _, err := r.RemovePodSandbox(t.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: r.sandbox}); err != nil {
		t.Fatal(err)
	}
	pods, _ := r.ListPodSandbox(t.Context(), &cri.ListPodSandboxRequest{})
	containers, _ := r.ListContainers(t.Context(), &cri.ListContainersRequest{})
	if len(pods.Items)+len(containers.Containers) != 0 {
		t.Errorf("left: %v %v", pods, containers)
	}
}
