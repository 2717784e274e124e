package campaigns_test

import (
	"reflect"
	"slices"
	"testing"

	"recert/campaigns"
	"recert/model"
)

// TestNeedsSecret: of all settings of a source only those that are known to be harmless leave its
// credential usable. A new setting is none of them until somebody says so here, and in the code.
func TestNeedsSecret(t *testing.T) {
	t.Parallel()
	base := func() model.SourceSpec {
		return model.SourceSpec{Password: "${P}", LDAP: &model.LDAPSpec{}, SQL: &model.SQLSpec{}, Exec: &model.ExecSpec{}, Baton: &model.BatonSpec{}, Entra: &model.EntraSpec{}}
	}
	harmless := []string{
		"Provides", "Columns", "Delimiter", "Header", "ShrinkLimit", "Owner", "Correlate", "Revoke", "Token", "Password", "PageSize", "Timeout", "ReadEvery",
		"LDAP.Base", "Entra.SignInActivity",
	}
	seen := 0
	check := func(name string, field func(*model.SourceSpec) reflect.Value) {
		spec := base()
		v := field(&spec)
		if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
			return // its fields are looked at one by one
		}
		change(t, name, v)
		seen++
		if need := campaigns.NeedsSecret(base(), spec); need == slices.Contains(harmless, name) {
			t.Errorf("another %s: the credential is needed anew: %v", name, need)
		}
	}
	for i := range reflect.TypeFor[model.SourceSpec]().NumField() {
		f := reflect.TypeFor[model.SourceSpec]().Field(i)
		check(f.Name, func(s *model.SourceSpec) reflect.Value { return reflect.ValueOf(s).Elem().Field(i) })
		if f.Type.Kind() != reflect.Pointer || f.Type.Elem().Kind() != reflect.Struct {
			continue
		}
		for j := range f.Type.Elem().NumField() {
			check(f.Name+"."+f.Type.Elem().Field(j).Name, func(s *model.SourceSpec) reflect.Value { return reflect.ValueOf(s).Elem().Field(i).Elem().Field(j) })
		}
	}
	if seen < 60 {
		t.Errorf("only %d settings were looked at", seen)
	}
	if campaigns.NeedsSecret(model.SourceSpec{URL: "https://a"}, model.SourceSpec{URL: "https://b"}) {
		t.Error("a source without a credential asks for one")
	}
}

// change gives a setting another value.
func change(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.ValueOf("other").Convert(v.Type().Elem())))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("other"), reflect.Zero(v.Type().Elem()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Struct:
		change(t, name, v.Field(0))
	default:
		t.Fatalf("%s: no other value is known for a %s", name, v.Kind())
	}
}
