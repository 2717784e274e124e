package remediate

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// What the other side of a webhook may report.
const (
	ReportDone    = "done"
	ReportRefused = "refused"
)

// Bounds of reports.
const (
	maxNote = 500
	// maxOrderEvents is how much of the orders of one removal the log takes: more than any needs, and less
	// than a receiver that has lost its mind would write.
	maxOrderEvents = 40
	// forgetReports is how long the ids of reports are remembered: longer than their times are taken.
	forgetReports = time.Hour
)

// reporter names the other side of a webhook in evidence.
const reporter = "webhook receiver"

// Report takes down what the other side of a webhook says of an order; its signature was verified,
// and message is its id. "done" makes the source be looked at now, and proves nothing; "refused" leaves
// the removal to a person. What was said last, said again, makes the source be looked at and writes
// nothing. An order that nobody waits for is NotFound; a message that was taken before is a Conflict, and so is
// one more than any removal needs.
func Report(ctx context.Context, s *store.Store, t model.Ticket, message, status, note string) error {
	if status != ReportDone && status != ReportRefused {
		return model.Errorf(model.Invalid, "status must be done or refused")
	}
	if utf8.RuneCountInString(note) > maxNote || !utf8.ValidString(note) {
		return model.Errorf(model.Invalid, "note has at most %d characters of text", maxNote)
	}
	note = model.OneLine(note)
	return s.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, t.RemediationID)
		if err != nil {
			return err
		}
		now, ok, err := tx.Ticket(ctx, r.ID)
		if err != nil {
			return err
		}
		if !ok || now.AckHash != t.AckHash || r.Mode != model.ModeWebhook || !r.State.Open() && r.State != model.Failed {
			return model.Errorf(model.NotFound, "Nothing is waited for at this address.")
		}
		if taken, err := tx.HookMessageTaken(ctx, r.SourceID, message); err != nil || taken {
			return errors.Join(err, conflictIf(taken, "This webhook-id was taken before."))
		}
		c, err := contestNow(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		stays := outcomeOf(c) == model.ContestUpheld
		if saidLast(r, now, status, note, stays) {
			return hurry(ctx, tx, r, status)
		}
		n, err := tx.CountObjectEvents(ctx, evidence.RemediationObject(id(r.ID)), evidence.TypeRevocationOrdered)
		if err != nil || n >= maxOrderEvents {
			return errors.Join(err, conflictIf(n >= maxOrderEvents, "There were very many reports about this removal already: no more are noted."))
		}
		fresh, err := tx.TakeHookMessage(ctx, r.SourceID, message, tx.Now.Add(-forgetReports))
		if err != nil || !fresh {
			return errors.Join(err, conflictIf(!fresh, "This webhook-id was taken before."))
		}
		return report(ctx, tx, r, now, status, note, stays)
	})
}

func conflictIf(is bool, text string) error {
	if !is {
		return nil
	}
	return model.Errorf(model.Conflict, "%s", text)
}

// saidLast tells that a report is the last one once more, and nothing happened since that it could be about.
// stays is that it was decided that the access stays.
func saidLast(r model.Remediation, t model.Ticket, status, note string, stays bool) bool {
	if t.Ref == "" || t.Status != status || t.Note != note {
		return false
	}
	if status == ReportRefused {
		return stays || !r.State.Can(model.Failed)
	}
	return t.Closed() && !t.Told
}

// hurry has the source looked at soon after what is said to be done; no event tells of that.
func hurry(ctx context.Context, tx *store.Tx, r model.Remediation, status string) error {
	if status != ReportDone {
		return nil
	}
	return tx.HurryRemediation(ctx, r.ID)
}

func report(ctx context.Context, tx *store.Tx, r model.Remediation, t model.Ticket, status, note string, stays bool) error {
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	if t.Ref == "" { // it is faster than the answer to the message
		t.Ref, t.Handle = t.Key, t.Key
	}
	t.Status, t.Note, t.FollowedAt, t.Looks, t.Told = status, note, tx.Now, 0, false
	what := model.TicketReported
	if t.ClosedAt = tx.Now; status == ReportRefused {
		what, t.ClosedAt = model.TicketRefused, 0
	}
	if err := tx.PutTicket(ctx, t); err != nil {
		return err
	}
	if err := orderEvent(ctx, tx, reporter, run.Name, r, t, what, note); err != nil {
		return err
	}
	if stays {
		return tx.HurryRemediation(ctx, r.ID) // nothing is to be done: it is looked what there is
	}
	if status == ReportDone || !r.State.Can(model.Failed) {
		return hurry(ctx, tx, r, status)
	}
	next := r
	next.State, next.Reason, next.ClosedAt, next.NextAt = model.Failed, whyOrderDeclined, tx.Now, tx.Now
	if err := tx.MoveRemediation(ctx, next, r.State); err != nil {
		return err
	}
	return stateEvent(ctx, tx, reporter, run.Name, next, r.State, 0)
}
