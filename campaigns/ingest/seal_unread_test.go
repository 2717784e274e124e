package ingest

import (
	"strings"
	"testing"
)

func TestMentions(t *testing.T) {
	tests := []struct {
		raw, id string
		want    bool
	}{
		{"bad,,,,,", "d", false},
		{"c,d,x", "d", true},
		{"d", "d", true},
		{"ada,d1,x;ad:d", "d", true},
		{"a1,x", "a", false},
		{"jürgen,x", "rgen", false},
		{`{"account_id": "CORP\\ana"}`, `CORP\ana`, true},
		{`CORP\ana,x`, `CORP\ana`, true},
		{`"the ""big"" one",x`, `the "big" one`, true},
		{`{"account_id": "the \"big\" one"}`, `the "big" one`, true},
		{`{"account_id": "ren\u00e9"}`, "rené", true},
		{strings.Repeat("x", maxRaw), "d", true},
		{"", "d", false},
	}
	for _, tt := range tests {
		if got := mentions(tt.raw, tt.id); got != tt.want {
			t.Errorf("mentions(%q, %q) = %v, want %v", tt.raw, tt.id, got, tt.want)
		}
	}
}
