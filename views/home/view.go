package home

import (
	"recert/views/layout"
	"recert/views/ui"
)

// Page is "My reviews".
type Page struct {
	layout.Frame
	Summary string // "2 reviews, 150 answers to give." or ""
	Open    []Card // those to do, the one due first at the top
	Done    []Done // signed off or closed, the latest first
	Tasks   []Task // things to do by hand, the oldest first
	Needs   []Need // removals of the reader's own campaigns that came back or are contested, the latest first
	Board   *Board // nil for who is not responsible for all removals

	MoreNeeds bool // there are more of them than are shown

	Leaving Leavings // own access that goes away
	Next    string   // shown where nothing is open: "The next review is planned for 11 Jan 2027." or ""
}

// Card is one review to do.
type Card struct {
	Campaign string // id of the run, in addresses
	Name     string
	Due      ui.Stamp
	Left     ui.Tag // "3 days left", "Overdue by 2 days"
	Done     int64
	Total    int64
	Note     string // "12 privileged, 3 of people who left", or ""
}

// Done is one review that needs nothing more of the reader.
type Done struct {
	Campaign string // id of the run
	Name     string
	Signed   ui.Stamp // when signed off; zero where the campaign was closed without it
	Closed   ui.Stamp // when closed, where not signed
	Summary  string   // "168 kept, 12 removed"
}

// Task is one thing to do by hand in a system.
type Task struct {
	ID     string
	What   string
	Source string
	Since  ui.Stamp
}

func (t Task) href() string { return ui.Path("tasks", t.ID) }

func (c Card) href() string { return ui.Path("reviews", c.Campaign) }

func (d Done) href() string { return ui.Path("reviews", d.Campaign) }

func (c Card) progress() ui.Progress {
	return ui.Progress{Label: "Answered in " + c.Name, Done: c.Done, Total: c.Total}
}

// action names the next step. The full sentence is in the label for who hears only the links.
func (c Card) action() string {
	switch {
	case c.Done == 0:
		return "Start"
	case c.Done < c.Total:
		return "Continue"
	}
	return "Check and sign off"
}

func (c Card) label() string { return c.action() + ": " + c.Name }
