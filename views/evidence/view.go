package evidence

import (
	"recert/views/layout"
	"recert/views/ui"
)

// FieldKey is the idempotency key of POST /campaigns/{id}/export.
const FieldKey = "key"

// Page is the state of the evidence log.
type Page struct {
	layout.Frame
	Size       int64    // events in the log
	Waiting    int64    // events that have no place in the log yet
	Checkpoint string   // the last signed checkpoint, as text
	Signed     ui.Stamp // when it was signed
	Key        string   // the verifier key, to be pinned
	Check      Check
	Commands   []Command // how to verify, in order
	Packages   []Package // of closed campaigns, the latest first
	Pager      ui.Pager
}

// Check is the last check of the log by the server itself. It proves nothing to an outsider; the
// commands do.
type Check struct {
	OK   bool
	At   ui.Stamp // zero: it has not run yet
	Text string   // what was checked, or what is wrong
}

// Command is one thing to type.
type Command struct {
	Why  string
	Text string
}

// Package is the evidence of one closed campaign.
type Package struct {
	Campaign string // id of the run
	Name     string
	Closed   ui.Stamp
	Items    int64
	Exported ui.Stamp // when it was last exported; zero where it never was
	By       string   // who did, "" where that is erased
	SHA256   string   // of the last export, "" where it never was
	Key      string
	CanGet   bool
}

func (p Package) href() string { return ui.Path("campaigns", p.Campaign) }

func (c Check) notice() ui.Notice {
	switch {
	case c.At.Text == "":
		return ui.Notice{Tone: ui.Info, Title: "The log has not been checked yet.", Text: c.Text}
	case c.OK:
		return ui.Notice{Tone: ui.Good, Title: "The log agrees with itself.", Text: c.Text}
	}
	return ui.Notice{Tone: ui.Bad, Title: "The log does not agree with itself.", Text: c.Text}
}
