package explain

import (
	"bytes"
	"fmt"
	"io"

	"github.com/eventrig/eventrig/internal/evaluate"
)

// printer writes what was found as it comes.
type printer struct {
	*flags
	out    io.Writer
	others *comparison // nil without --diff

	kept    bytes.Buffer // what is not written yet
	written bool         // some is: the output has to be brought to an end
	entries int          // of the JSON's list
	told    int          // events
}

// keptMost is how much is kept back, in bytes: up to that size nothing is printed of input that turns out to be wrong.
const keptMost = 8 << 20

// results prints what all Sensors do with some events.
func (p *printer) results(results []evaluate.Result) error {
	compared := p.others.with(p.flags, results)
	for i := range results {
		if p.output == "json" {
			if err := p.jsonEvent(&results[i], compared.of(i)); err != nil {
				return err
			}
		} else {
			p.textEvent(&results[i], compared.of(i))
		}
		p.told++
		if p.kept.Len() > keptMost {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// end prints what is left.
func (p *printer) end() error {
	if p.output == "json" {
		if p.others != nil {
			for i := range p.others.results {
				if err := p.jsonEvent(&p.others.results[i], nil); err != nil {
					return err
				}
			}
		}
		p.endList()
	}
	return p.flush()
}

// cut brings the output to an end where the input broke off; nothing is printed where nothing was so far.
func (p *printer) cut() error {
	if !p.written {
		return nil
	}
	if p.output == "json" {
		p.endList()
	}
	return p.flush()
}

func (p *printer) flush() error {
	if p.kept.Len() == 0 {
		return nil
	}
	p.written = true
	if _, err := p.out.Write(p.kept.Bytes()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	p.kept.Reset()
	return nil
}
