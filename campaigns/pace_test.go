package campaigns_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/model"
)

// TestPace: each day of a run has how much was open at its end, where the campaign is, beside an even pace; what was
// taken back is open again from then on, and what is gone is not.
func TestPace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-22T20:00:00Z")
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Stages[0].Due = "7d" }) // 7 items; due on 29 October; the clocks change on 25
		boss := as(o.boss, "u1")
		mine := w.with(run, o.boss)
		want := func(points ...[3]any) {
			t.Helper()
			p, err := w.svc.Pace(t.Context(), admin, run)
			mustNot(t, err)
			var got [][3]any
			for _, x := range p.Points {
				got = append(got, [3]any{x.At.Std().UTC().Format("2 Jan 15:04"), x.Open, x.Even})
			}
			if d := cmp.Diff(points, got); d != "" || p.Total != 7 {
				t.Errorf("%d items: %s", p.Total, d)
			}
		}
		n := func(i int64) int64 { return i }
		want([3]any{"22 Oct 20:00", n(7), n(7)}, [3]any{"22 Oct 20:00", n(7), n(7)})
		w.until("2026-10-22T21:30:00Z")
		o.mustAnswer(run, boss, mine[0], model.Keep, "")
		w.until("2026-10-23T12:00:00Z")
		o.mustAnswer(run, boss, mine[1], model.Revoke, "")
		o.mustAnswer(run, boss, mine[2], model.Keep, "")
		w.until("2026-10-25T12:00:00Z")
		o.mustAnswer(run, boss, mine[2], model.NoAnswer, "")
		w.until("2026-10-26T12:00:00Z")
		o.wiki.end(o.svcWrites, o.wiki.snapshot)
		w.sealed(o.wiki.seal())
		want([3]any{"22 Oct 20:00", n(7), n(7)}, [3]any{"22 Oct 22:00", n(6), n(7)}, [3]any{"23 Oct 22:00", n(4), n(6)}, [3]any{"24 Oct 22:00", n(4), n(5)},
			[3]any{"25 Oct 23:00", n(5), n(4)}, [3]any{"26 Oct 12:00", n(4), n(4)})

		// Another due date begins the even pace anew, from what is open then.
		amended, err := w.svc.Extend(t.Context(), admin, campaigns.ExtendInput{RunID: run.ID, Due: "2026-10-30", Reason: "holidays"})
		mustNot(t, err)
		p, err := w.svc.Pace(t.Context(), admin, amended)
		mustNot(t, err)
		if d := cmp.Diff([]campaigns.PaceLeg{{At: run.LaunchedAt, Open: 7, Due: run.DueAt}, {At: w.now(), Open: 5, Due: amended.DueAt}}, p.Legs); d != "" {
			t.Error(d)
		}
		w.until("2026-10-28T14:00:00Z")
		p, err = w.svc.Pace(t.Context(), admin, amended)
		mustNot(t, err)
		if last := p.Points[len(p.Points)-1]; last.Even != 3 || last.Open != 4 {
			t.Errorf("half of the new time has gone: %+v", last)
		}
		_, err = w.svc.Extend(t.Context(), admin, campaigns.ExtendInput{RunID: run.ID, Due: "2026-10-29", Reason: "after all"})
		mustNot(t, err)

		hands := func(want ...campaigns.Hand) {
			t.Helper()
			got, err := w.svc.Hands(t.Context(), admin)
			mustNot(t, err)
			for i := range got {
				got[i].Run = model.Run{Name: got[i].Run.Name}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
		hands()
		o.hr.setPerson(o.cleo, model.Person{PersonID: "u4", Name: "Cleo Clark", Status: "leave"})
		hands(campaigns.Hand{Run: model.Run{Name: run.Name}, Absent: 1})
		w.until("2026-10-30T12:00:00Z")
		hands(campaigns.Hand{Run: model.Run{Name: run.Name}, Absent: 1, Overdue: true})
		o.hr.setPerson(o.cleo, model.Person{PersonID: "u4", Name: "Cleo Clark", Status: "active"})
		for _, who := range []model.Actor{boss, as(o.cleo, "u4")} {
			o.finish(run, who)
		}
		hands(campaigns.Hand{Run: model.Run{Name: run.Name}, Overdue: true, Finished: true})
		_, err = w.svc.Hands(t.Context(), boss)
		wantKind(t, err, model.Forbidden, "Only an admin")
		_, err = w.svc.Pace(t.Context(), boss, run)
		wantKind(t, err, model.NotFound, "")
		o.close(run)
		hands()
	})
}

// TestStuck: an item that was handed over three times is named, with who is asked now, until it has an answer.
func TestStuck(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		mine := w.with(run, o.boss)
		for _, id := range mine[1:] {
			o.mustAnswer(run, boss, id, model.Keep, "")
		}
		stuck := func() []campaigns.StuckItem {
			t.Helper()
			p, err := w.svc.Pace(t.Context(), admin, run)
			mustNot(t, err)
			if int64(len(p.Stuck)) != min(p.Moved, 5) {
				t.Errorf("%d are counted, and %d shown", p.Moved, len(p.Stuck))
			}
			return p.Stuck
		}
		for i, leg := range [][2]string{{"u1", "u5"}, {"u5", "u1"}, {"u1", "u5"}} {
			if got := stuck(); len(got) != 0 {
				t.Errorf("after %d moves: %+v", i, got)
			}
			done, err := w.svc.HandOver(t.Context(), admin, campaigns.HandOverInput{RunID: run.ID, From: leg[0], To: leg[1], Reason: "who knows?"})
			mustNot(t, err)
			if done.Moved == 0 {
				t.Fatalf("nothing moved from %s to %s", leg[0], leg[1])
			}
		}
		got := stuck()
		if len(got) != 1 || got[0].Row.Item.ID != mine[0] || got[0].With.PersonID != "u5" || got[0].Moves != 3 || got[0].Row.Subject.AccountID == "" {
			t.Fatalf("after three moves: %+v", got)
		}
		o.mustAnswer(run, as(o.dora, "u5"), mine[0], model.Keep, "")
		if got := stuck(); len(got) != 0 {
			t.Errorf("after its answer: %+v", got)
		}
	})
}
