package campaigns

import (
	"context"

	"recert/model"
	"recert/model/store"
)

// dryChunk is how many removals are read at once where a dry run ends.
const dryChunk = 500

// dryNow tells whether a source is on dry run at this moment; one without settings is not.
func dryNow(ctx context.Context, q interface {
	SourceSpec(ctx context.Context, name string) (model.SourceSpec, error)
}, source string,
) (bool, error) {
	spec, err := q.SourceSpec(ctx, source)
	if model.KindOf(err) == model.NotFound {
		return false, nil
	}
	return spec.Revoke.DryRun, err
}

// untold tells whether nobody is told of a removal yet: its source is on dry run, so that it does not go
// out. Tasks for people do.
func untold(r model.Remediation, dry bool) bool {
	return dry && r.Mode != model.ModeManual && !r.CalledAt.Known() && !r.ClosedAt.Known()
}

// endDryRun follows the end of a source's dry run: what nothing was asked for may go out from now on, so
// that the people concerned are told now, and have the time of grace from now.
func endDryRun(ctx context.Context, tx *store.Tx, name string) error {
	src, err := tx.Source(ctx, name)
	if err != nil {
		return err
	}
	// A worker that is about to ask has this lock while it looks whether it is a dry run.
	if err := tx.LockBrake(ctx, src.ID); err != nil {
		return err
	}
	removers := map[int64]*remover{}
	for after := int64(0); ; {
		rs, err := tx.UnaskedRemovals(ctx, src.ID, after, dryChunk)
		if err != nil {
			return err
		}
		for _, r := range rs {
			after = r.ID
			rm := removers[r.RunID]
			if rm == nil {
				run, err := tx.RunByID(ctx, r.RunID)
				if err != nil {
					return err
				}
				rm = newRemover(tx, system("end of a dry run"), run)
				removers[r.RunID] = rm
			}
			at, err := rm.afterGrace(tx.Now)
			if err != nil {
				return err
			}
			if err := tx.PostponeRemoval(ctx, r, at); err != nil {
				return err
			}
			if err := rm.tell(ctx, r); err != nil {
				return err
			}
		}
		if len(rs) < dryChunk {
			return nil
		}
	}
}
