package remediate

import (
	"strings"
	"sync"
	"testing"

	"recert/campaigns"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// TestLower: the weaker access is given and proven before the reviewed one goes.
func TestLower(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.answer("a1", "writers", model.Reduce, "readers")
		w.are("")
		w.fine()
		w.end()
		w.are("lower a1 readers queued")
		w.fine()
		n, err := w.worker.Step(t.Context())
		if err != nil || n != 1 {
			t.Fatal(n, err)
		}
		w.are("lower a1 readers confirmed; remove a1 writers queued")
		if !w.srv.HasMember("readers", "a1") || !w.srv.HasMember("writers", "a1") {
			t.Error("the old one went before the new one was there, or the new one is not there")
		}
		w.fine()
		w.work()
		w.are("lower a1 readers confirmed; remove a1 writers confirmed")
		if !w.srv.HasMember("readers", "a1") || w.srv.HasMember("writers", "a1") {
			t.Error("it was not lowered")
		}
		w.read()
		w.are("lower a1 readers confirmed; remove a1 writers confirmed")
		if l := w.last(model.KindLower); *w.last(model.KindRemove).ForID != l.ID || l.Entitlement.Name != "Readers" {
			t.Errorf("the removal follows from %d, the lower is %+v", w.last(model.KindRemove).ForID, l)
		}
		w.fine()
		// The removal of a lowered access can be given back as any other one.
		w.restore(w.last(model.KindRemove).ID)
		w.work()
		w.are("lower a1 readers confirmed; remove a1 writers restored; restore a1 writers confirmed")
		w.fine()
	})
}

// TestLowerRefused: only down the chain that the source names, and nothing that is no access.
func TestLowerRefused(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		for _, to := range []string{"", "admins", "writers", "nothing", "Readers"} {
			if _, err := w.decide("a1", "writers", model.Reduce, to); model.KindOf(err) != model.Invalid {
				t.Errorf("writers lowered to %q: %v", to, err)
			}
		}
		w.answer("a3", "admins", model.Reduce, "readers") // two steps down
		w.answer("a1", "writers", model.Reduce, "readers")
		it := w.item("a1", "writers")
		in := campaigns.DecideInput{RunID: w.run.ID, ItemID: it.ID, Answer: model.Keep, LowerTo: "readers", Version: it.Version, Key: "k"}
		for range 2 { // a form may carry the choice with every answer
			_, err := w.svc.Decide(t.Context(), w.person("u1"), in)
			w.must(err)
		}
		ds, err := w.s.Decisions(t.Context(), w.run.ID, []int64{it.ID})
		w.must(err)
		if len(ds) != 2 || ds[0].LowerTo != "readers" || ds[1].LowerTo != "" {
			t.Errorf("the decisions are %+v", ds)
		}
		w.end()
		w.are("lower a3 readers queued")
		w.work()
		w.are("lower a3 readers confirmed; remove a3 admins confirmed")
		w.fine()
	})
}

// TestLowerFails: where the weaker access cannot be given the reviewed one stays, until it can.
func TestLowerFails(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.answer("a1", "writers", model.Reduce, "readers")
		w.answer("a2", "writers", model.Revoke, "")
		w.end()
		w.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: "PATCH", Path: "/Groups/readers"})
		w.work()
		w.are("lower a1 readers failed; remove a2 writers confirmed")
		if !w.srv.HasMember("writers", "a1") {
			t.Error("the reviewed access went")
		}
		w.fine()
		w.srv.ClearFaults()
		w.must(Retry(t.Context(), w.s, admin, w.rows()[1].ID))
		w.work()
		w.are("lower a1 readers confirmed; remove a2 writers confirmed; remove a1 writers confirmed")
		w.fine()
	})
}

// TestLowerByHand: by a person, a snapshot that shows the weaker access lets the reviewed one go.
func TestLowerByHand(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.target = noGranter{w.target}
		w.answer("a1", "writers", model.Reduce, "readers")
		w.end()
		w.work()
		w.are("lower a1 readers sent")
		r := w.last(model.KindLower)
		if r.Assignee.PersonID != "u4" || !strings.Contains(r.Task, "Give Readers (readers) to name1 (a1) in wiki. It takes the place of Writers (writers)") {
			t.Errorf("the task is %q for %q", r.Task, r.Assignee.PersonID)
		}
		w.read()
		w.are("lower a1 readers sent")
		w.must(w.srv.AddMember("readers", "a1"))
		w.read()
		w.are("lower a1 readers confirmed; remove a1 writers queued")
		w.work()
		w.are("lower a1 readers confirmed; remove a1 writers confirmed")
		w.fine()
	})
}

// TestLowerUndone: with remove: decision it may be undone, or lowered otherwise, until it has begun.
func TestLowerUndone(t *testing.T) {
	t.Parallel()
	givesOf(t, func(s *model.CampaignSpec) { s.Remove, s.UndoFor = campaigns.RemoveDecision, "1m" }, nil, func(t *testing.T, w *giveWorld) {
		d, err := w.decide("a3", "admins", model.Reduce, "writers")
		w.must(err)
		if !d.UndoUntil.Known() {
			t.Error("nothing says until when it may be undone")
		}
		w.are("lower a3 writers queued")
		w.answer("a3", "admins", model.Reduce, "readers")
		w.answer("a3", "admins", model.NoAnswer, "")
		w.answer("a3", "admins", model.Revoke, "")
		w.answer("a3", "admins", model.Reduce, "readers")
		w.are("lower a3 writers cancelled; lower a3 readers cancelled; remove a3 admins cancelled; lower a3 readers queued")
		w.fine()
		w.work()
		w.are("lower a3 writers cancelled; lower a3 readers cancelled; remove a3 admins cancelled; lower a3 readers confirmed; remove a3 admins confirmed")
		if _, err := w.decide("a3", "admins", model.Keep, ""); model.KindOf(err) != model.Conflict {
			t.Errorf("it was undone after it was done: %v", err)
		}
		w.fine()
		w.end()
		w.are("lower a3 writers cancelled; lower a3 readers cancelled; remove a3 admins cancelled; lower a3 readers confirmed; remove a3 admins confirmed")
		w.fine()
	})
}

// TestLowerCrash: at no point of an attempt is the reviewed access taken without the weaker one.
func TestLowerCrash(t *testing.T) {
	t.Parallel()
	for _, p := range Points {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				w := newGiveWorld(t, s, clock, nil, nil).launch()
				w.answer("a1", "writers", model.Reduce, "readers")
				w.end()
				w.srv.Hook(nil, func(scimserver.Call) {
					if !w.srv.HasMember("writers", "a1") && !w.srv.HasMember("readers", "a1") {
						t.Error("a1 has neither")
					}
				})
				dead := w.newWorker("dead")
				dead.Fault = crashAt(p)
				if _, err := dead.Step(t.Context()); err == nil {
					t.Fatal("it did not crash")
				}
				w.work()
				w.are("lower a1 readers confirmed; remove a1 writers confirmed")
				if w.grants() != 1 {
					t.Errorf("it was given %d times", w.grants())
				}
				w.fine()
			})
		})
	}
}

// TestLowerToRemoved: an access is not lowered to one that the same review takes away from the same account, in
// whichever order that is answered, and at once; another account's answers do not matter.
func TestLowerToRemoved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w := newGiveWorld(t, s, clock, nil, nil)
		w.must(w.srv.AddMember("readers", "a1"))
		w.must(w.srv.AddMember("readers", "a2"))
		w.must(w.srv.AddMember("admins", "a1"))
		w.launch()
		refused := func(account, entitlement string, a model.Answer, to, says string) {
			t.Helper()
			if _, err := w.decide(account, entitlement, a, to); model.KindOf(err) != model.Conflict || !strings.Contains(err.Error(), says) {
				t.Errorf("%s of %s, %s: %v", entitlement, account, a, err)
			}
		}
		w.answer("a1", "readers", model.Revoke, "")
		refused("a1", "writers", model.Reduce, "readers", "cannot be lowered to “Readers”: this review takes that one away from the same account (answered by Boss Bosman)")
		w.answer("a2", "writers", model.Reduce, "readers")
		refused("a2", "readers", model.Revoke, "", "“Readers” cannot be taken away: this review lowers “Writers” of the same account to it (answered by Boss Bosman)")
		w.answer("a2", "readers", model.Keep, "")
		w.answer("a2", "writers", model.Reduce, "readers") // the same again
		// What is lowered is taken away too.
		w.answer("a1", "readers", model.Keep, "")
		w.answer("a1", "writers", model.Reduce, "readers")
		refused("a1", "admins", model.Reduce, "writers", "cannot be lowered to “Writers”")
		w.answer("a1", "admins", model.Reduce, "readers")
		refused("a1", "readers", model.Revoke, "", "cannot be taken away")
		// With that changed, it goes.
		w.answer("a1", "writers", model.Keep, "")
		w.answer("a1", "admins", model.Revoke, "")
		w.answer("a1", "readers", model.Revoke, "")
		w.answer("a1", "readers", model.NoAnswer, "")
		w.answer("a1", "writers", model.Unsure, "")

		var wg sync.WaitGroup
		both := make([]error, 2)
		writers, readers := w.item("a1", "writers"), w.item("a1", "readers")
		for i, in := range []campaigns.DecideInput{
			{RunID: w.run.ID, ItemID: writers.ID, Version: writers.Version, Answer: model.Reduce, LowerTo: "readers"},
			{RunID: w.run.ID, ItemID: readers.ID, Version: readers.Version, Answer: model.Revoke},
		} {
			who := w.person("u1")
			wg.Go(func() { _, both[i] = w.svc.Decide(t.Context(), who, in) })
		}
		wg.Wait()
		if (both[0] == nil) == (both[1] == nil) {
			t.Errorf("of two at once: %v, %v", both[0], both[1])
		}
	})
}
