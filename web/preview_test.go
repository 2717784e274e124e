package web

import (
	"net/http"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// TestPreviewPage: what is held is said before a launch; a row without a reviewer can be told from
// the others, and is not counted as given to somebody else.
func TestPreviewPage(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	s := w.spec()
	s.Stages = []model.StageSpec{{Reviewers: model.Strings{"source_owner"}, Due: "14d"}}
	s.Scope.Where = "account.account_id == 'a3'"
	w.apply(campaigns.Document{Kind: model.ConfigCampaign, Name: "own", Spec: s, At: "d"})
	m := w.as("", model.CampaignManager)
	m.Get("/campaigns/own/preview").Want(http.StatusOK,
		webtest.In(".notice.bad", webtest.HasText("This cannot be launched yet."), webtest.HasText("1 item has nobody who may review it (wiki: a3, Editors)")),
		webtest.In("tbody tr th code", webtest.HasText("a3")), webtest.In("td[data-label=Why]", webtest.HasText("the rules give only the one whose own access it is")),
		webtest.Count(".notice.warn", 0), webtest.Count("td[data-label='By the rule']", 0), webtest.In("dl.stats", webtest.HasText("Own access, given to others 0")))

	w.later(time.Second)
	w.ingest("cli", "wiki", map[model.Kind]string{
		model.KindAccounts: "account_id,person_id\na3,u3\n", model.KindGrants: "account_id,entitlement_id,granted_at\n",
	})
	m.Get("/campaigns/own/preview").Want(http.StatusOK,
		webtest.In(".notice.warn", webtest.HasText("wiki: snapshot 3 as of"), webtest.HasText("is newer and held, so snapshot 2 is used.")))
}

// TestPreviewAccountItself: an account without grants is named, and so is what is asked about it.
func TestPreviewAccountItself(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	w.later(time.Second)
	w.ingest("cli", "wiki", map[model.Kind]string{model.KindAccounts: hurt(accountsCSV) + "idle,same,,,,,\nidle2,same,,,,,\n"})
	s := w.spec()
	s.Stages = []model.StageSpec{{Reviewers: model.Strings{"manager"}, Due: "14d"}}
	s.Scope.Where = "account.username == 'same'"
	w.apply(campaigns.Document{Kind: model.ConfigCampaign, Name: "idle", Spec: s, At: "d"})
	w.as("", model.CampaignManager).Get("/campaigns/idle/preview").Want(http.StatusOK,
		webtest.In("tr:nth-child(1) th code", webtest.HasText("idle")), webtest.In("tr:nth-child(2) th code", webtest.HasText("idle2")),
		webtest.In("tbody tr:nth-child(1) td[data-label=Access]", webtest.HasText("The account itself")))
}
