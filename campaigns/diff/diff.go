package diff

import (
	"cmp"
	"fmt"
	"iter"

	"recert/model"
)

// Grant is what identifies a grant in a snapshot, and what may change about it. Its key is
// Account, Entitlement and Via; sequences are in the order of that key, which has no equals.
type Grant struct {
	Account     string
	Entitlement string
	Via         string
	GrantedAt   model.Time
	Data        string // everything else that is said of it but its usage, in any canonical form
}

// compare orders grants by key.
func compare(a, b Grant) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Entitlement, b.Entitlement), cmp.Compare(a.Via, b.Via))
}

// Op is what became of a grant.
type Op string

// What may become of a grant. Regranted and Changed are both "changed" in the population ledger:
// the key was there and is there. But a regranted one is another grant, which nobody reviewed yet.
const (
	New       Op = "new"
	Gone      Op = "gone"
	Regranted Op = "regranted" // another granted_at
	Changed   Op = "changed"   // the same grant, of which something else is said
	Unchanged Op = "unchanged"
)

// Delta is one grant of either snapshot. Before is zero for New, After is zero for Gone.
type Delta struct {
	Op            Op
	Before, After Grant
}

// Grants merges two ordered sequences into one of deltas, in the order of the keys. It ends with
// an error where a sequence gives one, or is out of order.
func Grants(before, after iter.Seq2[Grant, error]) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		a, b := pull("before", before), pull("after", after)
		defer a.stop()
		defer b.stop()
		a.advance()
		b.advance()
		for a.err == nil && b.err == nil && (a.ok || b.ok) {
			var d Delta
			switch c := order(a, b); {
			case c < 0:
				d = Delta{Op: Gone, Before: a.grant}
				a.advance()
			case c > 0:
				d = Delta{Op: New, After: b.grant}
				b.advance()
			default:
				d = Delta{Op: change(a.grant, b.grant), Before: a.grant, After: b.grant}
				a.advance()
				b.advance()
			}
			if !yield(d, nil) {
				return
			}
		}
		if err := cmp.Or(a.err, b.err); err != nil {
			yield(Delta{}, err)
		}
	}
}

// change tells two grants with one key apart.
func change(a, b Grant) Op {
	switch {
	case a.GrantedAt != b.GrantedAt:
		return Regranted
	case a.Data != b.Data:
		return Changed
	}
	return Unchanged
}

// order compares the heads of two sequences; one that has ended is behind everything.
func order(a, b *cursor) int {
	switch {
	case !b.ok:
		return -1
	case !a.ok:
		return 1
	}
	return compare(a.grant, b.grant)
}

// cursor stands on one element of a sequence.
type cursor struct {
	name  string
	next  func() (Grant, error, bool)
	stop  func()
	grant Grant
	ok    bool
	begun bool
	err   error
}

func pull(name string, seq iter.Seq2[Grant, error]) *cursor {
	next, stop := iter.Pull2(seq)
	return &cursor{name: name, next: next, stop: stop}
}

// advance moves to the next element and checks its place.
func (c *cursor) advance() {
	last := c.grant
	c.grant, c.err, c.ok = c.next()
	if c.ok && c.err == nil && c.begun && compare(last, c.grant) >= 0 {
		c.err = fmt.Errorf("the grants of %s are out of order: %s %s %q follows %s %s %q",
			c.name, c.grant.Account, c.grant.Entitlement, c.grant.Via, last.Account, last.Entitlement, last.Via)
	}
	c.begun = true
}

// Counts are the figures of the population ledger.
type Counts struct {
	New, Changed, Unchanged, Gone int64
}

// Count adds up deltas.
func Count(deltas iter.Seq2[Delta, error]) (Counts, error) {
	var c Counts
	for d, err := range deltas {
		if err != nil {
			return Counts{}, err
		}
		switch d.Op {
		case New:
			c.New++
		case Gone:
			c.Gone++
		case Changed, Regranted:
			c.Changed++
		case Unchanged:
			c.Unchanged++
		}
	}
	return c, nil
}
