package coverage

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/eventrig/eventrig/internal/coverage"
	"github.com/eventrig/eventrig/internal/figures"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": percent,
	"words":   func(kind coverage.Kind) string { return words[kind] },
	"kind":    func(kind coverage.Kind) string { return one[kind] },
	"tint": func(s coverage.Share) string {
		switch {
		case s.Reached == s.Of:
			return "reached"
		case s.Percent >= 50:
			return "partly"
		}
		return "never"
	},
	"counted": figures.Of,
}).Parse(pageText))

// sheet is a file of manifests with what is reached in it.
type sheet struct {
	File  string
	Share coverage.Share
	Lines []row
	Open  bool // something is not reached
}

// row is a line of a manifest.
type row struct {
	Number int
	Text   string
	Class  string // reached, partly, never; empty where nothing is counted
	Points []*coverage.Point
}

// writeHTML writes one page that needs nothing else: the figures, and each file of manifests coloured by what is reached.
func writeHTML(out io.Writer, report *coverage.Report, size string, read func(string) ([]byte, error)) error {
	return page.Execute(out, struct {
		*coverage.Report
		Size   string
		Sheets []sheet
	}{report, size, sheets(report, read)})
}

// sheets makes a sheet of each file that points are in. Of one that cannot be read any more only those lines are shown that
// have points.
func sheets(report *coverage.Report, read func(string) ([]byte, error)) []sheet {
	byFile := map[string][]*coverage.Point{}
	var order []string
	for i := range report.Points {
		p := &report.Points[i]
		if _, known := byFile[p.File]; !known {
			order = append(order, p.File)
		}
		byFile[p.File] = append(byFile[p.File], p)
	}
	var all []sheet
	for _, file := range order {
		one := sheet{File: file}
		at := map[int][]*coverage.Point{}
		for _, p := range byFile[file] {
			at[p.Line] = append(at[p.Line], p)
			if p.Counts {
				if one.Share.Of++; p.State == coverage.Reached {
					one.Share.Reached++
				}
			}
		}
		one.Open = one.Share.Reached < one.Share.Of
		if one.Share.Percent = 100; one.Share.Of > 0 {
			one.Share.Percent = float64(one.Share.Reached*1000/one.Share.Of) / 10
		}
		content, err := read(file)
		if err == nil {
			for i, text := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
				one.Lines = append(one.Lines, rowOf(i+1, text, at[i+1]))
				delete(at, i+1)
			}
		}
		var rest []int
		for number := range at {
			rest = append(rest, number)
		}
		slices.Sort(rest)
		for _, number := range rest {
			one.Lines = append(one.Lines, rowOf(number, "", at[number]))
		}
		all = append(all, one)
	}
	return all
}

func rowOf(number int, text string, points []*coverage.Point) row {
	r := row{Number: number, Text: text, Points: points}
	reached, of := 0, 0
	for _, p := range points {
		if p.Counts {
			if of++; p.State == coverage.Reached {
				reached++
			}
		}
	}
	switch {
	case of == 0:
	case reached == of:
		r.Class = "reached"
	case reached > 0:
		r.Class = "partly"
	default:
		r.Class = "never"
	}
	return r
}

// Title is what a line says when it is pointed at.
func (r row) Title() string {
	var texts []string
	for _, p := range r.Points {
		if p.State == coverage.Reached {
			texts = append(texts, fmt.Sprintf("✓ %s: %s, first %s", p.Name, figures.Of(p.Events, "event"), p.First))
		}
	}
	return strings.Join(texts, "\n")
}

// Missing are the points of the line that nothing reaches.
func (r row) Missing() []*coverage.Point {
	var missing []*coverage.Point
	for _, p := range r.Points {
		if p.State != coverage.Reached {
			missing = append(missing, p)
		}
	}
	return missing
}
