package campaigns_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

func reminders(days ...string) func(*model.CampaignSpec) {
	return func(s *model.CampaignSpec) { s.Reminders = days }
}

func key(person int64) string { return strconv.FormatInt(person, 10) }

// reminded has three replicas look at once, and gives what was queued since it was last called.
func (o *office) reminded() string {
	o.tb.Helper()
	queued := o.queued()
	total := o.replicas(o.svc.Remind)
	told := o.queued()
	if total != len(told)-len(queued) {
		o.tb.Errorf("%d were counted, and %v queued after %v", total, told, queued)
	}
	o.exec("UPDATE messages SET state = 'sent' WHERE state = 'queued'")
	return strings.Join(told, ", ")
}

func (o *office) queued() []string {
	o.tb.Helper()
	return o.strings("SELECT kind || ' to ' || CAST(person_key AS TEXT) FROM messages WHERE state = 'queued' ORDER BY person_key, id")
}

func (o *office) wantReminded(want ...string) {
	o.tb.Helper()
	if got := o.reminded(); got != strings.Join(want, ", ") {
		o.tb.Errorf("at %s: told %q, want %q", o.clock.T.Format(time.RFC3339), got, want)
	}
}

// TestRemind: reviewers are told that a review began, and who has not finished is reminded at nine in the
// morning of the campaign's zone, once, also where the clocks change in between.
func TestRemind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		run := o.launch("q", reminders("7d", "2d", "0d", "+1d")) // due on 26 October, at 17:00 in Berlin: UTC+1 by then
		boss, cleo := key(o.boss), key(o.cleo)
		ana := key(o.ana)
		o.wantReminded("review to "+boss, "review to "+ana, "review to "+cleo)
		o.wantReminded()
		w.until("2026-10-19T06:59:59Z") // UTC+2 still
		o.wantReminded()
		w.until("2026-10-19T07:00:00Z")
		o.wantReminded("reminder to "+boss, "reminder to "+ana, "reminder to "+cleo)
		o.wantReminded()

		// Who has signed off has finished; who only answered has not.
		o.finish(run, as(o.ana, "u2"))
		w.until("2026-10-24T07:30:00Z")
		o.wantReminded("reminder to "+boss, "reminder to "+cleo)
		// Of two that were missed the later one is told of.
		w.until("2026-10-27T08:00:00Z")
		o.wantReminded("reminder to "+boss, "reminder to "+cleo)
		if n := w.id("SELECT COUNT(*) FROM messages WHERE key = ?", "reminder/"+boss+"/2026-10-27"); n != 1 {
			t.Error("it is not the one of the day after")
		}
		o.close(run)
		w.until("2026-12-01T08:00:00Z")
		o.wantReminded()
		w.healthy()
	})
}

// TestRemindWaits: while mail cannot go out reminders do not pile up: the one that waits will say all there is.
func TestRemindWaits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		o.launch("q", reminders("7d", "2d", "+1d"))
		for _, at := range []string{"2026-10-12T10:00:00Z", "2026-10-19T08:00:00Z", "2026-10-24T08:00:00Z", "2026-10-27T08:00:00Z"} {
			w.until(at)
			o.replicas(o.svc.Remind)
		}
		if got := strings.Join(w.strings("SELECT DISTINCT kind || ' ' || CAST(COUNT(*) AS TEXT) FROM messages GROUP BY person_key, kind ORDER BY 1"), ", "); got != "reminder 1, review 1" {
			t.Errorf("a person is told: %s", got)
		}
		w.healthy()
	})
}

// TestRemindDigest: two campaigns' reminders of a day are one mail, what began by then is told of by
// itself, and who has left is told nothing.
func TestRemindDigest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-10-12T10:00:00Z")
		o := newOffice(w)
		o.hr.setPerson(o.cleo, model.Person{PersonID: "u4", Name: "Cleo Clark", Email: "cleo@example.com", Status: "active"})
		boss, ana, cleo := key(o.boss), key(o.ana), key(o.cleo)
		o.launch("a", reminders("1d"))
		o.launch("b", reminders("1d"))
		o.wantReminded("review to "+boss, "review to "+boss, "review to "+ana, "review to "+ana, "review to "+cleo, "review to "+cleo)
		o.hr.setPerson(o.cleo, model.Person{PersonID: "u4", Name: "Cleo Clark", Email: "cleo@example.com", Status: "terminated"})
		w.until("2026-10-25T09:00:00Z")
		o.wantReminded("reminder to "+boss, "reminder to "+ana)
		w.healthy()
	})
}

// TestRemindHandedOver: who gets items of a run for the first time is told at once, and once.
func TestRemindHandedOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q")
		boss := key(o.boss)
		o.wantReminded("review to "+boss, "review to "+key(o.ana), "review to "+key(o.cleo))
		o.mustAnswer(run, as(o.boss, "u1"), 1, model.NotMine, "I do not know the wiki.")
		o.mustAnswer(run, as(o.boss, "u1"), 2, model.NotMine, "I do not know the wiki.")
		o.mustAnswer(run, as(o.cleo, "u4"), 1, model.NotMine, "Nor do I.")
		o.mustAnswer(run, as(o.cleo, "u4"), 2, model.NotMine, "Nor do I.")
		told := w.strings("SELECT kind FROM messages WHERE state = 'queued'")
		for _, kind := range told {
			if kind != string(model.MessageReview) {
				t.Errorf("told of %s", kind)
			}
		}
		if n := w.id("SELECT COUNT(*) FROM messages m WHERE kind = 'review' AND EXISTS (SELECT 1 FROM messages o WHERE o.kind = 'review' AND o.person_key = m.person_key AND o.id < m.id)"); n != 0 {
			t.Error("somebody is told twice of one review")
		}
		parts := w.id("SELECT COUNT(*) FROM run_reviewers WHERE run_id = ?", run.ID)
		if n := w.id("SELECT COUNT(*) FROM messages WHERE kind = 'review'"); n != parts {
			t.Errorf("%d of %d reviewers are told", n, parts)
		}
		if n := w.id("SELECT COUNT(*) FROM run_reviewers WHERE run_id = ?", run.ID); n < 4 {
			t.Errorf("%d reviewers: nobody new got an item", n)
		}
	})
}

// TestNoticeMail: who launches is told that nobody will be told.
func TestNoticeMail(t *testing.T) {
	t.Parallel()
	o := newOffice(newWorld(t, store.SQLite))
	o.campaign("q", spec())
	p, err := o.svc.Preview(t.Context(), "q", campaigns.PreviewOptions{})
	mustNot(t, err)
	if len(p.Notices) != 1 || !strings.Contains(p.Notices[0], "Mail is not set up") {
		t.Errorf("notices %q", p.Notices)
	}
	o.exec("INSERT INTO configs (kind, name, spec, sha256, version, updated_at) VALUES ('Notification', 'mail', '{}', '', 1, 1)")
	p, err = o.svc.Preview(t.Context(), "q", campaigns.PreviewOptions{})
	mustNot(t, err)
	if len(p.Notices) != 0 {
		t.Errorf("notices %q", p.Notices)
	}
}

// finish answers keep to all items of a reviewer, and signs off.
func (o *office) finish(run model.Run, who model.Actor) {
	o.tb.Helper()
	for _, id := range o.ids("SELECT id FROM items WHERE run_id = ? AND reviewer_key = ?", run.ID, who.PersonKey) {
		o.mustAnswer(run, who, id, model.Keep, "")
	}
	_, err := o.svc.SignOff(o.ctx(), who, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
	mustNot(o.tb, err)
}
