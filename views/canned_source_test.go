package views_test

import (
	"recert/views/layout"
	"recert/views/snapshot"
	"recert/views/source"
	"recert/views/ui"
)

func sourcePages() []page {
	return []page{
		pageOf("sources", func() source.ListPage {
			return source.ListPage{
				Frame: frame("Sources", layout.Sources), Pager: ui.Pager{Shown: "1 to 3 of 3"},
				Sources: []source.Row{
					{Name: "hr", Provides: "People", Type: "CSV files", State: ui.Tag{Text: "Up to date", Tone: ui.Good}, Last: at(-7e12), Snapshot: "7", Counts: "300 people"},
					{Name: "wiki", Provides: "Access", Type: "SCIM", State: ui.Tag{Text: "Held", Tone: ui.Warn}, Stale: ui.Tag{Text: "Not read for 3 days", Tone: ui.Warn}, Last: at(-3e14), Snapshot: "8", Counts: "6,191 grants, 412 accounts"},
					{Name: "archive", Provides: "Access", Type: "Files", State: ui.Tag{Text: "Never read"}},
				},
			}
		}, source.List),
		pageOf("sources-empty", func() source.ListPage { return source.ListPage{Frame: frame("Sources", layout.Sources)} }, source.List),
		pageOf("source", sourcePage, source.Show),
		pageOf("source-empty", func() source.Page {
			return source.Page{Frame: frame("archive", layout.Sources), Name: "archive", Provides: "Access", CanUpload: true}
		}, source.Show),
		pageOf("upload", uploadPage, source.Upload),
		pageOf("upload-map", mapPage, source.Map),
		pageOf("snapshot", snapshotPage, snapshot.Show),
		pageOf("snapshot-held", func() snapshot.Page {
			p := snapshotPage()
			p.State = ui.Tag{Text: "Held", Tone: ui.Warn}
			p.Held = &snapshot.Held{
				Reasons: []string{"Grants: 1,284 of 6,191 are gone, 20.7 %. The limit is 20 %.", "Grants: 6,191 were expected, 6,190 were read."}, CanRelease: true, Key: "k-rel",
				Error: "Write a reason.", Reason: " ",
			}
			p.Ledgers[1].Gone, p.Ledgers[1].ExpectedDiffers = 12, true
			return p
		}, snapshot.Show),
		pageOf("snapshot-held-own", func() snapshot.Page {
			p := snapshotPage()
			p.Held = &snapshot.Held{Reasons: []string{"Too few."}, WhyNot: "You loaded it yourself. Another admin must look at it."}
			return p
		}, snapshot.Show),
		pageOf("snapshot-empty", func() snapshot.Page {
			return snapshot.Page{Frame: frame("x", layout.Sources), ID: "1", Source: "wiki"}
		}, snapshot.Show),
	}
}

func sourcePage() source.Page {
	return source.Page{
		Frame: frame("wiki", layout.Sources), Name: "wiki", Provides: "Access", State: ui.Tag{Text: "Held", Tone: ui.Warn},
		Problem:  ui.Notice{Tone: ui.Warn, Title: "The newest snapshot is held.", Text: "It lost more than the limit allows. Until it is released, the one before counts.", Link: "Look at it", Href: "/snapshots/8"},
		Settings: []ui.Pair{{Term: "Type", Text: "SCIM"}, {Term: "Address", Text: "https://wiki.example.com/scim/v2", Code: true}, {Term: "Secret", Text: "set, from the environment"}, {Term: "Owner", Text: "Tom Achebe", Href: "/people/u2"}, {Term: "Held when it loses more than", Text: "20 %"}},
		Snapshots: []source.Snapshot{
			{ID: "8", AsOf: at(-3e14), State: ui.Tag{Text: "Held", Tone: ui.Warn}, Read: 4907, Rejected: 11, New: 3, Changed: 1, Gone: 1284},
			{ID: "7", AsOf: at(-9e14), State: ui.Tag{Text: "Sealed", Tone: ui.Good}, Read: 6191, Rejected: 0, New: 40, Gone: 12},
		},
		SnapshotsPager: ui.Pager{Next: "/sources/wiki?after=7"},
		Unmatched:      []source.Unmatched{{Account: "svc-backup", Name: "Backup robot", Reason: "no person has this id"}, {Account: "jsmith2", Reason: "two people have this address"}},
		Rows:           "/snapshots/7/rows", UnmatchedTotal: 31, UnmatchedPager: ui.Pager{Next: "/sources/wiki?unmatched=jsmith2"},
		Managers: []source.Manager{{PersonID: "u7", Person: "Ines Moreau", Text: "reports to u0412, whom no row names"}}, ManagersTotal: 1, CanUpload: true, CanTest: true, CanEdit: true, ByFile: "These settings have no form.",
		Found: ui.Notice{Tone: ui.Good, Title: "The connection works.", Text: "Jira answers: signed in as “Recert Bot”, who may open tickets of the type Task in the project SEC. None was opened."},
	}
}

func uploadPage() source.UploadPage {
	return source.UploadPage{
		Frame: frame("Upload", layout.Sources), Name: "wiki", Problem: ui.Notice{Tone: ui.Bad, Title: "One file could not be read."},
		Kinds: []source.Kind{
			{Name: "accounts", Label: "Accounts", Help: "account_id; also username, display_name, email, person_id"},
			{Name: "grants", Label: "Who has what", Help: "account_id, entitlement_id; also granted_at, last_used_at, via", Required: true, Expect: "6191"},
		},
		AsOf: "yesterday", Limit: "A file may have up to 2 GB.",
		Errors: map[string]string{source.FieldAsOf: "Write a time like 2026-12-04T17:00:00+01:00.", "grants": "Line 4 has a quote that is never closed."},
	}
}

func mapPage() source.MapPage {
	return source.MapPage{
		Frame: frame("Columns", layout.Sources), Name: "wiki", Token: "t0ken", Key: "k-map", AsOf: "Tue 1 Dec 2026, 14:03 CET",
		Problem: ui.Notice{Tone: ui.Bad, Title: "One required column is missing.", Text: "Choose the column that holds the entitlement."},
		Files: []source.File{{
			Kind: "grants", Label: "Who has what", Name: "wiki-2026-12.csv", Size: "1.2 MB",
			Headers: []string{"user", "group", "since", "comment"},
			Sample:  [][]string{{"jthorsson", "payments-editors", "2024-08-12", "asked for by the payments team lead"}, {"fzahra", "payments-admins", "", ""}},
			Columns: []source.Column{
				{Name: "account_id", Help: "whose access it is", Required: true, Chosen: "user"}, {Name: "entitlement_id", Help: "what the access is", Required: true, Error: "Choose a column."},
				{Name: "granted_at", Help: "since when", Chosen: "since"}, {Name: "via", Help: "through which groups"},
			},
		}},
	}
}

func snapshotPage() snapshot.Page {
	return snapshot.Page{
		Frame: frame("wiki", layout.Sources), ID: "8", Source: "wiki", AsOf: at(-3e14), State: ui.Tag{Text: "Sealed", Tone: ui.Good},
		Facts: []ui.Pair{{Term: "Sealed", Text: "Tue 1 Dec 2026, 06:01 CET"}, {Term: "Loaded by", Text: "Mara Voss"}, {Term: "Snapshot before", Text: "Mon 30 Nov 2026, 06:00 CET", Href: "/snapshots/7"}, {Term: "SHA-256 of the content", Text: digest, Code: true}},
		Ledgers: []snapshot.Ledger{
			{Kind: "Accounts", Read: 412, Accepted: 412, Unchanged: 410, New: 2, Previous: 411, Gone: 1, Carried: true},
			{Kind: "Grants", Read: 6191, Accepted: 6180, Rejected: 11, New: 40, Changed: 3, Unchanged: 6137, Previous: 6152, Gone: 12, Duplicates: 2, Expected: "6,191", Rows: "/snapshots/8/rows?kind=grants"},
		},
		Files:        []snapshot.File{{Name: "wiki-2026-12.csv", Kind: "grants", Rows: 6191, Size: "1.2 MB", SHA256: digest}},
		Rejects:      []snapshot.Reject{{File: "wiki-2026-12.csv", Line: 4131, Column: "granted_at", Reason: "“12.08.24” is not a date", Raw: "jsmith,editors,12.08.24,"}},
		RejectsTotal: 11, RejectsPager: ui.Pager{Shown: "1 of 11", Next: "/snapshots/8?after=1"},
		Unmatched: []snapshot.Reason{{Text: "two people have this address", Count: 2}}, Cycles: []string{"Ana Ferreira > Bo Lindqvist > Ana Ferreira"}, Missing: []string{"u0412, for 3 people"},
	}
}
