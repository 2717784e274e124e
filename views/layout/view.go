package layout

import (
	"recert/static"
	"recert/views/ui"
)

// Names of form fields that the frame sends.
const (
	FieldTheme  = "theme"  // POST /preferences: one of the Theme constants
	FieldBack   = "back"   // POST /preferences: the path and query to return to; local only
	FieldReason = "reason" // POST of a confirm page that asks for one
)

// The themes. System follows the device.
const (
	ThemeSystem = "system"
	ThemeLight  = "light"
	ThemeDark   = "dark"
)

// Frame is what every page needs around its content.
type Frame struct {
	Title   string    // of the browser's tab, without the product's name
	Theme   string    // one of the Theme constants; "" is system
	User    *User     // nil: nobody is signed in, and the bar has no navigation
	Nav     []NavItem // made with Nav
	Demo    string    // the banner of a demo, "" for none
	Flash   ui.Notice // the result of what was done on the page before
	Version string    // of the program
	Here    string    // path and query of this page, so that a change of theme returns to it
}

// User is who is signed in.
type User struct {
	Name  string
	Roles string // in words: "Campaign manager, reviewer"
}

// NavItem is one entry of the top bar.
type NavItem struct {
	Label   string
	Href    string
	Current bool
}

// Roles are the roles that open more than one's own reviews.
type Roles struct {
	Admin           bool
	CampaignManager bool
	Auditor         bool
}

// Section names an entry of the top bar, so that a page can say where it belongs.
type Section string

// The sections, each the address of its first page.
const (
	Reviews     Section = "/"
	Campaigns   Section = "/campaigns"
	Sources     Section = "/sources"
	Access      Section = "/access"
	Revocations Section = "/revocations"
	Evidence    Section = "/evidence"
	Elsewhere   Section = ""
)

// Nav is the top bar for somebody with these roles. A reviewer has only own reviews.
func Nav(r Roles, current Section) []NavItem {
	items := []NavItem{{Label: "My reviews", Href: string(Reviews), Current: current == Reviews}}
	if !r.Admin && !r.CampaignManager && !r.Auditor {
		return items
	}
	for _, s := range []struct {
		label string
		at    Section
	}{
		{"Campaigns", Campaigns},
		{"Sources", Sources},
		{"Access", Access},
		{"Revocations", Revocations},
		{"Evidence", Evidence},
	} {
		items = append(items, NavItem{Label: s.label, Href: string(s.at), Current: current == s.at})
	}
	return items
}

func (f Frame) theme() string {
	switch f.Theme {
	case ThemeLight, ThemeDark:
		return f.Theme
	}
	return ThemeSystem
}

func (f Frame) tab() string {
	if f.Title == "" {
		return "Recert"
	}
	return f.Title + " · Recert"
}

type choice struct{ value, label string }

var themes = []choice{{ThemeSystem, "As the device"}, {ThemeLight, "Light"}, {ThemeDark, "Dark"}}

func pressed(yes bool) string {
	if yes {
		return "true"
	}
	return "false"
}

func asset(name string) string { return static.URL(name) }

// ErrorPage says what went wrong and what to do.
type ErrorPage struct {
	Frame
	Heading string // "We cannot find that page"
	Text    string // safe to show: model.Message
	Request string // the id of the request, for who helps; "" for none
	Link    string // words of the way on; "" is "Go to my reviews"
	Href    string // "" is "/"
}

// NotFound is the page for an address that does not exist or that the reader may not see.
func NotFound(f Frame) ErrorPage {
	f.Title = "Not found"
	return ErrorPage{
		Frame:   f,
		Heading: "We cannot find that page",
		Text:    "The address may be mistyped, or the page is not one that you may see.",
	}
}

func (p ErrorPage) link() string {
	if p.Link == "" {
		return "Go to my reviews"
	}
	return p.Link
}

func (p ErrorPage) href() string {
	if p.Href == "" {
		return "/"
	}
	return p.Href
}

// ConfirmPage asks before something that cannot be taken back, and shows its effect.
type ConfirmPage struct {
	Frame
	Way     []ui.Crumb
	Heading string // a question: "Close this campaign now?"
	Text    string
	Effect  []ui.Pair // what will happen, in numbers and words
	Warning ui.Notice // shown above the form
	Action  string    // where the form goes, by POST
	Hidden  []ui.Pair // fields that go with it: Term is the name, Text the value
	Reason  *ui.Field // asks for a reason; Name is FieldReason where it is ""
	Button  ui.Button // says what it does: "Close the campaign"
	Cancel  string    // where "Cancel" leads
}

func (p ConfirmPage) reason() ui.Field {
	f := *p.Reason
	if f.Name == "" {
		f.Name = FieldReason
	}
	return f
}
