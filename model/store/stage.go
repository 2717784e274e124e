package store

import (
	"context"
	"fmt"

	"recert/model"
)

// StageRow is a person, an account or an entitlement of a snapshot that is not sealed yet. The
// fields from IDFold on are of people alone.
type StageRow struct {
	Key       int64
	Hash      []byte // of everything but usage
	Data      string // JSON of the model's type, without usage
	UsageAt   model.Time
	IDFold    string
	NameFold  string
	EmailFold string
	ManagerID string
	Status    string
}

// StageGrant is a grant of a snapshot that is not sealed yet. Its key is new in the snapshot.
type StageGrant struct {
	AccountKey     int64
	EntitlementKey int64
	Via            string
	N              int64 // 1, 2, … in the order of the source
	GrantedAt      model.Time
	Hash           []byte // of everything but usage
	Data           string // JSON of what is no column; "" when nothing
	UsageAt        model.Time
}

// StageRows stores rows of a kind other than grants.
func (tx *Tx) StageRows(ctx context.Context, snapshotID int64, kind model.Kind, rows []StageRow) error {
	return tx.fill(ctx, "stage_rows", []string{
		"snapshot_id", "kind", "key", "hash", "data", "usage_at",
		"id_fold", "name_fold", "email_fold", "manager_id", "status",
	}, func(b *Bulk) error {
		for i := range rows {
			r := &rows[i]
			if err := b.Add(snapshotID, string(kind), r.Key, r.Hash, r.Data, nullTime(r.UsageAt),
				r.IDFold, r.NameFold, r.EmailFold, r.ManagerID, r.Status); err != nil {
				return err
			}
		}
		return nil
	})
}

// StageGrants stores grants; in the order of their keys it is fastest.
func (tx *Tx) StageGrants(ctx context.Context, snapshotID int64, rows []StageGrant) error {
	return tx.fill(ctx, "stage_grants", []string{
		"snapshot_id", "account_key", "entitlement_key", "via", "n", "granted_at", "hash", "data", "usage_at",
	}, func(b *Bulk) error {
		for i := range rows {
			r := &rows[i]
			if err := b.Add(snapshotID, r.AccountKey, r.EntitlementKey, r.Via, r.N, nullTime(r.GrantedAt), r.Hash, r.Data, nullTime(r.UsageAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill runs one bulk insert.
func (tx *Tx) fill(ctx context.Context, table string, columns []string, rows func(*Bulk) error) error {
	b, err := tx.bulk(ctx, table, columns...)
	if err != nil {
		return err
	}
	err = rows(b)
	if _, cerr := b.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

// nullTime is what a bulk insert takes for a time.
func nullTime(t model.Time) any {
	if t == 0 {
		return nil
	}
	return int64(t)
}

var stageTables = []string{"stage_rows", "stage_grants", "stage_deltas"}

// EmptyStage removes what was staged for a snapshot.
func (tx *Tx) EmptyStage(ctx context.Context, snapshotID int64) error {
	for _, table := range stageTables {
		if err := tx.emptyStage(ctx, table, snapshotID); err != nil {
			return fmt.Errorf("empty %s: %w", table, err)
		}
	}
	return nil
}

// emptyStage takes the fast way where the table holds nothing else: deleting a million rows one
// by one takes a second on SQLite, and on PostgreSQL leaves their space behind.
func (tx *Tx) emptyStage(ctx context.Context, table string, snapshotID int64) error {
	if tx.dialect == Postgres {
		if _, err := tx.exec(ctx, "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	var others bool
	err := tx.one(ctx, &others, "", fmt.Sprintf(
		"SELECT EXISTS (SELECT 1 FROM %[1]s WHERE snapshot_id < ?) OR EXISTS (SELECT 1 FROM %[1]s WHERE snapshot_id > ?)", table), snapshotID, snapshotID)
	switch {
	case err != nil:
		return err
	case others:
		_, err = tx.exec(ctx, "DELETE FROM "+table+" WHERE snapshot_id = ?", snapshotID)
	case tx.dialect == Postgres:
		_, err = tx.exec(ctx, "TRUNCATE "+table)
	default:
		_, err = tx.exec(ctx, "DELETE FROM "+table) // no WHERE: SQLite frees the pages whole
	}
	return err
}

// StaleStages are the ids of snapshots that left something staged although they are neither
// loading nor held: a process ended between sealing and emptying.
func (q queries) StaleStages(ctx context.Context) ([]int64, error) {
	var ids []int64
	err := q.all(ctx, &ids, `SELECT id FROM snapshots s WHERE state NOT IN (?, ?) AND (
 EXISTS (SELECT 1 FROM stage_rows r WHERE r.snapshot_id = s.id) OR EXISTS (SELECT 1 FROM stage_grants g WHERE g.snapshot_id = s.id))`,
		model.SnapshotLoading, model.SnapshotHeld)
	return ids, err
}
