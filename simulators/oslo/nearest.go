package oslo

import "sort"

// nearest returns the n candidates with the smallest edit distance to name.
func nearest(name string, candidates []string, n int) []string {
	sorted := append([]string(nil), candidates...)
	sort.SliceStable(sorted, func(i, j int) bool { return distance(name, sorted[i]) < distance(name, sorted[j]) })
	return sorted[:min(n, len(sorted))]
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
