package web

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"recert/model/store"
	"recert/model/store/storetest"
	"recert/web/auth"
	"recert/web/webtest"
)

// issuer is an identity provider of this process. It checks what a provider must check, and can
// be told to lie.
type issuer struct {
	t      *testing.T
	srv    *httptest.Server
	key    *rsa.PrivateKey
	stolen *rsa.PrivateKey // nobody publishes it
	clock  *storetest.Clock

	mu     sync.Mutex
	codes  map[string]grant
	claims map[string]any              // of whoever signs in next
	lie    func(claims map[string]any) // changes the id token
	sign   func(claims map[string]any) string
}

type grant struct {
	nonce, challenge string
}

const clientID, clientSecret = "recert-test", "a client's secret"

func newIssuer(t *testing.T, clock *storetest.Clock) *issuer {
	t.Helper()
	i := &issuer{t: t, clock: clock, codes: map[string]grant{}}
	var err error
	if i.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if i.stolen, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.json(w, map[string]any{
			"issuer": i.srv.URL, "authorization_endpoint": i.srv.URL + "/authorize", "token_endpoint": i.srv.URL + "/token", "jwks_uri": i.srv.URL + "/keys",
			"end_session_endpoint": i.srv.URL + "/end", "id_token_signing_alg_values_supported": []string{"RS256"}, "authorization_response_iss_parameter_supported": true,
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &i.key.PublicKey, KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", i.token)
	i.srv = httptest.NewServer(mux)
	t.Cleanup(i.srv.Close)
	return i
}

func (i *issuer) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Error(err)
	}
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, ok := r.BasicAuth()
	g, known := i.codes[r.PostFormValue("code")]
	delete(i.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if secret, _ = url.QueryUnescape(secret); !ok || id != clientID || secret != clientSecret || !known ||
		g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || r.PostFormValue("redirect_uri") != base+"/login/callback" {
		w.WriteHeader(http.StatusBadRequest)
		i.json(w, map[string]any{"error": "invalid_grant"})
		return
	}
	now := i.clock.Now()
	claims := map[string]any{"iss": i.srv.URL, "aud": clientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": g.nonce, "auth_time": now.Unix(), "amr": []string{"pwd", "otp"}, "acr": "2"}
	for k, v := range i.claims {
		claims[k] = v
	}
	if i.lie != nil {
		i.lie(claims)
	}
	var signed string
	if i.sign != nil {
		signed = i.sign(claims)
	} else {
		signed = i.jwt(i.key, "JWT", claims)
	}
	i.json(w, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": signed})
}

func (i *issuer) jwt(key *rsa.PrivateKey, typ string, claims map[string]any) string {
	i.t.Helper()
	opts := (&jose.SignerOptions{}).WithHeader("kid", "k1")
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, opts)
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// unsigned is what an attacker makes who hopes that "none" is a signature.
func unsigned(claims map[string]any) string {
	body, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
}

// authorize is what the provider does with the browser: it gives the answer's query.
func (i *issuer) authorize(location string) url.Values {
	i.t.Helper()
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, i.srv.URL+"/authorize?") {
		i.t.Fatalf("sent to %q", location)
	}
	q := u.Query()
	for k, want := range map[string]string{"response_type": "code", "client_id": clientID, "redirect_uri": base + "/login/callback", "code_challenge_method": "S256"} {
		if q.Get(k) != want {
			i.t.Errorf("%s is %q, want %q", k, q.Get(k), want)
		}
	}
	if len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 || len(q.Get("code_challenge")) != 43 {
		i.t.Errorf("state, nonce or challenge is weak: %v", q)
	}
	code := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.codes[code] = grant{nonce: q.Get("nonce"), challenge: q.Get("code_challenge")}
	return url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.srv.URL}}
}

func (i *issuer) as(sub, email string, verified bool, groups ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.claims = map[string]any{"sub": sub, "email": email, "email_verified": verified, "name": "Name " + sub, "groups": groups, "sid": "sid-" + sub}
}

func (i *issuer) lying(lie func(map[string]any), sign func(map[string]any) string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lie, i.sign = lie, sign
}

// ssoWorld is a filled world with single sign-on.
func ssoWorld(t *testing.T, s *store.Store, clock *storetest.Clock) (*world, *issuer) {
	t.Helper()
	i := newIssuer(t, clock)
	p, err := auth.NewProvider(auth.Config{Issuer: i.srv.URL, ClientID: clientID, ClientSecret: clientSecret, BaseURL: base, HTTP: i.srv.Client()}, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s, clock, p)
	w.fill()
	w.mapRoles("admins")
	return w, i
}

// begin starts a sign-in and gives what the provider answers.
func begin(c *webtest.Client, i *issuer, path string) url.Values {
	c.TB.Helper()
	return i.authorize(c.Get(path).Want(http.StatusSeeOther).Header.Get("Location"))
}

// signIn goes the whole way.
func signIn(c *webtest.Client, i *issuer) *webtest.Page {
	c.TB.Helper()
	return c.Get("/login/callback?" + begin(c, i, "/login?again=1").Encode())
}

func eachSSO(t *testing.T, fn func(t *testing.T, w *world, i *issuer)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w, i := ssoWorld(t, s, clock)
		fn(t, w, i)
	})
}
