package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func TestDemoIDPAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	d := newDemoIDPTest(t, "")
	good, err := url.Parse(d.app.AuthCodeURL("the state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func(url.Values)
		want   string // error at the app; "" is a page that goes nowhere
	}{
		{"other client", func(v url.Values) { v.Set("client_id", "x") }, ""},
		{"other way back", func(v url.Values) { v.Set("redirect_uri", demoTestRedirect+"x") }, ""},
		{"way back twice", func(v url.Values) { v.Add("redirect_uri", "https://evil.example.net/") }, ""},
		{"no way back", func(v url.Values) { v.Del("redirect_uri") }, ""},
		{"state twice", func(v url.Values) { v.Add("state", "b") }, "invalid_request"},
		{"no challenge", func(v url.Values) { v.Del("code_challenge") }, "invalid_request"},
		{"plain challenge", func(v url.Values) { v.Set("code_challenge_method", "plain") }, "invalid_request"},
		{"no method", func(v url.Values) { v.Del("code_challenge_method") }, "invalid_request"},
		{"short challenge", func(v url.Values) { v.Set("code_challenge", "abc") }, "invalid_request"},
		{"implicit", func(v url.Values) { v.Set("response_type", "id_token") }, "unsupported_response_type"},
		{"fragment", func(v url.Values) { v.Set("response_mode", "fragment") }, "invalid_request"},
		{"no openid", func(v url.Values) { v.Set("scope", "profile") }, "invalid_scope"},
		{"request object", func(v url.Values) { v.Set("request", "e30.e30.") }, "request_not_supported"},
		{"no prompt", func(v url.Values) { v.Set("prompt", "none") }, "login_required"},
	} {
		v := good.Query()
		tc.change(v)
		resp, _, _ := d.page(good.Scheme + "://" + good.Host + good.Path + "?" + v.Encode())
		if tc.want == "" {
			if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
				t.Errorf("%s: %s to %q", tc.name, resp.Status, resp.Header.Get("Location"))
			}
		} else if to, err := resp.Location(); err != nil || to.Query().Get("error") != tc.want || to.Query().Get("iss") != d.issuer || to.Host != "app.example.com" {
			t.Errorf("%s: sent to %v (%v)", tc.name, to, err)
		}
		v.Set("user", "u1001") // and what the page would not have sent must not work either
		if tc.name == "no prompt" {
			continue
		}
		answer, err := d.browser.PostForm(d.issuer+"/authorize", v)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if to, err := answer.Location(); err == nil && to.Query().Has("code") {
			t.Errorf("%s: a code was given to a form that the page never showed", tc.name)
		}
	}
	if answer := d.choose(good.String(), "nobody"); answer.Get("error") != "access_denied" || answer.Has("code") {
		t.Errorf("nobody signs in: %v", answer)
	}
}

func TestDemoIDPPage(t *testing.T) {
	t.Parallel()
	d := newDemoIDPTest(t, "/idp")
	address := d.app.AuthCodeURL(`"><em>UHOH</em>`, oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	for _, q := range []string{"", "&q=engineer", "&q=" + url.QueryEscape("<em>UHOH</em>"), "&q="} {
		resp, doc, body := d.page(address + q)
		if strings.Contains(body, "<em>") {
			t.Errorf("%q is not escaped", q)
		}
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "form-action 'self' http://app.example.com") {
			t.Errorf("policy %q", csp)
		}
		count := map[string]int{}
		for n := range doc.Descendants() {
			count[n.Data]++
			if attrOf(n, "style") != "" || n.Data == "script" || n.Data == "style" {
				t.Errorf("%s stands in the page", n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("handler %s", a.Key)
				}
			}
		}
		if count["h1"] != 1 || count["main"] != 1 || count["label"] != 1 {
			t.Errorf("%q: %d h1, %d main, %d label", q, count["h1"], count["main"], count["label"])
		}
		people := count["li"] - 4 // the cards
		if want := map[string]int{"": 0, "&q=engineer": 20, "&q=": 20}[q]; people != want {
			t.Errorf("%q: %d people, want %d", q, people, want)
		}
	}
	resp, _, css := d.page(d.issuer + "/style.css")
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/css") || !strings.Contains(css, "--accent") {
		t.Errorf("style sheet: %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
}

func TestDemoIDPLogout(t *testing.T) {
	t.Parallel()
	d := newDemoIDPTest(t, "")
	other := newDemoIDPTest(t, "")
	token, err := d.idp.idToken(demoCode{user: d.idp.cfg.Users[0], at: d.idp.cfg.Now()}, "x")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.idp.idToken(demoCode{user: d.idp.cfg.Users[0], at: d.idp.cfg.Now()}, "x")
	if err != nil {
		t.Fatal(err)
	}
	d.clock.Add(86_400) // a hint may be long expired
	var meta struct {
		End string `json:"end_session_endpoint"`
		Iss bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := d.provider.Claims(&meta); err != nil || !meta.Iss {
		t.Fatalf("discovery %+v: %v", meta, err)
	}
	for _, tc := range []struct {
		name string
		v    url.Values
		code int
		to   string
	}{
		{"back to the app", url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {demoTestHome}, "state": {"a b"}}, http.StatusSeeOther, demoTestHome + "?state=a+b"},
		{"without a hint", url.Values{"client_id": {"recert"}, "post_logout_redirect_uri": {demoTestHome}}, http.StatusSeeOther, demoTestHome},
		{"nowhere", nil, http.StatusOK, ""},
		{"somewhere else", url.Values{"id_token_hint": {token}, "post_logout_redirect_uri": {"https://evil.example.net/"}}, http.StatusBadRequest, ""},
		{"a hint of another provider", url.Values{"id_token_hint": {foreign}, "post_logout_redirect_uri": {demoTestHome}}, http.StatusBadRequest, ""},
		{"another client", url.Values{"client_id": {"x"}, "post_logout_redirect_uri": {demoTestHome}}, http.StatusBadRequest, ""},
	} {
		resp, _, _ := d.page(meta.End + "?" + tc.v.Encode())
		if resp.StatusCode != tc.code || resp.Header.Get("Location") != tc.to {
			t.Errorf("%s: %s to %q", tc.name, resp.Status, resp.Header.Get("Location"))
		}
	}
}

func TestDemoIDPMisuse(t *testing.T) {
	t.Parallel()
	d := newDemoIDPTest(t, "")
	post := func(form url.Values, basic bool) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.issuer+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if basic {
			req.SetBasicAuth(url.QueryEscape("recert"), url.QueryEscape(d.idp.cfg.ClientSecret))
		}
		resp, err := d.browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body map[string]string
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body["error"]
	}
	for _, tc := range []struct {
		name  string
		form  url.Values
		basic bool
		code  int
		want  string
	}{
		{"two ways at once", url.Values{"client_secret": {d.idp.cfg.ClientSecret}, "grant_type": {"authorization_code"}}, true, 401, "invalid_client"},
		{"two clients", url.Values{"client_id": {"x"}}, true, 401, "invalid_client"},
		{"nobody", url.Values{"grant_type": {"authorization_code"}}, false, 401, "invalid_client"},
		{"password", url.Values{"grant_type": {"password"}}, true, 400, "unsupported_grant_type"},
		{"unknown code", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}, true, 400, "invalid_grant"},
		{"no code", url.Values{"grant_type": {"authorization_code"}}, true, 400, "invalid_grant"},
		{"twice", url.Values{"grant_type": {"authorization_code", "authorization_code"}}, true, 400, "invalid_request"},
	} {
		if code, got := post(tc.form, tc.basic); code != tc.code || got != tc.want {
			t.Errorf("%s: %d %s, want %d %s", tc.name, code, got, tc.code, tc.want)
		}
	}
	if _, err := d.provider.UserInfo(context.Background(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "guess"})); err == nil {
		t.Error("a guessed token works")
	}
	for _, bad := range []demoIDPConfig{
		{Issuer: "http://127.0.0.1/"}, {Issuer: "nothing"}, {Issuer: "http://a", RedirectURIs: []string{"/relative"}},
		{Issuer: "http://a", RedirectURIs: []string{"http://b/#part"}},
	} {
		if _, err := newDemoIDP(bad); err == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
}
