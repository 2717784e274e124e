package store

import (
	"context"
	"iter"

	"github.com/uptrace/bun"

	"recert/model"
)

// LoggedEvent is an event at its place in the log.
type LoggedEvent struct {
	Idx int64 `bun:"idx"`
	Event
}

// PackageFilter says which events a package of a run holds.
type PackageFilter struct {
	Run     string
	Objects []string   // snapshots, as objects
	Since   model.Time // sign-ins from here on
	Size    int64      // of the checkpoint: nothing from there on
}

// PackageEvents are the events of a package in the order of the log, at most limit after an
// index: those of the run and of its snapshots, the log's keys, and the tool's own
// administration; sign-ins only from Since on.
func (q queries) PackageEvents(ctx context.Context, f PackageFilter, after int64, limit int) ([]LoggedEvent, error) {
	objects := f.Objects
	if len(objects) == 0 {
		objects = []string{""}
	}
	var es []LoggedEvent
	err := q.all(ctx, &es, `SELECT l.idx, e.* FROM log_entries l JOIN events e ON e.id = l.event_id
		WHERE l.idx > ? AND l.idx < ? AND (e.run = ? OR (e.run = '' AND (e.object IN (?)
			OR e.type IN ('log.key', 'config.applied')
			OR (e.type IN ('session.started', 'session.ended', 'login_link.created', 'package.exported') AND e.at >= ?))))
		ORDER BY l.idx LIMIT ?`, after, f.Size, f.Run, bun.List(objects), f.Since, limit)
	return es, err
}

// DisclosuresOf are what opens the commitments of events, by event and field.
func (q queries) DisclosuresOf(ctx context.Context, events []int64) ([]Disclosure, error) {
	var ds []Disclosure
	if len(events) == 0 {
		return nil, nil
	}
	err := q.all(ctx, &ds, "SELECT * FROM disclosures WHERE event_id IN (?) ORDER BY event_id, field", bun.List(events))
	return ds, err
}

// LastLogIndex is the place of a run's last event that has one; -1 where none has.
func (q queries) LastLogIndex(ctx context.Context, run string, below int64) (int64, error) {
	var idx int64
	err := q.all(ctx, &idx, `SELECT COALESCE(MAX(l.idx), -1) FROM log_entries l JOIN events e ON e.id = l.event_id
		WHERE e.run = ? AND l.idx < ?`, run, below)
	return idx, err
}

// CheckpointAfter is the first checkpoint that holds the entry at an index.
func (q queries) CheckpointAfter(ctx context.Context, idx int64) (Checkpoint, error) {
	var c Checkpoint
	err := q.one(ctx, &c, "No checkpoint holds this yet.", "SELECT * FROM checkpoints WHERE size > ? ORDER BY size LIMIT 1", idx)
	return c, err
}

// RunLeaves are the leaves of a run's events of some types, in the order of the log, below an index.
func (q queries) RunLeaves(ctx context.Context, run string, types []string, below int64) ([][]byte, error) {
	var leaves [][]byte
	err := q.all(ctx, &leaves, `SELECT e.leaf FROM log_entries l JOIN events e ON e.id = l.event_id
		WHERE e.run = ? AND e.type IN (?) AND l.idx < ? ORDER BY l.idx`, run, bun.List(types), below)
	return leaves, err
}

// PreviousRun is the run of the same campaign that was launched before; NotFound where it is the first.
func (q queries) PreviousRun(ctx context.Context, run model.Run) (model.Run, error) {
	var r model.Run
	err := q.one(ctx, &r, "It is the first run.", "SELECT * FROM runs WHERE campaign = ? AND id < ? ORDER BY id DESC LIMIT 1", run.Campaign, run.ID)
	return r, err
}

// PopulationRow is one item as it was launched.
type PopulationRow struct {
	ItemRow

	SubjectSalt        []byte `bun:"subject_salt"`
	SubjectCommitment  string `bun:"subject_commitment"`
	Reviewer           string `bun:"reviewer"` // canonical JSON of model.ReviewerValue
	ReviewerSalt       []byte `bun:"reviewer_salt"`
	ReviewerCommitment string `bun:"reviewer_commitment"`
}

// populationPage is how many rows one query reads: a long cursor on SQLite keeps its write-ahead
// log growing.
const populationPage = 2000

// Population are the items of a run with who was asked at launch, in order.
func (q queries) Population(ctx context.Context, run int64) iter.Seq2[*PopulationRow, error] {
	return pages(func(after *PopulationRow) ([]PopulationRow, error) {
		var rows []PopulationRow
		var last int64
		if after != nil {
			last = after.ID
		}
		err := q.all(ctx, &rows, `SELECT i.*, src.name AS source, s.value AS subject, COALESCE(e.value, '') AS entitlement,
			s.salt AS subject_salt, s.commitment AS subject_commitment,
			r.value AS reviewer, r.salt AS reviewer_salt, r.commitment AS reviewer_commitment
			FROM items i JOIN sources src ON src.id = i.source_id
			JOIN run_subjects s ON s.run_id = i.run_id AND s.account_key = i.account_key
			LEFT JOIN run_entitlements e ON e.run_id = i.run_id AND e.entitlement_key = i.entitlement_key
			JOIN run_reviewers r ON r.run_id = i.run_id AND r.person_key = COALESCE(
				(SELECT a.from_key FROM assignments a WHERE a.run_id = i.run_id AND a.item_id = i.id ORDER BY a.n LIMIT 1), i.reviewer_key)
			WHERE i.run_id = ? AND i.id > ? ORDER BY i.id LIMIT ?`, run, last, populationPage)
		return rows, err
	})
}

// ExcludedRow is one grant, or one account without any, that became no item.
type ExcludedRow struct {
	N           int64  `bun:"n"`
	Source      string `bun:"source"`
	Reason      string `bun:"reason"`
	Via         string `bun:"via"`
	Subject     string `bun:"subject"`
	Salt        []byte `bun:"salt"`
	Commitment  string `bun:"commitment"`
	Entitlement string `bun:"entitlement"` // canonical JSON; "" for an account
}

// Excluded are the rows of a run that became no item, in order.
func (q queries) Excluded(ctx context.Context, run int64) iter.Seq2[*ExcludedRow, error] {
	return pages(func(after *ExcludedRow) ([]ExcludedRow, error) {
		var rows []ExcludedRow
		var last int64
		if after != nil {
			last = after.N
		}
		err := q.all(ctx, &rows, `SELECT x.n, src.name AS source, x.reason, COALESCE(g.via, '') AS via, s.value AS subject, s.salt, s.commitment,
			COALESCE(e.value, '') AS entitlement FROM excluded x JOIN sources src ON src.id = x.source_id
			JOIN run_subjects s ON s.run_id = x.run_id AND s.account_key = x.account_key
			LEFT JOIN grants g ON g.source_id = x.source_id AND g.id = x.grant_id
			LEFT JOIN run_entitlements e ON e.run_id = x.run_id AND e.entitlement_key = g.entitlement_key
			WHERE x.run_id = ? AND x.n > ? ORDER BY x.n LIMIT ?`, run, last, populationPage)
		return rows, err
	})
}

// pages turns a query of one page into a sequence of rows.
func pages[T any](page func(after *T) ([]T, error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		var last *T
		for {
			rows, err := page(last)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(rows) == 0 {
				return
			}
			for i := range rows {
				if !yield(&rows[i], nil) {
					return
				}
			}
			last = &rows[len(rows)-1]
		}
	}
}

// ProvenAccesses are the accesses of a source whose removal is proven, as JSON of model.Access.
func (q queries) ProvenAccesses(ctx context.Context, source int64) ([][]byte, error) {
	var rows [][]byte
	err := q.all(ctx, &rows, "SELECT access FROM remediations WHERE source_id = ? AND state = 'confirmed' AND kind = 'remove' ORDER BY id", source)
	return rows, err
}
