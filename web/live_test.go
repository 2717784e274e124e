package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"recert/campaigns/remediate"
	"recert/model"
	"recert/web/auth"
)

// TestLive: who watches the board is told that something changed, and nobody else may watch.
func TestLive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		w.site.Ending = ctx
		c := w.as("", model.Auditor)
		srv := httptest.NewServer(w.site.handler())
		defer srv.Close()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/revocations/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		req.Header.Set("Accept", "text/event-stream")
		for name, value := range c.Cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a request's cookie has no attributes
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("it is %s", got)
		}
		lines := bufio.NewScanner(res.Body)
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "retry:") {
			t.Fatalf("it begins with %q", lines.Text())
		}
		if err := remediate.Stop(ctx, w.store, model.Actor{Name: "Mia", Roles: []model.Role{model.Admin}}, "to see"); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			if lines.Text() == "event: changed" {
				return
			}
		}
		t.Errorf("nobody was told: %v", lines.Err())
	})
}

// TestBackground: what a page asks by itself does not keep a session alive.
func TestBackground(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		c := w.as("", model.Auditor)
		ask := func(background bool) int {
			c.Header.Del(auth.HeaderBackground)
			if background {
				c.Header.Set(auth.HeaderBackground, "yes")
			}
			return c.Get("/revocations").Status
		}
		for range 3 {
			w.later(20 * time.Minute)
			if got := ask(false); got != http.StatusOK {
				t.Fatalf("in use it answers %d", got)
			}
		}
		w.later(20 * time.Minute)
		if got := ask(true); got != http.StatusOK {
			t.Errorf("within the time it answers %d", got)
		}
		w.later(20 * time.Minute)
		if got := ask(true); got != http.StatusSeeOther {
			t.Errorf("after 40 minutes in which nobody did anything it answers %d", got)
		}
	})
}

// TestStreams: one user has so many live pages and no more, whoever else has any.
func TestStreams(t *testing.T) {
	t.Parallel()
	var s streams
	for range mostStreams {
		if !s.enter(1) {
			t.Fatal("a page was refused")
		}
	}
	if s.enter(1) || !s.enter(2) {
		t.Error("one user has too many pages, or another has none")
	}
	s.leave(1)
	if !s.enter(1) {
		t.Error("a page that is closed still counts")
	}
}
