package campaigns_test

import (
	"testing"

	"recert/campaigns"
	"recert/model"
)

// TestPause: while a run is paused nobody answers, signs off, is reminded or is asked instead, and it does not close;
// it goes on as many days later, with what was answered.
func TestPause(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", escalating, func(s *model.CampaignSpec) { s.Reminders, s.Close = model.Strings{"7d", "0d"}, "signed" }) // due on 26 October
		o.reminded()
		boss := as(o.boss, "u1")
		mine := w.with(run, o.boss)
		o.mustAnswer(run, boss, mine[0], model.Keep, "")
		_, err := w.svc.Pause(t.Context(), boss, run.ID, "no")
		wantKind(t, err, model.Forbidden, "Only an admin")
		_, err = w.svc.Pause(t.Context(), admin, run.ID, " ")
		wantKind(t, err, model.Invalid, "Say why it is paused")
		run, err = w.svc.Resume(t.Context(), admin, run.ID, "it runs", true)
		mustNot(t, err)
		for range 2 { // the second time changes nothing
			run, err = w.svc.Pause(t.Context(), admin, run.ID, "The wiki is being moved.")
			mustNot(t, err)
		}
		if why, err := w.svc.Paused(t.Context(), run); err != nil || why != "The wiki is being moved." {
			t.Errorf("%q, %v", why, err)
		}
		_, err = o.answer(run, boss, mine[1], model.Keep, "")
		wantKind(t, err, model.Conflict, "paused since 12 Oct 2026")
		_, err = w.svc.SignOff(t.Context(), boss, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
		wantKind(t, err, model.Conflict, "paused since 12 Oct 2026")
		w.until("2026-10-27T10:00:00Z")
		o.wantReminded()
		o.wantEscalated(0, "2026-10-26T16", run)
		if n := o.replicas(w.svc.CloseByRule); n != 0 {
			t.Errorf("closed %d", n)
		}
		o.wiki.end(o.svcWrites, o.wiki.snapshot)
		w.sealed(o.wiki.seal()) // what vanishes is gone all the same
		hands, err := w.svc.Hands(t.Context(), admin)
		if err != nil || len(hands) != 1 || !hands[0].Run.PausedAt.Known() || hands[0].Overdue {
			t.Errorf("%+v, %v", hands, err)
		}
		for range 2 {
			run, err = w.svc.Resume(t.Context(), admin, run.ID, "It is moved.", true)
			mustNot(t, err)
		}
		o.wantEscalated(0, "2026-11-10T16", run) // fifteen days later
		if why, err := w.svc.Paused(t.Context(), run); err != nil || why != "" {
			t.Errorf("%q, %v", why, err)
		}
		o.mustAnswer(run, boss, mine[1], model.Keep, "")
		run, err = w.svc.Pause(t.Context(), admin, run.ID, "Once more.")
		mustNot(t, err)
		w.until("2026-10-28T10:00:00Z")
		run, err = w.svc.Resume(t.Context(), admin, run.ID, "Now.", false)
		mustNot(t, err)
		o.wantEscalated(0, "2026-11-10T16", run)
		w.checkCounts(run.ID)
		run, err = w.svc.Pause(t.Context(), admin, run.ID, "For good.")
		mustNot(t, err)
		w.until("2026-12-28T10:00:00Z")
		for range 3 { // first it escalates
			o.close(run)
		}
		_, err = w.svc.Pause(t.Context(), admin, run.ID, "Too late.")
		wantKind(t, err, model.Conflict, "closed")
		w.runsHold()
		w.healthy()
	})
}
