package entra

import (
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/entra/entraserver"
)

func check(t *testing.T, c *Client, a connector.Access, want connector.Presence) connector.Observation {
	t.Helper()
	obs, err := c.Check(t.Context(), a)
	if err != nil {
		t.Fatalf("check of %s: %v", a.EntitlementID, err)
	}
	if obs.Presence != want {
		t.Fatalf("check of %s for %s shows %s (%s), want %s", a.EntitlementID, a.AccountID, obs.Presence, obs.Detail, want)
	}
	return obs
}

func revoke(t *testing.T, c *Client, a connector.Access, seen connector.Observation, want connector.Outcome) {
	t.Helper()
	got, err := c.Revoke(t.Context(), a, seen, "rev-1")
	if err != nil || got != want {
		t.Fatalf("revoke of %s reports %q, %v, want %q", a.EntitlementID, got, err, want)
	}
}

func of(account, entitlement string) connector.Access {
	return connector.Access{AccountID: account, EntitlementID: entitlement}
}

func mutations(srv *entraserver.Server) (out []string) {
	for _, c := range srv.Calls() {
		if c.Mutates() {
			out = append(out, c.Method+" "+c.Path)
		}
	}
	return out
}

// TestWhatGraphCannotRemove is told apart, and nothing is asked of Graph.
func TestWhatGraphCannotRemove(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	srv.PutGroup(entraserver.Group{ID: "g-list", DisplayName: "Everybody", MailEnabled: true, NotSecurity: true})
	srv.AddMember("g-list", "u-ann")

	obs := check(t, c, of("u-ann", "g-dyn"), connector.NotDirect)
	if !strings.Contains(obs.Detail, `user.city -eq "Berlin"`) {
		t.Errorf("the rule is not told: %s", obs.Detail)
	}
	revoke(t, c, of("u-ann", "g-dyn"), connector.Observation{Presence: connector.Present}, connector.RefusedDirect)
	for _, test := range []struct {
		a    connector.Access
		says string
	}{
		{of("u-ben", "g-old"), "on-premises directory"},
		{of("u-ann", "g-list"), "in Exchange"},
	} {
		seen := check(t, c, test.a, connector.Present)
		_, err := c.Revoke(t.Context(), test.a, seen, "rev-1")
		wantFailure(t, err, connector.Refused, test.says)
	}
	srv.PutUser(entraserver.User{ID: "u-syn", UserPrincipalName: "syn@contoso.example", Synced: true})
	seen := check(t, c, of("u-syn", ""), connector.Present)
	_, err := c.Revoke(t.Context(), of("u-syn", ""), seen, "rev-1")
	wantFailure(t, err, connector.Refused, "disable the account there")
	// A rule's member that is not in the account's own list yet is no direct one either.
	srv.SetLag(entraserver.Lag{Reads: 1, When: asked("/memberOf")})
	srv.AddMember("g-dyn", "u-gus")
	check(t, c, of("u-gus", "g-dyn"), connector.NotDirect)
	srv.RemoveMember("g-dyn", "u-gus")
	srv.SetLag(entraserver.Lag{})
	for group, says := range map[string]string{"g-dyn": "rule", "g-old": "on-premises", "g-list": "Exchange"} {
		_, err := c.Grant(t.Context(), of("u-gus", group), "give-1")
		wantFailure(t, err, connector.Refused, says)
	}
	if got := mutations(srv); len(got) != 0 {
		t.Errorf("Graph was asked to change: %v", got)
	}
}

// TestRoles goes through an app role and a directory role: direct, through a group, the last one,
// another scope, taken away, and given back.
func TestRoles(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{Page: 1}, nil)
	company(srv)
	appRole, global, scoped := "app:"+wiki+":"+reader, "role:"+admins+":/", "role:"+auRole+":/administrativeUnits/au-1"

	check(t, c, of("u-ann", appRole), connector.NotDirect)
	check(t, c, of("u-ann", global), connector.NotDirect)
	check(t, c, of("u-gus", global), connector.Absent)
	check(t, c, of("u-gus", "role:"+auRole+":/"), connector.Absent) // he has it in a unit only
	check(t, c, of("u-ben", appRole), connector.Absent)
	check(t, c, of("u-ann", "app:app-404:"+reader), connector.Absent)
	check(t, c, of("u-ann", "role:404:/"), connector.Absent)
	check(t, c, connector.Access{AccountID: "u-gus", EntitlementID: scoped, EntitlementName: "User Administrator"}, connector.WrongTarget)
	check(t, c, connector.Access{AccountID: "u-gus", EntitlementID: appRole, EntitlementName: "Wiki: Writer"}, connector.WrongTarget)

	obs := check(t, c, connector.Access{AccountID: "u-gus", Username: "GUS_partner.example#EXT#@contoso.example", EntitlementID: appRole, EntitlementName: "Wiki: Reader"}, connector.Present)
	if obs.Version == "" || !obs.GrantedAt.Known() || obs.Last {
		t.Errorf("of the app role: %+v", obs)
	}
	if obs := check(t, c, of("u-ann", "app:app-self:"+defaultRole), connector.Present); !obs.Last {
		t.Errorf("nobody else is assigned: %+v", obs)
	}
	if obs := check(t, c, of("u-ben", global), connector.Present); obs.Last || obs.GrantedAt.Known() || obs.Version != "" {
		t.Errorf("the group of admins has it too, and nothing tells when it was given: %+v", obs)
	}
	if obs := check(t, c, of("u-gus", scoped), connector.Present); !obs.Last {
		t.Errorf("he is the last: %+v", obs)
	}
	for _, a := range []connector.Access{of("u-gus", appRole), of("u-gus", scoped), of("u-ben", global), of("u-ann", "g-adm"), of(wiki, "g-it"), of("u-ann", "app:app-self:"+defaultRole), of("u-gus", ""), of(wiki, "")} {
		revoke(t, c, a, check(t, c, a, connector.Present), connector.Removed)
		check(t, c, a, connector.Absent)
		revoke(t, c, a, connector.Observation{}, connector.AlreadyAbsent)
		if out, err := c.Grant(t.Context(), a, "give-1"); err != nil || out != connector.Granted {
			t.Errorf("grant of %s: %q, %v", a.EntitlementID, out, err)
		}
		check(t, c, a, connector.Present)
		if out, err := c.Grant(t.Context(), a, "give-1"); err != nil || out != connector.AlreadyHeld {
			t.Errorf("second grant of %s: %q, %v", a.EntitlementID, out, err)
		}
	}
	if got := len(mutations(srv)); got != 16 {
		t.Errorf("%d changes were asked for, want 16: %v", got, mutations(srv))
	}
	for _, a := range []connector.Access{of("u-gus", "app:app-404:"+reader), of("u-gus", "role:404:/"), of("u-404", global)} {
		_, err := c.Grant(t.Context(), a, "give-1")
		wantFailure(t, err, connector.Refused, "no longer exists")
	}
}

// TestLastAndSelf: the last member of a group, the last Global Administrator, and the connector itself.
func TestLastAndSelf(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	if obs := check(t, c, of("u-ann", "g-adm"), connector.Present); !obs.Last || obs.Self {
		t.Errorf("she is the last member: %+v", obs)
	}
	srv.AddMember("g-adm", "u-gus")
	if obs := check(t, c, of("u-ann", "g-adm"), connector.Present); obs.Last {
		t.Errorf("she is not the last member: %+v", obs)
	}
	srv.Delete("g-adm", false)
	if obs := check(t, c, of("u-ben", "role:"+admins+":/"), connector.Present); !obs.Last {
		t.Errorf("he is the last Global Administrator: %+v", obs)
	}
	srv.AssignRole(admins, "/", "app-self")
	for _, ent := range []string{"", "role:" + admins + ":/"} {
		if obs := check(t, c, of("app-self", ent), connector.Present); !obs.Self {
			t.Errorf("%q is the connector's own: %+v", ent, obs)
		}
	}
	if obs := check(t, c, of(wiki, ""), connector.Present); obs.Self {
		t.Errorf("the wiki is not the connector: %+v", obs)
	}
}

func asked(suffix string) func(entraserver.Call) bool {
	return func(c entraserver.Call) bool { return strings.HasSuffix(c.Path, suffix) }
}

// TestEventualConsistency: one answer that lags behind another never makes an access absent.
func TestEventualConsistency(t *testing.T) {
	t.Parallel()
	appRole, global := "app:"+wiki+":"+reader, "role:"+admins+":/"
	roleBy := func(field string) func(entraserver.Call) bool {
		return func(c entraserver.Call) bool { return strings.Contains(c.Query, field+"+eq") }
	}
	tests := map[string]struct {
		a    connector.Access
		lags func(entraserver.Call) bool
		give func(*entraserver.Server)
		take func(*entraserver.Server) // nil where the lagging answer cannot show what was taken
	}{
		"a member's own list":     {of("u-gus", "g-adm"), asked("/memberOf"), func(s *entraserver.Server) { s.AddMember("g-adm", "u-gus") }, func(s *entraserver.Server) { s.RemoveMember("g-adm", "u-gus") }},
		"Graph's transitive word": {of("u-gus", "g-adm"), asked("/checkMemberGroups"), func(s *entraserver.Server) { s.AddMember("g-adm", "u-gus") }, func(s *entraserver.Server) { s.RemoveMember("g-adm", "u-gus") }},
		"a group made just now": {of("u-gus", "g-new"), func(c entraserver.Call) bool { return c.Path == "/groups/g-new" }, func(s *entraserver.Server) {
			s.AddMember("g-new", "u-gus")
			s.PutGroup(entraserver.Group{ID: "g-new", DisplayName: "New"})
		}, nil},
		"the account's app roles": {of("u-ben", appRole), asked("/appRoleAssignments"), func(s *entraserver.Server) { s.Assign(wiki, reader, "u-ben") }, func(s *entraserver.Server) { s.Unassign(wiki, reader, "u-ben") }},
		"the app's assignments":   {of("u-ben", appRole), asked("/appRoleAssignedTo"), func(s *entraserver.Server) { s.Assign(wiki, reader, "u-ben") }, func(s *entraserver.Server) { s.Unassign(wiki, reader, "u-ben") }},
		"the role's holders":      {of("u-gus", global), roleBy("roleDefinitionId"), func(s *entraserver.Server) { s.AssignRole(admins, "/", "u-gus") }, nil},
		"the account's roles":     {of("u-gus", global), roleBy("principalId"), func(s *entraserver.Server) { s.AssignRole(admins, "/", "u-gus") }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := fixture(t, entraserver.Config{}, nil)
			company(srv)
			check(t, c, test.a, connector.Absent)
			srv.SetLag(entraserver.Lag{Reads: 1, When: test.lags})
			test.give(srv)
			// The lagging answer alone says that it is not there.
			if obs := check(t, c, test.a, connector.Present); !strings.Contains(obs.Detail, "do not agree") {
				t.Errorf("the doubt is not told: %s", obs.Detail)
			}
			if obs := check(t, c, test.a, connector.Present); strings.Contains(obs.Detail, "do not agree") {
				t.Errorf("still in doubt: %s", obs.Detail)
			}
			if test.take == nil {
				return
			}
			test.take(srv)
			check(t, c, test.a, connector.Present) // one answer still shows it
			check(t, c, test.a, connector.Absent)
		})
	}
}

// TestOneAnswerIsNotEnough is the control of TestEventualConsistency: the account's own list alone
// would have taken a member for gone.
func TestOneAnswerIsNotEnough(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	srv.SetLag(entraserver.Lag{Reads: 1, When: asked("/memberOf")})
	srv.AddMember("g-adm", "u-gus")
	mine, err := c.memberOf(t.Context(), &principal{id: "u-gus", kind: typeUser})
	if _, in := mine["g-adm"]; in || err != nil || !srv.HasMember("g-adm", "u-gus") {
		t.Fatalf("the list does not lag: %v, %v", mine, err)
	}
}

// TestNotFoundIsNotGone: a 404 that is not Graph's proves nothing, nor does one that another answer contradicts.
func TestNotFoundIsNotGone(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	for path, kind := range map[string]connector.FailureKind{
		"/users/u-ann": connector.Broken, "/groups/g-it": connector.Broken, "/users/u-ann/memberOf": connector.Broken, "/directoryObjects": connector.Broken,
	} {
		srv.Inject(entraserver.Rule{Fault: entraserver.PlainNotFound, Path: path})
		_, err := c.Check(t.Context(), of("u-ann", "g-it"))
		wantFailure(t, err, kind, "does not come from Graph")
		srv.ClearFaults()
	}
	for _, path := range []string{"/users/u-ann/memberOf", "/directoryObjects", "/users/u-ann/appRole", "/servicePrincipals/app-self/appRole"} {
		srv.Inject(entraserver.Rule{Fault: entraserver.Refuse, Status: 404, Path: path})
		ent := "g-it"
		if strings.Contains(path, "appRole") {
			ent = "app:app-self:" + defaultRole
		}
		_, err := c.Check(t.Context(), of("u-ann", ent))
		wantFailure(t, err, connector.Unreachable, "do not agree")
		srv.ClearFaults()
	}
	// A principal name finds a user too; but then the id is another one.
	_, err := c.Check(t.Context(), of("ann@contoso.example", "g-it"))
	wantFailure(t, err, connector.Broken, "another object")
}

// TestChangesThatFail: what each refusal of a change means; a change is sent once, whatever comes.
func TestChangesThatFail(t *testing.T) {
	t.Parallel()
	global := "role:" + admins + ":/"
	tests := map[string]struct {
		a    connector.Access
		rule entraserver.Rule
		kind connector.FailureKind
		says string
	}{
		"no right on members":  {of("u-ann", "g-it"), entraserver.Rule{Status: 403}, connector.Denied, "permission GroupMember.ReadWrite.All and"},
		"no right on admins":   {of("u-ann", "g-adm"), entraserver.Rule{Status: 403}, connector.Denied, "RoleManagement.ReadWrite.Directory"},
		"no right on roles":    {of("u-ben", global), entraserver.Rule{Status: 403}, connector.Denied, "RoleManagement.ReadWrite.Directory"},
		"no right on apps":     {of("u-gus", "app:"+wiki+":"+reader), entraserver.Rule{Status: 403}, connector.Denied, "AppRoleAssignment.ReadWrite.All"},
		"no right on users":    {of("u-ann", ""), entraserver.Rule{Status: 403}, connector.Denied, "User.EnableDisableAccount.All"},
		"no right on services": {of(wiki, ""), entraserver.Rule{Status: 403}, connector.Denied, "Application.ReadWrite.All"},
		"token refused":        {of("u-ann", "g-it"), entraserver.Rule{Status: 401}, connector.Denied, "access token"},
		"the same moment":      {of("u-ann", "g-it"), entraserver.Rule{Status: 409, Code: "Directory_ConcurrencyViolation"}, connector.Unreachable, "Directory_ConcurrencyViolation"},
		"the last admin":       {of("u-ben", global), entraserver.Rule{Status: 400, Message: "Cannot remove the last global administrator."}, connector.Refused, "Request_BadRequest"},
		"busy":                 {of("u-ann", "g-it"), entraserver.Rule{Status: 429, RetryAfter: "11"}, connector.Unreachable, "slow down"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := fixture(t, entraserver.Config{}, nil)
			company(srv)
			seen := check(t, c, test.a, connector.Present)
			test.rule.Fault, test.rule.When, test.rule.Echo = entraserver.Refuse, entraserver.Call.Mutates, true
			srv.Inject(test.rule)
			_, err := c.Revoke(t.Context(), test.a, seen, "rev-1")
			f := wantFailure(t, err, test.kind, test.says)
			if test.rule.RetryAfter != "" && f.RetryAfter != 11*time.Second || test.rule.Status == 409 && f.RetryAfter == 0 {
				t.Errorf("wait %v", f.RetryAfter)
			}
			if strings.Contains(f.Msg, "last global") {
				t.Error("the message repeats what the target wrote")
			}
			if got := mutations(srv); len(got) != 1 {
				t.Errorf("changes sent: %v", got)
			}
			check(t, c, test.a, connector.Present)
		})
	}
}

// TestGoneMeanwhile: somebody else takes a membership away between the look and the change.
func TestGoneMeanwhile(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	srv.Hook(func(call entraserver.Call) {
		if call.Mutates() {
			srv.RemoveMember("g-it", "u-ann")
		}
	})
	revoke(t, c, of("u-ann", "g-it"), check(t, c, of("u-ann", "g-it"), connector.Present), connector.AlreadyAbsent)
	if _, there := srv.User("u-ann"); !there {
		t.Error("the user herself was deleted")
	}
}

// TestDeletedAccount: in the bin or gone for good, a deleted account is absent.
func TestDeletedAccount(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	srv.Delete("u-ann", true)
	if obs := check(t, c, of("u-ann", "g-it"), connector.Absent); !strings.Contains(obs.Detail, "30 days") {
		t.Errorf("it can be restored, which is not told: %s", obs.Detail)
	}
	srv.Delete("u-gus", false)
	if obs := check(t, c, of("u-gus", ""), connector.Absent); !strings.Contains(obs.Detail, "no longer exists") {
		t.Errorf("detail: %s", obs.Detail)
	}
}

// TestLeftBehind: an assignment that still names a deleted account is read, seen, and taken away.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, entraserver.Config{}, nil)
	company(srv)
	global, appRole := "role:"+admins+":/", "app:"+wiki+":"+reader
	srv.AssignRole(admins, "/", "u-left")
	srv.Assign(wiki, reader, "u-left")
	w := readAll(t, c)
	notes := 0
	for _, g := range w.grants {
		if g.AccountID == "u-left" && g.Attrs[attrNote] == noteGone {
			notes++
		}
	}
	if notes != 2 {
		t.Errorf("%d grants are left behind, want 2", notes)
	}
	for _, ent := range []string{global, appRole} {
		a := connector.Access{AccountID: "u-left", Username: "left@contoso.example", EntitlementID: ent}
		obs := check(t, c, a, connector.Present)
		if !strings.Contains(obs.Detail, "no longer exists") {
			t.Errorf("that the account is gone is not told: %s", obs.Detail)
		}
		revoke(t, c, a, obs, connector.Removed)
		check(t, c, a, connector.Absent)
	}
}
