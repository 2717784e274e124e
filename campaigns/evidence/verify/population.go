package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// population is what the primary tables say, after they have been found to be those of the log.
type population struct {
	rows      *spool // population.csv
	rowCount  int64
	grants    map[string]int64 // of items, by source
	accounts  map[string]int64 // items that ask about an account itself, by source
	excluded  map[string]int64 // grants, by source
	reasons   map[string]int64 // excluded rows by reason
	exclusion int64            // rows of excluded.csv
	rejection int64            // rows of rejected.csv
	avoided   int64
	reviewers map[string]bool // by commitment
	totals    Totals
}

// Totals are the answers of a run, and the states of its removals.
type Totals struct {
	Items      int64 `json:"items"`
	Kept       int64 `json:"kept"`
	Revoked    int64 `json:"revoked"`
	Reduced    int64 `json:"reduced"`
	Unsure     int64 `json:"unsure"`
	Unanswered int64 `json:"unanswered"`
	Gone       int64 `json:"gone"`

	Removals   int64 `json:"removals"`
	Confirmed  int64 `json:"confirmed"`
	Open       int64 `json:"open"`
	Superseded int64 `json:"superseded"`
	Failed     int64 `json:"failed"`
	Cancelled  int64 `json:"cancelled"`
	Restored   int64 `json:"restored"`
}

// record is a row that is hashed into a root.
type record interface {
	row(cells []string) ([]string, error)
	fromRow(cells []string) error
	check() error
	Hash() (tlog.Hash, error)
}

// eachRow reads a primary table row by row into rec, checks it, and calls f with its hash.
func eachRow(ctx context.Context, r io.Reader, columns []string, rec record, f func(tlog.Hash) error) error {
	return scanRows(ctx, r, columns, rec, func() error {
		if err := rec.check(); err != nil {
			return err
		}
		h, err := rec.Hash()
		if err != nil {
			return err
		}
		return f(h)
	})
}

// scanRows reads a primary table row by row into rec and calls f after each.
func scanRows(ctx context.Context, r io.Reader, columns []string, rec record, f func() error) error {
	rows, err := newRowReader(r, columns)
	if err != nil {
		return err
	}
	for {
		if rows.line%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		cells, err := rows.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = rec.fromRow(cells)
		if err == nil {
			err = f()
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", rows.line, err)
		}
	}
}

func (s *state) frozen() *CampaignLaunched {
	return s.launched.body.(*CampaignLaunched) //nolint:errcheck,forcetypeassert // only a launch is kept there
}

// readPopulation binds population.csv to items_root.
func (s *state) readPopulation(ctx context.Context, rows *spool) error {
	launch := s.frozen()
	known := map[string]bool{}
	for _, src := range launch.Sources {
		known[src.Source] = true
	}
	s.population = population{
		rows: rows, grants: map[string]int64{}, accounts: map[string]int64{}, excluded: map[string]int64{},
		reasons: map[string]int64{}, reviewers: map[string]bool{},
	}
	var root Root
	var row Item
	err := eachRow(ctx, rows.reader(), itemColumns, &row, func(h tlog.Hash) error {
		root.Add(h)
		it := s.item(row.Item)
		if it.seen {
			return fmt.Errorf("item %s is there twice", row.Item)
		}
		if !known[row.Source] {
			return fmt.Errorf("source %q is not one of the run", row.Source)
		}
		it.seen = true
		s.rowCount++
		s.grants[row.Source] += int64(len(row.Paths))
		if row.Entitlement == "" {
			s.accounts[row.Source]++
		}
		if row.Avoided {
			s.avoided++
		}
		s.reviewers[row.ReviewerBound.Commitment] = true
		s.count(it)
		return nil
	})
	if err != nil {
		return blame(filePopulation, err)
	}
	if err := checkRoot(root, launch.Items, launch.ItemsRoot); err != nil {
		return blame(filePopulation, err)
	}
	return blame(fileLeaves, s.checkLaunch())
}

func checkRoot(root Root, rows int64, want string) error {
	if root.Len() != rows {
		return fmt.Errorf("it has %d rows, the log says %d", root.Len(), rows)
	}
	sum := root.Sum()
	if hex.EncodeToString(sum[:]) != want {
		return errors.New("its rows are not those that the log has the root of")
	}
	return nil
}

// checkLaunch compares what the launch said in numbers with its own population.
func (s *state) checkLaunch() error {
	launch := s.frozen()
	var grants int64
	for _, n := range s.grants {
		grants += n
	}
	for _, c := range []struct {
		what      string
		said, got int64
	}{
		{"paths of items", launch.ItemGrants, grants},
		{"reviewers", launch.Reviewers, int64(len(s.reviewers))},
		{"items with self-review avoided", launch.SelfReviewAvoided, s.avoided},
	} {
		if c.said != c.got {
			return fmt.Errorf("the launch counts %d %s, the population has %d", c.said, c.what, c.got)
		}
	}
	for id, it := range s.items {
		if !it.seen {
			return fmt.Errorf("item %q is not in the population", id)
		}
	}
	return nil
}

// count adds an item's last answer to the totals.
func (s *state) count(it *item) {
	t := &s.totals
	t.Items++
	switch {
	case it.gone:
		t.Gone++
	case it.answer == answerKeep:
		t.Kept++
	case it.answer == answerRevoke:
		t.Revoked++
	case it.answer == answerReduce:
		t.Reduced++
	case it.answer == answerUnsure:
		t.Unsure++
	default:
		t.Unanswered++
	}
}

// readExcluded binds excluded.csv to excluded_root.
func (s *state) readExcluded(ctx context.Context, r io.Reader) error {
	var root Root
	var row Exclusion
	err := eachRow(ctx, r, exclusionColumns, &row, func(h tlog.Hash) error {
		root.Add(h)
		if row.Entitlement != "" {
			s.excluded[row.Source]++
		}
		s.reasons[row.Reason]++
		return nil
	})
	if err != nil {
		return blame(fileExcluded, err)
	}
	s.exclusion = root.Len()
	return blame(fileExcluded, checkRoot(root, s.frozen().Excluded, s.frozen().ExcludedRoot))
}

// readRejected binds rejected.csv to the rejects_root of each of the run's snapshots, in the
// order in which the launch names them.
func (s *state) readRejected(ctx context.Context, r io.Reader) error {
	roots := map[int64]*Root{}
	order := map[int64]int{}
	for i, src := range s.frozen().Sources {
		roots[src.Snapshot], order[src.Snapshot] = &Root{}, i
	}
	at := 0
	var row Rejection
	err := eachRow(ctx, r, rejectionColumns, &row, func(h tlog.Hash) error {
		root, ok := roots[row.Snapshot]
		if !ok {
			return fmt.Errorf("snapshot %d is not one of the run", row.Snapshot)
		}
		if order[row.Snapshot] < at {
			return fmt.Errorf("snapshot %d is out of order", row.Snapshot)
		}
		at = order[row.Snapshot]
		if sn := s.snapshots[row.Snapshot]; sn != nil && sn.body.Source != row.Source {
			return fmt.Errorf("snapshot %d is of source %q", row.Snapshot, sn.body.Source)
		}
		root.Add(h)
		s.rejection++
		return nil
	})
	if err != nil {
		return blame(fileRejected, err)
	}
	for _, src := range s.frozen().Sources {
		sn := s.snapshots[src.Snapshot]
		if sn == nil {
			return faultf(fileLeaves, "snapshot %d of source %s was never sealed", src.Snapshot, src.Source)
		}
		if err := checkRoot(*roots[src.Snapshot], sn.body.Rejects, sn.body.RejectsRoot); err != nil {
			return faultf(fileRejected, "snapshot %d: %v", src.Snapshot, err)
		}
	}
	return nil
}

// ledgerRow is one row of reconciliation.csv.
type ledgerRow struct {
	source, kind string
	count        *KindCount // nil for the row that ties the grants to the items
	left, right  int64
	what         string
}

// ledger is the reconciliation of every source and kind of the run.
func (s *state) ledger() []ledgerRow {
	var rows []ledgerRow
	for _, src := range s.frozen().Sources {
		sn := s.snapshots[src.Snapshot]
		for _, kind := range []string{"people", "accounts", "entitlements", "grants"} {
			c, ok := sn.body.Kinds[kind]
			if !ok {
				continue
			}
			rows = append(rows,
				ledgerRow{src.Source, kind, &c, c.Read, c.Accepted + c.Rejected, "read = accepted + rejected"},
				ledgerRow{src.Source, kind, &c, c.Accepted, c.New + c.Changed + c.Unchanged, "accepted = new + changed + unchanged"},
				ledgerRow{src.Source, kind, &c, c.Previous, c.Unchanged + c.Changed + c.Gone, "previous = unchanged + changed + gone"})
			if kind == "grants" {
				rows = append(rows, ledgerRow{src.Source, kind, nil, c.Accepted, s.frozen().GrantsInSources[src.Source], "accepted = live grants at launch"})
			}
		}
		if n, ok := s.frozen().GrantsInSources[src.Source]; ok {
			rows = append(rows, ledgerRow{src.Source, "grants", nil, n, s.grants[src.Source] + s.excluded[src.Source], "live grants = in items + excluded"})
		}
	}
	return rows
}

// checkSources compares the run's sources with the snapshots and the totals with the events.
func (s *state) checkSources() error {
	launch := s.frozen()
	for _, src := range launch.Sources {
		sn := s.snapshots[src.Snapshot]
		if sn.body.Source != src.Source || sn.body.AsOf != src.AsOf || sn.body.Digest != src.Digest || !sn.counts() {
			return faultf(fileLeaves, "snapshot %d of source %s is not the one that was sealed", src.Snapshot, src.Source)
		}
	}
	for _, n := range []map[string]int64{s.grants, s.excluded} {
		for source, count := range n {
			if _, ok := launch.GrantsInSources[source]; !ok && count > 0 {
				return faultf(fileLeaves, "the launch does not count the grants of source %s", source)
			}
		}
	}
	for _, row := range s.ledger() {
		if row.left != row.right {
			return faultf(fileReconciliation, "source %s, %s: %s does not hold: %d and %d", row.source, row.kind, row.what, row.left, row.right)
		}
	}
	return nil
}

// checkTotals counts the removals and compares the answers with what the close said.
func (s *state) checkTotals() error {
	t := &s.totals
	for _, r := range s.removals {
		if r.body.Kind != kindRemove {
			continue // what is given is no removal
		}
		t.Removals++
		switch r.state {
		case stateConfirmed:
			t.Confirmed++
		case stateSuperseded:
			t.Superseded++
		case stateFailed:
			t.Failed++
		case stateCancelled:
			t.Cancelled++
		case stateRestored:
			t.Restored++
		default:
			t.Open++
		}
	}
	if t.Items != t.Kept+t.Revoked+t.Reduced+t.Unsure+t.Unanswered+t.Gone {
		return faultf(fileLeaves, "the answers do not add up to the items")
	}
	if t.Removals != t.Confirmed+t.Open+t.Superseded+t.Failed+t.Cancelled+t.Restored {
		return faultf(fileLeaves, "the states do not add up to the removals")
	}
	if s.closed == nil {
		return nil
	}
	b := s.closed.body.(*CampaignClosed) //nolint:errcheck,forcetypeassert // only a close is kept there
	said := Totals{
		Items: b.Items, Kept: b.Kept, Revoked: b.Revoked, Reduced: b.Reduced, Unsure: b.Unsure,
		Unanswered: b.Unanswered, Gone: b.Gone,
	}
	got := Totals{
		Items: t.Items, Kept: t.Kept, Revoked: t.Revoked, Reduced: t.Reduced, Unsure: t.Unsure,
		Unanswered: t.Unanswered, Gone: t.Gone,
	}
	if said != got {
		return faultf(fileLeaves, "the close counted %+v, the answers give %+v", said, got)
	}
	return nil
}
