package remediate

import (
	"context"
	"log/slog"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// pause lets nothing more be asked of a source whose target refuses our credentials. It has a
// transaction of its own: a snapshot that is being sealed holds the source's row, and removals
// after that. A worker that dies before it is refused once more, and pauses then.
func (w *Worker) pause(ctx context.Context, source int64, fail *connector.Failure) error {
	why := whyDenied
	if fail != nil {
		why = fail.Msg
	}
	w.Log.WarnContext(ctx, "removals paused", slog.Int64("source", source), slog.String("reason", why))
	return w.Store.InTx(ctx, func(tx *store.Tx) error {
		src, err := tx.SourceByID(ctx, source)
		if err != nil || src.Paused != "" {
			return err
		}
		if err := tx.PauseSource(ctx, source, why); err != nil {
			return err
		}
		return switched(ctx, tx, actor, evidence.RemovalsSwitched{Source: src.Name, Stopped: true, Reason: why})
	})
}

// Resume lets removals in a source go on after they were paused. Only an admin may.
func Resume(ctx context.Context, s *store.Store, who model.Actor, source int64) error {
	if !who.Has(model.Admin) {
		return model.Errorf(model.Forbidden, "Only an admin may let removals go on.")
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		src, err := tx.SourceByID(ctx, source)
		if err != nil || src.Paused == "" {
			return err
		}
		if err := tx.PauseSource(ctx, source, ""); err != nil {
			return err
		}
		return switched(ctx, tx, who.Label(), evidence.RemovalsSwitched{Source: src.Name})
	})
}

// Retry lets a failed removal go on: it is queued, and what was tried before counts no more. The
// person answers for it that the access which is there now may go. Admins and campaign managers may.
func Retry(ctx context.Context, s *store.Store, who model.Actor, id int64) error {
	if !who.Has(model.Admin, model.CampaignManager) {
		return model.Errorf(model.Forbidden, "Only an admin or a campaign manager may do this.")
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, id)
		if err != nil {
			return err
		}
		if r.Kind.Gives() {
			if _, err := notOwn(ctx, tx, who, r); err != nil {
				return err
			}
			if err := campaigns.StillHere(ctx, tx, r); err != nil {
				return err
			}
		}
		if r.State != model.Failed {
			return model.Errorf(model.Conflict, "This revocation has not failed; it is %s. Load the page again.", r.State)
		}
		if err := uncontested(ctx, tx, r); err != nil {
			return err
		}
		run, err := tx.RunByID(ctx, r.RunID)
		if err != nil {
			return err
		}
		if err := tx.RequeueRemediation(ctx, id, whyRetried); err != nil {
			return err
		}
		r.State, r.Reason, r.Proof = model.Queued, whyRetried, ""
		return stateEvent(ctx, tx, who.Label(), run.Name, r, model.Failed, 0)
	})
}
