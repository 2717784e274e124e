package campaigns_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// keep answers keep until a date, and signs the boss's part off unless open is set.
func (o *office) keep(run model.Run, item int64, until string) {
	o.tb.Helper()
	it, err := o.store.Item(o.ctx(), run.ID, item)
	mustNot(o.tb, err)
	_, err = o.svc.Decide(o.ctx(), as(o.boss, "u1"), campaigns.DecideInput{RunID: run.ID, ItemID: item, Answer: model.Keep, Until: until, Version: it.Version})
	mustNot(o.tb, err)
}

func (o *office) close(run model.Run) {
	o.tb.Helper()
	_, err := o.svc.Close(o.ctx(), admin, run.ID, "over")
	mustNot(o.tb, err)
}

func (o *office) expire(want int) {
	o.tb.Helper()
	n, err := o.svc.ExpireKeeps(o.ctx())
	mustNot(o.tb, err)
	if n != want {
		o.tb.Errorf("%d keeps ended, want %d", n, want)
	}
}

// until sets the clock to an instant.
func (w *world) until(text string) {
	w.tb.Helper()
	at, err := time.Parse(time.RFC3339, text)
	mustNot(w.tb, err)
	w.clock.T = at.UTC()
}

func (w *world) ended() string {
	return strings.Join(w.strings("SELECT result || ' ' FROM ended_keeps ORDER BY run_id, item_id"), "")
}

// TestKeepUntil: a keep holds through its last day in the campaign's zone, then the reviewed grant goes,
// once, after the grace time, and the person is told; also when the run is closed.
func TestKeepUntil(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-01T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", grace("2d"))
		o.keep(run, 1, "2026-10-20")
		o.keep(run, 2, "2026-10-24")
		o.mustAnswer(run, as(o.boss, "u1"), 3, model.Keep, "")
		w.until("2026-10-21T10:00:00Z")
		o.expire(0) // nothing is final
		o.close(run)
		o.expire(1)
		w.until("2026-10-24T21:59:59Z")
		o.expire(0)
		w.until("2026-10-24T22:00:00Z") // midnight in Berlin
		var wg sync.WaitGroup
		var mu sync.Mutex
		total := 0
		for range 3 { // replicas
			wg.Go(func() {
				n, err := o.svc.ExpireKeeps(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				total += n
				mu.Unlock()
			})
		}
		wg.Wait()
		if total != 1 {
			t.Errorf("%d keeps ended, want one", total)
		}
		o.expire(0)
		r := w.removalOf(o.id("SELECT MAX(id) FROM remediations"))
		if r.Cause != model.CauseKeepUntil || r.ItemID != 2 || r.GrantID != o.anaWrites || r.State != model.Queued || r.NextAt != w.now().Add(48*time.Hour) {
			t.Errorf("removal %+v", r)
		}
		if n := w.id("SELECT COUNT(*) FROM remediations"); n != 2 {
			t.Errorf("%d removals", n)
		}
		if n := w.id("SELECT COUNT(*) FROM message_items WHERE remediation_id = ?", r.ID); n != 1 {
			t.Errorf("the person is told %d times", n)
		}
		if got := w.ended(); got != "queued queued " {
			t.Errorf("ended: %s", got)
		}
		w.healthy()
		// It can be contested as any other.
		mustNot(t, o.svc.Contest(t.Context(), as(o.ana, "u2"), r.ID, "I need it longer."))
		mustNot(t, o.svc.AnswerContest(t.Context(), admin, r.ID, true, "Until the next review."))
		o.expire(0)
		w.healthy()
	})
}

func TestKeepUntilRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.SQLite)
	w.until("2026-10-01T23:30:00Z") // the second in Berlin
	o := newOffice(w)
	run := o.launch("q")
	for until, part := range map[string]string{"2026-10-01": "is over already", "2025-01-01": "is over already", "2026-02-30": "not a date", "tomorrow": "not a date", "2026-10-2": "not a date"} {
		_, err := o.svc.Decide(t.Context(), as(o.boss, "u1"), campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.Keep, Until: until})
		wantKind(t, err, model.Invalid, part)
	}
	in := campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.Keep, Until: " 2026-10-02 ", Key: "k"}
	d, err := o.svc.Decide(t.Context(), as(o.boss, "u1"), in)
	mustNot(t, err)
	if d.Decision.Until != "2026-10-02" {
		t.Errorf("until %q", d.Decision.Until)
	}
	again, err := o.svc.Decide(t.Context(), as(o.boss, "u1"), in)
	mustNot(t, err)
	if !again.Repeated {
		t.Error("the second click is another answer")
	}
	in.Until = "2026-10-03"
	_, err = o.svc.Decide(t.Context(), as(o.boss, "u1"), in)
	wantKind(t, err, model.Conflict, "sent before")
	// With any other answer a date means nothing.
	d, err = o.svc.Decide(t.Context(), as(o.boss, "u1"), campaigns.DecideInput{RunID: run.ID, ItemID: 1, Answer: model.Unsure, Until: "2020-01-01", Version: 1})
	mustNot(t, err)
	if d.Decision.Until != "" {
		t.Errorf("until %q", d.Decision.Until)
	}
	// And the last answer counts.
	w.until("2026-12-01T00:00:00Z")
	o.close(run)
	o.expire(0)
}

// TestKeepUntilOvertaken: what a later review decided, and what has vanished or was granted anew since,
// is left alone.
func TestKeepUntilOvertaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		since  func(o *office) // between the close and the end of the keep
		ended  string
		queued int
	}{
		"nothing happened": {func(*office) {}, "queued ", 1},
		"kept by a later review": {func(o *office) {
			later := o.launch("later")
			o.keep(later, 1, "")
			o.close(later)
		}, "superseded ", 0},
		"kept longer by a later review": {func(o *office) {
			later := o.launch("later")
			o.keep(later, 1, "2027-06-30")
			o.close(later)
		}, "superseded ", 0},
		"removed by a later review": {func(o *office) {
			later := o.launch("later")
			o.mustAnswer(later, as(o.boss, "u1"), 1, model.Revoke, "")
			o.close(later)
		}, "superseded ", 0},
		"nobody answered a later review": {func(o *office) { o.close(o.launch("later")) }, "queued ", 1},
		"not sure in a later review": {func(o *office) {
			later := o.launch("later")
			o.mustAnswer(later, as(o.boss, "u1"), 1, model.Unsure, "")
			o.close(later)
		}, "queued ", 1},
		"a later review runs":              {func(o *office) { o.launch("later") }, "queued ", 1},
		"kept in a later review that runs": {func(o *office) { o.keep(o.launch("later"), 1, "") }, "", 0},
		"vanished": {func(o *office) {
			o.end(o.anaReads)
		}, "gone ", 0},
		"granted anew": {func(o *office) {
			o.end(o.anaReads)
			o.wiki.grant(o.anaAcc, o.readers, "", granted+1)
		}, "gone ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.until("2026-10-01T10:00:00Z")
				o := newOffice(w)
				run := o.launch("q")
				o.keep(run, 1, "2026-10-20")
				o.close(run)
				w.until("2026-10-10T10:00:00Z")
				c.since(o)
				was := w.id("SELECT COUNT(*) FROM remediations")
				w.until("2026-10-21T00:00:00Z")
				o.expire(c.queued)
				o.expire(0)
				if got := w.ended(); got != c.ended {
					t.Errorf("ended %q, want %q", got, c.ended)
				}
				if n := w.id("SELECT COUNT(*) FROM remediations") - was; n != int64(c.queued) {
					t.Errorf("%d removals, want %d", n, c.queued)
				}
				w.healthy()
			})
		})
	}
}

// end lets a grant of the wiki end with the next snapshot.
func (o *office) end(grant int64) {
	last := o.wiki.snapshot
	o.clock.Add(time.Hour)
	snap := o.wiki.seal()
	o.wiki.end(grant, last)
	o.sealed(snap)
}
