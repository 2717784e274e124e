package scope_test

import (
	"strings"
	"testing"
	"time"

	"recert/campaigns/scope"
	"recert/model"
)

var now = time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)

func at(days int) model.Time { return model.TimeOf(now.AddDate(0, 0, days)) }

// row is a grant of which some things are known and some are not.
func row() scope.Row {
	src := &scope.Source{ID: 1, Name: "wiki", Type: "csv"}
	return scope.Row{
		Account: &scope.Account{Key: 1, Source: src, Person: &scope.Person{Key: 7, Person: model.Person{PersonID: "u7", Name: "Ana", Department: "Sales", Attrs: map[string]string{"site": "B2"}}},
			Account: model.Account{AccountID: "a1", Kind: "human", Privileged: model.Unknown, LastLoginAt: at(-100)}},
		Entitlement: &scope.Entitlement{Key: 2, Source: src, Entitlement: model.Entitlement{EntitlementID: "e1", Risk: "high", Privileged: model.Yes}},
		Grant:       &model.Grant{GrantedAt: at(-10)},
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	type result struct{ in, unknown bool }
	yes, no, maybe := result{true, false}, result{false, false}, result{true, true}
	for where, want := range map[string]result{
		"":                            yes,
		"true":                        yes,
		"false":                       no,
		"entitlement.risk != 'low'":   yes,
		"entitlement.risk == 'low'":   no,
		"account.privileged":          maybe,
		"!account.privileged":         maybe,
		"account.privileged || true":  yes,
		"account.privileged && false": no,
		"account.privileged || entitlement.privileged":         yes,
		"entitlement.risk != 'low' || account.privileged":      yes,
		"entitlement.risk == 'low' || account.privileged":      maybe,
		"account.privileged ? true : true":                     maybe,
		"account.status == 'enabled'":                          maybe,
		"account.status in ['enabled', 'disabled']":            maybe,
		"account.email.endsWith('@example.com')":               maybe,
		"person.department == 'Sales'":                         yes,
		"person.title == 'Clerk'":                              maybe,
		"person.attrs['site'] == 'B2'":                         yes,
		"person.attrs.site == 'B3'":                            no,
		"person.attrs['floor'] == '2'":                         maybe, // nobody said
		"person.attrs['floor'] == '2' || true":                 yes,
		"'floor' in person.attrs":                              no,
		"person.attrs.exists(k, k == 'site')":                  yes,
		"[account.status, 'x'].exists(s, s == 'x')":            maybe,
		"account.last_login_at < now - duration('2160h')":      yes,
		"account.last_login_at < now - duration('4800h')":      no,
		"grant.last_used_at < now":                             maybe, // unknown is not never
		"grant.granted_at > timestamp('2026-01-01T00:00:00Z')": yes,
		"grant.via == ''":                                      yes,
		"grant.direct":                                         yes,
		"account.matched":                                      yes,
		"source.name == 'wiki' && source.owner == 'u1'":        maybe,
		"source.name == 'crm' && source.owner == 'u1'":         no,
		"1 / (size(account.account_id) - 2) == 1":              maybe, // fails: nobody can tell
		"entitlement.entitlement_id.matches('^e[0-9]$')":       yes,
	} {
		f, err := scope.Compile(where, now)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		for range 2 { // the filter keeps nothing of the row before
			in, unknown, err := f.Match(row())
			if err != nil || (result{in, unknown}) != want {
				t.Errorf("%s: in %v, unknown %v, %v; want %+v", where, in, unknown, err, want)
			}
		}
	}
}

func TestMatchWithoutPersonOrGrant(t *testing.T) {
	t.Parallel()
	r := scope.Row{Account: &scope.Account{Source: &scope.Source{Name: "wiki"}}}
	for where, want := range map[string]bool{
		"person.department == 'Sales'": true, "entitlement.risk == 'low'": true, "grant.via == 'x'": true, "person.attrs['a'] == 'b'": true,
		"account.matched": false, "entitlement.risk == 'low' && account.matched": false,
	} {
		f, err := scope.Compile(where, now)
		if err != nil {
			t.Fatal(err)
		}
		in, unknown, err := f.Match(r)
		if err != nil || in != want || unknown != want {
			t.Errorf("%s: in %v, unknown %v, %v", where, in, unknown, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for where, part := range map[string]string{
		"entitlement.risk = 'low'":                          "line 1, column 18",
		"true &&\n  account.colour == 'red'":                "line 2, column 3: account has no such field; it has account_id",
		"account.privileged == 'yes'":                       "column 20",
		"entitlement.risk":                                  "must give true or false; this gives string",
		"accounts.status == 'x'":                            "undeclared reference to 'accounts.status'",
		strings.Repeat("true && ", 2000) + "true":           "scope.where",
		strings.Repeat("(", 200) + strings.Repeat(")", 200): "scope.where",
	} {
		_, err := scope.Compile(where, now)
		if err == nil || model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), part) {
			t.Errorf("%.40s: %v; want %q", where, err, part)
		}
	}
}

func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	r := row()
	r.Account.Attrs = map[string]string{}
	for i := range 200 {
		r.Account.Attrs[strings.Repeat("k", i+1)] = "v"
	}
	f, err := scope.Compile("account.attrs.all(a, account.attrs.all(b, account.attrs.all(c, a + b + c != '')))", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Match(r); err == nil || !strings.Contains(err.Error(), "account a1") {
		t.Errorf("got %v", err)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	rules, err := scope.Rules(model.StageSpec{Reviewers: model.Strings{"manager", "u7"}, Fallback: "u8"})
	if err != nil || len(rules) != 3 || rules[1] != (scope.Rule{Basis: "named", PersonID: "u7"}) || rules[2] != (scope.Rule{Basis: "fallback", PersonID: "u8"}) {
		t.Errorf("%+v, %v", rules, err)
	}
	for rule, part := range map[string]string{"group:risk": "groups", "entitlement.owner_id == 'x'": "must give a person_id", " ": "empty"} {
		if _, err := scope.Rules(model.StageSpec{Reviewers: model.Strings{rule}}); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v", rule, err)
		}
	}
	if _, err := scope.Rules(model.StageSpec{}); err == nil {
		t.Error("no rule at all was taken")
	}
}

func directory(people ...*scope.Person) *scope.Directory {
	d := scope.NewDirectory(strings.ToLower)
	for _, p := range people {
		d.Add(p)
	}
	return d
}

func person(key, source int64, id string, change ...func(*model.Person)) *scope.Person {
	p := &scope.Person{Key: key, SourceID: source, Person: model.Person{PersonID: id, Name: "Person " + id}}
	for _, c := range change {
		c(&p.Person)
	}
	return p
}

func status(s string) func(*model.Person)  { return func(p *model.Person) { p.Status = s } }
func kind(s string) func(*model.Person)    { return func(p *model.Person) { p.Kind = s } }
func manager(s string) func(*model.Person) { return func(p *model.Person) { p.ManagerID = s } }
func owner(s string) func(*model.Person)   { return func(p *model.Person) { p.OwnerID = s } }

func TestAssign(t *testing.T) {
	t.Parallel()
	boss, away, gone := person(1, 1, "Boss"), person(2, 1, "away", status("leave")), person(3, 1, "gone", status("terminated"))
	ana := person(4, 1, "ana", manager("BOSS"), status("active"))
	bob := person(5, 1, "bob", manager("away"))
	robot := person(6, 1, "robot", kind("service"), owner("ana"), manager("boss"))
	twinA, twinB := person(7, 1, "twin"), person(8, 2, "twin")
	solo := person(9, 2, "solo", manager("twin"))
	dir := directory(boss, away, gone, ana, bob, robot, twinA, twinB, solo)
	all := []string{"manager", "account_owner", "entitlement_owner", "source_owner"}
	for name, c := range map[string]struct {
		person                   *scope.Person
		accountOwner, entOwner   string
		rules                    []string
		want, wantBasis, avoided string
	}{
		"manager, whatever the case":               {person: ana, rules: all, want: "Boss", wantBasis: "manager"},
		"manager on leave":                         {person: bob, entOwner: "ana", rules: all, want: "ana", wantBasis: "entitlement_owner"},
		"no person":                                {accountOwner: "ana", rules: all, want: "ana", wantBasis: "account_owner"},
		"owning a service is not own access":       {person: robot, rules: []string{"account_owner"}, want: "ana", wantBasis: "account_owner"},
		"the account's owner before the service's": {person: robot, accountOwner: "bob", rules: []string{"account_owner"}, want: "bob", wantBasis: "account_owner"},
		"a human's owner_id is no account owner":   {person: person(10, 1, "x", owner("ana")), rules: []string{"account_owner", "boss"}, want: "Boss", wantBasis: "named"},
		"own access goes to the next rule":         {person: ana, entOwner: "ana", rules: []string{"entitlement_owner", "manager"}, want: "Boss", wantBasis: "manager", avoided: "ana"},
		"own access, nobody else":                  {person: ana, entOwner: "ana", rules: []string{"entitlement_owner"}, avoided: "ana"},
		"own access by name":                       {person: ana, rules: []string{"ANA", "bob"}, want: "bob", wantBasis: "named", avoided: "ana"},
		"terminated":                               {person: ana, entOwner: "gone", rules: []string{"entitlement_owner", "source_owner"}, want: "Boss", wantBasis: "source_owner"},
		"a service never reviews":                  {person: ana, entOwner: "robot", rules: []string{"entitlement_owner"}},
		"two of one id in different sources":       {person: ana, entOwner: "twin", rules: []string{"entitlement_owner"}},
		"the manager of the own source":            {person: solo, rules: []string{"manager"}, want: "twin", wantBasis: "manager"},
		"nobody has the id":                        {person: ana, entOwner: "who", rules: []string{"entitlement_owner"}},
	} {
		src := &scope.Source{ID: 3, Name: "wiki", Owner: "boss"}
		r := scope.Row{
			Account:     &scope.Account{Key: 1, Source: src, Person: c.person, Account: model.Account{OwnerID: c.accountOwner}},
			Entitlement: &scope.Entitlement{Key: 1, Source: src, Entitlement: model.Entitlement{OwnerID: c.entOwner}},
		}
		rules, err := scope.Rules(model.StageSpec{Reviewers: c.rules})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := dir.Assign(rules, r)
		if ok != (c.want != "") {
			t.Errorf("%s: found %v", name, ok)
			continue
		}
		if ok && (got.Reviewer.PersonID != c.want || got.Basis != c.wantBasis) {
			t.Errorf("%s: %s by %s", name, got.Reviewer.PersonID, got.Basis)
		}
		if (got.Avoided == nil) != (c.avoided == "") || got.Avoided != nil && got.Avoided.PersonID != c.avoided {
			t.Errorf("%s: avoided %+v", name, got.Avoided)
		}
	}
	// The fallback of an account without any grant.
	rules, err := scope.Rules(model.StageSpec{Reviewers: model.Strings{"entitlement_owner"}, Fallback: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := dir.Assign(rules, scope.Row{Account: &scope.Account{Source: &scope.Source{}}}); !ok || got.Reviewer != bob || got.Basis != "fallback" {
		t.Errorf("fallback %+v", got)
	}
}
