package campaigns_test

import (
	"testing"

	"recert/model"
)

// is says of a person what the latest list of people says.
func (s *source) is(person int64, p model.Person) {
	s.w.tb.Helper()
	s.w.exec("UPDATE person_versions SET data = ?, status = ?, manager_id = ? WHERE person_key = ? AND last_snapshot IS NULL", s.w.json(p), p.Status, p.ManagerID, person)
}

// TestReplaceReviewers: what a reviewer who has left did not answer goes to whom the rules give next, once a new
// list of people says so; answers stay, and so does what nobody else may answer.
func TestReplaceReviewers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q")
		want := func(n int) {
			t.Helper()
			if got := o.replicas(o.svc.ReplaceReviewers); got != n {
				t.Errorf("%d items were moved, want %d", got, n)
			}
		}
		want(0)
		mine := w.with(run, o.boss)
		o.mustAnswer(run, as(o.boss, "u1"), mine[0], model.Revoke, "")
		o.hr.is(o.boss, model.Person{PersonID: "u1", Name: "Boss Bosman", Status: "terminated", ManagerID: "u4"})
		want(0) // nobody knows yet
		w.exec("INSERT INTO snapshots (source_id, as_of, digest, state, origin, actor, released_by, reasons, extraction, unmatched, problems, rejects, rejects_root, started_at, heartbeat_at, sealed_at) VALUES (?, ?, 'new', 'sealed', 'cli', '', '', '[]', '{}', '{}', '{}', 0, '', 1, 1, ?)",
			o.hr.id, w.now(), w.now())
		want(len(mine) - 1)
		want(0)
		// The manager is gone: the owner of the source is next.
		if got := len(w.with(run, o.boss)); got != 0 {
			t.Errorf("%d are left with the boss", got)
		}
		if n := w.id("SELECT COUNT(*) FROM assignments a JOIN items i ON i.run_id = a.run_id AND i.id = a.item_id WHERE a.from_key = ? AND a.to_key = i.reviewer_key AND i.reviewer_key = ? AND a.basis = 'source_owner'", o.boss, o.cleo); n != int64(len(mine)-1) {
			t.Errorf("%d are with the owner of the source, want %d", n, len(mine)-1)
		}
		w.checkCounts(run.ID)
		o.checkChains(run)
		w.runsHold()
	})
}

// TestFollowMovers: what a manager has not answered about somebody who has another manager goes to that one, once a new
// list of people says so; what was answered, or handed over, stays, and nobody gets own access.
func TestFollowMovers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q")
		of := func(account int64) []int64 {
			return w.ids("SELECT id FROM items WHERE run_id = ? AND account_key = ? ORDER BY id", run.ID, account)
		}
		ana, bob := of(o.anaAcc), of(o.bobAcc)
		o.mustAnswer(run, as(o.boss, "u1"), ana[0], model.Keep, "")
		o.mustAnswer(run, as(o.boss, "u1"), bob[0], model.NotMine, "not mine") // it is with Cleo now
		o.hr.is(o.ana, model.Person{PersonID: "u2", Name: "Ana Anders", Email: "ana@example.com", Status: "active", ManagerID: "u5"})
		o.hr.is(o.bob, model.Person{PersonID: "u3", Name: "Bob Bates", Email: "bob@example.com", ManagerID: "U1"}) // the same, written otherwise
		o.hr.is(o.boss, model.Person{PersonID: "u1", Name: "Boss Bosman", Email: "boss@example.com", Status: "active", ManagerID: "u1"})
		o.hr.seal()
		if n := o.replicas(o.svc.ReplaceReviewers); n != 1 {
			t.Errorf("%d items were moved", n)
		}
		if got := w.with(run, o.dora); len(got) != 1 || got[0] != ana[1] {
			t.Errorf("the new manager has %v, want %d", got, ana[1])
		}
		w.checkCounts(run.ID)
		o.checkChains(run)
		w.healthy()
	})
}
