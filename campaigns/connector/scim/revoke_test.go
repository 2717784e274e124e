package scim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
)

// company is three users and two groups.
func company(t *testing.T, traits scimserver.Traits, edit func(*Config)) (*scimserver.Server, *Client) {
	t.Helper()
	srv, c := fixture(t, scimserver.Config{}, edit)
	srv.SetTraits(traits)
	for _, u := range []string{"ann", "ben", "cat"} {
		srv.PutUser(scimserver.User{ID: "id-" + u, UserName: u, Active: true, Title: "Title of " + u, Roles: []string{"viewer", "admin"}, Entitlements: []string{"print"}})
	}
	srv.PutGroup(scimserver.Group{ID: "g", DisplayName: "Group", Members: []string{"id-ann", "id-ben", "id-cat"}})
	return srv, c
}

func access(entitlement string) connector.Access {
	return connector.Access{AccountID: "id-ann", Username: "ann", EntitlementID: entitlement}
}

func methods(srv *scimserver.Server) (list []string) {
	for _, c := range srv.Calls() {
		if c.Mutates() {
			list = append(list, c.Method)
		}
	}
	return list
}

// TestFallbacks: whichever form of a change a target knows is found, and only the reviewed
// access goes.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	present := connector.Observation{Presence: connector.Present}
	byValue := func(c *Config) { c.RemoveByValue = true }
	tests := []struct {
		name        string
		traits      scimserver.Traits
		edit        func(*Config)
		entitlement string
		want        connector.Outcome
		methods     []string
	}{
		{"member, plain", scimserver.Traits{}, nil, "g", connector.Removed, []string{"PATCH"}},
		{"member, no patch", scimserver.Traits{NoPatch: true}, nil, "g", connector.Removed, []string{"PATCH", "PUT"}},
		{"member, no filter", scimserver.Traits{NoFilterPatch: true}, nil, "g", connector.Removed, []string{"PATCH", "PUT"}},
		{"member, by value", scimserver.Traits{NoFilterPatch: true}, byValue, "g", connector.Removed, []string{"PATCH", "PATCH"}},
		{"member, by value, not known", scimserver.Traits{NoFilterPatch: true, NoValuePatch: true}, byValue, "g", connector.Removed, []string{"PATCH", "PATCH", "PUT"}},
		{"member, by value, no versions", scimserver.Traits{NoFilterPatch: true, NoETag: true}, byValue, "g", connector.Removed, []string{"PATCH", "PATCH"}},
		{"member, no patch, no versions", scimserver.Traits{NoPatch: true, NoETag: true}, nil, "g", "", []string{"PATCH"}},
		{"member, version in meta", scimserver.Traits{NoPatch: true, HeaderlessETag: true}, nil, "g", connector.Removed, []string{"PATCH", "PUT"}},
		{"member, no patch, If-Match ignored", scimserver.Traits{NoPatch: true, IgnoreIfMatch: true}, nil, "g", "", []string{"PATCH"}},
		{"role", scimserver.Traits{}, nil, "role:admin", connector.Removed, []string{"PATCH"}},
		{"role, no patch", scimserver.Traits{NoPatch: true}, nil, "role:admin", connector.Removed, []string{"PATCH", "PUT"}},
		{"entitlement", scimserver.Traits{}, nil, "entitlement:print", connector.Removed, []string{"PATCH"}},
		{"entitlement, no filter", scimserver.Traits{NoFilterPatch: true}, nil, "entitlement:print", connector.Removed, []string{"PATCH", "PUT"}},
		{"account", scimserver.Traits{}, nil, "", connector.Removed, []string{"PATCH"}},
		{"account, no path", scimserver.Traits{NoPathPatch: true}, nil, "", connector.Removed, []string{"PATCH", "PATCH"}},
		{"account, no patch", scimserver.Traits{NoPatch: true}, nil, "", connector.Removed, []string{"PATCH", "PATCH", "PUT"}},
		{"account, no patch, no versions", scimserver.Traits{NoPatch: true, NoETag: true}, nil, "", "", []string{"PATCH", "PATCH"}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv, client := company(t, c.traits, c.edit)
			got, err := client.Revoke(t.Context(), access(c.entitlement), present, "rev-9")
			if got != c.want {
				t.Fatalf("outcome %q (%v), want %q", got, err, c.want)
			}
			if m := methods(srv); !slices.Equal(m, c.methods) {
				t.Errorf("methods %v, want %v", m, c.methods)
			}
			want := connector.Absent
			if c.want == "" {
				want = connector.Present
				if f := connector.FailureOf(err); f.Kind != connector.Refused || !strings.Contains(f.Msg, "by hand") {
					t.Errorf("failure %+v", f)
				}
			}
			obs, err := client.Check(t.Context(), access(c.entitlement))
			if err != nil || obs.Presence != want {
				t.Errorf("check: %+v, %v", obs, err)
			}
			others(t, srv, c.entitlement, want == connector.Absent)
			for _, call := range srv.Calls() {
				if call.Mutates() && (call.Key != "rev-9" || call.IfMatch == "" && !c.traits.NoETag) {
					t.Errorf("a change without key or guard: %+v", call)
				}
			}
		})
	}
}

// others checks that nothing but the one access is gone.
func others(t *testing.T, srv *scimserver.Server, entitlement string, gone bool) {
	t.Helper()
	members := []string{"id-ann", "id-ben", "id-cat"}
	ann := scimserver.User{Title: "Title of ann", Active: true, Roles: []string{"viewer", "admin"}, Entitlements: []string{"print"}}
	if gone {
		switch entitlement {
		case "g":
			members = members[1:]
		case "role:admin":
			ann.Roles = []string{"viewer"}
		case "entitlement:print":
			ann.Entitlements = []string{}
		case "":
			ann.Active = false
		}
	}
	if got := srv.Members("g"); !slices.Equal(got, members) {
		t.Errorf("members %v, want %v", got, members)
	}
	u, _ := srv.User("id-ann")
	if u.Active != ann.Active || u.Title != ann.Title || !slices.Equal(u.Roles, ann.Roles) || !slices.Equal(u.Entitlements, ann.Entitlements) {
		t.Errorf("user %+v, want %+v", u, ann)
	}
	if b, _ := srv.User("id-ben"); !b.Active || len(b.Roles) != 2 {
		t.Errorf("another user was changed: %+v", b)
	}
}

// TestReplaceIsGuarded: somebody changes the resource between the read and the PUT.
func TestReplaceIsGuarded(t *testing.T) {
	t.Parallel()
	srv, c := company(t, scimserver.Traits{NoPatch: true}, nil)
	seen, err := c.Check(t.Context(), access("g"))
	if err != nil {
		t.Fatal(err)
	}
	srv.PutUser(scimserver.User{ID: "id-dan", UserName: "dan", Active: true})
	srv.Hook(func(call scimserver.Call) {
		if call.Method == http.MethodPut {
			srv.Hook(nil, nil)
			if err := srv.AddMember("g", "id-dan"); err != nil {
				t.Error(err)
			}
		}
	}, nil)
	got, err := c.Revoke(t.Context(), access("g"), seen, "k")
	if got != connector.Changed || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if m := srv.Members("g"); len(m) != 4 {
		t.Errorf("members %v", m)
	}
	// The same with the change between the PATCH and the second read.
	srv.Hook(nil, func(call scimserver.Call) {
		if call.Method == http.MethodPatch {
			srv.Hook(nil, nil)
			if err := srv.AddMember("g", "id-ann"); err != nil {
				t.Error(err)
			}
		}
	})
	got, err = c.Revoke(t.Context(), access("g"), connector.Observation{}, "k")
	if got != connector.Changed || err != nil || !srv.HasMember("g", "id-ann") {
		t.Fatalf("%q, %v, members %v", got, err, srv.Members("g"))
	}
}

// TestGuardIgnored: a target that sends versions and does not look at If-Match, as web frameworks
// do. What changed before the call is noticed all the same.
func TestGuardIgnored(t *testing.T) {
	t.Parallel()
	srv, c := company(t, scimserver.Traits{IgnoreIfMatch: true}, nil)
	seen, err := c.Check(t.Context(), access("g"))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.AddMember("g", "id-ann"); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Revoke(t.Context(), access("g"), seen, "k"); got != connector.Changed || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if len(methods(srv)) != 0 || !srv.HasMember("g", "id-ann") {
		t.Errorf("changes %v", methods(srv))
	}
}

// TestReplaceKeepsUnknown: a PUT writes back what it does not understand.
func TestReplaceKeepsUnknown(t *testing.T) {
	t.Parallel()
	const group = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","urn:example:x"],"ID":"g","displayName":"Ä <b>",
		"Members":[{"value":"id-ann","display":"A"},{"value":"id-ben","display":"B","x":12345678901234567890}],
		"urn:example:x":{"deep":[1.0,{"a":null}]},"meta":{"version":"v1"}}`
	var put string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /Users/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply(t, w, `{"id":"`+r.PathValue("id")+`","userName":"ann"}`)
	})
	mux.HandleFunc("GET /Groups/g", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, group) })
	mux.HandleFunc("PATCH /Groups/g", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) })
	mux.HandleFunc("PUT /Groups/g", func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, r.ContentLength)
		if _, err := r.Body.Read(b); err != nil && err.Error() != "EOF" {
			t.Error(err)
		}
		put = string(b)
		if r.Header.Get("If-Match") != "v1" {
			t.Errorf("If-Match %q", r.Header.Get("If-Match"))
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := clientOf(t, mux, nil)
	// An ETag, or a version, of a target that does not say that it looks at If-Match.
	if got, err := c.Revoke(t.Context(), access("g"), connector.Observation{}, "k"); connector.FailureOf(err).Kind != connector.Refused || put != "" {
		t.Fatalf("%q, %v, put %q", got, err, put)
	}
	mux.HandleFunc("GET /ServiceProviderConfig", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, `{"etag":{"supported":true}}`) })
	got, err := c.Revoke(t.Context(), access("g"), connector.Observation{}, "k")
	if got != connector.Removed || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	want := strings.Replace(group, `{"value":"id-ann","display":"A"},`, "", 1)
	var a, b any
	if json.Unmarshal([]byte(want), &a) != nil || json.Unmarshal([]byte(put), &b) != nil {
		t.Fatalf("no JSON: %s", put)
	}
	am, _ := json.Marshal(a) //nolint:errchkjson // decoded JSON
	bm, _ := json.Marshal(b) //nolint:errchkjson // decoded JSON
	if !bytes.Equal(am, bm) || !strings.Contains(put, "12345678901234567890") {
		t.Errorf("put  %s\nwant %s", put, want)
	}
}

func reply(t *testing.T, w http.ResponseWriter, body string) {
	t.Helper()
	if _, err := w.Write([]byte(body)); err != nil {
		t.Error(err)
	}
}

// clientOf is a client of any handler.
func clientOf(t *testing.T, h http.Handler, edit func(*Config)) *Client {
	t.Helper()
	hs := httptest.NewServer(h)
	t.Cleanup(hs.Close)
	cfg := Config{URL: hs.URL, Token: canary, Now: fixedNow, PageSize: 2}
	if edit != nil {
		edit(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// TestLostRoute: a proxy that answers 404 to everything proves nothing.
func TestLostRoute(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Handler{
		"404 everywhere": http.NotFoundHandler(),
		"404, and a page of HTML for lists": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Count(r.URL.Path, "/") > 1 {
				http.NotFound(w, r)
				return
			}
			reply(t, w, "<html>")
		}),
		"404, and lists that are none": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Count(r.URL.Path, "/") > 1 {
				http.NotFound(w, r)
				return
			}
			reply(t, w, "{}")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clientOf(t, h, nil)
			for _, e := range []string{"g", "", "role:x"} {
				obs, err := c.Check(t.Context(), access(e))
				if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken {
					t.Errorf("check of %q: %+v, %v", e, obs, err)
				}
				out, err := c.Revoke(t.Context(), access(e), connector.Observation{Presence: connector.Present}, "k")
				if err == nil {
					t.Errorf("revoke of %q: %q", e, out)
				}
			}
		})
	}
}

// TestCheckDoubts: where the target contradicts itself or says too little, access is not gone.
func TestCheckDoubts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		user, group string
		entitlement string
		want        connector.Presence
		fails       connector.FailureKind
	}{
		"active not said":         {`{"id":"id-ann","userName":"ann"}`, ``, "", connector.Present, ""},
		"active as text":          {`{"id":"id-ann","userName":"ann","active":"False"}`, ``, "", connector.Absent, ""},
		"active as nonsense":      {`{"id":"id-ann","userName":"ann","active":"nope"}`, ``, "", "", connector.Broken},
		"no userName":             {`{"id":"id-ann"}`, ``, "", "", connector.Broken},
		"another id":              {`{"id":"id-ben","userName":"ann"}`, ``, "", "", connector.Broken},
		"no id":                   {`{"userName":"ann"}`, ``, "", "", connector.Broken},
		"not UTF-8":               {"{\"id\":\"id-ann\",\"userName\":\"a\xffn\"}", ``, "", "", connector.Broken},
		"two documents":           {`{"id":"id-ann","userName":"ann"}{}`, ``, "", "", connector.Broken},
		"an array":                {`[]`, ``, "", "", connector.Broken},
		"names in other case":     {`{"ID":"id-ann","USERNAME":"Ann","ACTIVE":true}`, ``, "", connector.Present, ""},
		"only the account says":   {`{"id":"id-ann","userName":"ann","groups":[{"value":"g"}]}`, `{"id":"g","displayName":"G"}`, "g", connector.Present, ""},
		"said to be indirect":     {`{"id":"id-ann","userName":"ann","groups":[{"value":"g","type":"indirect"}]}`, `{"id":"g"}`, "g", connector.NotDirect, ""},
		"members null":            {`{"id":"id-ann","userName":"ann"}`, `{"id":"g","members":null}`, "g", connector.Absent, ""},
		"members no list":         {`{"id":"id-ann","userName":"ann"}`, `{"id":"g","members":"id-ben"}`, "g", "", connector.Broken},
		"ids are numbers":         {`{"id":"id-ann","userName":"ann"}`, `{"id":"g","members":[{"value":7},{"value":"id-ann"}]}`, "g", connector.Present, ""},
		"a group of the same id":  {`{"id":"id-ann","userName":"ann"}`, `{"id":"g","members":[{"value":"id-ann","type":"Group"}]}`, "g", connector.Absent, ""},
		"version with a line end": {`{"id":"id-ann","userName":"ann","meta":{"version":"a\r\nX: y"}}`, ``, "", "", connector.Broken},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.HandleFunc("GET /Users/id-ann", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, c.user) })
			mux.HandleFunc("GET /Groups/g", func(w http.ResponseWriter, _ *http.Request) { reply(t, w, c.group) })
			mux.HandleFunc("GET /Groups", func(w http.ResponseWriter, _ *http.Request) {
				reply(t, w, `{"totalResults":1,"Resources":[{"id":"g"}]}`)
			})
			obs, err := clientOf(t, mux, nil).Check(t.Context(), access(c.entitlement))
			if c.fails != "" {
				if f := connector.FailureOf(err); err == nil || f.Kind != c.fails {
					t.Fatalf("%+v, %v; want a failure %s", obs, err, c.fails)
				}
				return
			}
			if err != nil || obs.Presence != c.want {
				t.Fatalf("%+v, %v; want %s", obs, err, c.want)
			}
		})
	}
}

// TestDanglingMember: the account is gone, the group still lists it.
func TestDanglingMember(t *testing.T) {
	t.Parallel()
	srv, c := company(t, scimserver.Traits{}, nil)
	srv.PutGroup(scimserver.Group{ID: "h", DisplayName: "H", Members: []string{"id-gone", "id-ben"}})
	a := connector.Access{AccountID: "id-gone", Username: "gone", EntitlementID: "h"}
	obs, err := c.Check(t.Context(), a)
	if err != nil || obs.Presence != connector.Present {
		t.Fatalf("%+v, %v", obs, err)
	}
	if got, err := c.Revoke(t.Context(), a, obs, "k"); got != connector.Removed || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if m := srv.Members("h"); !slices.Equal(m, []string{"id-ben"}) {
		t.Errorf("members %v", m)
	}
	if obs, err := c.Check(t.Context(), a); err != nil || obs.Presence != connector.Absent {
		t.Errorf("%+v, %v", obs, err)
	}
}

// TestVersion: which of the two versions of an answer guards a change.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ header, meta, want string }{
		{`"a"`, ``, `"a"`}, {``, `"a"`, `"a"`}, {`W/"a"`, `"a"`, `"a"`}, {`W/"a"`, `W/"a"`, `W/"a"`}, {`"a"`, `b`, `"a"`}, {``, ``, ``},
	} {
		h := http.Header{}
		if c.header != "" {
			h.Set("Etag", c.header)
		}
		got, err := (&Client{}).version(&answer{header: h}, "x", "x", c.meta)
		if got != c.want || err != nil {
			t.Errorf("ETag %s, meta.version %s: %s, %v; want %s", c.header, c.meta, got, err, c.want)
		}
	}
}

func TestIDsThatAreNone(t *testing.T) {
	t.Parallel()
	_, c := company(t, scimserver.Traits{}, nil)
	for _, id := range []string{"", ".", ".."} {
		_, err := c.Check(t.Context(), connector.Access{AccountID: id, EntitlementID: "g"})
		if f := connector.FailureOf(err); err == nil || f.Kind != connector.Refused {
			t.Errorf("id %q: %v", id, err)
		}
	}
}
