// Package auth signs people in by OpenID Connect (authorization code flow with PKCE), signs them
// out on both sides, and says who is asking. A user is (iss, sub); roles come from the groups
// claim, anew at each login.
package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"recert/campaigns"
	"recert/model"
)

// Config is how the identity provider is reached.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Scopes       []string
	GroupsClaim  string
	BaseURL      string // of this site, without a trailing slash
	HTTP         *http.Client
}

// Provider is the identity provider. Discovery happens at the first use and is tried again until
// it works, so that a provider which is down at start keeps nobody out for longer than it must.
type Provider struct {
	cfg Config
	now func() time.Time

	mu   sync.Mutex
	disc *discovered
}

type discovered struct {
	oauth      oauth2.Config
	provider   *oidc.Provider
	verifier   *oidc.IDTokenVerifier
	endSession string
	issParam   bool // the provider promises the iss parameter (RFC 9207)
}

// NewProvider checks the configuration; it does not talk to the provider yet.
func NewProvider(cfg Config, now func() time.Time) (*Provider, error) {
	if cfg.Issuer == "" || cfg.ClientID == "" {
		return nil, model.Errorf(model.Invalid, "sign-in needs RECERT_OIDC_ISSUER and RECERT_OIDC_CLIENT_ID")
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.GroupsClaim == "" {
		cfg.GroupsClaim = "groups"
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{oidc.ScopeOpenID, "profile", "email", "groups"}
	}
	return &Provider{cfg: cfg, now: now}, nil
}

func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.disc != nil {
		return p.disc, nil
	}
	// The provider keeps the context for fetching keys later, so it must outlive the request.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), p.cfg.HTTP)
	provider, err := oidc.NewProvider(ctx, p.cfg.Issuer)
	if err != nil {
		return nil, &model.Error{Kind: model.Internal, Msg: "The sign-in service cannot be reached", Err: err}
	}
	var extra struct {
		EndSession string `json:"end_session_endpoint"`
		IssParam   bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := provider.Claims(&extra); err != nil {
		return nil, fmt.Errorf("read the provider's configuration: %w", err)
	}
	p.disc = &discovered{
		provider: provider, endSession: extra.EndSession, issParam: extra.IssParam,
		oauth: oauth2.Config{
			ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: p.cfg.BaseURL + "/login/callback", Scopes: p.cfg.Scopes,
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.now}),
	}
	return p.disc, nil
}

// flow is what a sign-in remembers between leaving and coming back, in its own short session.
type flow struct {
	State, Nonce, Verifier, ReturnTo string
}

// authURL is where the browser goes to sign in.
func (d *discovered) authURL(f flow, reauth bool) string {
	opts := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if reauth {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return d.oauth.AuthCodeURL(f.State, opts...)
}

// redeem turns the code that came back into an identity, and gives the raw id token.
func (p *Provider) redeem(ctx context.Context, d *discovered, f flow, code string) (campaigns.Identity, string, error) {
	ctx = oidc.ClientContext(ctx, p.cfg.HTTP)
	tok, err := d.oauth.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return campaigns.Identity{}, "", refused("The sign-in service refused the answer", err)
	}
	raw, ok := tok.Extra("id_token").(string)
	if !ok {
		return campaigns.Identity{}, "", refused("The sign-in service gave no identity", errors.New("no id_token"))
	}
	idt, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return campaigns.Identity{}, "", refused("The identity could not be verified", err)
	}
	if idt.Nonce != f.Nonce {
		return campaigns.Identity{}, "", refused("The identity was made for another sign-in", errors.New("nonce differs"))
	}
	if idt.AccessTokenHash != "" {
		if err := idt.VerifyAccessToken(tok.AccessToken); err != nil {
			return campaigns.Identity{}, "", refused("The identity could not be verified", err)
		}
	}
	var claims map[string]any
	if err := idt.Claims(&claims); err != nil {
		return campaigns.Identity{}, "", refused("The identity could not be read", err)
	}
	if err := p.complete(ctx, d, idt.Subject, tok, claims); err != nil {
		return campaigns.Identity{}, "", err
	}
	id, err := identity(idt, claims, p.cfg.GroupsClaim)
	return id, raw, err
}

// complete asks the userinfo endpoint for what providers leave out of the id token.
func (p *Provider) complete(ctx context.Context, d *discovered, sub string, tok *oauth2.Token, claims map[string]any) error {
	_, groups := claims[p.cfg.GroupsClaim]
	_, email := claims["email"]
	if (groups && email) || d.provider.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(tok))
	if err != nil {
		return refused("The sign-in service did not tell who you are", err)
	}
	if info.Subject != sub {
		return refused("The sign-in service told of somebody else", errors.New("userinfo sub differs"))
	}
	var more map[string]any
	if err := info.Claims(&more); err != nil {
		return refused("The identity could not be read", err)
	}
	for k, v := range more {
		if _, ok := claims[k]; !ok {
			claims[k] = v
		}
	}
	return nil
}

func identity(idt *oidc.IDToken, claims map[string]any, groupsClaim string) (campaigns.Identity, error) {
	id := campaigns.Identity{Iss: idt.Issuer, Sub: idt.Subject}
	id.SID, _ = claims["sid"].(string)
	id.Email, _ = claims["email"].(string)
	id.Name, _ = claims["name"].(string)
	id.ACR, _ = claims["acr"].(string)
	// Entra ID sends no email_verified; its optional claim xms_edov says that the owner of the
	// address's domain is verified.
	id.EmailVerified = truth(claims["email_verified"]) || truth(claims["xms_edov"])
	if id.Name == "" {
		id.Name = id.Email
	}
	if id.Name == "" {
		id.Name = id.Sub
	}
	id.AMR = strings.Join(texts(claims["amr"]), " ")
	id.Groups = texts(claims[groupsClaim])
	if t, ok := claims["auth_time"].(float64); ok {
		id.AuthTime = model.TimeOf(time.Unix(int64(t), 0))
	}
	for _, s := range []string{id.Email, id.Name, id.Sub, id.SID} {
		if strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
			return id, refused("The identity holds characters that cannot be stored", errors.New("NUL or invalid UTF-8"))
		}
	}
	return id, nil
}

// truth reads a boolean; some providers send it as a text or a number.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case float64:
		return v == 1
	}
	return false
}

// texts reads a list of strings, or one string.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// logoutToken is what a back-channel logout proves (OpenID Connect Back-Channel Logout 1.0, 2.4).
type logoutToken struct {
	Iss, Sub, SID, JTI string
	Expires            time.Time
}

// verifyLogout checks a logout token: go-oidc does signature, issuer, audience, expiry, events
// and nonce; the type, the age and the one use of jti are ours.
func (p *Provider) verifyLogout(ctx context.Context, raw string) (logoutToken, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return logoutToken{}, err
	}
	if typ := headerType(raw); typ != "" && !strings.EqualFold(typ, "logout+jwt") {
		return logoutToken{}, refused("Not a logout token", fmt.Errorf("typ %q", typ))
	}
	t, err := d.verifier.VerifyLogout(oidc.ClientContext(ctx, p.cfg.HTTP), raw)
	if err != nil {
		return logoutToken{}, refused("The logout token could not be verified", err)
	}
	if age := p.now().Sub(t.IssuedAt); age > 2*time.Minute || age < -2*time.Minute {
		return logoutToken{}, refused("The logout token is too old", fmt.Errorf("issued %s", t.IssuedAt))
	}
	out := logoutToken{Iss: t.Issuer, Sub: t.Subject, SID: t.SessionID, JTI: t.TokenID, Expires: p.now().Add(10 * time.Minute)}
	if out.JTI == "" || (out.Sub == "" && out.SID == "") {
		return logoutToken{}, refused("The logout token is not complete", errors.New("no jti, or neither sub nor sid"))
	}
	return out, nil
}

// headerType is the typ of a JWT's header; the signature over it is checked elsewhere.
func headerType(raw string) string {
	head, _, _ := strings.Cut(raw, ".")
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return "?"
	}
	var h struct {
		Typ string `json:"typ"`
	}
	if json.Unmarshal(b, &h) != nil {
		return "?"
	}
	return h.Typ
}

func refused(msg string, err error) error {
	return &model.Error{Kind: model.Forbidden, Msg: msg + ". Try to sign in again.", Err: err}
}
