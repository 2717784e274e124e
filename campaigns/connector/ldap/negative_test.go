package ldap

import (
	"testing"

	"recert/campaigns/connector/connectortest"
)

// sendsNoGuard is a mistake of this connector alone: its changes say nothing of what was seen.
const sendsNoGuard connectortest.Mistake = "sends no guard"

// TestSuiteCatches is the suite's negative control.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	fresh := harness(ofNames)
	connectortest.Catches(t, connectortest.Control{
		Tests: map[connectortest.Mistake]string{sendsNoGuard: "changed meanwhile"},
		Fresh: func(t *testing.T, m connectortest.Mistake) connectortest.Harness {
			t.Helper()
			h := fresh(t)
			w, ok := h.World.(*world)
			if !ok {
				t.Fatal("no world")
			}
			w.proxy.unguarded = m == sendsNoGuard
			return h
		},
	})
}
