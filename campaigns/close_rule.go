package campaigns

import (
	"context"

	"recert/model"
	"recert/model/store"
)

// closer is the actor of a close that nobody asked for: the campaign says so.
var closer = system("campaign rule")

// CloseByRule closes the running runs whose campaign says that they close by themselves: when all who work here
// have signed off and nothing is without an answer, or when the run is due. It gives their number.
func (s *Service) CloseByRule(ctx context.Context) (int, error) {
	return s.eachRunning(ctx, func(run model.Run) (bool, error) {
		why, err := closeReason(ctx, s.Store, run, model.TimeOf(s.Store.Now()))
		return why != "", err
	}, func(ctx context.Context, tx *store.Tx, run model.Run) (int, error) {
		why, err := closeReason(ctx, tx, run, tx.Now)
		if err != nil || why == "" {
			return 0, err
		}
		c, err := closeRun(ctx, tx, closer, run, why)
		if err != nil || c.Run.State != model.Closed {
			return 0, err
		}
		return 1, nil
	})
}

type ruleReader interface {
	RunCounts(ctx context.Context, run int64) (model.Counts, error)
	UnfinishedReviewers(ctx context.Context, run int64) ([]int64, error)
}

// closeReason is why a run closes by itself now; "" is that it does not.
func closeReason(ctx context.Context, q ruleReader, run model.Run, now model.Time) (string, error) {
	spec, err := specOf(run)
	switch {
	case err != nil || run.State != model.Running:
		return "", err
	case spec.Close == CloseDue && now > run.DueAt:
		return "it was due", nil
	case spec.Close == "":
		return "", nil
	}
	counts, err := q.RunCounts(ctx, run.ID)
	if err != nil || counts.Unanswered > 0 {
		return "", err
	}
	people, err := q.UnfinishedReviewers(ctx, run.ID)
	if err != nil || len(people) > 0 {
		return "", err
	}
	return "everybody has signed off", nil
}
