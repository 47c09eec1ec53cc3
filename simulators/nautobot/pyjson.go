package nautobot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// decode reads a JSON body; a malformed one is refused in the words of Python's json module, which a client of the real
// Nautobot gets to see.
func decode(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	if err == nil {
		if _, err = decoder.Token(); err == io.EOF {
			return value, nil
		}
	}
	if !utf8.Valid(body) {
		return nil, parseError("'utf-8' codec can't decode the request's body")
	}
	p := &pythonParser{text: []rune(string(body))}
	message, at := p.document()
	if message == "" {
		message, at = "Expecting value", 0
	}
	line, column := 1, at+1
	for i, c := range p.text[:min(at, len(p.text))] {
		if c == '\n' {
			line++
			column = at - i
		}
	}
	return nil, parseError(fmt.Sprintf("%s: line %d column %d (char %d)", message, line, column, at))
}

func parseError(text string) error {
	return &refusal{status: 400, body: map[string]any{"detail": "JSON parse error - " + text}}
}

// pythonParser finds what Python's json module would complain about, and where.
type pythonParser struct {
	text []rune
	pos  int
}

func (p *pythonParser) document() (string, int) {
	p.space()
	if message, at := p.value(0); message != "" {
		return message, at
	}
	p.space()
	if p.pos < len(p.text) {
		return "Extra data", p.pos
	}
	return "", 0
}

func (p *pythonParser) space() {
	for p.pos < len(p.text) && strings.ContainsRune(" \t\n\r", p.text[p.pos]) {
		p.pos++
	}
}

func (p *pythonParser) at(c rune) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

// maxNesting is Python's recursion limit, roughly: deeper documents fail there, too.
const maxNesting = 990

func (p *pythonParser) value(depth int) (string, int) {
	if depth > maxNesting {
		return "maximum recursion depth exceeded", p.pos
	}
	start := p.pos
	switch {
	case p.at('"'):
		return p.quoted()
	case p.at('{'):
		return p.dictionary(depth)
	case p.at('['):
		return p.list(depth)
	}
	for _, word := range []string{"null", "true", "false"} {
		if strings.HasPrefix(string(p.text[p.pos:min(len(p.text), p.pos+len(word))]), word) {
			p.pos += len(word)
			return "", 0
		}
	}
	if p.number() {
		return "", 0
	}
	return "Expecting value", start
}

func (p *pythonParser) number() bool {
	start := p.pos
	if p.at('-') {
		p.pos++
	}
	if p.at('0') {
		p.pos++
	} else if !p.digits() {
		p.pos = start
		return false
	}
	whole := p.pos
	if p.at('.') {
		p.pos++
		if !p.digits() {
			p.pos = whole
			return true
		}
	}
	whole = p.pos
	if p.at('e') || p.at('E') {
		p.pos++
		if p.at('+') || p.at('-') {
			p.pos++
		}
		if !p.digits() {
			p.pos = whole
		}
	}
	return true
}

func (p *pythonParser) digits() bool {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > start
}

func (p *pythonParser) quoted() (string, int) {
	start := p.pos
	p.pos++
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return "", 0
		case c < 0x20:
			return "Invalid control character at", p.pos
		case c == '\\':
			if p.pos+1 >= len(p.text) {
				return "Unterminated string starting at", start
			}
			escape := p.text[p.pos+1]
			if escape == 'u' {
				digits := string(p.text[min(len(p.text), p.pos+2):min(len(p.text), p.pos+6)])
				if len(digits) != 4 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
					return "Invalid \\uXXXX escape", p.pos + 1
				}
			} else if !strings.ContainsRune(`"\/bfnrt`, escape) {
				return "Invalid \\escape", p.pos
			}
			p.pos += 2
		default:
			p.pos++
		}
	}
	return "Unterminated string starting at", start
}

func (p *pythonParser) dictionary(depth int) (string, int) {
	p.pos++
	p.space()
	if p.at('}') {
		p.pos++
		return "", 0
	}
	for {
		if !p.at('"') {
			return "Expecting property name enclosed in double quotes", p.pos
		}
		if message, at := p.quoted(); message != "" {
			return message, at
		}
		p.space()
		if !p.at(':') {
			return "Expecting ':' delimiter", p.pos
		}
		p.pos++
		p.space()
		if message, at := p.value(depth + 1); message != "" {
			return message, at
		}
		if ended, message, at := p.next('}', "object"); ended || message != "" {
			return message, at
		}
	}
}

func (p *pythonParser) list(depth int) (string, int) {
	p.pos++
	p.space()
	if p.at(']') {
		p.pos++
		return "", 0
	}
	for {
		if message, at := p.value(depth + 1); message != "" {
			return message, at
		}
		if ended, message, at := p.next(']', "array"); ended || message != "" {
			return message, at
		}
	}
}

// next goes past what follows an element: the closing bracket, which ends the collection, or a comma with an element
// behind it.
func (p *pythonParser) next(closing rune, collection string) (ended bool, message string, at int) {
	p.space()
	if p.at(closing) {
		p.pos++
		return true, "", 0
	}
	if !p.at(',') {
		return false, "Expecting ',' delimiter", p.pos
	}
	comma := p.pos
	p.pos++
	p.space()
	if p.at(closing) {
		return false, "Illegal trailing comma before end of " + collection, comma
	}
	return false, "", 0
}
