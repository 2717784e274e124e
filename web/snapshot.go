package web

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/snapshot"
	"recert/views/ui"
)

const rejectRows = 50

// snapshot is one snapshot with its ledger.
func (s *site) snapshot(w http.ResponseWriter, r *request) error {
	return s.renderSnapshot(w, r, "", "")
}

func (s *site) renderSnapshot(w http.ResponseWriter, r *request, reason, problem string) error {
	snap, src, err := s.snapshotOf(r)
	if err != nil {
		return err
	}
	p := snapshot.Page{
		Frame: s.frame(r, src.Name, layout.Sources), ID: itoa(snap.ID), Source: src.Name, AsOf: ui.At(snap.AsOf, r.zone), State: snapshotTag(snap),
		RejectsTotal: snap.Rejects,
	}
	if p.Facts, err = s.snapshotFacts(r, snap); err != nil {
		return err
	}
	switch snap.State {
	case model.SnapshotHeld:
		newer, err := s.Store.NewerSnapshot(r.Context(), snap.SourceID, snap.ID)
		if err != nil {
			return err
		}
		own, err := campaigns.SameOne(r.Context(), s.Store, snap.Actor, r.actor)
		if err != nil {
			return err
		}
		p.Held = &snapshot.Held{Reasons: texts(snap.Reasons), Key: newKey(), Reason: reason, Error: problem, CanRelease: true, CanDiscard: r.actor.Has(model.Admin)}
		switch {
		case !r.actor.Has(model.Admin):
			p.Held.CanRelease, p.Held.WhyNot = false, "An admin can release it."
		case own:
			p.Held.CanRelease, p.Held.WhyNot = false, "You loaded it yourself; another admin must release it."
		case !ingest.Releasable(texts(snap.Reasons)):
			p.Held.CanRelease, p.Held.WhyNot = false, "What is missing may be rows that could not be read: correct the file and ingest it again. This one can only be discarded."
		case newer != nil:
			p.Held.CanRelease, p.Held.WhyNot = false, "A later snapshot of this source was taken since. This one can only be discarded."
		}
	case model.SnapshotLoading, model.SnapshotSealed:
	case model.SnapshotDiscarded:
		for _, why := range texts(snap.Reasons) {
			p.Facts = append(p.Facts, ui.Pair{Term: "Not used, because", Text: why})
		}
	}
	if err := s.snapshotRows(r, snap, &p); err != nil {
		return err
	}
	problems, err := problemsOf(snap)
	if err != nil {
		return err
	}
	p.Cycles = problems["manager_cycles"].Examples
	for _, example := range problems["unknown_managers"].Examples {
		id, text := unknownManager(example)
		p.Missing = append(p.Missing, id+" "+text)
	}
	return s.render(w, r, snapshot.Show(p))
}

func (s *site) snapshotOf(r *request) (model.Snapshot, store.Source, error) {
	id, err := number(r.path("id"))
	if err != nil {
		return model.Snapshot{}, store.Source{}, err
	}
	snap, err := s.Store.Snapshot(r.Context(), id)
	if err != nil {
		return snap, store.Source{}, err
	}
	src, err := s.Store.SourceByID(r.Context(), snap.SourceID)
	return snap, src, err
}

var originWords = map[string]string{ingest.OriginCLI: "the command line", ingest.OriginUpload: "an upload", ingest.OriginLive: "the live system"}

func (s *site) snapshotFacts(r *request, snap model.Snapshot) ([]ui.Pair, error) {
	out := []ui.Pair{{Term: "Read from", Text: originWords[snap.Origin]}, {Term: "By", Text: snap.Actor}, {Term: "Read began", Text: ui.Exact(snap.StartedAt, r.zone).Text}}
	add := func(term, text string, code bool) {
		if text != "" {
			out = append(out, ui.Pair{Term: term, Text: text, Code: code})
		}
	}
	add("Sealed", ui.Exact(snap.SealedAt, r.zone).Text, false)
	add("Released by", snap.ReleasedBy, false)
	if snap.PreviousID != nil {
		out = append(out, ui.Pair{Term: "Compared with", Text: "snapshot " + itoa(*snap.PreviousID), Href: "/snapshots/" + itoa(*snap.PreviousID)})
	}
	var ex connector.Extraction
	if err := json.Unmarshal([]byte(snap.Extraction), &ex); err != nil {
		return nil, fmt.Errorf("read how snapshot %d was read: %w", snap.ID, err)
	}
	add("Address", ex.Endpoint, true)
	if ex.Pages > 0 {
		add("Pages", ui.Num(int64(ex.Pages)), false)
	}
	add("SHA-256 of the content", snap.Digest, true)
	return out, nil
}

// snapshotRows fills in the ledger, the files, a page of rejects and the unmatched accounts.
func (s *site) snapshotRows(r *request, snap model.Snapshot, p *snapshot.Page) error {
	ledgers, err := s.Store.Ledgers(r.Context(), snap.ID)
	if err != nil {
		return err
	}
	slices.SortFunc(ledgers, func(a, b model.Ledger) int {
		return slices.Index(model.Kinds, a.Kind) - slices.Index(model.Kinds, b.Kind)
	})
	rows := map[model.Kind]int64{}
	for _, l := range ledgers {
		rows[l.Kind] = l.Read
		v := ledgerView(l, snap.PreviousID == nil)
		if snap.State == model.SnapshotSealed || snap.State == model.SnapshotHeld && l.Given {
			v.Rows = rowsHref(p.ID, l.Kind, store.AnyChange)
		}
		p.Ledgers = append(p.Ledgers, v)
	}
	files, err := s.Store.SnapshotFiles(r.Context(), snap.ID)
	if err != nil {
		return err
	}
	for _, f := range files {
		p.Files = append(p.Files, snapshot.File{Name: f.Name, Kind: kindWordsOf[f.Kind], Rows: rows[f.Kind], Size: size(f.Bytes), SHA256: f.SHA256})
	}
	pages := listOf("/snapshots/"+p.ID, nil)
	after, err := r.after(pages)
	if err != nil {
		return err
	}
	rejects, err := s.Store.Rejects(r.Context(), snap.ID, after, rejectRows+1)
	if err != nil {
		return err
	}
	if err := pages.movedOn(after > 0, len(rejects)); err != nil {
		return err
	}
	var next int64
	if len(rejects) > rejectRows {
		rejects = rejects[:rejectRows]
		next = rejects[rejectRows-1].N
	}
	p.RejectsPager = pages.pager(after, next, shown(len(rejects), snap.Rejects))
	for _, x := range rejects {
		p.Rejects = append(p.Rejects, snapshot.Reject{File: x.File, Line: x.Line, Column: x.Column, Reason: x.Reason, Raw: x.Raw})
	}
	unmatched, err := store.UnmatchedOf(snap)
	if err != nil {
		return err
	}
	for _, reason := range sortedKeys(unmatched) {
		p.Unmatched = append(p.Unmatched, snapshot.Reason{Text: reason, Count: unmatched[reason]})
	}
	return nil
}

func ledgerView(l model.Ledger, first bool) snapshot.Ledger {
	v := snapshot.Ledger{
		Kind: kindWordsOf[l.Kind], Read: l.Read, Accepted: l.Accepted, Rejected: l.Rejected, New: l.New, Changed: l.Changed, Unchanged: l.Unchanged,
		Previous: l.Previous, Gone: l.Gone, Duplicates: l.Duplicates, Carried: !l.Given, First: first,
	}
	if l.Expected != nil {
		v.Expected, v.ExpectedDiffers = ui.Num(*l.Expected), *l.Expected != l.Read
	}
	return v
}

// rejects streams every rejected row. The last line counts them: a file without it was cut off.
func (s *site) rejects(w http.ResponseWriter, r *request) error {
	snap, src, err := s.snapshotOf(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="rejects-%s-%d.csv"`, src.Name, snap.ID))
	out := csv.NewWriter(w)
	err = out.Write([]string{"kind", "file", "line", "column", "reason", "row"})
	var after, n int64
	for err == nil {
		var page []store.Reject
		if page, err = s.Store.Rejects(r.Context(), snap.ID, after, 500); err != nil || len(page) == 0 {
			break
		}
		for _, x := range page {
			after = x.N
			n++
			if err = out.Write([]string{string(x.Kind), plain(x.File), itoa(x.Line), plain(x.Column), plain(x.Reason), plain(x.Raw)}); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = out.Write([]string{"# " + itoa(n) + " rejected rows", "", "", "", "", ""})
	}
	out.Flush()
	if err = errors.Join(err, out.Error()); err != nil {
		panic(http.ErrAbortHandler) // the browser must not take a part for the whole
	}
	return nil
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(text string) string {
	if r, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", r) {
		return "'" + text
	}
	return text
}

// release makes a held snapshot the current one, on the word of an admin who did not load it.
func (s *site) release(w http.ResponseWriter, r *request) error {
	if _, _, err := s.snapshotOf(r); err != nil {
		return err
	}
	do, err := r.button("", snapshot.DoRelease, snapshot.DoDiscard) // the address says it too
	switch {
	case err != nil:
		return err
	case do == snapshot.DoDiscard:
		return s.discard(w, r)
	}
	return s.decideSnapshot(w, r, "released", func(snap model.Snapshot, reason string) error {
		_, err := s.Ingest.Release(r.Context(), r.actor, snap.ID, reason)
		return err
	})
}

// discard puts a held snapshot away.
func (s *site) discard(w http.ResponseWriter, r *request) error {
	if _, _, err := s.snapshotOf(r); err != nil {
		return err
	}
	if _, err := r.button("", snapshot.DoDiscard); err != nil {
		return err
	}
	return s.decideSnapshot(w, r, "discarded", func(snap model.Snapshot, reason string) error {
		return s.Ingest.Discard(r.Context(), r.actor, snap.ID, reason)
	})
}

func (s *site) decideSnapshot(w http.ResponseWriter, r *request, done string, decide func(model.Snapshot, string) error) error {
	snap, _, err := s.snapshotOf(r)
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	if snap.State == model.SnapshotSealed && done == "released" && snap.ReleasedBy == r.actor.Label() {
		return redirect(w, r, "/snapshots/"+itoa(snap.ID)) // the same click twice
	}
	if snap.State == model.SnapshotDiscarded && done == "discarded" {
		return redirect(w, r, "/snapshots/"+itoa(snap.ID))
	}
	reason := r.PostForm.Get(snapshot.FieldReason)
	err = decide(snap, reason)
	switch {
	case err == nil:
		return s.redirectWith(w, r, "/snapshots/"+itoa(snap.ID), done)
	case model.KindOf(err) == model.Invalid:
		r.status = http.StatusUnprocessableEntity
		return s.renderSnapshot(w, r, reason, model.Message(err))
	}
	return err
}
