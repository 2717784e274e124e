package ingest

import (
	"context"
	"encoding/json"
	"fmt"

	"recert/model"
)

// maxListed bounds the rejects that a Result lists; the snapshot's page has them all.
const maxListed = 10_000

// Counts are the population ledger of one kind: Read = Accepted + Rejected; Accepted = New +
// Changed + Unchanged; Previous = Unchanged + Changed + Gone.
type Counts struct {
	Read       int64  `json:"read"`
	Accepted   int64  `json:"accepted"`
	Rejected   int64  `json:"rejected"`
	New        int64  `json:"new"`
	Changed    int64  `json:"changed"`
	Unchanged  int64  `json:"unchanged"`
	Gone       int64  `json:"gone"`
	Previous   int64  `json:"previous"`
	Duplicates int64  `json:"duplicates"` // of the rejected
	Implied    int64  `json:"implied"`    // named by grants only
	Expected   *int64 `json:"expected"`   // the independent control total
}

// Result is what became of an ingest; as JSON it is the output of recert ingest --json. Its own
// counts are of grants, or of people for a source of people; they are zero where these were not given.
type Result struct {
	Snapshot int64               `json:"snapshot"`
	Source   string              `json:"source"`
	AsOf     model.Time          `json:"as_of"`
	State    model.SnapshotState `json:"state"`
	Counts
	Kinds    map[model.Kind]Counts `json:"kinds"`    // of the kinds that were given
	Reasons  []string              `json:"reasons"`  // why it is or was held
	Existing bool                  `json:"existing"` // it was there already; nothing was changed
	Digest   string                `json:"digest"`

	Unmatched map[string]int64   `json:"unmatched"` // accounts without a person, by reason
	Problems  map[string]Problem `json:"problems"`
	// Rejects lists the rejected rows of all kinds, at most the first 10,000; RejectsOmitted says
	// how many more there are.
	Rejects        []Rejected `json:"rejects"`
	RejectsOmitted int64      `json:"rejects_omitted"`
}

// Rejected is a row that could not be taken.
type Rejected struct {
	Kind   model.Kind `json:"kind"`
	File   string     `json:"file"`
	Line   int64      `json:"line"`
	Column string     `json:"column"`
	Reason string     `json:"reason"`
}

// Result reads what is known of a snapshot.
func (s *Service) Result(ctx context.Context, snapshotID int64) (Result, error) {
	snap, err := s.Store.Snapshot(ctx, snapshotID)
	if err != nil {
		return Result{}, err
	}
	src, err := s.Store.SourceByID(ctx, snap.SourceID)
	if err != nil {
		return Result{}, err
	}
	ledgers, err := s.Store.Ledgers(ctx, snap.ID)
	if err != nil {
		return Result{}, err
	}
	rejects, err := s.Store.Rejects(ctx, snap.ID, 0, maxListed)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Snapshot: snap.ID, Source: src.Name, AsOf: snap.AsOf, State: snap.State, Digest: snap.Digest,
		Kinds: map[model.Kind]Counts{}, Rejects: make([]Rejected, 0, len(rejects)), RejectsOmitted: snap.Rejects - int64(len(rejects)),
	}
	for _, part := range []struct {
		text string
		dest any
	}{{snap.Reasons, &r.Reasons}, {snap.Unmatched, &r.Unmatched}, {snap.Problems, &r.Problems}} {
		if err := json.Unmarshal([]byte(part.text), part.dest); err != nil {
			return Result{}, fmt.Errorf("read what is stored of snapshot %d: %w", snap.ID, err)
		}
	}
	for _, l := range ledgers {
		if l.Given {
			r.Kinds[l.Kind] = Counts{
				Read: l.Read, Accepted: l.Accepted, Rejected: l.Rejected, New: l.New, Changed: l.Changed, Unchanged: l.Unchanged,
				Gone: l.Gone, Previous: l.Previous, Duplicates: l.Duplicates, Implied: l.Implied, Expected: l.Expected,
			}
		}
	}
	r.Counts = r.Kinds[mainKind(src.Provides)]
	for _, x := range rejects {
		r.Rejects = append(r.Rejects, Rejected{Kind: x.Kind, File: x.File, Line: x.Line, Column: x.Column, Reason: x.Reason})
	}
	return r, nil
}
