package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"recert/campaigns/connector"
)

func (s *schema) probe(ctx context.Context) (string, error) {
	found := []string{}
	err := s.reading(ctx, s.db, func(tx *sql.Tx) error {
		for _, list := range []struct {
			what string
			q    *statement
			of   func(r *row) error
		}{
			{"accounts", s.q.accounts, func(r *row) error { _, err := accountOf(r); return err }},
			{"entitlements", s.q.entitlements, func(r *row) error { _, err := entitlementOf(r); return err }},
			{"grants", s.q.grants, func(r *row) error { _, err := grantOf(r); return err }},
		} {
			if list.q == nil {
				continue
			}
			n, err := s.some(ctx, tx, list.q, list.of)
			if err != nil {
				return err
			}
			found = append(found, n+" "+list.what)
		}
		if err := s.prepare(ctx); err != nil || s.q.check == nil {
			return err
		}
		// Of nobody's access: it shows whether the query runs.
		_, err := s.look(ctx, tx, connector.Access{AccountID: "0", EntitlementID: "0"})
		if err != nil && strings.Contains(connector.FailureOf(err).Msg, "(code 22") {
			return nil // 0 is no id of this schema, such as a UUID
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return "Signed in; the queries work and give " + strings.Join(found, ", ") + ".", nil
}

// probeRows is how many rows of each list a probe reads.
const probeRows = 100

// some reads the first rows of a list and says how many there are.
func (s *schema) some(ctx context.Context, tx *sql.Tx, q *statement, of func(r *row) error) (string, error) {
	rows := &statement{what: q.what, text: fmt.Sprintf("SELECT * FROM (\n%s\n) AS q LIMIT %d", q.text, probeRows+1)}
	n := 0
	err := s.each(ctx, tx, rows, connector.Access{}, nil, func(r *row) error {
		n++
		return of(r)
	})
	if n > probeRows {
		return fmt.Sprintf("more than %d", probeRows), err
	}
	return strconv.Itoa(n), err
}

// prepare lets the database read the queries that a probe does not run. MySQL does not even read
// changes in a read-only transaction, so they are read outside of it.
func (s *schema) prepare(ctx context.Context) error {
	for _, q := range []*statement{s.q.checkAccount, s.q.checkEntitlement, s.q.revoke, s.q.grant, s.q.deactivate} {
		if q == nil {
			continue
		}
		if err := s.prepareOne(ctx, q); err != nil {
			return s.explain(ctx, "The query "+q.what, err)
		}
	}
	return nil
}

func (s *schema) prepareOne(ctx context.Context, q *statement) error {
	st, err := s.db.PrepareContext(ctx, q.text)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // the database has read it, and has nothing to keep
	return nil
}
