package network

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

const inside = "EVENTRIG_TEST_INSIDE_NAMESPACES"

// TestPodsReachEachOtherAndTheNode runs itself again in namespaces of its own, so that nothing of the machine's network changes.
func TestPodsReachEachOtherAndTheNode(t *testing.T) {
	if os.Getenv(inside) == "" {
		unshare, err := exec.LookPath("unshare")
		if err != nil {
			t.Skip("needs util-linux's unshare")
		}
		args := []string{"-mnpf", "--mount-proc", os.Args[0], "-test.run", "^" + t.Name() + "$", "-test.v"}
		if os.Getuid() != 0 {
			args = append([]string{"-Ur"}, args...)
		}
		command := exec.Command(unshare, args...)
		command.Env = append(os.Environ(), inside+"=1")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("inside: %v\n%s", err, out)
		}
		return
	}

	nodeIP := net.IPv4(10, 244, 0, 1)
	if out, err := exec.Command("ip", "addr", "add", "10.244.0.1/32", "dev", "lo").CombinedOutput(); err != nil {
		t.Fatalf("give lo an address: %v: %s", err, out)
	}
	if out, err := exec.Command("ip", "route", "add", "blackhole", "10.96.0.0/16").CombinedOutput(); err != nil {
		t.Fatalf("block the Services' addresses: %v: %s", err, out)
	}
	n, err := New(Config{Dir: t.TempDir(), PodCIDR: "10.244.1.0/24", ServiceCIDR: "10.96.0.0/16", NodeIP: nodeIP})
	if err != nil {
		t.Fatal(err)
	}
	pathA, ipA, err := n.Add("aaaaaaaaaaaaaaaaaaaaaaaa", "a")
	if err != nil {
		t.Fatal(err)
	}
	pathB, ipB, err := n.Add("bbbbbbbbbbbbbbbbbbbbbbbb", "b")
	if err != nil {
		t.Fatal(err)
	}
	listenerB := in(t, pathB, func() (net.Listener, error) { return net.Listen("tcp", ipB+":8080") })
	defer listenerB.Close()
	listenerNode, err := net.Listen("tcp", "10.244.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer listenerNode.Close()

	dial := func(path, to string) string {
		connection := in(t, path, func() (net.Conn, error) { return net.Dial("tcp", to) })
		defer connection.Close()
		return connection.LocalAddr().(*net.TCPAddr).IP.String()
	}
	if from := dial(pathA, ipB+":8080"); from != ipA {
		t.Errorf("pod to pod: from %s, want %s", from, ipA)
	}
	if from := dial(pathA, "10.244.0.1:8080"); from != ipA {
		t.Errorf("pod to node: from %s, want %s", from, ipA)
	}
	if from := dial(pathB, ipB+":8080"); from != ipB {
		t.Errorf("pod to itself: from %s, want %s", from, ipB)
	}
	if from := dial("", ipB+":8080"); from != "10.244.0.1" {
		t.Errorf("node to pod: from %s, want 10.244.0.1", from)
	}

	if err := n.Remove("aaaaaaaaaaaaaaaaaaaaaaaa"); err != nil {
		t.Fatal(err)
	}
	if err := n.Remove("aaaaaaaaaaaaaaaaaaaaaaaa"); err != nil {
		t.Errorf("a second removal: %v", err)
	}
	if err := n.Remove("bbbbbbbbbbbbbbbbbbbbbbbb"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(pathA); !os.IsNotExist(err) {
		t.Errorf("the namespace's file is still there: %v", err)
	}
}

// in runs do in the namespace at path ("" is this one). Dialling and listening open their sockets on the calling thread.
func in[T any](t *testing.T, path string, do func() (T, error)) T {
	t.Helper()
	result, err := func() (T, error) {
		if path == "" {
			return do()
		}
		var none T
		runtime.LockOSThread()
		own, err := os.Open(ownNamespace)
		if err != nil {
			return none, err
		}
		defer own.Close()
		namespace, err := os.Open(path)
		if err != nil {
			return none, err
		}
		defer namespace.Close()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			return none, fmt.Errorf("enter %s: %w", path, err)
		}
		result, err := do()
		if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
			return none, err
		}
		runtime.UnlockOSThread()
		return result, err
	}()
	if err != nil {
		t.Fatal(err)
	}
	return result
}
