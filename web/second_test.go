package web

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// emergency is a client of a break-glass admin, who came in by a link for an address.
func (w *world) emergency(email string) *webtest.Client {
	w.t.Helper()
	token, err := campaigns.CreateLoginLink(w.t.Context(), w.store, "command line: root@host", email, model.Admin)
	if err != nil {
		w.t.Fatal(err)
	}
	user, err := campaigns.UseLoginLink(w.t.Context(), w.store, token)
	if err != nil {
		w.t.Fatal(err)
	}
	c := w.client()
	c.SignIn(w.store, user)
	return c
}

// TestSecondPersonSnapshot: who brought a held snapshot in is no second admin by coming in another
// way, whether by the same address or as the same person by another one.
func TestSecondPersonSnapshot(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		bo := w.as("u3", model.Admin) // signs in as u3@example.com; HR knows Bo as bo@example.com
		reason := url.Values{"reason": {"half of the wiki was moved"}}
		few := map[model.Kind]string{model.KindGrants: "account_id,entitlement_id,granted_at\na2,readers,2026-01-02\n"}
		refused := func(c *webtest.Client, path string) {
			t.Helper()
			c.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("You loaded it yourself")), webtest.Count("form[action$='/release']", 0))
			c.Post(path+"/release", reason).Want(http.StatusForbidden, webtest.In("main", webtest.HasText("another admin must release it")))
		}
		w.later(time.Second)
		path := "/snapshots/" + itoa(w.ingest("Name of u3 <u3@example.com>", "wiki", few).Snapshot)
		for _, email := range []string{"u3@example.com", "U3@Example.com", "bo@example.com"} {
			refused(w.emergency(email), path)
		}
		refused(bo, path)

		w.later(time.Second)
		again := "/snapshots/" + itoa(w.ingest("bo (emergency access) <bo@example.com>", "wiki", few).Snapshot)
		refused(bo, again)
		cora := w.emergency("cora@example.com")
		cora.Follow(cora.Submit(cora.Get(again).Form("form[action$='/release']"), reason)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Released.")))
	})
}

// TestSecondPersonRemoval: who answered an item does not let its removal go on by coming in another way.
func TestSecondPersonRemoval(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		id := w.removal(w.launch()) // Bo answered
		rs, err := w.store.Remediations(t.Context(), store.RemediationFilter{})
		if err != nil || len(rs) != 1 {
			t.Fatal(rs, err)
		}
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			r := rs[0].Remediation
			r.State, r.Reason = model.Held, "Nobody else holds it."
			return tx.MoveRemediation(t.Context(), r, model.Queued)
		}); err != nil {
			t.Fatal(err)
		}
		path := "/revocations/" + id + "/approve"
		w.as("u3", model.Admin).Post(path, nil).Want(http.StatusForbidden)
		w.as("u3", model.Admin).Get("/revocations/"+id).Want(http.StatusOK, webtest.In("main", webtest.HasText("You answered this item yourself, so another admin must decide about it.")),
			webtest.Count("form[action$='/approve']", 0), webtest.Count("form[action$='/decline']", 0))
		for _, email := range []string{"u3@example.com", "BO@example.com"} {
			w.emergency(email).Post(path, nil).Want(http.StatusForbidden, webtest.In("main", webtest.HasText("You answered this item yourself")))
		}
		cora := w.emergency("cora@example.com")
		cora.Follow(cora.Submit(cora.Get("/revocations/"+id).Form("form[action$='/approve']"), nil)).Want(http.StatusOK, webtest.In("main", webtest.HasText("It goes on.")))
	})
}
