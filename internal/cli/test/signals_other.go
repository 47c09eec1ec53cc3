//go:build !linux

package test

import (
	"os"
	"syscall"
)

var progressSignals = []os.Signal{syscall.SIGUSR1, syscall.SIGINFO}
