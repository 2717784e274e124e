package ldap

import (
	"testing"

	"recert/campaigns/connector/connectortest"
)

// harness makes a fresh world and connector for each test of the suite.
func harness(kind kindOf) func(t *testing.T) connectortest.Harness {
	return func(t *testing.T) connectortest.Harness {
		w, c := newWorld(t, kind, nil)
		h := connectortest.Harness{Target: c, Source: c, World: w, Page: 10, Secrets: []string{canary}, Lacks: map[string]string{}}
		if kind.member == "memberUid" {
			h.Lacks["nesting"] = "memberUid holds user names only"
		}
		return h
	}
}

func TestConformanceOpenLDAP(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]kindOf{
		"groupOfNames": ofNames, "groupOfUniqueNames": ofUnique, "posixGroup": ofPOSIX, "organizationalRole": ofRole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connectortest.Run(t, harness(kind))
		})
	}
}
