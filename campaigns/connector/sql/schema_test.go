package sqldb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/model"
)

// eachTables runs a test on PostgreSQL and on MariaDB, with alice and bob in Editors.
func eachTables(t *testing.T, test func(t *testing.T, w *tables)) {
	for _, s := range []*server{pgServer, myServer} {
		t.Run(map[bool]string{false: "postgres", true: "mariadb"}[s.mysql], func(t *testing.T) {
			t.Parallel()
			w := newTables(t, s)
			w.AddAccount("u-1", "alice")
			w.AddAccount("u-2", "bob")
			w.AddEntitlement("g-1", "Editors")
			w.Grant("u-1", "g-1")
			w.Grant("u-2", "g-1")
			test(t, w)
		})
	}
}

// TestRevokeHitsTooMuch: a query that would change more than one row changes none.
func TestRevokeHitsTooMuch(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		for query, want := range map[string]string{
			`DELETE FROM grants@ WHERE entitlement_id = :entitlement_id OR account_id = :account_id`:                          "would change 2 rows",
			`DELETE FROM grants@ WHERE account_id = :account_id AND entitlement_id = :entitlement_id AND 1 = 0`:               "would change no row",
			`DELETE FROM grants@ WHERE account_id <> :account_id AND entitlement_id = :entitlement_id`:                        "still shows the access",
			`DELETE FROM nothing WHERE account_id = :account_id AND entitlement_id = :entitlement_id`:                         "nothing",
			`UPDATE accounts@ SET username = 'x' WHERE id = :account_id AND :entitlement_id <> ''`:                            "changed the name",
			`DELETE FROM grants@ WHERE account_id = :account_id AND entitlement_id = :entitlement_id AND via = :via AND nope`: "",
		} {
			c := w.client(t, func(c *Config) { c.Queries.Revoke = strings.ReplaceAll(query, "@", w.suffix) })
			_, err := c.Revoke(t.Context(), alice(), connector.Observation{}, "key")
			refused(t, err, connector.Refused, want)
			if !w.Holds("u-1", "g-1") || !w.Holds("u-2", "g-1") {
				t.Fatalf("%s: somebody lost it", query)
			}
		}
		if n := w.Changes(); n != 0 {
			t.Errorf("%d changes were kept", n)
		}
	})
}

// TestTriggers: a database that says yes and does otherwise is found out before the commit.
func TestTriggers(t *testing.T) {
	t.Parallel()
	w := newTables(t, pgServer)
	w.AddAccount("u-1", "alice")
	w.AddEntitlement("g-1", "Editors")
	w.Grant("u-1", "g-1")
	c := w.client(t, nil)
	w.exec(`CREATE FUNCTION refuse@() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
	w.exec(`CREATE FUNCTION again@() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO grants` + w.suffix + ` (account_id, entitlement_id) VALUES (OLD.account_id, OLD.entitlement_id); RETURN OLD; END'`)
	t.Cleanup(func() { w.exec(`DROP FUNCTION refuse@, again@ CASCADE`) })
	for make0, want := range map[string]string{
		`CREATE TRIGGER t BEFORE DELETE ON grants@ FOR EACH ROW EXECUTE FUNCTION refuse@()`: "would change no row",
		`CREATE TRIGGER t AFTER DELETE ON grants@ FOR EACH ROW EXECUTE FUNCTION again@()`:   "still shows the access",
	} {
		w.exec(make0)
		_, err := c.Revoke(t.Context(), alice(), connector.Observation{}, "key")
		refused(t, err, connector.Refused, want)
		w.exec(`DROP TRIGGER t ON grants@`)
	}
	w.exec(`CREATE RULE r AS ON DELETE TO grants@ DO INSTEAD NOTHING`)
	_, err := c.Revoke(t.Context(), alice(), connector.Observation{}, "key")
	refused(t, err, connector.Refused, "would change no row")
	w.exec(`DROP RULE r ON grants@`)
	// Without them the same call works.
	revoke(t, c, alice(), connector.Removed)
}

// TestChangedBetween: PostgreSQL takes back a change of a row that somebody else replaced after
// the look inside the very transaction.
func TestChangedBetween(t *testing.T) {
	t.Parallel()
	w := newTables(t, pgServer)
	w.AddAccount("u-1", "alice")
	w.AddEntitlement("g-1", "Editors")
	w.Grant("u-1", "g-1")
	c := w.client(t, nil)
	w.Meanwhile(func() { w.Grant("u-1", "g-1") })
	revoke(t, c, alice(), connector.Changed)
	if !w.Holds("u-1", "g-1") || w.Changes() != 0 {
		t.Fatal("the new grant is gone")
	}
}

// TestNoTransactions: what cannot be undone is said.
func TestNoTransactions(t *testing.T) {
	t.Parallel()
	w := newTables(t, myServer)
	w.AddAccount("u-1", "alice")
	w.AddEntitlement("g-1", "Editors")
	w.Grant("u-1", "g-1")
	w.exec(`INSERT INTO grants@ (account_id, entitlement_id) VALUES ('u-2', 'g-1')`)
	w.exec(`ALTER TABLE grants@ ENGINE=MyISAM`)
	c := w.client(t, func(c *Config) {
		c.Queries.Revoke = strings.Replace(c.Queries.Revoke, "account_id =", "'' <>", 1)
	})
	_, err := c.Revoke(t.Context(), alice(), connector.Observation{}, "key")
	refused(t, err, connector.Refused, "could not be undone")
}

// TestCheckAnswers: a check query that says something else than was asked shows nothing.
func TestCheckAnswers(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		for _, c := range []struct {
			check string
			kind  connector.FailureKind
			words string
		}{
			{`SELECT 'u-2' AS account_id, 'g-1' AS entitlement_id, :account_id AS x, :entitlement_id AS y`, connector.Broken, "another account"},
			{`SELECT 'u-1' AS account_id, 'G-1' AS entitlement_id, :account_id AS x, :entitlement_id AS y`, connector.Broken, "compare ids exactly"},
			{`SELECT 'u-1' AS account_id, :account_id AS x, :entitlement_id AS y`, connector.Refused, "no column entitlement_id"},
			{`SELECT 'u-1' AS account_id, 'g-1' AS entitlement_id, 1 AS account_id, :account_id AS x, :entitlement_id AS y`, connector.Refused, "two columns named account_id"},
			{`SELECT 'u-1' AS account_id, 'g-1' AS entitlement_id, 'alice' AS username, 'Editors' AS entitlement_name, :account_id AS x, :entitlement_id AS y UNION ALL SELECT 'u-1', 'g-1', 'alice', 'Editors', '', ''`, connector.Broken, "two direct rows"},
			{`SELECT 'u-1' AS account_id, 'g-1' AS entitlement_id, :account_id AS x, :entitlement_id AS y`, connector.Refused, "column username"},
			{`SELECT 'u-1' AS account_id, 'g-1' AS entitlement_id, 'soon' AS granted_at, :account_id AS x, :entitlement_id AS y`, connector.Broken, "granted_at"},
			{`SELECT 'u-1' AS account_id, 'g-1' AS entitlement_id, 'perhaps' AS last, :account_id AS x, :entitlement_id AS y`, connector.Broken, "column last"},
		} {
			client := w.client(t, func(cfg *Config) {
				cfg.Queries = Queries{Check: c.check}
				if !w.mysql {
					cfg.Queries.Check = strings.NewReplacer(":account_id", ":account_id::text", ":entitlement_id", ":entitlement_id::text").Replace(c.check)
				}
			})
			_, err := client.Check(t.Context(), alice())
			refused(t, err, c.kind, c.words)
			_, err = client.Revoke(t.Context(), alice(), connector.Observation{}, "key")
			refused(t, err, c.kind, c.words)
		}
	})
}

// TestCheckColumns: the grant's time, the last holder and the connector's own account.
func TestCheckColumns(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		w.exec(`UPDATE grants@ SET granted_at = '2026-01-02 03:04:05' WHERE account_id = 'u-1'`)
		c := w.client(t, func(c *Config) {
			c.Queries.Check = strings.ReplaceAll(`SELECT g.account_id, g.entitlement_id, a.username, g.granted_at, 1 AS last, 'true' AS self, 'Editors' AS entitlement_name
				FROM grants@ g JOIN accounts@ a ON a.id = g.account_id WHERE g.account_id = :account_id AND g.entitlement_id = :entitlement_id`, "@", w.suffix)
			c.Queries.Revoke += ` AND granted_at = :granted_at`
		})
		obs := check(t, c, alice(), connector.Present, "directly")
		if obs.GrantedAt.String() != "2026-01-02T03:04:05Z" || !obs.Last || !obs.Self || obs.Version != obs.GrantedAt.String() {
			t.Errorf("observation %+v", obs)
		}
		w.exec(`UPDATE grants@ SET granted_at = '2026-01-02 03:04:06' WHERE account_id = 'u-1'`)
		if out, err := c.Revoke(t.Context(), alice(), obs, "key"); err != nil || out != connector.Changed {
			t.Fatalf("%q, %v", out, err)
		}
		revoke(t, c, alice(), connector.Removed)
		// A grant with the reviewed time gives it back.
		a := alice()
		a.GrantedAt = obs.GrantedAt
		if out, err := c.Grant(t.Context(), a, "key"); err != nil || out != connector.Granted {
			t.Fatalf("%q, %v", out, err)
		}
		if got := check(t, c, a, connector.Present, ""); got.GrantedAt != obs.GrantedAt {
			t.Errorf("given at %s, want %s", got.GrantedAt, obs.GrantedAt)
		}
	})
}

// TestReadTypes: values of every kind come as CONTRACT.md has them.
func TestReadTypes(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		bytes := `decode('c0ff', 'hex')`
		if w.mysql {
			bytes = `x'c0ff'`
		}
		c := w.client(t, func(c *Config) {
			c.Queries.Accounts = `SELECT 42 AS account_id, 'Ada' AS USERNAME, 1 AS privileged, CAST('2026-03-31' AS date) AS expires_at, CAST('2026-03-31' AS date) AS created_at,
				'2026-01-01T00:00:00+01:00' AS last_login_at, NULL AS email, 1.50 AS cost, ` + bytes + ` AS raw, NULL AS nothing, '' AS empty`
		})
		var got model.Account
		if _, err := c.Read(t.Context(), func(r model.Record) error {
			if r.Kind == model.KindAccounts {
				got = r.Account
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := model.Account{
			AccountID: "42", Username: "Ada", Privileged: model.Yes, ExpiresAt: at("2026-03-31T23:59:59.999999Z"), CreatedAt: at("2026-03-31T00:00:00Z"),
			LastLoginAt: at("2025-12-31T23:00:00Z"), Attrs: map[string]string{"cost": "1.50", "raw": "c0ff", "empty": ""},
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
		for query, words := range map[string]string{
			`SELECT 1 AS account_id, 'maybe' AS privileged`:                             "column privileged",
			`SELECT 1 AS account_id, '01.02.2026' AS expires_at`:                        "column expires_at",
			`SELECT 1 AS account_id, CAST('0800-01-01' AS date) AS created_at`:          "placeholder",
			`SELECT 1 AS username`:                                                      "no column account_id",
			`DELETE FROM grants@`:                                                       "",
			`SELECT 'x' AS account_id UNION ALL SELECT CAST(1/0 AS CHAR) FROM grants@x`: "",
		} {
			c := w.client(t, func(c *Config) { c.Queries.Accounts = strings.ReplaceAll(query, "@", w.suffix) })
			if _, err := c.Read(t.Context(), func(model.Record) error { return nil }); err == nil || !strings.Contains(connector.FailureOf(err).Msg, words) {
				t.Errorf("%s: %v, want … %s …", query, err, words)
			}
		}
		if !w.Holds("u-1", "g-1") {
			t.Error("a read has deleted something")
		}
		says, err := w.client(t, nil).Probe(t.Context())
		if err != nil || !strings.Contains(says, "2 accounts, 1 entitlements, 2 grants") {
			t.Errorf("probe: %q, %v", says, err)
		}
		_, err = w.client(t, func(c *Config) {
			c.Queries.Deactivate = strings.Replace(c.Queries.Deactivate, "enabled =", "active =", 1)
		}).Probe(t.Context())
		refused(t, err, connector.Refused, "active")
	})
}

func at(s string) model.Time {
	t, err := model.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestQueriesFailures: the connection, the rights and the password.
func TestQueriesFailures(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		bad := w.client(t, func(c *Config) { c.Password = "wrong" })
		_, err := bad.Check(t.Context(), alice())
		refused(t, err, connector.Denied, "password")
		if w.mysql {
			w.exec(`CREATE USER 'reader@' IDENTIFIED BY '` + canary + `'`)
			w.exec(`GRANT SELECT ON world.* TO 'reader@'`)
			t.Cleanup(func() { w.exec(`DROP USER 'reader@'`) })
		} else {
			w.exec(`CREATE ROLE reader@ LOGIN PASSWORD '` + canary + `'`)
			w.exec(`GRANT SELECT ON accounts@, entitlements@, grants@, nests@ TO reader@`)
			t.Cleanup(func() {
				w.exec(`DROP OWNED BY reader@`)
				w.exec(`DROP ROLE reader@`)
			})
		}
		reader := w.client(t, func(c *Config) { c.URL = strings.Replace(c.URL, "connector@", "reader"+w.suffix+"@", 1) })
		check(t, reader, alice(), connector.Present, "")
		_, err = reader.Revoke(t.Context(), alice(), connector.Observation{}, "key")
		refused(t, err, connector.Denied, "may not do that")
		// A row that somebody else has locked.
		tx, err := w.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.Exec(w.in(`UPDATE grants@ SET granted_at = '2026-01-01 00:00:00' WHERE account_id = 'u-1'`)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c := w.client(t, func(c *Config) { c.Timeout = 2 * time.Second })
		_, err = c.Revoke(t.Context(), alice(), connector.Observation{}, "key")
		refused(t, err, connector.Unreachable, "lock")
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("a lock held us for %v", d)
		}
		if !w.Holds("u-1", "g-1") {
			t.Error("it is gone")
		}
	})
}

// TestTLS: to a verified server only, and the whole way.
func TestTLS(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		addr := w.to.addr
		direct := func(edit func(c *Config)) *Client {
			return w.client(t, func(c *Config) {
				c.URL = strings.Replace(c.URL, w.l.Addr().String(), addr, 1)
				c.CAFile = w.to.caFile
				edit(c)
			})
		}
		check(t, direct(func(*Config) {}), alice(), connector.Present, "")
		other := myServer
		if w.mysql {
			other = pgServer
		}
		_, err := direct(func(c *Config) { c.CAFile = other.caFile }).Check(t.Context(), alice())
		refused(t, err, connector.Refused, "not trusted")
		query := `SELECT (SELECT CASE WHEN ssl THEN 'u-1' ELSE 'clear' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS account_id, 'g-1' AS entitlement_id, :account_id::text AS x, :entitlement_id::text AS y`
		if w.mysql {
			query = `SELECT (SELECT IF(VARIABLE_VALUE = '', 'clear', 'u-1') FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher') AS account_id, 'g-1' AS entitlement_id, :account_id AS x, :entitlement_id AS y`
		}
		a := connector.Access{AccountID: "u-1", EntitlementID: "g-1"}
		check(t, direct(func(c *Config) { c.Queries = Queries{Check: query} }), a, connector.Present, "")
		a.AccountID = "clear"
		check(t, direct(func(c *Config) { c.Queries, c.CAFile = Queries{Check: query}, "" }), a, connector.Present, "")
	})
}
