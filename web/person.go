package web

import (
	"net/http"
	"slices"

	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/person"
	"recert/views/ui"
)

// accessListed bounds how much of one person's access a page shows at once.
const accessListed = 100

// person is the page of one person, for who may see it.
func (s *site) person(w http.ResponseWriter, r *request) error {
	who, err := s.visiblePerson(r, r.path("id"))
	if err != nil {
		return err
	}
	p := person.Page{Frame: s.frame(r, who.Name, layout.Elsewhere), ID: who.PersonID, Name: who.Name, Title: who.Title, State: personState(who)}
	if p.Name == "" {
		p.Name = who.PersonID
	}
	if err := s.personFacts(r, who, &p); err != nil {
		return err
	}
	if err := s.personAccess(r, who, &p); err != nil {
		return err
	}
	reports, err := s.Store.Reports(r.Context(), who.PersonID)
	if err != nil {
		return err
	}
	for _, rep := range reports {
		ok, err := s.Campaigns.CanSeePerson(r.Context(), r.actor, rep.Key)
		if err != nil {
			return err
		}
		if ok {
			p.Reports = append(p.Reports, person.Report{ID: rep.PersonID, Name: rep.Name, Title: rep.Title})
		}
	}
	return s.render(w, r, person.Show(p))
}

// visiblePerson is the person of an id whom the actor may see: of several people sources that
// have the id, the first.
func (s *site) visiblePerson(r *request, id string) (store.Person, error) {
	people, err := s.Store.PeopleByID(r.Context(), id)
	if err != nil {
		return store.Person{}, err
	}
	for _, p := range people {
		ok, err := s.Campaigns.CanSeePerson(r.Context(), r.actor, p.Key)
		if err != nil {
			return store.Person{}, err
		}
		if ok {
			return p, nil
		}
	}
	return store.Person{}, errNotFound
}

func personState(p store.Person) ui.Tag {
	if p.LastSnapshot != nil {
		return ui.Tag{Text: "No longer in the source", Tone: ui.Bad}
	}
	switch p.Status {
	case "active":
		return ui.Tag{Text: "Active", Tone: ui.Good}
	case "leave":
		return ui.Tag{Text: "On leave", Tone: ui.Info}
	case "terminated":
		return ui.Tag{Text: "No longer employed", Tone: ui.Bad}
	}
	return ui.Tag{Text: "Status unknown"}
}

func (s *site) personFacts(r *request, who store.Person, p *person.Page) error {
	add := func(term, text string) {
		if text != "" {
			p.Facts = append(p.Facts, ui.Pair{Term: term, Text: text})
		}
	}
	add("Email", who.Email)
	add("Department", who.Department)
	add("Location", who.Location)
	add("Cost center", who.CostCenter)
	add("Employment", who.EmploymentType)
	add("Kind", who.Kind)
	for _, link := range []struct{ term, id string }{{"Manager", who.ManagerID}, {"Owner", who.OwnerID}} {
		if link.id == "" {
			continue
		}
		pair := ui.Pair{Term: link.term, Text: link.id}
		if link.id == r.actor.PersonID {
			pair.Text = r.actor.Name // who is not in one's own list, and yet no stranger
		}
		if other, err := s.visiblePerson(r, link.id); err == nil {
			pair.Text, pair.Href = other.Name, ui.Path("people", other.PersonID)
		} else if model.KindOf(err) != model.NotFound {
			return err
		}
		p.Facts = append(p.Facts, pair)
	}
	add("First day", ui.Day(who.StartDate, r.zone).Text)
	add("Last day", ui.Day(who.EndDate, r.zone).Text)
	for _, k := range sortedKeys(who.Attrs) {
		p.Attrs = append(p.Attrs, ui.Pair{Term: k, Text: who.Attrs[k]})
	}
	return nil
}

// personAccess lists what the person's accounts can do now. The page's cursor counts its rows.
func (s *site) personAccess(r *request, who store.Person, p *person.Page) error {
	accounts, err := s.Store.AccountsOfPerson(r.Context(), who.Key)
	if err != nil {
		return err
	}
	names := map[int64]string{}
	var paths []heldPath // of the rows that are shown
	pages := listOf(ui.Path("people", who.PersonID), nil)
	after, err := r.after(pages)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if names[a.SourceID] == "" {
			src, err := s.Store.SourceByID(r.Context(), a.SourceID)
			if err != nil {
				return err
			}
			names[a.SourceID] = src.Name
		}
		p.Accounts = append(p.Accounts, accountView(a, names[a.SourceID], s.now(), r.zone))
		grants, err := s.Store.GrantsOfAccount(r.Context(), a.SourceID, a.Key, store.Live)
		if err != nil {
			return err
		}
		for _, g := range grants {
			p.AccessTotal++
			if p.AccessTotal <= after || len(p.Access) >= accessListed {
				continue
			}
			e, err := s.Store.EntitlementByKey(r.Context(), g.EntitlementKey)
			if err != nil {
				return err
			}
			p.Access = append(p.Access, s.personGrant(r, names[a.SourceID], e, g))
			paths = append(paths, heldPath{a.SourceID, store.Live, g.Via})
		}
	}
	texts, err := s.pathTexts(r, paths)
	if err != nil {
		return err
	}
	for i := range paths {
		p.Access[i].Path = texts(paths[i])
	}
	var next int64
	if seen := after + int64(len(p.Access)); seen < p.AccessTotal {
		next = seen
	}
	p.AccessPager = pages.pager(after, next, shown(len(p.Access), p.AccessTotal))
	return pages.movedOn(after > 0, len(p.Access))
}

func accountView(a store.Account, source string, now model.Time, loc *timeLocation) person.Account {
	v := person.Account{Source: source, ID: a.AccountID, Name: a.DisplayName, LastLogin: ui.Ago(a.LastLoginAt, now, loc)}
	if v.Name == "" {
		v.Name = a.Username
	}
	if a.Status == "disabled" {
		v.Tags = append(v.Tags, ui.Tag{Text: "Disabled", Tone: ui.Info})
	}
	v.Tags = slices.Concat(v.Tags, privilegedTags(a.Privileged), kindTags(a.Kind))
	return v
}

func (s *site) personGrant(r *request, source string, e store.Entitlement, g store.Grant) person.Access {
	can, technical := accessWords(&e.Entitlement)
	v := person.Access{
		Can: can, Source: source, Technical: technical, Since: ui.Day(g.GrantedAt, r.zone), Until: ui.Day(g.ExpiresAt, r.zone),
		LastUsed: ui.Ago(g.LastUsedAt, s.now(), r.zone),
	}
	v.Tags = slices.Concat(privilegedTags(e.Privileged), riskTags(e.Risk))
	return v
}
