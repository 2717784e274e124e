package campaigns

import (
	"context"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// expiryChunk is how many keeps one transaction ends.
const expiryChunk = 200

// untilLast is the end of the last day of a keep in a zone: it holds through that day.
func untilLast(until string, loc *time.Location) (model.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, until, loc)
	if err != nil {
		return 0, model.Errorf(model.Invalid, "%q is not a date like 2027-03-31.", until)
	}
	return model.TimeOf(time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, loc)), nil
}

// checkUntil refuses to keep something until a day that is over.
func (d *deciding) checkUntil(until string) error {
	if until == "" {
		return nil
	}
	end, err := untilLast(until, d.spec.location)
	if err != nil {
		return err
	}
	if end <= d.tx.Now {
		return model.Errorf(model.Invalid, "%s is over already. Choose today or a later day, or answer with remove.", until)
	}
	return nil
}

// ExpireKeeps queues the removals of what was kept until a day that is over, in all runs, and gives the
// number of items for which it did. Any number of replicas may do it at once: each keep ends once.
//
// Only what is final ends: before the sign-off the answer may still change. Only the grants that were
// reviewed go; what was granted anew since is not among them. A later run that decided about the same
// access, or that removes it for want of an answer, takes the place of the earlier keep, whatever that
// one said; while a later run is answered keep and that is not final yet, the keep goes on.
func (s *Service) ExpireKeeps(ctx context.Context) (int, error) {
	n := 0
	for after := (store.DueKeep{}); ; {
		var page []store.DueKeep
		var queued int
		err := s.Store.InTx(ctx, func(tx *store.Tx) (err error) {
			queued = 0
			// No zone is further ahead than this.
			today := tx.Now.Std().Add(14 * time.Hour).Format(time.DateOnly)
			if page, err = tx.DueKeeps(ctx, today, after, expiryChunk); err != nil {
				return err
			}
			for i := range page {
				done, err := expire(ctx, tx, &page[i])
				if err != nil {
					return err
				}
				if done {
					queued++
				}
			}
			return nil
		})
		n += queued
		if err != nil || len(page) < expiryChunk {
			return n, err
		}
		after = page[len(page)-1]
	}
}

// expire ends one keep, if it has come to its end; queued is that its removals are queued now.
func expire(ctx context.Context, tx *store.Tx, k *store.DueKeep) (queued bool, err error) {
	loc, err := zone(k.TimeZone)
	if err != nil {
		return false, err
	}
	end, err := untilLast(k.Until, loc)
	if err != nil || tx.Now < end {
		return false, err
	}
	result, live, err := endOfKeep(ctx, tx, &k.Item)
	if err != nil || result == "" {
		return false, err
	}
	first, err := tx.EndKeep(ctx, model.EndedKeep{RunID: k.RunID, ItemID: k.ID, Result: result})
	if err != nil || !first || result != model.KeepQueued {
		return false, err
	}
	run, err := tx.RunByID(ctx, k.RunID)
	if err != nil {
		return false, err
	}
	rm := newRemover(tx, system("end of a keep"), run)
	rm.ended = &endedKeep{end: end, live: live}
	return true, rm.queue(ctx, k.Item, tx.Now)
}

// endOfKeep tells what the end of a keep means, and which of the reviewed grants are still there; ""
// is that it is not to end yet.
func endOfKeep(ctx context.Context, tx *store.Tx, it *model.Item) (result string, live map[int64]bool, err error) {
	later, err := tx.LaterItems(ctx, *it)
	if err != nil {
		return "", nil, err
	}
	waits := false
	for _, l := range later {
		switch {
		case l.Outcome == model.Revoke, l.Outcome.Final() && !l.ByDefault:
			return model.KeepSuperseded, nil, nil
		case l.Outcome == model.NoAnswer && l.Answer == model.Keep:
			waits = true
		}
	}
	if waits {
		return "", nil, nil
	}
	if it.EntitlementKey == nil {
		return model.KeepQueued, nil, nil
	}
	facts, err := ParseFacts([]byte(it.Facts))
	if err != nil {
		return "", nil, err
	}
	ids := make([]int64, len(facts.Paths))
	for i, p := range facts.Paths {
		ids[i] = p.GrantID
	}
	there, err := tx.LiveGrantIDs(ctx, it.SourceID, ids)
	if err != nil || len(there) == 0 {
		return model.KeepGone, nil, err
	}
	live = map[int64]bool{}
	for _, id := range there {
		live[id] = true
	}
	return model.KeepQueued, live, nil
}

// endedKeep is a keep until a date that has passed, while its removals are queued.
type endedKeep struct {
	end  model.Time     // of the last day, where the campaign is
	live map[int64]bool // the reviewed grants that are there still
}

func (k *endedKeep) cause() string {
	if k == nil {
		return ""
	}
	return model.CauseKeepUntil
}

func (k *endedKeep) at() evidence.Time {
	if k == nil {
		return 0
	}
	return evidence.Time(k.end)
}

// without tells whether a path needs no removal, because the reviewed grant is there no more: a
// keep that ends takes nothing but that.
func (k *endedKeep) without(grant int64) bool { return k != nil && !k.live[grant] }
