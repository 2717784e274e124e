package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

func (s *schema) check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	var obs connector.Observation
	err := s.reading(ctx, s.db, func(tx *sql.Tx) (err error) {
		if err = s.limits(ctx, tx); err == nil {
			obs, err = s.look(ctx, tx, a)
		}
		return err
	})
	return obs, err
}

// look is one clean look at one access.
func (s *schema) look(ctx context.Context, tx *sql.Tx, a connector.Access) (connector.Observation, error) {
	if a.EntitlementID == "" {
		return s.lookAccount(ctx, tx, a)
	}
	if s.q.check == nil {
		return connector.Observation{}, s.fail(connector.Refused, "The source has no query check, so a person has to look and to remove it", nil)
	}
	var held []holding
	err := s.each(ctx, tx, s.q.check, a, nil, func(r *row) error {
		if len(held) == maxRows {
			return s.fail(connector.Broken, fmt.Sprintf("The query check gives more than %d rows for one access", maxRows), nil)
		}
		h, err := s.holding(r, a)
		held = append(held, h)
		return err
	})
	if err != nil {
		return connector.Observation{}, err
	}
	account, err := s.one(ctx, tx, s.q.checkAccount, a, "account_id", a.AccountID)
	if err != nil {
		return connector.Observation{}, err
	}
	entitlement, err := s.one(ctx, tx, s.q.checkEntitlement, a, "entitlement_id", a.EntitlementID)
	if err != nil {
		return connector.Observation{}, err
	}
	for _, n := range []struct {
		reviewed, in, column, what, ask string
		own                             *row
	}{
		{a.Username, "username", "username", "account id now belongs to another user name", "check_account", account},
		{a.EntitlementName, "entitlement_name", "name", "entitlement id now belongs to another name", "check_entitlement", entitlement},
	} {
		wrong, err := s.otherName(n.reviewed, n.in, n.column, n.ask, held, n.own)
		if err != nil {
			return connector.Observation{}, err
		}
		if wrong {
			return saw(connector.WrongTarget, "The %s than the one reviewed.", n.what), nil
		}
	}
	return s.judge(held)
}

// maxRows is how many paths one access may have.
const maxRows = 1_000

// holding is one row of the query check.
type holding struct {
	model.Grant
	names   map[string]string // by column, where the query gives it
	version string
	last    model.Tri
	self    model.Tri
}

func (s *schema) holding(r *row, a connector.Access) (holding, error) {
	f := fill(r)
	f.needs("account_id", "entitlement_id")
	h := holding{names: map[string]string{}}
	f.text("account_id", &h.AccountID)
	f.text("entitlement_id", &h.EntitlementID)
	f.text("via", &h.Via)
	f.time("granted_at", false, &h.GrantedAt)
	f.text("version", &h.version)
	f.truth("last", &h.last)
	f.truth("self", &h.self)
	for _, c := range []string{"username", "entitlement_name"} {
		if r.has(c) {
			name := ""
			f.text(c, &name)
			h.names[c] = name
		}
	}
	if f.err == nil && (h.AccountID != a.AccountID || h.EntitlementID != a.EntitlementID) {
		// MySQL's usual collations take "a" for "A" and for "a ".
		return h, s.fail(connector.Broken, "The query check answers about another account or entitlement than it was asked for; compare ids exactly in it", nil)
	}
	return h, f.err
}

// otherName tells whether the name that the database has now is not the reviewed one. A name
// that was reviewed must be looked at again wherever there is something to compare it with.
func (s *schema) otherName(reviewed, in, column, ask string, held []holding, own *row) (bool, error) {
	if reviewed == "" {
		return false, nil
	}
	known := false
	for _, h := range held {
		name, ok := h.names[in]
		known = known || ok
		if ok && !strings.EqualFold(name, reviewed) {
			return true, nil
		}
	}
	if own != nil && own.has(column) {
		name, err := own.text(column)
		return err == nil && !strings.EqualFold(name, reviewed), err
	}
	if len(held) > 0 && !known {
		return false, s.fail(connector.Refused, fmt.Sprintf("Nobody can tell whether the id still names the same: let the query check give a column %s, or add a query %s with a column %s", in, ask, column), nil)
	}
	return false, nil
}

// judge sums the rows of one access up.
func (s *schema) judge(held []holding) (connector.Observation, error) {
	var direct *holding
	for i, h := range held {
		if h.Via != "" {
			continue
		}
		if direct != nil {
			return connector.Observation{}, s.fail(connector.Broken, "The query check gives two direct rows for one access, so nobody can tell which of them was reviewed; give each its own entitlement id", nil)
		}
		direct = &held[i]
	}
	switch {
	case direct != nil:
		obs := saw(connector.Present, "The account holds it directly.")
		obs.GrantedAt, obs.Version = direct.GrantedAt, direct.version
		if obs.Version == "" {
			obs.Version = direct.GrantedAt.String()
		}
		obs.Last, obs.Self = direct.last == model.Yes, direct.self == model.Yes
		return obs, nil
	case len(held) > 0:
		obs := saw(connector.NotDirect, "The account holds it through %s.", held[0].Via)
		obs.Self = held[0].self == model.Yes
		return obs, nil
	}
	return saw(connector.Absent, "The database has no such access, neither directly nor through something else."), nil
}

// one is the row of one account or entitlement; nil where there is none, or no query for it.
func (s *schema) one(ctx context.Context, tx *sql.Tx, q *statement, a connector.Access, column, id string) (*row, error) {
	if q == nil {
		return nil, nil //nolint:nilnil // no row is an answer
	}
	var found *row
	err := s.each(ctx, tx, q, a, nil, func(r *row) error {
		f := fill(r)
		f.needs(column)
		got := ""
		f.text(column, &got)
		switch {
		case f.err != nil:
			return f.err
		case got != id:
			return s.fail(connector.Broken, "The query "+q.what+" answers about another id than it was asked for; compare ids exactly in it", nil)
		case found != nil:
			return s.fail(connector.Broken, "The query "+q.what+" gives two rows for one id", nil)
		}
		kept := *r
		kept.values = append([]any(nil), r.values...)
		found = &kept
		return nil
	})
	return found, err
}

func (s *schema) lookAccount(ctx context.Context, tx *sql.Tx, a connector.Access) (connector.Observation, error) {
	none := connector.Observation{}
	if s.q.checkAccount == nil {
		return none, s.fail(connector.Refused, "The source has no query check_account, so a person has to look at the account and to close it", nil)
	}
	r, err := s.one(ctx, tx, s.q.checkAccount, a, "account_id", a.AccountID)
	if err != nil {
		return none, err
	}
	if r == nil {
		return saw(connector.Absent, "The account no longer exists."), nil
	}
	wrong, err := s.otherName(a.Username, "username", "username", "check_account", []holding{{}}, r)
	if err != nil {
		return none, err
	}
	if wrong {
		return saw(connector.WrongTarget, "The account id now belongs to another user name than the one reviewed."), nil
	}
	f := fill(r)
	f.needs("status")
	status, version, self := "", "", model.Unknown
	f.text("status", &status)
	f.text("version", &version)
	f.truth("self", &self)
	if f.err != nil {
		return none, f.err
	}
	var obs connector.Observation
	switch strings.ToLower(status) {
	case "disabled":
		return saw(connector.Absent, "The account is disabled."), nil
	case "enabled":
		obs = saw(connector.Present, "The account is enabled.")
	case "":
		// No word on it is not a no: an account counts as closed only when the database says so.
		obs = saw(connector.Present, "The database does not say whether the account is enabled.")
	default:
		return none, s.fail(connector.Broken, "The query check_account gives a status that is neither enabled nor disabled", nil)
	}
	obs.Version, obs.Self = version, self == model.Yes
	return obs, nil
}
