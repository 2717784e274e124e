package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/model"
)

// part gives a person a part in a run, the rig's own where run is 0, and gives the run.
func (r *rig) part(run, person, items, kept, gone int64) int64 {
	r.tb.Helper()
	if run == 0 {
		run = r.run
	}
	r.exec(`INSERT INTO run_reviewers (run_id, person_key, value, salt, commitment, items, kept, revoked, reduced, unsure, gone)
		VALUES (?, ?, '{}', ?, '', ?, ?, 0, 0, 0, ?)`, run, person, []byte("s"), items, kept, gone)
	return run
}

// runDue makes another run that is due at an instant.
func (r *rig) runDue(id int64, title string, due time.Time) int64 {
	r.tb.Helper()
	r.exec(`INSERT INTO runs (id, campaign, name, state, spec, time_zone, due_at, launched_at, launched_by, closed_by, items, items_root, excluded, excluded_root, summary)
		VALUES (?, ?, ?, 'running', ?, 'America/New_York', ?, 1, '', '', 0, '', 0, '', '{}')`,
		id, fmt.Sprint("c", id), fmt.Sprint("c", id, "@2026-10-01"), r.json(model.CampaignSpec{Title: title}), int64(model.TimeOf(due)))
	return id
}

// TestReview: the mail about a review says how much there is and until when, as things stand when it
// is sent, and leads to it.
func TestReview(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		r.person(2, boss)
		r.exec("UPDATE runs SET due_at = ? WHERE id = ?", int64(model.TimeOf(time.Date(2026, 10, 26, 16, 0, 0, 0, time.UTC))), r.run)
		r.part(0, 1, 12, 0, 2)
		r.part(0, 2, 3, 0, 3)
		other := r.runDue(77, "Payroll\r\nBcc: a@example.com <b>", time.Date(2026, 10, 20, 21, 0, 0, 0, time.UTC))
		r.part(other, 1, 1, 1, 0)
		r.add(model.MessageReview, "a", 1, "", model.MessageData{})
		r.add(model.MessageReview, "b", 2, "", model.MessageData{})
		r.drain(r.worker())
		ls := r.letters()
		if len(ls) != 1 || r.states() != "sent cancelled" {
			t.Fatalf("%d letters, %s", len(ls), r.states())
		}
		if want := "Please review who still needs access: Autumn <review>, by Monday 26 October 2026, 17:00 CET"; ls[0].subject != want {
			t.Errorf("subject %q", ls[0].subject)
		}
		link := base + "/reviews/q@2026-10-01"
		contains(t, "text", ls[0].text, "Hello Zoë Young,", `"Autumn <review>" has 10 questions for you`, "sign off by Monday 26 October 2026, 17:00 CET", link)
		contains(t, "html", ls[0].html, "Autumn &lt;review&gt;", `<a href="`+link+`">`)
		lacks(t, "text", ls[0].text, "Payroll")

		r.add(model.MessageReminder, "c", 1, "", model.MessageData{})
		r.drain(r.worker())
		l := r.letters()[1]
		if want := "Reminder: Payroll Bcc: a@example.com <b> and more reviews, due Tuesday 20 October 2026, 17:00 EDT"; l.subject != want {
			t.Errorf("subject %q", l.subject)
		}
		contains(t, "text", l.text, "* Payroll Bcc: a@example.com <b>: all answered, only your sign-off is missing", "* Autumn <review>: 10 of 10 not answered yet\n  due Monday 26 October 2026, 17:00 CET", base+"/\n")
		lacks(t, "html", l.html, "<b>")

		// When the first is overdue it says so; when nothing waits nothing is sent.
		r.clock.T = time.Date(2026, 10, 21, 9, 0, 0, 0, time.UTC)
		r.exec("UPDATE run_reviewers SET signed_at = 1 WHERE run_id = ?", r.run)
		r.add(model.MessageReminder, "d", 1, "", model.MessageData{})
		r.drain(r.worker())
		l = r.letters()[2]
		if want := "Overdue: Payroll Bcc: a@example.com <b>, was due Tuesday 20 October 2026, 17:00 EDT"; l.subject != want {
			t.Errorf("subject %q", l.subject)
		}
		contains(t, "text", l.text, "This review waits for you:", base+"/reviews/c77@2026-10-01")
		r.exec("UPDATE runs SET state = 'closed' WHERE id = ?", other)
		r.add(model.MessageReminder, "e", 1, "", model.MessageData{})
		r.drain(r.worker())
		if got := r.states(); !strings.HasSuffix(got, " cancelled") || len(r.letters()) != 3 {
			t.Errorf("states %s, %d letters", got, len(r.letters()))
		}
	})
}
