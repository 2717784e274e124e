package report

import (
	"context"
	"slices"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
)

// LagHow says in words how lag figures are computed; it stands beside them.
const LagHow = "From when a removal was final (signed off, or the keep had ended) to when the system or a person was first asked, and to when a read proved the access gone. " +
	"An access that came back counts anew from when it was seen again; one that is lowered counts from before the weaker one is given. Open is everything that is not proven yet, failed and held ones included; what was cancelled, " +
	"or granted anew since the review, is in none of the figures. The median is the middle one, or the earlier of the middle two; 95 % took no longer than the next figure."

// Lag says how long removals took.
type Lag struct {
	Source string // "" is all sources together
	Called Spread // until somebody or something was first asked, of those that were
	Proven Spread // until it was proven
	Open   int64
	Oldest time.Duration // how long the oldest open one waits by now
}

// Spread is a set of durations by nearest rank: the median is the one at place ⌈n/2⌉ in order, P95
// the one at place ⌈0.95 n⌉. It is zero where N is.
type Spread struct {
	N      int64
	Of     int64 // removals that they are of: one that came back has several
	Median time.Duration
	P95    time.Duration
	Worst  time.Duration
}

// LagFigures are the figures of each source, by name, after those of all together; without any removal
// they are empty. LagHow is the rule. Each time that an access was to go is counted by itself: it begins when it was
// queued, or when a snapshot showed it again after it was proven gone, and it ends when it is
// proven. Only a state of confirmed is proof.
func LagFigures(ctx context.Context, s *store.Store, f store.LagFilter, now model.Time) ([]Lag, error) {
	all := &spells{}
	by := map[string]*spells{}
	for sp, err := range s.RemovalSpells(ctx, f) {
		if err != nil {
			return nil, err
		}
		of := by[sp.Source]
		if of == nil {
			of = &spells{}
			by[sp.Source] = of
		}
		of.add(sp, now)
		all.add(sp, now)
	}
	if len(by) == 0 {
		return nil, nil
	}
	out := []Lag{all.lag("")}
	for name, of := range by {
		out = append(out, of.lag(name))
	}
	slices.SortFunc(out[1:], func(a, b Lag) int { return strings.Compare(a.Source, b.Source) })
	return out, nil
}

// spells gathers durations.
type spells struct {
	called, proven set
	open           int64
	oldest         time.Duration
}

func (s *spells) add(sp store.RemovalSpell, now model.Time) {
	if sp.Called.Known() {
		s.called.add(sp.Removal, between(sp.Began, sp.Called))
	}
	if sp.Proven.Known() {
		s.proven.add(sp.Removal, between(sp.Began, sp.Proven))
		return
	}
	s.open++
	s.oldest = max(s.oldest, between(sp.Began, now))
}

func (s *spells) lag(source string) Lag {
	return Lag{Source: source, Called: s.called.spread(), Proven: s.proven.spread(), Open: s.open, Oldest: s.oldest}
}

func between(from, to model.Time) time.Duration { return time.Duration(to-from) * time.Microsecond }

// set is durations, and the removals that they are of.
type set struct {
	times []time.Duration
	of    map[int64]struct{}
}

func (s *set) add(removal int64, d time.Duration) {
	if s.of == nil {
		s.of = map[int64]struct{}{}
	}
	s.times, s.of[removal] = append(s.times, d), struct{}{}
}

func (s *set) spread() Spread {
	ds := s.times
	n := len(ds)
	if n == 0 {
		return Spread{}
	}
	slices.Sort(ds)
	return Spread{N: int64(n), Of: int64(len(s.of)), Median: ds[(n+1)/2-1], P95: ds[(95*n+99)/100-1], Worst: ds[n-1]}
}
