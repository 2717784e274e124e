package entra

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/entra/entraserver"
	"recert/model"
)

// whole is a whole read.
type whole struct {
	accounts     map[string]model.Account
	entitlements map[string]model.Entitlement
	grants       []model.Grant
	ext          connector.Extraction
}

func readAll(t *testing.T, c *Client) whole {
	t.Helper()
	w, err := tryRead(t.Context(), c)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return w
}

func tryRead(ctx context.Context, c *Client) (w whole, err error) {
	w = whole{accounts: map[string]model.Account{}, entitlements: map[string]model.Entitlement{}}
	w.ext, err = c.Read(ctx, func(r model.Record) error {
		switch r.Kind {
		case model.KindAccounts:
			w.accounts[r.Account.AccountID] = r.Account
		case model.KindEntitlements:
			w.entitlements[r.Entitlement.EntitlementID] = r.Entitlement
		case model.KindGrants:
			w.grants = append(w.grants, r.Grant)
		case model.KindPeople:
		}
		return nil
	})
	return w, err
}

// lines are the grants, as "account entitlement via".
func (w whole) lines() []string {
	var out []string
	for _, g := range w.grants {
		out = append(out, g.AccountID+" "+g.EntitlementID+" "+g.Via)
	}
	slices.Sort(out)
	return out
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("grants:\n got %q\nwant %q", got, want)
	}
}

const (
	admins  = "62e90394-69f5-4237-9190-012177145e10"
	auRole  = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	reader  = "role-reader"
	graphID = "app-graph"
)

// company fills a directory with one of each.
func company(srv *entraserver.Server) {
	created := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	srv.PutUser(entraserver.User{ID: "u-ann", UserPrincipalName: "ann@contoso.example", DisplayName: "Ann", Mail: "ann@contoso.example", EmployeeID: "1042", Created: created,
		LastSignIn: created.Add(time.Hour), LastNonInteractive: created.Add(3 * time.Hour), LastSuccessful: created.Add(2 * time.Hour)})
	srv.PutUser(entraserver.User{ID: "u-ben", UserPrincipalName: "ben@contoso.example", Disabled: true, Synced: true, LastSignIn: created, LastNonInteractive: created.Add(time.Minute)})
	srv.PutUser(entraserver.User{ID: "u-gus", UserPrincipalName: "gus_partner.example#EXT#@contoso.example", Guest: true})
	srv.PutApp(entraserver.ServicePrincipal{ID: wiki, AppID: "wiki-client", DisplayName: "Wiki", Roles: []entraserver.AppRole{{ID: reader, DisplayName: "Reader", Value: "Wiki.Read"}}})
	srv.PutApp(entraserver.ServicePrincipal{ID: "app-self", AppID: clientID, DisplayName: "Recert"})
	srv.PutApp(entraserver.ServicePrincipal{ID: graphID, AppID: "graph", DisplayName: "Microsoft Graph", Type: "Application", Roles: []entraserver.AppRole{{ID: "r-hidden", DisplayName: "Read hidden memberships", Value: "Member.Read.Hidden"}}})
	srv.PutGroup(entraserver.Group{ID: "g-staff", DisplayName: "Staff"})
	srv.PutGroup(entraserver.Group{ID: "g-it", DisplayName: "IT"})
	srv.PutGroup(entraserver.Group{ID: "g-dyn", DisplayName: "All of Berlin", Types: []string{"DynamicMembership"}, Rule: `user.city -eq "Berlin"`})
	srv.PutGroup(entraserver.Group{ID: "g-old", DisplayName: "From below", Synced: true})
	srv.PutGroup(entraserver.Group{ID: "g-adm", DisplayName: "Admins", RoleAssignable: true})
	srv.AddMember("g-staff", "g-it")
	srv.AddMember("g-it", "u-ann")
	srv.AddMember("g-it", wiki)
	srv.AddMember("g-dyn", "u-ann")
	srv.AddMember("g-staff", "g-dyn")
	srv.AddMember("g-old", "u-ben")
	srv.AddMember("g-adm", "u-ann")
	srv.PutRole(admins, "Global Administrator")
	srv.PutRole(auRole, "User Administrator")
	srv.AssignRole(admins, "/", "u-ben")
	srv.AssignRole(admins, "/", "g-adm")
	srv.AssignRole(auRole, "/administrativeUnits/au-1", "u-gus")
	srv.Assign(wiki, reader, "u-gus")
	srv.Assign(wiki, reader, "g-it")
	srv.Assign(wiki, reader, "g-staff") // whose inner groups' members do not get it
	srv.Assign("app-self", defaultRole, "u-ann")
}

func TestReadsACompany(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{Page: 2}, func(c *Config) { c.SignInActivity = true })
	company(srv)
	w := readAll(t, c)
	wantLines(t, w.lines(),
		"u-ann g-it ", wiki+" g-it ", "u-ann g-dyn "+viaRule, "u-ben g-old ", "u-ann g-adm ",
		"u-ann g-staff g-it", wiki+" g-staff g-it", "u-ann g-staff g-dyn>"+viaRule,
		"u-ben role:"+admins+":/ ", "u-ann role:"+admins+":/ g-adm", "u-gus role:"+auRole+":/administrativeUnits/au-1 ",
		"u-gus app:"+wiki+":"+reader+" ", "u-ann app:"+wiki+":"+reader+" g-it", wiki+" app:"+wiki+":"+reader+" g-it",
		"u-ann app:app-self:"+defaultRole+" ",
	)
	ann, ben, gus, robot := w.accounts["u-ann"], w.accounts["u-ben"], w.accounts["u-gus"], w.accounts[wiki]
	created := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for what, ok := range map[string]bool{
		"ann's names":                    ann.Username == "ann@contoso.example" && ann.DisplayName == "Ann" && ann.PersonID == "1042" && ann.Email == "ann@contoso.example",
		"ann is human and enabled":       ann.Kind == "human" && ann.Status == "enabled" && ann.Attrs["user_type"] == "member",
		"ann was made":                   ann.CreatedAt == model.TimeOf(created),
		"ann's last successful sign-in":  ann.LastLoginAt == model.TimeOf(created.Add(2*time.Hour)),
		"ann is admin through a group":   ann.Privileged == model.Yes,
		"ben is disabled and from below": ben.Status == "disabled" && ben.Attrs["on_premises_sync"] == "true",
		"ben's last attempt":             ben.LastLoginAt == model.TimeOf(created.Add(time.Minute)),
		"gus is a guest":                 gus.Attrs["user_type"] == "guest" && !gus.LastLoginAt.Known(),
		"the wiki is a service":          robot.Kind == "service" && robot.Username == "wiki-client" && robot.Attrs["user_type"] == "service_principal" && robot.Privileged == model.Unknown,
		"the role":                       w.entitlements["role:"+admins+":/"].Name == "Global Administrator" && w.entitlements["role:"+admins+":/"].Privileged == model.Yes,
		"the scoped role":                w.entitlements["role:"+auRole+":/administrativeUnits/au-1"].Name == "User Administrator (scope /administrativeUnits/au-1)",
		"the app role":                   w.entitlements["app:"+wiki+":"+reader].Name == "Wiki: Reader",
		"the default role":               w.entitlements["app:app-self:"+defaultRole].Name == "Recert: default access",
		"the rule":                       w.entitlements["g-dyn"].Attrs["membership_rule"] == `user.city -eq "Berlin"`,
		"role-assignable is privileged":  w.entitlements["g-adm"].Privileged == model.Yes && w.entitlements["g-it"].Privileged == model.Unknown,
		"accounts are counted":           w.ext.Totals[model.KindAccounts] == 6,
		"roles are not in Graph's count": func() bool { _, has := w.ext.Totals[model.KindEntitlements]; return !has }(),
	} {
		if !ok {
			t.Errorf("not so: %s", what)
		}
	}
	for _, g := range w.grants {
		if direct := strings.HasPrefix(g.EntitlementID, appPrefix) && g.Via == ""; direct != g.GrantedAt.Known() {
			t.Errorf("%s %s via %q was granted at %s", g.AccountID, g.EntitlementID, g.Via, g.GrantedAt)
		}
	}
}

// TestLastUseUnknown: without the setting the last sign-in is unknown, and is not asked for.
func TestLastUseUnknown(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	if at := readAll(t, c).accounts["u-ann"].LastLoginAt; at.Known() {
		t.Errorf("last sign-in %s, want unknown", at)
	}
	for _, call := range srv.Calls() {
		if strings.Contains(call.Query, "signInActivity") {
			t.Errorf("asked for sign-in activity: %s", call.Query)
		}
	}
}

// TestChangesDuringTheRead are in what is handed on: a delta query is followed until nothing changes.
func TestChangesDuringTheRead(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	var once atomic.Bool
	srv.Hook(func(call entraserver.Call) {
		// Users, service principals and groups were read whole; app roles are being read.
		if !strings.HasSuffix(call.Path, "/appRoleAssignedTo") || !once.CompareAndSwap(false, true) {
			return
		}
		srv.PutUser(entraserver.User{ID: "u-new", UserPrincipalName: "new@contoso.example"})
		srv.AddMember("g-it", "u-new")
		srv.RemoveMember("g-it", "u-ann")
		srv.Delete("u-ben", true)
		srv.Delete("u-gus", false)
		srv.PutGroup(entraserver.Group{ID: "g-staff", DisplayName: "All staff"})
		srv.Delete("g-adm", false)
	})
	w := readAll(t, c)
	wantLines(t, w.lines(),
		"u-new g-it ", wiki+" g-it ", "u-ann g-dyn "+viaRule, "u-new g-staff g-it", wiki+" g-staff g-it", "u-ann g-staff g-dyn>"+viaRule,
		"u-new app:"+wiki+":"+reader+" g-it", wiki+" app:"+wiki+":"+reader+" g-it", "u-ann app:app-self:"+defaultRole+" ",
	)
	if _, there := w.accounts["u-ben"]; there {
		t.Error("a deleted user is listed")
	}
	if got := w.entitlements["g-staff"].Name; got != "All staff" {
		t.Errorf("the group's name is %q", got)
	}
	if _, there := w.entitlements["g-adm"]; there {
		t.Error("a deleted group is listed")
	}
	if w.ext.Totals[model.KindAccounts] != int64(len(w.accounts)) {
		t.Errorf("%d accounts, Graph counts %d", len(w.accounts), w.ext.Totals[model.KindAccounts])
	}
}

// TestNeverQuiet: a directory that changes all the time is not taken as it was at no time.
func TestNeverQuiet(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	var n atomic.Int64
	srv.Hook(func(call entraserver.Call) {
		if call.Path == "/users/delta" {
			srv.PutUser(entraserver.User{ID: "u-busy", UserPrincipalName: fmt.Sprintf("busy-%d@contoso.example", n.Add(1))})
		}
	})
	_, err := tryRead(t.Context(), c)
	wantFailure(t, err, connector.Broken, "changed in each of 30 rounds")
}

func wantFailure(t *testing.T, err error, kind connector.FailureKind, says string) connector.Failure {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	f := connector.FailureOf(err)
	if f.Kind != kind || !strings.Contains(f.Msg, says) {
		t.Errorf("failure %s: %q, want %s: …%s…", f.Kind, f.Msg, kind, says)
	}
	if text := fmt.Sprintf("%v %+v %#v", err, err, f.Err); strings.Contains(text, canary) || strings.Contains(text, "eyJ0eXAi") {
		t.Errorf("the error repeats a secret")
	}
	return *f
}

func isDelta(c entraserver.Call) bool { return strings.HasSuffix(c.Path, "/delta") }

// TestListsThatLie: a list that cannot be read whole is an error that says why.
func TestListsThatLie(t *testing.T) {
	t.Parallel()
	assigned := func(c entraserver.Call) bool { return strings.HasSuffix(c.Path, "/appRoleAssignedTo") }
	tests := map[string]struct {
		rule entraserver.Rule
		kind connector.FailureKind
		says string
	}{
		"gone twice":                {entraserver.Rule{Fault: entraserver.Gone, When: isDelta}, connector.Broken, "asked twice to begin again"},
		"link to a stranger":        {entraserver.Rule{Fault: entraserver.ForeignLink, When: isDelta, Location: "https://graph.evil.example/v1.0/users/delta?$skiptoken=x"}, connector.Broken, "links to another address"},
		"link outside the base":     {entraserver.Rule{Fault: entraserver.ForeignLink, When: assigned, Location: "/beta/users"}, connector.Broken, "links to another address"},
		"page ends early":           {entraserver.Rule{Fault: entraserver.ShortPage, When: isDelta, Skip: 2}, connector.Broken, "ended early"},
		"page again and again":      {entraserver.Rule{Fault: entraserver.DupPage, When: assigned}, connector.Broken, "again and again"},
		"an app without a list":     {entraserver.Rule{Fault: entraserver.Refuse, Status: 404, When: assigned}, connector.Broken, "does not find it"},
		"an app without groups":     {entraserver.Rule{Fault: entraserver.Refuse, Status: 404, When: func(c entraserver.Call) bool { return strings.HasSuffix(c.Path, "/memberOf") }}, connector.Broken, "does not find it"},
		"a proxy's 404":             {entraserver.Rule{Fault: entraserver.PlainNotFound, When: assigned}, connector.Broken, "does not come from Graph"},
		"forbidden apps":            {entraserver.Rule{Fault: entraserver.Refuse, Status: 403, When: assigned}, connector.Denied, "permission Application.Read.All"},
		"forbidden users":           {entraserver.Rule{Fault: entraserver.Refuse, Status: 403, Path: "/users/delta"}, connector.Denied, "permission User.Read.All"},
		"forbidden roles":           {entraserver.Rule{Fault: entraserver.Refuse, Status: 403, Path: "/roleManagement"}, connector.Denied, "permission RoleManagement.Read.Directory"},
		"forbidden sign-ins":        {entraserver.Rule{Fault: entraserver.Refuse, Status: 403, When: func(c entraserver.Call) bool { return strings.Contains(c.Query, "signInActivity") }}, connector.Denied, "permission AuditLog.Read.All"},
		"no licence":                {entraserver.Rule{Fault: entraserver.Refuse, Status: 403, Code: "Authentication_RequestFromNonPremiumTenantOrB2CTenant", When: func(c entraserver.Call) bool { return strings.Contains(c.Query, "signInActivity") }}, connector.Denied, "needs Entra ID P1"},
		"busy for a day":            {entraserver.Rule{Fault: entraserver.Refuse, Status: 429, RetryAfter: "86000", When: isDelta}, connector.Unreachable, "slow down"},
		"busy for ever":             {entraserver.Rule{Fault: entraserver.Refuse, Status: 429, RetryAfter: "7", When: isDelta}, connector.Unreachable, "slow down"},
		"gateway":                   {entraserver.Rule{Fault: entraserver.Refuse, Status: 504, When: isDelta}, connector.Unreachable, "504"},
		"connection cut in a list":  {entraserver.Rule{Fault: entraserver.DropReply, When: assigned}, connector.Unreachable, "no answer"},
		"counts cut":                {entraserver.Rule{Fault: entraserver.DropReply, Path: "/users/$count"}, connector.Unreachable, "no answer"},
		"count that is none":        {entraserver.Rule{Fault: entraserver.BrokenJSON, Path: "/groups/$count"}, connector.Broken, "is no number"},
		"role list that is no list": {entraserver.Rule{Fault: entraserver.BrokenJSON, Path: "/roleManagement"}, connector.Broken, "not the JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := fixture(t, entraserver.Config{Page: 2}, func(c *Config) { c.SignInActivity = true })
			company(srv)
			if strings.HasPrefix(test.rule.Location, "/") {
				test.rule.Location = strings.TrimSuffix(c.cfg.GraphURL, "/v1.0") + test.rule.Location
			}
			srv.Inject(test.rule)
			_, err := tryRead(t.Context(), c)
			wantFailure(t, err, test.kind, test.says)
			srv.ClearFaults()
			readAll(t, c) // control: without the fault the same read works
		})
	}
}

// TestResync: one 410 begins the query again, wherever it strikes, and the result is the same.
func TestResync(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{Page: 2}, nil)
	company(srv)
	want := readAll(t, c)
	deltas := 0
	for _, call := range srv.Calls() {
		if isDelta(call) {
			deltas++
		}
	}
	for skip := range deltas {
		srv.ClearFaults()
		srv.Inject(entraserver.Rule{Fault: entraserver.Gone, When: isDelta, Skip: skip, Times: 1})
		got := readAll(t, c)
		wantLines(t, got.lines(), want.lines()...)
		if len(got.accounts) != len(want.accounts) || len(got.entitlements) != len(want.entitlements) {
			t.Errorf("410 after %d: %d accounts and %d entitlements, want %d and %d", skip, len(got.accounts), len(got.entitlements), len(want.accounts), len(want.entitlements))
		}
	}
	if deltas < 10 {
		t.Fatalf("%d delta requests; the test needs more", deltas)
	}
}

// TestHiddenMembers: an empty list of a group that hides its members is no answer without the right to see them.
func TestHiddenMembers(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	srv.PutGroup(entraserver.Group{ID: "g-secret", DisplayName: "Secret", Types: []string{"Unified"}, Hidden: true})
	_, err := tryRead(t.Context(), c)
	wantFailure(t, err, connector.Denied, "Member.Read.Hidden")
	srv.Assign(graphID, "r-hidden", "app-self")
	readAll(t, c)
}

// TestPatience: a long read waits as long as Graph asks for, and goes on.
func TestPatience(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	srv, c := fixture(t, entraserver.Config{}, func(c *Config) {
		c.Wait = func(ctx context.Context, d time.Duration) error { waits = append(waits, d); return ctx.Err() }
	})
	company(srv)
	srv.Inject(
		entraserver.Rule{Fault: entraserver.Refuse, Status: 429, RetryAfter: "17", Path: "/groups/delta", Times: 1},
		entraserver.Rule{Fault: entraserver.Refuse, Status: 503, RetryAfter: "3", Path: "/users/delta", Times: 1},
		entraserver.Rule{Fault: entraserver.Refuse, Status: 504, Path: "/servicePrincipals/delta", Times: 2},
	)
	readAll(t, c)
	// A connection that is cut once, of a token too, ends no read either.
	srv.Inject(
		entraserver.Rule{Fault: entraserver.DropReply, Path: "/roleManagement", Times: 2}, // net/http tries once more on a new connection by itself
		entraserver.Rule{Fault: entraserver.Refuse, Status: 429, RetryAfter: "23", Path: "/token", Times: 1},
	)
	srv.ExpireTokens()
	readAll(t, c)
	if want := []time.Duration{3 * time.Second, time.Second, 2 * time.Second, 17 * time.Second, 23 * time.Second, time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waited %v, want %v", waits, want)
	}
}

// TestTokensEnd: a read outlives its token.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{Page: 2}, nil)
	company(srv)
	var n atomic.Int64
	srv.Hook(func(call entraserver.Call) {
		if call.Path != "/token" && n.Add(1)%5 == 0 {
			srv.ExpireTokens()
		}
	})
	readAll(t, c)
	srv.Hook(nil)
	srv.Inject(entraserver.Rule{Fault: entraserver.Refuse, Status: 401, Path: "/users"})
	_, err := tryRead(t.Context(), c)
	wantFailure(t, err, connector.Denied, "does not accept the access token")
	n.Store(0)
	for _, call := range srv.Calls() {
		if call.Fault == entraserver.Refuse {
			n.Add(1)
		}
	}
	if n.Load() != 2 {
		t.Errorf("a refused token was tried %d times, want twice", n.Load())
	}
}

// TestControlTotal: Graph's own count is handed on as it is, even where it differs: ingest holds such a snapshot.
func TestControlTotal(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	srv.PutUser(entraserver.User{ID: "u-1", UserPrincipalName: "one@contoso.example"})
	srv.PutGroup(entraserver.Group{ID: "g-1", DisplayName: "One"})
	if w := readAll(t, c); w.ext.Totals[model.KindAccounts] != 1 || w.ext.Totals[model.KindEntitlements] != 1 {
		t.Errorf("totals %v", w.ext.Totals)
	}
	srv.SetLag(entraserver.Lag{Reads: 1, When: func(c entraserver.Call) bool { return c.Path == "/users/$count" }})
	srv.PutUser(entraserver.User{ID: "u-2", UserPrincipalName: "two@contoso.example"})
	if w := readAll(t, c); w.ext.Totals[model.KindAccounts] != 1 || len(w.accounts) != 2 {
		t.Errorf("%d accounts, total %d, want 2 and 1", len(w.accounts), w.ext.Totals[model.KindAccounts])
	}
	srv.Inject(entraserver.Rule{Fault: entraserver.Refuse, Status: 400, Path: "/users/$count"}) // as a tenant of Azure AD B2C
	if w := readAll(t, c); len(w.ext.Totals) != 0 {
		t.Errorf("totals %v of a tenant that does not count", w.ext.Totals)
	}
}
