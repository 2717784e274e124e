package main

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

//go:embed demo_idp.css
var demoIDPStyle []byte

//go:embed demo_idp.html
var demoIDPHTML string

var demoIDPPages = template.Must(template.New("demo").Parse(demoIDPHTML))

// demoResults is how many people a search shows.
const demoResults = 20

// demoPage is what the pages of the provider show.
type demoPage struct {
	Title, Company, Style string
	Action                string
	Hidden                []demoField // the request, carried through the forms
	Cards, Found          []demoUser
	Query                 string
	Searched, More        bool
	Message, Back         string
}

type demoField struct{ Name, Value string }

// The parameters of a request that are carried through the page.
func demoParams() []string {
	return []string{
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "prompt",
	}
}

// choose shows who can be chosen.
func (p *demoIDP) choose(w http.ResponseWriter, r *http.Request) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !p.check(w, r, v) {
		if err != nil {
			p.page(w, http.StatusBadRequest, "error", demoPage{Title: "This cannot be read", Message: "The address is damaged. Start again from the app."})
		}
		return
	}
	if v.Get("prompt") == "none" {
		p.back(w, r, v, url.Values{"error": {"login_required"}, "error_description": {"Somebody has to choose"}})
		return
	}
	page := demoPage{Title: "Choose who to be", Action: p.prefix + "/authorize", Query: strings.TrimSpace(v.Get("q")), Searched: v.Has("q")}
	for _, name := range demoParams() {
		if v.Has(name) {
			page.Hidden = append(page.Hidden, demoField{name, v.Get(name)})
		}
	}
	for _, u := range p.cfg.Users {
		if u.Role != "" {
			page.Cards = append(page.Cards, u)
		}
		if page.Searched && u.matches(page.Query) {
			page.Found = append(page.Found, u)
		}
	}
	if len(page.Found) > demoResults {
		page.Found, page.More = page.Found[:demoResults], true
	}
	p.page(w, http.StatusOK, "choose", page)
}

// matches finds a user by the words of a query; no words find everybody.
func (u demoUser) matches(query string) bool {
	text := strings.ToLower(u.Name + " " + demoASCII(u.Name) + " " + u.Title + " " + u.Email)
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// chosen makes a code for who was chosen, and sends the browser back to the app.
func (p *demoIDP) chosen(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		p.page(w, http.StatusForbidden, "error", demoPage{Title: "Not from here", Message: "The choice came from another site. Start again from the app."})
		return
	}
	if err := r.ParseForm(); err != nil {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "This cannot be read", Message: "The form is damaged. Start again from the app."})
		return
	}
	v := r.PostForm
	if !p.check(w, r, v) {
		return
	}
	i := slices.IndexFunc(p.cfg.Users, func(u demoUser) bool { return u.Subject == v.Get("user") })
	if i < 0 {
		p.back(w, r, v, url.Values{"error": {"access_denied"}, "error_description": {"Nobody was chosen"}})
		return
	}
	code := rand.Text() + rand.Text()
	p.keep(code, demoCode{
		user: p.cfg.Users[i], redirectURI: v.Get("redirect_uri"), nonce: v.Get("nonce"), challenge: v.Get("code_challenge"),
		scopes: strings.Fields(v.Get("scope")), at: p.cfg.Now(),
	})
	p.back(w, r, v, url.Values{"code": {code}})
}

// check refuses a request that is not as it must be: on a page while it is not sure where the
// answer may go, and at the app from then on.
func (p *demoIDP) check(w http.ResponseWriter, r *http.Request, v url.Values) bool {
	if v.Get("client_id") != p.cfg.ClientID || len(v["client_id"]) != 1 {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "Unknown app", Message: "client_id is not the one this provider was set up with."})
		return false
	}
	if !slices.Contains(p.cfg.RedirectURIs, v.Get("redirect_uri")) || len(v["redirect_uri"]) != 1 {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "Wrong way back", Message: "redirect_uri is not one that this provider was set up with."})
		return false
	}
	challenge, err := base64.RawURLEncoding.DecodeString(v.Get("code_challenge"))
	var refusal, description string
	switch {
	case repeated(v):
		refusal, description = "invalid_request", "A parameter is there twice"
	case v.Has("request"):
		refusal, description = "request_not_supported", "Use plain parameters"
	case v.Has("request_uri"):
		refusal, description = "request_uri_not_supported", "Use plain parameters"
	case v.Get("response_type") != "code":
		refusal, description = "unsupported_response_type", "Only code is offered"
	case v.Get("response_mode") != "" && v.Get("response_mode") != "query":
		refusal, description = "invalid_request", "Only the response mode query is offered"
	case !slices.Contains(strings.Fields(v.Get("scope")), "openid"):
		refusal, description = "invalid_scope", "The scope openid is missing"
	case v.Get("code_challenge_method") != "S256" || err != nil || len(challenge) != 32:
		refusal, description = "invalid_request", "PKCE with S256 is required"
	default:
		return true
	}
	p.back(w, r, v, url.Values{"error": {refusal}, "error_description": {description}})
	return false
}

// back answers at the app's address, which check has found to be a known one.
func (p *demoIDP) back(w http.ResponseWriter, r *http.Request, v, answer url.Values) {
	answer.Set("iss", p.cfg.Issuer)
	if v.Has("state") {
		answer.Set("state", v.Get("state"))
	}
	p.redirect(w, r, v.Get("redirect_uri"), answer)
}

func (p *demoIDP) redirect(w http.ResponseWriter, r *http.Request, to string, with url.Values) {
	u, err := url.Parse(to)
	if err != nil {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "Wrong way back", Message: "The address of the app cannot be read."})
		return
	}
	q := u.Query()
	for name := range with {
		q.Set(name, with.Get(name))
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// logout ends nothing, because the provider remembers nobody: it sends the browser back to an
// address that the app is known to have, or says that it is done.
func (p *demoIDP) logout(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || repeated(r.Form) {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "This cannot be read", Message: "The request is damaged. Start again from the app."})
		return
	}
	v := r.Form
	if id := v.Get("client_id"); id != "" && id != p.cfg.ClientID {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "Unknown app", Message: "client_id is not the one this provider was set up with."})
		return
	}
	if hint := v.Get("id_token_hint"); hint != "" && !p.own(hint) {
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "Not ours", Message: "id_token_hint was not signed by this provider for this app."})
		return
	}
	to := v.Get("post_logout_redirect_uri")
	switch {
	case to == "":
		p.page(w, http.StatusOK, "error", demoPage{Title: "Signed out", Message: "You can close this page, or go back and be somebody else.", Back: p.home()})
	case !slices.Contains(p.cfg.PostLogoutURIs, to):
		p.page(w, http.StatusBadRequest, "error", demoPage{Title: "Signed out", Message: "The way back is not one that this provider was set up with."})
	default:
		answer := url.Values{}
		if v.Has("state") {
			answer.Set("state", v.Get("state"))
		}
		p.redirect(w, r, to, answer)
	}
}

// own tells whether an ID token, old or not, is one of this provider's.
func (p *demoIDP) own(token string) bool {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return false
	}
	var claims jwt.Claims
	if err := parsed.Claims(p.key.Public(), &claims); err != nil {
		return false
	}
	return claims.Issuer == p.cfg.Issuer && claims.Audience.Contains(p.cfg.ClientID)
}

// home is where the app begins, or "".
func (p *demoIDP) home() string {
	if len(p.cfg.PostLogoutURIs) == 0 {
		return ""
	}
	return p.cfg.PostLogoutURIs[0]
}

func (p *demoIDP) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(demoIDPStyle) // the caller went away
}

// page renders whole pages only.
func (p *demoIDP) page(w http.ResponseWriter, status int, name string, page demoPage) {
	page.Company, page.Style = p.cfg.Company, p.prefix+"/style.css"
	var buf bytes.Buffer
	if err := demoIDPPages.ExecuteTemplate(&buf, name, page); err != nil {
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // the caller went away
}
