package evidence

import (
	"context"
	"fmt"
	"strconv"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// checkContests: what the person concerned said against a removal, and what was answered, is what
// events tell; nothing that is contested goes on, or is dropped, without an answer.
func checkContests(ctx context.Context, d *doctor) error {
	var contests map[int64]model.Contest
	page := func(ctx context.Context, r store.RemovalRow) ([]store.RemovalRow, error) {
		rows, err := d.RemovalsAfter(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		ids := make([]int64, len(rows))
		for i := range rows {
			ids[i] = rows[i].ID
		}
		cs, err := d.ContestsOf(ctx, ids)
		contests = map[int64]model.Contest{}
		for _, c := range cs {
			contests[c.RemediationID] = c
		}
		return rows, err
	}
	err := pages(ctx, page, nil, func(r *store.RemovalRow) error {
		c, ok := contests[r.ID]
		if !ok {
			return nil
		}
		d.saw(1, "contests")
		id := strconv.FormatInt(r.ID, 10)
		events, err := d.EventsOf(ctx, r.Run, verify.RemediationObject(id))
		if err != nil {
			return err
		}
		why, err := d.contestFault(ctx, &c, events)
		if why != "" {
			d.fault("removal %d: %s", r.ID, why)
		}
		return err
	})
	if err != nil {
		return err
	}
	n, err := d.CountEvents(ctx, verify.TypeRemovalContested, "")
	if err == nil && n != d.looked {
		d.fault("%d removals are contested, and %d by the events", d.looked, n)
	}
	return err
}

// contestFault tells how a contest differs from the events of its removal.
func (d *doctor) contestFault(ctx context.Context, c *model.Contest, events []store.Event) (string, error) {
	var said, answered int64 // events
	outcome := model.ContestOpen
	for _, e := range events {
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			return "", fmt.Errorf("event %d: %w", e.ID, err)
		}
		switch b := body.(type) {
		case *verify.RemovalContested:
			said = e.ID
			if e.At != c.At {
				return "it was contested at another time than its event says", nil
			}
		case *verify.ContestResolved:
			answered, outcome = e.ID, model.ContestOutcome(b.Outcome)
		case *verify.RevocationState:
			if said != 0 && answered == 0 && (b.Declined || b.From == string(model.Held) && b.To == string(model.Queued)) {
				return "it is contested, and went on without an answer", nil
			}
		}
	}
	if said == 0 || outcome != c.Outcome {
		return "what was answered to who contests it is not what its events say", nil
	}
	open, err := d.disclosed(ctx, []int64{said, answered})
	if err != nil {
		return "", err
	}
	if reason, told := open[said]["reason"]; told && reason != c.Reason {
		return "what was said against it is not what its event says", nil
	}
	if reason, told := open[answered]["reason"]; told && reason != c.Answer {
		return "the reason of the answer is not what its event says", nil
	}
	names, err := d.PersonIDs(ctx, []int64{c.PersonKey})
	if err != nil {
		return "", err
	}
	if person, told := open[said]["person"]; told && person != names[c.PersonKey] {
		return "somebody else contested it than its event says", nil
	}
	return "", nil
}
