package views_test

import (
	"time"

	"recert/views/layout"
	"recert/views/message"
	"recert/views/revocation"
	"recert/views/ui"
)

func messagePages() []page {
	return []page{
		pageOf("messages", messagesPage, message.List),
		pageOf("messages-empty", func() message.ListPage {
			return message.ListPage{Frame: frame("Messages", layout.Revocations), Setup: &message.Setup{Example: "apiVersion: recert/v1"}}
		}, message.List),
		pageOf("messages-no-match", func() message.ListPage {
			return message.ListPage{Frame: frame("Messages", layout.Revocations), Active: true}
		}, message.List),
		pageOf("message", func() message.Page {
			return message.Page{
				Frame: frame("Message 12", layout.Revocations), ID: "12", What: "Removed access is there again", State: ui.Tag{Text: "Failed", Tone: ui.Bad},
				Why: "The mail server refused it: 550 5.1.1 no such user", Facts: []ui.Pair{{Term: "To", Text: "Mara Voss", Href: "/people/u1"}, {Term: "Tries", Text: "1"}},
				Subject: "Removed access is there again: Kwame Mensah, AP approver, SAP", Text: "Hello Mara Voss,\n\nIt is there again.\n",
				Removals: []ui.Pair{{Text: "Kwame Mensah: AP approver, SAP", Href: "/revocations/8"}}, CanRetry: true,
			}
		}, message.Show),
		pageOf("message-sent", func() message.Page {
			return message.Page{
				Frame: frame("Message 13", layout.Revocations), ID: "13", What: "Access is being removed", State: ui.Tag{Text: "Sent", Tone: ui.Good}, Sent: true,
				Facts: []ui.Pair{{Term: "To", Text: "Kwame Mensah"}}, Subject: "Access of yours is being removed", Text: "Hello Kwame Mensah,\n",
			}
		}, message.Show),
		pageOf("message-nothing", func() message.Page {
			return message.Page{
				Frame: frame("Message 14", layout.Revocations), ID: "14", What: "Access is being removed", State: ui.Tag{Text: "Not needed any more"},
				Facts: []ui.Pair{{Term: "To", Text: "Kwame Mensah"}}, NoText: "Nothing was left to tell when its turn came.",
			}
		}, message.Show),
	}
}

func messagesPage() message.ListPage {
	return message.ListPage{
		Frame: frame("Messages", layout.Revocations), Setup: &message.Setup{Waiting: 1, Example: "apiVersion: recert/v1\nkind: Notification\n"}, Failed: 2, CanRetry: true, CanTest: true,
		States: []ui.Option{{Label: "All (3)", Selected: true}, {Value: "failed", Label: "Failed (2)"}},
		Rows: []message.Row{
			{ID: "12", To: "Mara Voss", What: "Removed access is there again", About: "q4@2026-10-01", State: ui.Tag{Text: "Failed", Tone: ui.Bad}, At: exact(-time.Hour), Why: "The mail server refused it: 550 5.1.1 no such user"},
			{ID: "11", To: "Kwame Mensah", Address: "kwame@example.com", What: "Access is being removed", State: ui.Tag{Text: "Sent", Tone: ui.Good}, At: exact(-2 * time.Hour)},
		},
		Pager: ui.Pager{Next: "/messages?after=11"},
	}
}

func lagOf() revocation.Lag {
	return revocation.Lag{Days: 90, How: "From when a removal was final to when a read proved the access gone.", Rows: []revocation.LagRow{
		{Called: revocation.Times{N: 12, Of: 12, Median: "3 minutes", P95: "2 hours", Worst: "1 day 2 hours"}, Proven: revocation.Times{N: 9, Of: 7, Median: "1 hour", P95: "3 days", Worst: "4 days"}, Open: 3, Oldest: "6 days 1 hour"},
		{Source: "SAP", Called: revocation.Times{N: 12, Of: 12, Median: "3 minutes", P95: "2 hours", Worst: "1 day 2 hours"}, Open: 3, Oldest: "6 days 1 hour"},
		{Source: "Wiki", Proven: revocation.Times{N: 1, Of: 1, Median: "1 hour", P95: "1 hour", Worst: "1 hour"}},
	}}
}
