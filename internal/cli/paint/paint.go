// Package paint colours text for terminals.
//
// In: where the text goes, and the text. Out: the text, with colours where they can be seen: on a terminal, unless NO_COLOR
// is set (https://no-color.org).
package paint

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Colour is how a terminal shows a text.
type Colour string

// The colours.
const (
	Bold   Colour = "\x1b[1m"
	Dim    Colour = "\x1b[2m"
	Red    Colour = "\x1b[31m"
	Green  Colour = "\x1b[32m"
	Yellow Colour = "\x1b[33m"
	Cyan   Colour = "\x1b[36m"
)

// Painter colours a text, or leaves it as it is.
type Painter func(colour Colour, text string) string

// For returns what colours text for out.
func For(out io.Writer) Painter {
	file, isFile := out.(*os.File)
	if isFile && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" {
		return func(colour Colour, text string) string { return string(colour) + text + "\x1b[0m" }
	}
	return func(_ Colour, text string) string { return text }
}
