package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"recert/model"
)

// View reads the database as it is at one instant, whatever is written meanwhile.
type View struct {
	queries
	Now model.Time // that instant, by the clock of transactions
}

// View runs fn on one. It is for what must compare several tables without false alarms, and not
// for pages: on SQLite a long one keeps the write-ahead log growing.
func (s *Store) View(ctx context.Context, fn func(*View) error) error {
	var opt *sql.TxOptions
	if s.dialect == Postgres {
		opt = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	btx, err := s.pool().BeginTx(ctx, opt)
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	v := &View{queries: queries{db: btx, dialect: s.dialect}}
	if v.Now, err = s.txNow(ctx, btx); err == nil {
		err = fn(v)
	}
	if rerr := btx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
		err = errors.Join(err, fmt.Errorf("end reading: %w", rerr))
	}
	return err
}

// Rule is an invariant that SQL can check alone: each query gives a line of text, named what, for
// each row that breaks it.
type Rule []string

// Breaches are the first rows that break a rule, in words; each query gives at most limit.
// args are the arguments ?0, ?1, … of each query.
func (v *View) Breaches(ctx context.Context, r Rule, limit int, args ...any) ([]string, error) {
	var out []string
	for _, query := range r {
		var found []string
		query = fmt.Sprintf("SELECT what FROM (%s) AS breaches LIMIT ?%d", query, len(args))
		if err := v.all(ctx, &found, query, append(args[:len(args):len(args)], limit)...); err != nil {
			return out, fmt.Errorf("%s: %w", query, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// doctorPage is how many rows the pages below hold.
const doctorPage = 1000

// EventsAfter is a page of all events by id.
func (q queries) EventsAfter(ctx context.Context, id int64) ([]Event, error) {
	var es []Event
	err := q.all(ctx, &es, "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", id, doctorPage)
	return es, err
}

// ChainsAfter is a page of the events whose object begins with a prefix ("" is all), by object,
// run and id: each chain in one piece.
func (q queries) ChainsAfter(ctx context.Context, prefix string, last Event) ([]Event, error) {
	var es []Event
	query, args := "SELECT * FROM events WHERE (object, run, id) > (?, ?, ?)", []any{last.Object, last.Run, last.ID}
	if prefix != "" {
		query += " AND object >= ? AND object < ?"
		end := []byte(prefix)
		end[len(end)-1]++
		args = append(args, prefix, string(end))
	}
	err := q.all(ctx, &es, query+" ORDER BY object, run, id LIMIT ?", append(args, doctorPage)...)
	return es, err
}

// EventsOf are the events of one object in a run ("" is none), the first one first.
func (q queries) EventsOf(ctx context.Context, run, object string) ([]Event, error) {
	var es []Event
	err := q.all(ctx, &es, "SELECT * FROM events WHERE object = ? AND run = ? ORDER BY id", object, run)
	return es, err
}

// CountEvents counts the events of a type, of one run where run is not "".
func (q queries) CountEvents(ctx context.Context, typ, run string) (int64, error) {
	var n int64
	if run != "" {
		err := q.all(ctx, &n, "SELECT COUNT(*) FROM events WHERE run = ? AND type = ?", run, typ)
		return n, err
	}
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM events WHERE type = ?", typ)
	return n, err
}

// LogHash is one entry of the log with the hash that its event has.
type LogHash struct {
	Idx  int64  `bun:"idx"`
	Hash []byte `bun:"hash"`
}

// LogHashesAfter is a page of the log by index; a missing event has no hash.
func (q queries) LogHashesAfter(ctx context.Context, idx int64) ([]LogHash, error) {
	var hs []LogHash
	err := q.all(ctx, &hs, `SELECT l.idx, e.hash FROM log_entries l LEFT JOIN events e ON e.id = l.event_id
		WHERE l.idx > ? ORDER BY l.idx LIMIT ?`, idx, doctorPage)
	return hs, err
}

// NodesFrom are up to n stored hashes of the tree from an index on.
func (q queries) NodesFrom(ctx context.Context, idx int64, n int) ([]LogHash, error) {
	var hs []LogHash
	err := q.all(ctx, &hs, "SELECT idx, hash FROM log_nodes WHERE idx >= ? ORDER BY idx LIMIT ?", idx, n)
	return hs, err
}

// CheckpointsAfter is a page of the checkpoints by size.
func (q queries) CheckpointsAfter(ctx context.Context, size int64) ([]Checkpoint, error) {
	var cs []Checkpoint
	err := q.all(ctx, &cs, "SELECT * FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?", size, doctorPage)
	return cs, err
}

// LogKeys are all keys that are stored; there should be one.
func (q queries) LogKeys(ctx context.Context) ([]LogKey, error) {
	var ks []LogKey
	err := q.all(ctx, &ks, "SELECT * FROM log_keys ORDER BY name")
	return ks, err
}

// OpenDisclosure is a disclosure with the leaf that it opens a part of.
type OpenDisclosure struct {
	Disclosure
	Leaf []byte `bun:"leaf"`
}

// DisclosuresAfter is a page of all disclosures by event and field.
func (q queries) DisclosuresAfter(ctx context.Context, event int64, field string) ([]OpenDisclosure, error) {
	var ds []OpenDisclosure
	err := q.all(ctx, &ds, `SELECT d.event_id, d.field, d.salt, d.value, e.leaf FROM disclosures d LEFT JOIN events e ON e.id = d.event_id
		WHERE (d.event_id, d.field) > (?, ?) ORDER BY d.event_id, d.field LIMIT ?`, event, field, doctorPage)
	return ds, err
}

// LoggedDecision is a decision with what its event and its item say.
type LoggedDecision struct {
	model.Decision

	Run      string     `bun:"run"`
	TextHash []byte     `bun:"text_hash"`
	Reviewer string     `bun:"reviewer"` // person_id
	Leaf     []byte     `bun:"leaf"`     // nil where there is no such event
	EventAt  model.Time `bun:"event_at"`
}

// LoggedDecisionsAfter is a page of all decisions by run, item and version.
func (q queries) LoggedDecisionsAfter(ctx context.Context, d model.Decision) ([]LoggedDecision, error) {
	var ds []LoggedDecision
	err := q.all(ctx, &ds, `SELECT d.*, COALESCE(r.name, '') AS run, i.text_hash, COALESCE(p.person_id, '') AS reviewer, e.leaf, e.at AS event_at
		FROM decisions d LEFT JOIN runs r ON r.id = d.run_id LEFT JOIN items i ON i.run_id = d.run_id AND i.id = d.item_id
		LEFT JOIN people p ON p.key = d.reviewer_key LEFT JOIN events e ON e.id = d.event_id
		WHERE (d.run_id, d.item_id, d.version) > (?, ?, ?) ORDER BY d.run_id, d.item_id, d.version LIMIT ?`, d.RunID, d.ItemID, d.Version, doctorPage)
	return ds, err
}

// ItemsByID are some items of a run.
func (q queries) ItemsByID(ctx context.Context, run int64, ids []int64) ([]model.Item, error) {
	var out []model.Item
	if len(ids) == 0 {
		return out, nil
	}
	err := q.all(ctx, &out, "SELECT * FROM items WHERE run_id = ? AND id IN (?)", run, bun.List(ids))
	return out, err
}

// RevokedAfter is a page of the items of all runs that are answered or settled revoke or reduce.
func (q queries) RevokedAfter(ctx context.Context, run, id int64) ([]model.Item, error) {
	var out []model.Item
	err := q.all(ctx, &out, `SELECT * FROM items WHERE (run_id, id) > (?, ?) AND (answer IN ('revoke', 'reduce') OR outcome IN ('revoke', 'reduce'))
		ORDER BY run_id, id LIMIT ?`, run, id, doctorPage)
	return out, err
}

// FrozenSubject is what a run froze of an account.
type FrozenSubject struct {
	RunID      int64  `bun:"run_id"`
	AccountKey int64  `bun:"account_key"`
	Value      string `bun:"value"`
	Salt       []byte `bun:"salt"`
	Commitment string `bun:"commitment"`
}

// FrozenSubjectsAfter is a page of what all runs froze of accounts.
func (q queries) FrozenSubjectsAfter(ctx context.Context, run, account int64) ([]FrozenSubject, error) {
	var out []FrozenSubject
	err := q.all(ctx, &out, `SELECT run_id, account_key, value, salt, commitment FROM run_subjects
		WHERE (run_id, account_key) > (?, ?) ORDER BY run_id, account_key LIMIT ?`, run, account, doctorPage)
	return out, err
}

// RunsAfter is a page of all runs by id.
func (q queries) RunsAfter(ctx context.Context, id int64) ([]model.Run, error) {
	var rs []model.Run
	err := q.all(ctx, &rs, "SELECT * FROM runs WHERE id > ? ORDER BY id LIMIT ?", id, doctorPage)
	return rs, err
}

// SnapshotsAfter is a page of all snapshots by id.
func (q queries) SnapshotsAfter(ctx context.Context, id int64) ([]model.Snapshot, error) {
	var ss []model.Snapshot
	err := q.all(ctx, &ss, "SELECT * FROM snapshots WHERE id > ? ORDER BY id LIMIT ?", id, doctorPage)
	return ss, err
}

// RemovalRow is a removal with what is known of it elsewhere.
type RemovalRow struct {
	model.Remediation

	Run     string `bun:"run"`
	Source  string `bun:"source"`
	Subject string `bun:"subject"` // canonical JSON of model.Subject, as frozen
	// What the snapshot that proves it is, and what that shows.
	SnapshotState  string     `bun:"snapshot_state"` // "" where there is none
	SnapshotSource int64      `bun:"snapshot_source"`
	SnapshotRead   model.Time `bun:"snapshot_read"`
	Shown          bool       `bun:"shown"`   // the entitlement is there by some path
	Account        string     `bun:"account"` // data of the account; "" where it is not there
}

const removalRowSQL = `SELECT r.*, u.name AS run, s.name AS source, COALESCE(j.value, '') AS subject, COALESCE(n.state, '') AS snapshot_state, COALESCE(n.source_id, 0) AS snapshot_source,
	CASE WHEN n.as_of < n.started_at THEN n.as_of ELSE n.started_at END AS snapshot_read,
	EXISTS (SELECT 1 FROM grants g WHERE g.source_id = r.source_id AND g.account_key = r.account_key AND g.entitlement_key = r.entitlement_key
		AND g.first_snapshot <= n.id AND (g.last_snapshot IS NULL OR g.last_snapshot >= n.id)) AS shown,
	COALESCE((SELECT v.data FROM account_versions v WHERE v.account_key = r.account_key AND v.first_snapshot <= n.id
		AND (v.last_snapshot IS NULL OR v.last_snapshot >= n.id) ORDER BY v.first_snapshot DESC LIMIT 1), '') AS account
	FROM remediations r JOIN runs u ON u.id = r.run_id JOIN sources s ON s.id = r.source_id
	LEFT JOIN run_subjects j ON j.run_id = r.run_id AND j.account_key = r.account_key LEFT JOIN snapshots n ON n.id = r.proof_snapshot `

// RemovalsAfter is a page of all removals by id.
func (q queries) RemovalsAfter(ctx context.Context, id int64) ([]RemovalRow, error) {
	var rs []RemovalRow
	err := q.all(ctx, &rs, removalRowSQL+"WHERE r.id > ? ORDER BY r.id LIMIT ?", id, doctorPage)
	return rs, err
}

// AttemptsOf are the attempts of some removals, by removal and number.
func (q queries) AttemptsOf(ctx context.Context, removals []int64) ([]model.Attempt, error) {
	var as []model.Attempt
	if len(removals) == 0 {
		return as, nil
	}
	err := q.all(ctx, &as, "SELECT * FROM attempts WHERE remediation_id IN (?) ORDER BY remediation_id, n", bun.List(removals))
	return as, err
}

// EventsOfObjects are the events of some objects, by object and id.
func (q queries) EventsOfObjects(ctx context.Context, objects []string) ([]Event, error) {
	var es []Event
	if len(objects) == 0 {
		return es, nil
	}
	err := q.all(ctx, &es, "SELECT * FROM events WHERE object IN (?) ORDER BY object, run, id", bun.List(objects))
	return es, err
}

// AllConfigs are all documents of configuration.
func (q queries) AllConfigs(ctx context.Context) ([]Config, error) {
	var cs []Config
	err := q.all(ctx, &cs, "SELECT * FROM configs ORDER BY kind, name")
	return cs, err
}

// Bound is where intervals of a source begin, or end.
type Bound struct {
	SourceID int64
	Snapshot int64
}

// Bounds count where the intervals of a kind begin and where they end. It reads them all, one by
// one: a database that groups them would hold them all.
func (q queries) Bounds(ctx context.Context, kind model.Kind) (begun, ended map[Bound]int64, err error) {
	table := "grants"
	if kind != model.KindGrants {
		table, _ = versionTable(kind)
	}
	begun, ended = map[Bound]int64{}, map[Bound]int64{}
	rows, err := q.rows(ctx, "SELECT source_id, first_snapshot, COALESCE(last_snapshot, 0) FROM "+table)
	if err != nil {
		return nil, nil, wrap(err)
	}
	err = scanEach(rows, func() error {
		var source, first, last int64
		if err := rows.Scan(&source, &first, &last); err != nil {
			return err
		}
		begun[Bound{source, first}]++
		if last != 0 {
			ended[Bound{source, last}]++
		}
		return nil
	})
	return begun, ended, err
}

// ChangeBounds count with which snapshots what grants said before ended.
func (q queries) ChangeBounds(ctx context.Context) (map[Bound]int64, error) {
	ended := map[Bound]int64{}
	rows, err := q.rows(ctx, "SELECT source_id, last_snapshot FROM grant_changes")
	if err != nil {
		return nil, wrap(err)
	}
	return ended, scanEach(rows, func() error {
		var b Bound
		if err := rows.Scan(&b.SourceID, &b.Snapshot); err != nil {
			return err
		}
		ended[b]++
		return nil
	})
}

// TextRow is one text with the id of its row.
type TextRow struct {
	ID   int64  `bun:"id"`
	Text string `bun:"text"`
}

// TextsAfter is a page of a column of text by the table's key, a number; none of them may come from input.
func (q queries) TextsAfter(ctx context.Context, table, key, column string, after int64) ([]TextRow, error) {
	var rows []TextRow
	err := q.all(ctx, &rows, "SELECT ?0 AS id, ?1 AS text FROM ?2 WHERE ?0 > ?3 ORDER BY ?0 LIMIT ?4", bun.Ident(key), bun.Ident(column), bun.Ident(table), after, doctorPage)
	return rows, err
}

// PersonIDs are the person_ids of some people, by key.
func (q queries) PersonIDs(ctx context.Context, keys []int64) (map[int64]string, error) {
	m := make(map[int64]string, len(keys))
	if len(keys) == 0 {
		return m, nil
	}
	var rows []struct {
		Key      int64  `bun:"key"`
		PersonID string `bun:"person_id"`
	}
	err := q.all(ctx, &rows, "SELECT key, person_id FROM people WHERE key IN (?)", bun.List(keys))
	for _, r := range rows {
		m[r.Key] = r.PersonID
	}
	return m, err
}
