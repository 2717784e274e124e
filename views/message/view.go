package message

import (
	"recert/views/layout"
	"recert/views/ui"
)

// ParamState is the query parameter that narrows the list: a state, "" is all.
const ParamState = "state"

// ListPage is the list of messages.
type ListPage struct {
	layout.Frame

	Setup    *Setup // nil: mail is set up
	States   []ui.Option
	Active   bool // the list is narrowed
	Rows     []Row
	Pager    ui.Pager
	Failed   int64 // of all, whatever is shown
	CanRetry bool
	CanTest  bool // the reader may have a test message sent
}

// Setup says how mail is set up, where it is not.
type Setup struct {
	Waiting int64  // messages that wait for it
	Example string // a document of configuration
}

func (s Setup) text() string {
	if s.Waiting == 0 {
		return "Nobody is told anything by mail until it is."
	}
	return ui.Count(s.Waiting, "message waits", "messages wait") + " until it is. Nothing else depends on it."
}

// Row is one message.
type Row struct {
	ID      string
	To      string
	Address string // where it went; "" before
	What    string
	About   string // the run; "" for none
	State   ui.Tag
	At      ui.Stamp // when it was sent, or else when it was queued
	Why     string   // why it is not sent; "" where all is well
}

func (r Row) href() string { return ui.Path("messages", r.ID) }

func (p ListPage) states() ui.Select {
	return ui.Select{Name: ParamState, Label: "State", Hide: true, Options: p.States}
}

func (p ListPage) nothing() ui.Empty {
	if p.Active {
		return ui.Empty{Title: "Nothing matches.", Link: "Show all messages", Href: "/messages"}
	}
	return ui.Empty{Title: "Nobody had to be told anything yet.", Text: "Messages appear here when access is about to be removed, when removed access comes back, and when somebody has something to do."}
}

func (p ListPage) retryText() string {
	if p.Failed == 1 {
		return "Try the failed one again"
	}
	return "Try all " + ui.Num(p.Failed) + " failed ones again"
}

// Page is one message.
type Page struct {
	layout.Frame

	ID       string
	What     string
	State    ui.Tag
	Why      string
	Facts    []ui.Pair
	Subject  string
	Text     string
	Sent     bool   // it is what was sent; otherwise what would be now
	NoText   string // why there is no text; "" where there is
	Removals []ui.Pair
	CanRetry bool
}

func (p Page) retryHref() string { return ui.Path("messages", p.ID, "retry") }

func (p Page) heading() string {
	if p.Sent {
		return "As it was sent"
	}
	return "As it would be sent now"
}
