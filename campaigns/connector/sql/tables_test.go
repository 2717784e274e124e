package sqldb

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
)

// patience is the timeout of connectors in tests where nothing must take that long.
const patience = 3 * time.Second

// worlds numbers what belongs to one test.
var worlds atomic.Int64

// tables is a schema of its own, in PostgreSQL or MariaDB.
type tables struct {
	*proxy
	t      *testing.T
	db     *sql.DB
	mysql  bool
	suffix string
}

// newTables makes the tables of a world; they go with the server.
func newTables(t *testing.T, s *server) *tables {
	t.Helper()
	w := &tables{proxy: newProxy(t, s), t: t, db: s.db, mysql: s.mysql, suffix: strconv.FormatInt(worlds.Add(1), 10)}
	text, serial, engine := "text", "bigserial", ""
	if s.mysql {
		text, serial, engine = "varchar(200) COLLATE utf8mb4_bin", "bigint AUTO_INCREMENT", " ENGINE=InnoDB"
	}
	w.exec(`CREATE TABLE accounts@ (id ` + text + ` PRIMARY KEY, username ` + text + `, enabled boolean NOT NULL)` + engine)
	w.exec(`CREATE TABLE entitlements@ (id ` + text + ` PRIMARY KEY, name ` + text + `)` + engine)
	w.exec(`CREATE TABLE grants@ (seq ` + serial + ` PRIMARY KEY, account_id ` + text + ` NOT NULL, entitlement_id ` + text + ` NOT NULL, granted_at timestamp NULL)` + engine)
	w.exec(`CREATE TABLE nests@ (outer_id ` + text + ` NOT NULL, inner_id ` + text + ` NOT NULL)` + engine)
	w.lists = []string{"FROM accounts" + w.suffix + " ORDER", "FROM entitlements" + w.suffix + " ORDER", "SELECT 4 / 2 AS two"}
	w.reads = []string{"trail FROM (SELECT", "WHERE a.id ="}
	return w
}

// in writes a statement for this world: @ is its suffix, ? a parameter.
func (w *tables) in(q string) string {
	q = strings.ReplaceAll(q, "@", w.suffix)
	for i := 1; !w.mysql && strings.Contains(q, "?"); i++ {
		q = strings.Replace(q, "?", "$"+strconv.Itoa(i), 1)
	}
	return q
}

func (w *tables) exec(q string, args ...any) int64 {
	w.t.Helper()
	res, err := w.db.Exec(w.in(q), args...)
	if err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *tables) count(q string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.in(q), args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", q, err)
	}
	return n
}

func (w *tables) AddAccount(id, name string) {
	w.exec(`INSERT INTO accounts@ VALUES (?, ?, true)`, id, name)
}
func (w *tables) AddEntitlement(id, name string) {
	w.exec(`INSERT INTO entitlements@ VALUES (?, ?)`, id, name)
}
func (w *tables) Grant(account, entitlement string) {
	w.Ungrant(account, entitlement)
	w.exec(`INSERT INTO grants@ (account_id, entitlement_id) VALUES (?, ?)`, account, entitlement)
}
func (w *tables) Ungrant(account, entitlement string) {
	w.exec(`DELETE FROM grants@ WHERE account_id = ? AND entitlement_id = ?`, account, entitlement)
}
func (w *tables) Nest(outer, inner string) { w.exec(`INSERT INTO nests@ VALUES (?, ?)`, outer, inner) }
func (w *tables) RenameAccount(id, name string) {
	w.exec(`UPDATE accounts@ SET username = ? WHERE id = ?`, name, id)
}
func (w *tables) RenameEntitlement(id, name string) {
	w.exec(`UPDATE entitlements@ SET name = ? WHERE id = ?`, name, id)
}
func (w *tables) DeleteAccount(id string) {
	w.exec(`DELETE FROM accounts@ WHERE id = ?`, id)
	w.exec(`DELETE FROM grants@ WHERE account_id = ?`, id)
}
func (w *tables) Holds(account, entitlement string) bool {
	return w.count(`SELECT count(*) FROM grants@ WHERE account_id = ? AND entitlement_id = ?`, account, entitlement) > 0
}
func (w *tables) Active(account string) bool {
	return w.count(`SELECT count(*) FROM accounts@ WHERE id = ? AND enabled`, account) > 0
}

// queries are those that a user would write for these tables.
func (w *tables) queries() Queries {
	// Everything that an entitlement is held through, with the path, from a first row.
	down := func(first string) string {
		return `WITH RECURSIVE down AS (
			` + first + `
			UNION ALL
			SELECT d.top, n.inner_id, CAST(CONCAT(d.via, CASE WHEN d.via = '' THEN '' ELSE '>' END, n.inner_id) AS CHAR(900)),
				CAST(CONCAT(d.trail, n.inner_id, '|') AS CHAR(900))
			FROM nests@ n JOIN down d ON n.outer_id = d.id WHERE POSITION(CONCAT('|', n.inner_id, '|') IN d.trail) = 0)`
	}
	q := Queries{
		Accounts:     `SELECT id AS account_id, username, CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END AS status FROM accounts@ ORDER BY id;`,
		Entitlements: `SELECT id AS entitlement_id, name, 'group' AS kind FROM entitlements@ ORDER BY id`,
		Grants: down(`SELECT id AS top, id, CAST('' AS CHAR(900)) AS via, CAST(CONCAT('|', id, '|') AS CHAR(900)) AS trail FROM entitlements@`) + `
			SELECT 4 / 2 AS two, g.account_id, d.top AS entitlement_id, d.via -- all of them
			FROM down d JOIN grants@ g ON g.entitlement_id = d.id`,
		Check: down(`SELECT x.id AS top, CAST(x.id AS CHAR(900)) AS id, CAST('' AS CHAR(900)) AS via, CAST(CONCAT('|', x.id, '|') AS CHAR(900)) AS trail FROM (SELECT :entitlement_id AS id) x`) + `
			SELECT g.account_id, d.top AS entitlement_id, d.via, a.username, e.name AS entitlement_name, g.seq AS version
			FROM down d JOIN grants@ g ON g.entitlement_id = d.id JOIN entitlements@ e ON e.id = d.top LEFT JOIN accounts@ a ON a.id = g.account_id
			WHERE g.account_id = :account_id`,
		CheckAccount:     `SELECT a.id AS account_id, a.username, CASE WHEN a.enabled THEN 'enabled' ELSE 'disabled' END AS status FROM accounts@ a WHERE a.id = :account_id`,
		CheckEntitlement: `SELECT e.id AS entitlement_id, e.name FROM entitlements@ e WHERE e.id = :entitlement_id`,
		Revoke:           `DELETE FROM grants@ WHERE account_id = :account_id AND entitlement_id = :entitlement_id /* by id */`,
		Grant:            `INSERT INTO grants@ (account_id, entitlement_id, granted_at) VALUES (:account_id, :entitlement_id, :granted_at)`,
		Deactivate:       `UPDATE accounts@ SET enabled = false WHERE id = :account_id AND enabled`,
	}
	for _, s := range []*string{&q.Accounts, &q.Entitlements, &q.Grants, &q.Check, &q.CheckAccount, &q.CheckEntitlement, &q.Revoke, &q.Grant, &q.Deactivate} {
		*s = strings.ReplaceAll(*s, "@", w.suffix)
		if !w.mysql {
			// In PostgreSQL, CHAR pads with spaces, and a parameter alone has no type.
			*s = strings.NewReplacer("AS CHAR(900)", "AS text", "SELECT :entitlement_id AS id", "SELECT :entitlement_id::text AS id").Replace(*s)
		}
	}
	return q
}

// client is a connector of these tables, by way of the proxy.
func (w *tables) client(t *testing.T, edit func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		URL:      fmt.Sprintf("postgres://connector@%s/postgres", w.l.Addr()),
		Password: canary, Queries: w.queries(), Timeout: patience,
		Now: func() time.Time { return connectortest.Now },
	}
	if w.mysql {
		cfg.URL = fmt.Sprintf("mysql://connector@%s/world", w.l.Addr())
	}
	if edit != nil {
		edit(&cfg)
	}
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func tablesHarness(s func() *server) func(t *testing.T) connectortest.Harness {
	return func(t *testing.T) connectortest.Harness {
		w := newTables(t, s())
		c := w.client(t, nil)
		return connectortest.Harness{Target: c, Source: c, World: w, Page: 10, Secrets: []string{canary}}
	}
}

func alice() connector.Access {
	return connector.Access{AccountID: "u-1", Username: "alice", EntitlementID: "g-1", EntitlementName: "Editors"}
}

// TestConformanceQueries runs the suite over tables of PostgreSQL and of MariaDB.
func TestConformanceQueries(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		connectortest.Run(t, tablesHarness(func() *server { return pgServer }))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		connectortest.Run(t, tablesHarness(func() *server { return myServer }))
	})
}
