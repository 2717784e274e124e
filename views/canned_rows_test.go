package views_test

import (
	"recert/views/layout"
	"recert/views/snapshot"
	"recert/views/source"
	"recert/views/ui"
)

// rowsPages are the pages that show rows of a source: as a preview, and as they were read.
func rowsPages() []page {
	return []page{
		pageOf("source-new-sample", samplePage, source.New),
		pageOf("snapshot-rows", rowsPage, snapshot.Rows),
		pageOf("snapshot-rows-none", func() snapshot.RowsPage {
			p := rowsPage()
			p.Rows, p.Pager, p.Search, p.Nothing = nil, ui.Pager{}, "nobody", ui.Empty{Title: "Nothing matches.", Text: "Look for a part of a name or of an id."}
			return p
		}, snapshot.Rows),
		pageOf("snapshot-rows-empty", func() snapshot.RowsPage {
			return snapshot.RowsPage{Frame: frame("What was read", layout.Sources), ID: "9", Source: "wiki", Nothing: ui.Empty{Title: "There are no rows to show."}}
		}, snapshot.Rows),
	}
}

var accountColumns = []ui.Column{{Label: "Account"}, {Label: "User name"}, {Label: "E-mail"}, {Label: "State"}, {Label: "Last sign-in"}}

func accountRows() []ui.Row {
	return []ui.Row{
		{Cells: []ui.Cell{{Text: "Jon Þórsson", Sub: "uid=jthorsson,ou=people,dc=example,dc=com"}, {Text: "jthorsson"}, {Text: "jon.thorsson@example.com"}, {Text: "Enabled", Tags: []ui.Tag{{Text: "Privileged", Tone: ui.Warn}}}, {Time: at(-3e14)}}},
		{Cells: []ui.Cell{{Text: "svc-ledger-export"}, {Text: "svc-ledger-export"}, {}, {Text: "Disabled", Tags: []ui.Tag{{Text: "Service account"}}}, {}}},
	}
}

func samplePage() source.NewPage {
	return source.NewPage{
		Frame: frame("Connect a system", layout.Sources), Type: "ldap", Title: "LDAP or Active Directory", Name: "directory", URL: "ldaps://ldap.example.com",
		Found: ui.Notice{Tone: ui.Good, Title: "The connection works.", Text: "The directory has 412 accounts and 31 groups."},
		Sample: &source.Sample{
			Text: "Reading was stopped after 463 rows. A snapshot reads everything.",
			Tables: []source.SampleTable{
				{Name: "Accounts", Count: "the first 2 of 412 read so far", Columns: accountColumns, Rows: accountRows()},
				{Name: "Grants", Count: "0 read so far", Nothing: "reading did not get that far."},
			},
		},
	}
}

func rowsPage() snapshot.RowsPage {
	p := snapshot.RowsPage{
		Frame: frame("What was read", layout.Sources), ID: "8", Source: "wiki", AsOf: at(-3e14), State: ui.Tag{Text: "Held", Tone: ui.Warn},
		Note: ui.Notice{Tone: ui.Warn, Title: "This snapshot is held. Nothing uses it yet.", Text: "What is new, changed or gone here would be so if it were released."},
		Kinds: []snapshot.RowsTab{
			{Label: "Accounts", Count: "412", Href: "/snapshots/8/rows?kind=accounts", Current: true}, {Label: "Grants", Count: "6,180", Href: "/snapshots/8/rows?kind=grants"},
		},
		Changes: []snapshot.RowsTab{
			{Label: "All", Count: "412", Href: "/snapshots/8/rows?kind=accounts", Current: true}, {Label: "Gone", Count: "1", Href: "/snapshots/8/rows?change=gone&kind=accounts"},
		},
		Kind: "accounts", Name: "Accounts", Change: "changed", Search: "jon", Columns: accountColumns, Rows: accountRows(),
		Pager: ui.Pager{First: "/snapshots/8/rows?kind=accounts", Next: "/snapshots/8/rows?kind=accounts&after=svc"},
	}
	p.Rows[0].Tag, p.Rows[0].Note = ui.Tag{Text: "Changed", Tone: ui.Warn}, "Before: status disabled; email unknown"
	return p
}
