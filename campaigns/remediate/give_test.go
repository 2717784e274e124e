package remediate

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// gives runs fn in a fresh world on either database.
func gives(t *testing.T, fn func(t *testing.T, w *giveWorld)) {
	t.Helper()
	givesOf(t, nil, nil, fn)
}

func givesOf(t *testing.T, campaign func(*model.CampaignSpec), source func(*model.SourceSpec), fn func(t *testing.T, w *giveWorld)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		fn(t, newGiveWorld(t, s, clock, campaign, source).launch())
	})
}

// noGranter is a target that can only look and take away.
type noGranter struct{ connector.Target }

// refuser is a Granter that cannot give, as one whose configuration does not allow it.
type refuser struct{ connector.Target }

func (refuser) Grant(context.Context, connector.Access, string) (connector.Outcome, error) {
	return "", &connector.Failure{Kind: connector.Refused, Msg: "The program is not configured to give access; a person has to"}
}

// TestRestore: what was removed is given back, proven by a read, and the removal is restored.
func TestRestore(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		id := w.restore(removal.ID)
		if again := w.restore(removal.ID); again != id {
			t.Errorf("the second click asked for another one: %d and %d", id, again)
		}
		w.are("remove a1 writers confirmed; restore a1 writers queued")
		w.read() // it does not show it yet
		w.are("remove a1 writers confirmed; restore a1 writers queued")
		w.work()
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		if !w.srv.HasMember("writers", "a1") || w.grants() != 1 {
			t.Errorf("the target was asked %d times", w.grants())
		}
		r := w.last(model.KindRestore)
		if r.Proof != "read" || r.AskedBy != admin.Label() || r.AskedFor != "Removed by mistake." || *r.ForID != removal.ID || !strings.Contains(r.Task, "Jan 2027") {
			t.Errorf("it is %+v", r.Remediation)
		}
		w.read() // what was given back on purpose does not come back
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		_, err := Restore(t.Context(), w.s, admin, removal.ID, "Once more.")
		if err != nil {
			t.Errorf("a click after it was proven: %v", err)
		}
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		w.fine()
	})
}

// TestRestoreFaults: whatever the target does, nothing is proven that is not there, and it is given once.
func TestRestoreFaults(t *testing.T) {
	t.Parallel()
	is := func(rule scimserver.Rule) scimserver.Rule { rule.Method = "PATCH"; return rule }
	for name, c := range map[string]struct {
		rule   scimserver.Rule
		want   string // of the restore
		grants int
	}{
		"lies for ever":             {is(scimserver.Rule{Fault: scimserver.Lie}), "failed", 0},
		"lies":                      {is(scimserver.Rule{Fault: scimserver.Lie, Times: 1}), "failed", 0},
		"reply lost after effect":   {is(scimserver.Rule{Fault: scimserver.DropReply, Times: 1}), "confirmed", 1},
		"request lost":              {is(scimserver.Rule{Fault: scimserver.DropRequest, Times: 1}), "confirmed", 1},
		"down":                      {is(scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Times: 3}), "confirmed", 1},
		"rate limit":                {is(scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "60", Times: 2}), "confirmed", 1},
		"an answer without a sense": {is(scimserver.Rule{Fault: scimserver.BrokenJSON, Times: 1}), "confirmed", 1},
		"never answers":             {is(scimserver.Rule{Fault: scimserver.DropRequest}), "failed", 0},
		"cannot be read":            {scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Method: "GET", Times: 5}, "confirmed", 1},
		"refuses":                   {is(scimserver.Rule{Fault: scimserver.Refuse, Status: 400}), "sent", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gives(t, func(t *testing.T, w *giveWorld) {
				removal := w.removed()
				w.srv.Inject(c.rule)
				w.restore(removal.ID)
				w.work()
				r := w.last(model.KindRestore)
				if string(r.State) != c.want || w.grants() != c.grants {
					t.Errorf("it is %s (%s) after %d grants, want %s after %d", r.State, r.Reason, w.grants(), c.want, c.grants)
				}
				w.srv.ClearFaults()
				w.fine()
				if r.State != model.Failed {
					return
				}
				w.must(Retry(t.Context(), w.s, admin, r.ID))
				w.work()
				w.are("remove a1 writers restored; restore a1 writers confirmed")
				w.fine()
			})
		})
	}
}

// TestRestoreByHand: where no connector can give it, a person does, and only a snapshot proves it.
func TestRestoreByHand(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]func(connector.Target) connector.Target{
		"cannot give":    func(t connector.Target) connector.Target { return noGranter{t} },
		"may not give":   func(t connector.Target) connector.Target { return refuser{t} },
		"may, and is up": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gives(t, func(t *testing.T, w *giveWorld) {
				removal := w.removed()
				if target == nil { // the source's settings leave it to people
					w.revoke(model.RevokeSpec{Mode: model.ModeManual})
				} else {
					w.target = target(w.target)
				}
				w.restore(removal.ID)
				w.work()
				w.are("remove a1 writers confirmed; restore a1 writers sent")
				r := w.last(model.KindRestore)
				if r.Mode != model.ModeManual || r.Assignee.PersonID != "u4" || !r.CalledAt.Known() || !strings.Contains(r.Task, "Give Writers (writers) back to name1 (a1) in wiki.") {
					t.Errorf("the task is %q for %q (%s)", r.Task, r.Assignee.PersonID, r.Mode)
				}
				w.read()
				w.are("remove a1 writers confirmed; restore a1 writers sent")
				if r := w.last(model.KindRestore); !strings.HasPrefix(r.Reason, "Not yet there") {
					t.Errorf("the reason is %q", r.Reason)
				}
				w.must(w.srv.AddMember("writers", "a1"))
				w.read()
				w.are("remove a1 writers restored; restore a1 writers confirmed")
				if r := w.last(model.KindRestore); r.Proof != "snapshot" || w.grants() != 0 {
					t.Errorf("proven by %q after %d grants", r.Proof, w.grants())
				}
				w.read()
				w.are("remove a1 writers restored; restore a1 writers confirmed")
				w.fine()
			})
		})
	}
}

// TestRestoreRefused: who may not, and what cannot be given back.
func TestRestoreRefused(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.answer("a2", "writers", model.Revoke, "")
		removal := w.removedBoth()
		refused := func(what string, who model.Actor, id int64, reason string, kind model.ErrorKind) {
			t.Helper()
			if _, err := Restore(t.Context(), w.s, who, id, reason); model.KindOf(err) != kind {
				t.Errorf("%s: %v, want %s", what, err, kind)
			}
		}
		refused("a reviewer", w.person("u4"), removal.ID, "x", model.Forbidden)
		refused("an auditor", w.person("u4", model.Auditor), removal.ID, "x", model.Forbidden)
		refused("without a reason", admin, removal.ID, " ", model.Invalid)
		refused("a reason without end", admin, removal.ID, strings.Repeat("x", 2001), model.Invalid)
		refused("none such", admin, 9999, "x", model.NotFound)
		refused("one's own", w.person("u2", model.Admin), removal.ID, "x", model.Forbidden)
		other := w.person("u2", model.Admin)
		other.PersonKey, other.PersonID = 0, "" // a link by mail
		refused("one's own, under another name", other, removal.ID, "x", model.Forbidden)
		w.are("remove a1 writers confirmed; remove a2 writers confirmed")

		w.must(w.srv.AddMember("writers", "a1"))
		w.read()
		w.are("remove a1 writers came_back; remove a2 writers confirmed")
		refused("not proven", admin, removal.ID, "x", model.Conflict)
		w.work()
		w.fine()
	})
}

// removedBoth has both writers taken out; it gives the removal of a1.
func (w *giveWorld) removedBoth() store.RemediationRow {
	w.Helper()
	w.answer("a1", "writers", model.Revoke, "")
	w.end()
	w.work()
	for _, r := range w.rows() {
		if r.Subject.AccountID == "a1" {
			return r
		}
	}
	w.Fatal("there is no removal of a1")
	return store.RemediationRow{}
}

// TestRestoreStops: the switch, a paused source, dry run and the cap hold it; a person lets it go on or
// gives it up.
func TestRestoreStops(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		id := w.restore(removal.ID)
		w.must(Stop(t.Context(), w.s, admin, "wait"))
		w.clock.Add(time.Hour)
		if n, err := w.worker.Step(t.Context()); n != 0 || err != nil {
			t.Errorf("%d worked on while removals are stopped: %v", n, err)
		}
		w.must(Go(t.Context(), w.s, admin))
		w.revoke(model.RevokeSpec{Mode: model.ModeConnector, HourlyCap: "0"})
		w.work()
		w.are("remove a1 writers confirmed; restore a1 writers held")
		r := w.last(model.KindRestore)
		if r.Reason != whyGiveHourCap {
			t.Errorf("held because %q", r.Reason)
		}
		if _, err := Approve(t.Context(), w.s, admin, []int64{id}, r.Fence); model.KindOf(err) != model.Forbidden {
			t.Errorf("who asked for it let it go on: %v", err)
		}
		second := model.Actor{Name: "Sven Second", Roles: []model.Role{model.Admin}}
		if n, err := Approve(t.Context(), w.s, second, []int64{id}, r.Fence); n != 1 || err != nil {
			t.Errorf("a second person let %d go on: %v", n, err)
		}
		w.revoke(model.RevokeSpec{Mode: model.ModeConnector, DryRun: true})
		w.work()
		if r := w.last(model.KindRestore); r.State != model.Held || r.Reason != whyGiveDryRun || w.grants() != 0 {
			t.Errorf("on dry run it is %s (%s) after %d grants", r.State, r.Reason, w.grants())
		}
		if err := GiveUp(t.Context(), w.s, auditor, id); model.KindOf(err) != model.Forbidden {
			t.Errorf("an auditor gave it up: %v", err)
		}
		for range 2 {
			w.must(GiveUp(t.Context(), w.s, manager, id))
		}
		w.are("remove a1 writers confirmed; restore a1 writers cancelled")
		w.revoke(model.RevokeSpec{Mode: model.ModeConnector})
		if second := w.restore(removal.ID); second == id {
			t.Error("what was given up cannot be asked for again")
		}
		w.work()
		w.are("remove a1 writers restored; restore a1 writers cancelled; restore a1 writers confirmed")
		w.fine()
	})
}

// revoke changes how the wiki's removals are done.
func (w *giveWorld) revoke(spec model.RevokeSpec) {
	w.Helper()
	_, err := campaigns.Apply(w.Context(), w.s, "test", []campaigns.Document{{Kind: model.ConfigSource, Name: "wiki", At: "b", Spec: &model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "csv", Owner: "u4", Correlate: model.Strings{"email"}, Revoke: spec, ShrinkLimit: "100%",
	}}}, false)
	w.must(err)
}

// TestRestoreInSnapshot: a snapshot that shows the access between the request and its proof does not
// reopen the removal, and proves what was asked for; after it was given up it does reopen it.
func TestRestoreInSnapshot(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		w.srv.Inject(scimserver.Rule{Fault: scimserver.Refuse, Status: 503, Method: "PATCH"})
		id := w.restore(removal.ID)
		if n, err := w.worker.Step(t.Context()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		w.must(w.srv.AddMember("writers", "a1"))
		w.read()
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		w.work()
		w.fine()
		if err := GiveUp(t.Context(), w.s, admin, id); model.KindOf(err) != model.Conflict {
			t.Errorf("what is proven was given up: %v", err)
		}
	})
}

// TestGiveCrash: a worker that dies at any point leaves what the next one brings to the right end.
func TestGiveCrash(t *testing.T) {
	t.Parallel()
	for _, p := range Points {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			gives(t, func(t *testing.T, w *giveWorld) {
				removal := w.removed()
				w.restore(removal.ID)
				dead := w.newWorker("dead")
				dead.Fault = crashAt(p)
				if _, err := dead.Step(t.Context()); err == nil {
					t.Fatal("it did not crash")
				}
				w.work()
				w.are("remove a1 writers restored; restore a1 writers confirmed")
				if w.grants() != 1 {
					t.Errorf("it was given %d times", w.grants())
				}
				w.fine()
			})
		})
	}
}

// TestGiveBelieved: a worker that takes the target's word for proof is noticed.
func TestGiveBelieved(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		w.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: "PATCH"})
		w.restore(removal.ID)
		w.worker.unsafe.believe = true
		w.work()
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		if got := w.faults(); len(got) != 1 || !strings.HasSuffix(got[0], "is confirmed, and not there") {
			t.Errorf("what was noticed is %q", got)
		}
		attempts, err := w.s.RemediationAttempts(t.Context(), w.last(model.KindRestore).ID)
		w.must(err)
		if last := attempts[len(attempts)-1]; last.After != `{"presence":"present"}` {
			t.Errorf("the attempt ended with %q", last.After)
		}
	})
}

// TestRestoreAccount: a whole account that was deactivated is enabled again.
func TestRestoreAccount(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w := newGiveWorld(t, s, clock, nil, nil)
		w.must(w.srv.RemoveMember("writers", "a1"))
		w.launch()
		w.answer("a1", "", model.Revoke, "")
		w.end()
		w.work()
		w.are("remove a1  confirmed")
		w.read()
		w.restore(w.last(model.KindRemove).ID)
		w.work()
		w.are("remove a1  restored; restore a1  confirmed")
		if u, ok := w.srv.User("a1"); !ok || !u.Active {
			t.Error("the account is not active")
		}
		w.read()
		w.are("remove a1  restored; restore a1  confirmed")
		w.fine()
	})
}

// TestRestoreInherited: what was held through a group is given back by a person, by the same path.
func TestRestoreInherited(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w := newGiveWorld(t, s, clock, nil, nil)
		w.via = "staff>editors"
		w.must(w.srv.RemoveMember("writers", "a2"))
		w.launch()
		w.answer("a2", "writers", model.Revoke, "")
		w.end()
		w.work()
		w.are("remove a2 writers via staff>editors sent")
		w.via = ""
		w.read()
		w.are("remove a2 writers via staff>editors confirmed")
		w.restore(w.last(model.KindRemove).ID)
		w.work()
		w.must(w.srv.AddMember("writers", "a2")) // another path is not what was there
		w.read()
		w.are("remove a2 writers via staff>editors confirmed; restore a2 writers via staff>editors sent")
		w.via = "staff>editors"
		w.read()
		w.are("remove a2 writers via staff>editors restored; restore a2 writers via staff>editors confirmed")
		w.fine()
	})
}

// TestRestoreTwoWorkers: two workers and many clicks give it once.
func TestRestoreTwoWorkers(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		ids := make(chan int64, 8)
		for i := range 8 {
			go func() {
				id, err := Restore(w.Context(), w.s, admin, removal.ID, fmt.Sprint("click ", i))
				if err != nil {
					t.Errorf("click %d: %v", i, err)
				}
				ids <- id
			}()
		}
		first := <-ids
		for range 7 {
			if id := <-ids; id != first {
				t.Errorf("the clicks asked for %d and %d", first, id)
			}
		}
		w.work(w.newWorker("w1"), w.newWorker("w2"))
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		if w.grants() != 1 {
			t.Errorf("it was given %d times", w.grants())
		}
		w.fine()
	})
}
