package store

import (
	"context"
	"fmt"

	"recert/model"
)

// Source is where people, or accounts and their access, come from.
type Source struct {
	ID        int64          `bun:"id"`
	Name      string         `bun:"name"`
	Provides  model.Provides `bun:"provides"`
	Type      string         `bun:"type"`
	Paused    string         `bun:"paused"`   // why removals in it are paused; "" when they are not
	MovedAt   model.Time     `bun:"moved_at"` // when its settings last came to name another system
	CreatedAt model.Time     `bun:"created_at"`
}

// Source is the source of a name; none is NotFound.
func (q queries) Source(ctx context.Context, name string) (Source, error) {
	var s Source
	err := q.one(ctx, &s, fmt.Sprintf("There is no source named %q. Declare it in a file and run recert apply.", name),
		"SELECT * FROM sources WHERE name = ?", name)
	return s, err
}

// SourceByID is the source of an id; none is NotFound.
func (q queries) SourceByID(ctx context.Context, id int64) (Source, error) {
	var s Source
	err := q.one(ctx, &s, "There is no such source.", "SELECT * FROM sources WHERE id = ?", id)
	return s, err
}

// Sources are all sources, by name.
func (q queries) Sources(ctx context.Context) ([]Source, error) {
	var ss []Source
	err := q.all(ctx, &ss, "SELECT * FROM sources ORDER BY name")
	return ss, err
}

// PutSource creates a source, or gives an existing one its type. What a source provides never
// changes: its snapshots would mean something else.
func (tx *Tx) PutSource(ctx context.Context, name string, provides model.Provides, typ string) (Source, error) {
	s, err := tx.Source(ctx, name)
	switch {
	case err == nil && s.Provides != provides:
		return s, model.Errorf(model.Invalid, "source %s provides %s and cannot provide %s from now on: declare a source with another name", name, s.Provides, provides)
	case err == nil:
		s.Type = typ
		return s, tx.execOne(ctx, "UPDATE sources SET type = ? WHERE id = ?", typ, s.ID)
	case model.KindOf(err) != model.NotFound:
		return s, err
	}
	s = Source{Name: name, Provides: provides, Type: typ, CreatedAt: tx.Now}
	s.ID, err = tx.insertID(ctx, "INSERT INTO sources (name, provides, type, paused, created_at) VALUES (?, ?, ?, '', ?) RETURNING id",
		name, provides, typ, tx.Now)
	return s, err
}

// PauseSource says why removals in a source are paused; "" lets them go on.
func (tx *Tx) PauseSource(ctx context.Context, id int64, why string) error {
	return tx.execOne(ctx, "UPDATE sources SET paused = ? WHERE id = ?", why, id)
}

// MarkMoved says that the settings of a source name another system from now on: whoever let a removal
// in it go on before spoke of another one.
func (tx *Tx) MarkMoved(ctx context.Context, id int64) error {
	if _, err := tx.exec(ctx, `UPDATE remediations SET approved = '', approved_for = '' WHERE source_id = ? AND approved <> ''
		AND state IN ('queued', 'held', 'sent', 'failed', 'came_back')`, id); err != nil {
		return err
	}
	return tx.execOne(ctx, "UPDATE sources SET moved_at = ? WHERE id = ?", tx.Now, id)
}

// elsewhereSQL tells of a run t.run_id and a source t.source_id whether what was reviewed was read
// before the settings of the source came to name another system: the snapshot itself, or the last one
// up to it that gave grants, or accounts, rather than carrying them forward. Of a live source only a
// live read shows what is in the new system.
const elsewhereSQL = `EXISTS (SELECT 1 FROM run_sources x JOIN snapshots n ON n.id = x.snapshot_id JOIN sources s ON s.id = x.source_id
	WHERE x.run_id = t.run_id AND x.source_id = t.source_id AND s.moved_at IS NOT NULL AND (n.started_at <= s.moved_at
		OR EXISTS (SELECT 1 FROM snapshot_kinds k JOIN snapshots m ON m.id = k.snapshot_id
			WHERE m.source_id = s.id AND m.state = 'sealed' AND m.id <= n.id AND k.given AND k.kind IN ('grants', 'accounts')
			GROUP BY k.kind HAVING MAX(CASE WHEN (m.origin = 'live' OR s.type = 'csv') AND m.started_at > s.moved_at THEN 1 ELSE 0 END) = 0)))`

// ReviewedElsewhere tells whether what a run reviewed of a source was read before the settings of the
// source came to name another system.
func (q queries) ReviewedElsewhere(ctx context.Context, run, source int64) (bool, error) {
	var is bool
	err := q.one(ctx, &is, "", "SELECT "+elsewhereSQL+" FROM (SELECT CAST(? AS BIGINT) AS run_id, CAST(? AS BIGINT) AS source_id) t", run, source)
	return is, err
}

// LockSource makes everything that seals a snapshot of the source wait for this transaction.
func (tx *Tx) LockSource(ctx context.Context, id int64) error {
	var got int64
	return tx.one(ctx, &got, "There is no such source.", "SELECT id FROM sources WHERE id = ?"+tx.forNoKeyUpdate(), id)
}
