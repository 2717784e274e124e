package campaigns_test

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/model"
)

// answer gives an answer at the version that stands.
func (o *office) answer(run model.Run, who model.Actor, item int64, a model.Answer, comment string) (*campaigns.Decided, error) {
	o.tb.Helper()
	it, err := o.store.Item(o.ctx(), run.ID, item)
	mustNot(o.tb, err)
	return o.svc.Decide(o.ctx(), who, campaigns.DecideInput{RunID: run.ID, ItemID: item, Answer: a, Comment: comment, Version: it.Version})
}

func (o *office) mustAnswer(run model.Run, who model.Actor, item int64, a model.Answer, comment string) *campaigns.Decided {
	o.tb.Helper()
	d, err := o.answer(run, who, item, a, comment)
	mustNot(o.tb, err)
	return d
}

// checkCounts recounts every counter of a run from its items.
func (w *world) checkCounts(run int64) {
	w.tb.Helper()
	got := w.strings(`SELECT CAST(person_key AS TEXT) || ' ' || CAST(items AS TEXT) || ' ' || CAST(kept AS TEXT) || ' ' || CAST(revoked AS TEXT) || ' ' || CAST(unsure AS TEXT) || ' ' || CAST(gone AS TEXT)
		FROM run_reviewers WHERE run_id = ? AND items > 0 ORDER BY person_key`, run)
	want := w.strings(`SELECT CAST(reviewer_key AS TEXT) || ' ' || CAST(COUNT(*) AS TEXT) || ' ' || CAST(SUM(CASE WHEN answer = 'keep' THEN 1 ELSE 0 END) AS TEXT) || ' ' ||
		CAST(SUM(CASE WHEN answer = 'revoke' THEN 1 ELSE 0 END) AS TEXT) || ' ' || CAST(SUM(CASE WHEN answer = 'unsure' THEN 1 ELSE 0 END) AS TEXT) || ' ' ||
		CAST(SUM(CASE WHEN outcome = 'gone' THEN 1 ELSE 0 END) AS TEXT) FROM items WHERE run_id = ? GROUP BY reviewer_key ORDER BY reviewer_key`, run)
	if d := cmp.Diff(want, got); d != "" {
		w.tb.Errorf("counters (-items +run_reviewers):\n%s", d)
	}
}

func (w *world) events(run model.Run) string {
	return strings.Join(w.strings("SELECT type FROM events WHERE run = ? ORDER BY id", run.Name), " ")
}

func TestDecide(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		d := o.mustAnswer(run, boss, 1, model.Keep, " fine ")
		if d.Item.Version != 1 || d.Item.Answer != model.Keep || d.Decision.Comment != "fine" || d.UndoUntil != 0 {
			t.Errorf("decided %+v", d)
		}
		o.mustAnswer(run, boss, 1, model.Revoke, "")
		o.mustAnswer(run, boss, 2, model.Unsure, "")
		if d := o.mustAnswer(run, boss, 2, model.NoAnswer, ""); d.Item.Answer != "" || d.Item.DecidedAt != 0 || d.Item.Version != 2 {
			t.Errorf("undone %+v", d.Item)
		}
		if d := o.mustAnswer(run, boss, 2, model.NoAnswer, ""); d.Item.Version != 2 || d.Decision.Version != 0 {
			t.Errorf("nothing was there to undo, yet %+v", d)
		}
		w.checkCounts(run.ID)
		if got := w.strings("SELECT answer FROM decisions WHERE run_id = ? ORDER BY item_id, version", run.ID); strings.Join(got, " ") != "keep revoke unsure none" {
			t.Errorf("decisions %v", got)
		}
		if got := w.events(run); got != "campaign.launched item.decided item.decided item.decided item.decided" {
			t.Errorf("events %s", got)
		}
		if n := w.id("SELECT COUNT(*) FROM remediations"); n != 0 {
			t.Errorf("%d removals before the sign-off", n)
		}
		page := func() campaigns.Row {
			r, err := w.svc.Item(t.Context(), boss, run.ID, 1)
			mustNot(t, err)
			return r
		}
		if r := page(); r.By != "Boss Bosman" || r.Decision.Answer != model.Revoke || r.Subject.Name != "Ana Anders" || r.Entitlement.Name != "Readers" {
			t.Errorf("row %+v", r)
		}
	})
}

func TestDecideRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		for name, c := range map[string]struct {
			who  model.Actor
			in   campaigns.DecideInput
			kind model.ErrorKind
			part string
		}{
			"somebody else's item": {as(o.ana, "u2"), campaigns.DecideInput{ItemID: 1, Answer: model.Keep}, model.NotFound, "no such item"},
			"without a part":       {as(o.dora, "u5"), campaigns.DecideInput{ItemID: 1, Answer: model.Keep}, model.NotFound, "no such"},
			"an admin":             {admin, campaigns.DecideInput{ItemID: 1, Answer: model.Keep}, model.NotFound, "no such"},
			"no item":              {boss, campaigns.DecideInput{ItemID: 99, Answer: model.Keep}, model.NotFound, "no such item"},
			"no run":               {boss, campaigns.DecideInput{RunID: 99, ItemID: 1, Answer: model.Keep}, model.NotFound, "no such"},
			"reduce to nothing":    {boss, campaigns.DecideInput{ItemID: 1, Answer: model.Reduce}, model.Invalid, "Choose what"},
			"reduce to any other":  {boss, campaigns.DecideInput{ItemID: 1, Answer: model.Reduce, LowerTo: "admins"}, model.Invalid, "cannot be lowered to"},
			"an outcome":           {boss, campaigns.DecideInput{ItemID: 1, Answer: model.OutcomeGone}, model.Invalid, "Choose an answer"},
			"not mine, no reason":  {boss, campaigns.DecideInput{ItemID: 1, Answer: model.NotMine, Comment: "  "}, model.Invalid, "Say why"},
			"a long comment":       {boss, campaigns.DecideInput{ItemID: 1, Answer: model.Keep, Comment: strings.Repeat("x", 2001)}, model.Invalid, "2000"},
			"NUL":                  {boss, campaigns.DecideInput{ItemID: 1, Answer: model.Keep, Comment: "a\x00b"}, model.Invalid, "cannot be stored"},
		} {
			if c.in.RunID == 0 {
				c.in.RunID = run.ID
			}
			_, err := w.svc.Decide(t.Context(), c.who, c.in)
			if err == nil || model.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.part) {
				t.Errorf("%s: got %v; want %s with %q", name, err, c.kind, c.part)
			}
		}
		// What has become the reviewer's own access since launch cannot be answered, only passed on.
		w.exec("UPDATE correlations SET person_key = ? WHERE account_key = ?", o.boss, o.anaAcc)
		_, err := o.answer(run, boss, 1, model.Keep, "")
		wantKind(t, err, model.Forbidden, "your own access")
		if d := o.mustAnswer(run, boss, 1, model.NotMine, "it is mine now"); d.MovedTo != "Cleo Clark" {
			t.Errorf("moved to %q", d.MovedTo)
		}
		if n := w.id("SELECT COUNT(*) FROM decisions"); n != 1 {
			t.Errorf("%d decisions", n)
		}
	})
}

func TestConflictAndIdempotency(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove = "decision" })
		boss := as(o.boss, "u1")
		in := campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.Revoke, Key: "k1"}
		first, err := w.svc.Decide(t.Context(), boss, in)
		mustNot(t, err)
		again, err := w.svc.Decide(t.Context(), boss, in)
		mustNot(t, err)
		if !again.Repeated || again.Decision != first.Decision || again.UndoUntil != first.UndoUntil || again.UndoUntil != w.now().Add(30*time.Second) {
			t.Errorf("again %+v, first %+v", again, first)
		}
		if n := w.id("SELECT COUNT(*) FROM remediations") + 10*w.id("SELECT COUNT(*) FROM decisions"); n != 11 {
			t.Errorf("twice: %d", n)
		}
		in.Answer = model.Keep
		_, err = w.svc.Decide(t.Context(), boss, in)
		wantKind(t, err, model.Conflict, "sent before")

		_, err = w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.Keep, Key: "k2", Version: 0, Comment: "mine"})
		c, ok := errors.AsType[*campaigns.ConflictError](err)
		want := &campaigns.ConflictError{Mine: model.Keep, Comment: "mine", Theirs: model.Revoke, Who: "Boss Bosman", At: w.now(), Version: 1}
		if !ok || *c != *want || model.KindOf(err) != model.Conflict {
			t.Errorf("conflict %+v (%v), want %+v", c, err, want)
		}
		_, err = w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.Keep, Key: "k3", Version: c.Version})
		mustNot(t, err)
		w.checkCounts(run.ID)
	})
}

func TestUndoOfRemoval(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove, s.UndoFor = "decision", "1m" })
		boss := as(o.boss, "u1")
		states := func() string { return strings.Join(w.strings("SELECT state FROM remediations ORDER BY id"), " ") }
		o.mustAnswer(run, boss, 1, model.Revoke, "")
		if got := w.id("SELECT next_at FROM remediations"); got != int64(w.now().Add(time.Minute)) {
			t.Errorf("goes out at %d", got)
		}
		o.mustAnswer(run, boss, 1, model.NoAnswer, "")
		o.mustAnswer(run, boss, 1, model.Revoke, "again")
		o.mustAnswer(run, boss, 1, model.Revoke, "and why")
		if got := states(); got != "cancelled queued" {
			t.Errorf("removals %s", got)
		}
		if got := w.events(run); !strings.Contains(got, "revocation.state") || strings.Count(got, "revocation.queued") != 2 {
			t.Errorf("events %s", got)
		}
		// A worker claims it: from then on nothing can be taken back, by undo, by another answer or by passing it on.
		w.exec("UPDATE remediations SET attempts = 1, fence = 1, lease_until = ? WHERE state = 'queued'", int64(w.now().Add(time.Hour)))
		for _, a := range []model.Answer{model.NoAnswer, model.Keep, model.NotMine} {
			_, err := o.answer(run, boss, 1, a, "sorry")
			wantKind(t, err, model.Conflict, "has begun already")
		}
		it, err := w.store.Item(t.Context(), run.ID, 1)
		mustNot(t, err)
		if it.Answer != model.Revoke || states() != "cancelled queued" {
			t.Errorf("item %+v, removals %s", it, states())
		}
		w.checkCounts(run.ID)
	})
}

func TestNotMine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) { s.Remove = "decision" })
		boss, cleo, dora := as(o.boss, "u1"), as(o.cleo, "u4"), as(o.dora, "u5")
		o.mustAnswer(run, boss, 1, model.Revoke, "")
		d := o.mustAnswer(run, boss, 1, model.NotMine, "ask cleo")
		if d.MovedTo != "Cleo Clark" || d.Item.Answer != "" || d.Item.Version != 3 || d.Item.ReviewerKey != o.cleo {
			t.Errorf("moved %+v", d)
		}
		w.checkCounts(run.ID)
		if got := w.strings("SELECT state FROM remediations"); strings.Join(got, " ") != "cancelled" {
			t.Errorf("removals %v", got)
		}
		again, err := w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.NotMine, Comment: "ask cleo", Version: 1, Key: d.Decision.IdemKey})
		mustNot(t, err)
		if !again.Repeated || again.MovedTo != "Cleo Clark" || again.Item.Version != 3 {
			t.Errorf("again %+v", again)
		}
		// The old reviewer no longer sees it, the new one does.
		_, err = w.svc.Item(t.Context(), boss, run.ID, 1)
		wantKind(t, err, model.NotFound, "no such item")
		_, err = w.svc.Item(t.Context(), cleo, run.ID, 1)
		mustNot(t, err)
		d = o.mustAnswer(run, cleo, 1, model.NotMine, "no idea")
		if d.MovedTo != "Dora Dean" {
			t.Errorf("moved to %q", d.MovedTo)
		}
		_, err = o.answer(run, dora, 1, model.NotMine, "me neither")
		wantKind(t, err, model.Invalid, "Nobody else is left")
		// Boss's own admins go to boss's manager cleo; the fallback is next, never boss.
		d = o.mustAnswer(run, cleo, 7, model.NotMine, "x")
		if d.MovedTo != "Dora Dean" {
			t.Errorf("boss's own access moved to %q", d.MovedTo)
		}
		o.mustAnswer(run, dora, 1, model.Keep, "")
		w.checkCounts(run.ID)
		want := []string{"1 1 u1 u4 source_owner ask cleo", "1 2 u4 u5 fallback no idea", "7 1 u4 u5 fallback x"}
		got := w.strings(`SELECT CAST(a.item_id AS TEXT) || ' ' || CAST(a.n AS TEXT) || ' ' || f.person_id || ' ' || t.person_id || ' ' || a.basis || ' ' || a.reason
			FROM assignments a JOIN people f ON f.key = a.from_key JOIN people t ON t.key = a.to_key ORDER BY a.item_id, a.n`)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestNotMineSkipsWhoSignedOffOrLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		o.mustAnswer(run, as(o.cleo, "u4"), 7, model.Keep, "")
		_, err := w.svc.SignOff(t.Context(), as(o.cleo, "u4"), campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
		mustNot(t, err)
		if d := o.mustAnswer(run, as(o.boss, "u1"), 1, model.NotMine, "x"); d.MovedTo != "Dora Dean" {
			t.Errorf("moved to %q, who signed off", d.MovedTo)
		}
		o.hr.setPerson(o.dora, model.Person{PersonID: "u5", Name: "Dora Dean", Status: "terminated"})
		_, err = o.answer(run, as(o.boss, "u1"), 2, model.NotMine, "x")
		wantKind(t, err, model.Invalid, "Nobody else is left")
	})
}

func TestDecideMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		ins := make([]campaigns.DecideInput, 5)
		for i := range ins {
			ins[i] = campaigns.DecideInput{RunID: run.ID, ItemID: int64(i + 1), Answer: model.Keep}
		}
		ins[4].Version = 7
		_, err := w.svc.DecideMany(t.Context(), boss, run.ID, ins)
		wantKind(t, err, model.Conflict, "")
		if n := w.id("SELECT COUNT(*) FROM decisions"); n != 0 {
			t.Errorf("%d of a refused bulk were stored", n)
		}
		ins[4].Version = 0
		out, err := w.svc.DecideMany(t.Context(), boss, run.ID, ins)
		mustNot(t, err)
		if len(out) != 5 {
			t.Errorf("%d results", len(out))
		}
		w.checkCounts(run.ID)
		leafs := w.strings("SELECT leaf FROM events WHERE type = 'item.decided'")
		if len(leafs) != 5 || !strings.Contains(leafs[0], `"bulk_size":5`) || !strings.Contains(leafs[0], `"channel":"bulk"`) {
			t.Errorf("events %v", leafs)
		}
	})
}

func TestConcurrentAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := as(o.boss, "u1")
		// Twenty tabs answer the same version: one wins, the others see its answer.
		var wg sync.WaitGroup
		var mu sync.Mutex
		won, lost := 0, 0
		for i := range 20 {
			wg.Go(func() {
				a := []model.Answer{model.Keep, model.Revoke}[i%2]
				_, err := w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: a, Key: strconv.Itoa(i)})
				mu.Lock()
				defer mu.Unlock()
				if _, ok := errors.AsType[*campaigns.ConflictError](err); ok {
					lost++
				} else if err == nil {
					won++
				} else {
					t.Error(err)
				}
			})
		}
		// The same form twenty times over: one answer.
		for range 20 {
			wg.Go(func() {
				if _, err := w.svc.Decide(t.Context(), boss, campaigns.DecideInput{RunID: run.ID, ItemID: 2, Answer: model.Keep, Key: "double"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 || lost != 19 {
			t.Errorf("%d won, %d lost", won, lost)
		}
		if n := w.id("SELECT COUNT(*) FROM decisions WHERE item_id = 2"); n != 1 {
			t.Errorf("a form sent 20 times made %d decisions", n)
		}
		w.checkCounts(run.ID)
		w.checkChains(run)
	})
}

// checkChains tells whether the events of each object form one chain.
func (w *world) checkChains(run model.Run) {
	w.tb.Helper()
	if twice := w.strings("SELECT object FROM (SELECT object, leaf FROM events WHERE run = ?) e WHERE leaf IS NULL", run.Name); len(twice) != 0 {
		w.tb.Errorf("events without a leaf: %v", twice)
	}
	last := map[string]string{}
	rows, err := w.db.Query(w.query("SELECT object, leaf, hash FROM events WHERE run = ? ORDER BY id"), run.Name)
	mustNot(w.tb, err)
	defer rows.Close()
	for rows.Next() {
		var object string
		var leaf, hash []byte
		mustNot(w.tb, rows.Scan(&object, &leaf, &hash))
		if !strings.Contains(string(leaf), `"prev":"`+last[object]+`"`) {
			w.tb.Errorf("the chain of %s is broken", object)
		}
		last[object] = hex.EncodeToString(hash)
	}
	mustNot(w.tb, rows.Err())
}
