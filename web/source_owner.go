package web

import (
	"slices"
	"strings"

	"recert/model"
	"recert/model/store"
	"recert/views/ui"
)

const (
	ownersOffered = 300 // of more people, none are offered: the list would be as long as the page
	ownersNamed   = 5   // in the message that several people fit
)

// nameOwner puts the name of a source's owner in place of the person_id, where somebody has it.
func (s *site) nameOwner(r *request, settings []ui.Pair, id string) error {
	for i := range settings {
		if settings[i].Term != "Owner" {
			continue
		}
		p, err := s.visiblePerson(r, id)
		if model.KindOf(err) == model.NotFound {
			return nil
		}
		settings[i].Text = p.Name
		return err
	}
	return nil
}

// ownerText is how a person is written in the field of an owner: "Ana Ferreira (u2)".
func ownerText(p store.Person) string { return p.Name + " (" + p.PersonID + ")" }

// ownerShown is an owner's person_id as it stands in the field: with the name, where one person has it.
func (s *site) ownerShown(r *request, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	p, err := s.Store.PersonByID(r.Context(), id)
	if kind := model.KindOf(err); err != nil && (kind == model.NotFound || kind == model.Conflict) {
		return id, nil
	}
	return ownerText(p), err
}

// owners are whom the field offers: everybody, where that is not too many.
func (s *site) owners(r *request) ([]string, error) {
	people, err := s.Store.SearchPeople(r.Context(), "", 0, ownersOffered+1)
	if err != nil || len(people) > ownersOffered {
		return nil, err
	}
	var out []string
	for _, p := range people {
		if p.Status != "terminated" {
			out = append(out, ownerText(p))
		}
	}
	return out, nil
}

// ownerTyped is the person_id of whom somebody typed: a name, a name with the person_id behind it, a
// person_id or a mail address. problem says to the reader why it is nobody, or not one person.
func (s *site) ownerTyped(r *request, typed string) (id, problem string, err error) {
	if typed == "" {
		return "", "", nil
	}
	found, err := s.peopleTyped(r, typed)
	switch {
	case err != nil:
		return "", "", err
	case len(found) == 0:
		return "", "Nobody has this name, person_id or mail address: take the people in first, or leave the owner out.", nil
	case len(found) > 1:
		return "", severalPeople(found), nil
	case found[0].Status == "terminated":
		return "", "This person has left. Name somebody who is there.", nil
	}
	return found[0].PersonID, "", nil
}

// peopleTyped are the people that a text means, by the first of these that somebody has: person_id, mail
// address, name; else everybody in whose name it is.
func (s *site) peopleTyped(r *request, typed string) ([]store.Person, error) {
	ctx := r.Context()
	if found, err := s.Store.PeopleByID(ctx, typed); err != nil || len(found) > 0 {
		return found, err
	}
	if open := strings.LastIndex(typed, " ("); open >= 0 && strings.HasSuffix(typed, ")") { // as the field offers them
		found, err := s.Store.PeopleByID(ctx, typed[open+2:len(typed)-1])
		found = slices.DeleteFunc(found, func(p store.Person) bool { return store.Fold(ownerText(p)) != store.Fold(typed) })
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	if found, err := s.Store.PeopleByEmail(ctx, typed); err != nil || len(found) > 0 {
		return found, err
	}
	near, err := s.Store.SearchPeople(ctx, typed, 0, ownersOffered)
	if err != nil {
		return nil, err
	}
	var just []store.Person
	for _, p := range near {
		if store.Fold(p.Name) == store.Fold(typed) {
			just = append(just, p)
		}
	}
	if len(just) > 0 && len(near) < ownersOffered { // of all who have it
		return just, nil
	}
	return near, nil
}

func severalPeople(found []store.Person) string {
	var names []string
	for _, p := range found[:min(len(found), ownersNamed)] {
		names = append(names, ownerText(p))
	}
	text := "Several people fit: " + strings.Join(names, ", ")
	if len(found) > ownersNamed {
		text += " and more"
	}
	return text + ". Type the person_id of the one, as a single source of people knows it."
}
