package web

import (
	"net/http"
	"net/url"
	"testing"

	"recert/model"
	"recert/web/webtest"
)

// TestDue: who runs the campaign makes it due on another day; what was typed stays in the form where it is
// refused, and the page says what changed, by whom and why.
func TestDue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		page := "/campaigns/" + run.Name
		m, auditor := w.as("", model.CampaignManager), w.as("", model.Auditor)
		auditor.Get(page).Want(http.StatusOK, webtest.Count("form[action$='/due']", 0))
		form := m.Get(page).Form("form[action$='/due']")
		m.Submit(form, url.Values{"due": {"soon " + uhoh}, "reason": {"away"}}).Want(http.StatusUnprocessableEntity,
			webtest.In("form[action$='/due']", webtest.HasText("as a day")), webtest.Count("details[open] form[action$='/due']", 1), webtest.Count("em", 0))
		day := run.DueAt.Std().AddDate(0, 0, 30)
		in := url.Values{"due": {day.Format("2006-01-02")}, "reason": {"Half of Sales is away " + uhoh}}
		m.Follow(m.Submit(form, in)).Want(http.StatusOK, webtest.In("main", webtest.HasText("due on another day now")), webtest.Count("em", 0))
		m.Submit(form, in).Want(http.StatusSeeOther) // the same click twice
		auditor.Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("Due date changed")), webtest.In("main", webtest.HasText("Half of Sales is away")), webtest.In("main", webtest.HasText(day.Format("2 Jan 2006"))))
	})
}

// TestEscalating: a campaign that asks somebody else is made in the form, with words at the field where that
// somebody is missing, is nobody, or is needless; its page says what happens.
func TestEscalating(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		m := w.as("", model.CampaignManager)
		form := m.Get("/campaigns/new").Want(http.StatusOK).Form("form.stack")
		in := func(answer, closer string) url.Values {
			return url.Values{
				"name": {"escalated"}, "source": {"wiki"}, "due": {"7"}, "reviewer": {"manager"}, "fallback": {"u1"},
				"pick": {"entitlement.risk == 'high' ? source.owner : ''"}, "swaps": {"prevent"}, "on_no_answer": {answer}, "closer": {closer}, "close": {"signed"}, "remove": {"sign_off"},
			}
		}
		for _, c := range []struct{ answer, closer, want string }{
			{"escalate", "", "needs the person_id"}, {"escalate", "nobody", "Nobody has this person_id"}, {"keep", "u6", "belong to"},
		} {
			m.Submit(form, in(c.answer, c.closer)).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText(c.want)), webtest.In("main .wrong", webtest.HasText("Who is asked then")))
		}
		wrong := in("escalate", "u6")
		wrong.Set("pick", "person.boss + ''")
		m.Submit(form, wrong).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("line 1, column 1: person has no such field")), webtest.In("main .wrong", webtest.HasText("In special cases, whom this names")))
		m.Follow(m.Submit(form, in("escalate", "u6"))).Want(http.StatusOK)
		m.Get("/campaigns/escalated").Want(http.StatusOK, webtest.In("main", webtest.HasText("then somebody else is asked: u6")), webtest.In("main", webtest.HasText("When everybody has signed off")), webtest.In("main", webtest.HasText("entitlement.risk == 'high' ? source.owner : '', otherwise the person's manager")),
			webtest.In("main", webtest.HasText("one of them is replaced")))
	})
}

// TestPausePage: who runs campaigns pauses one and lets it go on; its reviewers read why, and cannot answer meanwhile.
func TestPausePage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		m, reviewer := w.as("", model.CampaignManager), w.as("u1")
		page := "/campaigns/" + run.Name
		w.as("", model.Auditor).Get(page).Want(http.StatusOK, webtest.Count("form[action$='/pause']", 0))
		form := m.Get(page).Form("form[action$='/pause']")
		m.Submit(form, url.Values{"reason": {""}}).Want(http.StatusUnprocessableEntity, webtest.Count("details[open] form[action$='/pause']", 1), webtest.In("main", webtest.HasText("Say why it is paused")))
		for range 2 {
			m.Follow(m.Submit(form, url.Values{"reason": {"The wiki moves " + uhoh}})).Want(http.StatusOK, webtest.In("h1", webtest.HasText("Paused")), webtest.Count("em", 0))
		}
		m.Get("/campaigns").Want(http.StatusOK, webtest.In("main", webtest.HasText("It is paused since")))
		review := reviewer.Get("/reviews/"+run.Name).Want(http.StatusOK, webtest.In("main", webtest.HasText("This review is paused."), webtest.HasText("The reason: The wiki moves")), webtest.Count("form[action$='/sign-off']", 0))
		if n := len(review.Attrs("tr[data-row] button[name=answer]", "value")); n != 0 {
			t.Errorf("%d answers are offered", n)
		}
		form = m.Get(page).Form("form[action$='/resume']")
		m.Follow(m.Submit(form, url.Values{"reason": {"moved"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("It goes on."), webtest.HasText("Went on")))
		reviewer.Get("/reviews/"+run.Name).Want(http.StatusOK, webtest.Count(".notice.warn", 0))
	})
}
