package campaigns_test

import (
	"slices"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// keeps are sources whose passwords were typed into a form, as KEPT_A of a and KEPT_B of b.
type keeps struct {
	t *testing.T
	s *store.Store
}

func (k keeps) spec(password string) *model.SourceSpec {
	return &model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "ldap", URL: "ldaps://ldap.example.com", Username: "cn=reader", Password: password,
		LDAP: &model.LDAPSpec{Base: "dc=example,dc=com"},
	}
}

func (k keeps) save(name, was, secret string) error {
	kept := &store.Secret{Name: secret, KeyID: "k", Wrapped: []byte("w"), Sealed: []byte("s")}
	_, err := campaigns.SaveSource(k.t.Context(), k.s, "admin", campaigns.SourceEdit{Name: name, Spec: k.spec("${" + secret + "}"), Was: was, Secret: kept})
	return err
}

func (k keeps) apply(dry bool, passwords map[string]string, docs ...campaigns.Document) error {
	for _, name := range []string{"a", "b", "c"} {
		if ref, ok := passwords[name]; ok {
			docs = append(docs, campaigns.Document{Kind: model.ConfigSource, Name: name, Spec: k.spec(ref), At: name})
		}
	}
	_, err := campaigns.Apply(k.t.Context(), k.s, "cli", docs, dry)
	return err
}

func (k keeps) are(what string, want ...string) {
	k.t.Helper()
	kept, err := k.s.Secrets(k.t.Context())
	mustNot(k.t, err)
	var got []string
	for _, s := range kept {
		got = append(got, s.Name)
	}
	if !slices.Equal(got, want) {
		k.t.Errorf("%s: %q are kept, want %q", what, got, want)
	}
}

// TestForgottenSecret: a password that was typed into a form goes with the last settings that name it, and stays as
// long as some do, or where the change comes to nothing.
func TestForgottenSecret(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		k := keeps{t, s}
		mustNot(t, k.save("a", "", "KEPT_A"))
		mustNot(t, k.save("b", "", "KEPT_B"))
		k.are("two are typed", "KEPT_A", "KEPT_B")

		mustNot(t, k.apply(true, map[string]string{"a": "${FROM_FILE}"}))
		k.are("nothing is changed", "KEPT_A", "KEPT_B")
		unknown := campaigns.Document{Kind: model.ConfigCampaign, Name: "q", Spec: &model.CampaignSpec{Scope: model.ScopeSpec{Sources: []string{"nowhere"}}}, At: "q"}
		if err := k.apply(false, map[string]string{"a": "${FROM_FILE}"}, unknown); err == nil {
			t.Error("a campaign of a source that there is not is taken")
		}
		k.are("it is refused", "KEPT_A", "KEPT_B")

		mustNot(t, k.apply(false, map[string]string{"a": "${FROM_FILE}", "c": "${KEPT_A}"}))
		k.are("another source names it", "KEPT_A", "KEPT_B")
		mustNot(t, k.apply(false, map[string]string{"a": "${KEPT_A}", "c": "${FROM_FILE}"}))
		k.are("they change places", "KEPT_A", "KEPT_B")
		mustNot(t, k.apply(false, map[string]string{"a": "${FROM_FILE}", "b": "${KEPT_B}"}))
		k.are("nothing names it", "KEPT_B")

		version, err := campaigns.SourceVersion(t.Context(), s, "b")
		mustNot(t, err)
		mustNot(t, k.apply(false, map[string]string{"c": "${KEPT_B}"}))
		mustNot(t, k.save("b", version, "KEPT_B_2"))
		k.are("another is typed, and the one before is named by another source", "KEPT_B", "KEPT_B_2")
		if err := k.save("b", version, "KEPT_B_3"); model.KindOf(err) != model.Conflict {
			t.Errorf("old settings are saved: %v", err)
		}
		k.are("it is refused", "KEPT_B", "KEPT_B_2")
		mustNot(t, k.apply(false, map[string]string{"c": "${FROM_FILE}"}))
		k.are("nothing names that one either", "KEPT_B_2")
	})
}
