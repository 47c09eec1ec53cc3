// Package clitest runs commands in tests.
//
// In: a command and its arguments. Out: what it prints and its exit status; and golden files, which hold what a command is to
// print: `go test -update` writes them anew.
package clitest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/eventrig/eventrig/internal/failure"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Run runs a command without standard input and returns what it prints on stdout, its exit status and its error.
func Run(t testing.TB, command *cobra.Command, arguments ...string) (stdout string, status int, err error) {
	t.Helper()
	command.SilenceUsage, command.SilenceErrors = true, true
	var out, talk bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&talk)
	command.SetIn(strings.NewReader(""))
	command.SetArgs(arguments)
	err = command.ExecuteContext(t.Context())
	return out.String(), failure.ExitStatus(err), err
}

// Golden holds what was printed against testdata/NAME.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is printed (go test -update writes it anew):\n%s", file, got)
	}
}
