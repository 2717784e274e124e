package sqldb

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/model"
)

// TestReadCut: wherever the connection is cut, a read fails; it never gives a short list.
func TestReadCut(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		for i := range 50 {
			w.AddAccount(fmt.Sprint("x", i), "x")
			w.Grant(fmt.Sprint("x", i), "g-1")
		}
		readCut(t, w.client(t, nil), w.proxy)
	})
}

// TestReadCutRoles is TestReadCut for a server's roles. They are all read, those of other tests too: it runs by itself.
func TestReadCutRoles(t *testing.T) {
	k := newCompany(t)
	readCut(t, k.c, k.proxy)
}

func readCut(t *testing.T, c *Client, p *proxy) {
	t.Helper()
	whole := 0
	if _, err := c.Read(t.Context(), func(model.Record) error { whole++; return nil }); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for after := 1; ; after += 1 + after/3 {
		p.cutAfter(after)
		n := 0
		_, err := c.Read(t.Context(), func(model.Record) error { n++; return nil })
		if err == nil {
			if n != whole {
				t.Fatalf("cut after %d messages, %d of %d rows came without an error", after, n, whole)
			}
			break
		}
		failed++
		if f, ok := errors.AsType[*connector.Failure](err); !ok || f.Kind != connector.Unreachable {
			t.Errorf("cut after %d messages: %v", after, err)
		}
	}
	p.cutAfter(0)
	if failed < 10 {
		t.Errorf("only %d reads were cut", failed)
	}
}

// TestReadSlowly: the time that the reader takes is not the database's.
func TestReadSlowly(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		c := w.client(t, func(c *Config) { c.Timeout = 500 * time.Millisecond })
		n := 0
		_, err := c.Read(t.Context(), func(model.Record) error {
			if n++; n <= 2 {
				time.Sleep(700 * time.Millisecond)
			}
			return nil
		})
		if err != nil || n != 5 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

// TestManyAtOnce: more changes at a time than there are connections do not wait for each other.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	const many = 40
	at := func(t *testing.T, c *Client, access func(i int) connector.Access) {
		t.Helper()
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				// The database may take a change back because of another one; then it is tried
				// again, as the worker does.
				for try := 1; ; try++ {
					out, err := c.Revoke(t.Context(), access(i), connector.Observation{}, "key")
					if err == nil && (out == connector.Removed || out == connector.AlreadyAbsent) {
						return
					}
					if try == 20 || err != nil && connector.FailureOf(err).Kind != connector.Unreachable {
						t.Errorf("%d: %q, %v", i, out, err)
						return
					}
				}
			})
		}
		wg.Wait()
		for i := range many {
			check(t, c, access(i), connector.Absent, "")
		}
	}
	eachTables(t, func(t *testing.T, w *tables) {
		w.exec(`CREATE INDEX by_account@ ON grants@ (account_id, entitlement_id)`)
		for i := range many {
			w.AddAccount(fmt.Sprint("x", i), "x")
			w.Grant(fmt.Sprint("x", i), "g-1")
		}
		at(t, w.client(t, func(c *Config) { c.Timeout = 20 * time.Second }), func(i int) connector.Access {
			return connector.Access{AccountID: fmt.Sprint("x", i), Username: "x", EntitlementID: "g-1", EntitlementName: "Editors"}
		})
		if !w.Holds("u-1", "g-1") || w.Changes() != many {
			t.Errorf("%d changes", w.Changes())
		}
	})
	t.Run("roles", func(t *testing.T) {
		t.Parallel()
		w := newRoles(t)
		w.AddEntitlement("g-1", "Editors")
		for i := range many {
			w.AddAccount(fmt.Sprint("x", i), fmt.Sprint("x", i))
			w.Grant(fmt.Sprint("x", i), "g-1")
		}
		x := &translated{w: w}
		at(t, w.client(t, func(c *Config) { c.Timeout = 20 * time.Second }), func(i int) connector.Access {
			return x.access(connector.Access{AccountID: fmt.Sprint("x", i), Username: fmt.Sprint("x", i), EntitlementID: "g-1", EntitlementName: "Editors"})
		})
		if w.Changes() != many {
			t.Errorf("%d changes", w.Changes())
		}
	})
}

// BenchmarkRevoke is how long it takes to take one access away, at the server's own speed.
func BenchmarkRevoke(b *testing.B) {
	for _, s := range []*server{pgServer, myServer} {
		b.Run(map[bool]string{false: "postgres", true: "mariadb"}[s.mysql], func(b *testing.B) {
			if _, err := s.db.Exec(`DROP TABLE IF EXISTS bench`); err != nil {
				b.Fatal(err)
			}
			if _, err := s.db.Exec(`CREATE TABLE bench (a varchar(50), e varchar(50), primary key (a, e))`); err != nil {
				b.Fatal(err)
			}
			for i := range b.N {
				if _, err := s.db.Exec(fmt.Sprintf(`INSERT INTO bench VALUES ('%d', 'g')`, i)); err != nil {
					b.Fatal(err)
				}
			}
			cfg := Config{
				URL: "postgres://connector@" + s.addr + "/postgres", Password: canary, Now: time.Now,
				Queries: Queries{
					Check:  `SELECT a AS account_id, e AS entitlement_id FROM bench WHERE a = :account_id AND e = :entitlement_id`,
					Revoke: `DELETE FROM bench WHERE a = :account_id AND e = :entitlement_id`,
				},
			}
			if s.mysql {
				cfg.URL = "mysql://connector@" + s.addr + "/world"
			}
			c, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.ResetTimer()
			for i := range b.N {
				out, err := c.Revoke(b.Context(), connector.Access{AccountID: strconv.Itoa(i), EntitlementID: "g"}, connector.Observation{}, "key")
				if err != nil || out != connector.Removed {
					b.Fatal(out, err)
				}
			}
		})
	}
}

// TestConnections: as many removals as may go out at once have a connection each; none waits for one, as it would
// go out after removals were stopped.
func TestConnections(t *testing.T) {
	t.Parallel()
	eachTables(t, func(t *testing.T, w *tables) {
		for at, most := range map[int]int{0: 8, 4: 8, 20: 22} {
			c := w.client(t, func(c *Config) { c.Concurrency = at })
			for i := range max(at, 1) {
				conn, err := c.db.Conn(t.Context())
				if err != nil {
					t.Fatalf("connection %d of %d: %v", i+1, at, err)
				}
				t.Cleanup(func() { conn.Close() })
			}
			if s := c.db.Stats(); s.WaitCount != 0 || s.MaxOpenConnections != most {
				t.Errorf("for %d at once: %d waited, %d are allowed", at, s.WaitCount, s.MaxOpenConnections)
			}
		}
	})
}
