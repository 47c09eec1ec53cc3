// Package random draws names and passwords that nobody can guess. What a test must be able to repeat is drawn from a
// seed instead, elsewhere.
package random

import (
	"crypto/rand"
	"encoding/hex"
)

// Hex draws so many bytes and writes them in hexadecimal.
func Hex(bytes int) string {
	drawn := make([]byte, bytes)
	_, _ = rand.Read(drawn) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(drawn)
}
