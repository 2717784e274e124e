package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// publicRoutes are all that nobody needs to be signed in for. A new one is a decision.
var publicRoutes = []string{
	"GET /login", "GET /login/callback", "GET /login/link", "POST /login/link", "GET /logout", "POST /logout", "POST /logout/backchannel",
	"GET /static/", "GET /healthz", "GET /readyz", "GET /metrics", "POST /csp", "POST /hooks/removals/{token}",
}

// reviewerRoutes are open to everybody who is signed in; what they show depends on the object.
var reviewerRoutes = []string{
	"GET /{$}", "GET /deputies", "POST /deputies", "POST /deputies/{id}/end", "GET /help", "POST /preferences", "GET /reviews/{campaign}", "POST /reviews/{campaign}/items/{item}",
	"POST /reviews/{campaign}/items/{item}/undo", "POST /reviews/{campaign}/sign-off", "GET /people/{id}",
	"GET /revocations/{id}", "POST /revocations/{id}/contest", "GET /notices", "GET /notices/{id}", "POST /notices/{id}/contest", "GET /tasks/{id}", "POST /tasks/{id}", "GET /tasks/{id}/files/{file}",
}

// auditorRoutes are what an auditor may do besides: read, and take the evidence along.
var auditorRoutes = []string{
	"GET /campaigns", "GET /campaigns/{id}", "GET /campaigns/{id}/preview", "GET /campaigns/{id}/live", "GET /campaigns/{id}/yaml", "POST /campaigns/{id}/export", "GET /sources", "GET /sources/{name}",
	"GET /snapshots/{id}", "GET /snapshots/{id}/rejects.csv", "GET /snapshots/{id}/rows", "GET /access", "GET /revocations", "GET /revocations/live", "GET /sources/{name}/live", "GET /messages", "GET /messages/{id}", "GET /evidence",
}

// managerRoutes are what a campaign manager may do besides.
var managerRoutes = []string{
	"GET /campaigns/new", "POST /campaigns/new", "POST /campaigns/{id}/pause", "POST /campaigns/{id}/resume", "POST /campaigns/{id}/launch", "GET /campaigns/{id}/close", "POST /campaigns/{id}/close", "POST /revocations/{id}/retry", "POST /revocations/retry",
	"POST /revocations/{id}/restore", "POST /revocations/{id}/give-up",
	"POST /revocations/stop", "POST /messages/retry", "POST /messages/test", "POST /messages/{id}/retry", "POST /campaigns/{id}/hand-over", "POST /campaigns/{id}/due",
}

// TestEveryRoute walks the whole table as nobody and in every role, with addresses that exist:
// what a role may not use answers as what does not exist.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		rem := w.removal(run)
		w.tell(model.MessageTask, "task/1", "u3", w.removalID(rem))
		clients := map[model.Role]*webtest.Client{
			"": w.as("u6"), model.Auditor: w.as("", model.Auditor), model.CampaignManager: w.as("", model.CampaignManager), model.Admin: w.as("", model.Admin),
		}
		nobody := w.client()
		missing := map[model.Role]string{}
		for role, c := range clients {
			missing[role] = webtest.Text(c.Get("/no/such/page").Want(http.StatusNotFound).Root)
		}
		for _, rt := range w.site.patterns {
			name := rt.method + " " + rt.path
			path := w.address(rt.path, run, rem)
			if slices.Contains(publicRoutes, name) {
				if rt.access != public {
					t.Errorf("%s is meant to be public", name)
				}
				continue
			}
			w.asNobody(nobody, rt, path)
			for role, c := range clients {
				may := slices.Contains(reviewerRoutes, name) || role == model.Admin ||
					(role == model.Auditor || role == model.CampaignManager) && slices.Contains(auditorRoutes, name) ||
					role == model.CampaignManager && slices.Contains(managerRoutes, name)
				p := c.Do(rt.method, path, "application/x-www-form-urlencoded", strings.NewReader(""))
				if may {
					// What it then does is other tests' business.
					if p.Status >= 500 || (role == model.Admin && rt.access == byRole && p.Status == http.StatusNotFound && !strings.Contains(name, "{token}") && !strings.HasSuffix(name, "/read")) {
						t.Errorf("%s as %q: %d", name, role, p.Status)
					}
					continue
				}
				if p.Status != http.StatusNotFound || webtest.Text(p.Root) != missing[role] {
					t.Errorf("%s as %q: %d, want the page of what does not exist", name, role, p.Status)
				}
			}
		}
	})
}

func (w *world) asNobody(c *webtest.Client, rt route, path string) {
	w.t.Helper()
	p := c.Do(rt.method, path, "application/x-www-form-urlencoded", strings.NewReader("comment=keep+me"))
	switch rt.method {
	case http.MethodGet:
		if p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/login?return_to="+url.QueryEscape(path) {
			w.t.Errorf("%s as nobody: %d to %q", rt.path, p.Status, p.Header.Get("Location"))
		}
	default:
		p.Want(http.StatusUnauthorized, webtest.In("h1", webtest.HasText("You are not signed in")))
		if rt.body == 0 {
			p.Want(http.StatusUnauthorized, webtest.In("main", webtest.HasText("“keep me”")))
		}
	}
}

// address fills a pattern with what exists.
func (w *world) address(pattern string, run model.Run, removal string) string {
	snap := "1"
	if strings.HasPrefix(pattern, "/revocations") || strings.HasPrefix(pattern, "/tasks") {
		snap = removal
	}
	name := "wiki"
	item := itoa(w.items(run, "u2")[0].ID)
	id := snap
	if strings.HasPrefix(pattern, "/campaigns") {
		id = run.Name
	}
	if strings.HasSuffix(pattern, "/preview") || strings.HasSuffix(pattern, "/yaml") || strings.HasSuffix(pattern, "/launch") {
		id = "quarterly"
	}
	if strings.HasPrefix(pattern, "/people") {
		id = "u4"
	}
	r := strings.NewReplacer("{campaign}", run.Name, "{item}", item, "{id}", id, "{name}", name, "{token}", "token", "{file}", "1", "{$}", "")
	return r.Replace(pattern)
}

// removal makes one removal, and gives its number.
func (w *world) removal(run model.Run) string {
	w.t.Helper()
	it := w.items(run, "u3")
	actor := model.Actor{UserID: 99, Name: "Bo", PersonKey: *w.person("u3"), PersonID: "u3"}
	for _, i := range it {
		answer := model.Revoke
		if i.ID != it[0].ID {
			answer = model.Keep
		}
		if _, err := w.svc.Decide(w.t.Context(), actor, campaigns.DecideInput{RunID: run.ID, ItemID: i.ID, Answer: answer, Version: i.Version}); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.svc.SignOff(w.t.Context(), actor, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement}); err != nil {
		w.t.Fatal(err)
	}
	rs, err := w.store.ItemRemediations(w.t.Context(), run.ID, []int64{it[0].ID})
	if err != nil || len(rs) != 1 {
		w.t.Fatalf("removals: %v, %v", rs, err)
	}
	return itoa(rs[0].ID)
}

// TestRouteTable holds the table against the lists above: no route is in none, none is in two.
func TestRouteTable(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	seen := map[string]bool{}
	for _, rt := range w.site.patterns {
		name := rt.method + " " + rt.path
		if seen[name] {
			t.Errorf("%s stands twice", name)
		}
		seen[name] = true
		want := byRole
		switch {
		case slices.Contains(publicRoutes, name):
			want = public
		case slices.Contains(reviewerRoutes, name):
			want = signedIn
		}
		if rt.access != want {
			t.Errorf("%s is %s, want %s", name, rt.access, want)
		}
		readOnly := slices.Contains(auditorRoutes, name)
		if rt.access == byRole && slices.Contains(rt.roles, model.Auditor) != readOnly {
			t.Errorf("%s: auditors %v, want %v", name, !readOnly, readOnly)
		}
	}
	for _, bad := range []route{
		{method: "GET", path: "/x", do: w.site.home},
		{method: "GET", path: "/x", access: byRole, do: w.site.home},
		{method: "GET", path: "/x", access: public, roles: admins, do: w.site.home},
		{method: "GET", path: "/x", access: public},
		{method: "DELETE", path: "/x", access: public, do: w.site.home},
	} {
		if bad.check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestSomebodyElses walks every address that holds an item, a review or a person, as a reviewer
// of the same kind whose it is not.
func TestSomebodyElses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		mine, theirs := w.items(run, "u2"), w.items(run, "u3")
		ana, fay := w.as("u2"), w.as("u6")
		missing := fay.Get("/no/such/page")
		review := "/reviews/" + run.Name
		for _, x := range []struct {
			c            *webtest.Client
			method, path string
		}{
			{fay, "GET", review}, // no part in the run
			{fay, "POST", review + "/sign-off"},
			{fay, "POST", review + "/items/" + itoa(mine[0].ID)},
			{ana, "GET", review + "?item=" + itoa(theirs[0].ID)},
			{ana, "POST", review + "/items/" + itoa(theirs[0].ID)},
			{ana, "POST", review + "/items/" + itoa(theirs[0].ID) + "/undo"},
			{ana, "POST", review + "/items/999999"},
			{ana, "POST", review + "/items/nan"},
			{ana, "GET", "/reviews/other@2026-01-01"},
			{ana, "GET", "/people/u6"}, // in somebody else's line
			{ana, "GET", "/people/u1"}, // above
			{ana, "GET", "/people/nobody"},
			{fay, "GET", "/people/u4"},
		} {
			p := x.c.Do(x.method, x.path, "application/x-www-form-urlencoded", strings.NewReader(url.Values{"answer": {"revoke"}, "version": {"0"}, "key": {"k"}}.Encode()))
			if p.Status != http.StatusNotFound || webtest.Text(p.Root.LastChild) == "" {
				t.Errorf("%s %s: %d %s", x.method, x.path, p.Status, webtest.Text(p.Root))
			}
			if x.c == fay && webtest.Text(p.Root) != webtest.Text(missing.Root) {
				t.Errorf("%s %s tells more than a page that does not exist", x.method, x.path)
			}
		}
		for _, it := range w.items(run, "u3") {
			if it.Answer != model.NoAnswer {
				t.Errorf("item %d was answered", it.ID)
			}
		}
	})
}

// TestListsAgree: what the list of a review shows is just what single pages allow.
func TestListsAgree(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		var all []int64
		for _, reviewer := range []string{"u1", "u2", "u3"} {
			for _, it := range w.items(run, reviewer) {
				all = append(all, it.ID)
			}
		}
		if int64(len(all)) != run.Items {
			t.Fatalf("%d items of %d", len(all), run.Items)
		}
		for _, reviewer := range []string{"u1", "u2", "u3"} {
			c := w.as(reviewer)
			list := c.Get("/reviews/"+run.Name+"?state=all").Attrs("tr[data-row]", "id")
			var single []string
			for _, id := range all {
				if p := c.Get("/reviews/" + run.Name + "?item=" + itoa(id)); p.Status == http.StatusOK {
					single = append(single, "item-"+itoa(id))
				}
			}
			if !slices.Equal(list, single) || len(list) == 0 {
				t.Errorf("%s: the list has %v, single pages allow %v", reviewer, list, single)
			}
			links := c.Get("/reviews/"+run.Name+"?state=all").Attrs("tr[data-row] th a", "href")
			for _, href := range links {
				c.Get(href).Want(http.StatusOK)
			}
		}
	})
}
