package views_test

import (
	"strconv"
	"time"

	"recert/views/review"
	"recert/views/ui"
)

// reviewRows are the states that a row can be in, each once.
func reviewRows() []review.Row {
	warn := func(s string) ui.Tag { return ui.Tag{Text: s, Tone: ui.Warn} }
	bad := func(s string) ui.Tag { return ui.Tag{Text: s, Tone: ui.Bad} }
	rows := []review.Row{
		{
			Person: "Jon Þórsson", Title: "Software engineer", Can: "Approve supplier payments up to €50,000 in the EU ledger",
			Source: "SAP", Technical: "AP_APPROVER_EU", Signals: []ui.Tag{warn("Not used for 127 days"), bad("Privileged")}, LastUsed: "127 days ago",
			Answer: review.Revoke, Comment: "Moved to another team.", By: "You", At: at(-time.Hour), CanUndo: true,
			Removal: &review.Removal{ID: "r1", State: ui.Tag{Text: "Sent", Tone: ui.Info}, At: at(-time.Minute), Pending: true, Link: true},
		},
		{
			Person: "Fatima Zahra", Account: "fzahra.adm", Title: "Software engineer", Can: "Change settings, secrets and branch rules of the payments code",
			Source: "GitHub", Technical: "org/payments:admin", Signals: []ui.Tag{bad("High risk"), {Text: "Inherited"}}, LastUsed: "3 days ago",
			Answer: review.Keep, By: "You", At: at(-2 * time.Hour), CanUndo: true, Error: "Not saved. 2020-01-31 is over already.",
			Typed: &review.Typed{Answer: review.Keep, Until: "2020-01-31", Comment: "Until the move."}, Lowers: []review.Lower{{ID: "r", Name: "Read the code"}},
		},
		{
			Person: "Lucía Gómez", Title: "Software engineer", Can: "Create and edit tickets in Jira", Source: "Jira", Technical: "jira-software-users",
			Signals: []ui.Tag{{Text: "Usage unknown"}}, LastUsed: "unknown", Error: "Choose an answer first.",
			Details: []ui.Pair{
				{Term: "Account", Text: "lgomez", Code: true}, {Term: "How", Text: "through all-staff > jira-software-users"},
				{Term: "Given", Text: "12 Aug 2024 by Tom Achebe"}, {Term: "Reason", Text: "REQ-2231"}, {Term: "Last time", Text: "kept by Mara Voss, 12 Aug 2026", Href: "/reviews/q3"},
			},
		},
		{
			Person: "Ana Ferreira", Title: "Payments engineer", Can: "Do anything in the production AWS account", Source: "AWS", Technical: "prod/AdministratorAccess",
			Signals: []ui.Tag{bad("Privileged"), warn("Not used for 124 days")}, LastUsed: "124 days ago",
			Conflict: &review.Conflict{Who: "Tom Achebe", Theirs: review.Revoke, At: at(-time.Minute), Mine: review.Keep, Note: "on call"},
		},
		{
			Person: "Émile Roux", Title: "Contractor", Can: "Read and edit customer records; no export", Source: "Salesforce", Technical: "Sales_Ops_Std",
			Signals: []ui.Tag{bad("No longer employed"), warn("Account disabled")}, LastUsed: "229 days ago",
			Answer: review.Revoke, By: "You", At: at(-3 * time.Hour),
			Removal: &review.Removal{ID: "r2", State: ui.Tag{Text: "Proven gone", Tone: ui.Good}, At: at(-2 * time.Hour)},
		},
		{
			Person: "Hiro Tanaka", Title: "Analyst", Can: "Query tables that hold customer names, emails and addresses", Source: "Snowflake", Technical: "ANALYST_PII",
			Signals: []ui.Tag{warn("Came back once")}, LastUsed: "yesterday", ReadOnly: true, Gone: "Gone since 28 Nov 2026, before it was answered.",
		},
		{
			Person: "svc-ledger-export", Title: "Service account", Can: "ANALYST_PII", Source: "Snowflake", LastUsed: "unknown",
			Answer: review.Unsure, By: "You", At: at(-26 * time.Hour), CanUndo: true, Comment: "Ask the data team who runs this.",
		},
		{
			Person: "Kwame Mensah", Title: "Payments lead", Can: "Approve supplier payments of any amount", Source: "SAP", Technical: "AP_APPROVER_ALL_REGIONS_UNLIMITED",
			Signals: []ui.Tag{bad("Privileged"), bad("High risk")}, LastUsed: "today",
		},
	}
	for i := range rows {
		r := &rows[i]
		r.Item, r.Version, r.Key = strconv.Itoa(i+1), strconv.Itoa(i+3), "k-"+strconv.Itoa(i)
		if i != 6 {
			r.PersonID = "u10" + strconv.Itoa(i)
		}
	}
	return rows
}
