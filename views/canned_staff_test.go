package views_test

import (
	"time"

	"recert/views/access"
	"recert/views/campaign"
	"recert/views/evidence"
	"recert/views/help"
	"recert/views/layout"
	"recert/views/person"
	"recert/views/revocation"
	"recert/views/ui"
)

func exact(d time.Duration) ui.Stamp { return ui.Exact(now.Add(d), berlin) }

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func staffPages() []page {
	return append(append(append(append(campaignPages(), sourcePages()...), rowsPages()...), messagePages()...), []page{
		pageOf("person", personPage, person.Show),
		pageOf("person-empty", func() person.Page {
			return person.Page{Frame: frame("Nobody", layout.Elsewhere), ID: "u0", Name: "New Person"}
		}, person.Show),
		pageOf("revocations", revocationsPage, revocation.List),
		pageOf("revocations-empty", func() revocation.ListPage {
			return revocation.ListPage{Frame: frame("Revocations", layout.Revocations)}
		}, revocation.List),
		pageOf("revocations-no-match", func() revocation.ListPage {
			return revocation.ListPage{Frame: frame("Revocations", layout.Revocations), Search: "x", Active: true}
		}, revocation.List),
		pageOf("revocations-stopped", func() revocation.ListPage {
			p := revocationsPage()
			p.Stopped, p.CanGo = &ui.Notice{Tone: ui.Bad, Title: "All removals are stopped.", Text: "The campaign has the wrong scope. (Mara Voss, Tue 1 Dec 2026, 13:03 CET)"}, true
			p.Held, p.CanHeld = 12, true
			return p
		}, revocation.List),
		pageOf("revocations-stop", func() revocation.ListPage {
			p := revocationsPage()
			p.CanStop, p.Held, p.CanHeld = true, 1, true
			p.Reason = ui.Field{Name: "reason", Label: "Why", Help: "It stands in the evidence.", Required: true}
			return p
		}, revocation.List),
		pageOf("revocation-held", func() revocation.Page {
			p := revocationPage()
			p.State, p.CanLetGo, p.Outcome = ui.Tag{Text: "Held", Tone: ui.Warn}, true, nil
			p.Meaning = "Somebody must let it go on. The account is on the list of those that are not taken access from without a second person."
			return p
		}, revocation.Show),
		pageOf("revocation", revocationPage, revocation.Show),
		pageOf("revocation-manual", manualPage, revocation.Show),
		pageOf("evidence", evidencePage, evidence.Show),
		pageOf("evidence-wrong", func() evidence.Page {
			p := evidencePage()
			p.Check.OK, p.Check.Text = false, "Event 48,100 does not match its leaf. Stop, keep a copy of the database, and run: recert doctor"
			return p
		}, evidence.Show),
		pageOf("evidence-empty", func() evidence.Page { return evidence.Page{Frame: frame("Evidence", layout.Evidence)} }, evidence.Show),
		pageOf("access", accessPage, access.Show),
		pageOf("access-none", func() access.Page {
			return access.Page{Frame: frame("Access", layout.Access), Asked: true, AsOf: "2026-13-45", Error: "Write a date like 2026-12-04."}
		}, access.Show),
		pageOf("access-empty", func() access.Page { return access.Page{Frame: frame("Access", layout.Access)} }, access.Show),
		pageOf("help", func() help.Page {
			return help.Page{Frame: frame("Help", layout.Elsewhere), Contact: "Write to the identity team."}
		}, help.Show),
	}...)
}

func campaignPages() []page {
	return []page{
		pageOf("campaigns", func() campaign.ListPage {
			return campaign.ListPage{
				Frame: frame("Campaigns", layout.Campaigns), CanCreate: true, Pager: ui.Pager{Next: "/campaigns?after=x"},
				Hands: []campaign.Hand{{Name: "q4", Href: "/campaigns/q4", Text: "It is overdue: remind those who have not finished, make it due later, or close it."}},
				Runs: []campaign.Run{
					{ID: "half-year", Name: "half-year", State: ui.Tag{Text: "Scheduled", Tone: ui.Info}, Next: at(900 * time.Hour)},
					{ID: "q4", Name: "quarterly-managers@2026-11-20", State: ui.Tag{Text: "Running", Tone: ui.Info}, Due: at(75 * time.Hour), Left: ui.Tag{Text: "3 days left", Tone: ui.Warn}, Done: 1262, Total: 6180, Removed: "12, of these 9 proven gone"},
					{ID: "q3", Name: "quarterly-managers@2026-08-20", State: ui.Tag{Text: "Closed"}, Due: at(-2000 * time.Hour), Done: 6000, Total: 6000, Removed: "210, all proven gone"},
				},
			}
		}, campaign.List),
		pageOf("campaigns-empty", func() campaign.ListPage {
			return campaign.ListPage{Frame: frame("Campaigns", layout.Campaigns), CanCreate: true}
		}, campaign.List),
		pageOf("campaign", runPage, campaign.Show),
		pageOf("campaign-draft", func() campaign.Page {
			p := runPage()
			p.Draft, p.CanLaunch, p.CanClose, p.CanExport = true, true, false, false
			p.State, p.Launched, p.Digest, p.Package = ui.Tag{Text: "Draft"}, ui.Stamp{}, "", ""
			return p
		}, campaign.Show),
		pageOf("campaign-unbalanced", func() campaign.Page {
			p := runPage()
			p.Counts.Kept++
			p.Reviewers, p.Closed = nil, at(0)
			return p
		}, campaign.Show),
		pageOf("campaign-preview", previewPage, campaign.Preview),
		pageOf("campaign-preview-ready", func() campaign.PreviewPage {
			p := previewPage()
			p.Without, p.MoreOut, p.Blocked, p.Warnings, p.Confirm = nil, 0, nil, nil, "Tick the box to launch."
			return p
		}, campaign.Preview),
		pageOf("campaign-preview-empty", func() campaign.PreviewPage {
			return campaign.PreviewPage{Frame: frame("Preview", layout.Campaigns), ID: "q4", Name: "q4"}
		}, campaign.Preview),
		pageOf("campaign-close", closePage, campaign.Close),
		pageOf("campaign-close-blocked", func() campaign.ClosePage {
			p := closePage()
			p.Blocked = "Close the stage before it first."
			return p
		}, campaign.Close),
		pageOf("campaign-without-mail", func() campaign.Page {
			p := runPage()
			p.Mailless, p.Pause = true, &campaign.PauseForm{Reason: "The wiki moves.", Error: "Say why it is paused."}
			p.Extend = &campaign.DueForm{Day: "2026-12-32", Reason: "Half of Sales is away.", Error: "Give the new due date as a day."}
			return p
		}, campaign.Show),
		pageOf("campaign-paused", func() campaign.Page {
			p := runPage()
			p.State, p.Pause = ui.Tag{Text: "Paused", Tone: ui.Warn}, &campaign.PauseForm{Paused: true}
			p.HandOver = &campaign.HandOver{
				From:    []ui.Option{{Value: "u2", Label: "Tom Achebe (84 open items)"}, {Value: campaign.Everybody, Label: "Everybody who has open items", Selected: true}},
				Systems: []ui.Option{{Label: "All systems"}, {Value: "wiki", Label: "wiki", Selected: true}, {Value: "sap", Label: "SAP"}}, To: "u7", Reason: "Sales is split.", Error: "There is no active person with the person_id u7.",
			}
			return p
		}, campaign.Show),
		pageOf("campaign-yaml", func() campaign.YAMLPage {
			return campaign.YAMLPage{Frame: frame("As YAML", layout.Campaigns), Name: "quarterly-managers", Text: "apiVersion: recert/v1\nkind: Campaign\nname: \"quarterly-managers\"\nspec:\n  scope:\n    sources: wiki\n    where: \"entitlement.risk != 'low' || account.privileged || person.department in ['Payments', 'Platform']\"\n"}
		}, campaign.YAML),
		pageOf("campaign-scheduled", func() campaign.Page {
			p := runPage()
			p.State, p.Draft, p.CanLaunch, p.Next, p.Due, p.Launched = ui.Tag{Text: "Not launched", Tone: ui.Bad}, true, true, at(40*time.Minute), ui.Stamp{}, ui.Stamp{}
			p.Problem = ui.Notice{Tone: ui.Bad, Title: "Its schedule could not launch it.", Text: "2 items have no reviewer."}
			return p
		}, campaign.Show),
		pageOf("campaign-new", newPage, campaign.New),
		pageOf("campaign-new-empty", func() campaign.NewPage {
			return campaign.NewPage{Frame: frame("New campaign", layout.Campaigns)}
		}, campaign.New),
	}
}

func runPage() campaign.Page {
	return campaign.Page{
		Frame: frame("Q4", layout.Campaigns), ID: "q4", Name: "quarterly-managers@2026-11-20", Purpose: "Twice a year we check who can move money.",
		State: ui.Tag{Text: "Running", Tone: ui.Info}, Due: at(75 * time.Hour), Left: ui.Tag{Text: "3 days left", Tone: ui.Warn}, Launched: at(-260 * time.Hour), Reminder: at(3 * time.Hour),
		Problems: []string{"1 reviewer has left or is away, with 64 open items. Hand them over below."},
		Pace: &campaign.Pace{
			Text: "4,910 items are open. At an even pace it would be 1,410.", State: ui.Tag{Text: "Behind", Tone: ui.Warn}, From: "24 Nov", To: "8 Dec", Line: "0,4 250,60 600,100", Even: "0,4 800,300", Now: "600",
			Rows: []campaign.PaceRow{{Day: "24 Nov 2026", Open: 6180, Even: 6180}, {Day: "25 Nov 2026", Open: 4910, Even: 1410}},
		},
		StuckAll: 84,
		Stuck: []campaign.Stuck{
			{PersonID: "u9", Person: "Ana Ruiz", Access: "ledger · Approve payments", With: "Tom Achebe", Moves: 4},
			{Person: "svc-nightly", Access: "wiki · Edit every page", With: "Li Wei", Moves: 3},
		},
		Counts:   campaign.Counts{Items: 6180, Kept: 1100, Revoked: 120, Reduced: 2, Unsure: 40, Unanswered: 4910, Gone: 8},
		Removals: []ui.Pair{{Term: "Queued", Text: "1"}, {Term: "Sent", Text: "2"}, {Term: "Proven gone", Text: "9"}},
		Reviewers: []campaign.Reviewer{
			{PersonID: "u1", Name: "Mara Voss", Done: 220, Total: 220, Kept: 214, Removed: 6, Signed: at(-5 * time.Hour)},
			{PersonID: "u2", Name: "Tom Achebe", Done: 96, Total: 180, Kept: 60, Removed: 30, Unsure: 6},
			{Name: "Li Wei", Total: 64, Note: ui.Tag{Text: "Has not started", Tone: ui.Warn}},
		},
		Pager:    ui.Pager{Shown: "1 to 3 of 140", Next: "/campaigns/q4?after=u3"},
		Settings: []ui.Pair{{Term: "What", Text: "wiki, github: where entitlement.risk != 'low'"}, {Term: "Who", Text: "the person's manager, otherwise the owner of the system, otherwise Tom Achebe"}, {Term: "Without an answer", Text: "it stays"}, {Term: "Removals go out", Text: "after sign-off"}},
		Digest:   digest, Package: "Exported Tue 1 Dec 2026, 13:00 CET, 4.1 MB", Key: "k-export", CanClose: true, CanExport: true, Campaign: "quarterly-managers", CanCopy: true,
	}
}

func previewPage() campaign.PreviewPage {
	return campaign.PreviewPage{
		Frame: frame("Preview", layout.Campaigns), ID: "q4", Name: "quarterly-managers", Items: 6180,
		Snapshots: []ui.Pair{{Term: "wiki", Text: "sealed Tue 1 Dec 2026, 06:00 CET", Href: "/snapshots/7"}},
		Checks:    []string{"1 reviewer would need more than two hours."},
		Plain:     []campaign.Named{{Name: "GRP_7731", About: "AWS", Items: 12}}, MorePlain: 2,
		Swapped:   []campaign.Named{{Name: "Cleo Clark", About: "Boss Bosman", Items: 5}},
		Unmanaged: []campaign.Named{{Name: "Li Wei", About: "no manager is known", Items: 4}}, MoreUnman: 5,
		Losses: []campaign.Line{{Person: "Ana Ferreira", Account: "aferreira", Access: "Approve supplier payments", Source: "SAP"}}, MoreLoss: 6179,
		Reviewers: []campaign.Share{{Name: "Mara Voss", Why: "about 150 minutes", Over: true, Items: 300}, {Name: "Tom Achebe", Why: "fallback", Items: 180}},
		Without:   []campaign.Line{{Person: "Ana Ferreira", Account: "aferreira", Access: "Do anything in the production AWS account", Source: "AWS", Why: "no manager; the owner of AWS has left"}}, MoreOut: 3,
		Self: []campaign.Self{{Person: "Mara Voss", Account: "mvoss", Access: "Approve supplier payments", Instead: "Tom Achebe", Why: "fallback"}}, MoreSelf: 12,
		Excluded: []campaign.Reason{{Text: "low risk", Count: 410}, {Text: "from a held snapshot", Count: 3}},
		Unknown:  []campaign.Reason{{Text: "entitlement.risk is unknown", Count: 77}},
		Effect:   []ui.Pair{{Term: "Due", Text: "Tue 15 Dec 2026, 17:00 CET"}, {Term: "Without an answer", Text: "it stays"}},
		Blocked:  []string{"4 items have no reviewer. Name a fallback, or an owner for AWS."}, Warnings: []string{"wiki: 2 rows of snapshot 7, which is used, could not be taken in."}, CanLaunch: true, Version: "v-1", Key: "k-launch",
	}
}

func closePage() campaign.ClosePage {
	return campaign.ClosePage{
		Frame: frame("Close", layout.Campaigns), ID: "q4", Name: "quarterly-managers@2026-11-20", Counts: runPage().Counts,
		Effect: []campaign.Effect{
			{What: "Keep", Count: 1100, Then: "stays"}, {What: "Remove", Count: 120, Then: "removed"},
			{What: "Not sure", Count: 40, Then: "stays, and is shown as not sure"}, {What: "No answer", Count: 4910, Then: "stays, and is shown as unanswered"},
		},
		Unsigned: []string{"Tom Achebe: 96 of 180", "Li Wei: 0 of 64"}, Early: "It is due Fri 4 Dec 2026, 17:00 CET, three days from now.",
		Version: "v-9", Key: "k-close", Confirm: "Tick the box to close.", PlainWords: "Without an answer, access stays. That is how this campaign was set up.",
	}
}

func newPage() campaign.NewPage {
	return campaign.NewPage{
		Frame: frame("New campaign", layout.Campaigns), Problem: ui.Notice{Tone: ui.Bad, Title: "Three fields need a look."},
		Errors: map[string]string{campaign.FieldName: "Another campaign has this name.", campaign.FieldSource: "Choose at least one system.", campaign.FieldDue: "Write a number of days from 1 to 365."},
		Name:   "quarterly-managers", Purpose: "Twice a year.", Where: "account.privileged", Pick: "person.attrs.mentor", NoSwaps: true, Due: "0", OnNoAnswer: "escalate", Closer: "u7", Close: "signed", Remove: "decision", Key: "k-new",
		Scope: campaign.ScopeForm{
			Risks: []string{"high"}, Kinds: []string{"service"}, Privileged: true, Dormant: "90", People: "u1", Managers: "u2, u3", Departments: "Sales", Employment: "contractor", Access: "admins", Owners: "u4", Via: "ops",
		},
		Count: campaign.Count{Text: "118 items would be asked about, 6,062 left out.", Problem: "Choose at least one system.", Rows: []campaign.Line{{Person: "Ana Ferreira", Account: "aferreira", Access: "Approve supplier payments", Source: "SAP"}}},
		From:  "last-year", Sources: []ui.Option{{Value: "wiki", Label: "wiki", Help: "6,191 grants", Selected: true}, {Value: "sap", Label: "SAP"}},
		Reviewers: []string{"manager", "source_owner"}, Fallback: "u1",
		FallbackAs: []ui.Option{{Value: "u1", Label: "Mara Voss"}, {Value: "u2", Label: "Tom Achebe"}},
	}
}

func personPage() person.Page {
	return person.Page{
		Frame: frame("Ana Ferreira", layout.Elsewhere), ID: "u1042", Name: "Ana Ferreira", Title: "Payments engineer", State: ui.Tag{Text: "Active", Tone: ui.Good},
		Facts:    []ui.Pair{{Term: "Manager", Text: "Mara Voss", Href: "/people/u1"}, {Term: "Department", Text: "Payments"}, {Term: "E-mail", Text: "ana.ferreira@example.com"}, {Term: "Employed until"}},
		Attrs:    []ui.Pair{{Term: "badge_no", Text: "77-12", Code: true}},
		Accounts: []person.Account{{Source: "AWS", ID: "arn:aws:iam::123456789012:user/ana.ferreira", Name: "ana.ferreira", Tags: []ui.Tag{{Text: "Privileged", Tone: ui.Bad}}, LastLogin: "3 days ago"}, {Source: "Jira", ID: "af", Name: "af", LastLogin: "unknown"}},
		Access: []person.Access{
			{Can: "Do anything in the production AWS account", Source: "AWS", Technical: "prod/AdministratorAccess", Path: "fin-eu-ap > sap-approvers", Since: day(-400), Until: day(30), LastUsed: "124 days ago", Tags: []ui.Tag{{Text: "High risk", Tone: ui.Bad}}},
			{Can: "Create tickets", Source: "Jira", Since: day(-20), LastUsed: "unknown"},
		},
		AccessTotal: 14, AccessPager: ui.Pager{Shown: "1 to 2 of 14", Next: "/people/u1042?after=2"},
		Reports: []person.Report{{ID: "u2", Name: "Bo Lindqvist", Title: "Engineer"}},
	}
}

func revocationsPage() revocation.ListPage {
	return revocation.ListPage{
		Lag: lagOf(), Messages: revocation.Messages{Failed: 2},
		Frame: frame("Revocations", layout.Revocations), Tabs: []revocation.Tab{{Label: "Open", Count: 3, Href: "/revocations", Current: true}, {Label: "Came back", Count: 1, Href: "/revocations?state=came_back", Tone: ui.Bad}, {Label: "Held", Href: "/revocations?state=held"}, {Label: "Proven gone", Count: 9, Href: "/revocations?state=confirmed"}},
		Sources: []ui.Option{{Label: "All systems"}, {Value: "sap", Label: "SAP"}, {Value: "wiki", Label: "wiki"}},
		Failed:  []string{"r4"},
		Rows: []revocation.Row{
			{ID: "r1", Person: "Jon Þórsson", Can: "Approve supplier payments up to €50,000", Source: "SAP", State: ui.Tag{Text: "Sent", Tone: ui.Info}, Since: at(-time.Minute), By: "Mara Voss", Age: "open for 4 minutes", Due: at(100 * time.Hour), Next: "next look in 50 seconds", Campaign: "quarterly-managers@2026-11-20"},
			{ID: "r2", Person: "Émile Roux", Account: "eroux.adm", Can: "Read and edit customer records", Source: "Salesforce", State: ui.Tag{Text: "Came back", Tone: ui.Bad}, Since: at(-time.Hour), By: "Nobody answered", Age: "open for 9 days", Late: ui.Tag{Text: "Late by 2 days", Tone: ui.Bad}, Campaign: "quarterly-managers@2026-11-20"},
			{ID: "r3", Person: "Bo Lindqvist", Can: "Open the archive", Source: "Archive", State: ui.Tag{Text: "Waits for a person", Tone: ui.Warn}, Since: at(-50 * time.Hour), Note: "The archive team must remove it by hand."},
		},
		Pager: ui.Pager{Shown: "1 to 3 of 3"},
	}
}

func revocationPage() revocation.Page {
	return revocation.Page{
		Frame: frame("Revocation", layout.Revocations), Board: true, ID: "01J9ZK3", Person: "Jon Þórsson", PersonID: "u100", Can: "Edit the payments wiki", Source: "wiki", Technical: "payments-editors",
		State: ui.Tag{Text: "Proven gone", Tone: ui.Good}, Meaning: "The wiki was read again after the removal and no longer shows the access.",
		Facts: []ui.Pair{{Term: "Decided by", Text: "Mara Voss, Tue 1 Dec 2026, 13:03 CET"}, {Term: "Campaign", Text: "quarterly-managers@2026-11-20", Href: "/campaigns/q4"}, {Term: "Account", Text: "jthorsson", Code: true}},
		Attempts: []revocation.Attempt{
			{Number: 1, Result: ui.Tag{Text: "Not reachable", Tone: ui.Warn}, Steps: []revocation.Step{
				{Label: "Written down", At: exact(time.Second), Text: "Remove jthorsson from payments-editors."},
				{Label: "Read before", At: exact(2 * time.Second), Text: "The wiki did not answer within 30 seconds.", Code: "timeout", Tone: ui.Warn},
			}},
			{Number: 2, Result: ui.Tag{Text: "Removed", Tone: ui.Good}, Steps: []revocation.Step{
				{Label: "Written down", At: exact(time.Minute), Text: "Remove jthorsson from payments-editors."},
				{Label: "Read before", At: exact(61 * time.Second), Text: "The access was there.", Code: "200, version W/\"17\""},
				{Label: "Asked to remove", At: exact(62 * time.Second), Text: "The wiki said yes.", Code: "204"},
				{Label: "Read again", At: exact(63 * time.Second), Text: "The access is no longer there.", Code: "200, version W/\"18\"", Tone: ui.Good},
			}},
		},
		Outcome: &revocation.Step{Label: "Confirmed by a snapshot", At: at(time.Hour), Text: "Snapshot of Tue 1 Dec 2026, 15:00 CET does not show it.", Tone: ui.Good},
	}
}

func manualPage() revocation.Page {
	p := revocationPage()
	p.PersonID, p.Attempts, p.Outcome = "", nil, nil
	p.State = ui.Tag{Text: "Waits for a person", Tone: ui.Warn}
	p.Meaning = "Nobody can do this over the network. The owner of the archive was asked."
	p.Manual = &revocation.Manual{Title: "To be done by hand", Note: "It closes by itself when the next snapshot no longer shows the access.", Who: "Tom Achebe, owner of the archive", What: "Remove Jon Þórsson (jthorsson) from the group readers.", How: "1. Open the archive's console.\n2. Groups, readers, remove jthorsson.\n3. Nothing to tick here: the next snapshot shows it."}
	return p
}

func evidencePage() evidence.Page {
	return evidence.Page{
		Frame: frame("Evidence", layout.Evidence), Size: 48113, Waiting: 2, Signed: at(-time.Minute),
		Checkpoint: "recert.example/log\n48113\nkQ8e2mP0o0Yh5w1v3q0m5v3o3o7p0bYJYk1m2n3o4p4=\n\n— recert.example/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=",
		Key:        "recert.example/log+2b1e3f45+AZm0d1l2b3Z5c2l4dGVlbi1ieXRlcy1vZi1rZXktaGVyZQ",
		Check:      evidence.Check{OK: true, At: at(-time.Hour), Text: "48,113 events, every leaf and every row of the tables."},
		Commands:   []evidence.Command{{Why: "Get the package and the program.", Text: "recert export q3 --out q3.zip"}, {Why: "Verify it, offline.", Text: "recert verify q3.zip --key KEY"}, {Why: "Compare with the package before.", Text: "recert verify q3.zip --previous q2.zip"}},
		Packages: []evidence.Package{
			{Campaign: "q3", Name: "quarterly-managers@2026-08-20", Closed: at(-2000 * time.Hour), Items: 6000, Exported: at(-80 * time.Hour), By: "Mia Okafor <mia@example.com>", SHA256: digest, Key: "k-q3", CanGet: true},
			{Campaign: "q2", Name: "quarterly-managers@2026-05-20", Closed: at(-4000 * time.Hour), Items: 5800},
		},
		Pager: ui.Pager{Next: "/evidence?after=q2"},
	}
}

func accessPage() access.Page {
	return access.Page{
		Frame: frame("Access", layout.Access), Search: "payments", AsOf: "2026-12-01", Asked: true,
		Sources: []ui.Option{{Value: "", Label: "All systems"}, {Value: "sap", Label: "SAP"}}, AsOfIs: "wiki read Tue 1 Dec 2026, 06:00 CET; SAP read Mon 30 Nov 2026, 06:00 CET",
		Rows: []access.Row{
			{PersonID: "u100", Person: "Jon Þórsson", Account: "jthorsson", Can: "Edit the payments wiki", Source: "wiki", Technical: "payments-editors", Path: "All of payments", PathID: "all-payments", Since: day(-90), Until: day(0), Tags: []ui.Tag{{Text: "Privileged", Tone: ui.Bad}}},
			{Person: "svc-ledger-export", Account: "svc-ledger-export", Can: "Approve supplier payments", Source: "SAP", Since: day(-900)},
		},
		Pager: ui.Pager{Shown: "1 to 2 of 2"},
	}
}
