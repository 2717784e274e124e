package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
)

func (r *roles) probe(ctx context.Context) (string, error) {
	says := ""
	err := r.reading(ctx, r.db, func(tx *sql.Tx) error {
		s, err := r.begin(ctx, tx, true)
		if err != nil {
			return err
		}
		var logins, groups, memberships int64
		var strong bool
		err = tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM pg_catalog.pg_roles WHERE rolcanlogin), (SELECT count(*) FROM pg_catalog.pg_roles WHERE NOT rolcanlogin),
			(SELECT count(*) FROM pg_catalog.pg_auth_members), (SELECT rolsuper OR rolcreaterole FROM pg_catalog.pg_roles WHERE rolname = current_user)`).
			Scan(&logins, &groups, &memberships, &strong)
		if err != nil {
			return r.explain(ctx, "Looking at the roles", err)
		}
		says = fmt.Sprintf("Signed in to PostgreSQL %d: %s, %s, %s.", s.version/10000,
			count(logins, "role that logs in", "roles that log in"), count(groups, "other role", "other roles"), count(memberships, "membership", "memberships"))
		if !strong {
			says += " The user that we sign in as may not change roles; it can take away only what it granted or owns."
		}
		return nil
	})
	return says, err
}

// count is a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
