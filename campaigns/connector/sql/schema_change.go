package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"recert/campaigns/connector"
)

// level is the isolation under which a row that was looked at cannot be another one when it is
// changed: PostgreSQL then gives an error, MySQL then has locked it.
func (s *schema) level() sql.IsolationLevel {
	if s.addr.mysql {
		return sql.LevelSerializable
	}
	return sql.LevelRepeatableRead
}

func (s *schema) revoke(ctx context.Context, a connector.Access, seen connector.Observation) (connector.Outcome, error) {
	q := s.q.revoke
	if a.EntitlementID == "" {
		q = s.q.deactivate
	}
	obs, err := s.check(ctx, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(obs.Presence); o != "" {
		return o, nil
	}
	if q == nil {
		return "", s.fail(connector.Refused, "The source has no query that removes this; a person has to", nil)
	}
	guard := seen.Version
	if guard == "" {
		guard = obs.Version
	}
	if obs.Version != guard {
		return connector.Changed, nil
	}
	return s.changing(ctx, s.level(), connector.Removed, func(tx *sql.Tx) error {
		if err := s.limits(ctx, tx); err != nil {
			return err
		}
		now, err := s.look(ctx, tx, a)
		if err != nil {
			return err
		}
		if o := outcomeOf(now.Presence); o != "" {
			return &decided{o}
		}
		if now.Version != guard {
			return &decided{connector.Changed}
		}
		if now.GrantedAt.Known() {
			a.GrantedAt = now.GrantedAt // what the query may guard itself by
		}
		if err := s.exec(ctx, tx, q, a); err != nil {
			return err
		}
		now, err = s.look(ctx, tx, a)
		switch {
		case err != nil:
			return err
		case now.Presence == connector.Present:
			return s.fail(connector.Refused, "The query "+q.what+" changed something, but the database still shows the access; everything was undone. Does a trigger bring it back, or do the queries mean different rows?", nil)
		case now.Presence == connector.WrongTarget:
			return s.fail(connector.Refused, "The query "+q.what+" changed the name of the account or the entitlement; everything was undone", nil)
		}
		return nil
	})
}

// exec runs a change that must hit exactly one row.
func (s *schema) exec(ctx context.Context, tx *sql.Tx, q *statement, a connector.Access) error {
	res, err := tx.ExecContext(ctx, q.text, q.arguments(a, s.addr.mysql)...)
	if err != nil {
		return s.explain(ctx, "The query "+q.what, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return s.explain(ctx, "The query "+q.what, err)
	}
	switch {
	case n == 0:
		return s.fail(connector.Refused, "The query "+q.what+" would change no row; a trigger or rule may stand in its way, or it means other rows than the query check", nil)
	case n > 1:
		return s.undone(ctx, tx, s.fail(connector.Refused, fmt.Sprintf("The query %s would change %d rows instead of one; everything was undone", q.what, n), nil))
	}
	return nil
}

// undone takes the transaction back and gives err, or says that it could not be taken back:
// MySQL's engines without transactions keep what was changed.
func (s *schema) undone(ctx context.Context, tx *sql.Tx, err error) error {
	if !s.addr.mysql {
		return err
	}
	if _, e := tx.ExecContext(ctx, "ROLLBACK"); e != nil {
		return s.explain(ctx, "Undoing the change", e)
	}
	rows, e := tx.QueryContext(ctx, "SHOW WARNINGS")
	if e != nil {
		return s.explain(ctx, "Undoing the change", e)
	}
	defer rows.Close()
	for rows.Next() {
		var level, code, text string
		if e := rows.Scan(&level, &code, &text); e != nil {
			return s.explain(ctx, "Undoing the change", e)
		}
		if code == "1196" {
			what := connector.FailureOf(err).Msg
			what, _, _ = strings.Cut(what, ";")
			return s.fail(connector.Refused, what+", and it could not be undone, because the table's engine has no transactions: look at it by hand, and use InnoDB", nil)
		}
	}
	if e := rows.Err(); e != nil {
		return s.explain(ctx, "Undoing the change", e)
	}
	return err
}

func (s *schema) grant(ctx context.Context, a connector.Access) (connector.Outcome, error) {
	if s.q.grant == nil {
		return "", s.fail(connector.Refused, "The source has no query grant; a person has to give it", nil)
	}
	look := func(tx *sql.Tx) (connector.Observation, error) {
		if err := s.limits(ctx, tx); err != nil {
			return connector.Observation{}, err
		}
		obs, err := s.look(ctx, tx, a)
		if err != nil || obs.Presence == connector.WrongTarget {
			return obs, err
		}
		for _, n := range []struct {
			q                *statement
			column, id, what string
		}{
			{s.q.checkAccount, "account_id", a.AccountID, "account"},
			{s.q.checkEntitlement, "entitlement_id", a.EntitlementID, "entitlement"},
		} {
			r, err := s.one(ctx, tx, n.q, a, n.column, n.id)
			if err != nil {
				return obs, err
			}
			if r == nil {
				return obs, s.fail(connector.Refused, "The "+n.what+" no longer exists, so nothing can be given", nil)
			}
		}
		return obs, nil
	}
	var obs connector.Observation
	err := s.reading(ctx, s.db, func(tx *sql.Tx) (err error) {
		obs, err = look(tx)
		return err
	})
	if err != nil {
		return "", err
	}
	held := func(obs connector.Observation) connector.Outcome {
		switch obs.Presence {
		case connector.Present:
			return connector.AlreadyHeld
		case connector.WrongTarget:
			return connector.RefusedTarget
		case connector.Absent, connector.NotDirect:
		}
		return ""
	}
	if o := held(obs); o != "" {
		return o, nil
	}
	return s.changing(ctx, s.level(), connector.Granted, func(tx *sql.Tx) error {
		now, err := look(tx)
		if err != nil {
			return err
		}
		if o := held(now); o != "" {
			return &decided{o}
		}
		if err := s.exec(ctx, tx, s.q.grant, a); err != nil {
			return err
		}
		if now, err = s.look(ctx, tx, a); err != nil {
			return err
		}
		if now.Presence != connector.Present {
			return s.fail(connector.Refused, "The query grant changed something, but the database does not show the access; everything was undone", nil)
		}
		return nil
	})
}
