package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/model"
)

// scimTarget is a client of a SCIM service with 25 users: the group "admins" holds all but the last, and the
// group "ops" holds the group "admins".
func scimTarget(t *testing.T, ignorePaging bool) (*scimServer, *scim.Client) {
	t.Helper()
	seed := scimSeed{IgnorePaging: ignorePaging, Groups: []scimGroup{
		{ID: "admins", DisplayName: "Admins"},
		{ID: "ops", DisplayName: "Ops", Members: []scimMember{{Value: "admins", Type: "Group"}}},
	}}
	for i := range 25 {
		id := fmt.Sprintf("u%02d", i)
		seed.Users = append(seed.Users, scimUser{ID: id, UserName: id + "@example.com", Active: true})
		if i < 24 {
			seed.Groups[0].Members = append(seed.Groups[0].Members, scimMember{Value: id, Type: "User"})
		}
	}
	s := startSCIM(t, seed)
	client, err := scim.New(scim.Config{URL: s.URL, Token: s.Token, PageSize: 10, Now: time.Now, Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

// TestSCIMTarget takes access away in a SCIM service that nobody here wrote.
func TestSCIMTarget(t *testing.T) {
	t.Parallel()
	s, client := scimTarget(t, false)

	rows := map[model.Kind]int{}
	if _, err := client.Read(t.Context(), func(r model.Record) error { rows[r.Kind]++; return nil }); err != nil {
		t.Fatal(err)
	}
	// 24 direct grants of admins, and ops for the same 24 by way of admins.
	if rows[model.KindAccounts] != 25 || rows[model.KindEntitlements] != 2 || rows[model.KindGrants] < 48 {
		t.Errorf("the service reads as %v", rows)
	}

	member := connector.Access{AccountID: "u07", Username: "u07@example.com", EntitlementID: "admins", EntitlementName: "Admins"}
	revokeInSCIM(t, client, member, connector.Removed)
	if ids := strings.Join(s.state(t).members(t, "admins"), " "); strings.Contains(ids, "u07") || !strings.Contains(ids, "u08") {
		t.Errorf("after the removal admins holds %s", ids)
	}
	revokeInSCIM(t, client, member, connector.AlreadyAbsent)

	account := connector.Access{AccountID: "u08", Username: "u08@example.com"}
	revokeInSCIM(t, client, account, connector.Removed)
	for _, u := range s.state(t).Users {
		if u.Active != (u.ID != "u08") {
			t.Errorf("%s active: %v", u.ID, u.Active)
		}
	}
	inherited := connector.Access{AccountID: "u09", Username: "u09@example.com", EntitlementID: "ops", EntitlementName: "Ops"}
	if seen, err := client.Check(t.Context(), inherited); err != nil || seen.Presence != connector.NotDirect {
		t.Errorf("an inherited membership looks %s (%v), want %s", seen.Presence, err, connector.NotDirect)
	}
	member.Username = "somebody.else@example.com"
	if seen, err := client.Check(t.Context(), member); err != nil || seen.Presence != connector.WrongTarget {
		t.Errorf("another person's account looks %s (%v), want %s", seen.Presence, err, connector.WrongTarget)
	}
}

// revokeInSCIM looks, takes away and looks again.
func revokeInSCIM(t *testing.T, target connector.Target, access connector.Access, want connector.Outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen, err := target.Check(ctx, access)
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := target.Revoke(ctx, access, seen, "key")
	if err != nil || outcome != want {
		t.Errorf("revoke %s of %s: %s (%v), want %s", access.EntitlementID, access.AccountID, outcome, err, want)
	}
	seen, err = target.Check(ctx, access)
	if err != nil || seen.Presence != connector.Absent {
		t.Errorf("afterwards %s of %s is %s (%v), want %s", access.EntitlementID, access.AccountID, seen.Presence, err, connector.Absent)
	}
}

// A service that answers every page with its first one must not pass for one that holds so little.
func TestSCIMTargetWithoutPaging(t *testing.T) {
	t.Parallel()
	_, client := scimTarget(t, true)
	if _, err := client.Read(t.Context(), func(model.Record) error { return nil }); err == nil {
		t.Error("a service that ignores the page asked for was read without an error")
	}
}

// noWait makes a client try again at once.
func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }
