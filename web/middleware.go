package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"recert/model"
	"recert/views/layout"
	"recert/web/auth"
	"recert/web/session"
)

// handler puts around the routes what every request goes through, the outermost first.
func (s *site) handler() http.Handler {
	var h http.Handler = http.HandlerFunc(s.route)
	h = s.sameSite(h)
	h = zipped(h)
	h = s.recoverPanic(h)
	h = s.headers(h)
	return s.log(h)
}

// zipped compresses what is answered, but for streams: what is compressed waits until there is enough of it.
func zipped(h http.Handler) http.Handler {
	z := gzhttp.GzipHandler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/live") {
			h.ServeHTTP(w, r)
			return
		}
		z.ServeHTTP(w, r)
	})
}

// route asks the table. What is not in it does not exist; nobody is sent to sign in for it, or a
// browser that asks for an icon would begin a sign-in.
func (s *site) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	q := &request{Request: r, trace: traceOf(r.Context()), zone: time.UTC}
	q.trace.pattern = "none"
	if err := s.identify(q); err != nil {
		s.fail(w, q, err)
		return
	}
	s.fail(w, q, errNotFound)
}

// backchannelPath takes requests of the identity provider, which has no cookie of ours: the
// token's signature is the proof.
const backchannelPath = "/logout/backchannel"

// sameSite refuses forms that another site made the browser send, also a sibling of ours. What
// comes with our cookie and without a word about where from is refused too: browsers say it.
func (s *site) sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		unsafe := r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
		if !unsafe || r.URL.Path == backchannelPath {
			next.ServeHTTP(w, r)
			return
		}
		err := s.protect.Check(r)
		if err == nil && hasSession(r) && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
			err = fmt.Errorf("a cookie without Sec-Fetch-Site or Origin")
		}
		if err == nil {
			next.ServeHTTP(w, r)
			return
		}
		q := &request{Request: r, trace: traceOf(r.Context()), zone: time.UTC}
		q.trace.pattern = "refused"
		s.fail(w, q, &model.Error{Kind: model.Forbidden, Msg: "This form was sent from another site. Open the page here and try again.", Err: err})
	})
}

func hasSession(r *http.Request) bool {
	for _, name := range []string{session.Name, "__Host-" + session.Name} {
		if _, err := r.Cookie(name); err == nil {
			return true
		}
	}
	return false
}

// headers are on every answer. A page is never kept by a cache: it is about people.
func (s *site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", s.policy())
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Request-Id", traceOf(r.Context()).id)
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// policy lets a page load only what is ours and run no inline script. Signing out is a form whose
// answer leads to the identity provider, and browsers hold form-action against redirects too.
func (s *site) policy() string {
	idp := (&auth.Auth{Provider: s.Provider}).Origin()
	if idp != "" {
		idp = " " + idp
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'" + idp +
		"; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; report-uri /csp"
}

// recoverPanic turns a panic into the page that is always there. One that is meant to break a
// download off goes on.
func (s *site) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint,err113 // a panic value, compared as net/http does
				panic(p)
			}
			s.Log.ErrorContext(r.Context(), "panic", slog.String("request", traceOf(r.Context()).id), slog.String("route", traceOf(r.Context()).pattern),
				slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			if sw, ok := w.(*statusWriter); ok && sw.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: break it off
			}
			s.writeFailed(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// log gives the request its number, and writes a line when it is answered: no path, since it can
// name a person, no query, no address.
func (s *site) log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &trace{id: rand.Text()[:16], pattern: "none"}
		r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
		sw := &statusWriter{ResponseWriter: w}
		start := s.Now()
		defer func() {
			took := s.Now().Sub(start)
			s.metrics.observe(t.pattern, sw.code(), took)
			s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("request", t.id), slog.String("route", t.pattern),
				slog.Int("status", sw.code()), slog.Int64("bytes", sw.bytes), slog.Duration("took", took), slog.Int64("user", t.user))
		}()
		next.ServeHTTP(sw, r)
	})
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter

	status int
	bytes  int64
}

func (w *statusWriter) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// refusedTooFast is the answer to who asks for sign-ins faster than a person could.
func (s *site) tooFast(w http.ResponseWriter, r *request) error {
	w.Header().Set("Retry-After", "10")
	r.status = http.StatusTooManyRequests
	return s.render(w, r, layout.Error(layout.ErrorPage{
		Frame: s.frame(r, "Too fast", layout.Elsewhere), Heading: "Too many tries", Text: "Wait ten seconds and try again.", Link: "Try again", Href: "/login",
	}))
}
