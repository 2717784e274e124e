package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/session"
)

// Auth answers /login and /logout, and says who a request comes from.
type Auth struct {
	DB       *store.Store
	Sessions *session.Store
	Provider *Provider // nil: only break-glass links sign in
}

// Login sends the browser to the identity provider. Coming from a page, the way back is kept.
func (a *Auth) Login(w http.ResponseWriter, r *http.Request) error {
	if a.Provider == nil {
		return model.Errorf(model.Invalid, "Single sign-on is not set up. An administrator sets RECERT_OIDC_ISSUER, or makes an emergency link: recert login-link.")
	}
	d, err := a.Provider.discover(r.Context())
	if err != nil {
		return err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), ReturnTo: LocalPath(r.FormValue("return_to"))}
	sess, err := a.Sessions.Get(r, session.LoginName)
	if err != nil {
		return err
	}
	sess.ID = "" // never go on with a token that somebody else could have set
	sess.Values["state"], sess.Values["nonce"], sess.Values["verifier"], sess.Values["return_to"] = f.State, f.Nonce, f.Verifier, f.ReturnTo
	if err := sess.Save(r, w); err != nil {
		return err
	}
	http.Redirect(w, r, d.authURL(f, r.FormValue("again") != ""), http.StatusSeeOther)
	return nil
}

// Callback ends a sign-in: the flow's session is used up first, whatever comes of it.
func (a *Auth) Callback(w http.ResponseWriter, r *http.Request) error {
	if a.Provider == nil {
		return model.Errorf(model.NotFound, "There is no such page.")
	}
	f, err := a.takeFlow(w, r)
	if err != nil {
		return err
	}
	d, err := a.Provider.discover(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1 {
		return refused("This answer belongs to another sign-in", errors.New("state differs"))
	}
	// RFC 9207: an answer of another provider is refused before its code is used.
	if iss := q.Get("iss"); (iss != "" || d.issParam) && iss != a.Provider.cfg.Issuer {
		return refused("The answer came from another sign-in service", errors.New("iss differs"))
	}
	if code := q.Get("error"); code != "" {
		return refused("The sign-in was not completed", errors.New("provider's error: "+strings.ToValidUTF8(code, "?")))
	}
	id, raw, err := a.Provider.redeem(r.Context(), d, f, q.Get("code"))
	if err != nil {
		return err
	}
	user, err := campaigns.SignIn(r.Context(), a.DB, id)
	if err != nil {
		return err
	}
	row := store.Session{
		UserID: &user.ID, Roles: user.Roles, Iss: id.Iss, Sub: id.Sub, SID: id.SID, IDToken: raw,
		ACR: id.ACR, AMR: id.AMR, AuthTime: id.AuthTime,
	}
	if err := a.start(w, r, user, row, "oidc"); err != nil {
		return err
	}
	http.Redirect(w, r, f.ReturnTo, http.StatusSeeOther)
	return nil
}

// takeFlow reads the flow that this browser began, and deletes it: an answer works once.
func (a *Auth) takeFlow(w http.ResponseWriter, r *http.Request) (flow, error) {
	sess, err := a.Sessions.Get(r, session.LoginName)
	if err != nil {
		return flow{}, err
	}
	if sess.IsNew {
		return flow{}, refused("This sign-in was not begun in this browser, or took longer than ten minutes", errors.New("no flow"))
	}
	text := func(k string) string { s, _ := sess.Values[k].(string); return s }
	f := flow{State: text("state"), Nonce: text("nonce"), Verifier: text("verifier"), ReturnTo: LocalPath(text("return_to"))}
	sess.Options.MaxAge = -1
	if err := sess.Save(r, w); err != nil {
		return flow{}, err
	}
	if f.State == "" || f.Nonce == "" || f.Verifier == "" {
		return flow{}, refused("This sign-in was not begun here", errors.New("empty flow"))
	}
	return f, nil
}

// start makes a session with a fresh token and ends the one the browser had.
func (a *Auth) start(w http.ResponseWriter, r *http.Request, user store.User, row store.Session, method string) error {
	sess, err := a.Sessions.Get(r, session.Name)
	if err != nil {
		return err
	}
	if old, ok := session.Row(sess); ok {
		if err := campaigns.SignOut(r.Context(), a.DB, old.TokenHash); err != nil {
			return err
		}
	}
	sess.ID = ""
	clear(sess.Values)
	session.SetRow(sess, row)
	if err := sess.Save(r, w); err != nil {
		return err
	}
	saved, _ := session.Row(sess)
	return campaigns.SessionStarted(r.Context(), a.DB, user, saved, method)
}

// UseLink signs the break-glass user of a link in. It is a POST: a mail scanner that follows the
// link must not use it up.
func (a *Auth) UseLink(w http.ResponseWriter, r *http.Request) error {
	user, err := campaigns.UseLoginLink(r.Context(), a.DB, r.PostFormValue("token"))
	if err != nil {
		return err
	}
	row := store.Session{UserID: &user.ID, Roles: user.Roles, Iss: user.Iss, Sub: user.Sub, AMR: "login_link", AuthTime: user.LastLoginAt}
	if err := a.start(w, r, user, row, "login_link"); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// Logout ends the session here first, then at the identity provider.
func (a *Auth) Logout(w http.ResponseWriter, r *http.Request) error {
	sess, err := a.Sessions.Get(r, session.Name)
	if err != nil {
		return err
	}
	row, ok := session.Row(sess)
	if !ok {
		http.Redirect(w, r, "/logout", http.StatusSeeOther)
		return nil
	}
	hint, err := session.IDToken(sess)
	if err != nil {
		return err
	}
	if err := campaigns.SignOut(r.Context(), a.DB, row.TokenHash); err != nil {
		return err
	}
	sess.Options.MaxAge = -1
	if err := sess.Save(r, w); err != nil {
		return err
	}
	http.Redirect(w, r, a.endSession(r.Context(), row, hint), http.StatusSeeOther)
	return nil
}

// endSession is where the provider's own session ends (OpenID Connect RP-Initiated Logout 1.0),
// or our page when there is nowhere to go. A provider that is down keeps nobody signed in here.
func (a *Auth) endSession(ctx context.Context, row store.Session, hint string) string {
	const here = "/logout" // GET: the page that says it is done
	if a.Provider == nil || row.Iss != a.Provider.cfg.Issuer {
		return here
	}
	d, err := a.Provider.discover(ctx)
	if err != nil || d.endSession == "" {
		return here
	}
	u, err := url.Parse(d.endSession)
	if err != nil {
		return here
	}
	q := u.Query()
	q.Set("client_id", a.Provider.cfg.ClientID)
	q.Set("post_logout_redirect_uri", a.Provider.cfg.BaseURL+here)
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// BackchannelLogout takes a logout token from the identity provider (OpenID Connect Back-Channel
// Logout 1.0). It needs no cookie: the token's signature is the proof.
func (a *Auth) BackchannelLogout(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	if a.Provider == nil {
		return model.Errorf(model.NotFound, "There is no such page.")
	}
	t, err := a.Provider.verifyLogout(r.Context(), r.PostFormValue("logout_token"))
	if err == nil {
		err = campaigns.SignOutAt(r.Context(), a.DB, t.Iss, t.Sub, t.SID, t.JTI, model.TimeOf(t.Expires))
	}
	if model.KindOf(err) == model.Internal && err != nil {
		return err
	}
	if err != nil {
		return model.Errorf(model.Invalid, "%s", model.Message(err)) // the specification asks for 400
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// Origin is the provider's origin, which the logout form's redirect must be allowed to reach;
// "" without a provider. Before the first sign-in of this process it is the issuer's: sessions
// outlive a restart.
func (a *Auth) Origin() string {
	if a.Provider == nil {
		return ""
	}
	a.Provider.mu.Lock()
	defer a.Provider.mu.Unlock()
	address := a.Provider.cfg.Issuer
	if a.Provider.disc != nil && a.Provider.disc.endSession != "" {
		address = a.Provider.disc.endSession
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// HeaderBackground marks a request that a page makes by itself.
const HeaderBackground = "Recert-Background"

// Background tells a request that nobody made by hand: a page that stays open must not keep its session
// from ending. Who lies about it only ends the own session sooner.
func Background(r *http.Request) bool {
	return r.Header.Get(HeaderBackground) != "" || r.Header.Get("Accept") == "text/event-stream"
}

// Actor is who the request comes from; ok is false for nobody. The session's use is recorded, unless
// the page made the request by itself.
func (a *Auth) Actor(r *http.Request) (actor model.Actor, user store.User, ok bool, err error) {
	sess, err := a.Sessions.Get(r, session.Name)
	if err != nil || sess.IsNew {
		return actor, user, false, err
	}
	row, has := session.Row(sess)
	if !has || row.UserID == nil {
		return actor, user, false, nil
	}
	user, err = a.DB.UserByID(r.Context(), *row.UserID)
	if err != nil {
		return actor, user, false, err
	}
	if !Background(r) {
		if err := a.Sessions.Touch(r.Context(), sess); err != nil {
			return actor, user, false, err
		}
	}
	actor = model.Actor{
		UserID: user.ID, Name: user.Name, Email: user.Email, Roles: store.SplitRoles(row.Roles),
		ACR: row.ACR, AMR: row.AMR, AuthTime: row.AuthTime,
	}
	if user.PersonKey != nil {
		actor.PersonKey = *user.PersonKey
		p, err := a.DB.PersonByKey(r.Context(), *user.PersonKey)
		if err != nil {
			return actor, user, false, err
		}
		actor.PersonID = p.PersonID
	}
	return actor, user, true, nil
}

// LocalPath is s where it is a path of this site, else "/": a way back must not lead elsewhere.
func LocalPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\x00\r\n\t") || u.Host != "" || u.Scheme != "" {
		return "/"
	}
	if strings.HasPrefix(u.Path, "/login") || strings.HasPrefix(u.Path, "/logout") || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return s
}
