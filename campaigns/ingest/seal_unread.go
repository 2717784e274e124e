package ingest

import (
	"context"
	"fmt"
	"strings"

	"recert/model"
	"recert/model/store"
)

// A row that could not be read is not a row that is not there. Where rows of a kind were rejected,
// and known ones are missing, the missing ones may be the rejected: the source may list them still.

// maxUnreadPairs bounds how many pairs of rejected rows and missing accounts are looked at one by
// one; beyond it the snapshot is held without.
const maxUnreadPairs = 20_000_000

// unread are the sentences for which a snapshot must wait because a rejected row may be one that
// seems to be gone. Of people, accounts and entitlements that any is; a reviewer could come to
// review the own access where an account or a person drops out. Of grants it is one that names an
// account which loses a grant; the others only keep the snapshot from proving an absence.
func (j *job) unread(ctx context.Context, tx *store.Tx, ledgers []model.Ledger) ([]string, error) {
	var out []string
	for _, l := range ledgers {
		rejected := l.Rejected - l.Duplicates
		if rejected == 0 || l.Gone == 0 {
			continue
		}
		if l.Kind == model.KindGrants {
			named, err := j.namesGone(ctx, tx, rejected)
			if err != nil {
				return nil, err
			}
			if !named {
				continue
			}
		}
		out = append(out, fmt.Sprintf("%d of the %s could not be read, and %d that the previous snapshot had are missing: they may be the same. Correct the file and ingest it again.",
			rejected, l.Kind, l.Gone))
	}
	return out, nil
}

// namesGone tells whether a rejected row of grants has the id of an account that loses a grant in
// its text.
func (j *job) namesGone(ctx context.Context, tx *store.Tx, rejected int64) (bool, error) {
	accounts, err := tx.GoneGrantAccounts(ctx, j.snap.ID)
	if err != nil {
		return false, fmt.Errorf("look for rejected rows among the missing: %w", err)
	}
	if rejected*int64(len(accounts)) > maxUnreadPairs {
		return true, nil
	}
	for after := int64(0); ; {
		rs, err := tx.Rejects(ctx, j.snap.ID, after, 1000)
		if err != nil || len(rs) == 0 {
			return false, err
		}
		for _, r := range rs {
			after = r.N
			if r.Kind != model.KindGrants || strings.HasPrefix(r.Reason, duplicateReason(r.Kind)) {
				continue
			}
			for _, id := range accounts {
				if strings.Contains(r.Raw, id) {
					return true, nil
				}
			}
		}
	}
}
