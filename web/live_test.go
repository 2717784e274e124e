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
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rq := &request{Request: r, trace: &trace{}}
			if err := w.site.revocationsLive(rw, rq); err != nil {
				t.Error(err)
			}
		}))
		defer srv.Close()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
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
