package store

import (
	"context"

	"recert/model"
)

// Snapshot is the snapshot of an id; none is NotFound.
func (q queries) Snapshot(ctx context.Context, id int64) (model.Snapshot, error) {
	var s model.Snapshot
	err := q.one(ctx, &s, "There is no such snapshot.", "SELECT * FROM snapshots WHERE id = ?", id)
	return s, err
}

// LatestSealed is the snapshot that is current in a source, nil where none was sealed yet.
func (q queries) LatestSealed(ctx context.Context, sourceID int64) (*model.Snapshot, error) {
	return q.snapshotWhere(ctx, "source_id = ? AND state = ? ORDER BY as_of DESC, id DESC", sourceID, model.SnapshotSealed)
}

// SealedAsOf is the latest sealed snapshot of a source at or before a time, nil where there is none.
func (q queries) SealedAsOf(ctx context.Context, sourceID int64, at model.Time) (*model.Snapshot, error) {
	return q.snapshotWhere(ctx, "source_id = ? AND state = ? AND as_of <= ? ORDER BY as_of DESC, id DESC", sourceID, model.SnapshotSealed, at)
}

// LoadingSnapshot is the one that is being loaded into a source, nil where none is.
func (q queries) LoadingSnapshot(ctx context.Context, sourceID int64) (*model.Snapshot, error) {
	return q.snapshotWhere(ctx, "source_id = ? AND state = ?", sourceID, model.SnapshotLoading)
}

// SnapshotAt is the sealed or held snapshot of a source with just this as_of, and with this
// digest unless digest is ""; nil where there is none.
func (q queries) SnapshotAt(ctx context.Context, sourceID int64, asOf model.Time, digest string) (*model.Snapshot, error) {
	return q.snapshotWhere(ctx, "source_id = ? AND as_of = ? AND state IN (?, ?) AND (digest = ? OR ? = '') ORDER BY id",
		sourceID, asOf, model.SnapshotSealed, model.SnapshotHeld, digest, digest)
}

// NewerSnapshot is a snapshot of the source that was begun after the given one and was sealed or
// is being loaded; nil where there is none.
func (q queries) NewerSnapshot(ctx context.Context, sourceID, id int64) (*model.Snapshot, error) {
	return q.snapshotWhere(ctx, "source_id = ? AND id > ? AND state IN (?, ?) ORDER BY id DESC", sourceID, id, model.SnapshotSealed, model.SnapshotLoading)
}

func (q queries) snapshotWhere(ctx context.Context, where string, args ...any) (*model.Snapshot, error) {
	var ss []model.Snapshot
	if err := q.all(ctx, &ss, "SELECT * FROM snapshots WHERE "+where+" LIMIT 1", args...); err != nil || len(ss) == 0 {
		return nil, err
	}
	return &ss[0], nil
}

// Snapshots are the snapshots of a source, the latest begun first, from the one before the given
// id on (0: from the latest).
func (q queries) Snapshots(ctx context.Context, sourceID, before int64, limit int) ([]model.Snapshot, error) {
	var ss []model.Snapshot
	err := q.all(ctx, &ss, "SELECT * FROM snapshots WHERE source_id = ? AND (id < ? OR ? = 0) ORDER BY id DESC LIMIT ?", sourceID, before, before, limit)
	return ss, err
}

// HeldSnapshots are all snapshots that wait for an admin, the oldest first.
func (q queries) HeldSnapshots(ctx context.Context) ([]model.Snapshot, error) {
	var ss []model.Snapshot
	err := q.all(ctx, &ss, "SELECT * FROM snapshots WHERE state = ? ORDER BY id", model.SnapshotHeld)
	return ss, err
}

// Ledgers is the population ledger of a snapshot: a row for each kind of its source, those that
// were not given included.
func (q queries) Ledgers(ctx context.Context, snapshotID int64) ([]model.Ledger, error) {
	var ls []model.Ledger
	err := q.all(ctx, &ls, "SELECT * FROM snapshot_kinds WHERE snapshot_id = ? ORDER BY kind", snapshotID)
	return ls, err
}

// SnapshotFile is one file of a snapshot as it was given.
type SnapshotFile struct {
	SnapshotID int64      `bun:"snapshot_id"`
	Kind       model.Kind `bun:"kind"`
	Name       string     `bun:"name"`
	SHA256     string     `bun:"sha256"`
	Bytes      int64      `bun:"bytes"`
}

// SnapshotFiles are the files of a snapshot; a live read has none.
func (q queries) SnapshotFiles(ctx context.Context, snapshotID int64) ([]SnapshotFile, error) {
	var fs []SnapshotFile
	err := q.all(ctx, &fs, "SELECT * FROM snapshot_files WHERE snapshot_id = ? ORDER BY kind", snapshotID)
	return fs, err
}

// InsertSnapshot begins a snapshot in state loading and gives its id. A second one that loads
// into the same source is a Conflict.
func (tx *Tx) InsertSnapshot(ctx context.Context, s model.Snapshot) (int64, error) {
	return tx.insertID(ctx, `INSERT INTO snapshots (source_id, as_of, digest, state, previous_id, origin, actor, released_by, reasons,
 extraction, unmatched, problems, rejects, rejects_root, started_at, heartbeat_at, ended_at, sealed_at)
VALUES (?, ?, '', ?, NULL, ?, ?, '', '[]', '{}', '{}', '{}', 0, '', ?, ?, NULL, NULL) RETURNING id`,
		s.SourceID, s.AsOf, model.SnapshotLoading, s.Origin, s.Actor, s.StartedAt, tx.Now)
}

// Heartbeat is the sign of life of the process that loads a snapshot. A snapshot that is not
// loading any more is a Conflict: somebody took it for dead.
func (tx *Tx) Heartbeat(ctx context.Context, id int64) error {
	n, err := tx.exec(ctx, "UPDATE snapshots SET heartbeat_at = ? WHERE id = ? AND state = ?", tx.Now, id, model.SnapshotLoading)
	if err == nil && n != 1 {
		return model.Errorf(model.Conflict, "Snapshot %d is not being loaded any more: another process took this one for dead. Ingest again.", id)
	}
	return err
}

// CountRead is a sign of life that also tells how many more rows were read.
func (tx *Tx) CountRead(ctx context.Context, id, rows int64) error {
	if err := tx.Heartbeat(ctx, id); err != nil {
		return err
	}
	return tx.execOne(ctx, "UPDATE snapshots SET read_rows = read_rows + ? WHERE id = ?", rows, id)
}

// UpdateSnapshot stores what loading, holding, releasing and sealing find out. from is the state
// in which the snapshot must be; the move to s.State must be one that the model allows.
func (tx *Tx) UpdateSnapshot(ctx context.Context, s model.Snapshot, from model.SnapshotState) error {
	if !from.Can(s.State) {
		return model.Errorf(model.Conflict, "A snapshot that is %s cannot become %s.", from, s.State)
	}
	return tx.execOne(ctx, `UPDATE snapshots SET as_of = ?, digest = ?, state = ?, previous_id = ?, released_by = ?, reasons = ?, extraction = ?,
 unmatched = ?, problems = ?, rejects = ?, rejects_root = ?, started_at = ?, ended_at = ?, sealed_at = ? WHERE id = ? AND state = ?`,
		s.AsOf, s.Digest, s.State, s.PreviousID, s.ReleasedBy, s.Reasons, s.Extraction,
		s.Unmatched, s.Problems, s.Rejects, s.RejectsRoot, s.StartedAt, s.EndedAt, s.SealedAt, s.ID, from)
}

// PutLedgers stores the ledger of a snapshot in place of an earlier one: a held snapshot is
// compared again when it is released.
func (tx *Tx) PutLedgers(ctx context.Context, snapshotID int64, ls []model.Ledger) error {
	if _, err := tx.exec(ctx, "DELETE FROM snapshot_kinds WHERE snapshot_id = ?", snapshotID); err != nil {
		return err
	}
	for _, l := range ls {
		if _, err := tx.exec(ctx, `INSERT INTO snapshot_kinds (snapshot_id, kind, given, read_rows, accepted, rejected, duplicates, new_rows,
 changed, unchanged, gone, previous, implied, expected, root) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			snapshotID, l.Kind, l.Given, l.Read, l.Accepted, l.Rejected, l.Duplicates, l.New,
			l.Changed, l.Unchanged, l.Gone, l.Previous, l.Implied, l.Expected, l.Root); err != nil {
			return err
		}
	}
	return nil
}

// InsertSnapshotFile stores a file of a snapshot.
func (tx *Tx) InsertSnapshotFile(ctx context.Context, f SnapshotFile) error {
	_, err := tx.exec(ctx, "INSERT INTO snapshot_files (snapshot_id, kind, name, sha256, bytes) VALUES (?, ?, ?, ?, ?)",
		f.SnapshotID, f.Kind, f.Name, f.SHA256, f.Bytes)
	return err
}

// DropSnapshot removes a loading snapshot without a trace: what it read was there already.
func (tx *Tx) DropSnapshot(ctx context.Context, id int64) error {
	for _, table := range []string{"rejects", "snapshot_files", "snapshot_kinds"} {
		if _, err := tx.exec(ctx, "DELETE FROM "+table+" WHERE snapshot_id = ?", id); err != nil {
			return err
		}
	}
	return tx.execOne(ctx, "DELETE FROM snapshots WHERE id = ? AND state = ?", id, model.SnapshotLoading)
}
