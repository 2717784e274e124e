package remediate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Waits between looks at what an outside system was asked for.
const (
	followFirst = 5 * time.Minute
	followMost  = time.Hour
	// orderInDoubt is how long an order whose answer was lost is left alone: the searches of some
	// systems take a while to see what is new.
	orderInDoubt = 2 * time.Minute
)

// Reasons of removals that an outside system is asked for; nothing personal is in them.
const (
	whyOrdering      = "It is being asked for in another system."
	whyOrdered       = "It was asked for in another system. It closes when the access is not there any more."
	whyOrderDoubt    = "Whether the other system took it is not known; it is looked for there, and asked for if it is not found."
	whyOrderDown     = "The other system could not be reached."
	whyOrderUntold   = "The other system takes no comment on the ticket: who works on it does not know what was said here."
	whyOrderDenied   = "The other system refuses our credentials: removals in this source are paused."
	whyOrderRefused  = "The other system does not take it."
	whyOrderBroken   = "The other system's answers are not what its protocol says."
	whyOrderGone     = "What it was asked for by is not there any more in the other system. Look why; then try again, which asks for it anew."
	whyOrderAgain    = "It is asked for again: the order in the other system is looked at anew."
	whyDoneWaits     = "The other system says that it is done, which proves nothing: the next snapshot shows it."
	whyDoneThere     = "The other system says that it is done, and the access is still there."
	whyDoneNot       = "The other system says that it is done, and after several looks the access is still there."
	whyOrderDeclined = "The other system says that it will not be done."
)

// Desk is what the worker needs to ask an outside system for the removals of a source.
type Desk struct {
	Opener connector.Opener
	Look   connector.Target           // reads the source; nil where only a snapshot shows what is in it
	Page   func(removal int64) string // the address of a removal's page
	Report func(token string) string  // the address that an Acknowledger's other side reports to
	Zone   *time.Location             // of times that people read; nil is UTC
}

// order is one removal that is asked of an outside system, or looked after there.
type order struct {
	*claim

	desk   Desk
	ticket model.Ticket
	words  connector.Order // without its addresses
	fresh  bool            // nobody has asked for it yet, as far as is known
	over   bool            // it waits for a person from here on

	contest *model.Contest // by the person concerned; nil is none
	lost    bool           // there is no ticket any more
	idle    bool           // nobody works on the removal: its ticket is to be told something, and no more
}

// newOrderKey names an order so that no other has the name, of any Recert.
func newOrderKey() string { return "recert-" + strings.ToLower(rand.Text()) }

// outside works on one removal in a source that an outside system is asked for; worked is false
// where none is due.
func (w *Worker) outside(ctx context.Context, source int64) (worked bool, err error) {
	if w.Outside == nil {
		return false, nil
	}
	o, err := w.claimOutside(ctx, source)
	if err != nil || o == nil {
		return false, err
	}
	if o.over {
		if o.upheld() {
			w.staysNow(ctx, o.claim)
		}
		return true, nil
	}
	if err := w.fault(ctx, PointClaimed, o.ID); err != nil {
		return true, err
	}
	if err := w.attend(ctx, o); err != nil {
		return true, fmt.Errorf("removal %d: %w", o.ID, err)
	}
	return true, nil
}

// attend asks for a removal, or looks what became of it.
func (w *Worker) attend(ctx context.Context, o *order) (err error) {
	if o.desk, err = w.Outside(ctx, o.SourceID); err != nil {
		fail := unusable(err)
		if !o.fresh {
			return w.leave(ctx, o, whyOrderDown+" "+fail.Msg, 0)
		}
		return w.finish(ctx, o.claim, verdict{to: o.State, reason: whyOrderDown, retry: true}, fail)
	}
	o.ticket.System = o.desk.Opener.Name()
	if o.fresh {
		return w.ask(ctx, o)
	}
	return w.follow(ctx, o)
}

// claimOutside takes a removal. One that is to be asked for gets an attempt, whose intent is
// committed before anybody hears of it; looks at an order get one only where they may prove something.
// nil is that none was due.
func (w *Worker) claimOutside(ctx context.Context, source int64) (*order, error) {
	var o *order
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		o = nil
		r, ok, err := tx.ClaimOutside(ctx, source, w.Lease)
		if err != nil || !ok {
			return err
		}
		run, err := tx.RunByID(ctx, r.RunID)
		if err != nil {
			return err
		}
		o = &order{claim: &claim{Remediation: r, run: run.Name}}
		if err := closeLost(ctx, tx, r, run.Name); err != nil {
			return err
		}
		if o.ticket, _, err = tx.Ticket(ctx, r.ID); err != nil {
			return err
		}
		if err := json.Unmarshal(r.Access, &o.access); err != nil {
			return fmt.Errorf("read the access of removal %d: %w", r.ID, err)
		}
		if o.contest, err = contestNow(ctx, tx, r.ID); err != nil {
			return err
		}
		if o.words, err = wordsOf(ctx, tx, r, run, o.access); err != nil {
			return err
		}
		if o.moved, err = elsewhere(ctx, tx, o.claim); err != nil {
			return err
		}
		o.access.Via = "" // by whatever path: what counts is whether it is there
		w.sync(o.claim, tx.Now)
		return w.ready(ctx, tx, o)
	})
	if err != nil {
		return nil, fmt.Errorf("claim a removal that is asked of another system in source %d: %w", source, err)
	}
	return o, nil
}

// ready decides whether a claimed removal is to be asked for, and begins the attempt if it is.
func (w *Worker) ready(ctx context.Context, tx *store.Tx, o *order) error {
	if o.State == model.CameBack && o.Mode == model.ModeWebhook {
		// Whoever gave it again may have had a reason, and no person reads the message.
		return o.stop(ctx, tx, settle(model.Failed, whyCameBack))
	}
	again := o.State != model.Sent && o.ticket.Ref != ""
	if again && o.Mode == model.ModeWebhook {
		// The other side took that message; it would take it a second time and do nothing.
		o.ticket = model.Ticket{}
	}
	if o.fresh = o.ticket.Ref == ""; o.fresh {
		o.ticket.RemediationID = o.ID
		if o.ticket.Key == "" || o.State == model.CameBack {
			o.ticket.Key = newOrderKey()
		}
		return w.begin(ctx, tx, o.claim)
	}
	if !again {
		return nil
	}
	if brake, err := w.hold(ctx, tx, o.claim, connector.Observation{}); err != nil {
		return err
	} else if brake != nil {
		return o.stop(ctx, tx, *brake)
	}
	// There is a ticket: whoever works on it is told when it is closed and the access is there.
	if o.ticket.Closed() {
		o.ticket.ClosedAt, o.ticket.Told = tx.Now, false
		if err := tx.PutTicket(ctx, o.ticket); err != nil {
			return err
		}
	}
	from := o.State
	o.State, o.Reason, o.CalledAt, o.Proof, o.ProofSnapshot, o.NextAt = model.Sent, whyOrderAgain, tx.Now, "", nil, tx.Now
	if err := tx.AskAgain(ctx, o.Remediation, whyOrderAgain); err != nil {
		return err
	}
	return stateEvent(ctx, tx, actor, o.run, o.Remediation, from, 0)
}

// stop leaves a claimed removal to a person, or to later, before anything is asked for again.
func (o *order) stop(ctx context.Context, tx *store.Tx, v verdict) error {
	o.over = true
	r, from := o.Remediation, o.State
	r.State, r.Reason, r.NextAt = v.to, v.reason, tx.Now.Add(time.Minute)
	if !r.State.Open() {
		r.ClosedAt = tx.Now
	}
	if err := tx.MoveRemediation(ctx, r, from); err != nil || r.State == from {
		return err
	}
	return stateEvent(ctx, tx, actor, o.run, r, from, 0)
}

// begin writes the intent of an attempt of a claimed removal down.
func (w *Worker) begin(ctx context.Context, tx *store.Tx, c *claim) error {
	attempts, err := tx.RemediationAttempts(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := tx.BeginAttempt(ctx, c.Remediation); err != nil {
		return err
	}
	c.Attempts++
	if c.past, err = pastOf(c.Remediation, attempts); err != nil {
		return err
	}
	c.try = model.Attempt{RemediationID: c.ID, N: c.Attempts, Fence: c.Fence, Worker: w.Name, IntentAt: tx.Now}
	w.sync(c, tx.Now)
	return tx.InsertAttempt(ctx, c.try)
}

// wordsOf is what an outside system is told of a removal, as far as the database knows.
func wordsOf(ctx context.Context, tx *store.Tx, r model.Remediation, run model.Run, a connector.Access) (connector.Order, error) {
	o := connector.Order{Removal: r.ID, Access: a, Campaign: run.Name}
	src, err := tx.SourceByID(ctx, r.SourceID)
	if err != nil {
		return o, err
	}
	o.System = src.Name
	value, err := tx.RunSubject(ctx, r.RunID, r.AccountKey)
	if err != nil {
		return o, err
	}
	var s model.Subject
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return o, fmt.Errorf("read the subject of removal %d: %w", r.ID, err)
	}
	o.AccountName, o.PersonID, o.PersonName = s.DisplayName, s.PersonID, s.Name
	if r.EntitlementKey != nil {
		if value, err = tx.RunEntitlement(ctx, r.RunID, *r.EntitlementKey); err != nil {
			return o, err
		}
		var e model.Entitlement
		if err := json.Unmarshal([]byte(value), &e); err != nil {
			return o, fmt.Errorf("read the entitlement of removal %d: %w", r.ID, err)
		}
		o.Description = e.Description
	}
	if r.DueAt.Known() {
		zone, err := time.LoadLocation(run.TimeZone)
		if err != nil {
			zone = time.UTC
		}
		due := r.DueAt.Std().In(zone)
		o.Due, o.DueAt = due.Format("2 Jan 2006 15:04 MST"), due.Format(time.RFC3339)
	}
	err = decidedBy(ctx, tx, r, &o)
	return o, err
}

// decidedBy adds who decided, and what they wrote, where somebody did.
func decidedBy(ctx context.Context, tx *store.Tx, r model.Remediation, o *connector.Order) error {
	ds, err := tx.Decisions(ctx, r.RunID, []int64{r.ItemID})
	if err != nil || len(ds) == 0 {
		return err
	}
	last := ds[len(ds)-1]
	if last.Answer != model.Revoke && last.Answer != model.Reduce {
		return nil
	}
	p, err := tx.PersonByKey(ctx, last.ReviewerKey)
	if err != nil && model.KindOf(err) != model.NotFound {
		return err
	}
	o.DecidedBy, o.Comment = p.Name, last.Comment
	return nil
}

// orderEvent tells what an outside system says of an order.
func orderEvent(ctx context.Context, tx *store.Tx, by, run string, r model.Remediation, t model.Ticket, what, note string) error {
	personal := map[string]string{"actor": by}
	if note != "" {
		personal["note"] = note
	}
	_, err := evidence.Append(ctx, tx, evidence.Event{
		Type: evidence.TypeRevocationOrdered, Run: run, Object: evidence.RemediationObject(id(r.ID)), Personal: personal, Data: evidence.RevocationOrdered{
			Remediation: id(r.ID), Item: id(r.ItemID), System: t.System, What: what, Reference: t.Ref, Status: t.Status, Closed: t.Closed(),
		},
	})
	return err
}

// guardedOutside turns a panic on an outside system's answer into an answer that makes no sense.
func (w *Worker) guardedOutside(ctx context.Context, o *order, what string, f func(ctx context.Context) error) *connector.Failure {
	ctx, cancel := context.WithTimeout(ctx, w.CallTimeout)
	defer cancel()
	err := guarded(func() error { return f(ctx) })
	if err == nil {
		return nil
	}
	w.Log.InfoContext(ctx, "outside system failed", slog.Int64("removal", o.ID), slog.String("what", what), slog.String("error", err.Error()))
	return connector.FailureOf(err)
}

// leave lets go of a removal that was only looked after, until it is looked at again: later and later
// while nothing is new. least is the shortest wait; 0 is none.
func (w *Worker) leave(ctx context.Context, o *order, reason string, least time.Duration) error {
	wait := doubled(followFirst, o.ticket.Looks, followMost)
	wait = max(time.Duration(float64(wait)*(0.8+0.4*w.Random())), least)
	return w.leaveFor(ctx, o, reason, wait)
}

func (w *Worker) leaveFor(ctx context.Context, o *order, reason string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer cancel()
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		ok, err := tx.ReleaseOutside(ctx, o.Remediation, reason, tx.Now.Add(wait))
		if err != nil || !ok {
			return err // somebody else has it by now
		}
		return w.keep(ctx, tx, o)
	})
	if err != nil {
		return fmt.Errorf("write down what became of the order: %w", err)
	}
	return w.fault(ctx, PointFinished, o.ID)
}

// keep stores how often, and when, an order was looked at; a report that came meanwhile stays.
func (w *Worker) keep(ctx context.Context, tx *store.Tx, o *order) error {
	now, ok, err := tx.Ticket(ctx, o.ID)
	if err != nil || !ok || now.Key != o.ticket.Key {
		return err
	}
	if now.ClosedAt != o.ticket.ClosedAt {
		return tx.HurryRemediation(ctx, o.ID) // it was reported a moment ago
	}
	now.Looks, now.FollowedAt, now.Told = o.ticket.Looks, tx.Now, o.ticket.Told
	if err := tx.PutTicket(ctx, now); err != nil {
		return err
	}
	return hurryNews(ctx, tx, o)
}

// hurryNews makes an order due where something was said against it, or answered, while it was looked at.
func hurryNews(ctx context.Context, tx *store.Tx, o *order) error {
	c, err := contestNow(ctx, tx, o.ID)
	if err != nil || outcomeOf(c) == outcomeOf(o.contest) {
		return err
	}
	return tx.HurryRemediation(ctx, o.ID)
}

// errFenced ends a transaction of a worker that has lost its claim.
var errFenced = errors.New("somebody else has the removal by now")
