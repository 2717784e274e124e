package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"recert/model"
)

// convert makes rec of a row. Where it cannot, it names the column of the file and the reason;
// rec is then of no use.
func (b *binding) convert(row *fileRow, rec *model.Record) (column, reason string) {
	if n := len(row.Spans); n != len(b.header) && (n > len(b.header) || !b.loose) {
		return "", fmt.Sprintf("the row has %s, and the header has %d", fieldCount(n), len(b.header))
	}
	if !utf8.Valid(row.Text) || bytes.IndexByte(row.Text, 0) >= 0 || len(row.Text) > maxField {
		if column, reason = b.unreadable(row); reason != "" {
			return column, reason
		}
	}
	b.clear(rec)
	text := string(row.Text) // the one allocation of a row
	for i := range b.columns {
		c := &b.columns[i]
		var v string
		if len(c.from) == 1 {
			v = valueAt(text, row, c.from[0])
		} else if v, reason = b.compose(text, row, c); reason != "" {
			return b.label(c), reason
		}
		if reason = b.set(c.spec, rec, v); reason != "" {
			return b.label(c), reason
		}
	}
	if b.attrs != nil || len(row.Extra) > 0 {
		b.keepRest(text, row, rec)
	}
	return "", ""
}

// keyOf is as much as can be read of the key of a row that could not be made a record: the id of its
// person, account or entitlement; of a grant that of the account, and that of the entitlement. What
// cannot be read, or stands where it may belong to another column, is "".
func (b *binding) keyOf(row *fileRow) (id, entitlement string) {
	if b == nil || row.Bad != "" || len(row.Spans) != len(b.header) && (len(row.Spans) > len(b.header) || !b.loose) {
		return "", ""
	}
	text := string(row.Text)
	for i := range b.columns {
		c := &b.columns[i]
		if c.spec.typ != idColumn || !c.spec.required {
			continue
		}
		var v, reason string
		if len(c.from) == 1 {
			v = valueAt(text, row, c.from[0])
		} else {
			v, reason = b.compose(text, row, c)
		}
		if reason != "" || v != "" && (!utf8.ValidString(v) || checkID(v) != "") {
			v = ""
		}
		if b.kind == model.KindGrants && c.spec.name == "entitlement_id" {
			entitlement = v
		} else {
			id = v
		}
	}
	return id, entitlement
}

// clear empties rec and keeps its map's memory.
func (b *binding) clear(rec *model.Record) {
	attrs := *attrsOf(rec, b.kind)
	clear(attrs)
	switch b.kind {
	case model.KindPeople:
		rec.Person = model.Person{Attrs: attrs}
	case model.KindAccounts:
		rec.Account = model.Account{Attrs: attrs}
	case model.KindEntitlements:
		rec.Entitlement = model.Entitlement{Attrs: attrs}
	case model.KindGrants:
		rec.Grant = model.Grant{Attrs: attrs}
	}
}

// keepRest keeps the columns that are none of ours. Empty is unknown, so it is not kept.
func (b *binding) keepRest(text string, row *fileRow, rec *model.Record) {
	attrs := attrsOf(rec, b.kind)
	if *attrs == nil {
		*attrs = map[string]string{}
	}
	for _, i := range b.attrs {
		if v := valueAt(text, row, i); v != "" {
			(*attrs)[b.header[i]] = v
		}
	}
	for _, e := range row.Extra {
		if v := text[e.span.a:e.span.b]; v != "" {
			(*attrs)[e.name] = v
		}
	}
}

// valueAt is the value in a column of the file; a loose row may lack it.
func valueAt(text string, row *fileRow, i int) string {
	if i >= len(row.Spans) {
		return ""
	}
	return text[row.Spans[i].a:row.Spans[i].b]
}

// label names the columns of the file that c is read from.
func (b *binding) label(c *boundColumn) string {
	if len(c.from) == 1 {
		return b.header[c.from[0]]
	}
	names := make([]string, len(c.from))
	for i, f := range c.from {
		names[i] = b.header[f]
	}
	return strings.Join(names, ", ")
}

// unreadable finds the value that is not UTF-8 text, or is too long.
func (b *binding) unreadable(row *fileRow) (column, reason string) {
	check := func(name string, sp span) bool {
		v := row.Text[sp.a:sp.b]
		switch {
		case !utf8.Valid(v):
			reason = "the value is not valid UTF-8: save the file as UTF-8"
		case bytes.IndexByte(v, 0) >= 0:
			reason = "the value has a NUL character"
		case len(v) > maxField:
			reason = "the value is longer than 64 KiB"
		default:
			return false
		}
		column = name
		return true
	}
	for i, sp := range row.Spans {
		if check(b.header[i], sp) {
			return column, reason
		}
	}
	for _, e := range row.Extra {
		if check(e.name, e.span) {
			return column, reason
		}
	}
	return "", ""
}

// compose joins several values with "/" and escapes "\" and "/" in each, so that two different
// tuples never give the same value. All of them empty is unknown.
func (b *binding) compose(text string, row *fileRow, c *boundColumn) (string, string) {
	out := b.composed[:0]
	empty := true
	for i, f := range c.from {
		if i > 0 {
			out = append(out, '/')
		}
		v := valueAt(text, row, f)
		if v == "" {
			continue
		}
		empty = false
		if c.spec.typ == idColumn {
			if reason := checkID(v); reason != "" {
				return "", b.header[f] + ": " + reason
			}
		}
		for j := range len(v) {
			if v[j] == '/' || v[j] == '\\' {
				out = append(out, '\\')
			}
			out = append(out, v[j])
		}
	}
	b.composed = out
	switch {
	case empty:
		return "", ""
	case len(out) > maxField:
		return "", "the composed value is longer than 64 KiB"
	}
	return string(out), ""
}

// set puts v into the column's field of rec, or gives the reason why it cannot. Empty is unknown.
func (b *binding) set(spec *columnSpec, rec *model.Record, v string) string {
	if v == "" {
		if spec.required {
			return spec.name + " is required and is empty"
		}
		return ""
	}
	switch spec.typ {
	case textColumn:
		if spec.required && strings.TrimSpace(v) == "" {
			return spec.name + " is required and is blank"
		}
		*spec.text(rec) = v
	case idColumn:
		if reason := checkID(v); reason != "" {
			return reason
		}
		*spec.text(rec) = v
	case enumColumn:
		e := enumOf(spec.allowed, v)
		if e == "" {
			return fmt.Sprintf("%s is not one of %s", quoted(v), strings.Join(spec.allowed, ", "))
		}
		*spec.text(rec) = e
	case triColumn:
		t := triOf(v)
		if t == model.Unknown {
			return fmt.Sprintf("%s is not one of true, false, yes, no, 1, 0", quoted(v))
		}
		*spec.tri(rec) = t
	case timeColumn, endColumn:
		t, reason := b.dates.parse(v, b.loc, spec.typ == endColumn)
		if reason != "" {
			return reason
		}
		*spec.time(rec) = t
	case viaColumn:
		via, reason := parseVia(v)
		if reason != "" {
			return reason
		}
		*spec.text(rec) = via
	}
	return ""
}

// checkID gives the reason why v cannot be an id; nothing is trimmed, because "u1 " and "u1" may
// be two accounts of a careless system.
func checkID(v string) string {
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return fmt.Sprintf("the id %s has a control character", quoted(v))
		}
	}
	if v[0] > ' ' && v[0] < 0x7f && v[len(v)-1] > ' ' && v[len(v)-1] < 0x7f {
		return ""
	}
	first, _ := utf8.DecodeRuneInString(v)
	last, _ := utf8.DecodeLastRuneInString(v)
	if blankRune(first) || blankRune(last) {
		return fmt.Sprintf("the id %s begins or ends with white space: nothing is repaired silently", quoted(v))
	}
	return ""
}

// blankRune tells white space and what looks like nothing at all.
func blankRune(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x200b && r <= 0x200d || r == 0x2060 || r == 0xfeff
}

// enumOf is v as allowed writes it, or "".
func enumOf(allowed []string, v string) string {
	for _, a := range allowed {
		if v == a || len(v) == len(a) && strings.EqualFold(v, a) {
			return a
		}
	}
	return ""
}

// triOf reads a truth; what is none is Unknown.
func triOf(v string) model.Tri {
	switch {
	case v == "1", strings.EqualFold(v, "true"), strings.EqualFold(v, "yes"):
		return model.Yes
	case v == "0", strings.EqualFold(v, "false"), strings.EqualFold(v, "no"):
		return model.No
	}
	return model.Unknown
}

// parseVia normalises a path to no blanks around ">".
func parseVia(v string) (via, reason string) {
	if !strings.Contains(v, ">") {
		v = strings.TrimSpace(v)
		if v == "" {
			return "", "the path is blank"
		}
		return v, checkID(v)
	}
	parts := strings.Split(v, ">")
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" {
			return "", fmt.Sprintf("the path %s has an empty part", quoted(v))
		}
		if reason := checkID(p); reason != "" {
			return "", reason
		}
		parts[i] = p
	}
	return strings.Join(parts, ">"), ""
}
