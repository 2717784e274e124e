package remediate

import (
	"context"
	"fmt"
	"math"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// claims takes as many removals in a source as may be worked on now and writes their intents down, in
// one transaction that ends before the target hears anything. running is how many of them this worker
// is at.
func (w *Worker) claims(ctx context.Context, source int64, running int) ([]*claim, error) {
	var cs []*claim
	err := w.inTx(ctx, source, func(tx *store.Tx) (err error) {
		cs, err = w.claimed(ctx, tx, source, running)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim removals in source %d: %w", source, err)
	}
	return cs, nil
}

func (w *Worker) claimed(ctx context.Context, tx *store.Tx, source int64, running int) ([]*claim, error) {
	spec, declared, err := revokeSpec(ctx, tx, source)
	if err != nil {
		return nil, err
	}
	under, err := tx.RemovalsUnderWay(ctx, source)
	if err != nil {
		return nil, err
	}
	health, err := tx.SourceHealth(ctx, source)
	if err != nil {
		return nil, err
	}
	l, err := w.leeway(tx.Now, spec, health, under, running)
	if err != nil || l.removals == 0 {
		return nil, err
	}
	rs, err := tx.ClaimRemediations(ctx, source, under, l.removals, w.lease(spec))
	if err != nil || len(rs) == 0 {
		return nil, err
	}
	if l.rate > 0 {
		health.Tokens, health.RefilledAt = l.tokens-float64(len(rs)), tx.Now
		if err := tx.PutSourceHealth(ctx, health); err != nil {
			return nil, err
		}
	}
	return w.intents(ctx, tx, rs, claim{spec: spec, declared: declared, failures: health.Failures})
}

// intents writes down what is about to be tried. like is what the claims have in common.
func (w *Worker) intents(ctx context.Context, tx *store.Tx, rs []model.Remediation, like claim) ([]*claim, error) {
	subjects, err := tx.SubjectsOf(ctx, rs)
	if err != nil {
		return nil, err
	}
	cs := make([]*claim, len(rs))
	tries := make([]model.Attempt, len(rs))
	for i, r := range rs {
		c := like
		c.Remediation, c.subject = r, subjects[r.ID]
		run, err := runOf(ctx, tx, r.RunID)
		if err != nil {
			return nil, err
		}
		c.run = run.Name
		if c.moved, err = elsewhere(ctx, tx, &c); err != nil {
			return nil, err
		}
		if r.Attempts > 1 {
			if err := w.before(ctx, tx, &c); err != nil {
				return nil, err
			}
		}
		c.try = model.Attempt{RemediationID: r.ID, N: r.Attempts, Fence: r.Fence, Worker: w.Name, IntentAt: tx.Now}
		w.sync(&c, tx.Now)
		cs[i], tries[i] = &c, c.try
	}
	if w.unsafe.lateIntent {
		return cs, nil
	}
	return cs, tx.InsertAttempt(ctx, tries...)
}

// before reads what the earlier attempts of a removal tell, once those that nobody will end are ended.
func (w *Worker) before(ctx context.Context, tx *store.Tx, c *claim) error {
	if err := closeLost(ctx, tx, c.Remediation, c.run); err != nil {
		return err
	}
	attempts, err := tx.RemediationAttempts(ctx, c.ID)
	if err != nil {
		return err
	}
	c.past, err = pastOf(c.Remediation, attempts)
	return err
}

// revokeSpec is how a source's settings want removals done; declared is that it has settings.
func revokeSpec(ctx context.Context, tx *store.Tx, source int64) (spec model.RevokeSpec, declared bool, err error) {
	all, err := specOf(ctx, tx, source)
	if model.KindOf(err) == model.NotFound {
		return spec, false, nil
	}
	return all.Revoke, err == nil, err
}

// specOf are a source's settings; a source without any is NotFound.
func specOf(ctx context.Context, tx *store.Tx, source int64) (model.SourceSpec, error) {
	return store.Once(tx, "spec of "+id(source), func() (model.SourceSpec, error) {
		src, err := sourceOf(ctx, tx, source)
		if err != nil {
			return model.SourceSpec{}, err
		}
		return tx.SourceSpec(ctx, src.Name)
	})
}

// sourceOf is a source.
func sourceOf(ctx context.Context, tx *store.Tx, source int64) (store.Source, error) {
	return store.Once(tx, "source "+id(source), func() (store.Source, error) { return tx.SourceByID(ctx, source) })
}

// runOf is a run of a campaign.
func runOf(ctx context.Context, tx *store.Tx, run int64) (model.Run, error) {
	return store.Once(tx, "run "+id(run), func() (model.Run, error) { return tx.RunByID(ctx, run) })
}

// leeway is how much may be done in a source right now.
type leeway struct {
	removals int
	rate     float64 // removals a second; 0 is any number
	tokens   float64 // removals that the rate allows now
}

// leeway counts all workers: what runs anywhere, what was asked lately by anybody, and what any of them
// found out about how the source can be reached.
func (w *Worker) leeway(now model.Time, spec model.RevokeSpec, h store.SourceHealth, under []store.UnderWay, running int) (leeway, error) {
	most, err := campaigns.RemovalConcurrency(spec.Concurrency)
	if err != nil {
		return leeway{}, err
	}
	live := 0
	for _, u := range under {
		if u.Mode == model.ModeConnector && u.LeaseUntil >= now {
			live++
		}
	}
	l := leeway{removals: most - live}
	if w.Concurrency > 0 {
		l.removals = min(l.removals, w.Concurrency-running)
	}
	switch {
	case h.OpenUntil > now:
		l.removals = 0
	case h.Failures >= breakAfter && live > 0:
		l.removals = 0 // somebody is trying it
	case h.Failures >= breakAfter:
		l.removals = min(l.removals, 1)
	}
	if l.rate, err = campaigns.RemovalRate(spec.Rate); err != nil {
		return leeway{}, err
	}
	if l.rate > 0 {
		l.tokens = h.Refill(now, l.rate, max(l.rate, 1))
		l.removals = min(l.removals, int(math.Floor(l.tokens+1e-9)))
	}
	l.removals = max(l.removals, 0)
	return l, nil
}

// timeout is how long one look or one call may take, by the source's settings.
func (c *claim) timeout(otherwise time.Duration) time.Duration {
	if d, err := campaigns.RemovalTimeout(c.spec.Timeout); err == nil && d > 0 {
		return d
	}
	return otherwise
}

// lease is for how long a claim is taken and, by a mark, taken anew: longer than a look, a call and
// another look.
func (w *Worker) lease(spec model.RevokeSpec) time.Duration {
	d, err := campaigns.RemovalTimeout(spec.Timeout)
	if err != nil || d == 0 {
		return w.Lease
	}
	return max(w.Lease, 3*d+time.Minute)
}

// undeclared ends an attempt in a source that has no settings any more. Somebody may be about to
// declare it anew, so that is not the end at once.
func (w *Worker) undeclared(ctx context.Context, c *claim) error {
	c.try.Outcome = outcomePostponed
	if c.past.failures+1 < mostUndeclared {
		return w.finish(ctx, c, verdict{to: c.State, reason: whyUndeclared, retry: true}, nil)
	}
	return w.finish(ctx, c, settle(model.Failed, whyUndeclared), nil)
}
