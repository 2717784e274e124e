package campaigns

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// ExtendInput gives a running run another due date.
type ExtendInput struct {
	RunID  int64
	Due    string // its last day, YYYY-MM-DD where the campaign is
	Reason string // stands in the evidence
}

// Extend moves the due date of a running run, to any day that is not over, and tells the reviewers who
// have not finished. The day that it is due already changes nothing. Only an admin or a campaign manager
// may.
func (s *Service) Extend(ctx context.Context, actor model.Actor, in ExtendInput) (model.Run, error) {
	if err := mayRun(actor); err != nil {
		return model.Run{}, err
	}
	reason, err := reasonOf(in.Reason, "Say why it is due on another day: it stands in the evidence.")
	if err != nil {
		return model.Run{}, err
	}
	var run model.Run
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if run, err = tx.LockRun(ctx, in.RunID, true); err != nil {
			return err
		}
		if run.State != model.Running {
			return model.Errorf(model.Conflict, "This campaign is closed; its due date is over.")
		}
		due, err := dueOn(run, in.Due, tx.Now)
		if err != nil || due == run.DueAt {
			return err
		}
		return amend(ctx, tx, actor, &run, due, "", reason)
	})
	return run, err
}

// reasonOf is a reason as it was typed, or what is wrong with it; missing is said where there is none.
func reasonOf(typed, missing string) (string, error) {
	reason := strings.TrimSpace(typed)
	switch {
	case reason == "":
		return "", model.Errorf(model.Invalid, "%s", missing)
	case !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) || utf8.RuneCountInString(reason) > maxComment:
		return "", model.Errorf(model.Invalid, "The reason has at most %d characters of text.", maxComment)
	}
	return reason, nil
}

// dueOn is the end of the working day of a date where the campaign is.
func dueOn(run model.Run, date string, now model.Time) (model.Time, error) {
	spec, err := specOf(run)
	if err != nil {
		return 0, err
	}
	day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(date), spec.location)
	if err != nil {
		return 0, model.Errorf(model.Invalid, "Give the new due date as a day, as 2026-12-31 is.")
	}
	due := spec.endOf(model.TimeOf(day), 0)
	switch {
	case due <= now:
		return 0, model.Errorf(model.Invalid, "%s is over. Choose a later day; to end the campaign now, close it.", day.Format("2 January 2006"))
	case due > now.Add(model.MaxDays*24*time.Hour):
		return 0, model.Errorf(model.Invalid, "%s is more than ten years away.", day.Format("2 January 2006"))
	}
	return due, nil
}

// amended writes the event of a change.
func amended(ctx context.Context, tx *store.Tx, actor model.Actor, run *model.Run, due model.Time, cause, reason string) error {
	personal := map[string]string{}
	if reason != "" {
		personal["reason"] = reason
	}
	_, err := appendEvent(ctx, tx, actor, run.Name, evidence.TypeCampaignAmended, evidence.RunObject(run.Name),
		evidence.CampaignAmended{DueFrom: verifyTime(run.DueAt), DueAt: verifyTime(due), Cause: cause}, personal)
	return err
}

// amend makes a run due at another time, and tells those who have not finished.
func amend(ctx context.Context, tx *store.Tx, actor model.Actor, run *model.Run, due model.Time, cause, reason string) error {
	if err := amended(ctx, tx, actor, run, due, cause, reason); err != nil {
		return err
	}
	run.DueAt = due
	if err := tx.AmendRun(ctx, run.ID, due); err != nil || !run.RemindedAt.Known() {
		return err
	}
	_, err := remindAll(ctx, tx, *run, fmt.Sprintf("%d/%d", run.ID, due))
	return err
}

// Amendment is one change of a run after its launch.
type Amendment struct {
	At     model.Time
	By     string
	From   model.Time // when it was due before
	To     model.Time
	Cause  string // "" is that By decided it; else one of evidence's causes
	Reason string // "" where it was erased, and where no person decided it
}

type amendReader interface {
	EventsOf(ctx context.Context, run, object string) ([]store.Event, error)
	DisclosuresOf(ctx context.Context, events []int64) ([]store.Disclosure, error)
}

// amendments are the changes of a run, the first one first, as its log has them.
func amendments(ctx context.Context, q amendReader, run string) ([]Amendment, error) {
	events, err := q.EventsOf(ctx, run, evidence.RunObject(run))
	if err != nil {
		return nil, err
	}
	var out []Amendment
	at := map[int64]int{}
	var ids []int64
	for _, e := range events {
		if e.Type != evidence.TypeCampaignAmended {
			continue
		}
		body, err := evidence.BodyOf(e.Leaf)
		if err != nil {
			return nil, err
		}
		b := body.(*evidence.CampaignAmended) //nolint:errcheck,forcetypeassert // its type says so
		at[e.ID] = len(out)
		ids = append(ids, e.ID)
		out = append(out, Amendment{At: e.At, From: model.Time(b.DueFrom), To: model.Time(b.DueAt), Cause: b.Cause})
	}
	open, err := q.DisclosuresOf(ctx, ids)
	for _, d := range open {
		switch a := &out[at[d.EventID]]; d.Field {
		case "actor":
			a.By = d.Value
		case "reason":
			a.Reason = d.Value
		}
	}
	return out, err
}

// Amendments are the changes of a run since its launch, the first one first. Only an admin, a campaign
// manager or an auditor may see them.
func (s *Service) Amendments(ctx context.Context, actor model.Actor, run model.Run) ([]Amendment, error) {
	if !actor.Has(model.Admin, model.CampaignManager, model.Auditor) {
		return nil, model.Errorf(model.NotFound, "There is no such review.")
	}
	return amendments(ctx, s.Store, run.Name)
}
