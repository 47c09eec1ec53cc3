package runtime

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestContainersDieWithTheNode kills a node process without warning; its containers must go with it.
func TestContainersDieWithTheNode(t *testing.T) {
	if os.Getenv("EVENTRIG_TEST_NODE") != "" {
		r := start(t)
		r.run("trap '' TERM HUP; echo up; sleep 1000 & wait")
		r.logged("up")
		for _, c := range r.containersOf("") {
			fmt.Println("container", c.cmd.Process.Pid)
		}
		select {}
	}
	if os.Getuid() != 0 {
		t.Skip("containers need root (or a user namespace around the node process, as the rig's sandbox has)")
	}
	node := exec.Command(os.Args[0], "-test.run=^TestContainersDieWithTheNode$")
	node.Env = append(os.Environ(), "EVENTRIG_TEST_NODE=1", "TMPDIR="+t.TempDir()) // it cannot tidy up after itself
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	pid := ""
	for lines := bufio.NewScanner(out); pid == "" && lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "container "); ok {
			pid = rest
		}
	}
	if _, err := os.Stat("/proc/" + pid + "/ns"); pid == "" || err != nil {
		t.Fatalf("no container %q: %v", pid, err)
	}
	_ = node.Process.Kill()
	_ = node.Wait()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		// A zombie that nobody reaps is dead as well.
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the container outlives its node: %s", stat)
		}
	}
}
