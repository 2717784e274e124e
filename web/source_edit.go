package web

import (
	"cmp"
	"net/http"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/views/layout"
	"recert/views/source"
	"recert/views/ui"
)

const changedByFile = "These settings have no form, because they name what runs on the server. Change them in their file, and run: recert apply -f FILE"

// hasForm tells whether the settings of a source can be changed in a browser. What a program is started
// by never can.
func (s *site) hasForm(spec model.SourceSpec) bool {
	_, ok := systemOf(spec.Type)
	return ok && s.Probe != nil
}

// editable are the settings of the source that the address names, with the version they are of.
func (s *site) editable(r *request) (spec model.SourceSpec, version string, err error) {
	name := r.path("name")
	if version, err = campaigns.SourceVersion(r.Context(), s.Store, name); err != nil { // before the settings: an older version at worst
		return spec, "", err
	}
	if spec, err = s.Store.SourceSpec(r.Context(), name); err != nil {
		return spec, "", err
	}
	if s.Probe == nil {
		return spec, "", errNotFound
	}
	if !s.hasForm(spec) {
		return spec, "", model.Errorf(model.Invalid, "%s", changedByFile)
	}
	return spec, version, nil
}

// editSource is the form of a source that there is, filled in with its settings.
func (s *site) editSource(w http.ResponseWriter, r *request) error {
	spec, version, err := s.editable(r)
	if err != nil {
		return err
	}
	p, err := s.sourceForm(r, spec)
	if err != nil {
		return err
	}
	return s.renderEdit(w, r, p, spec, version)
}

// sourceForm is a form that is filled in with settings.
func (s *site) sourceForm(r *request, spec model.SourceSpec) (source.NewPage, error) {
	p := source.NewPage{URL: spec.URL, User: spec.Username, Remove: spec.Revoke.Mode, Every: spec.ReadEvery, Errors: map[string]string{}}
	if spec.LDAP != nil {
		p.Base = spec.LDAP.Base
	}
	if e := spec.Entra; e != nil {
		p.Tenant, p.User = e.Tenant, e.ClientID
		if e.SignInActivity {
			p.SignIns = source.SignInsRead
		}
	}
	if p.Remove == "" {
		p.Remove = model.ModeManual
	}
	var err error
	p.Owner, err = s.ownerShown(r, spec.Owner)
	return p, err
}

// renderEdit shows the form p over the settings that are stored, which are of a version.
func (s *site) renderEdit(w http.ResponseWriter, r *request, p source.NewPage, spec model.SourceSpec, version string) error {
	name := r.path("name")
	kind, _ := systemOf(spec.Type)
	p.Type, p.Name, p.Title = spec.Type, name, "Change the settings of "+name
	p.Text = "Where a file describes this source too, the next “recert apply” of it sets back what you change here."
	p.Frame = s.frame(r, p.Title, layout.Sources)
	e := &source.Edit{Was: version, Asked: model.Outside(spec.Revoke.Mode), Plain: spec.Username == "" && spec.Type == "ldap"}
	e.Facts = []ui.Pair{{Term: "Name", Text: name, Code: true}, {Term: "Kind", Text: kind.Name}, {Term: "What it gives", Text: providesWords[spec.Provides]}}
	if e.Asked {
		e.Facts = append(e.Facts, ui.Pair{Term: "Removals", Text: removalMode(spec.Revoke) + ", as a file says"})
	}
	var err error
	if e.Kept, e.Own, err = s.credential(r, name, spec); err != nil {
		return err
	}
	if e.Kept != "" {
		e.Kept = wholeSentence(e.Kept)
	}
	if p.Owners, err = s.owners(r); err != nil {
		return err
	}
	p.Edit = e
	return s.render(w, r, source.Change(p))
}

// changeSource tests or stores changed settings of a source. What the form does not know stays as it is;
// an empty password keeps the one that is set, for the system that it was given for.
func (s *site) changeSource(w http.ResponseWriter, r *request) error {
	old, version, err := s.editable(r)
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	p := typedSource(r)
	p.Type, p.Name = old.Type, r.path("name")
	p.Edit = &source.Edit{Plain: old.Username == "" && old.Type == "ldap"}
	typed, was := r.PostForm.Get(source.FieldPassword), r.PostForm.Get(source.FieldWas)
	spec := sourceSpec(&p, old, typed)
	if err := s.typedSourceOwner(r, &p, &spec); err != nil {
		return err
	}
	if len(p.Errors) > 0 {
		r.status = http.StatusUnprocessableEntity
		return s.renderEdit(w, r, p, old, was)
	}
	do, err := r.button(source.DoTest, source.DoSave)
	if err != nil {
		return err
	}
	if do == source.DoTest && old.Type != "csv" {
		found, err := s.testSource(r, &p, spec, typed)
		if err != nil {
			return err
		}
		if !found {
			r.status = http.StatusUnprocessableEntity
		}
		return s.renderEdit(w, r, p, old, was)
	}
	err = s.storeSource(r, campaigns.SourceEdit{Name: p.Name, Spec: &spec, Was: cmp.Or(was, "unknown")}, typed)
	switch {
	case err == nil:
		return s.redirectWith(w, r, ui.Path("sources", p.Name), "changed")
	case model.KindOf(err) == model.Conflict:
		return s.renderConflict(w, r, p, old, version)
	case model.KindOf(err) == model.Invalid:
		r.status = http.StatusUnprocessableEntity
		p.Problem = ui.Notice{Tone: ui.Bad, Title: "It was not saved.", Text: wholeSentence(model.Message(err))}
		return s.renderEdit(w, r, p, old, was)
	}
	return err
}

// renderConflict shows what was typed over settings that somebody else changed since, and how those
// differ. Saving once more puts what was typed in their place.
func (s *site) renderConflict(w http.ResponseWriter, r *request, p source.NewPage, now model.SourceSpec, version string) error {
	theirs, err := s.sourceForm(r, now)
	if err != nil {
		return err
	}
	n := ui.Notice{
		Tone: ui.Warn, Title: "It was not saved: these settings were changed in the meantime.",
		Text: "What you typed still stands below, except for a password, which is never sent back. Save once more to put it in the place of what is there now.",
	}
	for _, f := range []struct{ label, mine, theirs string }{
		{"Address", p.URL, theirs.URL}, {"Tenant", p.Tenant, theirs.Tenant}, {"Account", p.User, theirs.User}, {"Base", p.Base, theirs.Base},
		{"Owner", p.Owner, theirs.Owner}, {"How often it is read", source.EveryWords(p.Every), source.EveryWords(theirs.Every)},
	} {
		if f.mine != f.theirs {
			n.Items = append(n.Items, f.label+" is now: "+cmp.Or(f.theirs, "nothing"))
		}
	}
	if p.Remove != theirs.Remove && now.Type != "csv" && !model.Outside(now.Revoke.Mode) {
		n.Items = append(n.Items, "Removals are now: "+removalMode(now.Revoke))
	}
	_, mine, _ := strings.Cut(r.PostForm.Get(source.FieldWas), ".")
	if _, is, _ := strings.Cut(version, "."); is != mine {
		n.Items = append(n.Items, "Another password was given")
	}
	if r.PostForm.Get(source.FieldPassword) != "" {
		p.Errors[source.FieldPassword] = "Type it once more: yours was not saved."
	}
	p.Problem, r.status = n, http.StatusConflict
	return s.renderEdit(w, r, p, now, version)
}
