package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// TestSignOffSays: who signs off is told when removals begin, who hears of them, and when keeps end, as it is so in
// this campaign.
func TestSignOffSays(t *testing.T) {
	t.Parallel()
	no := false
	for name, c := range map[string]struct {
		spec func(s *model.CampaignSpec)
		want string
	}{
		"at once":     {func(s *model.CampaignSpec) { s.Remove, s.Grace = "", "" }, "The removals begin as soon as you sign off. The people concerned are told by mail and in Recert, and may object."},
		"after grace": {func(s *model.CampaignSpec) { s.Remove, s.Grace = "", "36h" }, "The removals begin 36 hours after you sign off. The people concerned are told by mail and in Recert, and may object."},
		"untold":      {func(s *model.CampaignSpec) { s.Remove, s.Grace, s.Tell = "", "1w", &no }, "The removals begin 7 days after you sign off. The people concerned see it in Recert, and may object."},
		"by answer":   {func(*model.CampaignSpec) {}, "Each removal begins 3 days after its answer. The people concerned are told by mail and in Recert, and may object."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sqliteWorld(t)
			w.fill()
			spec := w.spec()
			spec.Remove, spec.Grace = "decision", "3d"
			c.spec(spec)
			w.apply(campaigns.Document{Kind: model.ConfigCampaign, Name: "quarterly", Spec: spec, At: "c"})
			run := w.launch()
			ana := w.as("u2")
			page := "/reviews/" + run.Name
			sign := func(checks ...webtest.Check) {
				t.Helper()
				ana.Get(page).Want(http.StatusOK, webtest.In("#sign-off", checks...))
			}
			sign(webtest.HasNoText("removals begin"), webtest.HasNoText("until a date"))
			actor := model.Actor{PersonKey: *w.person("u2"), PersonID: "u2", Name: "Ana Ferreira"}
			until := []string{"2027-03-12", "2027-01-31"}
			revoked := false
			for _, it := range w.items(run, "u2") {
				in := campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: model.Keep}
				switch {
				case !revoked && strings.Contains(it.Subject, "Dev Patel"):
					in.Answer, revoked = model.Revoke, true
				case len(until) > 0:
					in.Until, until = until[0], until[1:]
				}
				if _, err := w.svc.Decide(t.Context(), actor, in); err != nil {
					t.Fatal(err)
				}
			}
			sign(webtest.HasText(c.want), webtest.HasText("2 accesses are kept until a date, the first until 31 Jan 2027. After its date it is removed, unless a later review keeps it."),
				webtest.Count("a[href='/help#answers']", 1))
		})
	}
}

// TestHomeAfterObjecting: who has said everything that can be said is not asked to say it.
func TestHomeAfterObjecting(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	_, r := w.graceful()
	dev := w.as("u4")
	dev.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasText("Say that you need it")))
	dev.Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
	dev.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasNoText("Say that you need"), webtest.HasText("See what you said, and what was answered")))
}

// TestHelpLinks: the pages of removals lead to the part of the help that says what happens then, for whoever reads them.
func TestHelpLinks(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	_, r := w.graceful()
	w.later(time.Minute)
	dev, owner, admin := w.as("u4"), w.as("u3"), w.as("", model.Admin)
	dev.Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
	leads := func(c *webtest.Client, page string) {
		t.Helper()
		hrefs := c.Get(page).Want(http.StatusOK).Attrs("main a[href^='/help#']", "href")
		if len(hrefs) == 0 {
			t.Errorf("%s leads to no part of the help", page)
		}
		for _, href := range hrefs {
			c.Get("/help").Want(http.StatusOK, webtest.Count(strings.TrimPrefix(href, "/help"), 1))
		}
	}
	leads(dev, "/notices")
	leads(owner, "/revocations/"+itoa(r.ID))
	leads(admin, "/revocations/"+itoa(r.ID))
	dev.Get("/help").Want(http.StatusOK, webtest.Count("#removals", 0), webtest.Count("#campaign", 0), webtest.Count("main a[href='/revocations']", 0), webtest.Count("main a[href='/messages']", 0))
	// What the guide's list of contents names is there.
	for _, c := range []*webtest.Client{dev, admin} {
		p := c.Get("/help")
		for _, href := range p.Attrs("main a[href^='#']", "href") {
			p.Want(http.StatusOK, webtest.Count(href, 1))
		}
	}
}
