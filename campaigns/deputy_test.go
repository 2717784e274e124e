package campaigns_test

import (
	"testing"

	"recert/campaigns"
	"recert/model"
)

// TestDeputy: while somebody is away a deputy gets what is open, and what is launched meanwhile, but nothing that is
// the deputy's own; what was not answered goes back when it is over.
func TestDeputy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		boss, dora, cleo := as(o.boss, "u1"), as(o.dora, "u5"), as(o.cleo, "u4")
		run := o.launch("q")
		mine := w.with(run, o.boss)
		o.mustAnswer(run, boss, mine[0], model.Unsure, "")
		w.exec("UPDATE correlations SET person_key = ? WHERE account_key = ?", o.dora, o.idle) // one has become Dora's own
		in := campaigns.DeputyInput{Deputy: "dora@example.com", From: "2026-10-13", Until: "2026-10-20", Reason: "Holidays"}
		mustNot(t, w.svc.NameDeputy(t.Context(), boss, in))
		move := func(at string, want int) {
			t.Helper()
			w.until(at)
			if n := o.replicas(w.svc.Deputize); n != want {
				t.Errorf("at %s: %d items were moved, want %d", at, n, want)
			}
			w.checkCounts(run.ID)
		}
		for name, c := range map[string]struct {
			actor model.Actor
			in    campaigns.DeputyInput
			kind  model.ErrorKind
			words string
		}{
			"for another":    {cleo, campaigns.DeputyInput{Person: "u1", Deputy: "u5", From: "2026-11-01", Until: "2026-11-02", Reason: "x"}, model.Forbidden, "for yourself"},
			"oneself":        {cleo, campaigns.DeputyInput{Deputy: "u4", From: "2026-11-01", Until: "2026-11-02", Reason: "x"}, model.Invalid, "somebody else"},
			"no reason":      {cleo, campaigns.DeputyInput{Deputy: "u5", From: "2026-11-01", Until: "2026-11-02"}, model.Invalid, "Say why"},
			"nobody":         {cleo, campaigns.DeputyInput{Deputy: "", From: "2026-11-01", Until: "2026-11-02", Reason: "x"}, model.Invalid, "Nobody has"},
			"over":           {cleo, campaigns.DeputyInput{Deputy: "u5", From: "2026-10-01", Until: "2026-10-11", Reason: "x"}, model.Invalid, "is over"},
			"backwards":      {cleo, campaigns.DeputyInput{Deputy: "u5", From: "2026-11-03", Until: "2026-11-02", Reason: "x"}, model.Invalid, "before the first"},
			"no day":         {cleo, campaigns.DeputyInput{Deputy: "u5", From: "soon", Until: "2026-11-02", Reason: "x"}, model.Invalid, "first day"},
			"for years":      {cleo, campaigns.DeputyInput{Deputy: "u5", From: "2026-11-03", Until: "2028-11-02", Reason: "x"}, model.Invalid, "more than a year"},
			"twice":          {boss, in, model.Conflict, "a deputy from"},
			"each other":     {dora, campaigns.DeputyInput{Deputy: "u1", From: "2026-10-20", Until: "2026-10-22", Reason: "x"}, model.Conflict, "is away too"},
			"a chain":        {dora, campaigns.DeputyInput{Deputy: "u4", From: "2026-10-20", Until: "2026-10-22", Reason: "x"}, model.Conflict, "somebody's deputy"},
			"nobody is away": {admin, campaigns.DeputyInput{Deputy: "u4", From: "2026-10-20", Until: "2026-10-22", Reason: "x"}, model.Invalid, "who is away"},
		} {
			if err := w.svc.NameDeputy(t.Context(), c.actor, c.in); model.KindOf(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			} else {
				wantKind(t, err, c.kind, c.words)
			}
		}
		move("2026-10-12T20:00:00Z", 0)
		move("2026-10-13T06:00:00Z", 3) // not the unsure one, nor Dora's own
		move("2026-10-13T06:01:00Z", 0)
		got := w.with(run, o.dora)
		if len(got) != 3 {
			t.Fatalf("Dora has %v", got)
		}
		o.mustAnswer(run, dora, got[0], model.Keep, "")
		list, err := w.svc.Deputies(t.Context(), dora)
		if err != nil || len(list) != 1 || !list[0].Active || list[0].Person != "Boss Bosman" || list[0].Own {
			t.Errorf("%+v, %v", list, err)
		}
		if list, err := w.svc.Deputies(t.Context(), cleo); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		later := o.launch("later", func(s *model.CampaignSpec) { s.Scope.Where = "account.account_id == 'a-ana'" })
		move("2026-10-14T06:00:00Z", 2)
		wantKind(t, w.svc.StopDeputy(t.Context(), cleo, list[0].ID), model.NotFound, "no such deputy")
		wantKind(t, w.svc.StopDeputy(t.Context(), dora, list[0].ID), model.NotFound, "no such deputy")
		move("2026-10-21T06:00:00Z", 4) // what was answered stays
		move("2026-10-21T06:01:00Z", 0)
		if n := len(w.with(run, o.boss)); n != 4 || len(w.with(later, o.boss)) != 2 || len(w.with(later, o.dora)) != 0 {
			t.Errorf("the boss has %d", n)
		}
		in.From, in.Until = "2026-10-21", "2026-10-30"
		for range 2 {
			mustNot(t, w.svc.NameDeputy(t.Context(), boss, in))
			list, err = w.svc.Deputies(t.Context(), boss)
			if err != nil || len(list) != 1 || !list[0].Own {
				t.Fatalf("%+v, %v", list, err)
			}
			move("2026-10-21T07:00:00Z", 4)
			mustNot(t, w.svc.StopDeputy(t.Context(), boss, list[0].ID))
			mustNot(t, w.svc.StopDeputy(t.Context(), boss, list[0].ID))
			move("2026-10-21T08:00:00Z", 4)
		}
		o.checkChains(run)
		o.checkChains(later)
		w.healthy()
	})
}
