package baton

import (
	"context"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
)

// expandedDirect is a mistake of this connector alone: what a group gives is taken for a grant of its own.
const expandedDirect connectortest.Mistake = "takes expanded for direct"

type expanding struct{ short }

func (e expanding) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	obs, err := e.short.Check(ctx, a)
	if obs.Presence == connector.NotDirect {
		obs.Presence = connector.Present
	}
	return obs, err
}

// TestSuiteCatches is the suite's negative control.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	const unguarded = "a sync has no versions"
	connectortest.Catches(t, connectortest.Control{
		Tests: map[connectortest.Mistake]string{expandedDirect: "not direct"},
		Lacks: map[connectortest.Mistake]string{connectortest.NoGuard: unguarded, connectortest.NoMemory: unguarded},
		Fresh: func(t *testing.T, m connectortest.Mistake) connectortest.Harness {
			t.Helper()
			h := harness(t)
			if m == expandedDirect {
				s, ok := h.Target.(short)
				if !ok {
					t.Fatal("no client")
				}
				h.Target = expanding{s}
			}
			return h
		},
	})
}
