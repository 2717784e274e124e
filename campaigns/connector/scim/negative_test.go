package scim

import (
	"testing"

	"recert/campaigns/connector/connectortest"
	"recert/campaigns/connector/scim/scimserver"
)

// TestSuiteCatches is the suite's negative control.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	fresh := harness(scimserver.Config{}, scimserver.Traits{}, nil)
	connectortest.Catches(t, connectortest.Control{
		Fresh: func(t *testing.T, _ connectortest.Mistake) connectortest.Harness { t.Helper(); return fresh(t) },
	})
}
