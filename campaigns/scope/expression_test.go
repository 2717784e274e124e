package scope_test

import (
	"strings"
	"testing"

	"recert/campaigns/scope"
	"recert/model"
)

// TestExpression: an expression names a reviewer by what is known of the access; where it cannot tell, or names
// nobody who may review, the next rule is asked.
func TestExpression(t *testing.T) {
	t.Parallel()
	dir := scope.NewDirectory(strings.ToLower)
	for i, id := range []string{"u1", "u2", "u3"} {
		dir.Add(&scope.Person{Key: int64(i + 1), Person: model.Person{PersonID: id, Attrs: map[string]string{"buddy": "U3"}, ManagerID: "u2"}})
	}
	dir.Add(&scope.Person{Key: 4, Person: model.Person{PersonID: "u4", Status: "terminated"}})
	row := func(person int64, risk string) scope.Row {
		a := &scope.Account{Source: &scope.Source{Name: "wiki", Owner: "u3"}, Person: dir.Key(person)}
		a.AccountID = "a"
		return scope.Row{Account: a, Entitlement: &scope.Entitlement{Entitlement: model.Entitlement{Risk: risk}}}
	}
	for _, c := range []struct {
		expr  string
		row   scope.Row
		want  string
		basis string
	}{
		{"entitlement.risk == 'high' ? source.owner : person.manager_id", row(1, "high"), "u3", "expression"},
		{"entitlement.risk == 'high' ? source.owner : person.manager_id", row(1, "low"), "u2", "expression"},
		{"entitlement.risk == 'high' ? source.owner : person.manager_id", row(2, ""), "u1", "fallback"}, // unknown
		{"person.attrs.buddy", row(1, ""), "u3", "expression"},
		{"person.attrs.mentor", row(2, ""), "u1", "fallback"},
		{"person.attrs['buddy']", row(0, ""), "u1", "fallback"}, // nobody's account
		{"person.manager_id", row(2, ""), "u1", "fallback"},     // own access
		{"'u4'", row(2, ""), "u1", "fallback"},                  // who has left
		{"'nobody'", row(2, ""), "u1", "fallback"},
		{"' u3 '", row(2, ""), "u3", "expression"},
	} {
		rules, err := scope.Rules(model.StageSpec{Reviewers: model.Strings{c.expr}, Fallback: "u1"})
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		choice, ok := dir.Assign(rules, c.row)
		if !ok || choice.Reviewer.PersonID != c.want || choice.Basis != c.basis {
			t.Errorf("%s: %+v %v, want %s by %s", c.expr, choice, ok, c.want, c.basis)
		}
	}
}

// TestExpressionRefused: what is wrong with an expression is said where the campaign is defined.
func TestExpressionRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expr, want string }{
		{"person.boss == 'x' ? 'a' : 'b'", "reviewers: line 1, column 1: person has no such field; it has attrs, "},
		{"entitlement.risk == 'high'", "must give a person_id, which is a text; it gives bool"},
		{"(person.manager_id", "reviewers: line 1, column"},
		{"grant.granted_by == '' ? 'a' : grant.granted_by", "grant and now cannot name a reviewer"},
		{"grant.granted_by", "grant and now cannot name a reviewer"},
		{"now > now ? 'a' : 'b'", "grant and now cannot name a reviewer"},
	} {
		_, err := scope.Rules(model.StageSpec{Reviewers: model.Strings{c.expr}})
		if model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.expr, err, c.want)
		}
	}
	rules, err := scope.Rules(model.StageSpec{Reviewers: model.Strings{"a.smith", "u-1.2"}})
	if err != nil || len(rules) != 2 || rules[0].Basis != scope.Named || rules[1].PersonID != "u-1.2" {
		t.Errorf("a person_id with a dot: %+v %v", rules, err)
	}
}
