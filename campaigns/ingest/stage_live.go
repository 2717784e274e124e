package ingest

import (
	"strings"
	"unicode/utf8"

	"recert/model"
)

// checkLive gives the column and the reason for which a row of a live system cannot be taken: a
// connector is held to what a file is held to.
func checkLive(r *model.Record) (column, reason string) {
	for i := range columnsOf[r.Kind] {
		c := &columnsOf[r.Kind][i]
		if c.text == nil {
			continue
		}
		v := c.text(r)
		if reason := checkText(*v); reason != "" {
			return c.name, reason
		}
		switch {
		case *v == "" && c.required:
			return c.name, c.name + " is required and is empty"
		case *v == "":
		case c.typ == idColumn:
			reason = checkID(*v)
		case c.typ == enumColumn && enumOf(c.allowed, *v) == "":
			reason = quoted(*v) + " is not one of " + strings.Join(c.allowed, ", ")
		case c.typ == viaColumn:
			*v, reason = parseVia(*v)
		}
		if reason != "" {
			return c.name, reason
		}
	}
	for k, v := range *attrsOf(r, r.Kind) {
		for _, s := range [...]string{k, v} {
			if reason := checkText(s); reason != "" {
				return strings.ToValidUTF8(k, "\uFFFD"), reason
			}
		}
	}
	return "", ""
}

func checkText(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "the value is not valid UTF-8"
	case strings.IndexByte(s, 0) >= 0:
		return "the value has a NUL character"
	case len(s) > maxField:
		return "the value is longer than 64 KiB"
	}
	return ""
}
