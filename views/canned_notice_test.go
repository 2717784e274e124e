package views_test

import (
	"time"

	"recert/views/deputy"
	"recert/views/home"
	"recert/views/notice"
	"recert/views/revocation"
	"recert/views/ui"
)

// noticePages are what the holder of an access sees of its removal, and what staff see of that.
func noticePages() []page {
	return []page{
		pageOf("deputies", func() deputy.Page {
			return deputy.Page{
				Frame: reviewer("Deputies"), CanAdd: true, All: true, Person: "u1", Deputy: "u2", From: "2026-12-20", Until: "2027-01-06", Reason: "Holidays", Error: "There is a deputy already.",
				List: []deputy.Deputy{{ID: "1", Person: "Mara Voss", Name: "Tom Achebe", From: "2026-12-01", Until: "2026-12-11", Reason: "Parental leave", State: ui.Tag{Text: "Answers now", Tone: ui.Info}, CanEnd: true}},
			}
		}, deputy.Show),
		pageOf("notices", noticesPage, notice.Show),
		pageOf("notices-empty", func() notice.Page { return notice.Page{Frame: reviewer("My access"), Days: 30} }, notice.Show),
		pageOf("home-leaving", func() home.Page {
			p := homePage()
			p.Leaving = home.Leavings{More: true, May: true, Days: 30, List: []home.Leaving{
				{ID: "1", Can: "Edit the payments wiki", Source: "wiki", State: ui.Tag{Text: "Going away", Tone: ui.Warn}, Out: "Goes out on Fri 4 Dec 2026, 17:00 CET.", Why: "Q4 access review", Owner: "Mara Voss", May: true},
				{ID: "2", Can: "Read the ledger", Source: "SAP", State: ui.Tag{Text: "You need it", Tone: ui.Warn}, Out: "Waits for somebody to look at it.", Why: "SAP privileged roles", Said: &home.Said{At: at(-time.Hour)}},
				{ID: "3", Can: "Approve payments", Source: "SAP", State: ui.Tag{Text: "Going away", Tone: ui.Warn}, Out: "Goes out on Fri 4 Dec 2026, 17:00 CET.", Why: "SAP privileged roles", Said: &home.Said{At: at(-48 * time.Hour), Answer: "Answered: it goes on."}},
			}}
			return p
		}, home.Show),
		pageOf("home-left", func() home.Page {
			p := homePage()
			p.Leaving = home.Leavings{Ended: 2, Days: 30}
			return p
		}, home.Show),
		pageOf("revocation-contested", func() revocation.Page {
			p := revocationPage()
			p.State, p.Outcome, p.CanDecline, p.Version = ui.Tag{Text: "Held", Tone: ui.Warn}, nil, false, "4"
			p.Contest = &revocation.Contest{Who: "Jon Þórsson", At: at(-time.Hour), Reason: "I am on call until the new year.", CanAnswer: true, Untold: true}
			return p
		}, revocation.Show),
		pageOf("revocation-answered", func() revocation.Page {
			p := revocationPage()
			p.Contest = &revocation.Contest{Who: "Jon Þórsson", At: at(-time.Hour), Reason: "I am on call.", Answer: ui.Notice{Tone: ui.Info, Title: "Answered: it goes on.", Text: "On call is over. (Mara Voss)"}}
			return p
		}, revocation.Show),
		pageOf("revocation-contested-gone", func() revocation.Page {
			p := revocationPage()
			p.Contest = &revocation.Contest{Who: "Jon Þórsson", At: at(-time.Hour), Reason: "I am on call until the new year.", CanAnswer: true, Asked: true, Gone: true}
			return p
		}, revocation.Show),
		pageOf("revocation-upheld", func() revocation.Page {
			p := revocationPage()
			p.Contest = &revocation.Contest{
				Who: "Jon Þórsson", At: at(-time.Hour), Reason: "I am on call.", Asked: true, Gone: true, Upheld: true, Why: "True.",
				Answer: ui.Notice{Tone: ui.Good, Title: "Answered: the access is to stay.", Text: "True. (Mara Voss)"},
			}
			p.Restore = &revocation.Restore{Reason: ui.Field{ID: "give-back-reason", Name: revocation.FieldReason, Label: "Why", Help: "It stands in the evidence.", Required: true, Value: "True."}}
			return p
		}, revocation.Show),
		pageOf("revocation-upheld-held", func() revocation.Page {
			p := revocationPage()
			p.State, p.Outcome, p.CanDecline, p.Version = ui.Tag{Text: "Held", Tone: ui.Warn}, nil, true, "4"
			p.Contest = &revocation.Contest{
				Who: "Jon Þórsson", At: at(-time.Hour), Reason: "I am on call.", Upheld: true, Why: "True.",
				Answer: ui.Notice{Tone: ui.Good, Title: "Answered: the access is to stay.", Text: "True. (Mara Voss)"},
			}
			return p
		}, revocation.Show),
		pageOf("revocation-decline", func() revocation.Page {
			p := revocationPage()
			p.State, p.Outcome, p.CanDecline, p.CanLetGo, p.Version = ui.Tag{Text: "Held", Tone: ui.Warn}, nil, true, true, "4"
			return p
		}, revocation.Show),
		pageOf("revocation-own", func() revocation.Page {
			p := revocationPage()
			p.State, p.Outcome, p.CannotLetGo = ui.Tag{Text: "Held", Tone: ui.Warn}, nil, "You answered this item yourself, so another admin must decide about it."
			return p
		}, revocation.Show),
	}
}

func noticesPage() notice.Page {
	return notice.Page{
		Frame: reviewer("My access that goes away"), Days: 30,
		Open: []notice.Notice{
			{
				ID: "1", Can: "Edit the payments wiki", Source: "wiki", State: ui.Tag{Text: "Going away", Tone: ui.Warn}, May: true,
				Facts: []ui.Pair{{Term: "When", Text: "Goes out on Fri 4 Dec 2026, 17:00 CET."}, {Term: "Why", Text: "Q4 access review"}, {Term: "Account", Text: "jthorsson", Code: true}, {Term: "Who answers", Text: "Mara Voss"}},
			},
			{
				ID: "2", Can: "Read the ledger", Source: "SAP", State: ui.Tag{Text: "You need it", Tone: ui.Warn},
				Said: &notice.Said{Reason: "I close the books.", At: at(-time.Hour)},
			},
			{ID: "3", Can: "Approve payments", Source: "SAP", State: ui.Tag{Text: "Going away", Tone: ui.Warn}, May: true, Gone: true, Typed: "because", Error: "Say why you need the access."},
		},
		Ended: []notice.Notice{{
			ID: "4", Can: "Read every page", Source: "wiki", State: ui.Tag{Text: "Stays", Tone: ui.Good},
			Said: &notice.Said{Reason: "I read it daily.", At: at(-48 * time.Hour), Answer: ui.Notice{Tone: ui.Good, Title: "Answered: the access is to stay.", Text: "True. (Mara Voss)"}},
		}},
	}
}
