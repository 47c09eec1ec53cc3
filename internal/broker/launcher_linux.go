package broker

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// ownGroup puts the process into a group of its own and has the kernel kill it should this process die without a word.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // an error means that it is gone already

// awaitGone waits until no process works in dir. Erlang's port programs leave its process group; they end by themselves
// when the virtual machine is gone, and those that do not within a second are killed.
func awaitGone(dir string) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	begin := time.Now()
	for {
		left := workingIn(dir)
		switch waited := time.Since(begin); {
		case len(left) == 0:
			return nil
		case waited > 5*time.Second:
			return fmt.Errorf("%w: %v", errStillRunning, left)
		case waited > time.Second:
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		<-ticker.C
	}
}

// workingIn lists the processes whose environment names dir as RabbitMQ's base folder: children inherit it.
func workingIn(dir string) []int {
	marker := []byte("RABBITMQ_BASE=" + dir + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var pids []int
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, marker) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
