package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"recert/model"
)

// RemovalStop is the switch that stops what connectors remove, everywhere.
type RemovalStop struct {
	Reason string     `bun:"reason"`
	Actor  string     `bun:"actor"`
	At     model.Time `bun:"at"`
}

// RemovalStop tells whether removals are stopped; nil is that they go on.
func (q queries) RemovalStop(ctx context.Context) (*RemovalStop, error) {
	var stops []RemovalStop
	if err := q.all(ctx, &stops, "SELECT reason, actor, at FROM removal_stops"); err != nil || len(stops) == 0 {
		return nil, err
	}
	return &stops[0], nil
}

// StopRemovals throws the switch. ok is false where it was off already.
func (tx *Tx) StopRemovals(ctx context.Context, reason, actor string) (ok bool, err error) {
	n, err := tx.exec(ctx, "INSERT INTO removal_stops (id, reason, actor, at) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO NOTHING", reason, actor, tx.Now)
	return n == 1, err
}

// ResumeRemovals takes the switch back. ok is false where nothing was stopped.
func (tx *Tx) ResumeRemovals(ctx context.Context) (ok bool, err error) {
	n, err := tx.exec(ctx, "DELETE FROM removal_stops")
	return n > 0, err
}

// LockBrake makes everybody else who counts what a source was asked wait for this transaction, so
// that two workers never take the last place under a cap both. SQLite has one writer.
func (tx *Tx) LockBrake(ctx context.Context, source int64) error {
	if tx.dialect == SQLite || tx.braked[source] {
		return nil
	}
	if _, err := tx.exec(ctx, "SELECT pg_advisory_xact_lock(?, CAST(? AS integer))", claimLock, source); err != nil {
		return err
	}
	if tx.braked == nil {
		tx.braked = map[int64]bool{}
	}
	tx.braked[source] = true
	return nil
}

// CalledSince counts, up to limit, the other removals that a source was asked for since an instant
// without a second person; of what gives access, the others that give.
func (q queries) CalledSince(ctx context.Context, r model.Remediation, since model.Time, limit int64) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", `SELECT COUNT(*) FROM (SELECT 1 FROM remediations WHERE source_id = ? AND called_at >= ? AND mode <> 'manual' AND approved = ''
		AND id <> ? AND (kind IN ('restore', 'lower')) = ? LIMIT ?) AS c`, r.SourceID, since, r.ID, r.Kind.Gives(), limit)
	return n, err
}

// CalledInRun counts, up to limit, the other removals of a run that were asked for without a
// second person.
func (q queries) CalledInRun(ctx context.Context, r model.Remediation, limit int64) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", `SELECT COUNT(*) FROM (SELECT 1 FROM remediations WHERE run_id = ? AND called_at IS NOT NULL AND mode <> 'manual' AND approved = ''
		AND kind = 'remove' AND id <> ? LIMIT ?) AS c`, r.RunID, r.ID, limit)
	return n, err
}

// HeldRemediations gives, by id, up to limit of some removals that wait for a second person, or of
// all where ids is nil; they are locked.
func (tx *Tx) HeldRemediations(ctx context.Context, ids []int64, after int64, limit int) ([]model.Remediation, error) {
	var rs []model.Remediation
	query, args := "SELECT * FROM remediations WHERE state = 'held' AND id > ?", []any{after}
	if ids != nil {
		query, args = query+" AND id IN (?)", append(args, bun.List(append([]int64{0}, ids...)))
	}
	err := tx.all(ctx, &rs, query+" ORDER BY id LIMIT ?"+tx.forUpdate(), append(args, limit)...)
	return rs, err
}

// HeldVersion names what is held right now, and for what: every removal that is held anew has another
// fence.
func (q queries) HeldVersion(ctx context.Context) (string, error) {
	var v struct {
		N     int64 `bun:"n"`
		Fence int64 `bun:"fence"`
	}
	err := q.one(ctx, &v, "", "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(fence * 31 + id), 0) AS BIGINT) AS fence FROM remediations WHERE state = 'held'")
	return fmt.Sprintf("%d-%d", v.N, v.Fence), err
}

// ApproveRemediation lets a held removal go on, by whom and for which reasons, a line each; where time of
// grace is left, after that.
func (tx *Tx) ApproveRemediation(ctx context.Context, id int64, who, reasons, reason string) error {
	return tx.execOne(ctx, `UPDATE remediations SET state = 'queued', approved = ?, approved_for = ?, reason = ?, next_at = CASE WHEN next_at > ? THEN next_at ELSE ? END,
		lease_until = NULL, fence = fence + 1 WHERE id = ? AND state = 'held'`, who, reasons, reason, tx.Now, tx.Now, id)
}
