package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/eventrig/eventrig/internal/failure"
	"github.com/eventrig/eventrig/internal/sandbox"
)

// roleVariable makes the test binary one of the programs that the tests run inside a sandbox, or one that starts a sandbox itself.
const roleVariable = "EVENTRIG_SANDBOX_TEST_ROLE"

// deadline bounds every wait of these tests.
const deadline = 30 * time.Second

// supervisor is the program under test, built once.
var supervisor string

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	supervisor = os.Getenv(supervisorVariable)
	if supervisor == "" {
		dir, err := os.MkdirTemp("", "eventrig-sandbox-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // for the tests as another user
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		supervisor = filepath.Join(dir, "eventrig-sandbox")
		build := exec.Command("go", "build", "-o", supervisor, "github.com/eventrig/eventrig/cmd/eventrig-sandbox")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build supervisor: %v\n%s", err, output)
			return 1
		}
	}
	return m.Run()
}

// play is main of the test binary in a role.
func play(role string) int {
	var err error
	switch role {
	case "echo": // a TCP server that sends back what it gets: echo ADDRESS
		err = serveEcho(os.Args[1])
	case "call": // a TCP client: sends a line to ADDRESS and prints the answer
		err = call(os.Args[1], os.Args[2])
	case "starter": // starts a sandbox with processes in it, says so on stdout, and stays
		err = startAndStay(os.Args[1], os.Args[2])
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err, failure.Hint(err))
		return failure.ExitStatus(err)
	}
	return 0
}

func serveEcho(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		}()
	}
}

func call(address, line string) error {
	conn, err := net.DialTimeout("tcp", address, deadline)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := exchange(conn, line)
	fmt.Println(answer)
	return err
}

// readAll reads to the end, within the deadline.
func readAll(conn net.Conn) (string, error) {
	if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		return "", err
	}
	text, err := io.ReadAll(conn)
	return string(text), err
}

// exchange sends text, ends the sending direction and returns everything that comes back.
func exchange(conn net.Conn, text string) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func startAndStay(supervisor, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	box, err := sandbox.Start(ctx, sandbox.Config{Dir: dir, Supervisor: supervisor, Log: filepath.Join(dir, "sandbox.log"),
		Tmpfs: []string{filepath.Join(dir, "run")}, Addresses: addresses})
	if err != nil {
		return err
	}
	// A session of its own, and a grandchild: what a rig's processes look like.
	if _, err := box.Run(ctx, sandbox.Process{Path: "/bin/sh", Args: []string{"-c", "setsid sleep 3600 & sleep 3600"}, Env: environment}); err != nil {
		return err
	}
	fmt.Println("started")
	<-box.Done()
	return fmt.Errorf("the sandbox ended by itself")
}

var (
	addresses   = []string{"10.244.0.1/32", "10.96.0.1/32", "10.96.0.10/32"}
	environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
)

// start makes a sandbox that the test closes.
func start(t *testing.T) (*sandbox.Sandbox, string) {
	t.Helper()
	dir := t.TempDir()
	box, err := sandbox.Start(bounded(t), sandbox.Config{Dir: dir, Supervisor: supervisor, Log: filepath.Join(dir, "sandbox.log"),
		Tmpfs: []string{filepath.Join(dir, "run")}, Addresses: addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "sandbox.log"))
			t.Logf("supervisor's log:\n%s", text)
		}
	})
	return box, dir
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// role returns the test binary as a process to run inside.
func role(t *testing.T, name, log string, args ...string) sandbox.Process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return sandbox.Process{Name: name, Path: program, Args: args, Log: log, Env: append([]string{roleVariable + "=" + name}, environment...)}
}

// shell runs a script inside and returns its output.
func shell(t *testing.T, box *sandbox.Sandbox, script string) string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	child, err := box.Run(bounded(t), sandbox.Process{Name: "sh", Path: "sh", Args: []string{"-c", script}, Env: environment, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, child)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if child.Err() != nil {
		t.Fatalf("%q: %v\n%s", script, child.Err(), text)
	}
	return string(bytes.TrimSpace(text))
}

func wait(t *testing.T, child *sandbox.Child) {
	t.Helper()
	select {
	case <-child.Done():
	case <-time.After(deadline):
		t.Fatal("the process does not end")
	}
}

// eventually polls until check returns "", and fails with what it returned last.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	ctx, ticker := bounded(t), time.NewTicker(20*time.Millisecond)
	defer ticker.Stop()
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(wrong)
		case <-ticker.C:
		}
	}
}
