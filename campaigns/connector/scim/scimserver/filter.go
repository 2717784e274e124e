package scimserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// expr is a parsed filter (RFC 7644, 3.4.2.2) of one resource, or of one element of a
// multi-valued attribute.
type expr func(attrs map[string]any) bool

var errFilter = errors.New("the filter is not understood")

// maxFilter bounds a filter's length, and by it how deep parentheses can nest.
const maxFilter = 8 << 10

// parseFilter reads a whole filter.
func parseFilter(s string) (expr, error) {
	if len(s) > maxFilter {
		return nil, errFilter
	}
	p := &filterParser{in: s}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.skip(); p.in != "" {
		return nil, fmt.Errorf("%w at %q", errFilter, p.in)
	}
	return e, nil
}

type filterParser struct{ in string }

func (p *filterParser) skip() { p.in = strings.TrimLeft(p.in, " ") }

// word takes the keyword w, in any case, where it stands next.
func (p *filterParser) word(w string) bool {
	p.skip()
	if len(p.in) < len(w) || !strings.EqualFold(p.in[:len(w)], w) {
		return false
	}
	if rest := p.in[len(w):]; rest == "" || rest[0] == ' ' || rest[0] == '(' || rest[0] == ')' {
		p.in = rest
		return true
	}
	return false
}

func (p *filterParser) or() (expr, error) {
	return p.chain("or", p.and, func(a, b expr) expr {
		return func(m map[string]any) bool { return a(m) || b(m) }
	})
}

func (p *filterParser) and() (expr, error) {
	return p.chain("and", p.term, func(a, b expr) expr {
		return func(m map[string]any) bool { return a(m) && b(m) }
	})
}

func (p *filterParser) chain(word string, next func() (expr, error), join func(a, b expr) expr) (expr, error) {
	e, err := next()
	for err == nil && p.word(word) {
		var f expr
		if f, err = next(); err == nil {
			e = join(e, f)
		}
	}
	return e, err
}

func (p *filterParser) term() (expr, error) {
	if p.word("not") {
		e, err := p.term()
		if err != nil {
			return nil, err
		}
		return func(m map[string]any) bool { return !e(m) }, nil
	}
	p.skip()
	if rest, ok := strings.CutPrefix(p.in, "("); ok {
		p.in = rest
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.skip(); !strings.HasPrefix(p.in, ")") {
			return nil, fmt.Errorf("%w: a parenthesis is not closed", errFilter)
		}
		p.in = p.in[1:]
		return e, nil
	}
	return p.comparison()
}

func (p *filterParser) comparison() (expr, error) {
	name, rest, _ := strings.Cut(p.in, " ")
	if name == "" || strings.ContainsAny(name, `()"[]`) {
		return nil, fmt.Errorf("%w at %q", errFilter, p.in)
	}
	p.in = rest
	if p.word("pr") {
		return func(m map[string]any) bool { return len(lookup(m, name)) > 0 }, nil
	}
	for _, op := range []string{"eq", "ne", "co", "sw", "ew"} {
		if p.word(op) {
			want, err := p.literal()
			if err != nil {
				return nil, err
			}
			return func(m map[string]any) bool { return compare(lookup(m, name), op, want, exact(name)) }, nil
		}
	}
	return nil, fmt.Errorf("%w: no operator that is known after %q", errFilter, name)
}

// literal is one JSON string, number, truth or null.
func (p *filterParser) literal() (any, error) {
	p.skip()
	end := strings.IndexAny(p.in, " )")
	if end < 0 {
		end = len(p.in)
	}
	if strings.HasPrefix(p.in, `"`) {
		end = 1
		for end < len(p.in) && p.in[end] != '"' {
			if p.in[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(p.in))
	}
	var v any
	if err := json.Unmarshal([]byte(p.in[:end]), &v); err != nil {
		return nil, fmt.Errorf("%w: no value at %q", errFilter, p.in)
	}
	switch v.(type) {
	case map[string]any, []any:
		return nil, fmt.Errorf("%w: a plain value is needed at %q", errFilter, p.in)
	}
	p.in = p.in[end:]
	return v, nil
}

// exact tells whether an attribute is compared with regard to case.
func exact(name string) bool {
	switch strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]) {
	case "id", "externalid", "value", "$ref":
		return true
	default:
		return false
	}
}

// lookup are the values of a dotted attribute name; of a list of objects without a named part,
// their "value"s.
func lookup(m map[string]any, name string) []any {
	head, tail, dotted := strings.Cut(name, ".")
	if strings.HasPrefix(strings.ToLower(name), "urn:") {
		// The URN itself has dots ("2.0"); its attribute follows the last colon.
		if v, ok := fold(m, name); ok {
			return []any{v}
		}
		i := strings.LastIndexByte(name, ':')
		if ext, ok := fold(m, name[:i]); ok {
			if em, isMap := ext.(map[string]any); isMap {
				return lookup(em, name[i+1:])
			}
		}
		return lookup(m, name[i+1:])
	}
	v, ok := fold(m, head)
	if !ok || v == nil {
		return nil
	}
	switch v := v.(type) {
	case []any:
		if !dotted {
			tail = "value"
		}
		var out []any
		for _, e := range v {
			if em, isMap := e.(map[string]any); isMap {
				out = append(out, lookup(em, tail)...)
			}
		}
		return out
	case map[string]any:
		if !dotted {
			return []any{v}
		}
		return lookup(v, tail)
	default:
		return []any{v}
	}
}

// fold looks a name up without regard to case.
func fold(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

func compare(have []any, op string, want any, caseExact bool) bool {
	if op == "ne" {
		return !compare(have, "eq", want, caseExact)
	}
	if want == nil {
		return len(have) == 0
	}
	w := plain(want, caseExact)
	for _, h := range have {
		v := plain(h, caseExact)
		switch {
		case op == "eq" && v == w, op == "co" && strings.Contains(v, w),
			op == "sw" && strings.HasPrefix(v, w), op == "ew" && strings.HasSuffix(v, w):
			return true
		}
	}
	return false
}

func plain(v any, caseExact bool) string {
	s := fmt.Sprint(v)
	if !caseExact {
		s = strings.ToLower(s)
	}
	return s
}
