package ingest

import (
	"context"
	"fmt"
	"strings"

	"recert/model"
	"recert/model/store"
)

// rule matches a field of accounts against a field of people.
type rule struct {
	name    string // as the spec has it
	account string
	person  string
}

// parseRules reads correlate: of a source; an empty list is person_id, then email.
func parseRules(names model.Strings) ([]rule, error) {
	if len(names) == 0 {
		names = model.Strings{"person_id", "email"}
	}
	rules := make([]rule, 0, len(names))
	for _, name := range names {
		account, person, two := strings.Cut(name, "=")
		account, person = strings.TrimSpace(account), strings.TrimSpace(person)
		if !two {
			person = account
		}
		if account == "" || person == "" {
			return nil, model.Errorf(model.Invalid, "correlate: %q is neither a field of accounts and people nor ACCOUNT_FIELD=PERSON_FIELD", name)
		}
		rules = append(rules, rule{name: name, account: account, person: person})
	}
	return rules, nil
}

// peopleIndex finds people by the folded value of a field.
type peopleIndex struct {
	byField map[string]map[string]candidate
	people  []store.Person // only for a snapshot of people, to find problems
}

// candidate is who has a value: one person, or several.
type candidate struct {
	key     int64
	several bool
}

// indexPeople reads all current people once and indexes them by each of fields.
func indexPeople(ctx context.Context, tx *store.Tx, fields map[string]bool, keep bool) (*peopleIndex, error) {
	ix := &peopleIndex{byField: map[string]map[string]candidate{}}
	for f := range fields {
		ix.byField[f] = map[string]candidate{}
	}
	for p, err := range tx.People(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		for f, values := range ix.byField {
			if v := store.Fold(personField(&p.Person, f)); v != "" {
				c, taken := values[v]
				if !taken {
					c.key = p.Key
				}
				c.several = taken
				values[v] = c
			}
		}
		if keep {
			ix.people = append(ix.people, p)
		}
	}
	return ix, nil
}

// knows tells whether somebody has this person_id.
func (ix *peopleIndex) knows(personID string) bool {
	_, ok := ix.byField["person_id"][store.Fold(personID)]
	return ok
}

// match finds the person of an account, or the reason why there is none.
func (ix *peopleIndex) match(a *model.Account, rules []rule) (person *int64, name, reason string) {
	reason = "nothing to match by"
	for _, r := range rules {
		v := store.Fold(accountField(a, r.account))
		if v == "" {
			continue
		}
		c, ok := ix.byField[r.person][v]
		switch {
		case ok && c.several:
			return nil, "", "several people have this " + r.person
		case ok:
			return &c.key, r.name, ""
		case r.person == "person_id":
			return nil, "", "nobody has this person_id"
		}
		reason = "nobody has this " + r.person
	}
	return nil, "", reason
}

// found is what correlation saw.
type found struct {
	unmatched map[string]int64 // accounts without a person, by reason
	implied   int64            // accounts that only grants name
	problems  problems
}

func newFound() *found { return &found{unmatched: map[string]int64{}, problems: problems{}} }

// target is a source whose accounts are to be matched.
type target struct {
	src   store.Source
	rules []rule
}

// targetsOf are the sources to be matched after src was sealed: itself, or every source of access
// when the people changed.
func targetsOf(ctx context.Context, tx *store.Tx, src store.Source, spec model.SourceSpec) ([]target, error) {
	if src.Provides == model.ProvidesAccess {
		rules, err := parseRules(spec.Correlate)
		return []target{{src, rules}}, err
	}
	sources, err := tx.Sources(ctx)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, s := range sources {
		if s.Provides != model.ProvidesAccess {
			continue
		}
		spec, err := tx.SourceSpec(ctx, s.Name)
		if err != nil && model.KindOf(err) != model.NotFound { // one that is declared no more keeps the ordinary rules
			return nil, err
		}
		rules, err := parseRules(spec.Correlate)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
		targets = append(targets, target{s, rules})
	}
	return targets, nil
}

// correlateAfter works out anew which person each account belongs to: of the source that was
// sealed, or of all sources when the people changed. What it gives speaks of the source that was
// sealed.
func correlateAfter(ctx context.Context, tx *store.Tx, src store.Source, spec model.SourceSpec) (*found, error) {
	targets, err := targetsOf(ctx, tx, src, spec)
	if err != nil {
		return nil, err
	}
	fields := map[string]bool{"person_id": true}
	for _, t := range targets {
		for _, r := range t.rules {
			fields[r.person] = true
		}
	}
	people := src.Provides == model.ProvidesPeople
	ix, err := indexPeople(ctx, tx, fields, people)
	if err != nil {
		return nil, err
	}
	f := newFound()
	for _, t := range targets {
		if f, err = correlate(ctx, tx, t.src, t.rules, ix); err != nil {
			return nil, fmt.Errorf("source %s: %w", t.src.Name, err)
		}
	}
	if people { // what was found speaks of other sources, which reported it themselves
		f = newFound()
		f.problems.people(ix.people)
		return f, nil
	}
	return f, f.problems.entitlements(ctx, tx, src, ix)
}

// correlate writes what changed for the accounts of one source.
func correlate(ctx context.Context, tx *store.Tx, src store.Source, rules []rule, ix *peopleIndex) (*found, error) {
	f := newFound()
	var created, changed []store.Correlation
	for m, err := range tx.AccountMatches(ctx, src.ID) {
		if err != nil {
			return nil, err
		}
		if m.Implied {
			f.implied++
		}
		person, name, reason := ix.match(&m.Account, rules)
		if person == nil {
			f.unmatched[reason]++
		}
		if o := m.Account.OwnerID; o != "" && !ix.knows(o) {
			f.problems.add(unknownOwner, fmt.Sprintf("account %s: %s", m.Account.AccountID, o))
		}
		c := store.Correlation{AccountKey: m.Key, SourceID: src.ID, PersonKey: person, Rule: name, Reason: reason}
		switch {
		case m.Was == nil:
			created = append(created, c)
		case !same(m.Was.PersonKey, person) || m.Was.Rule != name || m.Was.Reason != reason:
			changed = append(changed, c)
		}
	}
	if err := tx.InsertCorrelations(ctx, created); err != nil {
		return nil, err
	}
	for _, c := range changed {
		if err := tx.UpdateCorrelation(ctx, c); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func same(a, b *int64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// accountField is a field of an account by its column's name; any other name is an attribute.
func accountField(a *model.Account, name string) string {
	switch name {
	case "account_id":
		return a.AccountID
	case "username":
		return a.Username
	case "display_name":
		return a.DisplayName
	case "email":
		return a.Email
	case "person_id":
		return a.PersonID
	case "owner_id":
		return a.OwnerID
	}
	return a.Attrs[name]
}

// personField is a field of a person by its column's name; any other name is an attribute.
func personField(p *model.Person, name string) string {
	switch name {
	case "person_id":
		return p.PersonID
	case "name":
		return p.Name
	case "email":
		return p.Email
	case "title":
		return p.Title
	case "department":
		return p.Department
	case "cost_center":
		return p.CostCenter
	case "location":
		return p.Location
	}
	return p.Attrs[name]
}
