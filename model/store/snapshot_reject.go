package store

import (
	"context"

	"recert/model"
)

// Reject is a row that could not be taken. Salt opens Commitment to its reason and raw text;
// once erased it is empty.
type Reject struct {
	SnapshotID int64      `bun:"snapshot_id"`
	N          int64      `bun:"n"` // 1, 2, … in the order of reading
	Kind       model.Kind `bun:"kind"`
	File       string     `bun:"file"`
	Line       int64      `bun:"line"`
	Column     string     `bun:"col"`
	Reason     string     `bun:"reason"`
	Raw        string     `bun:"raw"`
	Salt       []byte     `bun:"salt"`
	Commitment string     `bun:"commitment"`
}

// Rejects are at most limit rejected rows of a snapshot after the n-th, in order.
func (q queries) Rejects(ctx context.Context, snapshotID, after int64, limit int) ([]Reject, error) {
	var rs []Reject
	err := q.all(ctx, &rs, "SELECT * FROM rejects WHERE snapshot_id = ? AND n > ? ORDER BY n LIMIT ?", snapshotID, after, limit)
	return rs, err
}

// InsertRejects stores rejected rows.
func (tx *Tx) InsertRejects(ctx context.Context, rs []Reject) error {
	if len(rs) == 0 {
		return nil
	}
	b, err := tx.bulk(ctx, "rejects", "snapshot_id", "n", "kind", "file", "line", "col", "reason", "raw", "salt", "commitment")
	if err != nil {
		return err
	}
	for i := range rs {
		r := &rs[i]
		if err = b.Add(r.SnapshotID, r.N, string(r.Kind), r.File, r.Line, r.Column, r.Reason, r.Raw, r.Salt, r.Commitment); err != nil {
			break
		}
	}
	_, cerr := b.Close()
	if err != nil {
		return err
	}
	return cerr
}

// CountRejects counts the rejected rows of a kind in a snapshot.
func (q queries) CountRejects(ctx context.Context, snapshotID int64, kind model.Kind) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT count(*) FROM rejects WHERE snapshot_id = ? AND kind = ?", snapshotID, kind)
	return n, err
}
