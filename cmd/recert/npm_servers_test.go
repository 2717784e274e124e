package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// oidcFlow signs one person in at the provider the way a browser would.
type oidcFlow struct {
	t        testing.TB
	issuer   string
	provider *oidc.Provider
	config   oauth2.Config
	browser  *http.Client
}

func newOIDCFlow(t testing.TB, s *oidcServer) *oidcFlow {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &oidcFlow{t: t, issuer: s.URL, provider: provider}
	f.config = oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: "http://127.0.0.1:1/login/callback", Scopes: []string{"openid", "profile", "email", "groups"},
	}
	f.browser = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "127.0.0.1:1" { // back at the client: nothing listens there
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return f
}

// login goes through the login page and returns the parameters that come back to the client.
func (f *oidcFlow) login(user string, options ...oauth2.AuthCodeOption) url.Values {
	f.t.Helper()
	_, page, header := f.do(http.MethodGet, f.config.AuthCodeURL("the-state", options...), nil)
	if back := header.Get("Location"); back != "" {
		return f.back(back) // refused or signed in already: no page
	}
	action := regexp.MustCompile(`action="(/interaction/[^"]+)"`).FindStringSubmatch(page)
	if action == nil {
		f.t.Fatalf("no login form on the page:\n%s", page)
	}
	status, page, header := f.do(http.MethodPost, f.issuer+action[1], url.Values{"username": {user}})
	if header.Get("Location") == "" {
		f.t.Fatalf("sign-in as %q: status %d\n%s", user, status, page)
	}
	return f.back(header.Get("Location"))
}

func (f *oidcFlow) back(location string) url.Values {
	f.t.Helper()
	u, err := url.Parse(location)
	if err != nil || u.Host != "127.0.0.1:1" {
		f.t.Fatalf("the provider sent the browser to %q (%v)", location, err)
	}
	return u.Query()
}

func (f *oidcFlow) do(method, address string, form url.Values) (int, string, http.Header) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := f.browser.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

// idClaims are the claims of an ID token that the tests look at.
type idClaims struct {
	Sub           string   `json:"sub"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"email_verified"`
	Name          string   `json:"name"`
	Groups        []string `json:"groups"`
	Nonce         string   `json:"nonce"`
	Sid           string   `json:"sid"`
	AuthTime      int64    `json:"auth_time"`
}

// exchange turns a code into a verified ID token.
func (f *oidcFlow) exchange(code, verifier string) (string, idClaims, error) {
	f.t.Helper()
	token, err := f.config.Exchange(f.t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", idClaims{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := f.provider.Verifier(&oidc.Config{ClientID: f.config.ClientID}).Verify(f.t.Context(), raw)
	if err != nil {
		return "", idClaims{}, err
	}
	var claims idClaims
	if err := verified.Claims(&claims); err != nil {
		return "", idClaims{}, err
	}
	return raw, claims, nil
}

func TestOIDCServer(t *testing.T) {
	t.Parallel()
	told := make(chan string, 2)
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.FormValue("logout_token")
	}))
	defer client.Close()
	s := startOIDCWithBackchannel(t, client.URL+"/logout/backchannel",
		oidcUser{Sub: "u1", Email: "ada@example.com", EmailVerified: true, Name: "Ada Ek", Groups: []string{"recert-admins", "staff"}})
	f := newOIDCFlow(t, s)

	verifier := oauth2.GenerateVerifier()
	back := f.login("ada@example.com", oauth2.S256ChallengeOption(verifier), oidc.Nonce("the-nonce"))
	if back.Get("state") != "the-state" || back.Get("iss") != s.URL {
		t.Fatalf("the answer is %v, want the state and iss %s", back, s.URL)
	}
	raw, claims, err := f.exchange(back.Get("code"), verifier)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Sub != "u1" || claims.Email != "ada@example.com" || !claims.EmailVerified || claims.Name != "Ada Ek" ||
		!slices.Equal(claims.Groups, []string{"recert-admins", "staff"}) || claims.Nonce != "the-nonce" || claims.Sid == "" {
		t.Errorf("the ID token holds %+v", claims)
	}
	if _, _, err := f.exchange(back.Get("code"), verifier); err == nil {
		t.Error("a code was good a second time")
	}

	if back := newOIDCFlow(t, s).login("u1"); back.Get("error") != "invalid_request" {
		t.Errorf("without PKCE the provider answers %v, want invalid_request", back)
	}
	if err := s.endSession(t, "u1", claims.Sid); err != nil {
		t.Fatal(err)
	}
	checkLogoutToken(t, f, <-told, claims)

	f.logout(s, raw)
	checkLogoutToken(t, f, <-told, claims)
}

// logout signs out at the provider by way of its confirmation page.
func (f *oidcFlow) logout(s *oidcServer, idToken string) {
	f.t.Helper()
	_, page, _ := f.do(http.MethodGet, s.URL+"/session/end?"+url.Values{
		"id_token_hint": {idToken}, "post_logout_redirect_uri": {"http://127.0.0.1:1/login"}, "state": {"bye"},
	}.Encode(), nil)
	form := regexp.MustCompile(`action="([^"]+)"[^>]*><input type="hidden" name="xsrf" value="([^"]+)"`).FindStringSubmatch(page)
	if form == nil {
		f.t.Fatalf("no sign-out form on the page:\n%s", page)
	}
	status, _, header := f.do(http.MethodPost, form[1], url.Values{"xsrf": {form[2]}, "logout": {"yes"}})
	if header.Get("Location") != "http://127.0.0.1:1/login?state=bye" {
		f.t.Errorf("signing out: status %d, sent to %q", status, header.Get("Location"))
	}
}

// A person's groups may change between two logins, and the second needs no password.
func TestOIDCServerChanges(t *testing.T) {
	t.Parallel()
	ada := oidcUser{Sub: "u1", Email: "ada@example.com", Groups: []string{"recert-admins"}}
	s := startOIDC(t, ada)
	f := newOIDCFlow(t, s)
	for _, groups := range [][]string{{"recert-admins"}, {"staff"}} {
		ada.Groups = groups
		s.setUsers(t, ada)
		verifier := oauth2.GenerateVerifier()
		back := f.login("u1", oauth2.S256ChallengeOption(verifier))
		_, claims, err := f.exchange(back.Get("code"), verifier)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(claims.Groups, groups) || claims.EmailVerified {
			t.Errorf("the ID token holds %+v, want the groups %v and an e-mail address that is not verified", claims, groups)
		}
	}
}

// checkLogoutToken checks that a logout token is of the session of an ID token.
func checkLogoutToken(t *testing.T, f *oidcFlow, raw string, want idClaims) {
	t.Helper()
	token, err := f.provider.Verifier(&oidc.Config{ClientID: f.config.ClientID}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Sid    string         `json:"sid"`
		Events map[string]any `json:"events"`
	}
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	_, isLogout := claims.Events["http://schemas.openid.net/event/backchannel-logout"]
	if token.Subject != want.Sub || claims.Sid != want.Sid || !isLogout {
		t.Errorf("the logout token is of %s, %+v", token.Subject, claims)
	}
}

// scimCall sends one request with the token and decodes the answer, where into is not nil.
func scimCall(ctx context.Context, s *scimServer, method, path, body string, into any) (int, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if into == nil || response.StatusCode == http.StatusNoContent {
		return response.StatusCode, nil
	}
	return response.StatusCode, json.NewDecoder(response.Body).Decode(into)
}

func TestSCIMServer(t *testing.T) {
	t.Parallel()
	seed := scimSeed{Groups: []scimGroup{{ID: "g1", DisplayName: "Admins"}}}
	for i := range 25 {
		id := fmt.Sprint("u", i)
		seed.Users = append(seed.Users, scimUser{ID: id, UserName: id + "@example.com", Active: true})
		seed.Groups[0].Members = append(seed.Groups[0].Members, scimMember{Value: id, Type: "User"})
	}
	s := startSCIM(t, seed)

	var list struct {
		TotalResults, StartIndex int
		Resources                []scimUser
	}
	if _, err := scimCall(t.Context(), s, http.MethodGet, "/Users?startIndex=11&count=10", "", &list); err != nil {
		t.Fatal(err)
	}
	if list.TotalResults != 25 || list.StartIndex != 11 || len(list.Resources) != 10 || list.Resources[0].ID != "u10" {
		t.Errorf("the second page is %+v", list)
	}

	const remove = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members[value eq \"u7\"]"}]}`
	for _, want := range []int{http.StatusOK, http.StatusNoContent} { // the second time, nothing is left to remove
		status, err := scimCall(t.Context(), s, http.MethodPatch, "/Groups/g1", remove, nil)
		if err != nil || status != want {
			t.Errorf("removing a member: status %d (%v), want %d", status, err, want)
		}
	}
	state := s.state(t)
	if members := state.members(t, "g1"); len(members) != 24 || slices.Contains(members, "u7") {
		t.Errorf("after the removal the group has %v", members)
	}
	if len(state.Changes) != 2 || state.Changes[0].Method != http.MethodPatch {
		t.Errorf("the changes are %+v", state.Changes)
	}
	stranger := &scimServer{URL: s.URL, Token: "another"}
	if status, err := scimCall(t.Context(), stranger, http.MethodGet, "/Users", "", nil); err != nil || status != http.StatusUnauthorized {
		t.Errorf("with a wrong token: status %d (%v), want 401", status, err)
	}
}
