package campaigns

import (
	"context"

	"recert/model"
	"recert/model/store"
)

// Status is where a run stands. Its JSON is public.
type Status struct {
	Name  string         `json:"name"` // CAMPAIGN@DATE
	State model.RunState `json:"state"`
	model.Counts
	Due model.Time `json:"due"`
}

// Status tells where one run stands, by its name or its campaign's (the latest run); "" is all
// runs, the latest first.
func (s *Service) Status(ctx context.Context, name string) ([]Status, error) {
	var runs []model.Run
	if name != "" {
		run, err := s.Store.RunByName(ctx, name)
		if err != nil {
			return nil, err
		}
		runs = []model.Run{run}
	} else {
		var err error
		if runs, err = s.Store.RunList(ctx, store.RunFilter{}); err != nil {
			return nil, err
		}
	}
	all := make([]Status, 0, len(runs))
	for _, run := range runs {
		counts, err := s.Store.RunCounts(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, Status{Name: run.Name, State: run.State, Counts: counts, Due: run.DueAt})
	}
	return all, nil
}
