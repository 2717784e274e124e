package campaigns_test

import (
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
)

func (w *world) outcomes(run int64) string {
	return strings.Join(w.strings("SELECT CAST(id AS TEXT) || ':' || outcome FROM items WHERE run_id = ? AND outcome <> '' ORDER BY id", run), " ")
}

func TestGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		second := o.wiki.grant(o.anaAcc, o.readers, "staff", 0) // ana reads by a second path too
		w.exec("UPDATE snapshot_kinds SET read_rows = read_rows + 1, accepted = accepted + 1, new_rows = new_rows + 1 WHERE snapshot_id = ?", o.wiki.snapshot)
		run := o.launch("q")
		o.mustAnswer(run, as(o.boss, "u1"), 2, model.Keep, "")
		first := o.wiki.snapshot
		w.clock.Add(time.Hour)
		snap := o.wiki.seal()
		o.wiki.end(o.anaReads, first)  // one of two paths: stays
		o.wiki.end(o.anaWrites, first) // answered already: stays
		o.wiki.end(o.bobReads, first)  // granted anew: gone all the same
		o.wiki.grant(o.bobAcc, o.readers, "", granted)
		o.wiki.endAccount(o.idle, first)
		w.sealed(snap)
		if got := w.outcomes(run.ID); got != "3:gone 5:gone" {
			t.Errorf("outcomes %s", got)
		}
		_, err := o.answer(run, as(o.boss, "u1"), 3, model.Keep, "")
		wantKind(t, err, model.Conflict, "has gone")
		w.clock.Add(time.Hour)
		snap = o.wiki.seal()
		o.wiki.end(second, snap.ID-1)
		w.sealed(snap)
		w.sealed(snap) // once more changes nothing
		if got := w.outcomes(run.ID); got != "1:gone 3:gone 5:gone" {
			t.Errorf("outcomes %s", got)
		}
		w.checkCounts(run.ID)
		if got := w.events(run); strings.Count(got, "item.gone") != 3 {
			t.Errorf("events %s", got)
		}
		// What is gone needs no answer to sign off, and no default at close.
		o.mustAnswer(run, as(o.boss, "u1"), 4, model.Keep, "")
		_, err = w.svc.SignOff(t.Context(), as(o.boss, "u1"), campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
		mustNot(t, err)
		done, err := w.svc.Close(t.Context(), admin, run.ID, "")
		mustNot(t, err)
		if want := (model.Counts{Items: 7, Kept: 2, Unanswered: 2, Gone: 3}); done.Counts != want || done.Defaulted != 2 {
			t.Errorf("closed %+v", done)
		}
	})
}

// removal describes the state of the one removal of an item.
func (w *world) removal(item int64) string {
	w.tb.Helper()
	return strings.Join(w.strings("SELECT state || ' ' || proof || ' ' || reason FROM remediations WHERE item_id = ?", item), "; ")
}

func TestRemovalsAtSeal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove = "decision" })
		boss := as(o.boss, "u1")
		for i := range int64(5) {
			o.mustAnswer(run, boss, i+1, model.Revoke, "")
		}
		sent := func(item int64) {
			w.exec("UPDATE remediations SET state = 'sent', attempts = 1, called_at = ? WHERE item_id = ?", int64(w.now()), item)
		}
		first := o.wiki.snapshot
		check := func(step string, want map[int64]string) {
			t.Helper()
			for item, part := range want {
				if got := w.removal(item); !strings.HasPrefix(got, part) {
					t.Errorf("%s: item %d: %q, want %q", step, item, got, part)
				}
			}
		}
		// The read began before the calls: it proves nothing.
		o.wiki.end(o.anaReads, first)
		old := o.wiki.seal()
		w.clock.Add(time.Minute)
		sent(1)
		sent(2)
		sent(4)
		sent(5)
		w.sealed(old)
		check("a read before the call", map[int64]string{1: "sent", 2: "sent", 3: "queued", 4: "sent", 5: "sent"})

		w.clock.Add(time.Minute)
		snap := o.wiki.seal()
		o.wiki.end(o.anaWrites, first)
		o.wiki.grant(o.anaAcc, o.writers, "", granted+1) // made anew
		o.wiki.end(o.bobReads, first)                    // gone, but nothing was called: the worker finds out
		o.wiki.endAccount(o.idle, first)
		w.sealed(snap)
		check("a read after the call", map[int64]string{
			1: "confirmed snapshot Absent by every path", 2: "superseded  Granted anew", 3: "queued",
			4: "sent  Still there in the snapshot", 5: "confirmed snapshot",
		})

		// Disabled counts as absent for an account, another path does not for a grant.
		w.clock.Add(time.Minute)
		snap = o.wiki.seal()
		back := o.wiki.grant(o.anaAcc, o.readers, "", granted)
		o.wiki.end(o.bobWritesByGroup, snap.ID-1)
		direct := o.wiki.grant(o.bobAcc, o.writers, "staff", 0)
		w.sealed(snap)
		check("it is back", map[int64]string{1: "came_back  Seen again", 4: "sent  Still there", 5: "confirmed"})
		if got := w.id("SELECT next_at FROM remediations WHERE item_id = 1"); got != int64(w.now()) {
			t.Errorf("what came back is looked at at %d", got)
		}

		// Sent again, still there: not superseded, although the grant that is there is another one.
		sent(1)
		w.clock.Add(time.Minute)
		snap = o.wiki.seal()
		w.sealed(snap)
		check("sent again", map[int64]string{1: "sent  Still there"})
		w.clock.Add(time.Minute)
		snap = o.wiki.seal()
		o.wiki.end(back, snap.ID-1)
		o.wiki.end(direct, snap.ID-1)
		w.sealed(snap)
		check("at last", map[int64]string{1: "confirmed snapshot", 4: "confirmed snapshot"})
		if got := w.events(run); strings.Count(got, "revocation.state") != 6 {
			t.Errorf("events %s", got)
		}
		w.checkChains(run)
	})
}

func TestRemovalUnderLeaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove = "decision" })
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Revoke, "")
		w.exec("UPDATE remediations SET attempts = 1, called_at = ?, lease_until = ?", int64(w.now()), int64(w.now().Add(time.Hour)))
		w.clock.Add(time.Minute)
		snap := o.wiki.seal()
		o.wiki.end(o.anaReads, snap.ID-1)
		w.sealed(snap)
		if got := w.removal(1); !strings.HasPrefix(got, "queued") {
			t.Errorf("the worker's removal was taken: %s", got)
		}
	})
}

func TestHeldSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	if err := w.svc.AfterSeal(t.Context(), nil, model.Snapshot{State: model.SnapshotHeld}); err == nil {
		t.Error("a held snapshot was held against the open items")
	}
}

// TestEveryRemovalStateAtSeal holds a removal in every state, called before, after or never, with
// every thing that a snapshot may show, against a table.
func TestEveryRemovalStateAtSeal(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		type shape struct {
			state  model.RemediationState
			called string // never, before, after the read
			shows  string // absent, same, anew
		}
		want := func(s shape) model.RemediationState {
			before := s.called == "before"
			switch s.state {
			case model.Queued, model.Held, model.Sent, model.Failed, model.CameBack:
				if s.shows == "absent" && before {
					return model.Confirmed
				}
				if s.shows == "anew" && s.state != model.CameBack {
					return model.Superseded
				}
			case model.Confirmed:
				if s.shows != "absent" && before {
					return model.CameBack
				}
			case model.Superseded, model.Cancelled, model.Restored:
			}
			return s.state
		}
		first := o.wiki.snapshot
		read := w.now().Add(time.Hour)
		times := map[string]any{"never": nil, "before": int64(read) - 1, "after": int64(read)}
		shapes := map[int64]shape{}
		n := 0
		for _, state := range model.RemediationStates {
			for _, called := range []string{"never", "before", "after"} {
				for _, shows := range []string{"absent", "same", "anew"} {
					n++
					acc := o.wiki.named(strings.Repeat("x", n), o.ana)
					grant := o.wiki.grant(acc, o.readers, "", granted)
					if shows != "same" {
						o.wiki.end(grant, first)
					}
					if shows == "anew" {
						o.wiki.grant(acc, o.readers, "", granted+5)
					}
					id := w.id(`INSERT INTO remediations (run_id, item_id, source_id, grant_id, account_key, entitlement_key, via, mode, access, state, reason, task, attempts, fence, next_at, called_at, proof, queued_at, closed_at)
						VALUES (?, ?, ?, ?, ?, ?, '', 'manual', '{}', ?, '', '', 0, 0, 1, ?, '', 1, 2) RETURNING id`, run.ID, 100+n, o.wiki.id, grant, acc, o.readers, string(state), times[called])
					shapes[id] = shape{state, called, shows}
				}
			}
		}
		w.clock.Add(time.Hour)
		w.sealed(o.wiki.seal())
		for id, s := range shapes {
			got := model.RemediationState(w.strings("SELECT state FROM remediations WHERE id = ?", id)[0])
			if got != want(s) {
				t.Errorf("%+v is %s, want %s", s, got, want(s))
			}
			if got != s.state && !s.state.Can(got) {
				t.Errorf("%s must not go to %s", s.state, got)
			}
		}
	})
}

func TestDisabledAccountIsAbsent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove = "decision" })
		o.mustAnswer(run, as(o.boss, "u1"), 5, model.Revoke, "")
		w.exec("UPDATE remediations SET state = 'sent', attempts = 1, called_at = ?", int64(w.now()))
		step := func(status, want string) {
			t.Helper()
			w.clock.Add(time.Minute)
			snap := o.wiki.seal()
			w.exec("UPDATE account_versions SET data = ? WHERE account_key = ? AND last_snapshot IS NULL", w.json(model.Account{AccountID: "a-idle", Status: status}), o.idle)
			w.sealed(snap)
			if got := w.removal(5); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s", status, got, want)
			}
		}
		step("", "sent")
		step("disabled", "confirmed snapshot")
		step("enabled", "came_back")
	})
}

// A file may be loaded long after the time that it speaks of: it proves nothing of a later call.
func TestOldFileProvesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove = "decision" })
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Revoke, "")
		w.clock.Add(time.Hour)
		w.exec("UPDATE remediations SET state = 'sent', attempts = 1, called_at = ?", int64(w.now()))
		w.clock.Add(time.Hour)
		snap := o.wiki.seal()
		o.wiki.end(o.anaReads, snap.ID-1)
		old := snap
		old.AsOf = w.now().Add(-90 * time.Minute)
		w.sealed(old)
		if got := w.removal(1); !strings.HasPrefix(got, "sent") {
			t.Errorf("confirmed by an old file: %s", got)
		}
		w.sealed(snap)
		if got := w.removal(1); !strings.HasPrefix(got, "confirmed") {
			t.Errorf("not confirmed: %s", got)
		}
	})
}
