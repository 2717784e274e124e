package ingest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"recert/model"
	"recert/model/store"
)

// maxExamples bounds how many examples of a problem are kept.
const maxExamples = 100

// Problem is something in a source's data that is taken as it is and that somebody should look at.
type Problem struct {
	Count    int64    `json:"count"`
	Examples []string `json:"examples"` // at most 100
}

// The problems that are looked for.
const (
	managerCycle   = "manager_cycles"   // each manages the next, and the last the first
	unknownManager = "unknown_managers" // a manager_id that nobody has
	selfManager    = "self_managers"    // people who are their own manager
	sharedEmail    = "shared_emails"    // an address that several people have
	sharedPersonID = "shared_person_ids"
	unknownOwner   = "unknown_owners" // an owner_id that nobody has
	unknownLower   = "unknown_lower_ids"
)

// problems are those of one snapshot, by name.
type problems map[string]*Problem

func (ps problems) add(name, example string) {
	p := ps[name]
	if p == nil {
		p = &Problem{Examples: []string{}}
		ps[name] = p
	}
	p.Count++
	if len(p.Examples) < maxExamples {
		p.Examples = append(p.Examples, example)
	}
}

func (ps problems) list() map[string]Problem {
	out := make(map[string]Problem, len(ps))
	for name, p := range ps {
		out[name] = *p
	}
	return out
}

// people looks at all current people.
func (ps problems) people(all []store.Person) {
	at := make(map[string]int, len(all)) // folded person_id -> index
	emails := map[string][]string{}
	for i := range all {
		p := &all[i]
		id := store.Fold(p.PersonID)
		if _, taken := at[id]; taken {
			ps.add(sharedPersonID, p.PersonID)
		} else {
			at[id] = i
		}
		if p.Email != "" {
			e := store.Fold(p.Email)
			emails[e] = append(emails[e], p.PersonID)
		}
	}
	for _, e := range slices.Sorted(maps.Keys(emails)) {
		if ids := emails[e]; len(ids) > 1 {
			ps.add(sharedEmail, e+": "+strings.Join(ids[:min(len(ids), maxExamples)], ", "))
		}
	}
	manager := make([]int, len(all)) // index of the manager, -1 for none
	for i := range all {
		p := &all[i]
		manager[i] = -1
		if p.OwnerID != "" {
			if _, ok := at[store.Fold(p.OwnerID)]; !ok {
				ps.add(unknownOwner, p.PersonID+": "+p.OwnerID)
			}
		}
		if p.ManagerID == "" {
			continue
		}
		m, ok := at[store.Fold(p.ManagerID)]
		switch {
		case !ok:
			ps.add(unknownManager, p.PersonID+": "+p.ManagerID)
		case m == i:
			ps.add(selfManager, p.PersonID)
		default:
			manager[i] = m
		}
	}
	for _, c := range cycles(manager) {
		ids := make([]string, len(c))
		for i, k := range c {
			ids[i] = all[k].PersonID
		}
		ps.add(managerCycle, strings.Join(ids, " > "))
	}
}

// cycles finds every ring in a graph in which each node leads to one other, or to -1. Each ring
// begins with its smallest node; the rings are in the order of these.
func cycles(next []int) [][]int {
	const unseen = -1
	seen := make([]int, len(next)) // the walk that came by
	for i := range seen {
		seen[i] = unseen
	}
	var out [][]int
	for start := range next {
		i := start
		for i >= 0 && seen[i] == unseen {
			seen[i] = start
			i = next[i]
		}
		if i < 0 || seen[i] != start {
			continue // it ends, or meets an earlier walk
		}
		ring := []int{i}
		for k := next[i]; k != i; k = next[k] {
			ring = append(ring, k)
		}
		low := slices.Index(ring, slices.Min(ring))
		out = append(out, slices.Concat(ring[low:], ring[:low]))
	}
	slices.SortFunc(out, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	return out
}

// entitlements looks at what a source says of its entitlements.
func (ps problems) entitlements(ctx context.Context, tx *store.Tx, src store.Source, ix *peopleIndex) error {
	lower := map[string][]string{} // lower_id -> who names it
	for e, err := range tx.DescribedEntitlements(ctx, src.ID) {
		if err != nil {
			return err
		}
		if e.OwnerID != "" && !ix.knows(e.OwnerID) {
			ps.add(unknownOwner, "entitlement "+e.EntitlementID+": "+e.OwnerID)
		}
		if e.LowerID != "" {
			lower[e.LowerID] = append(lower[e.LowerID], e.EntitlementID)
		}
	}
	ids := slices.Sorted(maps.Keys(lower))
	known := map[string]bool{}
	if err := tx.FindKeys(ctx, model.KindEntitlements, src.ID, ids, func(id string, _ int64) { known[id] = true }); err != nil {
		return err
	}
	for _, id := range ids {
		if !known[id] {
			for _, e := range lower[id] {
				ps.add(unknownLower, e+": "+id)
			}
		}
	}
	return nil
}
