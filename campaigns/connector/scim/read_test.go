package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

func fixedNow() time.Time { return connectortest.Now }

func readAll(t *testing.T, c *Client) (map[model.Kind][]model.Record, connector.Extraction, error) {
	t.Helper()
	rows := map[model.Kind][]model.Record{}
	ext, err := c.Read(t.Context(), func(r model.Record) error {
		rows[r.Kind] = append(rows[r.Kind], r)
		return nil
	})
	return rows, ext, err
}

func grants(rows map[model.Kind][]model.Record) (out []string) {
	for _, r := range rows[model.KindGrants] {
		s := r.Grant.AccountID + " " + r.Grant.EntitlementID
		if r.Grant.Via != "" {
			s += " via " + r.Grant.Via
		}
		if n := r.Grant.Attrs[attrNote]; n != "" {
			s += " (" + n + ")"
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func TestReadRows(t *testing.T) {
	t.Parallel()
	created := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	srv, c := fixture(t, scimserver.Config{}, func(c *Config) { c.PersonAttr = "employeeNumber" })
	srv.PutUser(scimserver.User{ID: "1", UserName: "ann", DisplayName: "Ann", Email: "ann@example.com", ExternalID: "x1", EmployeeNumber: "e1",
		Department: "Lab", Title: "Chemist", Active: true, Roles: []string{"admin"}, Entitlements: []string{"print"}, Created: created})
	srv.PutUser(scimserver.User{ID: "2", UserName: "ben", Roles: []string{"admin", "viewer"}})
	srv.PutGroup(scimserver.Group{ID: "g", DisplayName: "Group", Members: []string{"1"}})
	rows, ext, err := readAll(t, c)
	if err != nil {
		t.Fatal(err)
	}
	got := rows[model.KindAccounts][0].Account
	want := model.Account{AccountID: "1", Username: "ann", DisplayName: "Ann", Email: "ann@example.com", PersonID: "e1", Status: "enabled",
		CreatedAt: model.TimeOf(created), Attrs: map[string]string{"external_id": "x1", "employee_number": "e1", "department": "Lab", "title": "Chemist"}}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("account\n got %+v\nwant %+v", got, want)
	}
	if s := rows[model.KindAccounts][1].Account.Status; s != "disabled" {
		t.Errorf("status %q", s)
	}
	var ents []string
	for _, r := range rows[model.KindEntitlements] {
		ents = append(ents, r.Entitlement.EntitlementID+" "+r.Entitlement.Name+" "+r.Entitlement.Kind)
	}
	if want := []string{"role:admin admin role", "entitlement:print print permission", "role:viewer viewer role", "g Group group"}; !slices.Equal(ents, want) {
		t.Errorf("entitlements %q, want %q", ents, want)
	}
	if want := []string{"1 entitlement:print", "1 g", "1 role:admin", "2 role:admin", "2 role:viewer"}; !slices.Equal(grants(rows), want) {
		t.Errorf("grants %q, want %q", grants(rows), want)
	}
	if n, ok := ext.Totals[model.KindEntitlements]; ok {
		t.Errorf("total of entitlements %d, though the target counts groups only", n)
	}
	if ext.Totals[model.KindAccounts] != 2 || ext.StartedAt != model.TimeOf(fixedNow()) || strings.Contains(fmt.Sprint(ext), canary) {
		t.Errorf("extraction %+v", ext)
	}
}

// TestReadDangling: what a group names is never dropped.
func TestReadDangling(t *testing.T) {
	t.Parallel()
	for name, traits := range map[string]scimserver.Traits{"typed": {}, "untyped": {UntypedMembers: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, c := fixture(t, scimserver.Config{}, nil)
			srv.SetTraits(traits)
			srv.PutUser(scimserver.User{ID: "1", UserName: "ann", Active: true})
			srv.PutGroup(scimserver.Group{ID: "g", DisplayName: "G", Members: []string{"1", "ghost"}})
			srv.PutGroup(scimserver.Group{ID: "h", DisplayName: "H", Members: []string{"ghost", "g"}})
			// A user that is made once the list of users was read.
			srv.Hook(nil, func(call scimserver.Call) {
				if call.Path == "/Users" && call.Method == http.MethodGet {
					srv.PutUser(scimserver.User{ID: "late", UserName: "late", Active: true})
					if err := srv.AddMember("g", "late"); err != nil {
						t.Error(err)
					}
				}
			})
			rows, _, err := readAll(t, c)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"1 g", "1 h via g", "ghost g (" + noteGone + ")", "ghost h (" + noteGone + ")", "ghost h via g (" + noteGone + ")",
				"late g (" + noteUnlisted + ")", "late h via g (" + noteUnlisted + ")",
			}
			if got := grants(rows); !slices.Equal(got, want) {
				t.Errorf("grants\n got %q\nwant %q", got, want)
			}
			if n := len(rows[model.KindAccounts]); n != 1 {
				t.Errorf("%d accounts", n)
			}
		})
	}
}

// TestReadChanges: a group that appears or goes away during the read fails it.
func TestReadChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		traits scimserver.Traits
		change func(t *testing.T, srv *scimserver.Server)
	}{
		"group appears": {scimserver.Traits{}, func(t *testing.T, srv *scimserver.Server) {
			t.Helper()
			srv.PutGroup(scimserver.Group{ID: "new", DisplayName: "New", Members: []string{"1"}})
			if err := srv.AddMember("g00", "new"); err != nil {
				t.Error(err)
			}
		}},
		"group goes": {scimserver.Traits{}, func(t *testing.T, srv *scimserver.Server) {
			t.Helper()
			srv.DeleteGroup("g00")
		}},
		"group goes, members are read one by one": {scimserver.Traits{OmitMembers: true}, func(t *testing.T, srv *scimserver.Server) {
			t.Helper()
			srv.DeleteGroup("g00")
		}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, client := fixture(t, scimserver.Config{}, nil)
			srv.SetTraits(c.traits)
			srv.PutUser(scimserver.User{ID: "1", UserName: "ann"})
			for i := range 15 {
				srv.PutGroup(scimserver.Group{ID: fmt.Sprintf("g%02d", i), DisplayName: "G", Members: []string{"1"}})
			}
			srv.Hook(nil, func(call scimserver.Call) {
				if call.Path == "/Groups" && strings.Contains(call.Query, "startIndex=1&") || call.Path == "/Groups" && strings.HasSuffix(call.Query, "startIndex=1") {
					srv.Hook(nil, nil)
					c.change(t, srv)
				}
			})
			_, _, err := readAll(t, client)
			if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken || !strings.Contains(err.Error(), "read again") {
				t.Fatalf("error %v", err)
			}
			if _, _, err := readAll(t, client); err != nil {
				t.Fatalf("read again: %v", err)
			}
		})
	}
}

// TestReadClaims: groups that only the account names.
func TestReadClaims(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /Users", func(w http.ResponseWriter, _ *http.Request) {
		reply(t, w, `{"totalResults":2,"Resources":[
			{"id":"1","userName":"a","groups":[{"value":"g"},{"value":"h","type":"direct"},{"value":"i","type":"indirect"}],"roles":[{"display":"no value"},{"value":3}]},
			{"id":"2","userName":"b","groups":[{"value":"unlisted"}],"meta":{"created":"yesterday"}}]}`)
	})
	mux.HandleFunc("GET /Groups", func(w http.ResponseWriter, _ *http.Request) {
		reply(t, w, `{"totalResults":2,"Resources":[{"id":"g","members":[{"value":"1"}]},{"id":"h","members":[]}]}`)
	})
	rows, _, err := readAll(t, clientOf(t, mux, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1  (an element of role: without a value)", "1 g", "1 h (" + noteClaimed + ")", "1 role:3",
		"2 unlisted (" + noteClaimed + ")",
	}
	if got := grants(rows); !slices.Equal(got, want) {
		t.Errorf("grants\n got %q\nwant %q", got, want)
	}
	if a := rows[model.KindAccounts][1].Account; a.CreatedAt.Known() || a.Attrs["meta_created"] != "yesterday" {
		t.Errorf("account %+v", a)
	}
}

// TestReadOddLists: answers of servers that do not page, or lie about it.
func TestReadOddLists(t *testing.T) {
	t.Parallel()
	const five = `{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"},{"id":"5"}`
	tests := map[string]struct {
		users string
		fails string
	}{
		"all at once":           {`{"totalResults":5,"Resources":[` + five + `]}`, ""},
		"none":                  {`{"totalResults":0}`, ""},
		"none, resources null":  {`{"totalResults":0,"Resources":null}`, ""},
		"more than claimed":     {`{"totalResults":4,"Resources":[` + five + `]}`, "claims 4"},
		"the same page again":   {`{"totalResults":6,"Resources":[` + five + `]}`, "does not page"},
		"one id twice":          {`{"totalResults":6,"Resources":[` + five + `,{"id":"3"}]}`, "twice"},
		"starts elsewhere":      {`{"totalResults":5,"startIndex":2,"Resources":[` + five + `]}`, "asked to start"},
		"no total":              {`{"Resources":[` + five + `]}`, "totalResults"},
		"a negative total":      {`{"totalResults":-1,"Resources":[` + five + `]}`, "totalResults"},
		"an entry without id":   {`{"totalResults":1,"Resources":[{"userName":"a"}]}`, "no id"},
		"an entry that is none": {`{"totalResults":1,"Resources":["a"]}`, "cannot be read"},
		"an error with 200":     {`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"500"}`, "totalResults"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.HandleFunc("GET /Users", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, c.users) })
			mux.HandleFunc("GET /Groups", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, `{"totalResults":0,"Resources":[]}`) })
			_, _, err := readAll(t, clientOf(t, mux, nil))
			switch {
			case c.fails == "" && err != nil:
				t.Fatal(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Fatalf("error %v, want one with %q", err, c.fails)
			}
		})
	}
}

func TestNestedLimit(t *testing.T) {
	t.Parallel()
	srv, c := fixture(t, scimserver.Config{}, nil)
	// Each layer's groups hold both of the next: 2^16 paths.
	for i := range 17 {
		for _, side := range []string{"a", "b"} {
			g := scimserver.Group{ID: fmt.Sprintf("%s%02d", side, i), DisplayName: "G"}
			if i < 16 {
				g.Members = []string{fmt.Sprintf("a%02d", i+1), fmt.Sprintf("b%02d", i+1)}
			}
			srv.PutGroup(g)
		}
	}
	_, _, err := readAll(t, c)
	if err == nil || !strings.Contains(err.Error(), "untangle") {
		t.Fatalf("error %v", err)
	}
	// A look does not follow paths but groups, and ends.
	srv.PutUser(scimserver.User{ID: "1", UserName: "ann"})
	obs, err := c.Check(t.Context(), connector.Access{AccountID: "1", EntitlementID: "a00"})
	if err != nil || obs.Presence != connector.Absent {
		t.Fatalf("%+v, %v", obs, err)
	}
}

func TestJoinPath(t *testing.T) {
	t.Parallel()
	if got := joinPath([]string{"a", `b>c`, `d\`}); got != `a>b\>c>d\\` {
		t.Errorf("path %s", got)
	}
}

// TestReadWaits: a long read goes on where the target asks to slow down, and gives up in time.
func TestReadWaits(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	srv, c := fixture(t, scimserver.Config{}, func(c *Config) {
		c.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	srv.PutUser(scimserver.User{ID: "1", UserName: "ann"})
	srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "3", Times: 2})
	if _, _, err := readAll(t, c); err != nil || !slices.Equal(waits, []time.Duration{3 * time.Second, 3 * time.Second}) {
		t.Fatalf("waits %v, %v", waits, err)
	}
	waits = nil
	srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "3"})
	_, _, err := readAll(t, c)
	if f := connector.FailureOf(err); err == nil || f.RetryAfter != 3*time.Second || len(waits) != readTries-1 {
		t.Fatalf("waits %v, %v", waits, err)
	}
	srv.ClearFaults()
	waits = nil
	srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "3600"})
	if _, _, err = readAll(t, c); err == nil || len(waits) != 0 {
		t.Fatalf("an hour: waits %v, %v", waits, err)
	}
	// One look does not wait: the worker does.
	if _, err := c.Check(t.Context(), access("")); err == nil || len(waits) != 0 {
		t.Fatalf("check: waits %v, %v", waits, err)
	}
	stop := errors.New("stopped")
	srv.ClearFaults()
	srv.Inject(scimserver.Rule{Fault: scimserver.RateLimit, RetryAfter: "3"})
	c.cfg.Wait = func(context.Context, time.Duration) error { return stop }
	if _, _, err := readAll(t, c); !errors.Is(err, stop) {
		t.Fatalf("error %v", err)
	}
}

// TestReadNewGroup: a group that a member names and the list does not have.
func TestReadNewGroup(t *testing.T) {
	t.Parallel()
	for _, member := range []string{`{"value":"x","type":"Group"}`, `{"value":"x"}`, `{"value":"x","$ref":"https://t.example/Groups/x"}`} {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /Users", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, `{"totalResults":0}`) })
		mux.HandleFunc("GET /Groups", func(w http.ResponseWriter, _ *http.Request) {
			reply(t, w, `{"totalResults":1,"Resources":[{"id":"g","members":[`+member+`]}]}`)
		})
		mux.HandleFunc("GET /Groups/x", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, `{"id":"x"}`) })
		_, _, err := readAll(t, clientOf(t, mux, nil))
		if err == nil || !strings.Contains(err.Error(), "appeared during the read") {
			t.Errorf("%s: %v", member, err)
		}
	}
}
