package main

import (
	"context"
	"log/slog"
	"time"

	"recert/model/store"
)

// expiryEvery is how often the ends of keeps are looked for: a day has one end, and a minute after it
// is soon enough.
const expiryEvery = time.Minute

// endKeeps queues the removals of what was kept until a day that is over, until ctx ends. Any number
// of replicas may do it.
func endKeeps(ctx context.Context, s *store.Store, log *slog.Logger) error {
	tick := time.NewTicker(expiryEvery)
	defer tick.Stop()
	for {
		n, err := newCampaigns(s).ExpireKeeps(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "the keeps that have ended could not be looked up", slog.Any("error", err))
		case n > 0:
			log.InfoContext(ctx, "keeps have ended", slog.Int("items", n))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
