package diff_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"recert/campaigns/diff"
	"recert/model"
)

func seq(gs []diff.Grant, err error) iter.Seq2[diff.Grant, error] {
	return func(yield func(diff.Grant, error) bool) {
		for _, g := range gs {
			if !yield(g, nil) {
				return
			}
		}
		if err != nil {
			yield(diff.Grant{}, err)
		}
	}
}

// grants reads "account entitlement granted_at data", a grant a line.
func grants(t *testing.T, text string) []diff.Grant {
	t.Helper()
	var out []diff.Grant
	for line := range strings.Lines(text) {
		var g diff.Grant
		if _, err := fmt.Sscan(line, &g.Account, &g.Entitlement, &g.GrantedAt, &g.Data); err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

func TestGrants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, want string }{
		"nothing":             {"", "", ""},
		"first":               {"", "a x 1 -\nb x 1 -", "new a, new b"},
		"all gone":            {"a x 1 -\nb x 1 -", "", "gone a, gone b"},
		"gone is not regrant": {"a x 1 -\nb x 1 -\nc x 1 -", "a x 1 -\nb x 2 -\nd x 1 -", "unchanged a, regranted b, gone c, new d"},
		"other data":          {"a x 1 one", "a x 1 two", "changed a"},
		"granted anew wins":   {"a x 1 one", "a x 2 two", "regranted a"},
		"tail":                {"a x 1 -", "a x 1 -\nb x 1 -\nc x 1 -", "unchanged a, new b, new c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for d, err := range diff.Grants(seq(grants(t, c.before), nil), seq(grants(t, c.after), nil)) {
				if err != nil {
					t.Fatal(err)
				}
				account := d.After.Account
				if d.Op == diff.Gone {
					account = d.Before.Account
				}
				got = append(got, string(d.Op)+" "+account)
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestGrantsFail(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection lost")
	good, unordered := grants(t, "a x 1 -\nb x 1 -"), grants(t, "b x 1 -\na x 1 -")
	for name, d := range map[string]iter.Seq2[diff.Delta, error]{
		"before fails":     diff.Grants(seq(good, broken), seq(good, nil)),
		"after fails":      diff.Grants(seq(good, nil), seq(good, broken)),
		"before unordered": diff.Grants(seq(unordered, nil), seq(good, nil)),
		"after unordered":  diff.Grants(seq(good, nil), seq(unordered, nil)),
		"a key twice":      diff.Grants(seq(good, nil), seq(append(good, good[1]), nil)),
	} {
		if c, err := diff.Count(d); err == nil || c != (diff.Counts{}) {
			t.Errorf("%s: %+v, %v; want an error and no counts", name, c, err)
		}
	}
}

// TestCount checks the merge against maps on random snapshots: the ledger's equations and each
// figure.
func TestCount(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func() []diff.Grant {
		var gs []diff.Grant
		for a := range 12 {
			for e := range 12 {
				if rnd.IntN(3) > 0 {
					gs = append(gs, diff.Grant{Account: fmt.Sprintf("a%02d", a), Entitlement: fmt.Sprintf("e%02d", e), GrantedAt: model.Time(1 + rnd.IntN(4)/3), Data: "d"[:rnd.IntN(5)/4]})
				}
			}
		}
		return gs
	}
	for range 50 {
		before, after := random(), random()
		c, err := diff.Count(diff.Grants(seq(before, nil), seq(after, nil)))
		if err != nil {
			t.Fatal(err)
		}
		gone, unchanged := int64(0), int64(0)
		for _, b := range before {
			i := slices.IndexFunc(after, func(a diff.Grant) bool { return a.Account == b.Account && a.Entitlement == b.Entitlement })
			if i < 0 {
				gone++
			} else if after[i] == b {
				unchanged++
			}
		}
		if c.Gone != gone || c.Unchanged != unchanged ||
			int64(len(after)) != c.New+c.Changed+c.Unchanged || int64(len(before)) != c.Gone+c.Changed+c.Unchanged {
			t.Fatalf("%+v of %d and %d grants; want %d gone, %d unchanged", c, len(before), len(after), gone, unchanged)
		}
	}
}
