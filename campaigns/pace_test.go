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
		_, err := w.svc.Hands(t.Context(), boss)
		wantKind(t, err, model.Forbidden, "Only an admin")
		_, err = w.svc.Pace(t.Context(), boss, run)
		wantKind(t, err, model.NotFound, "")
		o.close(run)
		hands()
	})
}
