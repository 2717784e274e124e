package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// rolesWorld is a part of the roles of the PostgreSQL server: names begin with its prefix.
type rolesWorld struct {
	*proxy
	t      *testing.T
	prefix string

	mu  sync.Mutex
	ids map[string]uint32 // of the suite's ids
}

func newRoles(t *testing.T) *rolesWorld {
	w := &rolesWorld{proxy: newProxy(t, pgServer), t: t, prefix: fmt.Sprintf("w%d_", worlds.Add(1)), ids: map[string]uint32{}}
	w.lists = []string{"FROM pg_catalog.pg_roles ORDER BY oid", "ORDER BY m.roleid", "FROM pg_catalog.pg_roles r ORDER", "SELECT DISTINCT o.oid", "GROUP BY 1, 2, 3, 4"}
	w.reads = []string{"WHERE oid = $1::text::oid"}
	t.Cleanup(func() {
		for _, q := range w.texts(`SELECT 'DROP ROLE ' || quote_ident(rolname) FROM pg_roles WHERE starts_with(rolname, $1)`, w.prefix) {
			w.exec(q)
		}
	})
	return w
}

func (w *rolesWorld) exec(q string, args ...any) {
	w.t.Helper()
	if _, err := pgServer.db.Exec(q, args...); err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
}

func (w *rolesWorld) texts(q string, args ...any) (out []string) {
	w.t.Helper()
	rows, err := pgServer.db.Query(q, args...)
	if err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// oid is the id that the server gave; one that nothing has where there is none.
func (w *rolesWorld) oid(id string) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if oid, ok := w.ids[id]; ok {
		return oid
	}
	return 4_000_000_000
}

func (w *rolesWorld) id(oid uint32) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, o := range w.ids {
		if o == oid {
			return id, true
		}
	}
	return "", false
}

// name is the quoted name of the role that an id stands for, or "" where it is gone.
func (w *rolesWorld) name(id string) string {
	w.t.Helper()
	names := w.texts(`SELECT quote_ident(rolname) FROM pg_roles WHERE oid = $1`, w.oid(id))
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func (w *rolesWorld) add(id, name, option string) {
	w.t.Helper()
	w.exec(`CREATE ROLE ` + pgx.Identifier{w.prefix + name}.Sanitize() + ` ` + option)
	oid, err := strconv.ParseUint(w.texts(`SELECT oid::text FROM pg_roles WHERE rolname = $1`, w.prefix+name)[0], 10, 32)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids[id] = uint32(oid)
}

func (w *rolesWorld) AddAccount(id, name string)     { w.add(id, name, "LOGIN") }
func (w *rolesWorld) AddEntitlement(id, name string) { w.add(id, name, "NOLOGIN") }
func (w *rolesWorld) Grant(account, entitlement string) {
	w.t.Helper()
	tx, err := pgServer.db.Begin()
	if err != nil {
		w.t.Fatal(err)
	}
	defer tx.Rollback()
	for _, q := range []string{"REVOKE " + w.name(entitlement) + " FROM " + w.name(account), "GRANT " + w.name(entitlement) + " TO " + w.name(account)} {
		if _, err := tx.Exec(q); err != nil {
			w.t.Fatalf("%s: %v", q, err)
		}
	}
	if err := tx.Commit(); err != nil {
		w.t.Fatal(err)
	}
}
func (w *rolesWorld) Ungrant(account, entitlement string) {
	w.exec("REVOKE " + w.name(entitlement) + " FROM " + w.name(account))
}

// Nest puts a role into another. PostgreSQL makes no circles, but a catalog may hold one.
func (w *rolesWorld) Nest(outer, inner string) {
	w.t.Helper()
	_, err := pgServer.db.Exec("GRANT " + w.name(outer) + " TO " + w.name(inner))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "0LP01" {
		w.exec(fmt.Sprintf(`DO $$ BEGIN
			SET LOCAL allow_system_table_mods = on;
			INSERT INTO pg_auth_members (roleid, member, grantor, admin_option) VALUES (%d, %d, 10, false);
			END $$`, w.oid(outer), w.oid(inner)))
		return
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
func (w *rolesWorld) rename(id, name string) {
	w.exec("ALTER ROLE " + w.name(id) + " RENAME TO " + pgx.Identifier{w.prefix + name}.Sanitize())
}
func (w *rolesWorld) RenameAccount(id, name string)     { w.rename(id, name) }
func (w *rolesWorld) RenameEntitlement(id, name string) { w.rename(id, name) }
func (w *rolesWorld) DeleteAccount(id string)           { w.exec("DROP ROLE " + w.name(id)) }
func (w *rolesWorld) Holds(account, entitlement string) bool {
	return len(w.texts(`SELECT 'x' FROM pg_auth_members WHERE roleid = $1 AND member = $2`, w.oid(entitlement), w.oid(account))) > 0
}
func (w *rolesWorld) Active(account string) bool {
	return len(w.texts(`SELECT 'x' FROM pg_roles WHERE oid = $1 AND rolcanlogin`, w.oid(account))) > 0
}

func (w *rolesWorld) client(t *testing.T, edit func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		URL: fmt.Sprintf("postgres://connector@%s/postgres", w.l.Addr()), Password: canary, Timeout: patience,
		Now: func() time.Time { return connectortest.Now },
	}
	if edit != nil {
		edit(&cfg)
	}
	return newClient(t, cfg)
}

// translated gives the suite's ids and names to the connector, and the server's back.
type translated struct {
	c connector.Granter
	w *rolesWorld
}

func (x *translated) access(a connector.Access) connector.Access {
	a.AccountID = accountID(x.w.oid(a.AccountID))
	if a.Username != "" {
		a.Username = x.w.prefix + a.Username
	}
	if a.EntitlementID != "" {
		a.EntitlementID = thing{class: classRole, oid: x.w.oid(a.EntitlementID)}.String()
	}
	if a.EntitlementName != "" {
		a.EntitlementName = x.w.prefix + a.EntitlementName
	}
	return a
}

func (x *translated) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	return x.c.Check(ctx, x.access(a))
}

func (x *translated) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	return x.c.Revoke(ctx, x.access(a), seen, key)
}

func (x *translated) Grant(ctx context.Context, a connector.Access, key string) (connector.Outcome, error) {
	return x.c.Grant(ctx, x.access(a), key)
}

// Read keeps what is of this world; others have roles on the same server.
func (x *translated) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	source, ok := x.c.(connector.Source)
	if !ok {
		return connector.Extraction{}, errors.New("no source")
	}
	lines := map[model.Kind]int64{}
	roleID := func(id string) (string, bool) {
		e, err := parseThing(id)
		if err != nil || e.class != classRole || e.priv != "" {
			return "", false
		}
		return x.w.id(e.oid)
	}
	account := func(id string) (string, bool) {
		oid, err := parseAccount(id)
		if err != nil {
			x.w.t.Errorf("account id %q: %v", id, err)
		}
		return x.w.id(oid)
	}
	ext, err := source.Read(ctx, func(r model.Record) error {
		mine := false
		switch r.Kind {
		case model.KindAccounts:
			r.Account.AccountID, mine = account(r.Account.AccountID)
			r.Account.Username = strings.TrimPrefix(r.Account.Username, x.w.prefix)
		case model.KindEntitlements:
			r.Entitlement.EntitlementID, mine = roleID(r.Entitlement.EntitlementID)
			r.Entitlement.Name = strings.TrimPrefix(r.Entitlement.Name, x.w.prefix)
		case model.KindGrants:
			who, known := account(r.Grant.AccountID)
			what, ours := roleID(r.Grant.EntitlementID)
			r.Grant.AccountID, r.Grant.EntitlementID, mine = who, what, known && ours
			var way []string
			for part := range strings.SplitSeq(r.Grant.Via, ">") {
				id, _ := roleID(part)
				way = append(way, id)
			}
			r.Grant.Via = strings.Join(way, ">")
		case model.KindPeople:
		}
		if !mine {
			return nil
		}
		lines[r.Kind]++
		r.Line = lines[r.Kind]
		return yield(r)
	})
	ext.Totals = nil // of the whole server
	return ext, err
}

func rolesHarness(t *testing.T) connectortest.Harness {
	w := newRoles(t)
	x := &translated{c: w.client(t, nil), w: w}
	return connectortest.Harness{Target: x, Source: x, World: w, Page: 10, Secrets: []string{canary}}
}

// TestConformanceRoles runs the suite over the roles of a PostgreSQL server.
func TestConformanceRoles(t *testing.T) {
	t.Parallel()
	connectortest.Run(t, rolesHarness)
}
