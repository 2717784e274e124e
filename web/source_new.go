package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
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
	k, ok := systemOf(p.Type)
	if !ok {
		return errNotFound
	}
	p.Title, p.Text = k.Name, k.Text
	var err error
	if p.Owners, err = s.owners(r); err != nil {
		return err
	}
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
		return badRequestError{error: model.Errorf(model.Invalid, "Choose a kind of system at %s/sources/new: this form connects no other. Those are connected by a configuration file.", s.BaseURL)}
	}
	p := typedSource(r)
	p.Type, p.Name, p.Provides = field(source.FieldType), field(source.FieldName), field(source.FieldProvides)
	if problem := nameProblem(p.Name); problem != "" {
		p.Errors[source.FieldName] = problem
	}
	typed := r.PostForm.Get(source.FieldPassword)
	spec := sourceSpec(&p, model.SourceSpec{Type: p.Type, Provides: model.ProvidesAccess}, typed)
	if err := s.typedSourceOwner(r, &p, &spec); err != nil {
		return err
	}
	do, unknown := r.button(source.DoTest, source.DoSave)
	if len(p.Errors) == 0 && unknown != nil {
		return unknown
	}
	if len(p.Errors) == 0 && do == source.DoTest {
		found, err := s.testSource(r, &p, spec, typed)
		if err != nil {
			return err
		}
		if !found {
			r.status = http.StatusUnprocessableEntity
		}
		return s.renderNewSource(w, r, p)
	}
	if len(p.Errors) == 0 {
		err := s.storeSource(r, campaigns.SourceEdit{Name: p.Name, Spec: &spec}, typed)
		switch model.KindOf(err) {
		case model.Conflict:
			p.Errors[source.FieldName] = model.Message(err)
		case model.Invalid:
			p.Problem = ui.Notice{Tone: ui.Bad, Title: "It was not saved.", Text: wholeSentence(model.Message(err))}
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

// typedSource is what was typed into the form of a source, without the password.
func typedSource(r *request) source.NewPage {
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	return source.NewPage{
		URL: field(source.FieldURL), User: field(source.FieldUser), Base: field(source.FieldBase), Tenant: field(source.FieldTenant), SignIns: field(source.FieldSignIns),
		Owner: field(source.FieldOwner), Remove: field(source.FieldRemove), Every: field(source.FieldEvery), Errors: map[string]string{},
	}
}

// typedSourceOwner puts the owner who was typed into the settings; one who is nobody, or several people,
// is an error at the field. What stood in the field before it was shown stays as it is.
func (s *site) typedSourceOwner(r *request, p *source.NewPage, spec *model.SourceSpec) error {
	was, err := s.ownerShown(r, spec.Owner)
	if err != nil || p.Owner == was {
		return err
	}
	id, problem, err := s.ownerTyped(r, p.Owner)
	if problem != "" {
		p.Errors[source.FieldOwner] = problem
	}
	spec.Owner = id
	return err
}

// longestSetting is how many bytes a field of the form may have; the longest secrets are keys and tokens.
const longestSetting = 8 << 10

// reference is how a configuration file names a secret of the server's environment. A form takes
// none: whoever may use it would send any of the server's secrets to an address of their choice.
var reference = regexp.MustCompile(`^\s*\$\{[^}]*\}\s*$`)

// secretName is the name under which a typed password of a source is kept. The end of it is of the
// source's very name, because two names may differ only in what a variable's name cannot hold.
func secretName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "SOURCE_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name)) + "_" + strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// ownSecret tells whether a name is one of those under which passwords of a source are kept.
func ownSecret(source, name string) bool {
	return name == secretName(source) || strings.HasPrefix(name, secretName(source)+"_")
}

// secretFor is the name under which a password is kept that was typed with settings in place of old ones.
// Another value for the same system has the name of the one before; for another system it has a name that
// was never there: who still holds the old settings must not find the new system's password by them.
func secretFor(source string, old, spec model.SourceSpec) string {
	if old.URL == "" && old.Entra == nil {
		return secretName(source) // there was none
	}
	if name := campaigns.SecretName(old.Token + old.Password); ownSecret(source, name) && !campaigns.NeedsSecret(old, spec) {
		return name
	}
	return secretName(source) + "_" + rand.Text()
}

// sourceSpec makes settings of what was typed: of those that there are, or of a new source's; what the
// form does not know stays in them. What is missing is an error at its field.
func sourceSpec(p *source.NewPage, spec model.SourceSpec, typed string) model.SourceSpec {
	if p.Type == "csv" {
		if p.Edit == nil {
			spec.Provides = model.Provides(p.Provides)
		}
		return spec
	}
	old := spec
	for field, text := range map[string]string{source.FieldURL: p.URL, source.FieldUser: p.User, source.FieldBase: p.Base, source.FieldTenant: p.Tenant, source.FieldPassword: typed} {
		if len(text) > longestSetting {
			p.Errors[field] = "That is too long: at most " + ui.Num(longestSetting) + " characters."
		}
	}
	spec.ReadEvery = p.Every
	if !model.Outside(old.Revoke.Mode) && (p.Remove != model.ModeManual || old.Revoke.Mode != "") { // "" is manual
		spec.Revoke.Mode = p.Remove
	}
	if p.Type == "entra" {
		typedTenant(p, &spec)
	} else {
		typedAddress(p, &spec)
	}
	switch {
	case reference.MatchString(typed):
		p.Errors[source.FieldPassword] = "Type the password itself. Only configuration files may name secrets of the server."
	case typed != "":
		spec.Token, spec.Password = "", "${"+secretFor(p.Name, old, spec)+"}"
		if p.Type == "scim" && p.User == "" {
			spec.Token, spec.Password = spec.Password, ""
		}
	case p.Edit == nil:
		p.Errors[source.FieldPassword] = "Type it once more: it is never sent back to this page."
	case campaigns.NeedsSecret(old, spec):
		p.Errors[source.FieldPassword] = "Type it anew: what is kept goes to no other address, account or tenant than the one that it was given for."
	}
	return spec
}

// typedTenant puts what was typed about a tenant of Entra ID into settings.
func typedTenant(p *source.NewPage, spec *model.SourceSpec) {
	if p.Tenant == "" {
		p.Errors[source.FieldTenant] = "Give the tenant's id."
	}
	if p.User == "" {
		p.Errors[source.FieldUser] = "Give the application's id."
	}
	var e model.EntraSpec
	if spec.Entra != nil {
		e = *spec.Entra
	}
	if p.SignIns != "" && p.SignIns != source.SignInsRead && p.SignIns != source.SignInsNot {
		p.Errors[source.FieldSignIns] = "Choose yes or no."
	}
	e.Tenant, e.ClientID, e.SignInActivity = p.Tenant, p.User, p.SignIns == source.SignInsRead
	spec.Entra = &e
}

// typedAddress puts what was typed about any other system into settings.
func typedAddress(p *source.NewPage, spec *model.SourceSpec) {
	spec.URL = p.URL
	if p.URL == "" {
		p.Errors[source.FieldURL] = "Give the address."
	} else if err := campaigns.CheckAddress(p.URL); err != nil {
		p.Errors[source.FieldURL], p.URL = model.Message(err), "" // it may hold a password
	}
	switch p.Type {
	case "ldap":
		if p.User == "" && (p.Edit == nil || !p.Edit.Plain) {
			p.Errors[source.FieldUser] = "Give the account that reads."
		}
		if p.Base == "" {
			p.Errors[source.FieldBase] = "Give the tree that is read."
		}
		var l model.LDAPSpec
		if spec.LDAP != nil {
			l = *spec.LDAP
		}
		l.Base, spec.LDAP, spec.Username = p.Base, &l, p.User
	case "scim":
		spec.Username = p.User
	}
}

// testSource tries the settings and puts what was found, or what is wrong, on the page; found tells that
// the connection works.
func (s *site) testSource(r *request, p *source.NewPage, spec model.SourceSpec, typed string) (found bool, err error) {
	sample, err := s.Probe(r.Context(), spec, typed)
	switch {
	case err == nil:
		again := ""
		if typed != "" {
			again = ": type the password once more and save"
		}
		p.Found = ui.Notice{Tone: ui.Good, Title: "The connection works.", Text: sample.Found + " Nothing is stored yet" + again + ".", Link: "See what was read", Href: "#sample"}
		p.Sample = s.sampleView(r, sample)
		return true, nil
	case model.KindOf(err) == model.Internal:
		return false, err
	}
	p.Problem = ui.Notice{Tone: ui.Bad, Title: "The connection does not work.", Text: wholeSentence(model.Message(err))}
	return false, nil
}

// storeSource stores the settings of a source, and the password that was typed, or neither.
func (s *site) storeSource(r *request, e campaigns.SourceEdit, typed string) error {
	if err := campaigns.CheckSource(e.Spec); err != nil {
		return &model.Error{Kind: model.Invalid, Msg: err.Error()}
	}
	if typed != "" && e.Spec.Type != "csv" { // files have none, whatever was typed
		kept, err := s.SealSecret(campaigns.SecretName(e.Spec.Token+e.Spec.Password), typed)
		if err != nil {
			return err
		}
		e.Secret = &kept
	}
	_, err := campaigns.SaveSource(r.Context(), s.Store, r.actor.Label(), e)
	return err
}

// wholeSentence makes one of a message that begins and ends as a part of a line does.
func wholeSentence(text string) string {
	return sentence(capital(text))
}
