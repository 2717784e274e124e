package scope_test

import (
	"strings"
	"testing"
	"time"

	"recert/campaigns/scope"
	"recert/model"
)

// TestConditions: a plain condition holds, does not, or cannot tell, and then the access is in and counted.
func TestConditions(t *testing.T) {
	t.Parallel()
	ago := func(days int) model.Time { return model.TimeOf(now.AddDate(0, 0, -days)) }
	full := func() scope.Row {
		p := &scope.Person{Key: 1, Person: model.Person{PersonID: "u1", ManagerID: "U7", Department: "Sales", EmploymentType: "contractor", Attrs: map[string]string{"site": "Oslo"}}}
		return scope.Row{
			Account:     &scope.Account{Source: &scope.Source{Name: "wiki"}, Person: p, Account: model.Account{AccountID: "a1", Kind: "human", Privileged: model.No, LastLoginAt: ago(10)}},
			Entitlement: &scope.Entitlement{Entitlement: model.Entitlement{EntitlementID: "admins", OwnerID: "u3", Risk: "high", Privileged: model.Yes}},
			Grant:       &model.Grant{Via: "staff > ops", LastUsedAt: ago(100)},
		}
	}
	bare := func() scope.Row { return scope.Row{Account: &scope.Account{Source: &scope.Source{Name: "wiki"}}} }
	const out, in, unsure = "out", "in", "unsure"
	for _, c := range []struct {
		name       string
		spec       model.ScopeSpec
		full, bare string
	}{
		{"nothing", model.ScopeSpec{}, in, in},
		{"people", model.ScopeSpec{People: model.Strings{"x", "U1"}}, in, unsure},
		{"other people", model.ScopeSpec{People: model.Strings{"u2"}}, out, unsure},
		{"managers", model.ScopeSpec{Managers: model.Strings{"u7"}}, in, unsure},
		{"departments", model.ScopeSpec{Departments: model.Strings{"sales"}}, in, unsure},
		{"no quoting breaks out", model.ScopeSpec{Departments: model.Strings{"' || true || '"}}, out, unsure},
		{"employment", model.ScopeSpec{EmploymentTypes: model.Strings{"employee"}}, out, unsure},
		{"kind", model.ScopeSpec{AccountKinds: model.Strings{"human"}}, in, unsure},
		{"other kind", model.ScopeSpec{AccountKinds: model.Strings{"service", "agent"}}, out, unsure},
		{"entitlement", model.ScopeSpec{Entitlements: model.Strings{"admins"}}, in, unsure},
		{"owner", model.ScopeSpec{Owners: model.Strings{"u4"}}, out, unsure},
		{"risk", model.ScopeSpec{Risks: model.Strings{"high", "critical"}}, in, unsure},
		{"via", model.ScopeSpec{Via: model.Strings{"ops"}}, in, out},
		{"not via", model.ScopeSpec{Via: model.Strings{"op"}}, out, out},
		{"attribute", model.ScopeSpec{Attributes: map[string]model.Strings{"site": {"oslo", "Rome"}}}, in, unsure},
		{"attribute that is not there", model.ScopeSpec{Attributes: map[string]model.Strings{"floor": {"2"}}}, unsure, unsure},
		{"privileged", model.ScopeSpec{Privileged: true}, in, unsure},
		{"orphans", model.ScopeSpec{Orphans: true}, out, in},
		{"dormant", model.ScopeSpec{Dormant: "100d"}, in, unsure},
		{"dormant for longer", model.ScopeSpec{Dormant: "15w"}, out, unsure},
		{"all of it must hold", model.ScopeSpec{People: model.Strings{"u1"}, Risks: model.Strings{"low"}}, out, unsure},
		{"one cannot tell", model.ScopeSpec{People: model.Strings{"u1"}, Attributes: map[string]model.Strings{"floor": {"2"}}}, unsure, unsure},
		{"with an expression", model.ScopeSpec{People: model.Strings{"u1"}, Where: "account.kind == 'human'"}, in, unsure},
		{"against an expression", model.ScopeSpec{People: model.Strings{"u1"}, Where: "account.account_id != 'a1'"}, out, unsure},
	} {
		f, err := scope.New(c.spec, now)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, r := range []struct {
			row  scope.Row
			want string
		}{{full(), c.full}, {bare(), c.bare}} {
			took, unknown, err := f.Match(r.row)
			got := map[[2]bool]string{{false, false}: out, {true, false}: in, {true, true}: unsure}[[2]bool{took, unknown}]
			if err != nil || got != r.want {
				t.Errorf("%s: %q, %v; want %q", c.name, got, err, r.want)
			}
		}
	}
	left := full()
	left.Account.Person.Status = "terminated"
	f, err := scope.New(model.ScopeSpec{Orphans: true}, now)
	if err != nil {
		t.Fatal(err)
	}
	if in, _, err := f.Match(left); err != nil || !in {
		t.Errorf("an account of somebody who has left: %v, %v", in, err)
	}
	owned := bare()
	owned.Account.OwnerID = "u1"
	if in, _, err := f.Match(owned); err != nil || in {
		t.Errorf("an account with an owner: %v, %v", in, err)
	}
	if f.Out() != "orphans" {
		t.Errorf("left out by %q", f.Out())
	}
}

// TestConditionsRefused: what a condition cannot be is said with its setting.
func TestConditionsRefused(t *testing.T) {
	t.Parallel()
	for want, spec := range map[string]model.ScopeSpec{
		`scope.risks: "huge" is none of low, medium, high, critical`: {Risks: model.Strings{"huge"}},
		`scope.account_kinds: "robot"`:                               {AccountKinds: model.Strings{"robot"}},
		"scope.people: an empty value":                               {People: model.Strings{"u1", " "}},
		`scope.dormant: "soon"`:                                      {Dormant: "soon"},
		"at least a day":                                             {Dormant: "0d"},
		"scope.where: line 1":                                        {Where: "("},
	} {
		if _, err := scope.New(spec, time.Unix(0, 0)); model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
