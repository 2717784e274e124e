package sqldb

import (
	"context"
	"database/sql"
	"fmt"
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
		says = fmt.Sprintf("Signed in to PostgreSQL %d: %d %s, %d others, %d memberships.", s.version/10000, logins, map[bool]string{true: "role that logs in", false: "roles that log in"}[logins == 1], groups, memberships)
		if !strong {
			says += " The user that we sign in as may not change roles; it can take away only what it granted or owns."
		}
		return nil
	})
	return says, err
}
