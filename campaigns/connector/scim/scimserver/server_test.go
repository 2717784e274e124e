package scimserver

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// ask sends one request and is its status, its decoded body and its headers.
func ask(t *testing.T, s *Server, method, path, body string, headers ...string) (int, map[string]any, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var out map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w.Code, out, w.Header()
}

func seeded(cfg Config) *Server {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cfg.Now = func() time.Time { return at }
	s := New(cfg)
	for _, u := range []string{"ann", "ben", "cat", "dan", "eve"} {
		s.PutUser(User{ID: u, UserName: u, DisplayName: "The " + u, Email: u + "@example.com", Active: u != "eve", EmployeeNumber: "n-" + u})
	}
	s.PutGroup(Group{ID: "g", DisplayName: "Group", Members: []string{"ann", "ben"}})
	s.PutGroup(Group{ID: "h", DisplayName: "Outer", Members: []string{"g", "cat"}})
	return s
}

func ids(page map[string]any) (out []string) {
	list, _ := page["Resources"].([]any)
	for _, r := range list {
		m, _ := r.(map[string]any)
		out = append(out, text(m["id"]))
	}
	return out
}

func TestAuthorised(t *testing.T) {
	t.Parallel()
	s := seeded(Config{Token: "t0ken", Username: "u", Password: "p", BasePath: "/scim/v2/"})
	for header, want := range map[string]int{
		"": 401, "Bearer t0ken": 200, "bearer t0ken": 200, "Bearer t0ke": 401, "Bearer ": 401, "t0ken": 401,
		"Basic dTpw": 200, "Basic dTpx": 401, "Basic !": 401,
	} {
		if got, _, _ := ask(t, s, "GET", "/scim/v2/Users", "", "Authorization", header); got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
	}
	for _, path := range []string{"/Users", "/scim/v2x/Users", "/scim", "/scim/v2/Nothing", "/scim/v2/Users/ann/x"} {
		if got, _, _ := ask(t, s, "GET", path, "", "Authorization", "Bearer t0ken"); got != 404 {
			t.Errorf("%s: %d", path, got)
		}
	}
	if n := len(New(Config{Username: "u"}).Calls()); n != 0 {
		t.Error("calls out of nothing")
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := seeded(Config{MaxPage: 3})
	tests := []struct {
		query string
		want  string
		total float64
	}{
		{"", "ann ben cat", 5},
		{"startIndex=4&count=10", "dan eve", 5},
		{"startIndex=0&count=2", "ann ben", 5},
		{"startIndex=6", "", 5},
		{"count=0", "", 5},
		{"count=-1", "", 5},
		{`filter=userName eq "ANN"`, "ann", 1},
		{`filter=id eq "ANN"`, "", 0},
		{`filter=userName sw "a" or userName ew "n" and active eq true`, "ann ben dan", 3},
		{`filter=not (active eq true)`, "eve", 1},
		{`filter=(userName co "a") and (active pr)`, "ann cat dan", 3},
		{`filter=userName ne "ann"`, "ben cat dan", 4},
		{`filter=title pr`, "", 0},
		{`filter=title eq null&count=1`, "ann", 5},
		{`filter=emails.value eq "ben@example.com"`, "ben", 1},
		{`filter=emails eq "ben@example.com"`, "ben", 1},
		{`filter=urn:ietf:params:scim:schemas:core:2.0:User:userName eq "cat"`, "cat", 1},
		{`filter=` + enterpriseURN + `:employeeNumber eq "n-cat"`, "cat", 1},
		{`filter=meta.resourceType eq "user"&count=1`, "ann", 5},
	}
	for _, c := range tests {
		path := "/Users?" + strings.ReplaceAll(strings.ReplaceAll(c.query, " ", "%20"), `"`, "%22")
		status, page, _ := ask(t, s, "GET", path, "")
		if got := strings.Join(ids(page), " "); status != 200 || got != c.want || page["totalResults"] != c.total {
			t.Errorf("%s: %d %q of %v, want %q of %v", c.query, status, got, page["totalResults"], c.want, c.total)
		}
	}
	for _, f := range []string{`userName`, `userName eq`, `userName eq ann`, `userName gt "a"`, `(userName pr`, `userName pr)`, `userName pr or`, `emails[type eq "w"]`, `userName eq "a`, `userName eq [1]`, `not`, strings.Repeat("(", 9000)} {
		status, e, _ := ask(t, s, "GET", "/Users?filter="+strings.NewReplacer(" ", "%20", `"`, "%22").Replace(f), "")
		if status != 400 || e["scimType"] != "invalidFilter" {
			t.Errorf("filter %.40q: %d %v", f, status, e)
		}
	}
	if _, page, _ := ask(t, s, "GET", `/Groups?filter=members.value%20eq%20%22cat%22`, ""); strings.Join(ids(page), " ") != "h" {
		t.Errorf("groups by member: %v", page)
	}
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	s := seeded(Config{})
	status, u, h := ask(t, s, "POST", "/Users", `{"schemas":["`+userURN+`"],"username":"fay","ACTIVE":"True","id":"mine","nickName":"F","emails":[{"Value":"f@example.com"}]}`)
	id := text(u["id"])
	if status != 201 || id == "mine" || u["userName"] != "fay" || u["active"] != true || !strings.HasSuffix(h.Get("Location"), "/Users/"+id) {
		t.Fatalf("created %d %v", status, u)
	}
	meta, _ := u["meta"].(map[string]any)
	if meta["created"] != "2026-01-02T03:04:05Z" || meta["version"] != h.Get("Etag") {
		t.Errorf("meta %v, ETag %s", meta, h.Get("Etag"))
	}
	for body, want := range map[string]int{
		`{"userName":"FAY"}`: 409, `{}`: 400, `{"userName":""}`: 400, `[]`: 400, `{"userName":"x","active":"maybe"}`: 400,
	} {
		if status, _, _ := ask(t, s, "POST", "/Users", body); status != want {
			t.Errorf("create %s: %d, want %d", body, status, want)
		}
	}
	if status, _, _ := ask(t, s, "POST", "/Groups", `{"displayName":"X","members":[{"value":"nobody"}]}`); status != 400 {
		t.Errorf("a member that does not exist: %d", status)
	}
	etag := h.Get("Etag")
	if status, _, _ := ask(t, s, "GET", "/Users/"+id, "", "If-None-Match", etag); status != 304 {
		t.Errorf("If-None-Match: %d", status)
	}
	status, u, h = ask(t, s, "PUT", "/Users/"+id, `{"userName":"fay2"}`, "If-Match", etag)
	if status != 200 || u["userName"] != "fay2" || u["nickName"] != nil || u["active"] != true || h.Get("Etag") == etag {
		t.Errorf("replaced %d %v", status, u)
	}
	if status, _, _ := ask(t, s, "PUT", "/Users/"+id, `{"userName":"fay3"}`, "If-Match", etag); status != 412 {
		t.Errorf("an old version: %d", status)
	}
	if status, _, _ := ask(t, s, "DELETE", "/Users/"+id, "", "If-Match", etag); status != 412 {
		t.Errorf("delete an old version: %d", status)
	}
	if status, _, _ := ask(t, s, "DELETE", "/Users/ann", ""); status != 204 || s.HasMember("g", "ann") {
		t.Errorf("deleted: %d, members %v", status, s.Members("g"))
	}
	if status, _, _ := ask(t, s, "GET", "/Users/ann", ""); status != 404 {
		t.Errorf("deleted, read: %d", status)
	}
	for _, c := range [][2]string{{"PUT", "/Users"}, {"POST", "/Users/ben"}, {"PATCH", "/Groups"}} {
		if status, _, _ := ask(t, s, c[0], c[1], "{}"); status != 405 {
			t.Errorf("%v: %d", c, status)
		}
	}
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes"} {
		if status, _, _ := ask(t, s, "GET", path, ""); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, ops string
		status    int
		scimType  string
		members   string
		applied   bool
	}{
		{"filter", `{"op":"remove","path":"members[value eq \"ann\"]"}`, 200, "", "ben", true},
		{"filter, other case", `{"op":"Remove","path":"MEMBERS[Value EQ \"ann\"]"}`, 200, "", "ben", true},
		{"filter, no match", `{"op":"remove","path":"members[value eq \"cat\"]"}`, 200, "", "ann ben", false},
		{"filter, broken", `{"op":"remove","path":"members[value eq]"}`, 400, "invalidFilter", "ann ben", false},
		{"bracket open", `{"op":"remove","path":"members[value eq \"a\""}`, 400, "invalidPath", "ann ben", false},
		{"values", `{"op":"remove","path":"members","value":[{"value":"ann"},{"value":"x"}]}`, 200, "", "ben", true},
		{"all", `{"op":"remove","path":"members"}`, 200, "", "", true},
		{"no path", `{"op":"remove"}`, 400, "noTarget", "ann ben", false},
		{"add", `{"op":"add","path":"members","value":[{"value":"cat"},{"value":"ann"}]}`, 200, "", "ann ben cat", true},
		{"add one", `{"op":"add","path":"members","value":{"value":"cat"}}`, 200, "", "ann ben cat", true},
		{"add without path", `{"op":"add","value":{"members":[{"value":"cat"}]}}`, 200, "", "ann ben cat", true},
		{"add a stranger", `{"op":"add","path":"members","value":[{"value":"nobody"}]}`, 400, "invalidValue", "ann ben", false},
		{"replace", `{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:Group:members","value":[{"value":"cat"}]}`, 200, "", "cat", true},
		{"replace one", `{"op":"replace","path":"members[value eq \"ann\"]","value":{"value":"cat"}}`, 200, "", "cat ben", true},
		{"replace none", `{"op":"replace","path":"members[value eq \"x\"]","value":{"value":"cat"}}`, 400, "noTarget", "ann ben", false},
		{"all or nothing", `{"op":"remove","path":"members"},{"op":"remove","path":"id"}`, 400, "mutability", "ann ben", false},
		{"unknown op", `{"op":"increment","path":"members"}`, 400, "invalidSyntax", "ann ben", false},
		{"name goes", `{"op":"remove","path":"displayName"}`, 400, "invalidValue", "ann ben", false},
		{"none", ``, 400, "invalidSyntax", "ann ben", false},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := seeded(Config{})
			status, e, _ := ask(t, s, "PATCH", "/Groups/g", `{"schemas":["`+patchURN+`"],"Operations":[`+c.ops+`]}`)
			if got := strings.Join(s.Members("g"), " "); status != c.status || got != c.members || c.scimType != "" && e["scimType"] != c.scimType {
				t.Errorf("%d %v, members %q; want %d %s %q", status, e, got, c.status, c.scimType, c.members)
			}
			if last := s.Calls()[0]; last.Applied != c.applied || last.Status != status {
				t.Errorf("call %+v", last)
			}
		})
	}
	s := seeded(Config{})
	for _, ops := range []string{
		`{"op":"replace","path":"active","value":"False"}`,
		`{"op":"replace","value":{"title":"T","name.givenName":"G","` + enterpriseURN + `:department":"D"}}`,
		`{"op":"replace","path":"emails[type eq \"work\"].value","value":"new@example.com"}`,
	} {
		if status, e, _ := ask(t, s, "PATCH", "/Users/ann", `{"schemas":["`+patchURN+`"],"Operations":[`+ops+`]}`); status != 200 {
			t.Errorf("%s: %d %v", ops, status, e)
		}
	}
	u, _ := s.User("ann")
	if u.Active || u.Title != "T" || u.Department != "D" || u.EmployeeNumber != "n-ann" || u.Email != "new@example.com" {
		t.Errorf("user %+v", u)
	}
	if status, _, _ := ask(t, s, "PATCH", "/Users/ann", `{"Operations":[{"op":"remove","path":"title"}]}`); status != 400 {
		t.Errorf("without schemas: %d", status)
	}
}

func TestFaultRules(t *testing.T) {
	t.Parallel()
	s := seeded(Config{Keep: 4})
	s.Inject(Rule{Fault: Refuse, Method: "GET", Path: "/Users", Skip: 1, Times: 2, Status: 503, RetryAfter: "9"})
	var got []int
	for range 4 {
		status, _, _ := ask(t, s, "GET", "/Users", "")
		got = append(got, status)
	}
	if !slices.Equal(got, []int{200, 503, 503, 200}) {
		t.Errorf("statuses %v", got)
	}
	s.Inject(Rule{Fault: Lie, When: func(c Call) bool { return c.Key == "lie" }})
	if status, _, _ := ask(t, s, "DELETE", "/Users/ann", "", "Idempotency-Key", "lie"); status != 204 {
		t.Errorf("lie: %d", status)
	}
	if _, ok := s.User("ann"); !ok {
		t.Error("the lie was true")
	}
	if c := s.Calls(); len(c) != 3 || c[2].Fault != Lie || c[2].Applied || c[2].Seq != 5 {
		t.Errorf("calls %+v", c)
	}
	if s.ForgetCalls(); len(s.Calls()) != 0 {
		t.Error("calls are not forgotten")
	}
	hs := httptest.NewServer(s)
	defer hs.Close()
	s.ClearFaults()
	for fault, done := range map[Fault]bool{DropReply: true, DropRequest: false} {
		s.Inject(Rule{Fault: fault, Times: 1})
		s.PutUser(User{ID: "z", UserName: "z"})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, hs.URL+"/Users/z", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := hs.Client().Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			t.Errorf("%s: answered %d", fault, resp.StatusCode)
		}
		if _, there := s.User("z"); there == done {
			t.Errorf("%s: done %v, want %v", fault, !there, done)
		}
		s.ClearFaults()
	}
}

// TestConcurrent: requests, hooks and direct changes at once; of changes guarded by one
// version, one wins.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	s := seeded(Config{})
	_, _, h := ask(t, s, "GET", "/Groups/g", "")
	s.Hook(func(Call) { s.Members("h") }, func(Call) { s.Calls() })
	var wg sync.WaitGroup
	won := make(chan struct{}, 20)
	for range 20 {
		wg.Go(func() {
			body := `{"schemas":["` + patchURN + `"],"Operations":[{"op":"remove","path":"members[value eq \"ann\"]"}]}`
			if status, _, _ := ask(t, s, "PATCH", "/Groups/g", body, "If-Match", h.Get("Etag")); status == 200 {
				won <- struct{}{}
			}
			if err := s.AddMember("h", "ben"); err != nil {
				t.Error(err)
			}
			ask(t, s, "GET", "/Groups", "")
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d changes of one version", len(won))
	}
}
