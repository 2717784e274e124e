package connectortest

import (
	"testing"

	"recert/campaigns/connector"
)

// granter is the target where it can give access.
func (h Harness) granter(t *testing.T) connector.Granter {
	t.Helper()
	g, ok := h.Target.(connector.Granter)
	if !ok {
		t.Skip("the connector gives no access: a person has to")
	}
	return g
}

func (h Harness) grant(t *testing.T, a connector.Access, want connector.Outcome) {
	t.Helper()
	got, err := h.granter(t).Grant(t.Context(), a, "give-1")
	if err != nil {
		t.Fatalf("grant: %v", err)
	}
	if got != want {
		t.Fatalf("grant reports %q, want %q", got, want)
	}
}

func granted(t *testing.T, h Harness) {
	h.granter(t)
	a := access()
	a.AccountID, a.Username = carol, "carol"
	h.check(t, a, connector.Absent)
	h.grant(t, a, connector.Granted)
	h.holds(t, carol, editors, true)
	h.check(t, a, connector.Present)
	h.grant(t, a, connector.AlreadyHeld)
	h.counts(t, 1, 1)
	// Restored: what was taken away is given back.
	h.revoke(t, access(), h.check(t, access(), connector.Present), connector.Removed)
	h.grant(t, access(), connector.Granted)
	h.check(t, access(), connector.Present)
	h.holds(t, bob, editors, true)
}

// grantRefused: nothing is given to a stranger, to nobody, or where there is nothing to give.
func grantRefused(t *testing.T, h Harness) {
	h.granter(t)
	a := access()
	a.AccountID, a.Username = carol, "carol"
	if _, ok := h.Lacks["names"]; !ok {
		h.World.RenameAccount(carol, "somebody-else")
		h.grant(t, a, connector.RefusedTarget)
		h.World.RenameAccount(carol, "carol")
		h.World.RenameEntitlement(editors, "Something Else")
		h.grant(t, a, connector.RefusedTarget)
		h.World.RenameEntitlement(editors, "Editors")
	}
	h.holds(t, carol, editors, false)
	for _, gone := range []connector.Access{
		{AccountID: "u-404", Username: "nobody", EntitlementID: editors, EntitlementName: "Editors"},
		{AccountID: carol, Username: "carol", EntitlementID: "g-404", EntitlementName: "Nothing"},
	} {
		out, err := h.granter(t).Grant(t.Context(), gone, "give-2")
		if err == nil {
			t.Errorf("grant of %s to %s reports %q, want a failure", gone.EntitlementID, gone.AccountID, out)
			continue
		}
		h.failure(t, err, connector.Refused)
	}
	h.counts(t, 0, 0)
}

// grantUnseen: the access was given while the answer was lost.
func grantUnseen(t *testing.T, h Harness) {
	g := h.granter(t)
	a := access()
	a.AccountID, a.Username = carol, "carol"
	h.inject(t, Fault{Kind: DropReply, On: Writes})
	_, err := g.Grant(t.Context(), a, "give-1")
	h.failure(t, err, connector.Unreachable)
	h.World.ClearFaults()
	h.holds(t, carol, editors, true)
	h.check(t, a, connector.Present)
	h.grant(t, a, connector.AlreadyHeld)
	h.counts(t, 1, 1)
}
