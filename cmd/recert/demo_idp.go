package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// How long what the provider hands out is good for.
const (
	demoCodeLife  = time.Minute
	demoTokenLife = 10 * time.Minute
	demoIDLife    = 5 * time.Minute
)

// demoUser is somebody who can be chosen at the demo's identity provider.
type demoUser struct {
	Subject, Name, Title, Email string
	Groups                      []string
	Role, Does                  string // shown as a card of its own where Role is set
}

// demoIDPConfig says who the provider is, whom it serves and who can be chosen.
type demoIDPConfig struct {
	Issuer         string // without a slash at the end; the provider answers below its path
	Company        string
	ClientID       string
	ClientSecret   string
	RedirectURIs   []string // compared to the letter
	PostLogoutURIs []string // compared to the letter
	Users          []demoUser
	Now            func() time.Time
}

// demoIDP is an OpenID Connect provider without passwords: whoever reaches it can be anybody.
// It is for the demo only, and serve never starts it. All else is as a provider should be: code
// flow with PKCE, exact redirect addresses, codes that work once, signed tokens.
type demoIDP struct {
	cfg    demoIDPConfig
	key    *rsa.PrivateKey
	keyID  string
	signer jose.Signer
	prefix string
	csp    string
	mux    *http.ServeMux

	mu     sync.Mutex
	codes  map[string]demoCode
	tokens map[string]demoToken
}

// demoCode is a sign-in that was not yet turned into tokens.
type demoCode struct {
	user                          demoUser
	redirectURI, nonce, challenge string
	scopes                        []string
	at                            time.Time
	spent                         string // the access token that it was turned into
}

type demoToken struct {
	user   demoUser
	scopes []string
	until  time.Time
}

// newDemoIDP makes a provider with a signing key of its own.
func newDemoIDP(cfg demoIDPConfig) (*demoIDP, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Host == "" || strings.HasSuffix(cfg.Issuer, "/") {
		return nil, fmt.Errorf("issuer %q: want an absolute address without a slash at its end", cfg.Issuer)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	p := &demoIDP{
		cfg: cfg, key: key, keyID: rand.Text()[:12], prefix: issuer.Path, mux: http.NewServeMux(),
		codes: map[string]demoCode{}, tokens: map[string]demoToken{},
	}
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: p.keyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("make a signer: %w", err)
	}
	p.csp = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	for _, uri := range append(slices.Clone(cfg.RedirectURIs), cfg.PostLogoutURIs...) {
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || u.Fragment != "" {
			return nil, fmt.Errorf("redirect address %q: want an absolute address without a fragment", uri)
		}
		// A browser holds the redirect after a form against form-action too.
		if origin := " " + u.Scheme + "://" + u.Host; !strings.HasSuffix(p.csp, origin) {
			p.csp += origin
		}
	}
	p.routes()
	return p, nil
}

func (p *demoIDP) routes() {
	p.mux.HandleFunc("GET "+p.prefix+"/.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET "+p.prefix+"/jwks", p.jwks)
	p.mux.HandleFunc("GET "+p.prefix+"/authorize", p.choose)
	p.mux.HandleFunc("POST "+p.prefix+"/authorize", p.chosen)
	p.mux.HandleFunc("POST "+p.prefix+"/token", p.token)
	p.mux.HandleFunc("GET "+p.prefix+"/userinfo", p.userinfo)
	p.mux.HandleFunc("POST "+p.prefix+"/userinfo", p.userinfo)
	p.mux.HandleFunc("GET "+p.prefix+"/logout", p.logout)
	p.mux.HandleFunc("POST "+p.prefix+"/logout", p.logout)
	p.mux.HandleFunc("GET "+p.prefix+"/style.css", p.style)
}

// ServeHTTP answers below the path of the issuer.
func (p *demoIDP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	p.mux.ServeHTTP(w, r)
}

func (p *demoIDP) discovery(w http.ResponseWriter, _ *http.Request) {
	iss := p.cfg.Issuer
	p.json(w, http.StatusOK, map[string]any{
		"issuer":                                         iss,
		"authorization_endpoint":                         iss + "/authorize",
		"token_endpoint":                                 iss + "/token",
		"userinfo_endpoint":                              iss + "/userinfo",
		"jwks_uri":                                       iss + "/jwks",
		"end_session_endpoint":                           iss + "/logout",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "profile", "email", "groups"},
		"claims_supported":                               []string{"sub", "name", "email", "email_verified", "groups", "auth_time", "acr", "amr", "sid"},
		"prompt_values_supported":                        []string{"login", "select_account", "none"},
		"authorization_response_iss_parameter_supported": true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"claims_parameter_supported":                     false,
	})
}

func (p *demoIDP) jwks(w http.ResponseWriter, _ *http.Request) {
	p.json(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.key.Public(), KeyID: p.keyID, Algorithm: string(jose.RS256), Use: "sig"},
	}})
}

// token turns a code into tokens, once.
func (p *demoIDP) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || repeated(r.PostForm) {
		p.refuse(w, http.StatusBadRequest, "invalid_request", "The form cannot be read")
		return
	}
	if !p.client(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="demo"`)
		p.refuse(w, http.StatusUnauthorized, "invalid_client", "Wrong client or secret")
		return
	}
	form := r.PostForm
	if form.Get("grant_type") != "authorization_code" {
		p.refuse(w, http.StatusBadRequest, "unsupported_grant_type", "Only authorization_code is offered")
		return
	}
	access, code, err := p.redeem(form.Get("code"), form.Get("redirect_uri"), form.Get("code_verifier"))
	if err != nil {
		p.refuse(w, http.StatusBadRequest, "invalid_grant", err.Error())
		return
	}
	id, err := p.idToken(code, access)
	if err != nil {
		p.refuse(w, http.StatusInternalServerError, "server_error", "The token cannot be signed")
		return
	}
	p.json(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(demoTokenLife.Seconds()),
		"id_token": id, "scope": strings.Join(code.scopes, " "),
	})
}

// client authenticates the caller by exactly one of the two ways.
func (p *demoIDP) client(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil || r.PostForm.Has("client_secret") {
			return false
		}
		if named := r.PostForm.Get("client_id"); named != "" && named != id {
			return false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	return same(id, p.cfg.ClientID)&same(secret, p.cfg.ClientSecret) == 1
}

func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// redeem spends a code: whatever comes of it, the code does not work again, and a second try
// also ends what the first one gave.
func (p *demoIDP) redeem(value, redirectURI, verifier string) (string, demoCode, error) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	code, ok := p.codes[value]
	if !ok {
		return "", code, errors.New("the code is not known")
	}
	if code.spent != "" {
		delete(p.tokens, code.spent)
		return "", code, errors.New("the code was used before")
	}
	access := rand.Text() + rand.Text()
	code.spent = access
	p.codes[value] = code
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case now.After(code.at.Add(demoCodeLife)):
		return "", code, errors.New("the code is too old")
	case redirectURI != code.redirectURI:
		return "", code, errors.New("redirect_uri is not the one the code was made for")
	case len(verifier) < 43 || len(verifier) > 128 || same(base64.RawURLEncoding.EncodeToString(sum[:]), code.challenge) != 1:
		return "", code, errors.New("code_verifier does not fit the challenge")
	}
	p.tokens[access] = demoToken{user: code.user, scopes: code.scopes, until: now.Add(demoTokenLife)}
	return access, code, nil
}

// idToken signs who was chosen.
func (p *demoIDP) idToken(code demoCode, access string) (string, error) {
	now := p.cfg.Now()
	hash := sha256.Sum256([]byte(access))
	claims := demoClaims(code.user, code.scopes)
	claims["iss"], claims["aud"] = p.cfg.Issuer, p.cfg.ClientID
	claims["iat"], claims["exp"] = now.Unix(), now.Add(demoIDLife).Unix()
	claims["auth_time"] = code.at.Unix()
	claims["acr"] = "0" // no assurance at all: a card was clicked
	claims["amr"] = []string{"user"}
	claims["sid"] = rand.Text()
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(hash[:16])
	if code.nonce != "" {
		claims["nonce"] = code.nonce
	}
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

// demoClaims are the claims of a user that the scopes ask for.
func demoClaims(u demoUser, scopes []string) map[string]any {
	claims := map[string]any{"sub": u.Subject}
	if slices.Contains(scopes, "profile") {
		claims["name"], claims["preferred_username"] = u.Name, u.Email
	}
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = u.Email, true
	}
	if slices.Contains(scopes, "groups") {
		claims["groups"] = append([]string{}, u.Groups...)
	}
	return claims
}

func (p *demoIDP) userinfo(w http.ResponseWriter, r *http.Request) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	token, known := p.tokens[value]
	p.mu.Unlock()
	if !ok || !known || p.cfg.Now().After(token.until) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		p.refuse(w, http.StatusUnauthorized, "invalid_token", "The token is not known or too old")
		return
	}
	p.json(w, http.StatusOK, demoClaims(token.user, token.scopes))
}

// keep remembers a code, and forgets what is long over.
func (p *demoIDP) keep(value string, code demoCode) {
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, c := range p.codes {
		if now.After(c.at.Add(demoTokenLife)) {
			delete(p.codes, k)
		}
	}
	for k, t := range p.tokens {
		if now.After(t.until) {
			delete(p.tokens, k)
		}
	}
	p.codes[value] = code
}

// repeated tells whether a parameter is there twice, which no request may have.
func repeated(v url.Values) bool {
	for _, list := range v {
		if len(list) > 1 {
			return true
		}
	}
	return false
}

func (p *demoIDP) refuse(w http.ResponseWriter, status int, code, description string) {
	p.json(w, status, map[string]string{"error": code, "error_description": description})
}

func (p *demoIDP) json(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the caller went away
}
