package test

import (
	"os"
	"syscall"
)

var progressSignals = []os.Signal{syscall.SIGUSR1}
