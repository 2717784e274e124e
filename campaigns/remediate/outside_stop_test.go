package remediate

import (
	"context"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector/ticket/ticketserver"
	"recert/model"
	"recert/model/store"
)

// stops are the ways in which removals do not go on, and how they go on again.
func stops(o *office) map[string][2]func() {
	ctx := o.t.Context()
	return map[string][2]func(){
		"stopped": {
			func() { o.must(Stop(ctx, o.s, admin, "Something is wrong.")) },
			func() { o.must(Go(ctx, o.s, admin)) },
		},
		"paused": {
			func() { o.tx(func(tx *store.Tx) error { return tx.PauseSource(ctx, o.source, "No credentials.") }) },
			func() { o.must(Resume(ctx, o.s, admin, o.source)) },
		},
	}
}

// stopped does a test with a removal that was asked for by a ticket, while removals do not go on.
func stopped(t *testing.T, fn func(t *testing.T, o *office, svc *campaigns.Service, resume func())) {
	t.Helper()
	for _, how := range []string{"stopped", "paused"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			disputes(t, func(t *testing.T, o *office, svc *campaigns.Service) {
				stop := stops(o)[how]
				stop[0]()
				o.clock.Add(time.Minute)
				fn(t, o, svc, stop[1])
			})
		})
	}
}

// untouched fails the test unless nothing went on with the removal.
func (o *office) untouched() {
	o.t.Helper()
	row := o.row("u1/g1")
	if row.State != model.Sent || row.Attempts != 1 || row.LeaseUntil.Known() || len(o.tickets.Tickets()) != 1 || o.patches() != 0 {
		o.t.Errorf("it is %s (%s) after %d attempts, with %d tickets", row.State, row.Reason, row.Attempts, len(o.tickets.Tickets()))
	}
}

// TestTicketStopped: while removals do not go on, the ticket hears once that the removal is contested, whoever
// looks and how often; that it goes on it hears once, after removals go on.
func TestTicketStopped(t *testing.T) {
	t.Parallel()
	stopped(t, func(_ *testing.T, o *office, svc *campaigns.Service, resume func()) {
		other := o.clerk("other")
		o.contest(svc)
		for range 3 {
			o.step(o.w, other)
			o.clock.Add(2 * time.Hour)
		}
		o.said(textWait)
		o.answered(svc, false)
		for range 3 {
			o.step(o.w, other)
			o.clock.Add(2 * time.Hour)
		}
		o.said(textWait)
		o.untouched()
		resume()
		for range 3 {
			o.step(o.w, other)
			o.clock.Add(2 * time.Hour)
		}
		o.said(textWait, textGoOn)
		o.want(model.Sent, whyOrdered)
	})
}

// TestTicketStoppedUpheld: that the access stays is told at once too, also where the ticket is closed there; what
// came of it is looked at when removals go on.
func TestTicketStoppedUpheld(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(o *office){"open": func(*office) {}, "closed": func(o *office) { o.status("Won't do") }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopped(t, func(_ *testing.T, o *office, svc *campaigns.Service, resume func()) {
				before(o)
				o.contest(svc)
				o.later(time.Minute)
				o.said(textWait)
				o.answered(svc, true)
				for range 3 {
					o.later(2 * time.Hour)
				}
				o.said(textWait, textStays)
				o.untouched()
				resume()
				for range 2 {
					o.later(2 * time.Hour)
				}
				o.said(textWait, textStays)
				o.settled(svc, 0)
				o.ended()
			})
		})
	}
}

// TestTicketStoppedSilent: nothing is told, and nobody asked, where there is nothing to tell: nobody contests it, or
// it was answered before anybody there heard of it. A ticket that is not there any more is left to whoever goes on.
func TestTicketStoppedSilent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(o *office, svc *campaigns.Service)
		calls  int
		after  string // why it is where it is, once removals go on
	}{
		"nobody contests": {func(*office, *campaigns.Service) {}, 0, whyOrdered},
		"dismissed":       {func(o *office, svc *campaigns.Service) { o.contest(svc); o.answered(svc, false) }, 0, whyOrdered},
		"deleted": {func(o *office, svc *campaigns.Service) {
			o.tickets.Set(o.ticket().Ref, func(tk *ticketserver.Ticket) { tk.Deleted = true })
			o.contest(svc)
		}, 1, whyOrderGone},
		"somebody is at it": {func(o *office, svc *campaigns.Service) {
			o.contest(svc)
			o.tx(func(tx *store.Tx) error {
				if err := tx.PauseSource(o.t.Context(), o.source, ""); err != nil {
					return err
				}
				if _, err := tx.ResumeRemovals(o.t.Context()); err != nil {
					return err
				}
				if _, ok, err := tx.ClaimOutside(o.t.Context(), o.source, time.Hour); err != nil || !ok {
					o.t.Errorf("it cannot be claimed: %t, %v", ok, err)
				}
				return tx.PauseSource(o.t.Context(), o.source, "again")
			})
		}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stopped(t, func(t *testing.T, o *office, svc *campaigns.Service, resume func()) {
				c.before(o, svc)
				calls := len(o.tickets.Calls())
				for range 3 {
					o.later(time.Minute)
				}
				o.said()
				if n := len(o.tickets.Calls()) - calls; n != c.calls {
					t.Errorf("it was asked %d times, want %d", n, c.calls)
				}
				if c.after == "" {
					return
				}
				o.untouched()
				resume()
				o.later(2 * time.Hour)
				if row := o.row("u1/g1"); !strings.Contains(row.Reason, c.after) {
					t.Errorf("it is %s (%s), want %s", row.State, row.Reason, c.after)
				}
			})
		})
	}
}

// TestTicketStoppedCrash: wherever the teller dies, and where the answer is lost, the word is there once in the end.
func TestTicketStoppedCrash(t *testing.T) {
	t.Parallel()
	for _, at := range []Point{PointCalled, PointCallDone} {
		for _, lost := range []bool{true, false} {
			t.Run(string(at)+map[bool]string{true: " lost", false: ""}[lost], func(t *testing.T) {
				t.Parallel()
				stopped(t, func(_ *testing.T, o *office, svc *campaigns.Service, resume func()) {
					if lost {
						o.tickets.Fail(ticketserver.Fault{Method: "POST", Path: "/comment", Cut: true, Times: 1})
					}
					o.contest(svc)
					dies := o.clerk("dies")
					dies.Fault = func(_ context.Context, p Point, _ int64) error {
						if p == at {
							return errCrash
						}
						return nil
					}
					o.step(dies)
					for range 4 {
						o.later(2 * time.Hour)
					}
					o.said(textWait)
					o.untouched()
					resume()
					o.later(2 * time.Hour)
					o.said(textWait)
				})
			})
		}
	}
}

// TestTicketStoppedDeclined: that the removal is called off is told at once too.
func TestTicketStoppedDeclined(t *testing.T) {
	t.Parallel()
	stopped(t, func(_ *testing.T, o *office, _ *campaigns.Service, resume func()) {
		row := o.row("u1/g1")
		o.must(Decline(o.t.Context(), o.s, admin, row.ID, row.Fence, "A mistake."))
		for range 3 {
			o.later(2 * time.Hour)
		}
		o.said(textStays)
		resume()
		o.later(2 * time.Hour)
		o.said(textStays)
		o.want(model.Cancelled, "A mistake.")
	})
}
