package evidence

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// replayed is where an item stands by its events.
type replayed struct {
	run     string
	id      int64
	answer  model.Answer
	version int64
	outcome model.Answer // of a default, or gone; else ""
	gone    int64        // snapshot
	moved   int64        // event of the last move, 0 for none
}

// apply takes one event, and tells what is wrong with it.
func (r *replayed) apply(e *store.Event) string {
	_, body, err := verify.ParseLeaf(e.Leaf)
	if err != nil {
		return err.Error()
	}
	was := r.version
	switch b := body.(type) {
	case *verify.ItemDecided:
		r.version = b.Version
		switch a := model.Answer(b.Answer); a {
		case model.NotMine, model.OutcomeNone:
			r.answer = model.NoAnswer
		default:
			r.answer = a
		}
	case *verify.ItemReassigned:
		r.version, r.moved = b.Version, e.ID
	case *verify.ItemDefaulted:
		r.version, r.outcome = b.Version, model.Answer(b.Outcome)
	case *verify.ItemGone:
		r.outcome, r.gone = model.OutcomeGone, b.Snapshot
		return ""
	default:
		return "it is no event of an item"
	}
	if r.version != was+1 {
		return fmt.Sprintf("it makes version %d of version %d", r.version, was)
	}
	return ""
}

// checkItems: each item stands where its events lead, and one without events is untouched.
func checkItems(ctx context.Context, d *doctor) error {
	if err := d.rule(ctx, store.RuleUntouched); err != nil {
		return err
	}
	runs := map[string]int64{}
	if err := eachRun(ctx, d, func(r *model.Run) error {
		runs[r.Name] = r.ID
		return nil
	}); err != nil {
		return err
	}
	d.looked = 0
	var last store.Event
	var batch []*replayed
	page := func(ctx context.Context, e store.Event) ([]store.Event, error) { return d.ChainsAfter(ctx, "item:", e) }
	err := pages(ctx, page, nil, func(e *store.Event) error {
		d.saw(1, "events")
		if e.Object != last.Object || e.Run != last.Run {
			if len(batch) >= 500 {
				if err := d.compareItems(ctx, runs, batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
			id, err := strconv.ParseInt(strings.TrimPrefix(e.Object, "item:"), 10, 64)
			if err != nil {
				d.fault("event %d is about %q", e.ID, e.Object)
			}
			batch = append(batch, &replayed{run: e.Run, id: id})
		}
		last = *e
		if why := batch[len(batch)-1].apply(e); why != "" {
			d.fault("event %d (%s of %s): %s", e.ID, e.Type, e.Object, why)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.compareItems(ctx, runs, batch)
}

// compareItems holds where items are against where their events lead.
func (d *doctor) compareItems(ctx context.Context, runs map[string]int64, batch []*replayed) error {
	byRun := map[string][]int64{}
	var moves []int64
	for _, r := range batch {
		byRun[r.run] = append(byRun[r.run], r.id)
		if r.moved != 0 {
			moves = append(moves, r.moved)
		}
	}
	type key struct {
		run string
		id  int64
	}
	items := map[key]model.Item{}
	var people []int64
	for run, ids := range byRun {
		list, err := d.ItemsByID(ctx, runs[run], ids)
		if err != nil {
			return err
		}
		for _, it := range list {
			items[key{run, it.ID}] = it
			people = append(people, it.ReviewerKey)
		}
	}
	names, err := d.PersonIDs(ctx, people)
	if err != nil {
		return err
	}
	to, err := d.disclosed(ctx, moves)
	if err != nil {
		return err
	}
	for _, r := range batch {
		it, ok := items[key{r.run, r.id}]
		if !ok {
			d.fault("events speak of item %d of %s, which is not there", r.id, r.run)
			continue
		}
		if why := r.differs(&it, names, to[r.moved]); why != "" {
			d.fault("item %d of %s: %s", r.id, r.run, why)
		}
	}
	return nil
}

// differs tells how an item differs from where its events lead.
func (r *replayed) differs(it *model.Item, names map[int64]string, moved map[string]string) string {
	to, open := moved["to"]
	switch {
	case it.Answer != r.answer || it.Version != r.version:
		return fmt.Sprintf("it says %q at version %d, its events %q at version %d", it.Answer, it.Version, r.answer, r.version)
	case (it.Outcome == model.OutcomeGone) != (r.outcome == model.OutcomeGone) || r.gone != 0 && (it.GoneSnapshot == nil || *it.GoneSnapshot != r.gone):
		return "whether it is gone is not what its events say"
	case it.ByDefault != (r.outcome != "" && r.outcome != model.OutcomeGone):
		return "whether a default decided it is not what its events say"
	case it.ByDefault && it.Outcome != r.outcome:
		return fmt.Sprintf("by default it is %q, by its events %q", it.Outcome, r.outcome)
	case open && names[it.ReviewerKey] != to:
		return "it is with somebody else than its events say"
	}
	return ""
}

// disclosed are the open values of events, by event and field.
func (d *doctor) disclosed(ctx context.Context, events []int64) (map[int64]map[string]string, error) {
	rows, err := d.DisclosuresOf(ctx, events)
	m := make(map[int64]map[string]string, len(events))
	for _, r := range rows {
		if m[r.EventID] == nil {
			m[r.EventID] = map[string]string{}
		}
		m[r.EventID][r.Field] = r.Value
	}
	return m, err
}

// checkDecisions: each decision has its event, which says the same, and each event its decision.
func checkDecisions(ctx context.Context, d *doctor) error {
	var open map[int64]map[string]string
	page := func(ctx context.Context, l store.LoggedDecision) ([]store.LoggedDecision, error) {
		return d.LoggedDecisionsAfter(ctx, l.Decision)
	}
	whole := func(rows []store.LoggedDecision) error {
		ids := make([]int64, len(rows))
		for i := range rows {
			ids[i] = rows[i].EventID
		}
		var err error
		open, err = d.disclosed(ctx, ids)
		return err
	}
	err := pages(ctx, page, whole, func(l *store.LoggedDecision) error {
		d.saw(1, "decisions")
		if why := decisionFault(l, open[l.EventID]); why != "" {
			d.fault("decision %d of item %d of %s: %s", l.Version, l.ItemID, l.Run, why)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A decision has one event of its own, so equal numbers leave no event without a decision.
	n, err := d.CountEvents(ctx, verify.TypeItemDecided, "")
	if err == nil && n != d.looked {
		d.fault("%d decisions are stored, and %d in events", d.looked, n)
	}
	return err
}

// decisionFault tells how a decision differs from its event.
func decisionFault(l *store.LoggedDecision, open map[string]string) string {
	if len(l.Leaf) == 0 {
		return "its event is not there"
	}
	leaf, body, err := verify.ParseLeaf(l.Leaf)
	if err != nil {
		return err.Error()
	}
	b, ok := body.(*verify.ItemDecided)
	if !ok {
		return "its event is a " + leaf.Type
	}
	comment, told := open["comment"]
	_, commented := leaf.Commitments["comment"]
	reviewer, known := open["reviewer"]
	switch {
	case leaf.Run != l.Run || b.Item != strconv.FormatInt(l.ItemID, 10) || b.Version != l.Version:
		return fmt.Sprintf("its event is of version %d of item %s of %s", b.Version, b.Item, leaf.Run)
	case b.Answer != string(l.Answer) || b.Until != l.Until || b.LowerTo != l.LowerTo:
		return fmt.Sprintf("it says %q, its event %q", l.Answer, b.Answer)
	case b.TextHash != hex.EncodeToString(l.TextHash):
		return "the reviewer was shown something else than the item shows"
	case leaf.At != verify.Time(l.At) || l.EventAt != l.At:
		return "it has another time than its event"
	case known && reviewer != l.Reviewer:
		return "it is by somebody else than its event says"
	case told && comment != l.Comment, !commented && l.Comment != "":
		return "its comment is not that of its event"
	}
	return ""
}
