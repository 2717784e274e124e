package campaigns_test

import (
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
)

// TestHandOver moves what the boss has not answered to Dora: answers stay, the own access of Dora
// stays, and the counts, the chains and a sign-off hold afterwards.
func TestHandOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		o.mustAnswer(run, boss, 1, model.Keep, "")
		o.mustAnswer(run, boss, 2, model.Unsure, "ask somebody")
		// One of the items has become Dora's own.
		w.exec("UPDATE correlations SET person_key = ? WHERE account_key = ?", o.dora, o.bobAcc)
		in := campaigns.HandOverInput{RunID: run.ID, From: "u1", To: "u5", Reason: "The boss is away."}

		refused := map[string]struct {
			actor  model.Actor
			change func(*campaigns.HandOverInput)
			kind   model.ErrorKind
			words  string
		}{
			"by the reviewer":   {boss, func(*campaigns.HandOverInput) {}, model.Forbidden, "Only an admin"},
			"without a reason":  {admin, func(in *campaigns.HandOverInput) { in.Reason = " " }, model.Invalid, "Say why"},
			"to nobody":         {admin, func(in *campaigns.HandOverInput) { in.To = "u99" }, model.Invalid, `"u99"`},
			"to the same":       {admin, func(in *campaigns.HandOverInput) { in.To = "u1" }, model.Invalid, "somebody else"},
			"from nobody":       {admin, func(in *campaigns.HandOverInput) { in.From = "u98" }, model.NotFound, "u98"},
			"from a bystander":  {admin, func(in *campaigns.HandOverInput) { in.From = "u3" }, model.NotFound, "reviews nothing"},
			"of no such run":    {admin, func(in *campaigns.HandOverInput) { in.RunID = 99 }, model.NotFound, ""},
			"a reason too long": {admin, func(in *campaigns.HandOverInput) { in.Reason = strings.Repeat("x", 2001) }, model.Invalid, "at most"},
		}
		for name, r := range refused {
			in := in
			r.change(&in)
			_, err := o.svc.HandOver(t.Context(), r.actor, in)
			if err == nil || model.KindOf(err) != r.kind || !strings.Contains(err.Error(), r.words) {
				t.Errorf("%s: %v (%s), want %s with %q", name, err, model.KindOf(err), r.kind, r.words)
			}
		}

		had := w.strings("SELECT CAST(id AS TEXT) FROM items WHERE run_id = ? AND reviewer_key = ? AND answer IN ('', 'unsure') ORDER BY id", run.ID, o.boss)
		own := w.strings("SELECT CAST(id AS TEXT) FROM items WHERE run_id = ? AND reviewer_key = ? AND answer IN ('', 'unsure') AND account_key = ? ORDER BY id", run.ID, o.boss, o.bobAcc)
		if len(had) < 3 || len(own) == 0 {
			t.Fatalf("the test needs several items, and some of Dora's: %v, %v", had, own)
		}
		out, err := o.svc.HandOver(t.Context(), admin, in)
		mustNot(t, err)
		if want := int64(len(had) - len(own)); out.Moved != want || out.Left != int64(len(own)) || out.To != "Dora Dean" {
			t.Errorf("%+v, want %d moved and %d left", out, want, len(own))
		}
		again, err := o.svc.HandOver(t.Context(), admin, in)
		mustNot(t, err)
		if again.Moved != 0 {
			t.Errorf("the second time moved %d", again.Moved)
		}
		w.checkCounts(run.ID)
		o.checkChains(run)
		if got := strings.Count(w.events(run), "item.reassigned"); got != int(out.Moved) {
			t.Errorf("%d events for %d moves", got, out.Moved)
		}
		dora := as(o.dora, "u5")
		_, err = o.answer(run, boss, 2, model.Keep, "")
		wantKind(t, err, model.NotFound, "no such item")
		d := o.mustAnswer(run, dora, 2, model.Keep, "")
		if d.Item.ReviewerKey != o.dora {
			t.Errorf("item 2 is with %d", d.Item.ReviewerKey)
		}
		w.checkCounts(run.ID)
		_, err = o.svc.Close(t.Context(), admin, run.ID, "")
		mustNot(t, err)
		_, err = o.svc.HandOver(t.Context(), admin, in)
		wantKind(t, err, model.Conflict, "closed")
	})
}

// TestHandOverAll: what nobody has answered of one system goes to one person, or to whom the rules give next; own
// access, and what nobody else may answer, stays.
func TestHandOverAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		o.mustAnswer(run, boss, w.with(run, o.boss)[0], model.Keep, "")
		in := campaigns.HandOverInput{RunID: run.ID, All: true, To: "u4", Source: "nowhere", Reason: "All to the owner."}
		_, err := o.svc.HandOver(t.Context(), admin, in)
		wantKind(t, err, model.NotFound, "")
		in.Source = "hr"
		if out, err := o.svc.HandOver(t.Context(), admin, in); err != nil || out.Moved+out.Left != 0 {
			t.Errorf("of a system that nothing is in: %+v, %v", out, err)
		}
		in.Source = "wiki"
		if out, err := o.svc.HandOver(t.Context(), admin, in); err != nil || out.Moved != 5 || out.Left != 0 || out.To != "Cleo Clark" {
			t.Errorf("to the owner: %+v, %v", out, err)
		}
		w.checkCounts(run.ID)
		// By the rules: nobody gets anything twice, so that all of it goes to the fallback.
		in.To, in.Source = "", ""
		if out, err := o.svc.HandOver(t.Context(), admin, in); err != nil || out.Moved != 6 || out.Left != 0 || out.To != "" {
			t.Errorf("to whom the rules give: %+v, %v", out, err)
		}
		if out, err := o.svc.HandOver(t.Context(), admin, in); err != nil || out.Moved != 0 || out.Left != 6 {
			t.Errorf("nobody else is left: %+v, %v", out, err)
		}
		if n := len(w.with(run, o.dora)); n != 6 {
			t.Errorf("Dora has %d", n)
		}
		in.All = false
		_, err = o.svc.HandOver(t.Context(), admin, in)
		wantKind(t, err, model.NotFound, "")
		w.checkCounts(run.ID)
		o.checkChains(run)
		w.healthy()
	})
}
