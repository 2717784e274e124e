package ingest

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// span is a value's place in a row's text.
type span struct{ a, b int }

// fileRow is one row before it is understood. Everything in it is only good until the next row.
type fileRow struct {
	Line   int64
	Text   []byte  // what Spans point into
	Spans  []span  // the values, in the order of the header
	Extra  []extra // values that have their own names: JSON keys that are no column of ours
	Raw    []byte  // the row as it came; nil where the form has no such thing
	Bad    string  // why the row cannot be taken; "" where it is whole so far
	Column string  // the column that is to blame, where one is
}

// extra is a value with its own name.
type extra struct {
	name string
	span span
}

// reset empties the row for line, and keeps its memory.
func (r *fileRow) reset(line int64) {
	*r = fileRow{Line: line, Text: r.Text[:0], Spans: r.Spans[:0], Extra: r.Extra[:0]}
}

// rawText is the row as a reject keeps it: at most maxRaw bytes of valid UTF-8 without NUL, which
// no text column of a database could hold. A row that has no raw form is its values with tabs.
func (r *fileRow) rawText() string {
	raw := r.Raw
	if raw == nil {
		for i, sp := range r.Spans {
			if i > 0 {
				raw = append(raw, '\t')
			}
			raw = append(raw, r.Text[sp.a:sp.b]...)
			if len(raw) > maxRaw {
				break
			}
		}
	}
	return cleanText(raw, maxRaw)
}

// cleanText makes valid UTF-8 without NUL of b, at most limit bytes of it.
func cleanText(b []byte, limit int) string {
	if len(b) > limit {
		b = b[:limit]
	}
	b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	s := strings.ReplaceAll(string(b), "\x00", "\uFFFD")
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
