package entra

import (
	"context"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
)

// notFoundGone is a mistake of this connector alone: an assignment that is not found any more is taken for
// access that has gone, although it was made anew.
const notFoundGone connectortest.Mistake = "takes not found for gone"

type hasty struct{ live }

func (h hasty) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	o, err := h.live.Revoke(ctx, a, seen, key)
	if o == connector.Changed {
		o = connector.AlreadyAbsent
	}
	return o, err
}

// TestSuiteCatches is the suite's negative control, of memberships and of app roles, which have a guard.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	const unguarded = "memberships have no version"
	for ents, c := range map[string]connectortest.Control{
		ofGroups: {Lacks: map[connectortest.Mistake]string{connectortest.NoGuard: unguarded, connectortest.NoMemory: unguarded}},
		ofApps: {
			Tests: map[connectortest.Mistake]string{notFoundGone: "changed meanwhile"},
			Lacks: map[connectortest.Mistake]string{connectortest.DirectOnly: "roles hold no roles"},
		},
	} {
		t.Run(ents, func(t *testing.T) {
			t.Parallel()
			c.Fresh = func(t *testing.T, m connectortest.Mistake) connectortest.Harness {
				t.Helper()
				v := variant{ents: ents}
				if m == notFoundGone {
					v.wrap = func(c *Client) live { return hasty{c} }
				}
				return v.harness(t)
			}
			connectortest.Catches(t, c)
		})
	}
}
