package verify

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseCanonical reads one canonical JSON value into nil, bool, int64, string, []any and
// map[string]any, and refuses any other spelling: white space, keys out of order or twice,
// escapes that are not needed, numbers that are not plain integers, invalid UTF-8.
func ParseCanonical(b []byte) (any, error) { return parseJSON(b, true) }

// parseJSON reads one JSON value whose numbers are integers; strict asks for canonical form.
func parseJSON(b []byte, strict bool) (any, error) {
	p := parser{b: b, strict: strict}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, fmt.Errorf("byte %d: %w", p.i, err)
	}
	p.space()
	if p.i != len(b) {
		return nil, fmt.Errorf("byte %d: something follows the value", p.i)
	}
	return v, nil
}

type parser struct {
	b      []byte
	i      int
	strict bool
}

var errEnd = errors.New("it ends too early")

// space skips white space; canonical JSON has none, so strict stops at it.
func (p *parser) space() {
	for !p.strict && p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *parser) literal(s string) error {
	if len(p.b)-p.i < len(s) || string(p.b[p.i:p.i+len(s)]) != s {
		return fmt.Errorf("%s is expected", s)
	}
	p.i += len(s)
	return nil
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("JSON is nested too deeply")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	case c == 't':
		return true, p.literal("true")
	case c == 'f':
		return false, p.literal("false")
	case c == 'n':
		return nil, p.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		return p.integer()
	}
	if p.i >= len(p.b) {
		return nil, errEnd
	}
	return nil, errors.New("a JSON value is expected")
}

func (p *parser) object(depth int) (any, error) {
	m := map[string]any{}
	p.i++
	p.space()
	if p.peek() == '}' {
		p.i++
		return m, nil
	}
	last := ""
	for {
		p.space()
		if p.peek() != '"' {
			return nil, errors.New("a key is expected")
		}
		k, err := p.str()
		if err != nil {
			return nil, err
		}
		if _, twice := m[k]; twice {
			return nil, fmt.Errorf("key %q is given twice", k)
		}
		if p.strict && len(m) > 0 && k < last {
			return nil, fmt.Errorf("key %q is out of order", k)
		}
		last = k
		p.space()
		if err := p.literal(":"); err != nil {
			return nil, err
		}
		p.space()
		if m[k], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		if more, err := p.next('}'); err != nil || !more {
			return m, err
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	list := []any{}
	p.i++
	p.space()
	if p.peek() == ']' {
		p.i++
		return list, nil
	}
	for {
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err := p.next(']'); err != nil || !more {
			return list, err
		}
	}
}

// next reads a comma (more follows) or the closing bracket.
func (p *parser) next(end byte) (bool, error) {
	p.space()
	switch p.peek() {
	case ',':
		p.i++
		return true, nil
	case end:
		p.i++
		return false, nil
	}
	if p.i >= len(p.b) {
		return false, errEnd
	}
	return false, fmt.Errorf("a comma or %q is expected", end)
}

// integer reads an integer of 64 bits with sign. Fractions and exponents have no one spelling.
func (p *parser) integer() (int64, error) {
	start := p.i
	if p.peek() == '-' {
		p.i++
	}
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.i++
	}
	text := string(p.b[start:p.i])
	if c := p.peek(); c == '.' || c == 'e' || c == 'E' {
		return 0, errors.New("only integers are allowed")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text || n == math.MinInt64 {
		return 0, fmt.Errorf("%q is not an integer of 64 bits in its one spelling", text)
	}
	return n, nil
}

func (p *parser) str() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.b) { // most strings have no escape
		switch c := p.b[p.i]; {
		case c == '"':
			s := string(p.b[start:p.i])
			p.i++
			if !utf8.ValidString(s) {
				return "", errors.New("a string is not valid UTF-8")
			}
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", errors.New("a control character is not escaped")
		}
		p.i++
	}
	return "", errEnd
}

// escaped goes on with a string that has an escape at the current place.
func (p *parser) escaped(start int) (string, error) {
	out := append([]byte(nil), p.b[start:p.i]...)
	for p.i < len(p.b) {
		c := p.b[p.i]
		switch {
		case c == '"':
			p.i++
			if !utf8.Valid(out) {
				return "", errors.New("a string is not valid UTF-8")
			}
			return string(out), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
			continue
		case c < 0x20:
			return "", errors.New("a control character is not escaped")
		}
		out = append(out, c)
		p.i++
	}
	return "", errEnd
}

// escape reads one escape. Canonical form allows only those that JSON demands.
func (p *parser) escape() (rune, error) {
	if p.i+1 >= len(p.b) {
		return 0, errEnd
	}
	c := p.b[p.i+1]
	p.i += 2
	switch c {
	case '"', '\\':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 't':
		return '\t', nil
	case 'n':
		return '\n', nil
	case 'f':
		return '\f', nil
	case 'r':
		return '\r', nil
	case '/':
		if !p.strict {
			return '/', nil
		}
	case 'u':
		return p.unicode()
	}
	return 0, errors.New("an escape is not allowed here")
}

func (p *parser) unicode() (rune, error) {
	r, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if p.strict {
		short := r == '\b' || r == '\t' || r == '\n' || r == '\f' || r == '\r'
		upper := p.b[p.i-1] >= 'A' && p.b[p.i-1] <= 'F'
		if r >= 0x20 || short || upper {
			return 0, errors.New("an escape is not needed or has a shorter form")
		}
		return r, nil
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if err := p.literal(`\u`); err != nil {
		return 0, errors.New("half of a surrogate pair")
	}
	low, err := p.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, errors.New("half of a surrogate pair")
	}
	return r, nil
}

func (p *parser) hex4() (rune, error) {
	if len(p.b)-p.i < 4 {
		return 0, errEnd
	}
	n, err := strconv.ParseUint(string(p.b[p.i:p.i+4]), 16, 16)
	if err != nil {
		return 0, errors.New("four hexadecimal digits are expected")
	}
	p.i += 4
	return rune(n), nil
}
