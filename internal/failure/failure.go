// Package failure gives an error the class that decides eventrig's exit status, and a hint that says what to do next.
// Whoever detects a failure knows both best; the command line only prints them. Wrapping with %w keeps them.
package failure

import (
	"context"
	"errors"
	"fmt"
)

// Class is the documented exit status of a failed command.
type Class int

// The exit statuses of every eventrig command.
const (
	Check       Class = 1   // a check failed: the system under test did not do what was expected
	BadInput    Class = 2   // bad usage or bad input: file, field or flag
	Environment Class = 3   // the environment could not be set up
	Timeout     Class = 4   // time ran out
	Interrupted Class = 130 // the user interrupted
)

// Error is an error with a class and a hint.
type Error struct {
	Class Class
	Hint  string // what to do next; empty where there is nothing to add
	Err   error
}

// Error returns the message without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New formats an error of the given class; the format may hold %w.
func New(class Class, hint, format string, args ...any) error {
	return &Error{Class: class, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// ExitStatus returns the exit status for err: 0 for nil, the class of the outermost classified error, 4 for an
// expired deadline, 130 for a cancelled context, and 1 for everything else.
func ExitStatus(err error) int {
	var classified *Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &classified):
		return int(classified.Class)
	case errors.Is(err, context.DeadlineExceeded):
		return int(Timeout)
	case errors.Is(err, context.Canceled):
		return int(Interrupted)
	default:
		return int(Check)
	}
}

// Decided marks an error that was certain before an interrupt: the exit status then says what the error says. Nil stays nil.
func Decided(err error) error {
	if err == nil {
		return nil
	}
	return decided{err}
}

// IsDecided says whether err was marked by Decided.
func IsDecided(err error) bool { return errors.As(err, new(decided)) }

type decided struct{ error }

func (d decided) Unwrap() error { return d.error }

// Hint returns the first hint in err's chain, or "".
func Hint(err error) string {
	for err != nil {
		var classified *Error
		if !errors.As(err, &classified) {
			return ""
		}
		if classified.Hint != "" {
			return classified.Hint
		}
		err = classified.Err
	}
	return ""
}
