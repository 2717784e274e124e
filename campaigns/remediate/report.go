package remediate

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

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
	// forgetReports is how long the ids of reports are remembered: longer than their times are taken.
	forgetReports = time.Hour
)

// reporter names the other side of a webhook in evidence.
const reporter = "webhook receiver"

// Report takes down what the other side of a webhook says of an order; its signature was verified,
// and message is its id. "done" makes the source be looked at now, and proves nothing; "refused" leaves
// the removal to a person. An order that nobody waits for is NotFound, a message that was taken before
// a Conflict.
func Report(ctx context.Context, s *store.Store, t model.Ticket, message, status, note string) error {
	if status != ReportDone && status != ReportRefused {
		return model.Errorf(model.Invalid, "status must be done or refused")
	}
	if utf8.RuneCountInString(note) > maxNote || !utf8.ValidString(note) {
		return model.Errorf(model.Invalid, "note has at most %d characters of text", maxNote)
	}
	note = oneLine(note)
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
		fresh, err := tx.TakeHookMessage(ctx, r.SourceID, message, tx.Now.Add(-forgetReports))
		if err != nil {
			return err
		}
		if !fresh {
			return model.Errorf(model.Conflict, "This webhook-id was taken before.")
		}
		return report(ctx, tx, r, now, status, note)
	})
}

func report(ctx context.Context, tx *store.Tx, r model.Remediation, t model.Ticket, status, note string) error {
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
	if status == ReportDone {
		return tx.HurryRemediation(ctx, r.ID)
	}
	if !r.State.Can(model.Failed) {
		return nil
	}
	next := r
	next.State, next.Reason, next.ClosedAt, next.NextAt = model.Failed, whyOrderDeclined, tx.Now, tx.Now
	if err := tx.MoveRemediation(ctx, next, r.State); err != nil {
		return err
	}
	return stateEvent(ctx, tx, reporter, run.Name, next, r.State, 0)
}

// oneLine is text of somebody else on one line, without control characters.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}), " ")
}
