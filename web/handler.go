package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/ui"
	"recert/web/auth"
)

// request is one request and who it comes from.
type request struct {
	*http.Request

	trace    *trace
	settings model.SettingsSpec
	auth     *auth.Auth
	actor    model.Actor
	user     store.User
	signed   bool
	zone     *time.Location
	flash    ui.Notice
	status   int // of the page that is rendered; 0 is 200
}

// trace is what the log says of a request.
type trace struct {
	id      string
	pattern string // of the route: a path can hold a person's id
	user    int64
}

type traceKey struct{}

func traceOf(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}

// serve is the one adapter between a route and net/http.
func (s *site) serve(rt route) http.Handler {
	limit := rt.body
	if limit == 0 {
		limit = formLimit
	}
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		hr.Body = http.MaxBytesReader(w, hr.Body, limit)
		r := &request{Request: hr, trace: traceOf(hr.Context()), zone: time.UTC}
		r.trace.pattern = rt.method + " " + rt.path
		err := s.admit(rt, r)
		if err == nil {
			if r.Method == http.MethodGet && rt.access != public {
				s.takeFlash(w, r)
			}
			err = rt.do(w, r)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// admit finds out who asks, and whether they may. Who is signed in and may not learns nothing
// about what there is.
func (s *site) admit(rt route, r *request) error {
	if rt.access == public {
		return nil
	}
	if err := s.identify(r); err != nil {
		return err
	}
	switch {
	case !r.signed:
		return errSignIn
	case !rt.may(r.signed, r.actor):
		return errNotFound
	}
	return nil
}

var (
	errSignIn   = model.Errorf(model.SignIn, "You are not signed in, or your session has ended.")
	errNotFound = model.Errorf(model.NotFound, "There is no such page.")
)

// identify reads the session and the settings.
func (s *site) identify(r *request) error {
	if r.auth != nil {
		return nil
	}
	settings, err := s.Store.Settings(r.Context())
	if err != nil {
		return err
	}
	a, err := s.auth(settings)
	if err != nil {
		return err
	}
	r.settings, r.zone = settings, zone(settings.TimeZone)
	r.actor, r.user, r.signed, err = a.Actor(r.Request)
	if err != nil {
		return err
	}
	r.auth, r.trace.user = a, r.user.ID
	return nil
}

// badRequestError is about a request that no page of ours makes: a form with a button that it does not have, an
// address that was cut off.
type badRequestError struct {
	error
	first string // the first page of the list that it is about; "" for none
}

func (b badRequestError) Unwrap() error { return b.error }

// statusOf is the one table from kinds of errors to statuses.
func statusOf(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	if _, ok := errors.AsType[badRequestError](err); ok {
		return http.StatusBadRequest
	}
	switch model.KindOf(err) {
	case model.NotFound:
		return http.StatusNotFound
	case model.Invalid:
		return http.StatusUnprocessableEntity
	case model.Conflict:
		return http.StatusConflict
	case model.Forbidden:
		return http.StatusForbidden
	case model.SignIn:
		return http.StatusUnauthorized
	case model.Internal:
	}
	return http.StatusInternalServerError
}

// fail renders an error. It is the only place that does.
func (s *site) fail(w http.ResponseWriter, r *request, err error) {
	ctx := r.Context()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		s.Log.DebugContext(ctx, "the client went away", slog.String("request", r.trace.id))
		return
	}
	if to, ok := errors.AsType[emptyPageError](err); ok {
		http.SetCookie(w, s.flashOf("movedon"))
		http.Redirect(w, r.Request, to.first, http.StatusSeeOther)
		return
	}
	status := statusOf(err)
	if status == http.StatusUnauthorized && navigates(r.Request) {
		http.Redirect(w, r.Request, "/login?return_to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	level := slog.LevelInfo
	if status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.Log.LogAttrs(ctx, level, "request failed", slog.String("request", r.trace.id), slog.String("route", r.trace.pattern),
		slog.Int("status", status), slog.String("error", err.Error()))
	if status == http.StatusInternalServerError {
		s.writeFailed(w)
		return
	}
	p := layout.ErrorPage{Frame: s.frame(r, "Not possible", layout.Elsewhere), Heading: "That is not possible", Text: model.Message(err)}
	if bad, ok := errors.AsType[badRequestError](err); ok && bad.first != "" {
		p.Link, p.Href = "Open the first page", bad.first
	}
	switch status {
	case http.StatusNotFound:
		p = layout.NotFound(p.Frame)
	case http.StatusUnauthorized:
		p = s.signedOutPage(r)
	case http.StatusRequestEntityTooLarge:
		p.Heading, p.Text = "That is too large", "What was sent is larger than this page takes. Nothing was changed."
	case http.StatusConflict:
		p.Heading = "This has changed in the meantime"
	case http.StatusForbidden:
		p.Heading = "That is not allowed"
	}
	if status != http.StatusNotFound {
		p.Request = r.trace.id
	}
	r.status = status
	if rerr := s.render(w, r, layout.Error(p)); rerr != nil {
		s.Log.ErrorContext(ctx, "the error page cannot be rendered", slog.String("request", r.trace.id), slog.String("error", rerr.Error()))
		s.writeFailed(w)
	}
}

// navigates tells a person who opens a page from a script that asks for one: only the former can
// be sent to sign in.
func navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (mode == "" || mode == "navigate")
}

// signedOutPage answers a form that was sent without a session, and shows what was typed.
func (s *site) signedOutPage(r *request) layout.ErrorPage {
	p := layout.ErrorPage{
		Frame: s.frame(r, "Signed out", layout.Elsewhere), Heading: "You are not signed in",
		Text: "Your session has ended, and nothing was saved.", Link: "Sign in again",
		Href: "/login?return_to=" + url.QueryEscape(s.cameFrom(r)),
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.form() == nil {
		for _, field := range []string{"comment", "reason"} {
			if text := strings.TrimSpace(r.PostForm.Get(field)); text != "" {
				p.Text += " You had written: “" + text + "”"
			}
		}
	}
	return p
}

// cameFrom is the path of the page that sent this form, "/" where it is not one of ours.
func (s *site) cameFrom(r *request) string {
	if r.Method != http.MethodPost {
		return auth.LocalPath(r.URL.RequestURI())
	}
	u, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || u.Host != r.Host {
		return "/"
	}
	return auth.LocalPath(u.RequestURI())
}

// render writes a page when it is complete: half a table must never look like a whole one.
func (s *site) render(w http.ResponseWriter, r *request, c templ.Component) error {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	_, _ = w.Write(b.Bytes()) // the reader went away: there is nobody left to tell
	return nil
}

// renderFailed makes the page for when nothing else works, while everything does.
func (s *site) renderFailed() error {
	var b bytes.Buffer
	err := layout.Error(layout.ErrorPage{
		Frame: layout.Frame{Title: "Error", Version: s.Version}, Heading: "Something went wrong on our side",
		Text: "Nothing was changed. Try again; if it stays like this, tell whoever runs Recert.",
	}).Render(context.Background(), &b)
	s.failed = b.Bytes()
	return err
}

func (s *site) writeFailed(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(s.failed) // as in render
}

// form parses the fields, and refuses text that no database keeps as it is.
func (r *request) form() error {
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return err
		}
		return &model.Error{Kind: model.Invalid, Msg: "The form could not be read. Load the page again.", Err: err}
	}
	for _, values := range r.Form {
		for _, v := range values {
			if !clean(v) {
				return model.Errorf(model.Invalid, "The form holds characters that cannot be stored.")
			}
		}
	}
	return nil
}

// button tells which of the buttons of a form it was that sent it. Any other value comes from no page, and
// changes nothing: what it was meant to do is not guessed.
func (r *request) button(buttons ...string) (string, error) {
	const field = "do" // of every form that has several
	if err := r.form(); err != nil {
		return "", err
	}
	if given := r.PostForm[field]; len(given) > 1 || !slices.Contains(buttons, r.PostForm.Get(field)) {
		return "", badRequestError{error: model.Errorf(model.Invalid, "This form has no such button, so nothing was changed. Load the page again.")}
	}
	return r.PostForm.Get(field), nil
}

// query is a parameter of the address, "" where it holds what no text column does.
func (r *request) query(name string) string {
	if v := r.URL.Query().Get(name); clean(v) {
		return v
	}
	return ""
}

// clean tells text that a database keeps as it is.
func clean(v string) bool { return utf8.ValidString(v) && !strings.ContainsRune(v, 0) }

// path is a part of the path; text that cannot name anything names nothing.
func (r *request) path(name string) string {
	if v := r.PathValue(name); clean(v) {
		return v
	}
	return ""
}
