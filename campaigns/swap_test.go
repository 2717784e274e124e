package campaigns_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/model"
)

// TestSwap: two people who would review each other are shown, and where the campaign prevents it one of them gives
// the items to whom the rules give next, at launch and ever after.
func TestSwap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		// Cleo reports to boss, who reports to her.
		o.hr.setPerson(o.cleo, model.Person{PersonID: "u4", Name: "Cleo Clark", Email: "cleo@example.com", Status: "active", ManagerID: "u1"})
		o.wiki.grant(o.wiki.account(model.Account{AccountID: "a-cleo", Username: "cleo"}, o.cleo), o.readers, "", granted)
		o.wiki.ledger()
		preview := func(name string, change ...func(*model.CampaignSpec)) *campaigns.Preview {
			t.Helper()
			o.campaign(name, spec(change...))
			v, err := w.svc.Preview(t.Context(), name, campaigns.PreviewOptions{Rows: -1})
			mustNot(t, err)
			return v
		}
		prevented := func(s *model.CampaignSpec) { s.Swaps = "prevent" }
		v := preview("shown")
		want := []campaigns.PreviewSwap{{ID: "u4", Name: "Cleo Clark", Items: 1, OtherID: "u1", OtherName: "Boss Bosman", Others: 1}}
		if d := cmp.Diff(want, v.SwapRows); d != "" || v.Swapped != 1 || len(v.Blocked) != 0 {
			t.Errorf("%d pairs, %v: %s", v.Swapped, v.Blocked, d)
		}
		v = preview("nobody-else", prevented, func(s *model.CampaignSpec) {
			s.Stages[0].Reviewers, s.Stages[0].Fallback = model.Strings{"manager", "account_owner", "source_owner"}, ""
		})
		if v.WithoutReviewer != 1 || len(v.Blocked) != 1 || v.Swapped != 0 {
			t.Errorf("without %d, swapped %d: %q", v.WithoutReviewer, v.Swapped, v.Blocked)
		}

		run := o.launch("prevented", prevented)
		items := o.itemsOf(run.ID)
		for _, item := range []string{" u5 fallback a-boss admins", " u1 manager a-cleo readers"} {
			if !slices.ContainsFunc(items, func(s string) bool { return strings.HasSuffix(s, item) }) {
				t.Errorf("no %q in %q", item, items)
			}
		}
		if n := w.id("SELECT COUNT(*) FROM run_reviewers WHERE run_id = ? AND items = 0", run.ID); n != 0 {
			t.Errorf("%d reviewers of nothing", n)
		}
		out, err := w.svc.HandOver(t.Context(), admin, campaigns.HandOverInput{RunID: run.ID, From: "u5", To: "u4", Reason: "test"})
		if err != nil || out.Moved != 0 || out.Left != 1 {
			t.Errorf("handed over %+v, %v", out, err)
		}
		boss := as(o.boss, "u1")
		mine := w.ids("SELECT i.id FROM items i JOIN accounts a ON a.key = i.account_key WHERE i.run_id = ? AND a.account_id = 'a-cleo'", run.ID)
		o.mustAnswer(run, boss, mine[0], model.NotMine, "not mine")
		out, err = w.svc.HandOver(t.Context(), admin, campaigns.HandOverInput{RunID: run.ID, From: "u5", To: "u4", Reason: "test"})
		if err != nil || out.Moved != 1 || out.Left != 1 { // her own access stays
			t.Errorf("handed over %+v, %v", out, err)
		}
		w.checkCounts(run.ID)
		w.healthy()
	})
}
