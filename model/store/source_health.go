package store

import (
	"context"
	"time"

	"recert/model"
)

// SourceHealth is what all workers know of how a source can be reached. The zero value is one that
// nothing is known against.
type SourceHealth struct {
	SourceID   int64      `bun:"source_id"`
	Failures   int        `bun:"failures"`    // attempts in a row that could not read it
	OpenUntil  model.Time `bun:"open_until"`  // nothing is asked of it before; 0 is never set
	Reason     string     `bun:"reason"`      // why, for people
	Tokens     float64    `bun:"tokens"`      // removals that its rate allowed at RefilledAt
	RefilledAt model.Time `bun:"refilled_at"` // 0 is never
}

// Refill gives the removals that a rate a second allows at an instant: no more than burst at once.
func (h SourceHealth) Refill(now model.Time, rate, burst float64) float64 {
	if !h.RefilledAt.Known() {
		return burst
	}
	since := max(now.Std().Sub(h.RefilledAt.Std()), 0)
	return min(h.Tokens+rate*float64(since)/float64(time.Second), burst)
}

// SourceHealth is what is known of a source.
func (q queries) SourceHealth(ctx context.Context, source int64) (SourceHealth, error) {
	var hs []SourceHealth
	if err := q.all(ctx, &hs, "SELECT * FROM source_health WHERE source_id = ?", source); err != nil || len(hs) == 0 {
		return SourceHealth{SourceID: source}, err
	}
	return hs[0], nil
}

// WaitingSources are the sources that nothing is asked of at an instant, by id.
func (q queries) WaitingSources(ctx context.Context, now model.Time) (map[int64]SourceHealth, error) {
	var hs []SourceHealth
	if err := q.all(ctx, &hs, "SELECT * FROM source_health WHERE open_until > ?", now); err != nil {
		return nil, err
	}
	out := map[int64]SourceHealth{}
	for _, h := range hs {
		out[h.SourceID] = h
	}
	return out, nil
}

// PutSourceHealth stores what is known of a source. The caller holds LockBrake.
func (tx *Tx) PutSourceHealth(ctx context.Context, h SourceHealth) error {
	_, err := tx.exec(ctx, `INSERT INTO source_health (source_id, failures, open_until, reason, tokens, refilled_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (source_id) DO UPDATE SET failures = excluded.failures, open_until = excluded.open_until, reason = excluded.reason,
		tokens = excluded.tokens, refilled_at = excluded.refilled_at`, h.SourceID, h.Failures, h.OpenUntil, h.Reason, h.Tokens, h.RefilledAt)
	return err
}
