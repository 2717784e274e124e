package campaigns_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// healthy has the doctor look at what answers, removals and events say of each other.
func (w *world) healthy() {
	w.tb.Helper()
	checks, err := evidence.Doctor(w.ctx(), w.store, false)
	mustNot(w.tb, err)
	looked := 0
	for _, c := range checks {
		part, _, _ := strings.Cut(c.Check, ".")
		if part != "removals" && part != "items" && part != "decisions" && part != "events" && c.Check != "references" {
			continue
		}
		if looked++; !c.OK {
			w.tb.Errorf("%s: %s", c.Check, c.Detail)
		}
	}
	if looked < 15 {
		w.tb.Errorf("the doctor made %d of these checks", looked)
	}
}

// revoked launches a campaign that removes at the answer, and has ana's first access revoked.
func (o *office) revoked(change ...func(*model.CampaignSpec)) (model.Run, model.Remediation) {
	o.tb.Helper()
	run := o.launch("q", append(change, func(s *model.CampaignSpec) { s.Remove, s.Owner = "decision", "u4" })...)
	o.mustAnswer(run, as(o.boss, "u1"), 1, model.Revoke, "")
	return run, o.removalOf(o.id("SELECT MAX(id) FROM remediations"))
}

func (w *world) removalOf(id int64) model.Remediation {
	w.tb.Helper()
	r, err := w.store.Remediation(w.ctx(), id)
	mustNot(w.tb, err)
	return r.Remediation
}

func grace(d string) func(*model.CampaignSpec) {
	return func(s *model.CampaignSpec) { s.Grace = d }
}

func (w *world) messages() string {
	w.tb.Helper()
	return strings.Join(w.strings("SELECT kind || ' to ' || CAST(person_key AS TEXT) FROM messages ORDER BY id"), ", ")
}

// TestGrace: a removal waits for the longer of undo and grace, whoever can be told or not, and who can
// be told is, unless that one has left.
func TestGrace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*model.CampaignSpec)
		wait   time.Duration
		leaver bool
		told   bool
	}{
		"none":     {func(*model.CampaignSpec) {}, 30 * time.Second, false, true},
		"days":     {grace("3d"), 72 * time.Hour, false, true},
		"hours":    {grace("12h"), 12 * time.Hour, false, true},
		"longer":   {func(s *model.CampaignSpec) { s.Grace, s.UndoFor = "1h", "2h" }, 2 * time.Hour, false, true},
		"told not": {func(s *model.CampaignSpec) { s.Grace, s.Tell = "3d", new(bool) }, 72 * time.Hour, false, false},
		"has left": {grace("1w"), 7 * 24 * time.Hour, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				if c.leaver {
					o.hr.setPerson(o.ana, model.Person{PersonID: "u2", Name: "Ana Anders", Email: "ana@example.com", Status: "terminated", ManagerID: "u1"})
				}
				_, r := o.revoked(c.change)
				if r.NextAt != w.now().Add(c.wait) || r.State != model.Queued || r.PersonKey == nil || *r.PersonKey != o.ana {
					t.Errorf("it goes out at %s, %s after now: %+v", r.NextAt, c.wait, r)
				}
				if told := w.id("SELECT COUNT(*) FROM message_items WHERE remediation_id = ?", r.ID) == 1; told != c.told {
					t.Errorf("told: %v", told)
				}
				w.healthy()
			})
		})
	}
}

// TestGraceOfSignOff: what goes out at the sign-off waits too, also where nobody can be told.
func TestGraceOfSignOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", grace("2d"), func(s *model.CampaignSpec) { s.OnNoAnswer = "revoke" })
		_, err := o.svc.Close(t.Context(), admin, run.ID, "over")
		mustNot(t, err)
		if n := w.id("SELECT COUNT(*) FROM remediations WHERE next_at <> ?", int64(w.now().Add(48*time.Hour))); n != 0 {
			t.Errorf("%d go out at another time", n)
		}
		if n := w.id("SELECT COUNT(*) FROM remediations WHERE person_key IS NULL"); n == 0 {
			t.Error("none is of a service account")
		}
		if n := w.id("SELECT COUNT(*) FROM remediations r WHERE person_key IS NULL AND EXISTS (SELECT 1 FROM message_items i WHERE i.remediation_id = r.id)"); n != 0 {
			t.Errorf("somebody is told of %d removals of nobody's", n)
		}
		w.healthy()
	})
}

func TestGraceRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, store.SQLite)
	newOffice(w)
	for _, s := range []string{"3", "d", "-1d", "1.5d", "30m", "61d", "2000h", "99999d"} {
		err := campaigns.ValidateSpec(t.Context(), w.store, "q", spec(grace(s)))
		wantKind(t, err, model.Invalid, "grace")
	}
	for _, s := range []string{"", "0d", "60d", "1440h", "8w"} {
		mustNot(t, campaigns.ValidateSpec(t.Context(), w.store, "q", spec(grace(s))))
	}
}

// TestContest: who has the access says why it is needed; the removal waits, and goes on or is
// cancelled as somebody else answers.
func TestContest(t *testing.T) {
	t.Parallel()
	cleo := model.Actor{Name: "Cleo Clark", Email: "cleo@example.com", Roles: []model.Role{model.CampaignManager}}
	for name, uphold := range map[string]bool{"let it go on": false, "keep the access": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				run, r := o.revoked(grace("3d"))
				ana := as(o.ana, "u2")
				wantKind(t, o.svc.Contest(t.Context(), as(o.bob, "u3"), r.ID, "I need it"), model.NotFound, "no such notice")
				wantKind(t, o.svc.Contest(t.Context(), admin, r.ID, "I need it"), model.NotFound, "no such notice")
				wantKind(t, o.svc.Contest(t.Context(), ana, r.ID+1000, "I need it"), model.NotFound, "no such notice")
				wantKind(t, o.svc.Contest(t.Context(), ana, r.ID, "  "), model.Invalid, "Say why")
				wantKind(t, o.svc.Contest(t.Context(), ana, r.ID, strings.Repeat("x", 2001)), model.Invalid, "2000")
				wantKind(t, o.svc.AnswerContest(t.Context(), admin, r.ID, uphold, "so"), model.Conflict, "Nobody contests")
				for range 2 { // the second click changes nothing
					mustNot(t, o.svc.Contest(t.Context(), ana, r.ID, " I need it for the audit. "))
				}
				wantKind(t, o.svc.Contest(t.Context(), ana, r.ID, "Something else"), model.Conflict, "already")
				if now := w.removalOf(r.ID); now.State != model.Held || now.Reason != campaigns.WhyContested || now.NextAt != r.NextAt {
					t.Errorf("it is %s (%s), due at %s", now.State, now.Reason, now.NextAt)
				}
				w.healthy()

				wantKind(t, o.svc.AnswerContest(t.Context(), ana, r.ID, uphold, "so"), model.Forbidden, "Only an admin")
				anaToo := ana
				anaToo.Roles = []model.Role{model.Admin}
				wantKind(t, o.svc.AnswerContest(t.Context(), anaToo, r.ID, uphold, "so"), model.Forbidden, "own access")
				link := model.Actor{Name: "ana (emergency access)", Email: "ANA@example.com", Roles: []model.Role{model.Admin}}
				wantKind(t, o.svc.AnswerContest(t.Context(), link, r.ID, uphold, "so"), model.Forbidden, "own access")
				boss := as(o.boss, "u1")
				boss.Roles = []model.Role{model.CampaignManager}
				wantKind(t, o.svc.AnswerContest(t.Context(), boss, r.ID, uphold, "so"), model.Forbidden, "answered this item yourself")
				wantKind(t, o.svc.AnswerContest(t.Context(), cleo, r.ID, uphold, ""), model.Invalid, "Say why")
				for range 2 {
					mustNot(t, o.svc.AnswerContest(t.Context(), cleo, r.ID, uphold, "It was checked."))
				}
				wantKind(t, o.svc.AnswerContest(t.Context(), admin, r.ID, !uphold, "No."), model.Conflict, "Cleo Clark")

				now := w.removalOf(r.ID)
				switch {
				case uphold && (now.State != model.Cancelled || now.Declined != cleo.Label() || !now.ClosedAt.Known()):
					t.Errorf("it is %s, declined by %q", now.State, now.Declined)
				case !uphold && (now.State != model.Queued || now.Declined != "" || now.NextAt != r.NextAt):
					t.Errorf("it is %s, due at %s", now.State, now.NextAt)
				}
				wantKind(t, o.svc.Contest(t.Context(), ana, r.ID, "Again"), model.Conflict, "")
				notices, err := o.svc.Notices(t.Context(), ana)
				mustNot(t, err)
				if len(notices) != 1 || notices[0].Contest == nil || notices[0].Contest.Answer != "It was checked." || notices[0].MayContest {
					t.Errorf("ana sees %+v", notices)
				}
				if got := w.messages(); !strings.HasSuffix(got, "contested to "+itoa(o.cleo)+", contest_answered to "+itoa(o.ana)) {
					t.Errorf("messages: %s", got)
				}
				// The close queues nothing anew for what was decided not to do.
				_, err = o.svc.Close(t.Context(), admin, run.ID, "over")
				mustNot(t, err)
				if n := w.id("SELECT COUNT(*) FROM remediations WHERE item_id = 1"); n != 1 {
					t.Errorf("%d removals of the item", n)
				}
				w.healthy()
			})
		})
	}
}

// TestContestTooLate: what a worker is at, was asked for, or is proven stays where it is; what is over
// long ago, or is not being removed, cannot be contested.
func TestContestTooLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql   string
		wants model.ErrorKind
	}{
		"claimed":   {"lease_until = 99999999999999999", ""},
		"asked for": {"state = 'sent', called_at = queued_at", ""},
		"proven":    {"state = 'confirmed', called_at = queued_at, proof = 'read', closed_at = queued_at", ""},
		"cancelled": {"state = 'cancelled', closed_at = queued_at", model.Conflict},
		"long ago":  {"state = 'confirmed', closed_at = 1", model.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				_, r := o.revoked(grace("1d"))
				w.exec("UPDATE remediations SET "+c.sql+" WHERE id = ?", r.ID)
				was := w.removalOf(r.ID)
				err := o.svc.Contest(t.Context(), as(o.ana, "u2"), r.ID, "I need it")
				if c.wants != "" {
					wantKind(t, err, c.wants, "")
					return
				}
				mustNot(t, err)
				if now := w.removalOf(r.ID); now.State != was.State || now.Fence != was.Fence {
					t.Errorf("it was %s and is %s", was.State, now.State)
				}
				// Upheld, what was asked for stays where it is; what a worker is at cannot be cancelled under it.
				err = o.svc.AnswerContest(t.Context(), admin, r.ID, true, "It is needed.")
				if name == "claimed" {
					wantKind(t, err, model.Conflict, "being worked on")
					return
				}
				mustNot(t, err)
				if now := w.removalOf(r.ID); now.State != was.State || now.Declined != "" {
					t.Errorf("it was %s and is %s", was.State, now.State)
				}
			})
		})
	}
}

// TestContestRace: of several clicks at once, one is stored.
func TestContestRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		_, r := o.revoked(grace("1d"))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := o.svc.Contest(t.Context(), as(o.ana, "u2"), r.ID, "I need it"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := w.id("SELECT COUNT(*) FROM events WHERE type = 'removal.contested'"); n != 1 {
			t.Errorf("%d events", n)
		}
		w.healthy()
	})
}

// TestAnswerChangedWhileContested: the reviewer's own change of mind needs no answer any more.
func TestAnswerChangedWhileContested(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run, r := o.revoked(grace("1d"))
		mustNot(t, o.svc.Contest(t.Context(), as(o.ana, "u2"), r.ID, "I need it"))
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Keep, "")
		if now := w.removalOf(r.ID); now.State != model.Cancelled || now.Declined != "" {
			t.Errorf("it is %s, declined by %q", now.State, now.Declined)
		}
		wantKind(t, o.svc.AnswerContest(t.Context(), admin, r.ID, true, "so"), model.Conflict, "nothing to answer")
		if n, err := w.store.CountContested(t.Context()); n != 0 || err != nil {
			t.Errorf("%d wait for an answer, %v", n, err)
		}
		w.healthy()
		// Revoked again it is another removal, and can be contested again.
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Revoke, "")
		again := o.id("SELECT MAX(id) FROM remediations")
		mustNot(t, o.svc.Contest(t.Context(), as(o.ana, "u2"), again, "I still need it"))
		mustNot(t, o.svc.AnswerContest(t.Context(), admin, again, true, "so"))
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Keep, "")
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.Revoke, "")
		w.healthy()
	})
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// TestContestUntold: of what a dry run keeps from going out nobody is told, so that saying something against it
// answers exactly as an id that nothing has, and holds nothing; when the dry run is over it is a notice.
func TestContestUntold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		wiki := model.SourceSpec{Provides: model.ProvidesAccess, Type: "scim", Owner: "u4", URL: "https://wiki.example.com", Revoke: model.RevokeSpec{Mode: model.ModeConnector, DryRun: true}}
		dry := func(on bool) {
			t.Helper()
			wiki.Revoke.DryRun = on
			_, err := campaigns.Apply(t.Context(), w.store, "test", []campaigns.Document{{Kind: model.ConfigSource, Name: "wiki", Spec: &wiki, At: "a"}}, false)
			mustNot(t, err)
		}
		dry(true)
		_, r := o.revoked(grace("3d"))
		ana := as(o.ana, "u2")
		hidden := func(reason string) {
			t.Helper()
			ns, err := o.svc.Notices(t.Context(), ana)
			mustNot(t, err)
			got, want := o.svc.Contest(t.Context(), ana, r.ID, reason), o.svc.Contest(t.Context(), ana, r.ID+1000, reason)
			if len(ns) != 0 || got == nil || want == nil || got.Error() != want.Error() || model.KindOf(got) != model.KindOf(want) {
				t.Errorf("%d notices; it answers %v, an unknown id %v", len(ns), got, want)
			}
			if _, said, err := w.store.Contest(t.Context(), r.ID); said || err != nil {
				t.Errorf("said: %v, %v", said, err)
			}
			if now := w.removalOf(r.ID); now.State != model.Queued || now.Fence != r.Fence {
				t.Errorf("it is %s (%s)", now.State, now.Reason)
			}
		}
		for _, reason := range []string{"I need it", " ", strings.Repeat("x", 2001)} {
			hidden(reason)
		}
		dry(false)
		mustNot(t, o.svc.Contest(t.Context(), ana, r.ID, "I need it"))
		if now := w.removalOf(r.ID); now.State != model.Held || now.Reason != campaigns.WhyContested {
			t.Errorf("it is %s (%s)", now.State, now.Reason)
		}
		w.healthy()
	})
}
