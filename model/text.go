package model

import (
	"strings"
	"unicode"
)

// OneLine is text of somebody else on one line. Control and format characters become spaces, so that it cannot
// make lines of its own, hide a part of itself or turn the reading direction of the text around it;
// bytes that are not UTF-8 become U+FFFD.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}
