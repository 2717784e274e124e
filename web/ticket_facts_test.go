package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestTicketFacts: a removal's page tells when its ticket is looked at next, and what is told there until then.
func TestTicketFacts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, row := w.graceful(func(*model.CampaignSpec) { w.byTicket("wiki") })
		path := "/revocations/" + itoa(row.ID)
		admin := w.as("", model.Admin)
		admin.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("a ticket system, not yet")))

		w.move(row.Remediation, model.Sent, "")
		put := func(change func(tx *store.Tx) error) {
			t.Helper()
			if err := w.store.InTx(t.Context(), change); err != nil {
				t.Fatal(err)
			}
		}
		put(func(tx *store.Tx) error {
			return tx.PutTicket(t.Context(), model.Ticket{RemediationID: row.ID, System: "Jira", Key: "k", Ref: "SEC-1", Status: "Open", FollowedAt: tx.Now})
		})
		const until = "Until then it is only told there if somebody objects"
		admin.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("SEC-1"), webtest.HasText("Next look"), webtest.HasNoText(until)))

		put(func(tx *store.Tx) error { _, err := tx.StopRemovals(t.Context(), "Wait.", "Bo"); return err })
		admin.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("once removals go on. "+until)))
		put(func(tx *store.Tx) error {
			if _, err := tx.ResumeRemovals(t.Context()); err != nil {
				return err
			}
			return tx.PauseSource(t.Context(), row.SourceID, "No credentials.")
		})
		admin.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("once removals go on. "+until)))

		w.later(time.Minute)
		w.move(w.removalNow(row.ID), model.Confirmed, "It is gone.")
		if p := admin.Get(path).Want(http.StatusOK); strings.Contains(p.Body, "Next look") {
			t.Error("a removal that has ended is looked at next")
		}
	})
}

// byTicket has removals in a source asked for by tickets.
func (w *world) byTicket(source string) {
	w.t.Helper()
	spec := w.specOf(source)
	spec.Revoke = model.RevokeSpec{Mode: model.ModeTicket, Ticket: &model.TicketSpec{System: "jira", URL: "https://jira.example.com", Token: "${JIRA}", Project: "SEC"}}
	w.apply(campaigns.Document{Kind: model.ConfigSource, Name: source, Spec: &spec, At: "b"})
}
