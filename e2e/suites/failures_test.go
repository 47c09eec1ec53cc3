package suites_test

import (
	"fmt"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"
)

// longestFailure bounds what is repeated of one failure, in bytes: its whole text stands where the spec ran.
const longestFailure = 4000

// A run of all packages prints what failed long before its end, where a CI's excerpt does not reach: scripts/test.sh gives
// a file here and repeats it last.
var _ = ReportAfterSuite("what failed, for the end of the run", func(run Report) {
	path := os.Getenv("EVENTRIG_FAILURES")
	if path == "" {
		return
	}
	var text strings.Builder
	for _, spec := range run.SpecReports {
		if !spec.State.Is(types.SpecStateFailureStates) {
			continue
		}
		message := spec.Failure.Message
		if len(message) > longestFailure {
			message = message[:longestFailure] + "\n[cut]"
		}
		fmt.Fprintf(&text, "%s: %s\n%s\n%s\n\n", spec.State, spec.FullText(), spec.FailureLocation(), message)
	}
	if text.Len() == 0 {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	_, err = file.WriteString(text.String())
	Expect(err).NotTo(HaveOccurred())
})
