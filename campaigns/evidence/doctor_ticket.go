package evidence

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// checkTickets: what is stored of orders in outside systems is what their last events say.
func checkTickets(ctx context.Context, d *doctor) error {
	var failed error
	err := eachRemoval(ctx, d, true, func(r *store.RemovalRow, p *removalPage) {
		events := p.events[verify.RemediationObject(strconv.FormatInt(r.ID, 10))]
		if failed != nil || !model.Outside(r.Mode) && !ordered(events) {
			return
		}
		t, ok, err := d.Ticket(ctx, r.ID)
		if err != nil {
			failed = err
			return
		}
		d.saw(1, "tickets")
		if why := ticketFault(t, ok, events); why != "" {
			d.fault("the ticket of removal %d: %s", r.ID, why)
		}
	})
	return errors.Join(err, failed)
}

// ordered tells whether any event tells of an order in an outside system.
func ordered(events []store.Event) bool {
	return slices.ContainsFunc(events, func(e store.Event) bool { return e.Type == verify.TypeRevocationOrdered })
}

// ticketFault tells how a ticket differs from its events.
func ticketFault(t model.Ticket, ok bool, events []store.Event) string {
	var last *verify.RevocationOrdered
	for i := range events {
		_, body, err := verify.ParseLeaf(events[i].Leaf)
		if err != nil {
			return err.Error()
		}
		if b, is := body.(*verify.RevocationOrdered); is {
			last = b
		}
	}
	switch {
	case !ok && last != nil:
		return "it is told of, and not stored"
	case !ok || last == nil && t.Ref == "":
		return ""
	case last == nil:
		return "it is stored as " + t.Ref + ", and not told of"
	case last.What == model.TicketGone && t.Ref == "":
		return ""
	case t.Ref != "" && (last.Reference != t.Ref || last.System != t.System || last.Status != t.Status || last.Closed != t.Closed()):
		return "it is not what its last event says"
	}
	return ""
}
