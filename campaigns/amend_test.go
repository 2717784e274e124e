package campaigns_test

import (
	"strings"
	"testing"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
)

// runsHold has the doctor hold runs and sign-offs against their events, beside what healthy looks at.
func (w *world) runsHold() {
	w.tb.Helper()
	w.healthy()
	checks, err := evidence.Doctor(w.ctx(), w.store, false)
	mustNot(w.tb, err)
	for _, c := range checks {
		if !c.OK && (c.Check == "runs.events" || c.Check == "runs.sign_offs") {
			w.tb.Errorf("%s: %s", c.Check, c.Detail)
		}
	}
}

func (w *world) due(run model.Run) string {
	w.tb.Helper()
	now, err := w.store.RunByID(w.ctx(), run.ID)
	mustNot(w.tb, err)
	return now.DueAt.String()
}

// TestExtend: a run is due on another day, as its evidence says with the reason; those who have not
// finished are told once; what makes no sense is refused and changes nothing.
func TestExtend(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", reminders("2d")) // due on 26 October
		o.reminded()
		in := campaigns.ExtendInput{RunID: run.ID, Due: "2026-11-02", Reason: "Half of Sales is at the fair."}
		refused := map[string]struct {
			actor  model.Actor
			change func(*campaigns.ExtendInput)
			kind   model.ErrorKind
			words  string
		}{
			"by a reviewer": {as(o.boss, "u1"), func(*campaigns.ExtendInput) {}, model.Forbidden, "Only an admin"},
			"no reason":     {admin, func(in *campaigns.ExtendInput) { in.Reason = " " }, model.Invalid, "Say why"},
			"a long reason": {admin, func(in *campaigns.ExtendInput) { in.Reason = strings.Repeat("x", 2001) }, model.Invalid, "at most"},
			"no day":        {admin, func(in *campaigns.ExtendInput) { in.Due = "next week" }, model.Invalid, "as a day"},
			"a day gone by": {admin, func(in *campaigns.ExtendInput) { in.Due = "2026-10-11" }, model.Invalid, "11 October 2026 is over"},
			"a far day":     {admin, func(in *campaigns.ExtendInput) { in.Due = "2099-01-01" }, model.Invalid, "ten years"},
			"no such run":   {admin, func(in *campaigns.ExtendInput) { in.RunID = 99 }, model.NotFound, ""},
		}
		for name, r := range refused {
			in := in
			r.change(&in)
			_, err := o.svc.Extend(t.Context(), r.actor, in)
			if err == nil || model.KindOf(err) != r.kind || !strings.Contains(err.Error(), r.words) {
				t.Errorf("%s: %v, want %s with %q", name, err, r.kind, r.words)
			}
		}
		for range 2 { // the second click changes nothing
			after, err := o.svc.Extend(t.Context(), admin, in)
			mustNot(t, err)
			if got := after.DueAt.String(); got != "2026-11-02T16:00:00Z" { // the clocks have changed by then
				t.Errorf("due %s", got)
			}
		}
		o.wantReminded("reminder to "+key(o.boss), "reminder to "+key(o.ana), "reminder to "+key(o.cleo))
		list, err := o.svc.Amendments(t.Context(), admin, run)
		mustNot(t, err)
		if len(list) != 1 || list[0].Reason != in.Reason || list[0].By != admin.Label() || list[0].From != run.DueAt || list[0].Cause != "" {
			t.Errorf("amendments %+v", list)
		}
		_, err = o.svc.Amendments(t.Context(), as(o.boss, "u1"), run)
		wantKind(t, err, model.NotFound, "")
		w.until("2026-10-24T08:00:00Z") // two days before it was due
		o.wantReminded()
		w.until("2026-10-31T08:00:00Z")
		o.wantReminded("reminder to "+key(o.boss), "reminder to "+key(o.ana), "reminder to "+key(o.cleo))
		w.runsHold()
		o.close(run)
		_, err = o.svc.Extend(t.Context(), admin, in)
		wantKind(t, err, model.Conflict, "closed")
		w.runsHold()
	})
}

// TestCloseByRule: a campaign that says so closes itself, once everybody who is there has signed off and
// nothing is open, or when it is due; no other does.
func TestCloseByRule(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		closes := func(when string) func(*model.CampaignSpec) {
			return func(s *model.CampaignSpec) { s.Close = when }
		}
		o.launch("hand")
		signed, due := o.launch("signed", closes("signed")), o.launch("due", closes("due"))
		want := func(n int, closed ...string) {
			t.Helper()
			if got := o.replicas(o.svc.CloseByRule); got != n {
				t.Errorf("at %s: %d were closed, want %d", w.clock.T, got, n)
			}
			if got := w.strings("SELECT campaign FROM runs WHERE state = 'closed' ORDER BY campaign"); strings.Join(got, ",") != strings.Join(closed, ",") {
				t.Errorf("closed are %v, want %v", got, closed)
			}
		}
		want(0)
		o.finish(signed, as(o.boss, "u1"))
		o.finish(signed, as(o.ana, "u2"))
		want(0)
		o.finish(signed, as(o.cleo, "u4"))
		want(1, "signed")
		w.clock.T = due.DueAt.Std()
		want(0, "signed")
		w.clock.T = w.clock.T.Add(1e9)
		want(1, "due", "signed")
		want(0, "due", "signed")
		run, err := w.store.RunByID(t.Context(), due.ID)
		mustNot(t, err)
		if run.ClosedBy != "campaign rule" {
			t.Errorf("closed by %q", run.ClosedBy)
		}
		w.runsHold()
	})
}
