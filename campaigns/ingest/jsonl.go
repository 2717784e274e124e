package ingest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"recert/model"
)

// jsonlSource reads one JSON object a line. It has no header: its binding has a column for
// every name that the layout could mean, and keys that are none of them are attributes.
type jsonlSource struct {
	lines *lineScanner
	bind  *binding
	slots map[string]int // by headerKey
	keys  map[string]int // by the key as it came: a slot, or -1
	via   int            // the slot of via, which may be an array; -1 where there is none
	row   fileRow
	seen  []bool
	parse jsonParser
}

const (
	maxJSONKeys = 4096 // names that are remembered, to bound memory
	maxAttrs    = 1000 // names of one row that are no column of ours
)

func newJSONLSource(lines *lineScanner, kind model.Kind, l Layout) *jsonlSource {
	j := &jsonlSource{lines: lines, slots: map[string]int{}, keys: map[string]int{}, via: -1}
	j.bind = &binding{kind: kind, loc: zoneOf(l)}
	for i := range columnsOf[kind] {
		spec := &columnsOf[kind][i]
		c := boundColumn{spec: spec}
		names := []string{spec.name}
		if m, ok := l.Columns[spec.name]; ok {
			names = m.Names
		}
		for _, n := range names {
			at, ok := j.slots[headerKey(n)]
			if !ok {
				at = len(j.bind.header)
				j.slots[headerKey(n)] = at
				j.bind.header = append(j.bind.header, n)
			}
			c.from = append(c.from, at)
		}
		if spec.typ == viaColumn {
			j.via = c.from[0]
		}
		j.bind.columns = append(j.bind.columns, c)
	}
	j.seen = make([]bool, len(j.bind.header))
	return j
}

func (j *jsonlSource) next() (*fileRow, *binding, error) {
	s := j.lines
	for {
		n, size, long, err := s.peek()
		if err != nil {
			return nil, nil, err
		}
		j.row.reset(s.line)
		if long {
			if j.row.Raw, err = s.skip(size); err != nil {
				return nil, nil, err
			}
			j.row.Bad = longLine
			return &j.row, nil, nil
		}
		text := s.text(n, size)
		s.advance(size, 1)
		if len(bytes.TrimLeft(text, " \t")) == 0 {
			continue
		}
		j.row.Raw = text
		j.object(text)
		return &j.row, j.bind, nil
	}
}

// object fills the row from one line.
func (j *jsonlSource) object(text []byte) {
	r := &j.row
	r.Spans = slices.Grow(r.Spans, len(j.seen))[:len(j.seen)]
	clear(r.Spans)
	clear(j.seen)
	if !utf8.Valid(text) {
		r.Bad = "the line is not valid UTF-8"
		return
	}
	if bytes.IndexByte(text, '\r') >= 0 {
		r.Bad = bareCR
		return
	}
	p := &j.parse
	p.begin(text)
	if !p.take('{') {
		r.Bad = "the line is not a JSON object: each line must be one, in braces"
		return
	}
	for first := true; !p.take('}'); first = false {
		if !first && !p.take(',') {
			r.Bad = p.wrong("a comma or the closing brace")
			return
		}
		key, ok := p.str()
		if !ok || !p.take(':') {
			r.Bad = p.wrong("a name in double quotes and a colon")
			return
		}
		if !j.field(p, key) {
			return
		}
	}
	if !p.atEnd() {
		r.Bad = "something follows the object: each line must be one object"
	}
}

// field reads one value. It gives false where the row is bad.
func (j *jsonlSource) field(p *jsonParser, key []byte) bool {
	r := &j.row
	slot, ok := j.keys[string(key)]
	name := ""
	if !ok {
		name = string(key)
		if slot, ok = j.slots[headerKey(name)]; !ok {
			slot = -1
		}
		if len(j.keys) < maxJSONKeys && len(name) < maxRaw {
			j.keys[name] = slot
		}
	}
	if slot >= 0 {
		r.Column = j.bind.header[slot]
	} else {
		if name == "" {
			name = string(key)
		}
		r.Column = cleanText(key, maxRaw)
		if reason := checkKey(name); reason != "" {
			r.Bad = reason
			return false
		}
	}
	if slot >= 0 && j.seen[slot] || slot < 0 && slices.ContainsFunc(r.Extra, func(e extra) bool { return e.name == name }) {
		r.Bad = "the object has this name twice"
		return false
	}
	if len(r.Extra) == maxAttrs {
		r.Bad = fmt.Sprintf("the object has more than %d names that are no columns", maxAttrs)
		return false
	}
	a := len(r.Text)
	if r.Text, ok = p.value(r.Text, slot >= 0 && slot == j.via); !ok {
		r.Bad = p.why
		return false
	}
	sp := span{a, len(r.Text)}
	if slot >= 0 {
		j.seen[slot] = true
		r.Spans[slot] = sp
	} else {
		r.Extra = append(r.Extra, extra{name: name, span: sp})
	}
	r.Column = ""
	return true
}

// checkKey gives the reason why a name cannot be an attribute.
func checkKey(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "a name is empty"
	case len(name) > maxRaw:
		return fmt.Sprintf("a name is longer than %d bytes", maxRaw)
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }):
		return "a name has a control character"
	}
	return ""
}
