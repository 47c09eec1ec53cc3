// Package figures puts figures into sentences.
package figures

import "fmt"

// Of is a number of things, such as "1 scenario" and "2 scenarios". The noun is one whose plural ends in s.
func Of(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
