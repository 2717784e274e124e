package campaigns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/model"
)

// itemsOf tells who is asked what, and why.
func (w *world) itemsOf(run int64) []string {
	return w.strings(`SELECT CAST(i.id AS TEXT) || ' ' || p.person_id || ' ' || i.basis || ' ' || a.account_id || ' ' || COALESCE(e.entitlement_id, '-')
		FROM items i JOIN people p ON p.key = i.reviewer_key JOIN accounts a ON a.key = i.account_key LEFT JOIN entitlements e ON e.key = i.entitlement_key
		WHERE i.run_id = ? ORDER BY i.id`, run)
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("quarterly")
		want := []string{
			"1 u1 manager a-ana readers",
			"2 u1 manager a-ana writers",
			"3 u1 manager a-bob readers",
			"4 u1 manager a-bob writers",
			"5 u1 manager a-idle -",
			"6 u2 account_owner a-svc writers",
			"7 u4 manager a-boss admins",
		}
		if d := cmp.Diff(want, o.itemsOf(run.ID)); d != "" {
			t.Error(d)
		}
		if run.Name != "quarterly@2026-10-01" || run.Items != 7 || run.Excluded != 0 {
			t.Errorf("run %+v", run)
		}
		// 14 days on, at 17:00 in Berlin, which is on summer time then.
		if want := model.TimeOf(time.Date(2026, 10, 15, 15, 0, 0, 0, time.UTC)); run.DueAt != want {
			t.Errorf("due %s, want %s", run.DueAt, want)
		}
		if got := w.strings("SELECT type FROM events WHERE run = ?", run.Name); len(got) != 1 || got[0] != "campaign.launched" {
			t.Errorf("events %v", got)
		}
		facts := w.strings("SELECT facts FROM items WHERE run_id = ? AND id IN (1, 4) ORDER BY id", run.ID)
		wantFacts := []string{
			fmt.Sprintf(`{"avoided":false,"avoided_id":"","direct":true,"paths":[{"expires_at":null,"grant_id":%d,"granted_at":"2025-03-04T05:06:07.000008Z","granted_by":"ana","last_used_at":null,"reason":"asked \"nicely\"","via":""}],"status":"enabled","unknown":false}`, o.anaReads),
			fmt.Sprintf(`{"avoided":false,"avoided_id":"","direct":false,"paths":[{"expires_at":null,"grant_id":%d,"granted_at":null,"granted_by":"ana","last_used_at":null,"reason":"asked \"nicely\"","via":"admins>editors"}],"status":"","unknown":false}`, o.bobWritesByGroup),
		}
		if d := cmp.Diff(wantFacts, facts); d != "" {
			t.Error(d)
		}
	})
}

func TestLaunchRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		_, err := w.svc.Launch(t.Context(), as(o.ana, "u2"), "quarterly")
		wantKind(t, err, model.Forbidden, "Only an admin")
		_, err = w.svc.Launch(t.Context(), admin, "quarterly")
		wantKind(t, err, model.NotFound, "no campaign")

		o.campaign("empty", spec(func(s *model.CampaignSpec) {
			s.Scope.Where = "entitlement.entitlement_id == 'none' && account.account_id == ''"
		}))
		_, err = w.svc.Launch(t.Context(), admin, "empty")
		wantKind(t, err, model.Invalid, "cannot be launched")

		o.campaign("nobody", spec(func(s *model.CampaignSpec) {
			s.Stages[0] = model.StageSpec{Reviewers: model.Strings{"entitlement_owner"}, Due: "1d"}
		}))
		_, err = w.svc.Launch(t.Context(), admin, "nobody")
		wantKind(t, err, model.Invalid, "4 items have nobody")
		if !strings.Contains(err.Error(), "wiki: a-ana, Readers") {
			t.Errorf("the error does not list the item: %v", err)
		}

		w.source("fresh", model.SourceSpec{Provides: model.ProvidesAccess})
		w.exec("UPDATE snapshots SET state = 'held' WHERE source_id = (SELECT id FROM sources WHERE name = 'fresh')")
		o.campaign("unread", spec(func(s *model.CampaignSpec) { s.Scope.Sources = model.Strings{"fresh"} }))
		_, err = w.svc.Launch(t.Context(), admin, "unread")
		wantKind(t, err, model.Invalid, "no sealed snapshot")

		o.campaign("ok", spec())
		w.exec("UPDATE snapshot_kinds SET accepted = accepted - 1 WHERE kind = 'grants' AND accepted > 0")
		_, err = w.svc.Launch(t.Context(), admin, "ok")
		wantKind(t, err, model.Invalid, "does not balance")
		w.exec("UPDATE snapshot_kinds SET accepted = accepted + 1 WHERE kind = 'grants' AND read_rows > 0")

		if n := w.id("SELECT COUNT(*) FROM runs") + w.id("SELECT COUNT(*) FROM items") + w.id("SELECT COUNT(*) FROM events"); n != 0 {
			t.Errorf("refused launches left %d rows", n)
		}
		first, err := w.svc.Launch(t.Context(), admin, "ok")
		mustNot(t, err)
		_, err = w.svc.Launch(t.Context(), admin, "ok")
		wantKind(t, err, model.Conflict, first.Run.Name)
		_, err = w.svc.Close(t.Context(), admin, first.Run.ID, "test")
		mustNot(t, err)
		second, err := w.svc.Launch(t.Context(), admin, "ok")
		mustNot(t, err)
		if second.Run.Name != "ok@2026-10-01.2" {
			t.Errorf("the second run of a day is %s", second.Run.Name)
		}
	})
}

func TestLaunchRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		newOffice(w).campaign("race", spec())
		errs := make(chan error)
		for range 4 {
			go func() {
				_, err := w.svc.Launch(w.ctx(), admin, "race")
				errs <- err
			}()
		}
		won := 0
		for range 4 {
			if err := <-errs; err == nil {
				won++
			} else {
				wantKind(t, err, model.Conflict, "race")
			}
		}
		if won != 1 || w.id("SELECT COUNT(*) FROM runs") != 1 || w.id("SELECT COUNT(*) FROM items") != 7 {
			t.Errorf("%d launches won", won)
		}
	})
}

func TestPreview(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		o.campaign("p", spec(func(s *model.CampaignSpec) {
			s.Scope.Where = "entitlement.risk != 'low'"
			s.Stages[0].Reviewers = model.Strings{"entitlement_owner", "source_owner"}
			s.Reminders = model.Strings{"7d", "+1d"}
		}))
		w.clock.Add(8 * 24 * time.Hour)
		v, err := w.svc.Preview(t.Context(), "p", campaigns.PreviewOptions{Rows: -1})
		mustNot(t, err)
		// In: writers of ana, bob and the robot, admins of boss, and the idle account, of which nobody can tell.
		if v.Items != 5 || v.Excluded != 2 || v.Unknown != 1 || v.Avoided != 1 || v.WithoutReviewer != 0 || !v.Balanced || len(v.Blocked) != 0 {
			t.Errorf("preview %+v", v)
		}
		want := []campaigns.PreviewRow{{Source: "wiki", Account: "a-boss", Person: "Boss Bosman", Entitlement: "Admins", Reviewer: "u4", Basis: "source_owner", Avoided: "u1"}}
		if d := cmp.Diff(want, v.AvoidedRows); d != "" {
			t.Error(d)
		}
		if len(v.Reviewers) != 1 || v.Reviewers[0] != (campaigns.PreviewReviewer{ID: "u4", Name: "Cleo Clark", Items: 5, Minutes: 3}) {
			t.Errorf("reviewers %+v", v.Reviewers)
		}
		if len(v.Notices) != 3 || !v.Sources[0].Stale || v.Defaulted.Keep != 5 {
			t.Errorf("notices %q, sources %+v", v.Notices, v.Sources)
		}
		if len(v.ItemRows) != 5 || len(v.ExcludedRows) != 2 {
			t.Errorf("%d and %d rows", len(v.ItemRows), len(v.ExcludedRows))
		}
		if n := w.id("SELECT COUNT(*) FROM runs"); n != 0 {
			t.Error("a preview launched something")
		}
	})
}
