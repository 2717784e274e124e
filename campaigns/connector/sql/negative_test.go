package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// brokenEnv names, to the child process, the way in which its connector is broken.
const brokenEnv = "RECERT_TEST_BROKEN_CONNECTOR"

// broken is a Client with one mistake that connectors in the wild make.
type broken struct {
	*Client
	how    string
	belief map[string]bool
}

func (b *broken) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	if b.how == "believes the answer" && b.belief[a.AccountID+a.EntitlementID] {
		return connector.Observation{Presence: connector.Absent, Detail: "It said so."}, nil
	}
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	obs, err := b.Client.Check(ctx, a)
	switch {
	case b.how == "sees direct grants only" && obs.Presence == connector.NotDirect:
		obs.Presence = connector.Absent
	case err != nil && b.how == "takes an error for absence":
		return connector.Observation{Presence: connector.Absent, Detail: "It failed."}, nil
	case err != nil && b.how == "repeats the password":
		f := *connector.FailureOf(err)
		f.Err = fmt.Errorf("dsn postgres://connector:%s@host", b.cfg.Password)
		return obs, &f
	}
	return obs, err
}

func (b *broken) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	if b.how == "never looks outside" {
		return b.blind(ctx, a)
	}
	o, err := b.Client.Revoke(ctx, a, seen, key)
	switch {
	case b.how == "has no guard" && o == connector.Changed:
		o, err = b.Client.Revoke(ctx, a, connector.Observation{}, key)
	case b.how == "tries again by itself" && err != nil:
		o, err = b.Client.Revoke(ctx, a, seen, key)
	}
	if o == connector.Removed {
		b.belief[a.AccountID+a.EntitlementID] = true
	}
	return o, err
}

// blind revokes a membership after a look, without the look from outside before the commit.
func (b *broken) blind(ctx context.Context, a connector.Access) (connector.Outcome, error) {
	r, ok := b.mode.(*roles)
	if !ok {
		return "", errors.New("not of roles")
	}
	g, err := r.glance(ctx, r.db, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(g.obs.Presence); o != "" {
		return o, nil
	}
	return r.changing(ctx, sql.LevelReadCommitted, connector.Removed, func(tx *sql.Tx) error {
		s, err := r.begin(ctx, tx, true)
		if err != nil {
			return err
		}
		statements, err := s.statements(ctx, g)
		if err != nil {
			return err
		}
		for _, q := range statements {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *broken) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	grants := 0
	ext, err := b.Client.Read(ctx, func(r model.Record) error {
		if b.how == "drops grants" && r.Kind == model.KindGrants {
			if grants++; grants%2 == 0 {
				return nil
			}
		}
		return yield(r)
	})
	if b.how == "is content with half a list" {
		err = nil
	}
	return ext, err
}

// TestBrokenConnector runs the suite over a broken connector; only as a child of
// TestSuiteCatches.
func TestBrokenConnector(t *testing.T) {
	how := os.Getenv(brokenEnv)
	if how == "" {
		return
	}
	where := strings.Fields(os.Getenv(brokenServers))
	for i, open := range []string{"pgx", "mysql"} {
		s := &server{mysql: i == 1, addr: where[2*i]}
		var err error
		if s.db, err = sql.Open(open, where[2*i+1]); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.db.Close() })
		if s.mysql {
			myServer = s
		} else {
			pgServer = s
		}
	}
	worlds.Store(int64(os.Getpid()) * 1000) // beside those of the parent
	breaks := func(c *Client) *broken { return &broken{Client: c, how: how, belief: map[string]bool{}} }
	t.Run("suites", func(t *testing.T) {
		t.Run("roles", func(t *testing.T) {
			connectortest.Run(t, func(t *testing.T) connectortest.Harness {
				h := rolesHarness(t)
				if x, ok := h.Target.(*translated); ok {
					c, _ := x.c.(*Client)
					x.c = breaks(c)
				}
				return h
			})
		})
		t.Run("mariadb", func(t *testing.T) {
			connectortest.Run(t, func(t *testing.T) connectortest.Harness {
				h := tablesHarness(func() *server { return myServer })(t)
				c, _ := h.Target.(*Client)
				b := breaks(c)
				h.Target, h.Source = b, b
				return h
			})
		})
	})
}

// TestSuiteCatches is the suite's negative control: each mistake fails the test that is about
// it.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ how, mode, test string }{
		{"believes the answer", "roles", "a_liar_is_found_out"},
		{"has no guard", "mariadb", "changed_before"},
		{"has no guard", "roles", "changed_before"},
		{"never looks outside", "roles", "changed_meanwhile"},
		{"tries again by itself", "mariadb", "reply_dropped,_done"},
		{"goes by id alone", "roles", "wrong_account"},
		{"sees direct grants only", "roles", "not_direct"},
		{"takes an error for absence", "mariadb", "answers_that_are_none"},
		{"repeats the password", "roles", "answers_that_are_none"},
		{"drops grants", "roles", "list"},
		{"is content with half a list", "mariadb", "list_faults"},
		{"none", "roles", "list"},
	} {
		t.Run(c.how+" "+c.mode, func(t *testing.T) {
			t.Parallel()
			pattern := "^TestBrokenConnector$/^suites$/^" + c.mode + "$/^" + c.test + "$"
			//nolint:gosec // this very test binary
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern, "-test.v", "-test.count=1")
			cmd.Env = append(os.Environ(), brokenEnv+"="+c.how, brokenServers+"="+strings.Join([]string{
				pgServer.addr, "postgres://root:" + root + "@" + pgServer.addr + "/postgres?sslmode=disable",
				myServer.addr, "root@tcp(" + myServer.addr + ")/world?collation=utf8mb4_bin",
			}, " "))
			out, err := cmd.CombinedOutput()
			line := "TestBrokenConnector/suites/" + c.mode + "/" + c.test + " "
			switch {
			case c.how == "none":
				if err != nil || !strings.Contains(string(out), "--- PASS: "+line) {
					t.Errorf("the control without a mistake fails: %v\n%s", err, out)
				}
			case err == nil || !strings.Contains(string(out), "--- FAIL: "+line):
				t.Errorf("%s passes:\n%s", c.test, out)
			}
		})
	}
}
