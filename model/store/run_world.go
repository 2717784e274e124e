package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"recert/model"
)

// The world as a launch reads it: whole, in the order of keys, by the driver alone. Each function
// calls fn for every row; the arguments are valid only until fn returns where they are pointers.

// LaunchSource is a source with its spec and its latest sealed snapshot.
type LaunchSource struct {
	ID       int64
	Name     string
	Provides string
	Type     string
	Spec     string // canonical JSON of model.SourceSpec; "" where it was never applied
	Snapshot int64  // 0 where nothing is sealed
	AsOf     model.Time
	Digest   string
}

// LaunchSources are all sources, by name.
func (q queries) LaunchSources(ctx context.Context) ([]LaunchSource, error) {
	rows, err := q.rows(ctx, `SELECT s.id, s.name, s.provides, s.type, COALESCE(c.spec, ''), COALESCE(n.id, 0), n.as_of, COALESCE(n.digest, '')
		FROM sources s
		LEFT JOIN configs c ON c.kind = 'Source' AND c.name = s.name
		LEFT JOIN snapshots n ON n.id = (SELECT x.id FROM snapshots x WHERE x.source_id = s.id AND x.state = 'sealed' ORDER BY x.as_of DESC LIMIT 1)
		ORDER BY s.name`)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	var out []LaunchSource
	err = scanEach(rows, func() error {
		var s LaunchSource
		if err := rows.Scan(&s.ID, &s.Name, &s.Provides, &s.Type, &s.Spec, &s.Snapshot, &s.AsOf, &s.Digest); err != nil {
			return err
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// LaunchPeople gives every current person of every people source: key, source and the canonical
// JSON of model.Person.
func (q queries) LaunchPeople(ctx context.Context, fn func(key, source int64, data []byte) error) error {
	rows, err := q.rows(ctx, "SELECT person_key, source_id, data FROM person_versions WHERE last_snapshot IS NULL ORDER BY source_id, person_key")
	if err != nil {
		return fmt.Errorf("read people: %w", err)
	}
	return scanEach(rows, func() error {
		var key, source int64
		var data sql.RawBytes
		if err := rows.Scan(&key, &source, &data); err != nil {
			return err
		}
		return fn(key, source, data)
	})
}

// LaunchPeopleByID is LaunchPeople for those with one of the folded ids.
func (q queries) LaunchPeopleByID(ctx context.Context, folded []string, fn func(key, source int64, data []byte) error) error {
	for _, id := range folded {
		rows, err := q.rows(ctx, "SELECT person_key, source_id, data FROM person_versions WHERE id_fold = ? AND last_snapshot IS NULL ORDER BY source_id, person_key", id)
		if err != nil {
			return fmt.Errorf("read people: %w", err)
		}
		if err := scanEach(rows, func() error {
			var key, source int64
			var data sql.RawBytes
			if err := rows.Scan(&key, &source, &data); err != nil {
				return err
			}
			return fn(key, source, data)
		}); err != nil {
			return err
		}
	}
	return nil
}

// LaunchPerson is the current row of one person; ok is false where there is none any more.
func (q queries) LaunchPerson(ctx context.Context, key int64) (source int64, data string, ok bool, err error) {
	err = q.scanOne(ctx, "SELECT source_id, data FROM person_versions WHERE person_key = ? AND last_snapshot IS NULL", []any{key}, &source, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", false, nil
	}
	return source, data, err == nil, err
}

// LaunchAccount is one account as a launch reads it.
type LaunchAccount struct {
	Key         int64
	AccountID   string
	Data        string // canonical JSON of model.Account; "" where the source does not list it now
	PersonKey   int64  // 0 where it is tied to nobody
	Rule        string
	Reason      string
	LastLoginAt model.Time
}

const launchAccountSQL = `SELECT a.key, a.account_id, COALESCE(v.data, ''), COALESCE(c.person_key, 0), COALESCE(c.rule, ''), COALESCE(c.reason, ''), u.last_login_at
	FROM accounts a
	LEFT JOIN account_versions v ON v.source_id = a.source_id AND v.account_key = a.key AND v.last_snapshot IS NULL
	LEFT JOIN correlations c ON c.account_key = a.key
	LEFT JOIN account_usage u ON u.account_key = a.key`

func scanAccount(rows *sql.Rows, a *LaunchAccount) error {
	return rows.Scan(&a.Key, &a.AccountID, &a.Data, &a.PersonKey, &a.Rule, &a.Reason, &a.LastLoginAt)
}

// LaunchAccounts gives every account that a source ever named, by key.
func (q queries) LaunchAccounts(ctx context.Context, source int64, fn func(*LaunchAccount) error) error {
	rows, err := q.rows(ctx, launchAccountSQL+" WHERE a.source_id = ? ORDER BY a.key", source)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	var a LaunchAccount
	return scanEach(rows, func() error {
		if err := scanAccount(rows, &a); err != nil {
			return err
		}
		return fn(&a)
	})
}

// LaunchAccountByKey is one account.
func (q queries) LaunchAccountByKey(ctx context.Context, key int64) (LaunchAccount, error) {
	rows, err := q.rows(ctx, launchAccountSQL+" WHERE a.key = ?", key)
	if err != nil {
		return LaunchAccount{}, fmt.Errorf("read account: %w", err)
	}
	var a LaunchAccount
	err = scanEach(rows, func() error { return scanAccount(rows, &a) })
	if err == nil && a.Key == 0 {
		err = model.Errorf(model.NotFound, "There is no such account.")
	}
	return a, err
}

// LaunchEntitlements gives every entitlement that a source ever named: key, id and the canonical
// JSON of model.Entitlement, "" where the source does not list it now.
func (q queries) LaunchEntitlements(ctx context.Context, source int64, fn func(key int64, id, data string) error) error {
	rows, err := q.rows(ctx, `SELECT e.key, e.entitlement_id, COALESCE(v.data, '') FROM entitlements e
		LEFT JOIN entitlement_versions v ON v.source_id = e.source_id AND v.entitlement_key = e.key AND v.last_snapshot IS NULL
		WHERE e.source_id = ? ORDER BY e.key`, source)
	if err != nil {
		return fmt.Errorf("read entitlements: %w", err)
	}
	return scanEach(rows, func() error {
		var key int64
		var id, data string
		if err := rows.Scan(&key, &id, &data); err != nil {
			return err
		}
		return fn(key, id, data)
	})
}

// LaunchEntitlementByID is the id and the current data of the entitlement with an id in a source;
// ok is false where the source never named it.
func (q queries) LaunchEntitlementByID(ctx context.Context, source int64, id string) (data string, ok bool, err error) {
	err = q.scanOne(ctx, `SELECT COALESCE(v.data, '') FROM entitlements e
		LEFT JOIN entitlement_versions v ON v.source_id = e.source_id AND v.entitlement_key = e.key AND v.last_snapshot IS NULL
		WHERE e.source_id = ? AND e.entitlement_id = ?`, []any{source, id}, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return data, err == nil, err
}

// LaunchEntitlementByKey is the id and the current data of one entitlement.
func (q queries) LaunchEntitlementByKey(ctx context.Context, key int64) (id, data string, err error) {
	err = q.scanOne(ctx, `SELECT e.entitlement_id, COALESCE(v.data, '') FROM entitlements e
		LEFT JOIN entitlement_versions v ON v.source_id = e.source_id AND v.entitlement_key = e.key AND v.last_snapshot IS NULL
		WHERE e.key = ?`, []any{key}, &id, &data)
	if errors.Is(err, sql.ErrNoRows) {
		err = model.Errorf(model.NotFound, "There is no such entitlement.")
	}
	return id, data, err
}

// LaunchGrant is one live grant as a launch reads it.
type LaunchGrant struct {
	ID             int64
	AccountKey     int64
	EntitlementKey int64
	Via            string
	GrantedAt      model.Time
	Data           sql.RawBytes // canonical JSON of what else the source says; empty where nothing
	LastUsedAt     model.Time
}

// LaunchGrants gives every live grant of a source by account, entitlement and path.
func (q queries) LaunchGrants(ctx context.Context, source int64, fn func(*LaunchGrant) error) error {
	rows, err := q.rows(ctx, `SELECT g.id, g.account_key, g.entitlement_key, g.via, g.granted_at, g.data, u.last_used_at
		FROM grants g LEFT JOIN grant_usage u ON u.source_id = g.source_id AND u.grant_id = g.id
		WHERE g.source_id = ? AND g.last_snapshot IS NULL ORDER BY g.account_key, g.entitlement_key, g.via`, source)
	if err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	var g LaunchGrant
	return scanEach(rows, func() error {
		if err := rows.Scan(&g.ID, &g.AccountKey, &g.EntitlementKey, &g.Via, &g.GrantedAt, &g.Data, &g.LastUsedAt); err != nil {
			return err
		}
		return fn(&g)
	})
}

// scanEach runs fn for every row and closes.
func scanEach(rows *sql.Rows, fn func() error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return wrap(rows.Err())
}

// scanOne scans the one row of a hot query by the driver alone; none is sql.ErrNoRows.
func (q queries) scanOne(ctx context.Context, query string, args []any, dest ...any) error {
	rows, err := q.rows(ctx, query, args...)
	if err != nil {
		return wrap(err)
	}
	found := false
	err = scanEach(rows, func() error {
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// ItemKeys are the account and the entitlement of each item of a run, and the last of its grants, once where an access
// went and came back; entitlement 0 is the account itself, which has no grant.
func (q queries) ItemKeys(ctx context.Context, run int64, fn func(account, entitlement, grant int64) error) error {
	rows, err := q.rows(ctx, "SELECT account_key, COALESCE(entitlement_key, 0), COALESCE(MAX(grant_id), 0) FROM items WHERE run_id = ? GROUP BY account_key, COALESCE(entitlement_key, 0)", run)
	if err != nil {
		return fmt.Errorf("read the items of run %d: %w", run, err)
	}
	return scanEach(rows, func() error {
		var account, entitlement, grant int64
		if err := rows.Scan(&account, &entitlement, &grant); err != nil {
			return err
		}
		return fn(account, entitlement, grant)
	})
}
