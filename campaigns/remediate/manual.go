package remediate

import (
	"context"
	"fmt"

	"recert/model"
	"recert/model/store"
)

// taskChunk is how many tasks are opened in one transaction.
const taskChunk = 100

// openTasks makes the removals of a source that a person has to do tasks. Nothing is asked of
// any target, so there is no attempt; only a later snapshot closes them.
func (w *Worker) openTasks(ctx context.Context, source int64) (int, error) {
	n := 0
	err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		rs, err := tx.DueTasks(ctx, source, taskChunk)
		if err != nil {
			return err
		}
		n = len(rs)
		for _, r := range rs {
			if err := openTask(ctx, tx, r); err != nil {
				return fmt.Errorf("removal %d: %w", r.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("open the tasks of source %d: %w", source, err)
	}
	return n, nil
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
