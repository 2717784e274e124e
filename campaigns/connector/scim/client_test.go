package scim

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := Config{URL: "https://wiki.example.com/scim/v2/", Token: canary, Now: fixedNow}
	tests := map[string]struct {
		edit func(*Config)
		says string // "" is accepted
	}{
		"good":                {func(*Config) {}, ""},
		"basic":               {func(c *Config) { c.Token, c.Username, c.Password = "", "u", canary }, ""},
		"http to itself":      {func(c *Config) { c.URL = "http://127.0.0.1:1/x" }, ""},
		"http to itself, v6":  {func(c *Config) { c.URL = "http://[::1]:1/x" }, ""},
		"http allowed":        {func(c *Config) { c.URL, c.PlainHTTP = "http://wiki.example.com", true }, ""},
		"http":                {func(c *Config) { c.URL = "http://wiki.example.com" }, "https://"},
		"http, like itself":   {func(c *Config) { c.URL = "http://localhost.example.com" }, "https://"},
		"no url":              {func(c *Config) { c.URL = "" }, "url"},
		"no scheme":           {func(c *Config) { c.URL = "wiki.example.com" }, "url"},
		"other scheme":        {func(c *Config) { c.URL = "file:///etc/passwd" }, "url"},
		"password in url":     {func(c *Config) { c.URL = "https://u:" + canary + "@wiki.example.com" }, "url"},
		"broken, with secret": {func(c *Config) { c.URL = "https://u:" + canary + "@wiki.example.com:x" }, "url"},
		"query":               {func(c *Config) { c.URL = "https://wiki.example.com/?t=" + canary }, "url"},
		"no credentials":      {func(c *Config) { c.Token = "" }, "token"},
		"both":                {func(c *Config) { c.Username = "u" }, "not both"},
		"token, line end":     {func(c *Config) { c.Token += "\n" }, "line end"},
		"no clock":            {func(c *Config) { c.Now = nil }, "Now"},
		"negative":            {func(c *Config) { c.PageSize = -1 }, "negative"},
		"person attribute":    {func(c *Config) { c.PersonAttr = "shoeSize" }, "shoeSize"},
		"no CA file":          {func(c *Config) { c.CAFile = "/nonexistent" }, "cannot be read"},
		"CA file, own client": {func(c *Config) { c.CAFile, c.HTTP = "x", http.DefaultClient }, "CAFile"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := good
			c.edit(&cfg)
			client, err := New(cfg)
			if c.says == "" {
				if err != nil || strings.HasSuffix(client.base, "/") {
					t.Fatalf("%v, %v", client, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), canary) {
				t.Fatalf("error %v, want one with %q", err, c.says)
			}
			if c.says != "Now" && c.says != "CAFile" && model.KindOf(err) != model.Invalid {
				t.Errorf("kind %s", model.KindOf(err))
			}
		})
	}
}

func TestSecretsNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := Config{URL: "https://wiki.example.com", Token: canary, Now: fixedNow}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("cfg", cfg))
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("cfg", cfg), slog.Any("client", c))
	for _, s := range []string{fmt.Sprint(cfg), fmt.Sprintf("%+v %#v %v", cfg, cfg, &cfg), fmt.Sprintf("%v %+v %#v", c, c, c), log.String()} {
		if strings.Contains(s, canary) {
			t.Errorf("printed: %s", s)
		}
	}
}

// TestSecretsNotRepeated: a target whose broken answer repeats our credentials in a place that
// the transport quotes in its error.
func TestSecretsNotRepeated(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			_, _ = conn.Read(buf)
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s OK\r\n\r\n", canary)
			_ = conn.Close()
		}
	}()
	c, err := New(Config{URL: "http://" + l.Addr().String(), Token: canary, Now: fixedNow})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Check(t.Context(), access(""))
	if f := connector.FailureOf(err); err == nil || f.Kind != connector.Unreachable || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "withheld") {
		t.Fatalf("error %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := scimserver.New(scimserver.Config{Token: canary})
	srv.PutUser(scimserver.User{ID: "id-ann", UserName: "ann", Active: true})
	hs := httptest.NewTLSServer(srv)
	t.Cleanup(hs.Close)
	hs.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hs.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{URL: hs.URL, Token: canary, Now: fixedNow}
	stranger, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Check(t.Context(), access("")); err == nil || connector.FailureOf(err).Kind != connector.Unreachable {
		t.Errorf("a certificate of nobody: %v", err)
	}
	if n := len(srv.Calls()); n != 0 {
		t.Errorf("%d requests went to a stranger", n)
	}
	cfg.CAFile = ca
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if obs, err := c.Check(t.Context(), access("")); err != nil || obs.Presence != connector.Present {
		t.Errorf("%+v, %v", obs, err)
	}
	if err := os.WriteFile(ca, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("a file without certificates: %v", err)
	}
}

func TestRefuseLinkLocal(t *testing.T) {
	t.Parallel()
	c, err := New(Config{URL: "https://169.254.169.254/latest", Token: canary, Now: fixedNow, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(t.Context(), access("")); err == nil || !strings.Contains(err.Error(), "may have") {
		t.Errorf("error %v", err)
	}
}

// TestNoAnswerReadsOnce: an error says once what was asked, and why nothing came.
func TestNoAnswerReadsOnce(t *testing.T) {
	t.Parallel()
	c, err := New(Config{URL: "http://127.0.0.1:1/scim", Token: canary, Now: fixedNow, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Check(t.Context(), access(""))
	if f := connector.FailureOf(err); err == nil || f.Kind != connector.Unreachable || !strings.Contains(err.Error(), "connect") {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{"/Users/id-ann", "127.0.0.1:1", "GET", "Get"} {
		if n := strings.Count(err.Error(), part); n > 1 || part == "Get" && n > 0 {
			t.Errorf("%q stands %d times in: %v", part, n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Check(ctx, access("")); !errors.Is(err, context.Canceled) {
		t.Errorf("the cause cannot be told any more: %v", err)
	}
}

// TestOwnHTTPClient: a given client keeps its own way with redirects, and ours does not follow.
func TestOwnHTTPClient(t *testing.T) {
	t.Parallel()
	hits := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/Users/id-ann", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, _ *http.Request) { hits++; reply(t, w, `{"id":"id-ann","userName":"ann"}`) })
	own := &http.Client{Transport: &http.Transport{}}
	c := clientOf(t, mux, func(c *Config) { c.HTTP = own })
	_, err := c.Check(t.Context(), access(""))
	if f := connector.FailureOf(err); err == nil || f.Kind != connector.Broken || hits != 0 {
		t.Errorf("%v, %d hits", err, hits)
	}
	if own.CheckRedirect != nil {
		t.Error("the given client was changed")
	}
}

// TestBodyLimit: an answer that is whole within the limit, and goes on beyond it.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for spaces, ok := range map[int]bool{100: true, 4096: false} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			reply(t, w, `{"id":"id-ann","userName":"ann"}`+strings.Repeat(" ", spaces))
		})
		_, err := clientOf(t, h, func(c *Config) { c.MaxBody = 1024 }).Check(t.Context(), access(""))
		if f := connector.FailureOf(err); (err == nil) != ok || !ok && (f.Kind != connector.Broken || !strings.Contains(err.Error(), "longer")) {
			t.Errorf("%d spaces: %v", spaces, err)
		}
	}
}
