package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"
)

const (
	demoTestRedirect = "http://app.example.com/login/callback"
	demoTestHome     = "http://app.example.com/"
)

// demoIDPTest is a provider that runs, and an app that knows it as production code would.
type demoIDPTest struct {
	*testing.T
	idp      *demoIDP
	provider *oidc.Provider
	app      oauth2.Config
	clock    atomic.Int64
	browser  *http.Client
	issuer   string
}

func newDemoIDPTest(t *testing.T, prefix string) *demoIDPTest {
	t.Helper()
	d := &demoIDPTest{T: t}
	d.clock.Store(time.Now().Unix())
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	d.issuer = server.URL + prefix
	var err error
	d.idp, err = newDemoIDP(demoIDPConfig{
		Issuer: d.issuer, Company: "Test & <em>Company</em>", ClientID: "recert", ClientSecret: "a secret/with+signs%",
		RedirectURIs: []string{demoTestRedirect}, PostLogoutURIs: []string{demoTestHome},
		Users: demoTestCompany().demoUsers(),
		Now:   func() time.Time { return time.Unix(d.clock.Load(), 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	handler = d.idp
	d.provider, err = oidc.NewProvider(t.Context(), d.issuer)
	if err != nil {
		t.Fatal(err)
	}
	d.app = oauth2.Config{
		ClientID: "recert", ClientSecret: d.idp.cfg.ClientSecret, RedirectURL: demoTestRedirect, Endpoint: d.provider.Endpoint(),
		Scopes: []string{"openid", "profile", "email", "groups"},
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return d
}

// page gets a page and parses it.
func (d *demoIDPTest) page(address string) (*http.Response, *html.Node, string) {
	d.Helper()
	resp, err := d.browser.Get(address)
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		d.Fatal(err)
	}
	return resp, doc, string(body)
}

// choose opens the page and clicks a person, as the page's own form would send it.
func (d *demoIDPTest) choose(address, subject string) url.Values {
	d.Helper()
	resp, doc, body := d.page(address)
	if resp.StatusCode != http.StatusOK {
		d.Fatalf("the page answers %s: %s", resp.Status, body)
	}
	form, action := url.Values{"user": {subject}}, ""
	for n := range doc.Descendants() {
		switch {
		case n.Data == "form" && attrOf(n, "method") == "post" && action == "":
			action = attrOf(n, "action")
		case n.Data == "input" && attrOf(n, "type") == "hidden":
			form.Set(attrOf(n, "name"), attrOf(n, "value"))
		}
	}
	at, err := url.Parse(address)
	if err != nil {
		d.Fatal(err)
	}
	to, err := at.Parse(action)
	if err != nil {
		d.Fatal(err)
	}
	answer, err := d.browser.PostForm(to.String(), form)
	if err != nil {
		d.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		d.Fatalf("choosing answers %s", answer.Status)
	}
	location, err := answer.Location()
	if err != nil {
		d.Fatal(err)
	}
	if !strings.HasPrefix(location.String(), demoTestRedirect+"?") {
		d.Fatalf("sent to %s", location)
	}
	return location.Query()
}

func attrOf(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func (d *demoIDPTest) verifier() *oidc.IDTokenVerifier {
	return d.provider.Verifier(&oidc.Config{ClientID: "recert", Now: func() time.Time { return time.Unix(d.clock.Load(), 0) }})
}

func TestDemoIDPWholeFlow(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/demo/idp"} {
		for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
			d := newDemoIDPTest(t, prefix)
			d.app.Endpoint.AuthStyle = style
			actor := demoTestCompany().Actors[2]
			pkce := oauth2.GenerateVerifier()
			answer := d.choose(d.app.AuthCodeURL("the state", oidc.Nonce("the nonce"), oauth2.S256ChallengeOption(pkce)), actor.PersonID)
			if answer.Get("state") != "the state" || answer.Get("iss") != d.issuer {
				t.Errorf("the answer is %v", answer)
			}
			token, err := d.app.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(pkce))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := d.verifier().Verify(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				t.Error(err)
			}
			if id.Nonce != "the nonce" {
				t.Errorf("nonce %q", id.Nonce)
			}
			var claims struct {
				Sub, Name, Email, ACR, SID string
				Verified                   bool `json:"email_verified"`
				Groups, AMR                []string
				AuthTime                   int64 `json:"auth_time"`
			}
			if err := id.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			if claims.Sub != actor.PersonID || claims.Name != actor.Name || claims.Email != actor.Email || !claims.Verified ||
				len(claims.Groups) != 2 || claims.Groups[1] != "recert-admins" || claims.AuthTime != d.clock.Load() || claims.SID == "" ||
				claims.ACR == "" || len(claims.AMR) == 0 {
				t.Errorf("claims %+v", claims)
			}
			info, err := d.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
			if err != nil || info.Subject != actor.PersonID || info.Email != actor.Email || !info.EmailVerified {
				t.Errorf("userinfo %+v: %v", info, err)
			}
		}
	}
}

// TestDemoIDPNonce: a token for one nonce does not pass for another sign-in.
func TestDemoIDPNonce(t *testing.T) {
	t.Parallel()
	d := newDemoIDPTest(t, "")
	pkce := oauth2.GenerateVerifier()
	answer := d.choose(d.app.AuthCodeURL("s", oidc.Nonce("of somebody else"), oauth2.S256ChallengeOption(pkce)), "u1001")
	token, err := d.app.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(pkce))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.verifier().Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "of somebody else" {
		t.Errorf("the token carries the nonce %q, so that another sign-in could take it for its own", id.Nonce)
	}
	d.clock.Add(int64(demoIDLife.Seconds()) + 1)
	if _, err := d.verifier().Verify(t.Context(), raw); err == nil {
		t.Error("an old ID token is taken")
	}
}

func TestDemoIDPTokenRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, want string
		change     func(d *demoIDPTest, app *oauth2.Config, pkce *string)
		again      bool // the right request afterwards must fail too
	}{
		{"wrong verifier", "invalid_grant", func(_ *demoIDPTest, _ *oauth2.Config, pkce *string) { *pkce = oauth2.GenerateVerifier() }, true},
		{"no verifier", "invalid_grant", func(_ *demoIDPTest, _ *oauth2.Config, pkce *string) { *pkce = "" }, true},
		{"wrong redirect_uri", "invalid_grant", func(_ *demoIDPTest, app *oauth2.Config, _ *string) { app.RedirectURL += "/" }, true},
		{"too old", "invalid_grant", func(d *demoIDPTest, _ *oauth2.Config, _ *string) { d.clock.Add(61) }, true},
		{"wrong secret", "invalid_client", func(_ *demoIDPTest, app *oauth2.Config, _ *string) { app.ClientSecret = "guess" }, false},
		{"wrong client", "invalid_client", func(_ *demoIDPTest, app *oauth2.Config, _ *string) { app.ClientID = "other" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDemoIDPTest(t, "")
			d.app.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
			pkce := oauth2.GenerateVerifier()
			answer := d.choose(d.app.AuthCodeURL("s", oauth2.S256ChallengeOption(pkce)), "u1001")
			app, wrong := d.app, pkce
			tc.change(d, &app, &wrong)
			_, err := app.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(wrong))
			if !refusedWith(err, tc.want) {
				t.Errorf("refused with %v, want %s", err, tc.want)
			}
			_, err = d.app.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(pkce))
			if tc.again && !refusedWith(err, "invalid_grant") {
				t.Errorf("the right request afterwards: %v", err)
			}
			if !tc.again && err != nil {
				t.Errorf("the right request afterwards fails: somebody else can spend codes: %v", err)
			}
		})
	}
}

func refusedWith(err error, code string) bool {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && refusal.ErrorCode == code
}

// TestDemoIDPReplay: a code that comes a second time gives nothing, and ends what it gave.
func TestDemoIDPReplay(t *testing.T) {
	t.Parallel()
	d := newDemoIDPTest(t, "")
	pkce := oauth2.GenerateVerifier()
	answer := d.choose(d.app.AuthCodeURL("s", oauth2.S256ChallengeOption(pkce)), "u1001")
	token, err := d.app.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(pkce))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.app.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(pkce)); !refusedWith(err, "invalid_grant") {
		t.Errorf("the second time: %v", err)
	}
	if _, err := d.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token)); err == nil {
		t.Error("the token of a code that was used twice still works")
	}
}
