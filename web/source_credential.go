package web

import (
	"slices"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/views/ui"
)

const termCredentials = "Credentials"

// nameCredential puts words in place of the references to a source's credential: where its value is, and
// who set it when, where it is kept here. The value itself is nowhere in the settings.
func (s *site) nameCredential(r *request, settings []ui.Pair, name string, spec model.SourceSpec) error {
	at := slices.IndexFunc(settings, func(p ui.Pair) bool { return p.Term == termCredentials })
	if at < 0 {
		return nil
	}
	kept, _, err := s.credential(r, name, spec)
	if err != nil {
		return err
	}
	var parts []string
	if spec.Username != "" {
		parts = append(parts, "user "+spec.Username)
	}
	if kept != "" {
		parts = append(parts, kept)
	}
	settings[at].Text = strings.Join(parts, ", ")
	return nil
}

// credential says in words where the credential of a source is, "" where it has none; own tells that it is
// kept here, so that a new value is another one of the same.
func (s *site) credential(r *request, name string, spec model.SourceSpec) (text string, own bool, err error) {
	what := "password"
	ref := spec.Password
	switch {
	case spec.Token != "":
		what, ref = "token", spec.Token
	case spec.Password == "":
		return "", false, nil
	case spec.Type == "entra":
		what = "client secret"
	}
	set, err := campaigns.CredentialSet(r.Context(), s.Store, name, spec)
	if err != nil {
		return "", false, err
	}
	if !set.At.Known() {
		return what + " from the server's environment variable " + campaigns.SecretName(ref), false, nil
	}
	text = what + " kept here, set on " + ui.At(set.At, r.zone).Text
	if set.Actor != "" {
		text += " by " + set.Actor
	}
	return text, ownSecret(name, campaigns.SecretName(ref)), nil
}
