package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
)

// neverOutside is a mistake of roles alone: a change is committed without a look from outside.
const neverOutside connectortest.Mistake = "never looks outside"

// blind is a Client with that mistake.
type blind struct{ *Client }

// Revoke revokes a membership after a look, without the look from outside before the commit.
func (b blind) Revoke(ctx context.Context, a connector.Access, _ connector.Observation, _ string) (connector.Outcome, error) {
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

// TestSuiteCatches is the suite's negative control, of roles and of tables, each on the parent's servers.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	statuses := map[connectortest.Mistake]string{connectortest.RepeatsSecret: "answers that are none"} // databases have no statuses
	for mode, c := range map[string]connectortest.Control{
		"roles": {
			Tests: map[connectortest.Mistake]string{connectortest.RepeatsSecret: "answers that are none", neverOutside: "changed meanwhile"},
			Fresh: func(t *testing.T, m connectortest.Mistake) connectortest.Harness {
				t.Helper()
				h := rolesHarness(t)
				if x, ok := h.Target.(*translated); ok && m == neverOutside {
					c, _ := x.c.(*Client)
					x.c = blind{c}
				}
				return h
			},
		},
		"mariadb": {
			Tests: statuses,
			Fresh: func(t *testing.T, _ connectortest.Mistake) connectortest.Harness {
				t.Helper()
				return tablesHarness(func() *server { return myServer })(t)
			},
		},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c.Env = []string{brokenServers + "=" + serversForChildren()}
			connectortest.Catches(t, c)
		})
	}
}
