package main

import (
	"context"
	"log/slog"
	"time"

	"recert/model/store"
)

// choresEvery is how often chores are looked for: a keep ends with a day, and a minute after it is soon
// enough.
const choresEvery = time.Minute

// chores does what a clock brings about, until ctx ends. Any number of replicas may do it.
func chores(ctx context.Context, s *store.Store, log *slog.Logger) error {
	c := newCampaigns(s)
	all := []struct {
		name string
		do   func(ctx context.Context) (int, error)
	}{
		{"end keeps", c.ExpireKeeps}, {"carry out answers that an access stays", c.SettleUpheld},
		{"launch scheduled campaigns", c.LaunchScheduled}, {"replace reviewers who have left", c.ReplaceReviewers}, {"give items to deputies", c.Deputize},
		{"escalate what nobody answered", c.Escalate}, {"close campaigns by their rule", c.CloseByRule}, {"tell reviewers of their reviews", c.Remind},
	}
	tick := time.NewTicker(choresEvery)
	defer tick.Stop()
	for {
		for _, one := range all {
			n, err := one.do(ctx)
			if err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "a chore failed", slog.String("chore", one.name), slog.Any("error", err))
			}
			if n > 0 {
				log.InfoContext(ctx, "a chore was done", slog.String("chore", one.name), slog.Int("count", n))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
