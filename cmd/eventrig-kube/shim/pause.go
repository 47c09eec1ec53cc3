package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// pause holds a pid namespace as its first process until it is killed, and reaps the orphans in it. It returns only with an
// error.
func pause(input *json.Decoder) error {
	var p spec.Pause
	if err := input.Decode(&p); err != nil {
		return fmt.Errorf("read the spec: %w", err)
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	if err := tieToNode(); err != nil {
		return err
	}
	unix.Close(spec.ReportFD)
	for {
		for pid := 1; pid > 0; {
			var status syscall.WaitStatus
			pid, _ = syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		}
		<-ended
	}
}
