package remediate

import (
	"context"
	"fmt"
	"slices"

	"recert/model"
	"recert/model/store"
)

// taskChunk is how many tasks are opened in one transaction.
const taskChunk = 100

// openTasks makes the removals of a source that a person has to do tasks. Nothing is asked of
// any target, so there is no attempt; only a later snapshot closes them. Where one is to give what is
// there already, that snapshot is asked for at once.
func (w *Worker) openTasks(ctx context.Context, source int64) (int, error) {
	n, there := 0, false
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		there = false
		rs, err := tx.DueTasks(ctx, source, taskChunk)
		if err != nil {
			return err
		}
		n = len(rs)
		for _, r := range rs {
			if err := openTask(ctx, tx, r); err != nil {
				return fmt.Errorf("removal %d: %w", r.ID, err)
			}
			has, err := givenAlready(ctx, tx, r)
			if err != nil {
				return fmt.Errorf("removal %d: %w", r.ID, err)
			}
			there = there || has
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("open the tasks of source %d: %w", source, err)
	}
	if there {
		w.rereads(source)
	}
	return n, nil
}

// givenAlready tells whether the last snapshot shows what is to be given. That was read before it was asked for, and
// it may have been taken away since: it proves nothing, and the next one does.
func givenAlready(ctx context.Context, tx *store.Tx, r model.Remediation) (bool, error) {
	if !r.Kind.Gives() || r.EntitlementKey == nil {
		return false, nil
	}
	live, err := tx.GrantsOfAccess(ctx, r.SourceID, r.AccountKey, *r.EntitlementKey, store.Live)
	return slices.ContainsFunc(live, func(g store.Grant) bool { return g.Via == r.Via }), err
}

func openTask(ctx context.Context, tx *store.Tx, r model.Remediation) error {
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	why, err := contested(ctx, tx, r)
	if err == nil && why == "" {
		why, err = hasLeft(ctx, tx, r)
	}
	if err != nil {
		return err
	}
	if why != "" { // it came back, and the person concerned says why; or it is to be given to who has left
		from := r.State
		r.State, r.Reason = model.Held, why
		if err := tx.MoveRemediation(ctx, r, from); err != nil {
			return err
		}
		return stateEvent(ctx, tx, actor, run.Name, r, from, 0)
	}
	if err := tx.OpenTask(ctx, r, whyTask); err != nil {
		return err
	}
	if r.AssigneeKey != nil {
		if err := tx.AddTaskNotice(ctx, r.RunID, *r.AssigneeKey, r.ID); err != nil {
			return err
		}
	}
	from := r.State
	r.State, r.Reason = model.Sent, whyTask
	return stateEvent(ctx, tx, actor, run.Name, r, from, 0)
}
