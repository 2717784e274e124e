package campaigns_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/model"
)

func TestSignOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		for i, a := range []model.Answer{model.Keep, model.Revoke, model.Keep, model.Revoke} {
			o.mustAnswer(run, boss, int64(i+1), a, "")
		}
		in := campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement}
		_, err := w.svc.SignOff(t.Context(), boss, in)
		wantKind(t, err, model.Invalid, "1 of your items")
		o.mustAnswer(run, boss, 5, model.Revoke, "")
		_, err = w.svc.SignOff(t.Context(), boss, campaigns.SignOffInput{RunID: run.ID, Statement: "another"})
		wantKind(t, err, model.Conflict, "statement")
		_, err = w.svc.SignOff(t.Context(), as(o.dora, "u5"), in)
		wantKind(t, err, model.NotFound, "no such")
		done, err := w.svc.SignOff(t.Context(), boss, in)
		mustNot(t, err)
		if done.Removals != 3 || done.EventID == 0 || done.Part.SignedAt != w.now() {
			t.Errorf("signed off %+v", done)
		}
		again, err := w.svc.SignOff(t.Context(), boss, in)
		mustNot(t, err)
		if !again.Repeated || again.Part.SignedAt != done.Part.SignedAt {
			t.Errorf("again %+v", again)
		}
		_, err = o.answer(run, boss, 1, model.Revoke, "")
		wantKind(t, err, model.Conflict, "final")
		want := []string{
			fmt.Sprintf(`2 connector %d "" queued {"AccountID":"a-ana","Username":"ana","EntitlementID":"writers","EntitlementName":"Writers","Via":"","GrantedAt":"2025-03-04T05:06:07.000008Z"}`, o.anaWrites),
			fmt.Sprintf(`4 manual %d "u1" queued {"AccountID":"a-bob","Username":"","EntitlementID":"writers","EntitlementName":"Writers","Via":"admins\u003eeditors","GrantedAt":null}`, o.bobWritesByGroup),
			`5 connector 0 "" queued {"AccountID":"a-idle","Username":"bob2","EntitlementID":"","EntitlementName":"","Via":"","GrantedAt":null}`,
		}
		got := w.strings(`SELECT CAST(r.item_id AS TEXT) || ' ' || r.mode || ' ' || CAST(r.grant_id AS TEXT) || ' "' || COALESCE(p.person_id, '') || '" ' || r.state || ' ' || r.access
			FROM remediations r LEFT JOIN people p ON p.key = r.assignee_key ORDER BY r.item_id`)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		tasks := w.strings("SELECT task FROM remediations WHERE task <> ''")
		if len(tasks) != 1 || !strings.Contains(tasks[0], "a-bob has Writers (writers) in wiki through admins>editors. Remove a-bob from Admins") {
			t.Errorf("tasks %q", tasks)
		}
		if got := w.events(run); strings.Count(got, "revocation.queued") != 3 || strings.Count(got, "review.signed_off") != 1 {
			t.Errorf("events %s", got)
		}
		w.checkChains(run)
	})
}

func TestSignOffAgainstAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		for i := range int64(5) {
			o.mustAnswer(run, boss, i+1, model.Keep, "")
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: int64(i%5 + 1), Answer: model.Revoke, Version: 1})
				if err != nil && model.KindOf(err) != model.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, err := w.svc.SignOff(t.Context(), boss, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		w.checkCounts(run.ID)
		// Whichever came first: every outcome is the last answer, and each revoke has its removal.
		if n := w.id("SELECT COUNT(*) FROM items WHERE run_id = ? AND reviewer_key = ? AND outcome <> answer", run.ID, o.boss); n != 0 {
			t.Errorf("%d outcomes are not the answer", n)
		}
		revoked := w.id("SELECT COUNT(*) FROM items WHERE run_id = ? AND outcome = 'revoke'", run.ID)
		if n := w.id("SELECT COUNT(DISTINCT item_id) FROM remediations"); n != revoked {
			t.Errorf("%d removals for %d revoked items", n, revoked)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, onNoAnswer := range []string{"keep", "revoke"} {
		t.Run(onNoAnswer, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) { testClose(t, w, onNoAnswer) })
		})
	}
}

func testClose(t *testing.T, w *world, onNoAnswer string) {
	o := newOffice(w)
	run := o.launch("q", func(s *model.CampaignSpec) { s.OnNoAnswer = onNoAnswer })
	boss := as(o.boss, "u1")
	o.mustAnswer(run, boss, 1, model.Keep, "")
	o.mustAnswer(run, boss, 2, model.Revoke, "")
	o.mustAnswer(run, boss, 3, model.Unsure, "")
	o.mustAnswer(run, as(o.ana, "u2"), 6, model.Unsure, "")
	_, err := w.svc.SignOff(t.Context(), as(o.ana, "u2"), campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
	mustNot(t, err)

	_, err = w.svc.Close(t.Context(), boss, run.ID, "")
	wantKind(t, err, model.Forbidden, "Only an admin")
	shown, err := w.svc.ClosePreview(t.Context(), admin, run.ID)
	mustNot(t, err)
	done, err := w.svc.Close(t.Context(), admin, run.ID, "it is due")
	mustNot(t, err)
	want := model.Counts{Items: 7, Kept: 1, Revoked: 1, Unsure: 2, Unanswered: 3}
	if done.Counts != want || shown.Counts != want || done.Defaulted != 5 || shown.Defaulted != 5 || shown.Unsigned != 2 {
		t.Errorf("closed %+v, shown %+v", done, shown)
	}
	removals := int64(1)
	if onNoAnswer == "revoke" {
		removals = 6
	}
	if done.Removals != removals || shown.Removals != removals {
		t.Errorf("%d removals, shown %d, want %d", done.Removals, shown.Removals, removals)
	}
	again, err := w.svc.Close(t.Context(), admin, run.ID, "")
	mustNot(t, err)
	if !again.Repeated || again.Counts != want {
		t.Errorf("again %+v", again)
	}
	wantItems := []string{"1 keep keep 0", "2 revoke revoke 0", "3 unsure " + onNoAnswer + " 1", "4  " + onNoAnswer + " 1", "5  " + onNoAnswer + " 1", "6 unsure " + onNoAnswer + " 1", "7  " + onNoAnswer + " 1"}
	got := w.strings("SELECT CAST(id AS TEXT) || ' ' || answer || ' ' || outcome || ' ' || CASE WHEN by_default THEN '1' ELSE '0' END FROM items WHERE run_id = ? ORDER BY id", run.ID)
	if d := cmp.Diff(wantItems, got); d != "" {
		t.Error(d)
	}
	if got := w.events(run); strings.Count(got, "item.defaulted") != 5 || strings.Count(got, "campaign.closed") != 1 {
		t.Errorf("events %s", got)
	}
	_, err = o.answer(run, boss, 4, model.Keep, "")
	wantKind(t, err, model.Conflict, "closed")
	_, err = w.svc.SignOff(t.Context(), boss, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
	wantKind(t, err, model.Conflict, "closed")
	status, err := w.svc.Status(t.Context(), "q")
	mustNot(t, err)
	if len(status) != 1 || status[0].Counts != want || status[0].State != model.Closed {
		t.Errorf("status %+v", status)
	}
	w.checkCounts(run.ID)
	w.checkChains(run)
}

func TestCloseAgainstAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove, s.OnNoAnswer = "decision", "revoke" })
		boss := as(o.boss, "u1")
		var wg sync.WaitGroup
		for i := range int64(5) {
			wg.Go(func() {
				_, err := w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: i + 1, Answer: []model.Answer{model.Keep, model.Revoke}[i%2]})
				if err != nil && model.KindOf(err) != model.Conflict {
					t.Error(err)
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				if _, err := w.svc.Close(t.Context(), admin, run.ID, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.id("SELECT COUNT(*) FROM items WHERE run_id = ? AND (outcome = '' OR (NOT by_default AND outcome <> answer))", run.ID); n != 0 {
			t.Errorf("%d items have the wrong outcome", n)
		}
		revoked := w.id("SELECT COUNT(*) FROM items WHERE run_id = ? AND outcome = 'revoke'", run.ID)
		if n := w.id("SELECT COUNT(DISTINCT item_id) FROM remediations WHERE state <> 'cancelled'"); n != revoked {
			t.Errorf("%d removals for %d revoked items", n, revoked)
		}
		w.checkCounts(run.ID)
		w.checkChains(run)
	})
}
