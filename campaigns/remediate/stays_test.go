package remediate

import (
	"context"
	"testing"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

// TestDeclineLower: where the weaker access cannot be given, an admin may decide that it will not be; the
// reviewed one stays, and nothing is queued for it anew.
func TestDeclineLower(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		w.answer("a1", "writers", model.Reduce, "readers")
		w.end()
		w.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: "PATCH", Path: "/Groups/readers"})
		w.work()
		w.are("lower a1 readers failed")
		r := w.last(model.KindLower)
		for who, want := range map[*model.Actor]model.ErrorKind{&manager: model.Forbidden, &admin: ""} {
			if err := Decline(t.Context(), w.s, *who, r.ID, r.Fence, " "); err == nil || want != "" && model.KindOf(err) != want {
				t.Errorf("%s: %v", who.Name, err)
			}
		}
		boss := w.person("u1", model.Admin)
		if err := Decline(t.Context(), w.s, boss, r.ID, r.Fence, "no"); model.KindOf(err) != model.Forbidden {
			t.Errorf("who answered declines it: %v", err)
		}
		for range 2 { // the second click changes nothing
			w.must(Decline(t.Context(), w.s, admin, r.ID, r.Fence, "The group is closed."))
		}
		w.are("lower a1 readers cancelled")
		if now := w.last(model.KindLower); now.Declined != admin.Label() || !w.srv.HasMember("writers", "a1") {
			t.Errorf("declined by %q", now.Declined)
		}
		w.work()
		w.read()
		w.are("lower a1 readers cancelled")
		w.fine()
	})
}

// TestUpheldAfterwards: where the person concerned is right after the removal is proven, the answer asks for
// the access again, once, by whom and with the reason that stand in the evidence.
func TestUpheldAfterwards(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		w.must(w.svc.Contest(t.Context(), w.person("u2"), removal.ID, "I need it for the audit."))
		for range 2 { // the second click changes nothing
			w.must(w.svc.AnswerContest(t.Context(), admin, removal.ID, true, "True."))
		}
		w.are("remove a1 writers confirmed; restore a1 writers queued")
		r := w.last(model.KindRestore)
		if r.AskedBy != admin.Label() || r.AskedFor != "True." || *r.ForID != removal.ID {
			t.Errorf("it is %+v", r.Remediation)
		}
		w.fine()
		w.clock.Add(time.Minute)
		w.work()
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		if !w.srv.HasMember("writers", "a1") {
			t.Error("it was not given back")
		}
		w.fine()
	})
}

// TestDismissedAfterwards: an answer that it stands asks for nothing.
func TestDismissedAfterwards(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		w.must(w.svc.Contest(t.Context(), w.person("u2"), removal.ID, "I need it for the audit."))
		w.must(w.svc.AnswerContest(t.Context(), admin, removal.ID, false, "No."))
		w.work()
		w.are("remove a1 writers confirmed")
		w.fine()
	})
}

// TestRestoreOfLeaver: nothing is given back to who has left, at once or by a second try.
func TestRestoreOfLeaver(t *testing.T) {
	t.Parallel()
	gives(t, func(t *testing.T, w *giveWorld) {
		removal := w.removed()
		leave := func(status string) {
			w.clock.Add(time.Minute)
			people := givePeople
			if status != "" {
				people = "person_id,name,email,manager_id,status\nu1,Boss Bosman,boss@example.com,u4,active\nu2,Ana Anders,ana@example.com,u1," + status +
					"\nu3,Bob Bates,bob@example.com,u1,active\nu4,Cleo Clark,cleo@example.com,,active\n"
			}
			w.ingest("hr", map[model.Kind]string{model.KindPeople: people})
		}
		leave("terminated")
		_, err := Restore(t.Context(), w.s, admin, removal.ID, "So that she can read on.")
		if want := "Ana Anders has left (terminated in the source of people), so no access is given back. Where that is wrong, set it right there first."; model.KindOf(err) != model.Conflict || model.Message(err) != want {
			t.Errorf("restore: %v", err)
		}
		w.are("remove a1 writers confirmed")
		leave("leave") // who is on leave comes back
		w.srv.Inject(scimserver.Rule{Fault: scimserver.Lie, Method: "PATCH", Path: "/Groups/writers"})
		id := w.restore(removal.ID)
		w.work()
		w.are("remove a1 writers confirmed; restore a1 writers failed")
		leave("terminated")
		if err := Retry(t.Context(), w.s, admin, id); model.KindOf(err) != model.Conflict {
			t.Errorf("retry: %v", err)
		}
		leave("")
		w.srv.ClearFaults()
		w.must(Retry(t.Context(), w.s, admin, id))
		w.work()
		w.are("remove a1 writers restored; restore a1 writers confirmed")
		w.fine()
	})
}

// TestUpheldInBetween: where the person concerned is right after the removal was asked for, what follows is
// done as soon as it is known what came of that, once, in the name of who answered.
func TestUpheldInBetween(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule  *scimserver.Rule
		want  string // at once
		more  int    // to be settled after that
		after string // in the end
	}{
		"gone":  {nil, "remove a1 writers confirmed", 1, "remove a1 writers restored; restore a1 writers confirmed"},
		"there": {&scimserver.Rule{Fault: scimserver.DropRequest, Method: "PATCH", Times: 1}, "remove a1 writers cancelled", 0, "remove a1 writers cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gives(t, func(t *testing.T, w *giveWorld) {
				w.answer("a1", "writers", model.Revoke, "")
				w.end()
				id := w.last(model.KindRemove).ID
				settled := func(want int) {
					t.Helper()
					if n, err := w.svc.SettleUpheld(t.Context()); n != want || err != nil {
						t.Errorf("%d settled, %v, want %d", n, err, want)
					}
				}
				if c.rule != nil {
					w.srv.Inject(*c.rule)
				}
				w.worker.Fault = func(ctx context.Context, p Point, _ int64) error {
					if p == PointCalled && w.last(model.KindRemove).ID == id {
						if _, ok, err := w.s.Contest(ctx, id); err != nil || ok {
							return err
						}
						w.must(w.svc.Contest(ctx, w.person("u2"), id, "I need it."))
						w.must(w.svc.AnswerContest(ctx, admin, id, true, "True."))
						settled(0) // nobody knows yet
					}
					return nil
				}
				w.work()
				w.are(c.want)
				w.fine()
				w.clock.Add(time.Minute)
				settled(c.more)
				settled(0)
				w.work()
				w.are(c.after)
				if !w.srv.HasMember("writers", "a1") {
					t.Error("it does not stay")
				}
				switch r := w.rows()[0]; {
				case r.Kind == model.KindRestore && (r.AskedBy != admin.Label() || r.AskedFor != "True."),
					r.Kind == model.KindRemove && r.Declined != admin.Label():
					t.Errorf("it is %+v", r.Remediation)
				}
				w.fine()
			})
		})
	}
}
