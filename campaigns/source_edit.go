package campaigns

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// SourceEdit is what a form makes of one source.
type SourceEdit struct {
	Name   string
	Spec   *model.SourceSpec
	Was    string        // SourceVersion of the settings that the form was filled in from; "" makes a new source
	Secret *store.Secret // the credential that was typed, encrypted; nil leaves what there is
}

// SaveSource stores the settings of one source and the credential that was typed with them, both or
// neither, with one event that names who did it. What is there is never replaced unseen: a name that is
// taken, or settings that are not those of Was any more, are a Conflict. A credential that was typed
// before goes nowhere else by this: see NeedsSecret. One that nothing names any more is forgotten.
func SaveSource(ctx context.Context, s *store.Store, actor string, e SourceEdit) (Change, error) {
	if err := CheckSource(e.Spec); err != nil {
		return Change{}, &model.Error{Kind: model.Invalid, Msg: err.Error()}
	}
	var c Change
	err := s.InTx(ctx, func(tx *store.Tx) error {
		if err := e.mayStore(ctx, tx, actor); err != nil {
			return err
		}
		before, err := namedSecrets(ctx, tx)
		if err != nil {
			return err
		}
		c, err = applyOne(ctx, tx, actor, Document{Kind: model.ConfigSource, Name: e.Name, Spec: e.Spec, At: "form", secret: e.Secret})
		if err != nil {
			return err
		}
		return forgetUnnamed(ctx, tx, before)
	})
	return c, err
}

// mayStore refuses what would replace something unseen, and locks the source.
func (e SourceEdit) mayStore(ctx context.Context, tx *store.Tx, actor string) error {
	src, err := tx.Source(ctx, e.Name)
	switch {
	case model.KindOf(err) == model.NotFound && e.Was == "":
		return nil
	case err != nil:
		return err
	case e.Was == "":
		return model.Errorf(model.Conflict, "There is a source of this name already. Choose another one.")
	}
	if err := tx.LockSource(ctx, src.ID); err != nil { // as every change of its settings does
		return err
	}
	old, is, err := sourceVersion(ctx, tx, e.Name)
	if err != nil {
		return err
	}
	if is != e.Was {
		again, err := e.again(ctx, tx, is, actor)
		if err != nil {
			return err
		}
		if !again {
			return model.Errorf(model.Conflict, "These settings were changed in the meantime. Load the page again.")
		}
	}
	if e.Secret == nil && (NeedsSecret(old, *e.Spec) || old.Token != e.Spec.Token || old.Password != e.Spec.Password) {
		return model.Errorf(model.Invalid, "Give the credential anew: it is sent to no other system than the one that it was given for.")
	}
	return nil
}

// again tells whether a form comes a second time: its settings are stored already, and the credential
// that is there was typed by the same person.
func (e SourceEdit) again(ctx context.Context, tx *store.Tx, is, actor string) (bool, error) {
	spec, err := CanonicalSpec(e.Spec)
	if err != nil {
		return false, err
	}
	settings, secret, _ := strings.Cut(is, ".")
	if settings != sumOf(spec) {
		return false, nil
	}
	if _, was, _ := strings.Cut(e.Was, "."); was == secret {
		return true, nil
	}
	set, err := CredentialSet(ctx, tx, e.Name, *e.Spec)
	return err == nil && set.Actor == actor, err
}

// SourceVersion names the settings of a source as they are, and the credential that is kept for it: a
// change of either gives another one.
func SourceVersion(ctx context.Context, q sourceSecrets, name string) (string, error) {
	_, v, err := sourceVersion(ctx, q, name)
	return v, err
}

type sourceSecrets interface {
	Config(ctx context.Context, kind model.ConfigKind, name string) (store.Config, error)
	SourceSpec(ctx context.Context, name string) (model.SourceSpec, error)
	Secret(ctx context.Context, name string) (store.Secret, error)
}

func sourceVersion(ctx context.Context, q sourceSecrets, name string) (model.SourceSpec, string, error) {
	doc, err := q.Config(ctx, model.ConfigSource, name)
	if err != nil {
		return model.SourceSpec{}, "", err
	}
	spec, err := q.SourceSpec(ctx, name)
	if err != nil {
		return spec, "", err
	}
	version := int64(0)
	if ref := SecretName(spec.Token + spec.Password); ref != "" {
		kept, err := q.Secret(ctx, ref)
		if err != nil && model.KindOf(err) != model.NotFound {
			return spec, "", err
		}
		version = kept.Version
	}
	return spec, doc.SHA256 + "." + strconv.FormatInt(version, 10), nil
}

// SecretName is the name in a reference like ${WIKI_TOKEN}, "" where there is none.
func SecretName(ref string) string {
	m := secretRefRE.FindStringSubmatch(ref)
	if m == nil {
		return ""
	}
	return m[1]
}

// NeedsSecret tells whether the credential of a source may not be used with other settings unless it is
// typed anew: they name another system, or another account in it. Otherwise whoever may change settings
// could have a credential that they never saw sent to an address of their own choice.
func NeedsSecret(old, now model.SourceSpec) bool {
	if old.Token+old.Password == "" {
		return false
	}
	was, err := CanonicalSpec(receiverOf(old))
	if err != nil {
		return true
	}
	is, err := CanonicalSpec(receiverOf(now))
	return err != nil || !bytes.Equal(was, is)
}

// receiverOf is what of a source's settings decides who gets its credential. Of the blocks of a type
// everything counts that is not known to be harmless; a test asks about every setting.
func receiverOf(s model.SourceSpec) model.SourceSpec {
	r := systemOf(s)
	r.Token, r.Password, r.CAFile = "", "", s.CAFile
	if r.LDAP != nil { // the tree below which one server is asked
		l := *r.LDAP
		l.Base, r.LDAP = "", &l
	}
	return r
}

// Credential is when the credential of a source was typed into a form, and by whom.
type Credential struct {
	At    model.Time
	Actor string // "" where that was erased, or was never written down
}

// CredentialSet tells of the credential of a source that is kept here; one that comes from the
// environment has the zero Credential.
func CredentialSet(ctx context.Context, q credentialReader, source string, spec model.SourceSpec) (Credential, error) {
	name := SecretName(spec.Token + spec.Password)
	if name == "" {
		return Credential{}, nil
	}
	kept, err := q.Secret(ctx, name)
	if err != nil {
		if model.KindOf(err) == model.NotFound {
			err = nil
		}
		return Credential{}, err
	}
	set := Credential{At: kept.UpdatedAt}
	events, err := q.EventsOf(ctx, "", evidence.ConfigObject(string(model.ConfigSource), source))
	if err != nil {
		return set, err
	}
	for _, e := range slices.Backward(events) {
		body, err := evidence.BodyOf(e.Leaf)
		if err != nil {
			return set, err
		}
		if b, ok := body.(*evidence.ConfigApplied); ok && b.Secret == name {
			set.At = e.At
			set.Actor, err = actorOf(ctx, q, e.ID)
			return set, err
		}
	}
	return set, nil
}

type credentialReader interface {
	Secret(ctx context.Context, name string) (store.Secret, error)
	EventsOf(ctx context.Context, run, object string) ([]store.Event, error)
	DisclosuresOf(ctx context.Context, events []int64) ([]store.Disclosure, error)
}

func actorOf(ctx context.Context, q credentialReader, event int64) (string, error) {
	open, err := q.DisclosuresOf(ctx, []int64{event})
	for _, d := range open {
		if d.Field == "actor" {
			return d.Value, err
		}
	}
	return "", err
}
