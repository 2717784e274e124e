package entraserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// caller is a client that knows nothing but HTTP.
type caller struct {
	t     *testing.T
	base  string
	token string
}

func start(t *testing.T, cfg Config) (*Server, *caller) {
	t.Helper()
	srv := New(cfg)
	hs := httptest.NewServer(srv)
	t.Cleanup(hs.Close)
	c := &caller{t: t, base: hs.URL}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {srv.cfg.ClientID}, "client_secret": {srv.cfg.Secret}, "scope": {hs.URL + "/.default"}}
	status, body := c.call(http.MethodPost, hs.URL+"/"+srv.cfg.Tenant+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", form.Encode())
	c.token, _ = body["access_token"].(string)
	if status != http.StatusOK || c.token == "" {
		t.Fatalf("token: %d %v", status, body)
	}
	return srv, c
}

func (c *caller) call(method, address, kind, body string, header ...string) (int, map[string]any) {
	c.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = c.base + BasePath + address
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]any{"text": string(b)}
	if json.Valid(b) && bytes.HasPrefix(b, []byte("{")) {
		if err := json.Unmarshal(b, &out); err != nil {
			c.t.Fatal(err)
		}
	}
	return resp.StatusCode, out
}

func (c *caller) code(body map[string]any) string {
	e, ok := body["error"].(map[string]any)
	if !ok {
		return ""
	}
	inner, ok := e["innerError"].(map[string]any)
	if !ok || inner["request-id"] == nil || inner["date"] == nil || e["message"] == nil {
		c.t.Errorf("the error is not in Graph's envelope: %v", body)
	}
	s, ok := e["code"].(string)
	if !ok {
		c.t.Errorf("the error has no code: %v", body)
	}
	return s
}

// TestWhatGraphRefuses: the server is as strict as Graph's documentation says, so that a client that
// passes against it does not rely on what Graph does not have.
func TestWhatGraphRefuses(t *testing.T) {
	t.Parallel()
	srv, c := start(t, Config{})
	srv.PutUser(User{ID: "u-1", UserPrincipalName: "one@contoso.example"})
	srv.PutGroup(Group{ID: "g-1", DisplayName: "One"})
	srv.PutGroup(Group{ID: "g-dyn", DisplayName: "Rule", Types: []string{"DynamicMembership"}})
	srv.AddMember("g-1", "u-1")
	ref := `{"@odata.id": "` + c.base + BasePath + `/directoryObjects/u-1"}`
	for name, test := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		code               string
	}{
		"count without the index":     {http.MethodGet, "/users/$count", "", nil, 400, "Request_BadRequest"},
		"count":                       {http.MethodGet, "/users/$count", "", []string{"ConsistencyLevel", "eventual"}, 200, ""},
		"expand in a delta query":     {http.MethodGet, "/groups/delta?$expand=members", "", nil, 400, "Request_UnsupportedQuery"},
		"top in a delta query":        {http.MethodGet, "/users/delta?$top=5", "", nil, 400, "Request_UnsupportedQuery"},
		"a token nobody gave":         {http.MethodGet, "/users/delta?$deltatoken=x", "", nil, 410, "resyncRequired"},
		"cast without the index":      {http.MethodGet, "/groups/g-1/transitiveMembers/microsoft.graph.group", "", nil, 400, "Request_UnsupportedQuery"},
		"nobody":                      {http.MethodGet, "/users/u-404", "", nil, 404, "Request_ResourceNotFound"},
		"too many groups":             {http.MethodPost, "/directoryObjects/u-1/checkMemberGroups", `{"groupIds":["` + strings.Repeat(`x","`, 20) + `x"]}`, nil, 400, "Request_BadRequest"},
		"member twice":                {http.MethodPost, "/groups/g-1/members/$ref", ref, nil, 400, "Request_BadRequest"},
		"member of a dynamic group":   {http.MethodPost, "/groups/g-dyn/members/$ref", ref, nil, 400, "Request_BadRequest"},
		"no reference":                {http.MethodPost, "/groups/g-1/members/$ref", `{"@odata.id": "u-1"}`, nil, 400, "Request_BadRequest"},
		"remove who is not in it":     {http.MethodDelete, "/groups/g-dyn/members/u-1/$ref", "", nil, 404, "Request_ResourceNotFound"},
		"assignment that nobody made": {http.MethodDelete, "/roleManagement/directory/roleAssignments/x", "", nil, 404, "Request_ResourceNotFound"},
		"wrong token":                 {http.MethodGet, "/users/u-1", "", []string{"Authorization", "Bearer x"}, 401, "InvalidAuthenticationToken"},
	} {
		status, body := c.call(test.method, test.path, "application/json", test.body, test.header...)
		if code := c.code(body); status != test.status || code != test.code {
			t.Errorf("%s: %d %q, want %d %q", name, status, code, test.status, test.code)
		}
	}
	// Without $ref it is the member that is deleted: what a client must never send.
	if status, _ := c.call(http.MethodDelete, "/groups/g-1/members/u-1", "", ""); status != http.StatusNoContent {
		t.Errorf("delete without $ref: %d", status)
	}
	if _, there := srv.User("u-1"); there {
		t.Error("the user is still there")
	}
}

// TestDeltaRounds: pages, pieces of a big group, changes, removals, and the same again.
func TestDeltaRounds(t *testing.T) {
	t.Parallel()
	srv, c := start(t, Config{Page: 1, Members: 2})
	srv.PutGroup(Group{ID: "g-1", DisplayName: "One"})
	for _, u := range []string{"u-1", "u-2", "u-3"} {
		srv.PutUser(User{ID: u, UserPrincipalName: u})
		srv.AddMember("g-1", u)
	}
	round := func(link string) (pages, members, removed int, delta string) {
		t.Helper()
		for {
			status, body := c.call(http.MethodGet, link, "", "")
			if status != http.StatusOK {
				t.Fatalf("%s: %d %v", link, status, body)
			}
			pages++
			list, _ := body["value"].([]any)
			for _, v := range list {
				g, _ := v.(map[string]any)
				if g["@removed"] != nil {
					removed++
				}
				in, _ := g["members@delta"].([]any)
				for _, v := range in {
					m, _ := v.(map[string]any)
					if members++; m["@removed"] != nil {
						removed++
					}
				}
			}
			if next, more := body["@odata.nextLink"].(string); more {
				link = next
				continue
			}
			delta, _ = body["@odata.deltaLink"].(string)
			return pages, members, removed, delta
		}
	}
	pages, members, removed, delta := round("/groups/delta?$select=displayName,members")
	if pages != 2 || members != 3 || removed != 0 || delta == "" {
		t.Fatalf("%d pages, %d members, %d removed, link %q", pages, members, removed, delta)
	}
	if pages, members, removed, _ := round(delta); pages != 1 || members+removed != 0 {
		t.Errorf("nothing changed: %d pages, %d members, %d removed", pages, members, removed)
	}
	srv.Delete("u-2", true)
	if _, members, removed, _ := round(delta); members != 1 || removed != 1 {
		t.Errorf("a deleted member: %d members, %d removed", members, removed)
	}
	srv.Delete("g-1", false)
	if _, members, removed, _ := round(delta); members != 0 || removed != 1 {
		t.Errorf("a deleted group: %d members, %d removed", members, removed)
	}
}

// TestLagAndTokens: reads lag for as many requests as they were told to, and tokens end.
func TestLagAndTokens(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(1_772_442_000)
	srv, c := start(t, Config{Now: func() time.Time { return time.Unix(now.Load(), 0) }, Lifetime: time.Minute})
	srv.PutUser(User{ID: "u-1", UserPrincipalName: "one"})
	srv.SetLag(Lag{Reads: 2})
	srv.PutUser(User{ID: "u-1", UserPrincipalName: "two"})
	for _, want := range []string{"one", "one", "two"} {
		if _, body := c.call(http.MethodGet, "/users/u-1", "", ""); body["userPrincipalName"] != want {
			t.Errorf("the name is %v, want %s", body["userPrincipalName"], want)
		}
	}
	now.Add(120)
	if status, _ := c.call(http.MethodGet, "/users/u-1", "", ""); status != http.StatusUnauthorized {
		t.Errorf("an ended token: %d", status)
	}
}
