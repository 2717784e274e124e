package remediate

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/ticket/ticketserver"
	"recert/model"
	"recert/model/store"
)

var errBroke = errors.New("the connection broke")

// TestTicketMarkedAgain: a mark loses against another transaction and is done anew; removals were stopped in
// between, so that no ticket is opened.
func TestTicketMarkedAgain(t *testing.T) {
	t.Parallel()
	each(t, 0, 0, func(t *testing.T, r *rig) {
		if r.s.Dialect() != store.Postgres {
			t.Skip("with SQLite no transaction is done anew")
		}
		o := newOffice(t, r.s, r.clock, ticketserver.JiraCloud)
		removal := o.ids["u1/g1"]
		var other sync.WaitGroup
		var once sync.Once
		o.w.Fault = o.with(func(ctx context.Context, p Point, _ int64) error {
			if p == PointPreRead {
				once.Do(func() { o.deadlock(ctx, removal, &other) })
			}
			return nil
		})
		_, err := o.w.Step(t.Context())
		other.Wait()
		if err != nil {
			t.Fatal(err)
		}
		o.want(model.Queued, whyStopped)
		if n := len(o.tickets.Calls()); n != 0 {
			t.Errorf("the ticket system was asked %d times although removals are stopped", n)
		}
		for _, v := range o.checkEvents() {
			t.Error(v)
		}
	})
}

// deadlock has the mark of a removal wait for a ticket that is never stored, by somebody who waits for what the
// mark has locked; once that has failed, removals are stopped.
func (o *office) deadlock(ctx context.Context, removal int64, other *sync.WaitGroup) {
	stored := make(chan struct{})
	other.Go(func() {
		err := o.s.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.PutTicket(ctx, model.Ticket{RemediationID: removal, Key: "other"}); err != nil {
				return err
			}
			close(stored)
			time.Sleep(500 * time.Millisecond) // the mark waits first, so that it is the one to fail
			if err := tx.LockBrake(ctx, o.source); err != nil {
				return err
			}
			if err := Stop(ctx, o.s, manager, "a wrong campaign"); err != nil {
				return err
			}
			return errBroke
		})
		if !errors.Is(err, errBroke) {
			o.t.Error(err)
		}
	})
	<-stored
}

// TestTicketBegunAgain: an attempt whose transaction is done anew is one attempt.
func TestTicketBegunAgain(t *testing.T) {
	t.Parallel()
	each(t, 0, 0, func(t *testing.T, r *rig) {
		o := newOffice(t, r.s, r.clock, ticketserver.JiraCloud)
		o.step()
		o.clock.Add(2 * time.Hour)
		o.w.init()
		got, err := o.w.claimOutside(t.Context(), o.source)
		if err != nil || got == nil {
			t.Fatal(err)
		}
		for _, fails := range []error{errBroke, nil} {
			err := o.s.InTx(t.Context(), func(tx *store.Tx) error {
				c, err := o.w.begun(t.Context(), tx, got)
				if err != nil {
					return err
				}
				if c.Attempts != 2 || c.try.N != 2 {
					t.Errorf("it is attempt %d of %d", c.try.N, c.Attempts)
				}
				return fails
			})
			if !errors.Is(err, fails) {
				t.Error(err)
			}
		}
	})
}
