package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	k, ok := systemOf(p.Type)
	if !ok {
		return errNotFound
	}
	p.Title, p.Text = k.Name, k.Text
	return s.render(w, r, source.New(p))
}

// systemOf is the kind of system that a form connects; ok is false for a type that has no form.
func systemOf(typ string) (_ source.System, ok bool) {
	at := slices.IndexFunc(source.Systems, func(k source.System) bool { return k.Type == typ })
	if at < 0 {
		return source.System{}, false
	}
	return source.Systems[at], true
}

// createSource tests or stores the settings of a source. What was typed as a password goes to the
// test, or is kept encrypted, and never back to the page.
func (s *site) createSource(w http.ResponseWriter, r *request) error {
	if s.Probe == nil {
		return errNotFound
	}
	if err := r.form(); err != nil {
		return err
	}
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	if _, ok := systemOf(field(source.FieldType)); !ok { // no page has such a form
		http.Error(w, "Choose a kind of system at "+s.BaseURL+"/sources/new: this form connects no other. Those are connected by a configuration file.", http.StatusBadRequest)
		return nil
	}
	p := source.NewPage{
		Type: field(source.FieldType), Name: field(source.FieldName), Provides: field(source.FieldProvides), URL: field(source.FieldURL), User: field(source.FieldUser),
		Base: field(source.FieldBase), Tenant: field(source.FieldTenant), SignIns: field(source.FieldSignIns), Owner: field(source.FieldOwner), Remove: field(source.FieldRemove), Errors: map[string]string{},
	}
	typed := r.PostForm.Get(source.FieldPassword)
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

// reference is how a configuration file names a secret of the server's environment. A form takes
// none: whoever may use it would send any of the server's secrets to an address of their choice.
var reference = regexp.MustCompile(`^\s*\$\{[^}]*\}\s*$`)

// secretName is the name under which a typed password of a source is kept. The end of it is of the
// source's very name, because two names may differ only in what a variable's name cannot hold.
func secretName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "SOURCE_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name)) + "_" + strings.ToUpper(hex.EncodeToString(sum[:4]))
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
	secret := "${" + secretName(p.Name) + "}"
	switch {
	case typed == "":
		p.Errors[source.FieldPassword] = "Type it once more: it is never sent back to this page."
	case reference.MatchString(typed):
		p.Errors[source.FieldPassword] = "Type the password itself. Only configuration files may name secrets of the server."
	}
	spec.URL, spec.Revoke.Mode = p.URL, p.Remove
	if p.Type == "entra" {
		if p.Tenant == "" {
			p.Errors[source.FieldTenant] = "Give the tenant's id."
		}
		if p.User == "" {
			p.Errors[source.FieldUser] = "Give the application's id."
		}
		spec.URL, spec.Password = "", secret
		spec.Entra = &model.EntraSpec{Tenant: p.Tenant, ClientID: p.User, SignInActivity: p.SignIns == source.SignInsRead}
		return spec
	}
	if p.URL == "" {
		p.Errors[source.FieldURL] = "Give the address."
	} else if err := campaigns.CheckAddress(p.URL); err != nil {
		p.Errors[source.FieldURL], p.URL = model.Message(err), "" // it may hold a password
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
	case model.KindOf(err) == model.Internal:
		return err
	default:
		r.status = http.StatusUnprocessableEntity
		p.Problem = ui.Notice{Tone: ui.Bad, Title: "The connection does not work.", Text: wholeSentence(model.Message(err))}
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
	if spec.Owner != "" {
		if _, err := s.Store.PersonByID(r.Context(), spec.Owner); err != nil {
			if model.KindOf(err) == model.NotFound {
				return model.Errorf(model.Invalid, "Nobody has the person_id %q: take the people in first, or leave the owner out.", spec.Owner)
			}
			return err
		}
	}
	if spec.Password+spec.Token != "" { // files have none, whatever was typed
		if err := s.KeepSecret(r.Context(), secretName(name), typed); err != nil {
			return err
		}
	}
	_, err := campaigns.Apply(r.Context(), s.Store, r.actor.Label(), docs, false)
	return err
}

// wholeSentence makes one of a message that begins and ends as a part of a line does.
func wholeSentence(text string) string {
	first, n := utf8.DecodeRuneInString(text)
	return sentence(string(unicode.ToUpper(first)) + text[n:])
}
