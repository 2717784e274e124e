package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/notify"
	"recert/campaigns/remediate"
	"recert/campaigns/report"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// postbox is a mail server outside, which takes what it gets.
type postbox struct {
	mails  []notify.Mail
	answer error
}

func (p *postbox) Ready(context.Context) (bool, error) { return true, nil }

func (p *postbox) Send(_ context.Context, m notify.Mail) error {
	if p.answer != nil {
		return p.answer
	}
	p.mails = append(p.mails, m)
	return nil
}

// deliver sends what is due.
func (w *world) deliver(p *postbox) {
	w.t.Helper()
	worker := &notify.Worker{Store: w.store, Sender: p, BaseURL: base, Now: w.clock.Now, Concurrency: 1}
	if err := worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// tell queues a message about a removal to a person.
func (w *world) tell(kind model.MessageKind, key, person string, removal int64) int64 {
	w.t.Helper()
	var id int64
	err := w.store.InTx(w.t.Context(), func(tx *store.Tx) error {
		var err error
		id, _, err = tx.AddMessage(w.t.Context(), store.NewMessage{
			Key: key, Kind: kind, PersonKey: *w.person(person), Data: model.MessageData{Removal: removal, By: "By " + uhoh, Reason: "Why " + uhoh},
		})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) removalID(path string) int64 {
	w.t.Helper()
	id, err := number(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// TestMessages: the log of messages, one of them, and a failed one that is sent again.
func TestMessages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		rem := w.removalID(w.removal(w.launch()))
		m, auditor := w.as("", model.CampaignManager), w.as("", model.Auditor)
		auditor.Get("/messages").Want(http.StatusOK, webtest.In("main", webtest.HasText("Mail is not set up."), webtest.HasText("recert apply -f mail.yaml")))
		id := w.tell(model.MessageContested, "contested/1", "u3", rem)
		path := "/messages/" + itoa(id)
		auditor.Get("/messages").Want(http.StatusOK, webtest.In("tbody", webtest.HasText("A removal is contested"), webtest.HasText("Bo Lindqvist"), webtest.HasText("Waits")))
		auditor.Get("/revocations").Want(http.StatusOK, webtest.In("main", webtest.HasText("Mail is not set up.")))
		auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("As it would be sent now"), webtest.HasText("Why "+uhoh), webtest.HasText("objects")), webtest.Count("em", 0), webtest.Count("main form", 0))
		w.apply(campaigns.Document{Kind: model.ConfigNotification, Name: "mail", Spec: &model.NotificationSpec{Mail: &model.MailSpec{Host: "smtp.example.com", From: "recert@example.com"}}, At: "m"})
		auditor.Get("/messages").Want(http.StatusOK, webtest.Count("main pre", 0))
		box := &postbox{answer: &notify.SendError{Permanent: true, Msg: "550 nobody " + uhoh}}
		w.later(time.Minute)
		w.deliver(box)
		auditor.Get("/messages?state=failed").Want(http.StatusOK, webtest.In("tbody", webtest.HasText("550 nobody "+uhoh), webtest.HasText("Failed")), webtest.Count("em", 0), webtest.Count("main form[method=post]", 0))
		auditor.Get("/messages?state=sent").Want(http.StatusOK, webtest.Count("tbody tr", 0), webtest.In("main", webtest.HasText("Nothing matches.")))
		auditor.Get("/revocations").Want(http.StatusOK, webtest.In("main", webtest.HasText("1 message could not be sent.")))
		auditor.Get("/revocations/"+itoa(rem)).Want(http.StatusOK, webtest.In("#told + ol", webtest.HasText("A removal is contested"), webtest.HasText("550 nobody")))
		again, all := m.Get(path).Form("form[action$='/retry']"), m.Get("/messages").Form("form[action='/messages/retry']")
		m.Follow(m.Submit(again, nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Queued again."), webtest.HasText("Waits")))
		m.Submit(again, nil).Want(http.StatusSeeOther) // the same click twice
		m.Follow(m.Submit(all, nil)).Want(http.StatusOK)
		box.answer = nil
		w.deliver(box)
		if len(box.mails) != 1 || box.mails[0].To != "bo@example.com" {
			t.Fatalf("mails: %+v", box.mails)
		}
		auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("As it was sent"), webtest.HasText("Sent"), webtest.HasText("bo@example.com"), webtest.HasText("Hello Bo Lindqvist")))
		m.Submit(again, nil).Want(http.StatusConflict) // it has been sent
		auditor.Get("/messages/999999").Want(http.StatusNotFound)
		w.as("u3").Get(path).Want(http.StatusNotFound)
	})
}

// TestCameBackTold: what was proven gone and is seen again is on the board, its campaign's owner is told
// once, and the figures of how long it took are those of a watch.
func TestCameBackTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		spec := w.spec()
		spec.Owner = "u1"
		w.apply(campaigns.Document{Kind: model.ConfigCampaign, Name: "quarterly", Spec: spec, At: "c"})
		run := w.launch()
		rem := w.removalID(w.removal(run)) // final: the watch starts
		box := &postbox{}
		step := func() {
			t.Helper()
			worker := &remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}
			if _, err := worker.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		with := hurt(grantsCSV)
		without := strings.Replace(with, "bot,readers,2026-01-02,,,,\n", "", 1)
		read := func(text string) { w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: text}) }
		told := func() []notify.Mail {
			w.deliver(box)
			return slices.DeleteFunc(slices.Clone(box.mails), func(m notify.Mail) bool { return !strings.Contains(m.Subject, "there again") })
		}
		state := func(want model.RemediationState) {
			t.Helper()
			r, err := w.store.Remediation(t.Context(), rem)
			if err != nil || r.State != want {
				t.Fatalf("the removal is %s, not %s (%v)", r.State, want, err)
			}
		}
		w.later(10 * time.Minute)
		step() // given to a person after 10 minutes
		state(model.Sent)
		w.later(50 * time.Minute)
		read(without) // proven after an hour
		state(model.Confirmed)
		if ms := told(); len(ms) != 0 {
			t.Fatalf("told too early: %+v", ms)
		}
		w.later(24 * time.Hour)
		read(with)
		state(model.CameBack)
		w.as("", model.Auditor).Get("/revocations?state=came_back").Want(http.StatusOK, webtest.Count("#live tbody tr", 1), webtest.In("#live tbody", webtest.HasText("bot"), webtest.HasText("Came back")))
		ms := told()
		if len(ms) != 1 || ms[0].To != "cora@example.com" || !strings.Contains(ms[0].Text, base+"/revocations/"+itoa(rem)) || !strings.Contains(ms[0].Text, "Seen again in the snapshot of") {
			t.Fatalf("told: %+v", ms)
		}
		w.as("", model.Auditor).Get("/revocations/"+itoa(rem)).Want(http.StatusOK, webtest.In("#told + ol", webtest.HasText("Cora Vance: Removed access is there again"), webtest.HasText("Sent")))
		w.later(time.Hour)
		step() // asked again, an hour after it came back
		read(with)
		w.later(2 * time.Hour)
		read(without) // proven again, three hours after it came back
		state(model.Confirmed)
		if ms := told(); len(ms) != 1 {
			t.Errorf("told %d times of one return", len(ms))
		}
		want := report.Lag{
			Source: "wiki", Called: report.Spread{N: 2, Of: 1, Median: 10 * time.Minute, P95: time.Hour, Worst: time.Hour},
			Proven: report.Spread{N: 2, Of: 1, Median: time.Hour, P95: 3 * time.Hour, Worst: 3 * time.Hour},
		}
		got, err := report.LagFigures(t.Context(), w.store, store.LagFilter{RunID: run.ID}, model.TimeOf(w.clock.T))
		if err != nil || len(got) != 2 || got[1] != want {
			t.Errorf("figures %+v (%v), want %+v", got, err, want)
		}
		w.as("", model.Auditor).Get("/revocations").Want(http.StatusOK, webtest.In("#lag ~ .grp tbody", webtest.HasText("wiki"), webtest.HasText("10 minutes"), webtest.HasText("worst: 3 hours"), webtest.HasText("median of 2 times, in 1 removal")))
		scraped := w.as("", model.Admin).Get("/metrics").Want(http.StatusOK).Body
		for _, line := range []string{
			`recert_removals_open{source="wiki"} 0`, `recert_removal_seconds{figure="median",source="wiki",until="called"} 600`,
			`recert_removal_seconds{figure="worst",source="wiki",until="proven"} 10800`, `recert_messages{state="sent"} 1`,
		} {
			if !strings.Contains(scraped, line+"\n") {
				t.Errorf("metrics lack %s", line)
			}
		}
		// It comes back once more: another return, told once more; and not without an owner.
		w.later(time.Hour)
		read(with)
		if ms := told(); len(ms) != 2 {
			t.Errorf("told %d times of two returns", len(ms))
		}
	})
}

// TestNobodyToTell: where no owner is known the removal says so.
func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		rem := w.removalID(w.removal(w.launch())) // launched by nobody that a source of people knows
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv"}, At: "b"})
		worker := &remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}
		w.later(time.Minute)
		if _, err := worker.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{strings.Replace(hurt(grantsCSV), "bot,readers,2026-01-02,,,,\n", "", 1), hurt(grantsCSV)} {
			w.later(time.Minute)
			w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: text})
		}
		w.as("", model.Auditor).Get("/revocations/"+itoa(rem)).Want(http.StatusOK, webtest.In("#told + ol", webtest.HasText("nobody could be told"), webtest.HasText("has an owner")))
	})
}

func TestPrecise(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "under a second", 999 * time.Millisecond: "under a second", time.Second: "1 second", 61 * time.Second: "1 minute 1 second", 2 * time.Hour: "2 hours",
		26*time.Hour + 59*time.Minute: "1 day 2 hours", time.Hour + 30*time.Second: "1 hour", 48*time.Hour + 59*time.Minute: "2 days",
	} {
		if got := precise(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

// TestTestMessage: an admin has a test message sent, and its page tells how it fared.
func TestTestMessage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		cora := w.as("u1", model.Admin)
		const button = "form[action='/messages/test']"
		cora.Get("/messages").Want(http.StatusOK, webtest.Count(button, 0)) // mail is not set up
		cora.Post("/messages/test", nil).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Mail is not set up"), webtest.HasText("kind Notification")))
		if n, err := w.store.MessageCounts(t.Context()); err != nil || len(n) != 0 {
			t.Errorf("messages %v, %v", n, err)
		}
		w.apply(campaigns.Document{Kind: model.ConfigNotification, Name: "mail", Spec: &model.NotificationSpec{Mail: &model.MailSpec{Host: "smtp.example.com", From: "recert@example.com"}}, At: "m"})
		w.as("", model.Auditor).Get("/messages").Want(http.StatusOK, webtest.Count(button, 0))
		form := cora.Get("/messages").Form(button)
		sent := cora.Submit(form, nil)
		path := sent.Header.Get("Location")
		cora.Follow(sent).Want(http.StatusOK, webtest.In("main", webtest.HasText("It goes out within seconds."), webtest.HasText("A test message"), webtest.HasText("Waits"), webtest.HasText("asked for this test message")))
		box := &postbox{answer: &notify.SendError{Server: true, Msg: "535 the password is wrong"}}
		w.deliver(box)
		cora.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("535 the password is wrong")))
		box.answer = nil
		w.later(5 * time.Minute)
		w.deliver(box)
		cora.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("As it was sent"), webtest.HasText("cora@example.com")))
		if len(box.mails) != 1 || box.mails[0].To != "cora@example.com" {
			t.Errorf("mails: %+v", box.mails)
		}
	})
}
