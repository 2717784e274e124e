package ingest

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonParser reads one flat JSON object strictly (RFC 8259) and, unlike encoding/json, repairs
// nothing: numbers stay the text they are, and an unpaired surrogate is an error.
type jsonParser struct {
	b   []byte
	at  int
	why string
	key []byte
}

func (p *jsonParser) begin(b []byte) { p.b, p.at, p.why = b, 0, "" }

func (p *jsonParser) blanks() {
	for p.at < len(p.b) && (p.b[p.at] == ' ' || p.b[p.at] == '\t') {
		p.at++
	}
}

// take consumes c, if it comes next, and white space before it.
func (p *jsonParser) take(c byte) bool {
	p.blanks()
	if p.at < len(p.b) && p.b[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonParser) atEnd() bool {
	p.blanks()
	return p.at == len(p.b)
}

// wrong words what was expected at the place that was reached, unless it is known already.
func (p *jsonParser) wrong(expected string) string {
	if p.why == "" {
		p.why = "the line is not JSON: at byte " + strconv.Itoa(p.at+1) + " it must have " + expected
	}
	return p.why
}

// str reads a string; the bytes are good until the next one.
func (p *jsonParser) str() ([]byte, bool) {
	var ok bool
	p.key, ok = p.text(p.key[:0])
	return p.key, ok
}

// text reads a string and appends what it says to out.
func (p *jsonParser) text(out []byte) ([]byte, bool) {
	if !p.take('"') {
		return out, false
	}
	for {
		rest := p.b[p.at:]
		i := bytes.IndexAny(rest, `"\`)
		if i < 0 {
			p.at = len(p.b)
			p.wrong("the closing quote of a string")
			return out, false
		}
		for k, c := range rest[:i] {
			if c < ' ' {
				p.at += k
				p.wrong("no control character inside a string")
				return out, false
			}
		}
		out = append(out, rest[:i]...)
		p.at += i + 1
		if rest[i] == '"' {
			return out, true
		}
		var ok bool
		if out, ok = p.escape(out); !ok {
			p.wrong("an escape that JSON knows")
			return out, false
		}
	}
}

// escape reads what follows a backslash.
func (p *jsonParser) escape(out []byte) ([]byte, bool) {
	if p.at >= len(p.b) {
		return out, false
	}
	c := p.b[p.at]
	p.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), true
	case 'b':
		return append(out, '\b'), true
	case 'f':
		return append(out, '\f'), true
	case 'n':
		return append(out, '\n'), true
	case 'r':
		return append(out, '\r'), true
	case 't':
		return append(out, '\t'), true
	case 'u':
		r, ok := p.hex()
		if ok && utf16.IsSurrogate(r) {
			if p.at+1 >= len(p.b) || p.b[p.at] != '\\' || p.b[p.at+1] != 'u' {
				return out, false
			}
			p.at += 2
			var low rune
			low, ok = p.hex()
			r = utf16.DecodeRune(r, low)
			ok = ok && r != utf8.RuneError
		}
		return utf8.AppendRune(out, r), ok
	}
	return out, false
}

// hex reads four hexadecimal digits.
func (p *jsonParser) hex() (r rune, ok bool) {
	if p.at+4 > len(p.b) {
		return 0, false
	}
	for _, c := range p.b[p.at : p.at+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.at += 4
	return r, true
}

// value reads a value as text; null is empty. Only a path may be an array, of strings.
func (p *jsonParser) value(out []byte, path bool) ([]byte, bool) {
	p.blanks()
	if p.at == len(p.b) {
		p.wrong("a value")
		return out, false
	}
	switch c := p.b[p.at]; {
	case c == '"':
		return p.text(out)
	case c == '{', c == '[' && !path:
		p.why = "the value is an object or a list: values must be text, numbers, true, false or null"
		return out, false
	case c == '[':
		return p.path(out)
	}
	for _, word := range []string{"true", "false", "null"} {
		if hasPrefix(p.b[p.at:], word) {
			p.at += len(word)
			if word != "null" {
				out = append(out, word...)
			}
			return out, true
		}
	}
	n := numberLen(p.b[p.at:])
	if n == 0 {
		p.wrong("a value")
		return out, false
	}
	out = append(out, p.b[p.at:p.at+n]...)
	p.at += n
	return out, true
}

// path reads a list of strings as the parts of a path. A part with ">" would become two.
func (p *jsonParser) path(out []byte) ([]byte, bool) {
	p.take('[')
	for first := true; !p.take(']'); first = false {
		if !first {
			if !p.take(',') {
				p.wrong("a comma or the closing bracket of a list")
				return out, false
			}
			out = append(out, '>')
		}
		a := len(out)
		var ok bool
		if out, ok = p.text(out); !ok {
			p.wrong("a string of the path")
			return out, false
		}
		if part := out[a:]; len(bytes.TrimSpace(part)) == 0 || bytes.IndexByte(part, '>') >= 0 {
			p.why = "a part of the path is empty or has a >"
			return out, false
		}
	}
	return out, true
}

// numberLen is the length of the JSON number that b begins with, or 0.
func numberLen(b []byte) int {
	i := 0
	digits := func() int {
		n := 0
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
			n++
		}
		return n
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch start := i; {
	case digits() == 0, b[start] == '0' && i > start+1:
		return 0
	}
	if i < len(b) && b[i] == '.' {
		i++
		if digits() == 0 {
			return 0
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if digits() == 0 {
			return 0
		}
	}
	return i
}
