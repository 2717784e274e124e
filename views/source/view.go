package source

import (
	"recert/views/layout"
	"recert/views/ui"
)

// ListPage is the list of sources.
type ListPage struct {
	layout.Frame
	Sources []Row
	Pager   ui.Pager

	CanConnect bool // the reader may connect a system
}

// Row is one source of the list.
type Row struct {
	Name     string // as configured, in addresses
	Provides string // "People", "Access"
	Type     string // "SCIM", "CSV files"
	State    ui.Tag // "Up to date", "Held", "Never read", "Failed"
	Stale    ui.Tag // "Not read for 3 days"; zero where fresh
	Last     ui.Stamp
	Snapshot string // id of the last one, "" for none
	Counts   string // "6,191 grants, 412 accounts"
}

// Page is one source.
type Page struct {
	layout.Frame
	Name           string
	Provides       string
	State          ui.Tag
	Problem        ui.Notice // held, stale or failed: what it means and what to do
	Reading        ui.Notice // how far a read that is under way is
	Settings       []ui.Pair // in words; secrets are never in it
	Snapshots      []Snapshot
	SnapshotsPager ui.Pager
	Unmatched      []Unmatched // accounts without a person
	UnmatchedTotal int64
	UnmatchedPager ui.Pager
	Managers       []Manager // of a people source: cycles and missing managers
	ManagersTotal  int64
	CanUpload      bool
	Rows           string    // address of what was read last, "" for nothing
	CanRead        bool      // the reader may have it read now
	CanResume      bool      // its removals are paused, and the reader may let them go on
	CanEdit        bool      // the reader may change its settings by a form
	ByFile         string    // why there is no such form for this reader who might use one, "" where there is
	CanTest        bool      // the reader may test what its removals are asked of
	Found          ui.Notice // what a test found
}

// Snapshot is one line of the source's history.
type Snapshot struct {
	ID       string
	AsOf     ui.Stamp
	State    ui.Tag // "Sealed", "Held"
	Read     int64
	Rejected int64
	New      int64
	Changed  int64
	Gone     int64
}

// Unmatched is one account that nobody is known to hold.
type Unmatched struct {
	Account string // account_id
	Name    string
	Reason  string // "two people have this address"
}

// Manager is one problem in the reporting lines.
type Manager struct {
	PersonID string // "" for no link
	Person   string
	Text     string // "reports to u0412, whom no row names"
}

func (r Row) href() string { return ui.Path("sources", r.Name) }

func (r Row) snapshotHref() string { return ui.Path("snapshots", r.Snapshot) }

func (p Page) live() string { return ui.Path("sources", p.Name) + "/live" }

func (p Page) path(rest string) string { return ui.Path("sources", p.Name, rest) }

func (s Snapshot) href() string { return ui.Path("snapshots", s.ID) }

func (m Manager) href() string { return ui.Path("people", m.PersonID) }

func count(shown int, total int64) string {
	if int64(shown) >= total {
		return ui.Num(total)
	}
	return ui.Num(int64(shown)) + " of " + ui.Num(total)
}

// howToRead says how a source that was never read comes to a first snapshot.
func (p Page) howToRead() string {
	if p.CanRead {
		return "Press Read now, or run: recert ingest --source " + p.Name
	}
	if p.CanUpload {
		return "Upload files here, or run: recert ingest --source " + p.Name
	}
	return "Run: recert ingest --source " + p.Name
}
