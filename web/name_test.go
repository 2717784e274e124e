package web

import (
	"strings"
	"testing"

	"recert/model"
)

// TestNameProblem: what is said of a name is what is wrong with it, and a name about which nothing is said is taken.
func TestNameProblem(t *testing.T) {
	t.Parallel()
	const rule = "begins and ends with a small letter or a digit"
	for name, want := range map[string]string{
		"": "Give it a name.", "new": "an address of its own", "-x": rule, "x-": rule, ".x": rule, "x_": rule, "X": rule, "a b": rule, "ä": rule, "a/b": rule, "a@b": rule, strings.Repeat("x", 65): "at most 64",
		"x": "", "7": "", "quarterly-managers": "", "a.b_c-d": "", "a--b": "", "news": "", strings.Repeat("x", 64): "",
	} {
		got := nameProblem(name)
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		if got == "" && !model.ValidName(name) {
			t.Errorf("%q is refused without a word", name)
		}
	}
}
