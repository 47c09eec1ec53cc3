//go:build linux

package broker

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNothingOutlivesAKilledStarter kills the process that started a broker, as the OOM killer would.
func TestNothingOutlivesAKilledStarter(t *testing.T) {
	if dir := os.Getenv("EVENTRIG_TEST_BROKER"); dir != "" {
		if _, err := Start(t.Context(), Config{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("ready")
		select {} // until killed
	}
	if _, err := FindHostServer(); err != nil {
		t.Skipf("%s needs a real RabbitMQ: %v", t.Name(), err)
	}
	dir := filepath.Join(t.TempDir(), "broker")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	starter := exec.CommandContext(ctx, os.Args[0], "-test.run", "^"+t.Name()+"$")
	starter.Env = append(os.Environ(), "EVENTRIG_TEST_BROKER="+dir)
	output, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() && !strings.Contains(lines.Text(), "ready") {
		t.Log(lines.Text())
	}
	if len(workingIn(dir)) == 0 {
		t.Fatal("the starter did not get a broker up")
	}
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait() // it was killed
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		left := workingIn(dir)
		if len(left) == 0 {
			return
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("left behind: %v", left)
		}
		<-ticker.C
	}
}
