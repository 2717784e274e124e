package campaigns_test

import (
	"slices"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
)

func escalating(s *model.CampaignSpec) { s.OnNoAnswer, s.Closer, s.Extend = "escalate", "u5", "3d" }

func (o *office) wantEscalated(want int, due string, run model.Run) {
	o.tb.Helper()
	if n := o.replicas(o.svc.Escalate); n != want {
		o.tb.Errorf("at %s: %d steps, want %d", o.clock.T, n, want)
	}
	if got := o.due(run); !strings.HasPrefix(got, due) {
		o.tb.Errorf("at %s it is due %s, want %s", o.clock.T, got, due)
	}
}

// with are the open items of a person, by id.
func (w *world) with(run model.Run, person int64) []int64 {
	return w.ids("SELECT id FROM items WHERE run_id = ? AND reviewer_key = ? AND outcome = '' AND answer IN ('', 'unsure') ORDER BY id", run.ID, person)
}

// TestEscalate: what nobody answers is asked for longer, once, then goes to the closer, but never what is the
// closer's own; what the closer does not answer either is kept, as unanswered.
func TestEscalate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", escalating) // due on 26 October
		o.reminded()
		boss, ana, dora := as(o.boss, "u1"), as(o.ana, "u2"), as(o.dora, "u5")
		mine := w.with(run, o.boss)
		o.mustAnswer(run, boss, mine[0], model.Revoke, "")
		o.mustAnswer(run, boss, mine[1], model.Unsure, "")
		o.finish(run, ana)
		o.wantEscalated(0, "2026-10-26T16", run)

		w.until("2026-10-26T16:00:01Z")
		o.wantEscalated(1, "2026-10-29T16", run)
		o.wantReminded("reminder to "+key(o.boss), "reminder to "+key(o.cleo))
		o.wantEscalated(0, "2026-10-29T16", run)
		if n := len(w.with(run, o.dora)); n != 0 {
			t.Errorf("Dora has %d already", n)
		}

		// One of boss's items has become the closer's own: it goes to nobody, as there is no owner, and she
		// is the fallback too.
		w.exec("UPDATE correlations SET person_key = ? WHERE account_key = ?", o.dora, o.bobAcc)
		had := slices.Concat(w.with(run, o.boss), w.with(run, o.cleo))
		own := w.ids("SELECT id FROM items WHERE run_id = ? AND account_key = ? AND reviewer_key = ? AND answer IN ('', 'unsure') ORDER BY id", run.ID, o.bobAcc, o.boss)
		w.until("2026-10-29T16:00:01Z")
		o.wantEscalated(1, "2026-11-01T16", run)
		if got := w.with(run, o.dora); len(own) == 0 || len(got) != len(had)-len(own) {
			t.Errorf("Dora has %v of %v, %v are her own", got, had, own)
		}
		if got := w.with(run, o.boss); !slices.Equal(got, own) {
			t.Errorf("the boss has %v, want %v", got, own)
		}
		o.wantReminded("reminder to "+key(o.boss), "reminder to "+key(o.cleo), "review to "+key(o.dora)) // that to Cleo has nothing left to tell
		w.checkCounts(run.ID)
		o.checkChains(run)
		w.runsHold()

		// That was all: what is still open when it is closed is kept, and counts as unanswered.
		w.until("2026-11-05T10:00:00Z")
		o.wantEscalated(0, "2026-11-01T16", run)
		o.mustAnswer(run, dora, w.with(run, o.dora)[0], model.Revoke, "")
		c, err := o.svc.ClosePreview(t.Context(), admin, run.ID)
		mustNot(t, err)
		if c.Escalated != "" || c.Removals != 2 {
			t.Errorf("the preview of the close is %+v", c)
		}
		o.close(run)
		if n := w.id("SELECT COUNT(*) FROM items WHERE run_id = ? AND by_default AND outcome = 'keep'", run.ID); n == 0 || n != c.Defaulted {
			t.Errorf("%d items were kept by default, %d were announced", n, c.Defaulted)
		}
		list, err := o.svc.Amendments(t.Context(), admin, run)
		mustNot(t, err)
		if len(list) != 2 || list[0].Cause != evidence.CauseExtended || list[1].Cause != evidence.CauseCloser {
			t.Errorf("amendments %+v", list)
		}
		w.runsHold()
	})
}

// TestEscalateClose: a close while items have no answer takes the next step instead; where all have one, it closes.
func TestEscalateClose(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", escalating)
		for _, want := range []string{evidence.CauseExtended, evidence.CauseCloser, ""} {
			p, err := o.svc.ClosePreview(t.Context(), admin, run.ID)
			mustNot(t, err)
			c, err := o.svc.Close(t.Context(), admin, run.ID, "")
			mustNot(t, err)
			if p.Escalated != want || c.Escalated != want || c.Until != p.Until || (c.Run.State == model.Closed) != (want == "") {
				t.Errorf("closing does %+v, announced was %+v, want %q", c, p, want)
			}
		}
		w.runsHold()

		all := o.launch("all", escalating)
		for _, who := range []model.Actor{as(o.boss, "u1"), as(o.ana, "u2"), as(o.cleo, "u4")} {
			o.finish(all, who)
		}
		c, err := o.svc.Close(t.Context(), admin, all.ID, "")
		mustNot(t, err)
		if c.Escalated != "" || c.Run.State != model.Closed {
			t.Errorf("closing does %+v", c)
		}
	})
}

// TestEscalateUnsure: what a reviewer who signs off is not sure of goes to the closer, and is no part of the
// sign-off.
func TestEscalateUnsure(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", escalating)
		boss, dora := as(o.boss, "u1"), as(o.dora, "u5")
		mine := w.with(run, o.boss)
		o.mustAnswer(run, boss, mine[0], model.Unsure, "ask Dora")
		for _, id := range mine[1:] {
			o.mustAnswer(run, boss, id, model.Keep, "")
		}
		in := campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement}
		done, err := o.svc.SignOff(t.Context(), boss, in)
		mustNot(t, err)
		if c := done.Part.Counts(); c.Unsure != 0 || c.Items != int64(len(mine)-1) || c.Kept != c.Items {
			t.Errorf("signed off %+v", c)
		}
		if got := w.with(run, o.dora); !slices.Equal(got, mine[:1]) {
			t.Errorf("Dora has %v, want %v", got, mine[:1])
		}
		w.checkCounts(run.ID)
		w.runsHold()
		// The closer's own "not sure" stays with her, and does not keep her from signing off.
		_, err = o.svc.SignOff(t.Context(), dora, in)
		mustNot(t, err)
		w.runsHold()
		o.close(run) // more time for the others
		o.close(run) // nobody is left to ask: Dora has signed off
		c, err := o.svc.Close(t.Context(), admin, run.ID, "")
		mustNot(t, err)
		if c.Run.State != model.Closed || c.Counts.Unsure != 1 {
			t.Errorf("closed: %+v", c)
		}
		w.runsHold()
	})
}
