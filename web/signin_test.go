package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
	"recert/web/webtest"
)

// mapRoles makes the members of a group administrators.
func (w *world) mapRoles(group string) {
	w.t.Helper()
	w.apply(campaigns.Document{Kind: model.ConfigRoleMapping, Name: "default", Spec: &model.RoleMappingSpec{model.Admin: {group}, model.Auditor: {"audit"}}, At: "r"})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(t *testing.T, w *world, i *issuer) {
		run := w.launch()
		i.as("sub-ana", "ANA@example.com", true)
		c := w.client()
		want := "/reviews/" + run.Name + "?q=dev"
		to := c.Get(want).Want(http.StatusSeeOther).Header.Get("Location")
		answer := begin(c, i, to)
		p := c.Get("/login/callback?" + answer.Encode())
		if got := p.Header.Get("Location"); p.Status != http.StatusSeeOther || got != want {
			t.Fatalf("%d to %q", p.Status, got)
		}
		for name := range c.Cookies {
			if !strings.HasPrefix(name, "__Host-") {
				t.Errorf("cookie %s could be set by another host", name)
			}
		}
		set := strings.Join(p.Header.Values("Set-Cookie"), "\n")
		for _, attr := range []string{"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
			if strings.Count(set, attr) != strings.Count(set, "\n")+1 {
				t.Errorf("%s is not on every cookie: %s", attr, set)
			}
		}
		c.Get(want).Want(http.StatusOK, webtest.In("details.menu", webtest.HasText("Name sub-ana"), webtest.HasText("Reviewer")))
		c.Get("/campaigns").Want(http.StatusNotFound)

		// The code and the state work once.
		c.Get("/login/callback?"+answer.Encode()).Want(http.StatusForbidden, webtest.In("main", webtest.HasText("You could not be signed in.")))

		// A sign-in rotates the token, and the old one is dead.
		old := c.Cookies["__Host-recert"]
		i.as("sub-ana", "ana@example.com", true, "admins")
		signIn(c, i).Want(http.StatusSeeOther)
		thief := w.client()
		thief.Cookies["__Host-recert"] = old
		if thief.Get("/").Status != http.StatusSeeOther || c.Cookies["__Host-recert"] == old {
			t.Error("the token of before the sign-in still works")
		}
		// Roles are those of the last sign-in.
		c.Get("/campaigns").Want(http.StatusOK)
		i.as("sub-ana", "ana@example.com", true)
		signIn(c, i).Want(http.StatusSeeOther)
		c.Get("/campaigns").Want(http.StatusNotFound)
		c.Get("/reviews/" + run.Name).Want(http.StatusOK)
	})
}

// TestSignInRefused: whatever is wrong with the answer, nobody is signed in.
func TestSignInRefused(t *testing.T) {
	t.Parallel()
	clock := &storetest.Clock{T: storetest.Epoch}
	w, i := ssoWorld(t, storetest.Open(t, storetest.DSN(t, store.SQLite), clock), clock)
	set := func(k string, v any) func(map[string]any) { return func(c map[string]any) { c[k] = v } }
	for name, x := range map[string]struct {
		answer func(url.Values)
		lie    func(map[string]any)
		sign   func(map[string]any) string
	}{
		"wrong state":                   {answer: func(q url.Values) { q.Set("state", "x") }},
		"no state":                      {answer: func(q url.Values) { q.Del("state") }},
		"wrong iss parameter":           {answer: func(q url.Values) { q.Set("iss", "https://other.example") }},
		"no iss parameter":              {answer: func(q url.Values) { q.Del("iss") }},
		"wrong code":                    {answer: func(q url.Values) { q.Set("code", "x") }},
		"no code":                       {answer: func(q url.Values) { q.Del("code") }},
		"refused there":                 {answer: func(q url.Values) { q.Set("error", "access_denied"); q.Del("code") }},
		"wrong nonce":                   {lie: set("nonce", "x")},
		"no nonce":                      {lie: func(c map[string]any) { delete(c, "nonce") }},
		"wrong issuer":                  {lie: set("iss", "https://other.example")},
		"wrong audience":                {lie: set("aud", "other")},
		"expired":                       {lie: set("exp", storetest.Epoch.Add(-time.Minute).Unix())},
		"no expiry":                     {lie: func(c map[string]any) { delete(c, "exp") }},
		"alg none":                      {sign: unsigned},
		"another's key":                 {sign: func(c map[string]any) string { return i.jwt(i.stolen, "JWT", c) }},
		"another at_hash":               {lie: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		"no token":                      {sign: func(map[string]any) string { return "x" }},
		"a name that no database keeps": {lie: set("name", "a\x00b")},
	} {
		c := w.client()
		i.as("sub-ana", "ana@example.com", true, "admins")
		i.lying(x.lie, x.sign)
		answer := begin(c, i, "/login")
		if x.answer != nil {
			x.answer(answer)
		}
		p := c.Get("/login/callback?" + answer.Encode())
		if p.Status != http.StatusForbidden || c.Cookies["__Host-recert"] != "" {
			t.Errorf("%s: %d, session %v", name, p.Status, c.Cookies["__Host-recert"] != "")
		}
		if c.Get("/").Status != http.StatusSeeOther {
			t.Errorf("%s: signed in", name)
		}
		w.later(time.Second) // sign-ins are counted
	}
	i.lying(nil, nil)
	// An answer in another browser, and one that took too long.
	c, other := w.client(), w.client()
	answer := begin(c, i, "/login")
	other.Get("/login/callback?" + answer.Encode()).Want(http.StatusForbidden)
	begin(other, i, "/login")
	other.Get("/login/callback?" + answer.Encode()).Want(http.StatusForbidden) // somebody else's code in the own flow
	late := begin(c, i, "/login")
	w.later(11 * time.Minute)
	c.Get("/login/callback?" + late.Encode()).Want(http.StatusForbidden)
	// The control: nothing else was in the way.
	signIn(c, i).Want(http.StatusSeeOther)
	c.Get("/").Want(http.StatusOK)
	if logs := w.logs.String(); strings.Contains(logs, "ana@example.com") || strings.Contains(logs, clientSecret) {
		t.Error("the log holds an address or a secret")
	}
}

// TestTie: only a verified address ties a user to a person, the first user wins, and an address
// that several have ties nobody.
func TestTie(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(t *testing.T, w *world, i *issuer) {
		run := w.launch()
		review := "/reviews/" + run.Name
		unverified := w.client()
		i.as("sub-1", "ana@example.com", false)
		signIn(unverified, i).Want(http.StatusSeeOther)
		unverified.Get(review).Want(http.StatusNotFound)
		first := w.client()
		i.as("sub-2", "ana@example.com", true)
		signIn(first, i).Want(http.StatusSeeOther)
		first.Get(review).Want(http.StatusOK)
		second := w.client()
		i.as("sub-3", "ana@example.com", true)
		signIn(second, i).Want(http.StatusSeeOther)
		second.Get(review).Want(http.StatusNotFound)
		// Once tied, an address that changes or is not verified any more does not untie.
		i.as("sub-2", "elsewhere@example.com", false)
		signIn(first, i).Want(http.StatusSeeOther)
		first.Get(review).Want(http.StatusOK)

		w.later(1e9)
		w.ingest("loader", "hr", map[model.Kind]string{model.KindPeople: strings.Replace(hurt(hrCSV), "dev@example.com", "bo@example.com", 1)})
		both := w.client()
		i.as("sub-4", "bo@example.com", true)
		signIn(both, i).Want(http.StatusSeeOther)
		both.Get(review).Want(http.StatusNotFound)

		// Who has left cannot sign in.
		w.later(1e9)
		w.ingest("loader", "hr", map[model.Kind]string{model.KindPeople: strings.Replace(hurt(hrCSV), "fay@example.com,u3,Engineer,active", "fay@example.com,u3,Engineer,terminated", 1)})
		gone := w.client()
		i.as("sub-5", "fay@example.com", true, "admins")
		signIn(gone, i).Want(http.StatusForbidden, webtest.In("main", webtest.HasText("you no longer work here")))
		gone.Get("/").Want(http.StatusSeeOther)
	})
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(t *testing.T, w *world, i *issuer) {
		// Sessions outlive a restart, so a page of before any sign-in can sign out too.
		if csp := w.as("u3").Get("/").Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+i.srv.URL+";") {
			t.Errorf("before the first sign-in: %s", csp)
		}
		i.as("sub-ana", "ana@example.com", true)
		c := w.client()
		signIn(c, i).Want(http.StatusSeeOther)
		page := c.Get("/").Want(http.StatusOK)
		if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+i.srv.URL+";") {
			t.Errorf("a browser would not follow the sign-out: %s", csp)
		}
		thief := w.client()
		thief.Cookies["__Host-recert"] = c.Cookies["__Host-recert"]
		p := c.Submit(page.Form("form[action='/logout']"), nil).Want(http.StatusSeeOther)
		u, err := url.Parse(p.Header.Get("Location"))
		if err != nil || !strings.HasPrefix(u.String(), i.srv.URL+"/end?") {
			t.Fatalf("sent to %q", p.Header.Get("Location"))
		}
		if q := u.Query(); q.Get("post_logout_redirect_uri") != base+"/logout" || q.Get("client_id") != clientID || strings.Count(q.Get("id_token_hint"), ".") != 2 {
			t.Errorf("%v", u.Query())
		}
		thief.Get("/").Want(http.StatusSeeOther)
		c.Get("/logout").Want(http.StatusOK, webtest.In("h1", webtest.HasText("You are signed out")), webtest.In("main a.button", webtest.HasAttr("href", "/login")))
	})
}

// TestBackchannel: the provider ends sessions by sid or by sub; a token works once.
func TestBackchannel(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(t *testing.T, w *world, i *issuer) {
		in := func(sub, sid string) *webtest.Client {
			c := w.client()
			i.as(sub, sub+"@example.com", true)
			i.claims["sid"] = sid
			signIn(c, i).Want(http.StatusSeeOther)
			c.Get("/").Want(http.StatusOK)
			return c
		}
		machine := w.client()
		machine.Header = http.Header{"Sec-Fetch-Site": nil, "Sec-Fetch-Mode": nil}
		send := func(token string) int {
			return machine.Post("/logout/backchannel", url.Values{"logout_token": {token}}).Status
		}
		claims := func(more map[string]any) map[string]any {
			now := w.clock.Now()
			c := map[string]any{
				"iss": i.srv.URL, "aud": clientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": newKey(),
				"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
			}
			for k, v := range more {
				if v == nil {
					delete(c, k)
				} else {
					c[k] = v
				}
			}
			return c
		}
		one, two, other := in("ana", "s1"), in("ana", "s2"), in("bo", "s3")
		for name, bad := range map[string]string{
			"nothing": "", "junk": "x.y.z", "alg none": unsigned(claims(map[string]any{"sub": "ana"})),
			"another's key": i.jwt(i.stolen, "logout+jwt", claims(map[string]any{"sub": "ana"})),
			"an id token":   i.jwt(i.key, "JWT", claims(map[string]any{"sub": "ana"})),
			"a nonce":       i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana", "nonce": "n"})),
			"no event":      i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana", "events": nil})),
			"other client":  i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana", "aud": "other"})),
			"other issuer":  i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana", "iss": "https://other.example"})),
			"nobody":        i.jwt(i.key, "logout+jwt", claims(nil)),
			"no jti":        i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana", "jti": nil})),
			"old":           i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana", "iat": w.clock.Now().Add(-3 * time.Minute).Unix()})),
		} {
			if got := send(bad); got != http.StatusBadRequest {
				t.Errorf("%s: %d", name, got)
			}
		}
		one.Get("/").Want(http.StatusOK)
		bySID := i.jwt(i.key, "logout+jwt", claims(map[string]any{"sid": "s1"}))
		if got := send(bySID); got != http.StatusOK {
			t.Fatalf("by sid: %d", got)
		}
		one.Get("/").Want(http.StatusSeeOther)
		two.Get("/").Want(http.StatusOK)
		again := in("ana", "s1")
		if got := send(bySID); got != http.StatusBadRequest {
			t.Errorf("the same token again: %d", got)
		}
		again.Get("/").Want(http.StatusOK)
		if got := send(i.jwt(i.key, "logout+jwt", claims(map[string]any{"sub": "ana"}))); got != http.StatusOK {
			t.Fatalf("by sub: %d", got)
		}
		two.Get("/").Want(http.StatusSeeOther)
		again.Get("/").Want(http.StatusSeeOther)
		other.Get("/").Want(http.StatusOK)
	})
}

// TestProviderDown: a provider that does not answer keeps nobody in or out by a wrong page.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	clock := &storetest.Clock{T: storetest.Epoch}
	w, i := ssoWorld(t, storetest.Open(t, storetest.DSN(t, store.SQLite), clock), clock)
	i.srv.Close()
	w.client().Get("/login").Want(http.StatusBadGateway, webtest.In("main", webtest.HasText("cannot be reached right now")))
	w.as("u2").Get("/").Want(http.StatusOK)
}
