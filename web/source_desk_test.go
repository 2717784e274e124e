package web

import (
	"context"
	"net/http"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// TestTestDesk: an admin tests what removals in a source are asked of, and reads what is wrong.
func TestTestDesk(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		var asked []string
		fails := true
		w.site.ProbeDesk = func(_ context.Context, name string) (string, error) {
			if asked = append(asked, name); fails {
				return "", model.Errorf(model.Invalid, "jira has no project SEC "+uhoh)
			}
			return "Jira answers.", nil
		}
		admin := w.as("", model.Admin)
		const button = "form[action='/sources/wiki/test']"
		admin.Get("/sources/wiki").Want(http.StatusOK, webtest.Count(button, 0)) // a person does removals in it
		admin.Do(http.MethodPost, "/sources/wiki/test", "application/x-www-form-urlencoded", http.NoBody).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("nothing to test")))
		for mode, spec := range map[string]model.RevokeSpec{
			model.ModeTicket:  {Mode: model.ModeTicket, Ticket: &model.TicketSpec{System: "jira", URL: "https://jira.example.com", Token: "${JIRA}", Project: "SEC"}},
			model.ModeWebhook: {Mode: model.ModeWebhook, Webhook: &model.WebhookSpec{URL: "https://hooks.example.com", Secret: "${HOOK}"}},
		} {
			w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u3", Revoke: spec}, At: "b"})
			w.as("", model.CampaignManager).Get("/sources/wiki").Want(http.StatusOK, webtest.Count(button, 0))
			form := admin.Get("/sources/wiki").Form(button)
			fails = true
			admin.Submit(form, nil).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("The connection does not work."), webtest.HasText("Jira has no project SEC "+uhoh+".")),
				webtest.Count("em", 0), webtest.Count(button, 1))
			fails = false
			admin.Submit(form, nil).Want(http.StatusOK, webtest.In("main", webtest.HasText("The connection works."), webtest.HasText("Jira answers.")))
			if len(asked) != 2 || asked[0] != "wiki" {
				t.Errorf("%s: asked %q", mode, asked)
			}
			asked = nil
		}
	})
}
