package proc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	t.Parallel()
	m := SecretsOf(map[string]string{"A": `p&ss "x"`, "B": "", "C": "pass"})
	for in, want := range map[string]string{
		"plain":                         "plain",
		"two\nlines\tand\x00more":       "two lines and more",
		`as it is: p&ss "x"!`:           "as it is: ***!",
		`in JSON: p\u0026ss \"x\"`:      "in JSON: ***",
		"in an address: p%26ss+%22x%22": "in an address: ***",
		"in a header: cCZzcyAieCI=":     "in a header: ***",
		`in other JSON: p&ss \"x\"`:     "in other JSON: ***",
		"pass, passport":                "***, ***port",
		strings.Repeat("ä", 400):        strings.Repeat("ä", 250) + "…",
	} {
		if got := m.Show(in); got != want {
			t.Errorf("%q shows as %q, want %q", in, got, want)
		}
	}
	kept := fmt.Errorf("wrapped: %w", errors.ErrUnsupported)
	if got := m.Error(kept); !errors.Is(got, errors.ErrUnsupported) {
		t.Errorf("an error without a secret lost its cause: %v", got)
	}
	if got := m.Error(fmt.Errorf("pass: %w", errors.ErrUnsupported)); got.Error() != "***: unsupported operation" || errors.Is(got, errors.ErrUnsupported) {
		t.Errorf("%v", got)
	}
	if m.Error(nil) != nil {
		t.Error("an error out of nothing")
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		writes []string
		want   string
	}{
		{nil, ""},
		{[]string{"one"}, "one"},
		{[]string{"one\ntw", "o\n\n"}, "two"},
		{[]string{strings.Repeat("x", tailBytes), "\nlast"}, "last"},
		{[]string{strings.Repeat("x", tailBytes+1)}, ""}, // it may begin in the middle of a secret
	} {
		var tail Tail
		for _, w := range c.writes {
			if n, err := tail.Write([]byte(w)); n != len(w) || err != nil {
				t.Fatal(n, err)
			}
		}
		if got := tail.Last(); got != c.want {
			t.Errorf("%d writes end with %q, want %q", len(c.writes), got, c.want)
		}
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	got := Environ(map[string]string{"B": "1", "A": "x=y"}, map[string]string{"B": "2"})
	if strings.Join(got, " ") != "A=x=y B=2" {
		t.Errorf("%q", got)
	}
}
