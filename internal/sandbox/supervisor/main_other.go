//go:build !linux

package supervisor

import (
	"fmt"
	"os"
	"runtime"
)

// Main says that sandboxes exist on Linux only.
func Main() int {
	fmt.Fprintf(os.Stderr, "eventrig-sandbox: sandboxes are made of Linux namespaces, this is %s: use a Linux machine\n", runtime.GOOS)
	return 3
}
