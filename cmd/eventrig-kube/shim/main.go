// Command eventrig-shim becomes a container on an embedded eventrig node. The node's container runtime starts it as the
// first process of new namespaces (init) or beside a container (exec), or as the one that holds a pid namespace for several
// (pause), hands it a spec.Container or spec.Exec on file
// descriptor 3, and hears warnings and the reason of a failed start on file descriptor 4. It imports nothing of Kubernetes:
// it has to start within milliseconds, once for every container.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/eventrig/eventrig/cmd/eventrig-kube/internal/runtime/spec"
)

// failed is the exit status when the command could not be started; the runtime has the reason from the report.
const failed = 128

func init() {
	// Namespaces belong to a thread: everything happens on the main one.
	runtime.LockOSThread()
}

func main() {
	for _, fd := range []int{spec.SpecFD, spec.ReportFD, spec.ControlFD, spec.ConsoleFD} {
		unix.CloseOnExec(fd)
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "eventrig-shim is started by the container runtime of eventrig-kube node, not by hand")
		os.Exit(2)
	}
	report := json.NewEncoder(os.NewFile(spec.ReportFD, "report"))
	warn := func(message string) { _ = report.Encode(spec.Report{Warning: message}) }
	status, err := 0, error(nil)
	input := json.NewDecoder(os.NewFile(spec.SpecFD, "spec"))
	switch os.Args[1] {
	case spec.ModeInit:
		err = become(input, warn)
	case spec.ModePause:
		err = pause(input)
	case spec.ModeExec:
		status, err = join(input, warn)
	default:
		err = fmt.Errorf("start the shim: mode %q is unknown", os.Args[1])
	}
	if err != nil {
		_ = report.Encode(spec.Report{Error: err.Error()})
		os.Exit(failed)
	}
	os.Exit(status)
}
