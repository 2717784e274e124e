package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"recert/model"
	"recert/model/store"
)

// checkRowHashes: what is stored of people, accounts, entitlements and grants is what its hash was
// made of, and the columns by which people are looked up are what their data says.
func checkRowHashes(ctx context.Context, d *doctor) error {
	var buf []byte
	for _, kind := range model.Kinds {
		page := func(ctx context.Context, last store.RowVersion) ([]store.RowVersion, error) {
			return d.RowVersionsAfter(ctx, kind, last)
		}
		err := pages(ctx, page, nil, func(r *store.RowVersion) error {
			buf = d.rowHash(kind, r, buf)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return pages(ctx, d.GrantChangesAfter, nil, func(r *store.RowVersion) error {
		buf = d.rowHash(model.KindGrants, r, buf)
		return nil
	})
}

// rowHash checks one version; buf is a buffer that is used again.
func (d *doctor) rowHash(kind model.Kind, r *store.RowVersion, buf []byte) []byte {
	d.saw(1, "versions of rows")
	key := RowKey{Kind: kind, ID: r.ID, EntitlementID: r.EntitlementID, Via: r.Via, GrantedAt: r.GrantedAt}
	sum, buf := key.Hash(append(buf[:0], r.Data...))
	switch {
	case !bytes.Equal(sum[:RowHashSize], r.Hash):
		d.fault("what is stored of %s is not what was read", rowName(kind, r))
	case kind == model.KindPeople:
		if why := personFault(r); why != "" {
			d.fault("%s: %s", rowName(kind, r), why)
		}
	}
	return buf
}

// personFault tells which column of a person is not what its data says; "" is none.
func personFault(r *store.RowVersion) string {
	var p model.Person
	if err := json.Unmarshal([]byte(r.Data), &p); err != nil {
		return fmt.Sprintf("its data cannot be read: %v", err)
	}
	for _, c := range [...]struct{ name, is, want string }{
		{"id_fold", r.IDFold, store.Fold(p.PersonID)},
		{"name_fold", r.NameFold, store.Fold(p.Name)},
		{"email_fold", r.EmailFold, store.Fold(p.Email)},
		{"manager_id", r.ManagerID, p.ManagerID},
		{"status", r.Status, p.Status},
	} {
		if c.is != c.want {
			return fmt.Sprintf("%s is %q, and its data says %q", c.name, c.is, c.want)
		}
	}
	return ""
}

// rowName names a version in a sentence.
func rowName(kind model.Kind, r *store.RowVersion) string {
	if kind == model.KindGrants {
		return fmt.Sprintf("grant %d of source %d (%q, %q)", r.Key, r.SourceID, r.ID, r.EntitlementID)
	}
	return fmt.Sprintf("%q among the %s of source %d, from snapshot %d on", r.ID, kind, r.SourceID, r.First)
}

// checkRowsSealed: the rows that each sealed snapshot shows are those that it was sealed with, and
// where a kind was not given, those of the snapshot before. That the root in the ledger is the one
// in the event is checked by snapshots.events.
func checkRowsSealed(ctx context.Context, d *doctor) error {
	type place struct {
		source int64
		kind   model.Kind
	}
	given := map[place]string{} // the last root; snapshots come in the order of their ids
	return eachSnapshot(ctx, d, func(s *model.Snapshot) error {
		if s.State != model.SnapshotSealed {
			return nil
		}
		d.saw(1, "sealed snapshots")
		ledgers, err := d.Ledgers(ctx, s.ID)
		if err != nil {
			return err
		}
		for _, l := range ledgers {
			at := place{s.SourceID, l.Kind}
			if l.Given {
				given[at] = l.Root
			}
			root := NewRowsRoot()
			if err := d.RowHashes(ctx, l.Kind, s.SourceID, s.ID, root.Add); err != nil {
				return err
			}
			want, ok := given[at]
			if !ok {
				want = NewRowsRoot().Sum()
			}
			if root.Sum() != want {
				d.fault("the %s of snapshot %d are not those that it was sealed with", l.Kind, s.ID)
			}
		}
		return nil
	})
}
