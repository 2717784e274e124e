package store

import (
	"context"
	"database/sql"
	"iter"
	"slices"

	"recert/model"
)

// RemovalSpell is one time that an access was to go: from when that was final, or when it had come
// back, to when it was proven gone. Where it is lowered it began before the weaker access was given.
type RemovalSpell struct {
	Removal int64
	Source  string
	Began   model.Time
	Called  model.Time // when the system, or a person, was first asked; 0 where nobody was
	Proven  model.Time // 0 while it is open
}

// LagFilter narrows RemovalSpells. The zero value is every removal.
type LagFilter struct {
	RunID    int64      // 0 is all
	SourceID int64      // 0 is all
	Since    model.Time // leaves out what began earlier and is proven; 0 is nothing
}

// RemovalSpells are the spells that are proven or open. A removal that was cancelled, that was
// superseded or that nobody proved in another way is neither; one that was proven and did not last is there
// with each of its spells; one that waits for the weaker access to be given is open.
func (q queries) RemovalSpells(ctx context.Context, f LagFilter) iter.Seq2[RemovalSpell, error] {
	of, args := "", []any{}
	if f.RunID != 0 {
		of, args = of+" AND r.run_id = ?", append(args, f.RunID)
	}
	if f.SourceID != 0 {
		of, args = of+" AND r.source_id = ?", append(args, f.SourceID)
	}
	since := int64(f.Since)
	return each(ctx, q, func(rows *sql.Rows, s *RemovalSpell) error {
		return rows.Scan(&s.Removal, &s.Source, &s.Began, &s.Called, &s.Proven)
	},
		`SELECT r.id, s.name, x.began_at, x.called_at, x.proven_at FROM removal_spells x JOIN remediations r ON r.id = x.remediation_id JOIN sources s ON s.id = r.source_id
		WHERE x.began_at >= ? AND r.kind = 'remove'`+of+`
		UNION ALL SELECT c.id, c.name, c.began, `+firstCall+`, CASE WHEN c.state = 'confirmed' THEN c.closed_at END
		FROM (SELECT r.id, r.state, r.mode, r.called_at, r.closed_at, s.name, `+spellBegan+` AS began FROM remediations r JOIN sources s ON s.id = r.source_id
			WHERE r.kind = 'remove' AND r.state NOT IN ('superseded', 'cancelled', 'restored')`+of+`) c
		WHERE c.began >= ? OR c.state <> 'confirmed'
		UNION ALL SELECT r.id, s.name, r.queued_at, NULL, NULL FROM remediations r JOIN sources s ON s.id = r.source_id
		WHERE r.kind = 'lower' AND r.state NOT IN ('confirmed', 'cancelled')`+of, slices.Concat([]any{since}, args, args, []any{since}, args)...)
}

// Spell is a time in which an access was proven gone, and ended.
type Spell struct {
	ProvenAt model.Time `bun:"proven_at"`
	EndedAt  model.Time `bun:"ended_at"`
	ProvenBy int64      `bun:"proven_by"` // the snapshot that showed it gone; 0 where a read did
	EndedBy  int64      `bun:"ended_by"`  // the snapshot that showed it again; 0 where none did
}

// Spells are the times of one removal in which it was proven and that are over, the first one first.
func (q queries) Spells(ctx context.Context, remediation int64) ([]Spell, error) {
	var out []Spell
	const at = "COALESCE((SELECT MAX(s.id) FROM snapshots s WHERE s.source_id = r.source_id AND s.sealed_at = "
	err := q.all(ctx, &out, "SELECT z.proven_at, z.ended_at, "+at+"z.proven_at), 0) AS proven_by, "+at+`z.ended_at), 0) AS ended_by
		FROM removal_spells z JOIN remediations r ON r.id = z.remediation_id WHERE z.remediation_id = ? ORDER BY z.n`, remediation)
	return out, err
}

// spellBegan is when the current spell of removal r began.
const spellBegan = `COALESCE((SELECT MAX(z.ended_at) FROM removal_spells z WHERE z.remediation_id = r.id),
	(SELECT l.queued_at FROM remediations l WHERE l.id = r.for_id AND l.kind = 'lower'), r.queued_at)`

// firstCall is the first call in the current spell of c: a connector's calls are in its attempts, a
// person is asked once.
const firstCall = `COALESCE((SELECT MIN(a.called_at) FROM attempts a WHERE a.remediation_id = c.id AND a.called_at >= c.began),
	CASE WHEN c.mode <> 'connector' AND c.called_at >= c.began THEN c.called_at END)`

// EndSpell writes down that a removal which is proven is about to be so no more. Call it before the
// removal moves on.
func (tx *Tx) EndSpell(ctx context.Context, remediation int64) error {
	return tx.execOne(ctx, `INSERT INTO removal_spells (remediation_id, n, began_at, called_at, proven_at, ended_at)
		SELECT c.id, (SELECT COUNT(*) + 1 FROM removal_spells z WHERE z.remediation_id = c.id), c.began, `+firstCall+`, c.closed_at, ?
		FROM (SELECT r.id, r.mode, r.called_at, r.closed_at, `+spellBegan+` AS began FROM remediations r WHERE r.id = ? AND r.state = 'confirmed') c`, tx.Now, remediation)
}
