package campaigns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
)

// remindHour is when reminders go out, in the campaign's zone: when a working day begins.
const remindHour = 9

// parseReminder reads 7d (before the due date), 0d (on its day) or +1d (after it) as a number of days to
// add to the due date.
func parseReminder(s string) (days int, err error) {
	after, isAfter := strings.CutPrefix(s, "+")
	days, err = model.ParseDays(after)
	if !isAfter {
		days = -days
	}
	return days, err
}

// Remind queues what reviewers are told by mail: that a review began, and, to those who have not
// finished, the reminders of its campaign. It gives the number of messages. Any number of replicas may
// do it at once: each occasion is told of once. Where several reminders have come due since it was last
// called only the latest is told of; what waits in other runs is in the same mail.
func (s *Service) Remind(ctx context.Context) (int, error) {
	return s.eachRunning(ctx, func(run model.Run) (bool, error) {
		o, err := occasionOf(run, model.TimeOf(s.Store.Now()))
		return o != nil, err
	}, remind)
}

// eachRunning does something in each running run in which there may be something to do, in a transaction of its
// own with the run locked, and adds up what was done. A paused run is passed over. Most often there is nothing, and then nothing is locked.
func (s *Service) eachRunning(ctx context.Context, may func(model.Run) (bool, error), do func(context.Context, *store.Tx, model.Run) (int, error)) (int, error) {
	runs, err := s.Store.RunList(ctx, store.RunFilter{State: model.Running})
	if err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	for _, run := range runs {
		if run.PausedAt.Known() {
			continue
		}
		if ok, err := may(run); err != nil || !ok {
			errs = append(errs, err)
			continue
		}
		done := 0
		errs = append(errs, s.Store.InTx(ctx, func(tx *store.Tx) error {
			run, err := tx.LockRun(ctx, run.ID, true)
			if err == nil && !run.PausedAt.Known() {
				done, err = do(ctx, tx, run)
			}
			return err
		}))
		n += done
	}
	return n, errors.Join(errs...)
}

// occasion is a reason to tell the reviewers of a run something.
type occasion struct {
	begins bool   // that it began
	day    string // of a reminder, in the campaign's zone
}

// occasionOf is the latest occasion that nobody was told of yet; nil is none.
func occasionOf(run model.Run, now model.Time) (*occasion, error) {
	if run.State != model.Running {
		return nil, nil
	}
	if !run.RemindedAt.Known() {
		return &occasion{begins: true}, nil
	}
	spec, err := specOf(run)
	if err != nil {
		return nil, err
	}
	var found *occasion
	last := run.RemindedAt
	for _, r := range spec.Reminders {
		at, err := spec.remindAt(run.DueAt, r)
		if err != nil {
			return nil, err
		}
		if at > last && at <= now {
			last, found = at, &occasion{day: at.Std().In(spec.location).Format(time.DateOnly)}
		}
	}
	return found, nil
}

// remindAt is when one of the campaign's reminders goes out.
func (p *parsed) remindAt(due model.Time, reminder string) (model.Time, error) {
	days, err := parseReminder(reminder)
	if err != nil {
		return 0, err
	}
	d := due.Std().In(p.location).AddDate(0, 0, days)
	return model.TimeOf(time.Date(d.Year(), d.Month(), d.Day(), remindHour, 0, 0, 0, p.location)), nil
}

// NextReminder is when those who have not finished a run are reminded next; unknown is never.
func NextReminder(run model.Run, now model.Time) (next model.Time, err error) {
	if run.State != model.Running {
		return 0, nil
	}
	spec, err := specOf(run)
	if err != nil {
		return 0, err
	}
	for _, r := range spec.Reminders {
		at, err := spec.remindAt(run.DueAt, r)
		if err != nil {
			return 0, err
		}
		if at > now && (at < next || !next.Known()) {
			next = at
		}
	}
	return next, nil
}

func remind(ctx context.Context, tx *store.Tx, run model.Run) (told int, err error) {
	o, err := occasionOf(run, tx.Now)
	switch {
	case err != nil || o == nil:
		return 0, err
	case o.begins:
		told, err = beginAll(ctx, tx, run)
	default:
		told, err = remindAll(ctx, tx, run, o.day)
	}
	if err != nil {
		return 0, err
	}
	return told, tx.MarkReminded(ctx, run.ID)
}

// beginAll tells the reviewers of a run that it began.
func beginAll(ctx context.Context, tx *store.Tx, run model.Run) (told int, err error) {
	people, err := tx.UnfinishedReviewers(ctx, run.ID)
	for _, person := range people {
		isNew, err := tellReview(ctx, tx, run.ID, person)
		if err != nil {
			return 0, err
		}
		if isNew {
			told++
		}
	}
	return told, err
}

// remindAll reminds those who have not finished a run, once an occasion.
func remindAll(ctx context.Context, tx *store.Tx, run model.Run, occasion string) (told int, err error) {
	people, err := tx.UnfinishedReviewers(ctx, run.ID)
	if err != nil {
		return 0, err
	}
	waiting, err := tx.WaitingReminders(ctx)
	if err != nil {
		return 0, err
	}
	for _, person := range people {
		// One that waits, as mail is not set up or the server is down, will say all there is when it goes.
		// The mail lists all that waits, whichever run's day it is.
		if _, waits := slices.BinarySearch(waiting, person); waits {
			continue
		}
		_, isNew, err := tx.AddMessage(ctx, store.NewMessage{
			Key: fmt.Sprintf("%s/%d/%s", model.MessageReminder, person, occasion), Kind: model.MessageReminder, RunID: run.ID, PersonKey: person,
		})
		if err != nil {
			return 0, err
		}
		if isNew {
			told++
		}
	}
	return told, nil
}

// tellReview tells a reviewer that a run has something for that one, unless it was told.
func tellReview(ctx context.Context, tx *store.Tx, run, person int64) (isNew bool, err error) {
	_, isNew, err = tx.AddMessage(ctx, store.NewMessage{
		Key: fmt.Sprintf("%s/%d/%d", model.MessageReview, run, person), Kind: model.MessageReview, RunID: run, PersonKey: person,
	})
	return isNew, err
}
