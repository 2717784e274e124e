package remediate

import (
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
)

// TestDryRunTells: nobody is told of what a dry run keeps from going out. When that ends who has the access is
// told, and has the whole time of grace from then, whoever lets the removal go on.
func TestDryRunTells(t *testing.T) {
	t.Parallel()
	var wiki model.SourceSpec
	givesOf(t, func(s *model.CampaignSpec) { s.Grace = "2d" }, func(s *model.SourceSpec) { s.Revoke.DryRun = true; wiki = *s }, func(t *testing.T, w *giveWorld) {
		notices := func() (listed int, mails int64) {
			t.Helper()
			ns, err := w.svc.Notices(t.Context(), w.person("u2"))
			w.must(err)
			counts, err := w.s.MessageCounts(t.Context())
			w.must(err)
			return len(ns), counts[model.MessageQueued]
		}
		w.answer("a1", "writers", model.Revoke, "")
		w.end()
		w.clock.Add(49 * time.Hour)
		w.work()
		w.are("remove a1 writers held")
		if listed, mails := notices(); listed != 0 || mails != 0 {
			t.Fatalf("%d notices, %d mails in a dry run", listed, mails)
		}
		w.fine()

		wiki.Revoke.DryRun = false
		for range 2 { // the second time nothing changes
			_, err := campaigns.Apply(t.Context(), w.s, "test", []campaigns.Document{{Kind: model.ConfigSource, Name: "wiki", Spec: &wiki, At: "a"}}, false)
			w.must(err)
		}
		if listed, mails := notices(); listed != 1 || mails != 1 {
			t.Errorf("%d notices, %d mails after it", listed, mails)
		}
		over := model.TimeOf(w.clock.T).Add(48 * time.Hour)
		w.clock.Add(time.Hour)
		r := w.last(model.KindRemove)
		_, err := Approve(t.Context(), w.s, admin, []int64{r.ID}, r.Fence)
		w.must(err)
		if now := w.last(model.KindRemove); now.State != model.Queued || now.NextAt != over || now.DueAt < over {
			t.Errorf("it is %s, goes out at %s and is due at %s, want %s", now.State, now.NextAt, now.DueAt, over)
		}
		if n, err := w.worker.Step(t.Context()); n != 0 || err != nil {
			t.Errorf("%d done before the time of grace was over, %v", n, err)
		}
		w.work()
		w.are("remove a1 writers confirmed")
		if at := model.TimeOf(w.clock.T); at < over {
			t.Errorf("it went out at %s, before %s", at, over)
		}
		w.fine()
	})
}
