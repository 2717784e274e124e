package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/views/access"
	"recert/views/layout"
	"recert/views/ui"
)

const accessRows = 50

// whoHasWhat answers who has, or had, what on a day. It lists one source after the other; the
// cursor is SOURCE.GRANT.
func (s *site) whoHasWhat(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	p := access.Page{
		Frame: s.frame(r, "Access", layout.Access), Search: strings.TrimSpace(r.query(access.ParamSearch)), AsOf: r.query(access.ParamAsOf), Asked: q.Has(access.ParamSearch),
	}
	pages := listOf("/access", q)
	place, err := r.cursor(pages)
	if err != nil {
		return err
	}
	sources, err := s.Store.Sources(r.Context())
	if err != nil {
		return err
	}
	chosen := r.query(access.ParamSource)
	var names []string
	var asked []store.Source
	for _, src := range sources {
		if src.Provides != model.ProvidesAccess {
			continue
		}
		names = append(names, src.Name)
		if chosen == "" || chosen == src.Name {
			asked = append(asked, src)
		}
	}
	p.Sources = sourceOptions(names, chosen)
	var at model.Time
	if p.AsOf != "" {
		day, err := time.ParseInLocation(time.DateOnly, p.AsOf, r.zone)
		if err != nil {
			p.Error = "Give a day like 2026-12-04."
			r.status = http.StatusUnprocessableEntity
			return s.render(w, r, access.Show(p))
		}
		at = model.TimeOf(day.AddDate(0, 0, 1)) - 1 // what was read on that day counts
	}
	if p.Asked && p.Search != "" {
		if err := s.accessAt(r, &p, pages, place, asked, at); err != nil {
			return err
		}
	}
	return s.render(w, r, access.Show(p))
}

// accessAt fills in the page of the list that begins at a place.
func (s *site) accessAt(r *request, p *access.Page, pages list, place string, sources []store.Source, at model.Time) error {
	fromSource, fromGrant, ok := accessPlace(place)
	if !ok {
		return pages.broken()
	}
	skip := slices.ContainsFunc(sources, func(src store.Source) bool { return src.ID == fromSource })
	if fromSource != 0 && !skip {
		return pages.movedOn(true, 0) // the source is there no more
	}
	var basis []string
	last, more := "", false
	for _, src := range sources {
		snap, err := s.snapshotAt(r, src, at)
		if err != nil {
			return err
		}
		if snap == nil {
			basis = append(basis, src.Name+": not read by then")
			continue
		}
		basis = append(basis, src.Name+": read "+ui.At(snap.AsOf, r.zone).Text)
		f := store.AccessFilter{SourceID: src.ID, Snapshot: snap.ID, Search: p.Search, Limit: accessRows - len(p.Rows) + 1}
		if skip && src.ID == fromSource {
			skip, f.After = false, fromGrant
		}
		if skip || more {
			continue
		}
		rows, err := s.Store.AccessRows(r.Context(), f)
		if err != nil {
			return err
		}
		if more = len(rows) == f.Limit; more {
			rows = rows[:len(rows)-1]
		}
		names, err := s.pathNaming(r, src.ID, snap.ID, rows)
		if err != nil {
			return err
		}
		for i := range rows {
			p.Rows = append(p.Rows, s.accessRow(r, src.Name, rows[i], names))
			last = fmt.Sprintf("%d.%d", src.ID, rows[i].ID)
		}
	}
	p.AsOfIs = strings.Join(basis, " · ")
	next := ""
	if more {
		next = last
	}
	p.Pager = pages.pages(place, next, "")
	return pages.movedOn(place != "", len(p.Rows))
}

// accessPlace reads SOURCE.GRANT; "" is the start.
func accessPlace(text string) (source, grant int64, ok bool) {
	if text == "" {
		return 0, 0, true
	}
	a, b, _ := strings.Cut(text, ".")
	source, errA := strconv.ParseInt(a, 10, 64)
	grant, errB := strconv.ParseInt(b, 10, 64)
	return source, grant, errA == nil && errB == nil
}

// snapshotAt is the snapshot that says what a source held at a time; 0 is now.
func (s *site) snapshotAt(r *request, src store.Source, at model.Time) (*model.Snapshot, error) {
	if at == 0 {
		return s.Store.LatestSealed(r.Context(), src.ID)
	}
	return s.Store.SealedAsOf(r.Context(), src.ID, at)
}

// pathNaming names what the paths of grants go through, as of a snapshot.
func (s *site) pathNaming(r *request, source, snap int64, rows []store.AccessRow) (naming, error) {
	var steps []string
	for i := range rows {
		steps = append(steps, pathSteps(rows[i].Via)...)
	}
	found, err := s.stepNames(r, source, snap, steps)
	return func(_ model.Kind, id string) string { return found[id] }, err
}

func (s *site) accessRow(r *request, source string, row store.AccessRow, names naming) access.Row {
	can, technical := accessWords(&row.Entitlement.Entitlement)
	v := access.Row{
		PersonID: row.Person.PersonID, Person: row.Person.Name, Account: row.Account.AccountID, Can: can, Source: source, Technical: technical,
		Path: pathNames(row.Via, names), Since: ui.Day(row.GrantedAt, r.zone), Until: ui.Day(row.ExpiresAt, r.zone),
	}
	if v.Path != outside(row.Via) {
		v.PathID = outside(row.Via)
	}
	v.Person = cmp.Or(v.Person, row.Account.DisplayName, row.Account.Username, row.Account.AccountID)
	v.Tags = privilegedTags(max(row.Entitlement.Privileged, row.Account.Privileged))
	return v
}
