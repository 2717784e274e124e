package evidence

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// checkApprovals: what says that a second person let a removal go on is what events tell, for reasons
// for which it was held.
func checkApprovals(ctx context.Context, d *doctor) error {
	return eachRemoval(ctx, d, true, func(r *store.RemovalRow, p *removalPage) {
		if r.Approved == "" && r.ApprovedFor == "" {
			return
		}
		d.saw(1, "approvals")
		var reasons []string
		approved := false
		for _, e := range p.events[verify.RemediationObject(strconv.FormatInt(r.ID, 10))] {
			_, body, err := verify.ParseLeaf(e.Leaf)
			if err != nil {
				d.fault("event %d: %v", e.ID, err)
				return
			}
			s, ok := body.(*verify.RevocationState)
			switch {
			case !ok:
			case s.To == string(model.Held):
				reasons = append(reasons, s.Reason)
			case s.From == string(model.Held) && s.To == string(model.Queued):
				approved = true
			case s.From == string(model.Failed) && s.To == string(model.Queued):
				approved, reasons = false, nil // tried again: what was approved before counts no more
			}
		}
		if !approved || r.Approved == "" {
			d.fault("removal %d was let go on by %q, which its events do not say", r.ID, r.Approved)
			return
		}
		for _, why := range strings.Split(r.ApprovedFor, "\n") {
			if !slices.Contains(reasons, why) {
				d.fault("removal %d was let go on for a reason that it was never held for", r.ID)
			}
		}
	})
}

// checkStops: removals are stopped, everywhere or in a source, where the last event about it says so.
func checkStops(ctx context.Context, d *doctor) error {
	stop, err := d.RemovalStop(ctx)
	if err != nil {
		return err
	}
	why := ""
	if stop != nil {
		why = stop.Reason
	}
	if err := d.stopped(ctx, "", why, stop != nil); err != nil {
		return err
	}
	sources, err := d.Sources(ctx)
	if err != nil {
		return err
	}
	for _, src := range sources {
		d.saw(1, "sources")
		if err := d.stopped(ctx, src.Name, src.Paused, src.Paused != ""); err != nil {
			return err
		}
	}
	return nil
}

// stopped holds what is stored of a source, "" for all, against the last event about it.
func (d *doctor) stopped(ctx context.Context, source, why string, is bool) error {
	events, err := d.EventsOf(ctx, "", verify.RemovalsObject(source))
	if err != nil {
		return err
	}
	var said verify.RemovalsSwitched
	if len(events) > 0 {
		_, body, err := verify.ParseLeaf(events[len(events)-1].Leaf)
		if err != nil {
			return err
		}
		if b, ok := body.(*verify.RemovalsSwitched); ok {
			said = *b
		}
	}
	if said.Stopped != is || said.Stopped && said.Reason != why {
		d.fault("whether removals of source %q (none is all) are stopped is not what the last event says", source)
	}
	return nil
}
