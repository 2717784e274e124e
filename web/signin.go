package web

import (
	"log/slog"
	"net/http"
	"net/url"

	"recert/model"
	"recert/views/layout"
	"recert/views/signin"
	"recert/views/ui"
	"recert/web/auth"
)

// login begins to sign in at once: there is nothing to choose. Where single sign-on is not set
// up, it says how an administrator gets in.
func (s *site) login(w http.ResponseWriter, r *request) error {
	if !s.logins.allow(r.RemoteAddr, s.Now()) {
		return s.tooFast(w, r)
	}
	if err := r.form(); err != nil {
		return err
	}
	if err := s.identify(r); err != nil {
		return err
	}
	if r.signed && r.query("again") == "" {
		return redirect(w, r, auth.LocalPath(r.query("return_to")))
	}
	if s.Provider == nil {
		r.signed = false
		return s.render(w, r, signin.Show(signin.Page{Frame: s.frame(r, "Sign in", layout.Elsewhere), Unset: true}))
	}
	return s.signInProblem(w, r, r.auth.Login(w, r.Request))
}

func (s *site) callback(w http.ResponseWriter, r *request) error {
	if !s.logins.allow(r.RemoteAddr, s.Now()) {
		return s.tooFast(w, r)
	}
	if err := s.identify(r); err != nil {
		return err
	}
	return s.signInProblem(w, r, r.auth.Callback(w, r.Request))
}

// signInProblem shows why a sign-in failed on a page from which it can be tried again.
func (s *site) signInProblem(w http.ResponseWriter, r *request, err error) error {
	if err == nil || model.KindOf(err) == model.NotFound {
		return err
	}
	p := signin.Page{
		Frame: s.frame(r, "Sign in", layout.Elsewhere), Start: "/login?again=1",
		Problem: ui.Notice{Tone: ui.Bad, Title: "You could not be signed in.", Text: model.Message(err)},
	}
	level := slog.LevelInfo
	r.status = statusOf(err)
	if model.KindOf(err) == model.Internal {
		level, r.status = slog.LevelError, http.StatusBadGateway
		p.Problem.Text = "The sign-in service cannot be reached right now. Try again in a minute."
	}
	s.Log.LogAttrs(r.Context(), level, "sign-in failed", slog.String("request", r.trace.id), slog.String("error", err.Error()))
	return s.render(w, r, signin.Show(p))
}

// linkPage asks before the one-time link is used up: what follows links in a mail must not do it.
func (s *site) linkPage(w http.ResponseWriter, r *request) error {
	return s.render(w, r, layout.Confirm(layout.ConfirmPage{
		Frame: s.frame(r, "Emergency access", layout.Elsewhere), Heading: "Sign in with this emergency link?",
		Text:   "The link works once. What you do with it is recorded under its own name.",
		Action: "/login/link", Hidden: []ui.Pair{{Term: "token", Text: r.query("token")}},
		Button: ui.Button{Label: "Sign in", Kind: "primary"},
	}))
}

func (s *site) useLink(w http.ResponseWriter, r *request) error {
	if !s.logins.allow(r.RemoteAddr, s.Now()) {
		return s.tooFast(w, r)
	}
	if err := r.form(); err != nil {
		return err
	}
	if err := s.identify(r); err != nil {
		return err
	}
	return r.auth.UseLink(w, r.Request)
}

// signedOut is where a sign-out ends, also the one at the identity provider.
func (s *site) signedOut(w http.ResponseWriter, r *request) error {
	if err := s.identify(r); err != nil {
		return err
	}
	if r.signed {
		return s.render(w, r, layout.Confirm(layout.ConfirmPage{
			Frame: s.frame(r, "Sign out", layout.Elsewhere), Heading: "Sign out?", Action: "/logout",
			Button: ui.Button{Label: "Sign out", Kind: "primary"}, Cancel: "/",
		}))
	}
	return s.render(w, r, layout.Error(layout.ErrorPage{
		Frame: s.frame(r, "Signed out", layout.Elsewhere), Heading: "You are signed out",
		Text: "On a shared computer, close the browser too.", Link: "Sign in again", Href: "/login",
	}))
}

func (s *site) logout(w http.ResponseWriter, r *request) error {
	if err := s.identify(r); err != nil {
		return err
	}
	return r.auth.Logout(w, r.Request)
}

// backchannel answers the identity provider as its specification says: 200, or 400 with nothing
// to read for a stranger.
func (s *site) backchannel(w http.ResponseWriter, r *request) error {
	a, err := s.auth(model.SettingsSpec{})
	if err != nil {
		return err
	}
	err = r.form()
	if err == nil {
		err = a.BackchannelLogout(w, r.Request)
	}
	if err == nil || model.KindOf(err) == model.Internal {
		return err
	}
	s.Log.InfoContext(r.Context(), "back-channel logout refused", slog.String("request", r.trace.id), slog.String("error", err.Error()))
	status := http.StatusBadRequest
	if model.KindOf(err) == model.NotFound {
		status = http.StatusNotFound
	}
	http.Error(w, http.StatusText(status), status)
	return nil
}

// preferences stores the colours that a person wants, and returns to the page.
func (s *site) preferences(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	theme := r.PostForm.Get(layout.FieldTheme)
	if theme == layout.ThemeSystem {
		theme = ""
	}
	if err := s.setTheme(r, theme); err != nil {
		return err
	}
	return redirect(w, r, localBack(r.PostForm.Get(layout.FieldBack)))
}

// localBack is a way back that leads nowhere else and says nothing twice.
func localBack(path string) string {
	u, err := url.Parse(auth.LocalPath(path))
	if err != nil {
		return "/"
	}
	return u.RequestURI()
}
