package rig

import (
	"strings"
	"time"
)

// troubleTimeout bounds the search for what went wrong, once something has.
const troubleTimeout = 10 * time.Second

func indent(text string) string {
	var indented strings.Builder
	for line := range strings.Lines(text) {
		indented.WriteString("    " + line)
	}
	return indented.String()
}
