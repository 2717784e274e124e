package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"recert/campaigns/ingest"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/source"
	"recert/views/ui"
)

// staleDays is after how many days a source is called stale.
const staleDays = 7

const (
	snapshotRows  = 20
	unmatchedRows = 50
)

var providesWords = map[model.Provides]string{model.ProvidesPeople: "People", model.ProvidesAccess: "Access"}

var typeWords = map[string]string{"csv": "Files", "scim": "SCIM", "ldap": "LDAP", "sql": "SQL", "exec": "Command", "baton": "Baton", "entra": "Entra ID"}

var kindWordsOf = map[model.Kind]string{model.KindPeople: "People", model.KindAccounts: "Accounts", model.KindEntitlements: "Entitlements", model.KindGrants: "Grants"}

// sources lists every source.
func (s *site) sources(w http.ResponseWriter, r *request) error {
	all, err := s.Store.Sources(r.Context())
	if err != nil {
		return err
	}
	p := source.ListPage{Frame: s.frame(r, "Sources", layout.Sources), CanConnect: s.Probe != nil && r.actor.Has(model.Admin)}
	for _, src := range all {
		row := source.Row{Name: src.Name, Provides: providesWords[src.Provides], Type: typeName(src.Type)}
		st, err := s.standing(r, src)
		if err != nil {
			return err
		}
		row.State, row.Stale = st.tag, st.stale
		if st.last != nil {
			row.Last, row.Snapshot = ui.At(st.last.AsOf, r.zone), itoa(st.last.ID)
			if row.Counts, err = s.countWords(r, src); err != nil {
				return err
			}
		}
		p.Sources = append(p.Sources, row)
	}
	return s.render(w, r, source.List(p))
}

func typeName(t string) string {
	if w := typeWords[t]; w != "" {
		return w
	}
	return t
}

// standing is how a source is.
type standing struct {
	last   *model.Snapshot // the current one
	newest *model.Snapshot // whatever became of it
	tag    ui.Tag
	stale  ui.Tag
}

func (s *site) standing(r *request, src store.Source) (standing, error) {
	var st standing
	var err error
	if st.last, err = s.Store.LatestSealed(r.Context(), src.ID); err != nil {
		return st, err
	}
	newest, err := s.Store.Snapshots(r.Context(), src.ID, 0, 1)
	if err != nil {
		return st, err
	}
	if len(newest) == 1 {
		st.newest = &newest[0]
	}
	switch {
	case st.newest == nil:
		st.tag = ui.Tag{Text: "Never read"}
	case st.newest.State == model.SnapshotHeld:
		st.tag = ui.Tag{Text: "Held", Tone: ui.Warn}
	case st.newest.State == model.SnapshotLoading:
		st.tag = ui.Tag{Text: "Being read", Tone: ui.Info}
	case st.newest.State == model.SnapshotDiscarded:
		st.tag = ui.Tag{Text: "Last read failed", Tone: ui.Bad}
	default:
		st.tag = ui.Tag{Text: "Up to date", Tone: ui.Good}
	}
	if src.Paused != "" {
		st.tag = ui.Tag{Text: "Removals paused", Tone: ui.Bad}
	}
	if st.last != nil {
		if days := ui.Days(st.last.AsOf, s.now(), r.zone); days > staleDays {
			st.stale = ui.Tag{Text: "Not read for " + ui.Count(int64(days), "day", "days"), Tone: ui.Warn}
			if st.tag.Tone == ui.Good {
				st.tag = ui.Tag{Text: "Sealed"}
			}
		}
	}
	return st, nil
}

func (s *site) countWords(r *request, src store.Source) (string, error) {
	if src.Provides == model.ProvidesAccess {
		n, err := s.Store.CountLiveGrants(r.Context(), src.ID)
		return ui.Count(n, "grant", "grants"), err
	}
	n, err := s.Store.CountLiveRows(r.Context(), src.ID, model.KindPeople)
	return ui.Count(n, "person", "people"), err
}

// source is one source: its settings, its history and what does not fit in its data.
func (s *site) source(w http.ResponseWriter, r *request) error {
	return s.renderSource(w, r, ui.Notice{})
}

// renderSource shows the source that the address names, with what a test of a connection found.
func (s *site) renderSource(w http.ResponseWriter, r *request, found ui.Notice) error {
	src, err := s.Store.Source(r.Context(), r.path("name"))
	if err != nil {
		return err
	}
	spec, err := s.Store.SourceSpec(r.Context(), src.Name)
	if err != nil {
		return err
	}
	st, err := s.standing(r, src)
	if err != nil {
		return err
	}
	p := source.Page{
		Frame: s.frame(r, src.Name, layout.Sources), Name: src.Name, Provides: providesWords[src.Provides], State: st.tag,
		Problem: sourceProblem(src, st), Reading: s.reading(r, src, st.newest), Settings: settingPairs(spec), CanEdit: s.hasForm(spec) && r.actor.Has(model.Admin), CanUpload: spec.Type == "csv" && r.actor.Has(model.Admin),
		CanRead: spec.Type != "csv" && s.ReadLive != nil && r.actor.Has(model.Admin), CanResume: src.Paused != "" && r.actor.Has(model.Admin),
		Found: found, CanTest: model.Outside(spec.Revoke.Mode) && s.ProbeDesk != nil && r.actor.Has(model.Admin),
	}
	if r.actor.Has(model.Admin) && s.Probe != nil && !p.CanEdit {
		p.ByFile = changedByFile
	}
	if st.last != nil {
		p.Rows = ui.Path("snapshots", itoa(st.last.ID), "rows")
	}
	if err := s.nameOwner(r, p.Settings, spec.Owner); err != nil {
		return err
	}
	if err := s.nameCredential(r, p.Settings, src.Name, spec); err != nil {
		return err
	}
	if p.Problem.Title == "" {
		if p.Problem, err = s.sourceWaits(r, src.ID); err != nil {
			return err
		}
	}
	if err := s.sourceHistory(r, src, &p); err != nil {
		return err
	}
	if err := s.sourceUnmatched(r, src, &p); err != nil {
		return err
	}
	if err := s.sourceManagers(r, st.last, &p); err != nil {
		return err
	}
	return s.render(w, r, source.Show(p))
}

func sourceProblem(src store.Source, st standing) ui.Notice {
	switch {
	case src.Paused != "":
		return ui.Notice{Tone: ui.Bad, Title: "Removals in this source are paused.", Text: src.Paused}
	case st.newest == nil:
		return ui.Notice{}
	case st.newest.State == model.SnapshotHeld:
		return ui.Notice{Tone: ui.Warn, Title: "The latest snapshot is held.", Text: "Nothing uses it until another admin has looked at it.", Link: "Look at it", Href: "/snapshots/" + itoa(st.newest.ID)}
	case st.newest.State == model.SnapshotDiscarded:
		return ui.Notice{
			Tone: ui.Bad, Title: "The last read was not taken.", Text: strings.Join(texts(st.newest.Reasons), " ") + " What was there before still holds.",
			Link: "Details", Href: "/snapshots/" + itoa(st.newest.ID),
		}
	}
	return ui.Notice{}
}

// texts reads a JSON list of sentences; what is none is one sentence.
func texts(list string) []string {
	var out []string
	if json.Unmarshal([]byte(list), &out) != nil {
		return []string{list}
	}
	return out
}

func (s *site) sourceUnmatched(r *request, src store.Source, p *source.Page) error {
	pages := listOf(ui.Path("sources", src.Name), nil)
	after, err := r.after(pages)
	if err != nil || src.Provides != model.ProvidesAccess {
		return err
	}
	counts, err := s.Store.Unmatched(r.Context(), src.ID)
	if err != nil {
		return err
	}
	for _, n := range counts {
		p.UnmatchedTotal += n
	}
	rows, err := s.Store.UnmatchedAccounts(r.Context(), src.ID, after, unmatchedRows+1)
	if err != nil {
		return err
	}
	if err := pages.movedOn(after > 0, len(rows)); err != nil {
		return err
	}
	var next int64
	if len(rows) > unmatchedRows {
		rows = rows[:unmatchedRows]
		next = rows[unmatchedRows-1].Key
	}
	p.UnmatchedPager = pages.pager(after, next, "")
	for _, row := range rows {
		var a model.Account
		if row.Data != "" {
			if err := json.Unmarshal([]byte(row.Data), &a); err != nil {
				return fmt.Errorf("read account %d: %w", row.Key, err)
			}
		}
		name := a.DisplayName
		if name == "" {
			name = a.Username
		}
		p.Unmatched = append(p.Unmatched, source.Unmatched{Account: row.AccountID, Name: name, Reason: row.Reason})
	}
	return nil
}

// managerProblems are the problems of reporting lines, by their name in the snapshot, with how an
// example of one reads: whom it is about, and what is wrong.
var managerProblems = []struct {
	name string
	read func(example string) (id, text string)
}{
	{"manager_cycles", func(example string) (string, string) {
		first, _, _ := strings.Cut(example, " > ")
		return first, "is in a circle of managers: " + example + " > " + first
	}},
	{"unknown_managers", unknownManager},
	{"self_managers", func(example string) (string, string) { return example, "is named as the own manager" }},
}

// unknownManager reads "person: manager".
func unknownManager(example string) (id, text string) {
	id, manager, _ := strings.Cut(example, ": ")
	return id, "reports to " + manager + ", whom no row names"
}

func (s *site) sourceManagers(r *request, last *model.Snapshot, p *source.Page) error {
	if last == nil {
		return nil
	}
	problems, err := problemsOf(*last)
	if err != nil {
		return err
	}
	for _, kind := range managerProblems {
		p.ManagersTotal += problems[kind.name].Count
		for _, example := range problems[kind.name].Examples {
			id, text := kind.read(example)
			m := source.Manager{Person: id, Text: text}
			people, err := s.Store.PeopleByID(r.Context(), id)
			if err != nil {
				return err
			}
			if len(people) > 0 {
				m.PersonID, m.Person = id, people[0].Name
			}
			p.Managers = append(p.Managers, m)
		}
	}
	return nil
}

func problemsOf(snap model.Snapshot) (map[string]ingest.Problem, error) {
	var out map[string]ingest.Problem
	if err := json.Unmarshal([]byte(snap.Problems), &out); err != nil {
		return nil, fmt.Errorf("read the problems of snapshot %d: %w", snap.ID, err)
	}
	return out, nil
}

// readNow reads a live source at once.
func (s *site) readNow(w http.ResponseWriter, r *request) error {
	src, err := s.Store.Source(r.Context(), r.path("name"))
	if err != nil {
		return err
	}
	if s.ReadLive == nil || src.Type == "csv" {
		return errNotFound
	}
	done, err := s.ReadLive(r.Context(), src.Name, r.actor.Label())
	if err != nil {
		return err
	}
	if !done {
		return redirect(w, r, ui.Path("sources", src.Name)) // the page tells how far it is
	}
	return s.redirectWith(w, r, ui.Path("sources", src.Name), "read")
}

// resume lets the removals of a paused source go on.
func (s *site) resume(w http.ResponseWriter, r *request) error {
	src, err := s.Store.Source(r.Context(), r.path("name"))
	if err != nil {
		return err
	}
	if err := remediate.Resume(r.Context(), s.Store, r.actor, src.ID); err != nil {
		return err
	}
	return s.redirectWith(w, r, ui.Path("sources", src.Name), "resumed")
}

// testDesk tries the outside system that removals in a source are asked of, and shows what was found on
// the source's page. Nothing is stored, and nothing asked of it.
func (s *site) testDesk(w http.ResponseWriter, r *request) error {
	src, err := s.Store.Source(r.Context(), r.path("name"))
	if err != nil {
		return err
	}
	spec, err := s.Store.SourceSpec(r.Context(), src.Name)
	if err != nil {
		return err
	}
	if s.ProbeDesk == nil || !model.Outside(spec.Revoke.Mode) {
		return model.Errorf(model.Invalid, "Removals in %s are asked of no ticket system and of no webhook, so there is nothing to test.", src.Name)
	}
	found, err := s.ProbeDesk(r.Context(), src.Name)
	switch {
	case err == nil:
		return s.renderSource(w, r, ui.Notice{Tone: ui.Good, Title: "The connection works.", Text: found})
	case model.KindOf(err) == model.Internal:
		return err
	}
	r.status = http.StatusUnprocessableEntity
	return s.renderSource(w, r, ui.Notice{Tone: ui.Bad, Title: "The connection does not work.", Text: wholeSentence(model.Message(err))})
}
