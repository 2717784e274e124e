package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/notify"
	"recert/model"
	"recert/model/store"
)

var (
	zoe  = model.Person{PersonID: "u1", Name: "Zoë Young", Email: "zoe@example.com"}
	boss = model.Person{PersonID: "u2", Name: "Bo Boss", Email: "bo@example.com"}
	subj = model.Subject{AccountID: "a-zoe", Username: "zoe", Name: "Zoë Young"}
	edit = model.Entitlement{EntitlementID: "g1", Name: "Editors", Description: "Change any page"}
	read = model.Entitlement{EntitlementID: "g2", Name: "Readers"}
)

// TestDigest: what one sign-off takes from a person is one mail, and nothing is told twice.
func TestDigest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		r.person(2, boss)
		w := r.worker()
		one, two, other := r.removal(subj, edit), r.removal(subj, read), r.removal(model.Subject{AccountID: "a-bo", Name: "Bo Boss"}, read)
		gone := r.removal(subj, model.Entitlement{EntitlementID: "gone", Name: "Undone"})
		r.notice(1, one)
		r.notice(2, other)
		r.notice(1, two, one, gone)
		r.drain(w)
		if n := len(r.smtpd.mails()); n != 0 {
			t.Fatalf("%d mails at once", n)
		}
		r.tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.CancelRemediation(ctx, gone, "undone")
			return err
		})
		r.later(2*time.Minute + time.Second)
		r.drain(w)
		ls := r.letters()
		if len(ls) != 2 || ls[0].to != zoe.Email || ls[1].to != boss.Email {
			t.Fatalf("letters: %+v", ls)
		}
		if want := "Access of yours is being removed (Autumn <review>)"; ls[0].subject != want {
			t.Errorf("subject %q", ls[0].subject)
		}
		contains(t, "text", ls[0].text, "Hello Zoë Young,", `"Autumn <review>"`, "Editors (Change any page)", "in wiki, account zoe: is being removed", "Readers", base+"/notices")
		contains(t, "html", ls[0].html, "Autumn &lt;review&gt;", "<strong>Editors (Change any page)</strong>", `<a href="`+base+`/notices">`)
		lacks(t, "text", ls[0].text, "Undone")
		// What comes later is another mail; what was told is not told again.
		three := r.removal(subj, model.Entitlement{EntitlementID: "g3", Name: "Owners"}, func(m *model.Remediation) { m.NextAt += model.Time(3 * 24 * time.Hour / time.Microsecond) })
		r.notice(1, three, one, two)
		r.later(time.Hour)
		r.drain(w)
		ls = r.letters()
		if len(ls) != 3 {
			t.Fatalf("%d letters", len(ls))
		}
		contains(t, "text", ls[2].text, "Owners", "will be removed on Sunday 4 October 2026 at 11:02 CEST")
		lacks(t, "text", ls[2].text, "Editors")
		// Nothing left to tell.
		four := r.removal(subj, read)
		r.notice(1, four)
		r.tx(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.CancelRemediation(ctx, four, "undone")
			return err
		})
		r.later(time.Hour)
		r.drain(w)
		if got := r.states(); got != "sent sent sent cancelled" || len(r.letters()) != 3 {
			t.Errorf("states %s", got)
		}
		lacks(t, "log", r.log.String(), "zoe@", "Zoë", "Editors")
	})
}

// TestKinds: each kind of message says what it is about, and leads to it.
func TestKinds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		r.person(2, boss)
		id := r.removal(subj, edit, func(m *model.Remediation) { m.Mode, m.Task = model.ModeManual, "Remove zoe from Editors in wiki." })
		link := fmt.Sprintf("%s/revocations/%d", base, id)
		r.add(model.MessageCameBack, "came_back/1/1", 2, "", model.MessageData{Removal: id, Reason: "Seen again in the snapshot of today."})
		r.add(model.MessageContested, "contested/1", 2, "", model.MessageData{Removal: id, By: "Zoë Young", Reason: "I need it\nfor the <audit>"})
		r.add(model.MessageContestAnswered, "answered/1", 1, "", model.MessageData{Removal: id, By: "Bo Boss", Accepted: true, Reason: "Agreed."})
		r.add(model.MessageContestAnswered, "answered/2", 1, "", model.MessageData{Removal: id, By: "Bo Boss"})
		r.add(model.MessageTask, "task/1", 2, "", model.MessageData{Removal: id})
		r.add(model.MessageLaunchFailed, "late/1", 2, "", model.MessageData{By: "wiki-q", Reason: "2 items have no reviewer.\nGive a <fallback>."})
		r.drain(r.worker())
		ls := r.letters()
		if len(ls) != 6 {
			t.Fatalf("%d letters, states %s", len(ls), r.states())
		}
		for i, want := range []struct {
			to, subject string
			parts       []string
		}{
			{boss.Email, "Removed access is there again: Zoë Young, Editors (Change any page), wiki", []string{"It is there again", "Zoë Young: ", "Seen again in the snapshot", link}},
			{boss.Email, "Zoë Young objects to a removal: Editors (Change any page), wiki", []string{"Zoë Young objects", "> I need it", "> for the <audit>", link}},
			{zoe.Email, "You keep your access: Editors (Change any page), wiki", []string{"that you keep it", "by Bo Boss", "> Agreed.", base + "/notices"}},
			{zoe.Email, "The removal stands: Editors (Change any page), wiki", []string{"that the removal stands", base + "/notices"}},
			{boss.Email, "For you to do: Editors (Change any page) of Zoë Young in wiki", []string{"Remove zoe from Editors in wiki.", fmt.Sprintf("%s/tasks/%d", base, id)}},
			{boss.Email, "The review wiki-q was not launched", []string{"> 2 items have no reviewer.", "> Give a <fallback>.", base + "/campaigns/wiki-q/preview"}},
		} {
			if ls[i].to != want.to || ls[i].subject != want.subject {
				t.Errorf("letter %d to %s: %q", i, ls[i].to, ls[i].subject)
			}
			contains(t, want.subject, ls[i].text, want.parts...)
			lacks(t, want.subject, ls[i].html, "<audit>", "<fallback>")
			contains(t, want.subject, ls[i].html, "wiki", "Hello ")
			if i < 2 {
				contains(t, want.subject, ls[i].html, `<a href="`+link+`">`)
			}
		}
		// What is upheld after it has gone is not kept, but given back.
		r.exec("UPDATE remediations SET state = 'confirmed' WHERE id = ?", id)
		r.add(model.MessageContestAnswered, "answered/3", 1, "", model.MessageData{Removal: id, Accepted: true})
		r.drain(r.worker())
		if ls = r.letters(); ls[6].subject != "Your access is to be given back: Editors (Change any page), wiki" || strings.Contains(ls[6].text, "you keep it") {
			t.Errorf("%q: %s", ls[6].subject, ls[6].text)
		}
		// A task that is done is nobody's to do.
		last := r.add(model.MessageTask, "task/2", 2, "", model.MessageData{Removal: id})
		r.drain(r.worker())
		if m := r.message(last); m.State != model.MessageCancelled || m.LastError == "" {
			t.Errorf("a task that is done: %s %q", m.State, m.LastError)
		}
	})
}

// TestInjection: nothing that another system says becomes a header, a line of ours, or HTML.
func TestInjection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		evil := "<img src=x onerror=alert(1)>\r\nBcc: victim@example.com\r\n\r\nPlease sign in at https://evil.example.com \u202egnp"
		r.person(1, model.Person{PersonID: "u1", Name: evil, Email: "zoe@example.com"})
		id := r.removal(model.Subject{AccountID: evil, Username: evil, Name: evil}, model.Entitlement{EntitlementID: evil, Name: evil, Description: evil},
			func(m *model.Remediation) { m.Task = evil })
		r.notice(1, id)
		for i, k := range []model.MessageKind{model.MessageCameBack, model.MessageContested, model.MessageContestAnswered, model.MessageTask} {
			r.add(k, fmt.Sprint("evil/", i), 1, "", model.MessageData{Removal: id, By: evil, Reason: evil})
		}
		// Addresses that are more than one.
		var bad []int64
		for i, a := range []string{"a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", "Zoe <a@example.com>", "a@example.com> SIZE=1", "nobody", "<script>@example.com"} {
			key := r.person(int64(10+i), model.Person{PersonID: fmt.Sprint("x", i), Name: "X", Email: a})
			bad = append(bad, r.add(model.MessageCameBack, fmt.Sprint("bad/", i), key, "", model.MessageData{Removal: id}))
		}
		r.later(time.Hour)
		r.drain(r.worker())
		ls := r.letters()
		if len(ls) != 5 {
			t.Fatalf("%d letters: %s", len(ls), r.states())
		}
		for _, l := range ls {
			if l.to != "zoe@example.com" || l.header.Get("Bcc") != "" || len(l.header["To"]) != 1 {
				t.Errorf("to %s, header %v", l.to, l.header)
			}
			lacks(t, "html", l.html, "<img", "\u202e")
			lacks(t, "text", l.text, "\nBcc:", "\nPlease sign in", "\u202e")
			lacks(t, "subject", l.subject, "\n", "\r", "\u202e")
			contains(t, "html", l.html, "&lt;img")
		}
		for _, id := range bad {
			m := r.message(id)
			if m.State != model.MessageFailed || !strings.Contains(m.LastError, "is none") || m.Body != "" {
				t.Errorf("message %d: %s %q", id, m.State, m.LastError)
			}
		}
	})
}

// TestNoAddress: one that cannot be told holds nobody up, and is told when that can be mended.
func TestNoAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, model.Person{PersonID: "u1", Name: "Zoë Young"})
		r.person(2, boss)
		id := r.removal(subj, edit)
		first := r.add(model.MessageCameBack, "a", 1, "", model.MessageData{Removal: id})
		r.add(model.MessageCameBack, "b", 2, "", model.MessageData{Removal: id})
		again := r.add(model.MessageCameBack, "b", 2, "", model.MessageData{Removal: id})
		r.add(model.MessageTask, "c", 0, "helpdesk@example.com", model.MessageData{Removal: id})
		w := r.worker()
		r.drain(w)
		if got := r.states(); got != "failed sent sent" || again != first+1 {
			t.Fatalf("states %s, the same key gave %d", got, again)
		}
		if m := r.message(first); !strings.Contains(m.LastError, "no e-mail address") || m.Attempts != 1 {
			t.Errorf("%+v", m.OutMessage)
		}
		if m := r.message(first + 1); m.Address != boss.Email || m.Subject == "" || !strings.Contains(m.Body, "Hello Bo Boss") || m.SentAt != model.TimeOf(r.clock.T) {
			t.Errorf("%+v", m.OutMessage)
		}
		retry := func(id int64) error {
			return r.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.RetryMessage(t.Context(), id) })
		}
		if err := retry(first + 1); model.KindOf(err) != model.Conflict {
			t.Errorf("one that was sent is tried again: %v", err)
		}
		r.setPerson(1, zoe)
		if err := retry(first); err != nil {
			t.Fatal(err)
		}
		if err := retry(first); model.KindOf(err) != model.Conflict {
			t.Errorf("twice: %v", err)
		}
		r.drain(w)
		if got := r.states(); got != "sent sent sent" {
			t.Errorf("states %s", got)
		}
	})
}

// TestAnswers: not now is asked again, never is not, and neither holds anybody else up.
func TestAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		r.person(2, boss)
		var later atomic.Int32
		r.smtpd.misbehave(func(c, rest string) string {
			switch {
			case c == "RCPT" && strings.Contains(rest, "zoe@") && later.Add(1) <= 2:
				return "451 4.7.1 later"
			case c == "RCPT" && strings.Contains(rest, "nobody@"):
				return "550 5.1.1 nobody of that name"
			}
			return ""
		})
		id := r.removal(subj, edit)
		r.add(model.MessageCameBack, "a", 1, "", model.MessageData{Removal: id})
		r.add(model.MessageCameBack, "b", 0, "nobody@example.com", model.MessageData{Removal: id})
		r.add(model.MessageCameBack, "c", 2, "", model.MessageData{Removal: id})
		w := r.worker()
		r.drain(w)
		if got := r.states(); got != "queued failed sent" {
			t.Fatalf("states %s", got)
		}
		if m := r.message(2); !strings.Contains(m.LastError, "550 5.1.1 nobody of that name") {
			t.Errorf("why: %q", m.LastError)
		}
		for i, wait := range []time.Duration{30 * time.Second, time.Minute} {
			m := r.message(1)
			if got := m.NextAt.Std().Sub(r.clock.T); got != wait || m.Attempts != i+1 || !strings.Contains(m.LastError, "451") {
				t.Errorf("try %d waits %s: %+v", i, got, m.OutMessage)
			}
			r.later(wait - time.Second)
			r.drain(w)
			r.later(time.Second)
			r.drain(w)
		}
		if got := r.states(); got != "sent failed sent" || r.message(1).LastError != "" {
			t.Errorf("states %s", got)
		}
		// Not for ever.
		later.Store(-1000)
		r.add(model.MessageCameBack, "d", 1, "", model.MessageData{Removal: id})
		for range 60 {
			r.later(90 * time.Minute)
			r.drain(w)
		}
		if m := r.message(4); m.State != model.MessageFailed || m.Attempts != 50 {
			t.Errorf("after five days: %s after %d", m.State, m.Attempts)
		}
	})
}

// TestDoubt: where nobody knows whether a mail is on its way it is sent again, as the same one.
func TestDoubt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		id := r.removal(subj, edit)
		var cut atomic.Bool
		cut.Store(true)
		r.smtpd.misbehave(func(c, _ string) string {
			if c == "." && cut.Swap(false) {
				return "cut"
			}
			return ""
		})
		w := r.worker()
		r.add(model.MessageCameBack, "a", 1, "", model.MessageData{Removal: id})
		r.drain(w)
		if got := r.states(); got != "queued" || len(r.smtpd.mails()) != 1 {
			t.Fatalf("states %s, %d mails", got, len(r.smtpd.mails()))
		}
		r.later(time.Minute)
		r.drain(w)
		// A worker that dies after it sent, before it wrote that down.
		r.add(model.MessageCameBack, "b", 1, "", model.MessageData{Removal: id})
		dying := r.worker(func(w *notify.Worker) {
			w.Fault = func(context.Context, int64) error { return errors.New("power cut") }
		})
		if err := dying.Drain(t.Context()); err == nil {
			t.Error("it did not die")
		}
		r.drain(w)
		if got := r.states(); got != "sent sending" {
			t.Fatalf("states %s", got)
		}
		r.later(5*time.Minute + time.Second)
		r.drain(w)
		ls := r.letters()
		if got := r.states(); got != "sent sent" || len(ls) != 4 {
			t.Fatalf("states %s, %d letters", got, len(ls))
		}
		ids := make([]string, len(ls))
		for i, l := range ls {
			ids[i] = l.header.Get("Message-Id")
		}
		if ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] || ids[0] == "" {
			t.Errorf("ids %v", ids)
		}
	})
}

// TestServerDown: a server that is down is not asked by every message, and loses none.
func TestServerDown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		id := r.removal(subj, edit)
		var down atomic.Bool
		var asked atomic.Int32
		down.Store(true)
		r.smtpd.misbehave(func(c, _ string) string {
			if c == "connect" {
				asked.Add(1)
				if down.Load() {
					return "421 4.3.2 down"
				}
			}
			return ""
		})
		for i := range 20 {
			r.add(model.MessageCameBack, strconv.Itoa(i), 1, "", model.MessageData{Removal: id})
		}
		w := r.worker()
		for range 60 { // an hour
			r.drain(w)
			r.later(time.Minute)
		}
		if n := asked.Load(); n == 0 || n > 25 {
			t.Errorf("it was asked %d times", n)
		}
		down.Store(false)
		for range 130 { // two more
			r.drain(w)
			r.later(time.Minute)
		}
		if n := len(r.smtpd.mails()); n != 20 {
			t.Errorf("%d mails: %s", n, r.states())
		}
	})
}

// TestNotSetUp: without a mail server messages wait, and no attempt is counted.
func TestNotSetUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		r.notice(1, r.removal(subj, edit))
		r.later(time.Hour)
		none := r.worker(func(w *notify.Worker) {
			w.Sender = &notify.SMTP{Now: r.clock.Now, Server: func(context.Context) (*notify.Server, error) { return nil, nil }}
		})
		r.drain(none)
		r.notice(1, r.removal(subj, read)) // still joins
		if m := r.message(1); m.State != model.MessageQueued || m.Attempts != 0 || m.Removals != 2 {
			t.Errorf("%+v", m.OutMessage)
		}
		r.drain(r.worker())
		if got := r.states(); got != "sent" {
			t.Errorf("states %s: %s", got, r.log.String())
		}
	})
}

// TestTwoWorkers: several workers on one database send each message once.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		id := r.removal(subj, edit)
		const n = 60
		for i := range n {
			r.add(model.MessageCameBack, strconv.Itoa(i), 1, "", model.MessageData{Removal: id})
		}
		var wg sync.WaitGroup
		for range 3 {
			w := r.worker(func(w *notify.Worker) { w.Concurrency, w.Log = 4, nil })
			wg.Go(func() {
				if err := w.Drain(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		seen := map[string]int{}
		for _, l := range r.letters() {
			seen[l.header.Get("Message-Id")]++
		}
		if len(seen) != n || len(r.letters()) != n {
			t.Errorf("%d different of %d letters", len(seen), len(r.letters()))
		}
	})
}

// TestNoticeRace: two transactions that tell one person at once make one notice.
func TestNoticeRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		var ids []int64
		for range 16 {
			ids = append(ids, r.removal(subj, edit))
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for _, id := range ids[4*i : 4*i+4] {
					if err := r.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.AddRemovalNotice(t.Context(), r.run, 1, id) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if m := r.message(1); r.states() != "queued" || m.Removals != 16 {
			t.Errorf("states %s, %d removals in the first", r.states(), m.Removals)
		}
	})
}

// TestRunEnds: the job ends with its context.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, store.SQLite)
	r.person(1, zoe)
	r.add(model.MessageCameBack, "a", 1, "", model.MessageData{Removal: r.removal(subj, edit)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.worker(func(w *notify.Worker) { w.Poll = time.Millisecond }).Run(ctx) }()
	for len(r.smtpd.mails()) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := r.states(); got != "sent" {
		t.Errorf("states %s", got)
	}
}

// TestTaskDigest: tasks of one occasion come in one mail, one by one they come with their words.
func TestTaskDigest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		key := r.person(1, model.Person{PersonID: "u1", Name: "Zoe", Email: "zoe@example.com"})
		var first int64
		tell := func(ids ...int64) {
			if err := r.store.InTx(t.Context(), func(tx *store.Tx) error {
				for _, id := range append(ids, ids[0]) { // the second time is none
					if err := tx.AddTaskNotice(t.Context(), r.run, key, id); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			r.later(time.Hour)
			r.drain(r.worker())
		}
		add := func(n int) {
			var ids []int64
			for i := range n {
				ids = append(ids, r.removal(model.Subject{AccountID: fmt.Sprint("a", i), Username: fmt.Sprint("user", i), Name: fmt.Sprint("Person ", i)}, model.Entitlement{EntitlementID: "g", Name: "Writers"},
					func(m *model.Remediation) { m.Task = "Do this." }))
			}
			first = ids[0]
			tell(ids...)
		}
		add(2)
		add(1)
		ls := r.letters()
		if len(ls) != 2 {
			t.Fatalf("%d letters: %s", len(ls), r.states())
		}
		contains(t, "subject", ls[0].subject, "and more")
		contains(t, "text", ls[0].text, "Writers of Person 0", "Writers of Person 1")
		contains(t, "html", ls[0].html, "<strong>Writers</strong> of Person 1")
		lacks(t, "text", ls[0].text, "/tasks/")
		contains(t, "text", ls[1].text, "Do this.", "/tasks/")
		// It was done, and came back: it is to be done again.
		now := model.TimeOf(r.clock.Now())
		r.exec("INSERT INTO removal_spells (remediation_id, n, began_at, called_at, proven_at, ended_at) VALUES (?, 1, ?, ?, ?, ?)", first, int64(now)-3, int64(now)-2, int64(now)-1, int64(now))
		r.later(time.Minute)
		tell(first)
		tell(first)
		if ls = r.letters(); len(ls) != 3 {
			t.Fatalf("%d letters after it came back: %s", len(ls), r.states())
		}
	})
}

// TestTest: whoever asks for a test message gets one, by the way that all others go, and once a minute.
func TestTest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(2, boss)
		known := model.Actor{UserID: 7, Name: "Bo <Boss>", Email: "old@example.com", PersonKey: 2, Roles: []model.Role{model.Admin}}
		stranger := model.Actor{UserID: 8, Name: "Ex Ternal", Email: "ex@example.com", Roles: []model.Role{model.CampaignManager}}
		if _, err := notify.Test(t.Context(), r.store, known); model.KindOf(err) != model.Invalid || !strings.Contains(model.Message(err), "Mail is not set up") || r.states() != "" {
			t.Fatalf("without a mail server: %v, messages %q", err, r.states())
		}
		mail := &model.NotificationSpec{Mail: &model.MailSpec{Host: "smtp.example.com", From: "recert@example.com"}}
		if _, err := campaigns.Apply(t.Context(), r.store, "test", []campaigns.Document{{Kind: model.ConfigNotification, Name: model.MailNotification, Spec: mail, At: "a"}}, false); err != nil {
			t.Fatal(err)
		}
		ask := func(who model.Actor) int64 {
			t.Helper()
			id, err := notify.Test(t.Context(), r.store, who)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		r.add(model.MessageCameBack, "came_back/1/1", 2, "", model.MessageData{Removal: r.removal(subj, edit)}) // waits already, and goes after it
		first := ask(known)
		if again := ask(known); again != first {
			t.Errorf("a second click makes message %d beside %d", again, first)
		}
		ask(stranger)
		w := r.worker()
		w.Concurrency = 1
		r.drain(w)
		ls := r.letters()
		if len(ls) != 3 || ls[0].to != boss.Email || ls[1].to != "ex@example.com" || ls[2].to != boss.Email {
			t.Fatalf("letters %+v", ls)
		}
		contains(t, "text", ls[0].text, "Bo <Boss> asked for this test message", base+"/messages")
		contains(t, "html", ls[0].html, "Bo &lt;Boss&gt; asked")
		r.clock.Add(time.Minute)
		if later := ask(known); later == first {
			t.Error("a minute later it is the same message")
		}
		for _, who := range []model.Actor{{UserID: 9, Email: "a@example.com", Roles: []model.Role{model.Auditor}}, {UserID: 10, Roles: []model.Role{model.Admin}}} {
			if _, err := notify.Test(t.Context(), r.store, who); err == nil {
				t.Errorf("%+v gets one", who)
			}
		}
	})
}

// TestPathInMail: two removals of one access are told apart by what it is held through.
func TestPathInMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.person(1, zoe)
		r.exec("INSERT INTO entitlements (key, source_id, entitlement_id) VALUES (901, ?, 'g9')", r.source)
		r.exec("INSERT INTO entitlement_versions (entitlement_key, first_snapshot, source_id, hash, data) VALUES (901, 1, ?, ?, ?)", r.source, []byte("h"), `{"entitlement_id":"g9","name":"Finance <Staff>"}`)
		direct := r.removal(subj, edit)
		inherited := r.removal(subj, edit, func(m *model.Remediation) { m.Via = "g9>unknown" })
		r.notice(1, direct, inherited)
		r.later(time.Hour)
		r.drain(r.worker())
		ls := r.letters()
		if len(ls) != 1 {
			t.Fatalf("%d letters: %s", len(ls), r.states())
		}
		contains(t, "text", ls[0].text, "* Editors (Change any page)\n", "* Editors (Change any page), through Finance <Staff> > unknown\n")
		contains(t, "html", ls[0].html, "<strong>Editors (Change any page)</strong> in wiki", "<strong>Editors (Change any page)</strong>, through Finance &lt;Staff&gt; &gt; unknown, in wiki")
	})
}
