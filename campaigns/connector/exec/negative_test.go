package execconn

import (
	"testing"

	"recert/campaigns/connector/connectortest"
)

// TestSuiteCatches is the suite's negative control.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	connectortest.Catches(t, connectortest.Control{
		Fresh: func(t *testing.T, _ connectortest.Mistake) connectortest.Harness { t.Helper(); return harness(t) },
	})
}
