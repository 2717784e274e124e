package views_test

import (
	"recert/views/layout"
	"recert/views/source"
	"recert/views/ui"
)

// connectPages are the forms by which a system is connected, and its settings changed.
func connectPages() []page {
	return []page{
		pageOf("connect", func() source.NewPage { return source.NewPage{Frame: frame("Connect a system", layout.Sources)} }, source.New),
		pageOf("connect-ldap", func() source.NewPage {
			p := settingsPage("ldap")
			p.Title, p.Text, p.Edit = "LDAP or Active Directory", "Accounts, groups and who is in them, nested groups included.", nil
			p.Errors = map[string]string{source.FieldPassword: "Type it once more: it is never sent back to this page."}
			return p
		}, source.New),
		pageOf("connect-csv", func() source.NewPage {
			return source.NewPage{Frame: frame("Connect a system", layout.Sources), Type: "csv", Title: "Files", Text: "CSV, XLSX or JSON lines."}
		}, source.New),
		pageOf("settings", func() source.NewPage {
			p := settingsPage("ldap")
			p.Problem = ui.Notice{Tone: ui.Warn, Title: "It was not saved: these settings were changed in the meantime.", Text: "What you typed still stands below.", Items: []string{"Owner is now: Tom Achebe (u2)"}}
			p.Errors = map[string]string{source.FieldPassword: "Type it anew.", source.FieldOwner: "Several people fit: Ana Ferreira (u2), Ana Silva (u9). Type the person_id of the one, as a single source of people knows it."}
			return p
		}, source.Change),
		pageOf("settings-entra", func() source.NewPage {
			p := settingsPage("entra")
			p.Tenant, p.User, p.Every, p.Edit.Own = "contoso.onmicrosoft.com", "66666666-7777-8888-9999-000000000000", "24h", false
			p.Edit.Kept = "Client secret from the server's environment variable ENTRA_CLIENT_SECRET."
			p.Problem = ui.Notice{Tone: ui.Bad, Title: "The connection does not work.", Text: "AADSTS7000222: The provided client secret keys are expired."}
			return p
		}, source.Change),
		pageOf("settings-csv", func() source.NewPage {
			p := settingsPage("csv")
			p.Edit.Asked = true
			return p
		}, source.Change),
	}
}

func settingsPage(typ string) source.NewPage {
	return source.NewPage{
		Frame: frame("Change the settings of directory", layout.Sources), Type: typ, Name: "directory", Title: "Change the settings of directory",
		Text: "Where a file describes this source too, the next “recert apply” of it sets back what you change here.",
		URL:  "ldaps://ldap.example.com", User: "cn=recert,ou=services,dc=example,dc=com", Base: "dc=example,dc=com", Owner: "Ana Ferreira (u2)",
		Remove: "connector", Every: "90m", Owners: []string{"Ana Ferreira (u2)", "Tom Achebe (u5)"},
		Edit: &source.Edit{
			Was: "9f86d081884c7d65.2", Kept: "Password kept here, set on Tue 1 Dec 2026, 14:03 CET by Mara Voss <mara@example.com>.", Own: true,
			Facts: []ui.Pair{{Term: "Name", Text: "directory", Code: true}, {Term: "Kind", Text: "LDAP or Active Directory"}, {Term: "What it gives", Text: "Access"}},
		},
	}
}
