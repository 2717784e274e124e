package web

import (
	"net/http"
	"regexp"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/views/layout"
	"recert/views/source"
	"recert/views/ui"
)

// newSource is the choice among kinds of systems, or the empty form of one.
func (s *site) newSource(w http.ResponseWriter, r *request) error {
	p := source.NewPage{Type: r.query(source.FieldType)}
	return s.renderNewSource(w, r, p)
}

func (s *site) renderNewSource(w http.ResponseWriter, r *request, p source.NewPage) error {
	p.Frame = s.frame(r, "Connect a system", layout.Sources)
	if s.Probe == nil {
		return errNotFound
	}
	if p.Type == "" {
		return s.render(w, r, source.New(p))
	}
	for _, k := range source.Systems {
		if k.Type == p.Type {
			p.Title, p.Text = k.Name, k.Text
			return s.render(w, r, source.New(p))
		}
	}
	return errNotFound
}

// createSource tests or stores the settings of a source. What was typed as a password goes to the
// test, or is kept encrypted, and never back to the page.
func (s *site) createSource(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	p := source.NewPage{
		Type: field(source.FieldType), Name: field(source.FieldName), Provides: field(source.FieldProvides), URL: field(source.FieldURL), User: field(source.FieldUser),
		Base: field(source.FieldBase), Owner: field(source.FieldOwner), Remove: field(source.FieldRemove), Errors: map[string]string{},
	}
	typed := r.PostForm.Get(source.FieldPassword)
	if reference.MatchString(strings.TrimSpace(typed)) {
		p.Password, typed = strings.TrimSpace(typed), ""
	}
	spec := sourceSpec(&p, typed)
	if len(p.Errors) == 0 && r.PostForm.Get(source.FieldDo) == source.DoTest {
		return s.testSource(w, r, p, spec, typed)
	}
	if len(p.Errors) == 0 {
		err := s.storeSource(r, p.Name, &spec, typed)
		switch model.KindOf(err) {
		case model.Conflict:
			p.Errors[source.FieldName] = model.Message(err)
		case model.Invalid:
			p.Problem = ui.Notice{Tone: ui.Bad, Title: "It was not saved.", Text: model.Message(err)}
		default:
			if err != nil {
				return err
			}
			return s.redirectWith(w, r, ui.Path("sources", p.Name), "connected")
		}
	}
	r.status = http.StatusUnprocessableEntity
	return s.renderNewSource(w, r, p)
}

// reference is how a setting names a secret that the environment holds.
var reference = regexp.MustCompile(`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`)

// secretName is the name under which a typed password of a source is kept: nothing else has one like it.
func secretName(name string) string {
	return "SOURCE_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name)) + "_PASSWORD"
}

// sourceSpec makes settings of what was typed; what is missing is an error at its field.
func sourceSpec(p *source.NewPage, typed string) model.SourceSpec {
	if !model.ValidName(p.Name) || p.Name == "new" {
		p.Errors[source.FieldName] = "Use small letters, digits, dots, dashes and underscores, at most 64."
	}
	spec := model.SourceSpec{Type: p.Type, Provides: model.ProvidesAccess, Owner: p.Owner}
	if p.Type == "csv" {
		spec.Provides = model.Provides(p.Provides)
		return spec
	}
	secret := p.Password
	if typed != "" {
		secret = "${" + secretName(p.Name) + "}"
	}
	if secret == "" {
		p.Errors[source.FieldPassword] = "Type it once more: it is never sent back to this page."
	}
	spec.URL, spec.Revoke.Mode = p.URL, p.Remove
	if p.URL == "" {
		p.Errors[source.FieldURL] = "Give the address."
	}
	switch p.Type {
	case "ldap":
		spec.Username, spec.Password, spec.LDAP = p.User, secret, &model.LDAPSpec{Base: p.Base}
		if p.User == "" {
			p.Errors[source.FieldUser] = "Give the account that reads."
		}
		if p.Base == "" {
			p.Errors[source.FieldBase] = "Give the tree that is read."
		}
	case "scim":
		if p.User == "" {
			spec.Token = secret
		} else {
			spec.Username, spec.Password = p.User, secret
		}
	default:
		spec.Password = secret
	}
	return spec
}

// testSource tries the settings and shows what was found, with the form as it was typed.
func (s *site) testSource(w http.ResponseWriter, r *request, p source.NewPage, spec model.SourceSpec, typed string) error {
	found, err := s.Probe(r.Context(), spec, typed)
	switch {
	case err == nil:
		p.Found = ui.Notice{Tone: ui.Good, Title: "The connection works.", Text: found + " Nothing is stored yet: type the password once more and save."}
		if typed == "" {
			p.Found.Text = found + " Nothing is stored yet: save it."
		}
	case model.KindOf(err) == model.Internal:
		return err
	default:
		r.status = http.StatusUnprocessableEntity
		p.Problem = ui.Notice{Tone: ui.Bad, Title: "The connection does not work.", Text: model.Message(err)}
	}
	return s.renderNewSource(w, r, p)
}

// storeSource stores the settings of a new source, and the password that was typed. What is there
// under the name already is never changed.
func (s *site) storeSource(r *request, name string, spec *model.SourceSpec, typed string) error {
	if _, err := s.Store.Source(r.Context(), name); model.KindOf(err) != model.NotFound {
		if err == nil {
			err = model.Errorf(model.Conflict, "There is a source of this name already. Choose another one.")
		}
		return err
	}
	docs := []campaigns.Document{{Kind: model.ConfigSource, Name: name, Spec: spec, At: "form"}}
	if err := campaigns.CheckSource(spec); err != nil {
		return &model.Error{Kind: model.Invalid, Msg: err.Error()}
	}
	if typed != "" {
		if err := s.KeepSecret(r.Context(), secretName(name), typed); err != nil {
			return err
		}
	}
	_, err := campaigns.Apply(r.Context(), s.Store, r.actor.Label(), docs, false)
	return err
}
