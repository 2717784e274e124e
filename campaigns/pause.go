package campaigns

import (
	"context"
	"fmt"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Pause stops a running run: nobody can answer or sign off in it, nobody is reminded, nothing escalates and it does
// not close by itself, until it goes on. What was answered stays; removals that are under way go on. A run that is
// paused already stays as it is. Only an admin or a campaign manager may.
func (s *Service) Pause(ctx context.Context, actor model.Actor, runID int64, why string) (model.Run, error) {
	return s.pausing(ctx, actor, runID, why, "Say why it is paused: its reviewers read it, and it stands in the evidence.",
		func(ctx context.Context, tx *store.Tx, run *model.Run, reason string) error {
			if run.PausedAt.Known() {
				return nil
			}
			if err := amended(ctx, tx, actor, run, run.DueAt, evidence.CausePaused, reason); err != nil {
				return err
			}
			run.PausedAt = tx.Now
			return tx.PauseRun(ctx, run.ID, tx.Now)
		})
}

// Resume lets a paused run go on. Where later is set it is due as many days later as it was paused for, and those who
// have not finished are told. A run that is not paused stays as it is. Only an admin or a campaign manager may.
func (s *Service) Resume(ctx context.Context, actor model.Actor, runID int64, why string, later bool) (model.Run, error) {
	return s.pausing(ctx, actor, runID, why, "Say why it goes on: it stands in the evidence.",
		func(ctx context.Context, tx *store.Tx, run *model.Run, reason string) error {
			if !run.PausedAt.Known() {
				return nil
			}
			spec, err := specOf(*run)
			if err != nil {
				return err
			}
			due := run.DueAt
			if days := spec.daysBetween(run.PausedAt, tx.Now); later && days > 0 {
				due = spec.endOf(run.DueAt, days)
			}
			if err := amended(ctx, tx, actor, run, due, evidence.CauseResumed, reason); err != nil {
				return err
			}
			moved := due != run.DueAt
			run.PausedAt, run.DueAt = 0, due
			if err := tx.PauseRun(ctx, run.ID, 0); err != nil || !moved {
				return err
			}
			if err := tx.AmendRun(ctx, run.ID, due); err != nil || !run.RemindedAt.Known() {
				return err
			}
			_, err = remindAll(ctx, tx, *run, fmt.Sprintf("%d/%d", run.ID, due))
			return err
		})
}

func (s *Service) pausing(ctx context.Context, actor model.Actor, runID int64, why, missing string, do func(context.Context, *store.Tx, *model.Run, string) error) (model.Run, error) {
	if err := mayRun(actor); err != nil {
		return model.Run{}, err
	}
	reason, err := reasonOf(why, missing)
	if err != nil {
		return model.Run{}, err
	}
	var run model.Run
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if run, err = tx.LockRun(ctx, runID, true); err != nil {
			return err
		}
		if run.State != model.Running {
			return model.Errorf(model.Conflict, "This campaign is closed.")
		}
		return do(ctx, tx, &run, reason)
	})
	return run, err
}

// daysBetween is how many midnights of the campaign's zone lie between two instants.
func (p *parsed) daysBetween(from, to model.Time) (n int) {
	for t := nextDay(from, p.location); t <= to; t = nextDay(t, p.location) {
		n++
	}
	return n
}

// Paused tells why a run is paused, as it may be read by its reviewers; "" where it is not, or the reason was erased.
func (s *Service) Paused(ctx context.Context, run model.Run) (string, error) {
	if !run.PausedAt.Known() {
		return "", nil
	}
	list, err := amendments(ctx, s.Store, run.Name)
	why := ""
	for _, a := range list {
		if a.Cause == evidence.CausePaused {
			why = a.Reason
		}
	}
	return why, err
}
