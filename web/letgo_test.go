package web

import (
	"net/http"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestLetGoOffered: a removal is offered to be let go on where that does something, and nowhere else. Where it does
// not, and somebody could change that, the page says how.
func TestLetGoOffered(t *testing.T) {
	t.Parallel()
	const dry = "Dry run: it would be removed now. Nothing was asked of the target. Switch dry_run off, then let it go on."
	for _, x := range []struct {
		name   string
		state  model.RemediationState
		reason string
		dry    bool
		who    string
		let    int // forms that let it go on
		says   string
	}{
		{"held", model.Held, "Nobody else holds it.", false, "u1", 1, "Nobody else holds it."},
		{"on dry run", model.Held, dry, true, "u1", 0, "It can go on once dry_run is switched off in the settings of wiki."},
		{"after a dry run", model.Held, dry, false, "u1", 1, "Dry run"},
		{"own answer", model.Held, "Nobody else holds it.", false, "u2", 0, "You answered this item yourself, so another admin must decide about it."},
		{"own access", model.Held, "Nobody else holds it.", false, "u4", 0, "It is your own access, so another admin must decide about it."},
		{"queued", model.Queued, "", false, "u1", 0, ""},
		{"proven gone", model.Confirmed, "", false, "u1", 0, "no longer shows it by any path"},
		{"failed", model.Failed, "The system refused it.", false, "u1", 0, "The system refused it."},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := sqliteWorld(t)
			_, row := w.graceful()
			if x.dry {
				spec := w.specOf("wiki")
				spec.Revoke = model.RevokeSpec{DryRun: true}
				w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &spec, At: "d"})
			}
			if x.state != model.Queued {
				w.move(row.Remediation, x.state, x.reason)
			}
			if x.state == model.Confirmed {
				x.says = "The system was read and did not show the access by any path"
			}
			p := w.as(x.who, model.Admin).Get("/revocations/" + itoa(row.ID))
			p.Want(http.StatusOK, webtest.In("main", webtest.HasText(x.says)), webtest.Count("form[action$='/approve']", x.let))
		})
	}
}

// TestLetGoAfterAnswer: where it was answered that an access stays, nothing is left to let go on, nor to try again.
func TestLetGoAfterAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, row := w.graceful()
		dev := model.Actor{PersonKey: *w.person("u4"), PersonID: "u4", Name: "Dev Patel"}
		w.move(row.Remediation, model.Sent, "")
		if err := w.svc.Contest(t.Context(), dev, row.ID, "I need it"); err != nil {
			t.Fatal(err)
		}
		admin := w.as("u1", model.Admin)
		path := "/revocations/" + itoa(row.ID)
		admin.Get(path).Want(http.StatusOK, webtest.Count("form[action$='/contest']", 1), webtest.Count("form[action$='/approve']", 0))
		w.move(w.removalNow(row.ID), model.Failed, "It cannot be told.")
		admin.Get(path).Want(http.StatusOK, webtest.Count("form[action$='/retry']", 0), webtest.Count("form[action$='/decline']", 0))
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			c, _, err := tx.Contest(t.Context(), row.ID)
			if err != nil {
				return err
			}
			c.Outcome, c.AnsweredBy, c.Answer = model.ContestUpheld, "Cora", "True"
			return tx.AnswerContest(t.Context(), c)
		}); err != nil {
			t.Fatal(err)
		}
		admin.Get(path).Want(http.StatusOK, webtest.Count("form[action$='/retry']", 0), webtest.Count("form[action$='/decline']", 1))
		w.move(w.removalNow(row.ID), model.Queued, "")
		w.move(w.removalNow(row.ID), model.Held, campaigns.WhyStays)
		admin.Get(path).Want(http.StatusOK, webtest.Count("form[action$='/approve']", 0), webtest.Count("form[action$='/decline']", 1))
	})
}

// move puts a removal into another state, for a reason.
func (w *world) move(r model.Remediation, to model.RemediationState, reason string) {
	w.t.Helper()
	from := r.State
	r.State, r.Reason = to, reason
	if err := w.store.InTx(w.t.Context(), func(tx *store.Tx) error { return tx.MoveRemediation(w.t.Context(), r, from) }); err != nil {
		w.t.Fatal(err)
	}
}

// removalNow is a removal as it is stored.
func (w *world) removalNow(id int64) model.Remediation {
	w.t.Helper()
	row, err := w.store.Remediation(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return row.Remediation
}
