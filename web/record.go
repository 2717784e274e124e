package web

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"recert/model"
	"recert/views/ui"
)

// recordColumns are the heads of what recordCells gives.
var recordColumns = map[model.Kind][]ui.Column{
	model.KindPeople:       {{Label: "Person"}, {Label: "E-mail"}, {Label: "Reports to"}, {Label: "Work"}, {Label: "State"}},
	model.KindAccounts:     {{Label: "Account"}, {Label: "User name"}, {Label: "E-mail"}, {Label: "State"}, {Label: "Last sign-in"}},
	model.KindEntitlements: {{Label: "Entitlement"}, {Label: "Kind"}, {Label: "What it allows"}, {Label: "Owner"}},
	model.KindGrants:       {{Label: "Account"}, {Label: "Has"}, {Label: "How"}, {Label: "Since"}},
}

// naming gives the name of an account or an entitlement; "" where only its id is known.
type naming func(kind model.Kind, id string) string

// recordCells are what a row that a source gave says, a cell a column. All of it is text from outside.
func recordCells(r *request, rec *model.Record, names naming) []ui.Cell {
	switch rec.Kind {
	case model.KindPeople:
		p := &rec.Person
		work := strings.Trim(p.Title+", "+p.Department, ", ")
		return []ui.Cell{named(p.Name, p.PersonID), {Text: outside(p.Email)}, {Text: outside(p.ManagerID)}, {Text: outside(work)}, {Text: capital(outside(p.Status)), Tags: kindTags(p.Kind)}}
	case model.KindAccounts:
		a := &rec.Account
		return []ui.Cell{
			named(cmp.Or(a.DisplayName, a.Username), a.AccountID), {Text: outside(a.Username)}, {Text: outside(a.Email)},
			{Text: capital(outside(a.Status)), Tags: slices.Concat(kindTags(a.Kind), privilegedTags(a.Privileged))}, {Time: ui.At(a.LastLoginAt, r.zone)},
		}
	case model.KindEntitlements:
		e := &rec.Entitlement
		return []ui.Cell{named(e.Name, e.EntitlementID), {Text: capital(outside(e.Kind)), Tags: slices.Concat(privilegedTags(e.Privileged), riskTags(e.Risk))}, {Text: outside(e.Description)}, {Text: outside(e.OwnerID)}}
	case model.KindGrants:
		g := &rec.Grant
		return []ui.Cell{
			named(names(model.KindAccounts, g.AccountID), g.AccountID), named(names(model.KindEntitlements, g.EntitlementID), g.EntitlementID), pathCell(g.Via, names),
			{Time: ui.Day(g.GrantedAt, r.zone)},
		}
	}
	return nil
}

// pathCell says by which path a grant is held, by the names of what it goes through; the ids stand below,
// where they are not the names.
func pathCell(via string, names naming) ui.Cell {
	if via == "" {
		return ui.Cell{Text: "directly"}
	}
	c := ui.Cell{Text: "through " + pathNames(via, names)}
	if c.Text != "through "+outside(via) {
		c.Sub = outside(via)
	}
	return c
}

// named is a cell with a name and, below it, the id where that says something else.
func named(name, id string) ui.Cell {
	c := ui.Cell{Text: outside(name), Sub: outside(id)}
	if c.Text == "" || c.Text == c.Sub {
		return ui.Cell{Text: c.Sub}
	}
	return c
}

// outsideMax is how many characters of a text from outside stand in one cell.
const outsideMax = 200

// outside makes one line of a text that came from outside, and cuts one that would fill the page.
func outside(text string) string {
	text = model.OneLine(text)
	if utf8.RuneCountInString(text) <= outsideMax {
		return text
	}
	return string([]rune(text)[:outsideMax]) + "…"
}

// capital begins a text with a capital letter.
func capital(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[n:]
}

func kindTags(kind string) []ui.Tag {
	switch kind {
	case "service":
		return []ui.Tag{{Text: "Service account"}}
	case "shared":
		return []ui.Tag{{Text: "Shared account"}}
	case "agent":
		return []ui.Tag{{Text: "Agent"}}
	}
	return nil
}

func privilegedTags(t model.Tri) []ui.Tag {
	if t == model.Yes {
		return []ui.Tag{{Text: "Privileged", Tone: ui.Warn}}
	}
	return nil
}

func riskTags(risk string) []ui.Tag {
	switch risk {
	case "high":
		return []ui.Tag{{Text: "High risk", Tone: ui.Warn}}
	case "critical":
		return []ui.Tag{{Text: "Critical risk", Tone: ui.Bad}}
	}
	return nil
}
