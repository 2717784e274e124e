package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"recert/campaigns/connector"
)

// decided ends a change without keeping it: its outcome is known.
type decided struct{ outcome connector.Outcome }

func (d *decided) Error() string { return "nothing was changed: " + string(d.outcome) }

// reading runs f in one read-only transaction, which sees one instant of the database.
func (c *Client) reading(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return c.explain(ctx, "Signing in", err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // it has changed nothing
		return err
	}
	if err := tx.Commit(); err != nil {
		return c.explain(ctx, "Ending the read", err)
	}
	return nil
}

// changing runs f in one transaction that may change something, and commits it; done is the
// outcome then. Where the database took it back because somebody else came first, the outcome is
// Changed. Where the answer to the commit is lost, the error is of kind Unreachable: nobody knows.
func (c *Client) changing(ctx context.Context, level sql.IsolationLevel, done connector.Outcome, f func(tx *sql.Tx) error) (connector.Outcome, error) {
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return "", c.explain(ctx, "Signing in", err)
	}
	if err := f(tx); err != nil {
		// Where this fails the connection is lost, and with it the transaction.
		_ = tx.Rollback()
		if d, ok := errors.AsType[*decided](err); ok {
			return d.outcome, nil
		}
		if conflict(err) {
			return connector.Changed, nil
		}
		return "", err
	}
	err = tx.Commit()
	switch {
	case err == nil:
		return done, nil
	case conflict(err):
		return connector.Changed, nil
	}
	err = c.explain(ctx, "Keeping the change", err)
	if f := connector.FailureOf(err); f.Kind == connector.Broken {
		f.Kind = connector.Unreachable // whatever the answer was, the change may have been kept
	}
	return "", err
}

// limits lets PostgreSQL itself end what takes too long, in the transaction: where the connection
// hangs, nobody else would, and locks would stay.
func (c *Client) limits(ctx context.Context, tx *sql.Tx) error {
	if c.addr.mysql {
		return nil // set for the connection
	}
	whole := strconv.FormatInt(max(c.cfg.Timeout.Milliseconds(), 1), 10)
	half := strconv.FormatInt(max(c.cfg.Timeout.Milliseconds()/2, 1), 10)
	var ignored [3]string
	err := tx.QueryRowContext(ctx, `SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
		set_config('idle_in_transaction_session_timeout', $2, true)`, whole, half).Scan(&ignored[0], &ignored[1], &ignored[2])
	if err != nil {
		return c.explain(ctx, "Signing in", err)
	}
	return nil
}
