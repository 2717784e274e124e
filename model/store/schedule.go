package store

import (
	"context"

	"recert/model"
)

// Schedules are the campaigns that are launched by themselves, and when next; of some the schedule may
// have been taken out of the definition since.
func (q queries) Schedules(ctx context.Context) ([]model.Schedule, error) {
	var rs []model.Schedule
	err := q.all(ctx, &rs, "SELECT * FROM schedules ORDER BY campaign")
	return rs, err
}

// Schedule is when a campaign is launched next; ok is false where that was never reckoned.
func (q queries) Schedule(ctx context.Context, campaign string) (r model.Schedule, ok bool, err error) {
	return q.schedule(ctx, campaign, "")
}

// LockSchedule is Schedule for a change.
func (tx *Tx) LockSchedule(ctx context.Context, campaign string) (r model.Schedule, ok bool, err error) {
	return tx.schedule(ctx, campaign, tx.forUpdate())
}

func (q queries) schedule(ctx context.Context, campaign, lock string) (r model.Schedule, ok bool, err error) {
	var rs []model.Schedule
	err = q.all(ctx, &rs, "SELECT * FROM schedules WHERE campaign = ?"+lock, campaign)
	if err != nil || len(rs) == 0 {
		return r, false, err
	}
	return rs[0], true, nil
}

// PutSchedule stores when a campaign is launched next.
func (tx *Tx) PutSchedule(ctx context.Context, s model.Schedule) error {
	return tx.execOne(ctx, `INSERT INTO schedules (campaign, rule, next_at, try_at, problem) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (campaign) DO UPDATE SET rule = excluded.rule, next_at = excluded.next_at, try_at = excluded.try_at, problem = excluded.problem`,
		s.Campaign, s.Rule, s.NextAt, s.TryAt, s.Problem)
}
