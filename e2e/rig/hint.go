package rig

import "github.com/eventrig/eventrig/internal/failure"

// Hint returns what an error of this package suggests to do next, as the command line prints it; "" where it suggests nothing.
func Hint(err error) string { return failure.Hint(err) }
