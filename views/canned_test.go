package views_test

import (
	"time"

	"github.com/a-h/templ"

	"recert/model"
	"recert/views/home"
	"recert/views/layout"
	"recert/views/review"
	"recert/views/signin"
	"recert/views/ui"
)

// page is one page with canned data, made afresh at each call so that a test may spoil it.
type page struct {
	name   string
	data   func() any // a pointer to the page's struct
	render func(any) templ.Component
}

func pageOf[P any](name string, data func() P, show func(P) templ.Component) page {
	return page{
		name: name,
		data: func() any { p := data(); return &p },
		render: func(v any) templ.Component {
			p, ok := v.(*P)
			if !ok {
				panic("another page's data")
			}
			return show(*p)
		},
	}
}

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}()

// now is the moment of all canned data.
var now = model.TimeOf(time.Date(2026, 12, 1, 13, 3, 0, 0, time.UTC))

func at(d time.Duration) ui.Stamp { return ui.At(now.Add(d), berlin) }

func day(d int) ui.Stamp { return ui.Day(now.Add(time.Duration(d)*24*time.Hour), berlin) }

func frame(title string, section layout.Section) layout.Frame {
	return layout.Frame{
		Title: title, Theme: layout.ThemeSystem, Version: "0.1.0", Here: "/x?y=1",
		User: &layout.User{Name: "Mara Voss", Roles: "Administrator, reviewer"},
		Nav:  layout.Nav(layout.Roles{Admin: true}, section),
	}
}

func reviewer(title string) layout.Frame {
	f := frame(title, layout.Reviews)
	f.User.Roles = "Reviewer"
	f.Nav = layout.Nav(layout.Roles{}, layout.Reviews)
	return f
}

func pages() []page {
	return append(append(append(reviewerPages(), noticePages()...), staffPages()...), connectPages()...)
}

func reviewerPages() []page {
	return []page{
		pageOf("signin", func() signin.Page {
			return signin.Page{
				Frame: layout.Frame{Title: "Sign in", Version: "0.1.0"}, Provider: "Example SSO", Start: "/login/start?return=%2Freviews%2Fq4",
				Problem: ui.Notice{Tone: ui.Warn, Title: "You were signed out.", Text: "Nobody used this page for a while."},
				Help:    "Trouble signing in? Ask the help desk.",
			}
		}, signin.Show),
		pageOf("signin-unset", func() signin.Page { return signin.Page{Unset: true} }, signin.Show),
		pageOf("error", func() layout.ErrorPage {
			return layout.ErrorPage{
				Frame: frame("Error", layout.Elsewhere), Heading: "That did not work", Text: model.Message(model.Errorf(model.Internal, "x")),
				Request: "01J9ZK", Link: "Back to the review", Href: "/reviews/q4",
			}
		}, layout.Error),
		pageOf("not-found", func() layout.ErrorPage { return layout.NotFound(reviewer("")) }, layout.Error),
		pageOf("confirm", confirmPage, layout.Confirm),
		pageOf("home", homePage, home.Show),
		pageOf("home-empty", func() home.Page {
			return home.Page{Frame: reviewer("My reviews"), Next: "The next review is planned for 11 Jan 2027."}
		}, home.Show),
		pageOf("review", reviewPage, review.Show),
		pageOf("review-answered", func() review.Page {
			p := reviewPage()
			p.Rows, p.Pager, p.Decided = nil, ui.Pager{}, p.Total
			p.SignOff.Blocked, p.SignOff.Unanswered = "", nil
			return p
		}, review.Show),
		pageOf("review-no-match", func() review.Page {
			p := reviewPage()
			p.Rows, p.Pager, p.SignOff, p.Filter.Active, p.Filter.Search = nil, ui.Pager{}, nil, true, "nobody"
			return p
		}, review.Show),
		pageOf("review-empty", func() review.Page {
			return review.Page{Frame: reviewer("Q4"), Campaign: "q4", Name: "Q4 access review"}
		}, review.Show),
		pageOf("review-signed", signedPage, review.Show),
		pageOf("review-closed", func() review.Page {
			p := signedPage()
			p.Paused = "Since 4 Dec 2026. The reason: the wiki moves."
			p.Receipt, p.Closed = nil, "It was closed on Fri 4 Dec 2026, 17:00 CET, before you signed off. What you answered counts."
			return p
		}, review.Show),
	}
}

func confirmPage() layout.ConfirmPage {
	return layout.ConfirmPage{
		Frame: frame("Release", layout.Sources), Way: []ui.Crumb{{Label: "Sources", Href: "/sources"}},
		Heading: "Release this snapshot?", Text: "It becomes the newest state of the wiki.",
		Effect:  []ui.Pair{{Term: "Gone", Text: "1,284 grants"}},
		Warning: ui.Notice{Tone: ui.Warn, Title: "20.7 % are gone.", Text: "Look at the rejects first.", Items: []string{"1,284 grants"}, Link: "Rejects", Href: "/snapshots/7"},
		Action:  "/snapshots/7/release", Hidden: []ui.Pair{{Term: "key", Text: "k-1"}},
		Reason: &ui.Field{Label: "Why it is right", Required: true, Error: "Write a reason.", Help: "Kept as evidence.", Value: "seen"},
		Button: ui.Button{Label: "Release", Kind: "danger", Name: "sure", Value: "yes"}, Cancel: "/snapshots/7",
	}
}

func homePage() home.Page {
	f := reviewer("My reviews")
	f.Demo = "Demo: everybody here is invented, and nothing you do reaches a real system."
	f.Flash = ui.Notice{Tone: ui.Good, Title: "Signed off: Q3 access review.", Text: "Thank you."}
	return home.Page{
		Frame: f, Summary: "2 reviews, 183 answers to give.",
		Open: []home.Card{
			{Campaign: "q4", Name: "Q4 access review: Payments team", Due: at(75 * time.Hour), Left: ui.Tag{Text: "3 days left", Tone: ui.Warn}, Done: 62, Total: 180, Note: "12 privileged, 3 of people who left"},
			{Campaign: "sap", Name: "SAP privileged roles", Due: at(-26 * time.Hour), Left: ui.Tag{Text: "Overdue by a day", Tone: ui.Bad}, Total: 65},
			{Campaign: "wiki", Name: "Wiki spaces", Due: at(300 * time.Hour), Left: ui.Tag{Text: "12 days left"}, Done: 14, Total: 14},
		},
		Needs: []home.Need{
			{ID: "7", What: "Edit the payments wiki, of Jon Þórsson", Where: "wiki, quarterly-managers@2026-11-20", State: ui.Tag{Text: "Came back", Tone: ui.Bad}, Reason: "It was proven gone, and a later read shows it again."},
			{ID: "8", What: "Approve supplier payments, of Lucía Gómez", Where: "sap, quarterly-managers@2026-11-20", State: ui.Tag{Text: "Contested", Tone: ui.Warn}, Reason: "Somebody must answer."},
		},
		MoreNeeds: true,
		Board:     &home.Board{Views: []home.View{{Label: "Contested", Href: "/revocations?state=contested", Count: 1, Tone: ui.Warn}, {Label: "Failed", Href: "/revocations?state=failed", Tone: ui.Bad}}},
		Done: []home.Done{
			{Campaign: "q3", Name: "Q3 access review", Signed: day(-111), Summary: "168 kept, 12 removed"},
			{Campaign: "q2", Name: "Q2 access review", Closed: day(-200), Summary: "150 kept, 9 unanswered"},
		},
	}
}

func reviewPage() review.Page {
	return review.Page{
		Frame: reviewer("Q4 access review"), Campaign: "q4", Name: "Q4 access review: Payments team",
		Purpose: "Twice a year we check who can move money. Questions: the identity team, extension 4412.",
		Due:     at(75 * time.Hour), Left: ui.Tag{Text: "3 days left", Tone: ui.Warn}, Decided: 62, Total: 180,
		Filter: review.Filter{
			Search: "", State: review.StateAll,
			Sources: []ui.Option{{Value: "", Label: "All systems"}, {Value: "sap", Label: "SAP", Selected: true}, {Value: "github", Label: "GitHub"}},
		},
		Rows: reviewRows(), Back: "state=all&source=sap",
		Pager: ui.Pager{Shown: "1 to 8 of 180", First: "/reviews/q4?state=all", Next: "/reviews/q4?state=all&after=8"},
		SignOff: &review.SignOff{
			Version: "17", Key: "k-sign",
			Counts:     []ui.Pair{{Term: "Keep", Text: "50"}, {Term: "Remove", Text: "10"}, {Term: "Not sure", Text: "2"}, {Term: "No answer", Text: "118"}},
			Removals:   []review.Line{{Item: "1", Person: "Jon Þórsson", Access: "Approve supplier payments up to €50,000 in the EU ledger"}, {Person: "Fatima Zahra", Access: "Change settings, secrets and branch rules of the payments code"}},
			Unanswered: []review.Line{{Item: "3", Person: "Lucía Gómez", Access: "Create and edit tickets in Jira"}},
			Leftover:   "What you leave open stays as it is, and the report shows it as unanswered.",
			After:      []string{"The removals begin 2 days after you sign off.", "3 accesses are kept until a date."},
			Statement:  "I have looked at each access and answered to the best of my knowledge.",
			Blocked:    "118 are still without an answer. This campaign asks for all of them.",
		},
	}
}

func signedPage() review.Page {
	p := reviewPage()
	p.SignOff, p.Pager, p.Decided = nil, ui.Pager{}, p.Total
	p.Rows = p.Rows[:2]
	for i := range p.Rows {
		p.Rows[i].ReadOnly, p.Rows[i].Conflict = true, nil
	}
	p.Receipt = &review.Receipt{
		At: at(0), By: "Mara Voss", Counts: []ui.Pair{{Term: "Keep", Text: "168"}, {Term: "Remove", Text: "12"}},
		Statement: "I have looked at each access and answered to the best of my knowledge.",
		Event:     "48,113", Hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
	return p
}
