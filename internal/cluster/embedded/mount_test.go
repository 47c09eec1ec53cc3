package embedded

import (
	"strings"
	"testing"

	"github.com/eventrig/eventrig/internal/failure"
)

func TestNoMountProgramIsSaidBeforeAnythingStarts(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), nil, Config{Dir: t.TempDir()})
	if failure.ExitStatus(err) != int(failure.Environment) || !strings.Contains(err.Error(), `"mount"`) || !strings.Contains(failure.Hint(err), "util-linux") {
		t.Errorf("error %v (exit status %d, hint %q)", err, failure.ExitStatus(err), failure.Hint(err))
	}
}
