package model

import "testing"

func TestLabelEmail(t *testing.T) {
	t.Parallel()
	for _, a := range []Actor{
		{Name: "Ana Anders", Email: "ana@example.com"}, {Name: "ana@example.com", Email: "ana@example.com"}, {Email: "ana@example.com"},
		{Name: "Eve <eve@example.com>", Email: "ana@example.com"},
	} {
		if got := LabelEmail(a.Label()); got != "ana@example.com" {
			t.Errorf("%q: %q", a.Label(), got)
		}
	}
	for _, label := range []string{"", "Ana", "command line: root@host", "command line: ana as root@host"} {
		if got := LabelEmail(label); got != "" {
			t.Errorf("%q: %q", label, got)
		}
	}
}
