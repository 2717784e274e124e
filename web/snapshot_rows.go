package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/snapshot"
	"recert/views/ui"
)

const snapshotPageRows = 50

// rowChanges are the lists of a kind, with how a row of each is marked.
var rowChanges = []struct {
	change store.RowChange
	label  string
	tag    ui.Tag
	count  func(model.Ledger) int64
}{
	{store.AnyChange, "All", ui.Tag{}, func(l model.Ledger) int64 { return l.Accepted }},
	{store.RowNew, "New", ui.Tag{Text: "New", Tone: ui.Info}, func(l model.Ledger) int64 { return l.New }},
	{store.RowChanged, "Changed", ui.Tag{Text: "Changed", Tone: ui.Warn}, func(l model.Ledger) int64 { return l.Changed }},
	{store.RowGone, "Gone", ui.Tag{Text: "Gone"}, func(l model.Ledger) int64 { return l.Gone }},
}

// rowsHref leads to the rows of a kind in a snapshot.
func rowsHref(id string, kind model.Kind, change store.RowChange) string {
	q := url.Values{snapshot.ParamKind: {string(kind)}}
	if change != store.AnyChange {
		q.Set(snapshot.ParamChange, string(change))
	}
	return ui.Path("snapshots", id, "rows") + "?" + q.Encode()
}

// snapshotList lists what a snapshot read of one kind, and what became of each row.
func (s *site) snapshotList(w http.ResponseWriter, r *request) error {
	snap, src, err := s.snapshotOf(r)
	if err != nil {
		return err
	}
	ledgers, err := s.allLedgers(r, snap, src)
	if err != nil {
		return err
	}
	p := snapshot.RowsPage{
		Frame: s.frame(r, "What was read", layout.Sources), ID: itoa(snap.ID), Source: src.Name, AsOf: ui.At(snap.AsOf, r.zone), State: snapshotTag(snap),
		Search: strings.TrimSpace(r.query(snapshot.ParamSearch)),
	}
	if snap.State == model.SnapshotLoading || snap.State == model.SnapshotDiscarded {
		p.Nothing = ui.Empty{Title: "There are no rows to show.", Text: "It is still being read. The list comes when it is done."}
		if snap.State != model.SnapshotLoading {
			p.Nothing.Text = "This snapshot was discarded, and its rows were not kept."
		}
		return s.render(w, r, snapshot.Rows(p))
	}
	ledger, err := chosenKind(ledgers, model.Kind(r.query(snapshot.ParamKind)))
	if err != nil {
		return err
	}
	f := store.RowsFilter{Snapshot: snap, Kind: ledger.Kind, Change: store.RowChange(r.query(snapshot.ParamChange)), Search: p.Search, Limit: snapshotPageRows + 1}
	if !rowsTabs(&p, snap, ledgers, ledger, f.Change) {
		return errNotFound
	}
	p.Note = rowsNote(snap, ledger)
	if err := s.listRows(r, &p, f); err != nil {
		return err
	}
	return s.render(w, r, snapshot.Rows(p))
}

// allLedgers are the ledgers of the kinds that a source provides, in reading order. What a snapshot did not give
// is taken over, and counted nowhere.
func (s *site) allLedgers(r *request, snap model.Snapshot, src store.Source) ([]model.Ledger, error) {
	given, err := s.Store.Ledgers(r.Context(), snap.ID)
	if err != nil {
		return nil, err
	}
	var out []model.Ledger
	for _, kind := range model.Kinds {
		if (kind == model.KindPeople) != (src.Provides == model.ProvidesPeople) {
			continue
		}
		l := model.Ledger{SnapshotID: snap.ID, Kind: kind}
		if at := slices.IndexFunc(given, func(l model.Ledger) bool { return l.Kind == kind }); at >= 0 {
			l = given[at]
		}
		out = append(out, l)
	}
	return out, nil
}

// chosenKind is the ledger of a kind; "" is the first that was read.
func chosenKind(ledgers []model.Ledger, kind model.Kind) (model.Ledger, error) {
	if kind == "" {
		return ledgers[0], nil
	}
	at := slices.IndexFunc(ledgers, func(l model.Ledger) bool { return l.Kind == kind })
	if at < 0 {
		return model.Ledger{}, errNotFound
	}
	return ledgers[at], nil
}

// rowsTabs fills in the lists that there are; ok is false where the one that was asked for is none of them.
func rowsTabs(p *snapshot.RowsPage, snap model.Snapshot, ledgers []model.Ledger, chosen model.Ledger, change store.RowChange) (ok bool) {
	p.Kind, p.Name, p.Change = string(chosen.Kind), kindWordsOf[chosen.Kind], string(change)
	for _, l := range ledgers {
		count := ""
		if l.Given {
			count = ui.Num(l.Accepted)
		}
		p.Kinds = append(p.Kinds, snapshot.RowsTab{Label: kindWordsOf[l.Kind], Count: count, Href: rowsHref(p.ID, l.Kind, store.AnyChange), Current: l.Kind == chosen.Kind})
	}
	for _, c := range rowChanges {
		ok = ok || c.change == change
		if chosen.Given && (snap.PreviousID != nil || chosen.Previous > 0) {
			p.Changes = append(p.Changes, snapshot.RowsTab{Label: c.label, Count: ui.Num(c.count(chosen)), Href: rowsHref(p.ID, chosen.Kind, c.change), Current: c.change == change})
		}
	}
	return ok
}

// rowsNote says what has to be known of the list.
func rowsNote(snap model.Snapshot, l model.Ledger) ui.Notice {
	switch {
	case snap.State == model.SnapshotHeld && !l.Given:
		return ui.Notice{Tone: ui.Info, Text: "This snapshot is held, and it gave no " + strings.ToLower(kindWordsOf[l.Kind]) + ": what is current stays."}
	case snap.State == model.SnapshotHeld:
		return ui.Notice{Tone: ui.Warn, Title: "This snapshot is held. Nothing uses it yet.", Text: "What is new, changed or gone here would be so if it were released."}
	case !l.Given && snap.PreviousID == nil:
		return ui.Notice{Tone: ui.Info, Text: "They were not given. Of what the grants name nothing but the id is known: look for it among the grants."}
	case !l.Given:
		return ui.Notice{Tone: ui.Info, Text: "They were not given this time: they are taken over from the snapshot before."}
	case l.Accepted == 0 && l.Implied > 0:
		return ui.Notice{Tone: ui.Info, Text: ui.Count(l.Implied, "is", "are") + " named by grants only: nothing but the id is known."}
	case snap.PreviousID == nil:
		return ui.Notice{Tone: ui.Info, Text: "This is the first snapshot of the source: everything in it is new."}
	}
	return ui.Notice{}
}

// listRows fills in a page of rows.
func (s *site) listRows(r *request, p *snapshot.RowsPage, f store.RowsFilter) error {
	p.Columns = recordColumns[f.Kind]
	q := url.Values{snapshot.ParamKind: {p.Kind}}
	for name, v := range map[string]string{snapshot.ParamChange: p.Change, snapshot.ParamSearch: p.Search} {
		if v != "" {
			q.Set(name, v)
		}
	}
	pages := listOf(ui.Path("snapshots", p.ID, "rows"), q)
	var err error
	if f.After, err = r.cursor(pages); err != nil {
		return err
	}
	rows, err := s.Store.SnapshotRows(r.Context(), f)
	if err != nil {
		return err
	}
	if err := pages.movedOn(f.After != "", len(rows)); err != nil {
		return err
	}
	next := ""
	if len(rows) > snapshotPageRows {
		rows = rows[:snapshotPageRows]
		next = rows[len(rows)-1].Cursor
	}
	p.Pager = pages.pages(f.After, next, "")
	names, err := s.rowNames(r, f.Snapshot, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		row, err := rowView(r, &rows[i], names)
		if err != nil {
			return err
		}
		if len(p.Changes) > 0 {
			for _, c := range rowChanges {
				if c.change == rows[i].Change && c.change != f.Change {
					row.Tag = c.tag
				}
			}
		}
		p.Rows = append(p.Rows, row)
	}
	p.Nothing = ui.Empty{Title: "There are none."}
	if p.Search != "" {
		p.Nothing = ui.Empty{Title: "Nothing matches.", Text: "Look for a part of a name or of an id."}
	}
	return nil
}

// rowNames names the two sides of each grant, and what its path goes through.
func (s *site) rowNames(r *request, snap model.Snapshot, rows []store.SnapshotRow) (naming, error) {
	accounts, entitlements := map[string]string{}, map[string]string{}
	var steps []string
	for i := range rows {
		g := &rows[i]
		accounts[g.Grant.AccountID] = cmp.Or(g.Account.DisplayName, g.Account.Username)
		entitlements[g.Grant.EntitlementID] = g.Entitlement.Name
		steps = append(steps, pathSteps(g.Grant.Via)...)
	}
	as := snap.ID
	if snap.State != model.SnapshotSealed {
		as = store.Live
	}
	found, err := s.stepNames(r, snap.SourceID, as, steps)
	return func(kind model.Kind, id string) string {
		if kind == model.KindAccounts {
			return accounts[id]
		}
		return cmp.Or(entitlements[id], found[id])
	}, err
}

// rowView shows a row, and what was said of it before.
func rowView(r *request, row *store.SnapshotRow, names naming) (ui.Row, error) {
	v := ui.Row{Cells: recordCells(r, &row.Record, names)}
	if row.Before == nil {
		return v, nil
	}
	was, err := differences(row.Before, &row.Record)
	if err == nil && len(was) > 0 {
		v.Note = "Before: " + strings.Join(was, "; ")
	}
	return v, err
}

// usageFields never make a row changed.
var usageFields = []string{"last_login_at", "last_used_at"}

// differences are what a row said before, where it says something else now: the columns of the source's files.
func differences(before, now *model.Record) ([]string, error) {
	was, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	is, err := fieldsOf(now)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range append(model.Columns(now.Kind), "attrs") {
		if slices.Contains(usageFields, name) || bytes.Equal(was[name], is[name]) {
			continue
		}
		var text string
		if json.Unmarshal(was[name], &text) != nil {
			text = string(was[name]) // no text: yes or no, or other columns
		}
		if text = outside(text); text == "" || text == "null" {
			text = "unknown"
		}
		out = append(out, strings.ReplaceAll(name, "_", " ")+" "+text)
	}
	return out, nil
}

// fieldsOf are the fields of a row by their names in files.
func fieldsOf(rec *model.Record) (map[string]json.RawMessage, error) {
	var row any
	switch rec.Kind {
	case model.KindPeople:
		row = rec.Person
	case model.KindAccounts:
		row = rec.Account
	case model.KindEntitlements:
		row = rec.Entitlement
	case model.KindGrants:
		row = rec.Grant
	}
	b, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	err = json.Unmarshal(b, &out)
	return out, err
}
