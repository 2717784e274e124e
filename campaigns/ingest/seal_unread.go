package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"recert/model"
	"recert/model/store"
)

// A row that could not be read is not a row that is not there. Where rows of a kind were rejected,
// and known ones are missing, the missing ones may be the rejected: the source may list them still.

// maxUnread bounds how many keys of rejected rows are remembered; rows beyond it may be any.
const maxUnread = 100_000

// unreadRows are the rejected rows of a kind, duplicates aside, by as much of their keys as could
// be read.
type unreadRows struct {
	nameless     int64 // rows that may be any
	ids          map[string]bool
	entitlements map[string]bool    // of grants whose account could not be read
	pairs        map[[2]string]bool // of grants whose account and entitlement could be read
}

// add counts in a rejected row: the id of its person, account or entitlement, or of a grant's
// account and its entitlement; "" is what could not be read.
func (u *unreadRows) add(kind model.Kind, id, entitlement string) {
	if u.ids == nil {
		u.ids, u.entitlements, u.pairs = map[string]bool{}, map[string]bool{}, map[[2]string]bool{}
	}
	switch {
	case len(u.ids)+len(u.entitlements)+len(u.pairs) >= maxUnread, id == "" && entitlement == "":
		u.nameless++
	case kind != model.KindGrants || entitlement == "":
		u.ids[id] = true
	case id == "":
		u.entitlements[entitlement] = true
	default:
		u.pairs[[2]string{id, entitlement}] = true
	}
}

// some tells whether any row could not be read.
func (u *unreadRows) some() bool {
	return u.nameless > 0 || len(u.ids)+len(u.entitlements)+len(u.pairs) > 0
}

// may tells whether one of the rows may be that of an id, and of an entitlement where it is of a grant.
func (u *unreadRows) may(id, entitlement string) bool {
	return u.nameless > 0 || u.ids[id] || entitlement != "" && (u.entitlements[entitlement] || u.pairs[[2]string{id, entitlement}])
}

// mustCorrect stands in each sentence that unread gives.
const mustCorrect = "Correct the file and ingest it again."

// Releasable tells whether an admin's word is enough for a held snapshot, by the reasons that it is
// held for. Where a missing row may be one that could not be read, it is not: the next file would
// show the row again, and it would look like access that was granted anew.
func Releasable(reasons []string) bool {
	return !slices.ContainsFunc(reasons, func(r string) bool { return strings.HasSuffix(r, mustCorrect) })
}

// unread are the sentences for which a snapshot must wait because a rejected row may be one that
// seems to be gone, or may be what ties an account to its person: without it a reviewer could come
// to review the own access.
func (j *job) unread(ctx context.Context, tx *store.Tx, ledgers []model.Ledger) ([]string, error) {
	var out []string
	for _, l := range ledgers {
		u := &j.stats[l.Kind].unread
		if !u.some() {
			continue
		}
		rejected := l.Rejected - l.Duplicates
		found := false
		see := func(id, entitlement string) bool {
			found = found || u.may(id, entitlement)
			return !found
		}
		if l.Gone > 0 {
			if err := tx.GoneIDs(ctx, j.src.ID, j.snap.ID, l.Kind, see); err != nil {
				return nil, fmt.Errorf("look for rejected %s among the missing: %w", l.Kind, err)
			}
			if found {
				out = append(out, fmt.Sprintf("%d of the %s could not be read, and %d that the previous snapshot had are missing: they may be the same. "+mustCorrect,
					rejected, l.Kind, l.Gone))
			}
		}
		if l.Kind != model.KindAccounts {
			continue
		}
		found = false
		if err := tx.UnlistedAccounts(ctx, j.src.ID, j.snap.ID, j.stats[model.KindGrants] != nil, func(id string) bool { return see(id, "") }); err != nil {
			return nil, fmt.Errorf("look for rejected accounts among those that hold something: %w", err)
		}
		if found {
			out = append(out, fmt.Sprintf("%d of the accounts could not be read, and grants name accounts that no row tells of: they may be the same, and then nobody knows whose they are. "+mustCorrect, rejected))
		}
	}
	return out, nil
}
