package model

import "testing"

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                    "",
		" two\r\nlines\tof \x00 it\x7f\u0085": "two lines of it",
		"paid\u202egpj.exe":                   "paid gpj.exe",
		"a\u2066b\u2069c\u200fd\u061ce":       "a b c d e",
		"a\u200bb\ufeffc\u00add":              "a b c d",
		"a\u2028b\u2029c":                     "a b c",
		"tag\U000e0041":                       "tag",
		"Zoë Ångström, 東京 – it’s “done”": "Zoë Ångström, 東京 – it’s “done”",
		"bad\xffbyte": "bad\uFFFDbyte",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
