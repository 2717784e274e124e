package sqldb

import (
	"fmt"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// statement is a query of the configuration with its named parameters rewritten to the
// driver's placeholders.
type statement struct {
	what  string // its setting
	text  string
	names []string // of the arguments, in order
}

var paramNames = []string{"account_id", "username", "entitlement_id", "entitlement_name", "via", "granted_at"}

// compiled are the statements of Queries; nil where one is not given.
type compiled struct {
	accounts, entitlements, grants        *statement
	check, checkAccount, checkEntitlement *statement
	revoke, grant, deactivate             *statement
}

// compile rewrites the queries and checks what they need of each other.
func compile(q Queries, mysql bool) (*compiled, error) {
	c := &compiled{}
	id := []string{"account_id"}
	both := []string{"account_id", "entitlement_id"}
	for _, s := range []struct {
		what  string
		text  string
		into  **statement
		needs []string // nil is that no parameters are allowed
	}{
		{"accounts", q.Accounts, &c.accounts, nil},
		{"entitlements", q.Entitlements, &c.entitlements, nil},
		{"grants", q.Grants, &c.grants, nil},
		{"check", q.Check, &c.check, both},
		{"check_account", q.CheckAccount, &c.checkAccount, id},
		{"check_entitlement", q.CheckEntitlement, &c.checkEntitlement, []string{"entitlement_id"}},
		{"revoke", q.Revoke, &c.revoke, both},
		{"grant", q.Grant, &c.grant, both},
		{"deactivate", q.Deactivate, &c.deactivate, id},
	} {
		if strings.TrimSpace(s.text) == "" {
			continue
		}
		st, err := rewrite(s.what, s.text, mysql)
		if err != nil {
			return nil, err
		}
		if s.needs == nil && len(st.names) > 0 {
			return nil, model.Errorf(model.Invalid, "database: the query %s reads everything, so it takes no parameters; take :%s out", s.what, st.names[0])
		}
		if err := undoable(st, mysql); err != nil {
			return nil, err
		}
		for _, n := range s.needs {
			if !slices.Contains(st.names, n) {
				return nil, model.Errorf(model.Invalid, "database: the query %s must use :%s, or it would hit others too", s.what, n)
			}
		}
		*s.into = st
	}
	for _, n := range []struct {
		has, wants *statement
		msg        string
	}{
		{c.accounts, c.grants, "accounts needs grants beside it"},
		{c.entitlements, c.grants, "entitlements needs grants beside it"},
		{c.revoke, c.check, "revoke needs check beside it: nothing is changed without a look"},
		{c.grant, c.check, "grant needs check beside it: nothing is changed without a look"},
		{c.grant, c.checkAccount, "grant needs check_account beside it, to know whom it gives to"},
		{c.grant, c.checkEntitlement, "grant needs check_entitlement beside it, to know what it gives"},
		{c.deactivate, c.checkAccount, "deactivate needs check_account beside it: nothing is changed without a look"},
	} {
		if n.has != nil && n.wants == nil {
			return nil, model.Errorf(model.Invalid, "database: the query %s", n.msg)
		}
	}
	if c.grants == nil && c.check == nil {
		return nil, model.Errorf(model.Invalid, "database: give the query grants, check or both")
	}
	return c, nil
}

// undoable refuses changes that MySQL cannot take back: it commits by itself before and after
// everything but changes of rows, so a statement that does too much would have done it.
func undoable(s *statement, mysql bool) error {
	if !mysql || !slices.Contains([]string{"revoke", "grant", "deactivate"}, s.what) {
		return nil
	}
	first, _, _ := strings.Cut(s.text, " ")
	first = strings.ToUpper(strings.Fields(first)[0])
	if slices.Contains([]string{"DELETE", "UPDATE", "INSERT", "REPLACE", "WITH"}, first) {
		return nil
	}
	return model.Errorf(model.Invalid, "database: the query %s must be a DELETE, UPDATE or INSERT: MySQL cannot undo %s when it does too much", s.what, first)
}

// arguments are the values of the statement's parameters for one access. Values are text, which
// the database reads as the type that it wants there; what is unknown is NULL.
func (s *statement) arguments(a connector.Access, mysql bool) []any {
	out := make([]any, len(s.names))
	for i, n := range s.names {
		switch n {
		case "account_id":
			out[i] = a.AccountID
		case "username":
			out[i] = known(a.Username)
		case "entitlement_id":
			out[i] = a.EntitlementID
		case "entitlement_name":
			out[i] = known(a.EntitlementName)
		case "via":
			out[i] = a.Via // "" is direct, which is known
		case "granted_at":
			out[i] = known(a.GrantedAt.String())
			if mysql && a.GrantedAt.Known() {
				out[i] = a.GrantedAt.Std().Format("2006-01-02 15:04:05.000000")
			}
		}
	}
	return out
}

func known(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// rewrite finds the named parameters outside of quotes, comments and casts.
func rewrite(what, text string, mysql bool) (*statement, error) {
	r := rewriter{what: what, in: text, mysql: mysql, numbers: map[string]int{}}
	for r.at < len(r.in) {
		if err := r.step(); err != nil {
			return nil, err
		}
	}
	if r.words == 0 {
		return nil, model.Errorf(model.Invalid, "database: the query %s holds no statement", what)
	}
	return &statement{what: what, text: strings.TrimSpace(r.out.String()), names: r.names}, nil
}

type rewriter struct {
	what    string
	in      string
	at      int
	mysql   bool
	ended   bool // a semicolon came
	words   int  // characters that are no space, comment or semicolon
	out     strings.Builder
	names   []string
	numbers map[string]int // of PostgreSQL's placeholders
}

func (r *rewriter) step() error {
	rest := r.in[r.at:]
	if n := r.comment(rest); n > 0 {
		r.at += n
		r.out.WriteString(" ") // hints to the optimizer go too; none changes a result
		return nil
	}
	ch := rest[0]
	if ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f' || ch == '\v' {
		return r.take(1)
	}
	if ch == ';' {
		r.ended = true
		r.at++
		return nil
	}
	if r.ended {
		return model.Errorf(model.Invalid, "database: the query %s must be one statement; something stands after its semicolon", r.what)
	}
	r.words++
	switch {
	case ch == '\'' || ch == '"' || ch == '`' && r.mysql:
		return r.quoted(rest)
	case ch == '$' && !r.mysql:
		return r.dollar(rest)
	case ch == '?' && r.mysql:
		return model.Errorf(model.Invalid, "database: the query %s holds a ? outside of quotes; write parameters by name, as :account_id", r.what)
	case strings.HasPrefix(rest, "::"):
		return r.take(2)
	case ch == ':' && len(rest) > 1 && letter(rest[1]):
		return r.param(rest)
	case letter(ch):
		n := word(rest)
		// A word ends where a quote begins: E'…' of PostgreSQL has backslash escapes.
		if !r.mysql && n == 1 && (ch == 'E' || ch == 'e') && len(rest) > 1 && rest[1] == '\'' {
			return r.escaped(rest)
		}
		return r.take(n)
	case ch == 0:
		return model.Errorf(model.Invalid, "database: the query %s holds a zero byte", r.what)
	}
	return r.take(1)
}

func (r *rewriter) take(n int) error {
	r.out.WriteString(r.in[r.at : r.at+n])
	r.at += n
	return nil
}

// comment is the length of the comment that text begins with, or 0.
func (r *rewriter) comment(text string) int {
	line := strings.HasPrefix(text, "--") && (!r.mysql || len(text) == 2 || text[2] <= ' ') || r.mysql && text[0] == '#'
	if line {
		if n := strings.IndexByte(text, '\n'); n >= 0 {
			return n
		}
		return len(text)
	}
	// What MySQL runs although it is in a comment is no comment.
	if !strings.HasPrefix(text, "/*") || r.mysql && (strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*M!")) {
		return 0
	}
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			if depth == 0 || !r.mysql { // PostgreSQL's nest
				depth++
			}
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(text) // not closed: the database would say so too
}

func (r *rewriter) quoted(text string) error {
	q := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && r.mysql && q != '`':
			i++
		case text[i] == q:
			if i+1 < len(text) && text[i+1] == q {
				i++
				continue
			}
			return r.take(i + 1)
		}
	}
	return r.open()
}

func (r *rewriter) escaped(text string) error {
	for i := 2; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			if i+1 < len(text) && text[i+1] == '\'' {
				i++
				continue
			}
			return r.take(i + 1)
		}
	}
	return r.open()
}

// dollar takes a dollar-quoted text of PostgreSQL; a number after the dollar is a placeholder,
// which would mix with ours.
func (r *rewriter) dollar(text string) error {
	end := 1
	for end < len(text) && (letter(text[end]) || end > 1 && text[end] >= '0' && text[end] <= '9') {
		end++
	}
	if end < len(text) && text[end] == '$' {
		tag := text[:end+1]
		n := strings.Index(text[end+1:], tag)
		if n < 0 {
			return r.open()
		}
		return r.take(end + 1 + n + len(tag))
	}
	return model.Errorf(model.Invalid, "database: the query %s holds a $ outside of quotes; write parameters by name, as :account_id", r.what)
}

func (r *rewriter) open() error {
	return model.Errorf(model.Invalid, "database: the query %s has a quote that is not closed", r.what)
}

func (r *rewriter) param(text string) error {
	n := word(text[1:])
	name := text[1 : 1+n]
	if !slices.Contains(paramNames, name) {
		return model.Errorf(model.Invalid, "database: the query %s uses :%s, which is no parameter; there are :%s", r.what, name, strings.Join(paramNames, ", :"))
	}
	r.at += 1 + n
	if r.mysql {
		r.names = append(r.names, name)
		r.out.WriteString("?")
		return nil
	}
	k, ok := r.numbers[name]
	if !ok {
		r.names = append(r.names, name)
		k = len(r.names)
		r.numbers[name] = k
	}
	fmt.Fprintf(&r.out, "$%d", k)
	return nil
}

func letter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b >= 0x80
}

// word is the length of the name that text begins with.
func word(text string) int {
	n := 0
	for n < len(text) && (letter(text[n]) || n > 0 && (text[n] >= '0' && text[n] <= '9' || text[n] == '$')) {
		n++
	}
	return n
}
