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

// chores queues the removals of what was kept until a day that is over, and carries out the answers that an
// access stays, until ctx ends. Any number of replicas may do it.
func chores(ctx context.Context, s *store.Store, log *slog.Logger) error {
	tick := time.NewTicker(choresEvery)
	defer tick.Stop()
	for {
		n, err := newCampaigns(s).ExpireKeeps(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "the keeps that have ended could not be looked up", slog.Any("error", err))
		case n > 0:
			log.InfoContext(ctx, "keeps have ended", slog.Int("items", n))
		}
		n, err = newCampaigns(s).SettleUpheld(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "the answers that an access stays could not be carried out", slog.Any("error", err))
		case n > 0:
			log.InfoContext(ctx, "answers that an access stays were carried out", slog.Int("removals", n))
		}
		n, err = newCampaigns(s).LaunchScheduled(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "scheduled campaigns could not be launched", slog.Any("error", err))
		case n > 0:
			log.InfoContext(ctx, "campaigns were launched by their schedule", slog.Int("runs", n))
		}
		n, err = newCampaigns(s).Remind(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "reviewers could not be told of their reviews", slog.Any("error", err))
		case n > 0:
			log.InfoContext(ctx, "reviewers are told of their reviews", slog.Int("messages", n))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
