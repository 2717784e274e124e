package main

import (
	"cmp"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/model"
)

// TestDemoSCIM reads the live system with the production client: it shows the same rows as the
// company's own tables, so that the earlier generations, which come from files, name the same
// accounts and groups. Then it takes one membership away for real.
func TestDemoSCIM(t *testing.T) {
	t.Parallel()
	c := demoTestCompany()
	live := slices.IndexFunc(c.Systems, func(s demoSystem) bool { return s.Live })
	clock := func() time.Time { return demoTestNow }
	state := newDemoSCIM(c, c.Systems[live].ID, "/scim/v2", "the-token", clock)
	server := httptest.NewServer(state)
	t.Cleanup(server.Close)
	client, err := scim.New(scim.Config{URL: server.URL + "/scim/v2", Token: "the-token", PageSize: 50, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	var got demoAccess
	_, err = client.Read(t.Context(), func(r model.Record) error {
		switch r.Kind {
		case model.KindAccounts:
			got.Accounts = append(got.Accounts, r.Account)
		case model.KindEntitlements:
			got.Entitlements = append(got.Entitlements, r.Entitlement)
		case model.KindGrants:
			got.Grants = append(got.Grants, r.Grant)
		case model.KindPeople:
			t.Errorf("a person: %+v", r.Person)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got.Accounts, func(a, b model.Account) int { return strings.Compare(a.AccountID, b.AccountID) })
	slices.SortFunc(got.Entitlements, func(a, b model.Entitlement) int { return strings.Compare(a.EntitlementID, b.EntitlementID) })
	slices.SortFunc(got.Grants, func(a, b model.Grant) int {
		return cmp.Or(strings.Compare(a.AccountID, b.AccountID), strings.Compare(a.EntitlementID, b.EntitlementID), strings.Compare(a.Via, b.Via))
	})
	want := c.Generations[2].Access[c.Systems[live].ID]
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the live system differs from the tables (-tables +live):\n%.3000s", diff)
	}

	i := slices.IndexFunc(want.Grants, func(g model.Grant) bool { return g.Via == "" })
	a := connector.Access{AccountID: want.Grants[i].AccountID, EntitlementID: want.Grants[i].EntitlementID}
	seen, err := client.Check(t.Context(), a)
	if err != nil || seen.Presence != connector.Present {
		t.Fatalf("before: %+v, %v", seen, err)
	}
	if outcome, err := client.Revoke(t.Context(), a, seen, "key"); err != nil || outcome != connector.Removed {
		t.Fatalf("revoke: %s, %v", outcome, err)
	}
	if seen, err = client.Check(t.Context(), a); err != nil || seen.Presence != connector.Absent {
		t.Errorf("after: %+v, %v", seen, err)
	}
	if state.HasMember(a.EntitlementID, a.AccountID) {
		t.Error("the member is still there")
	}
	stranger, err := scim.New(scim.Config{URL: server.URL + "/scim/v2", Token: "guess", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Read(t.Context(), func(model.Record) error { return nil }); connector.FailureOf(err).Kind != connector.Denied {
		t.Errorf("with a wrong token: %v", err)
	}
}
