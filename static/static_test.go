package static

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEveryFileIsThere(t *testing.T) {
	t.Parallel()
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	want := []string{"app.css", "app.js", "favicon.svg", "logo.svg"}
	if got := Names(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("names = %q, want %q", got, want)
	}
}

func TestAddressChangesWithContent(t *testing.T) {
	t.Parallel()
	if got := URL("app.css"); !regexp.MustCompile(`^/static/app-[0-9a-f]{8}\.css$`).MatchString(got) {
		t.Errorf("URL = %q", got)
	}
	a, err := build(fstest.MapFS{"css/x.css": {Data: []byte("a{}")}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := build(fstest.MapFS{"css/x.css": {Data: []byte("b{}")}})
	if err != nil {
		t.Fatal(err)
	}
	if a.byName["x.css"].hashed == b.byName["x.css"].hashed {
		t.Error("two contents share one address")
	}
	if got := URL("nothing.css"); got != "/static/nothing.css" {
		t.Errorf("unknown name gives %q", got)
	}
	if got := Integrity("nothing.css"); got != "" {
		t.Errorf("unknown name has integrity %q", got)
	}
	if got := Integrity("app.js"); !strings.HasPrefix(got, "sha384-") || len(got) != len("sha384-")+64 {
		t.Errorf("integrity = %q", got)
	}
}

func TestTableRefuses(t *testing.T) {
	t.Parallel()
	for name, fsys := range map[string]fstest.MapFS{
		"two files have this name": {"css/x.css": {Data: []byte("a")}, "js/x.css": {Data: []byte("b")}},
		"no content type":          {"css/x.exe": {Data: []byte("a")}},
	} {
		if _, err := build(fsys); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	const forever = "public, max-age=31536000, immutable"
	tests := []struct {
		method, path, match string
		status              int
		cache, mime         string
	}{
		{"GET", URL("app.css"), "", 200, forever, "text/css; charset=utf-8"},
		{"GET", URL("app.js"), "", 200, forever, "text/javascript; charset=utf-8"},
		{"GET", URL("favicon.svg"), "", 200, forever, "image/svg+xml"},
		{"HEAD", URL("logo.svg"), "", 200, forever, "image/svg+xml"},
		{"GET", "/static/app.css", "", 200, "no-cache", "text/css; charset=utf-8"},
		{"GET", "/static/app.css", assets.byName["app.css"].etag, 304, "no-cache", ""},
		{"GET", "/static/app-00000000.css", "", 404, "", ""},
		{"GET", "/static/", "", 404, "", ""},
		{"GET", "/static/../static.go", "", 404, "", ""},
		{"GET", "/static/css/app.css", "", 404, "", ""},
		{"POST", "/static/app.css", "", 405, "", ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, http.NoBody)
		if tt.match != "" {
			r.Header.Set("If-None-Match", tt.match)
		}
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s %s: status %d, want %d", tt.method, tt.path, w.Code, tt.status)
			continue
		}
		if tt.cache != "" && w.Header().Get("Cache-Control") != tt.cache {
			t.Errorf("%s: cache %q, want %q", tt.path, w.Header().Get("Cache-Control"), tt.cache)
		}
		if tt.mime != "" && w.Header().Get("Content-Type") != tt.mime {
			t.Errorf("%s: type %q, want %q", tt.path, w.Header().Get("Content-Type"), tt.mime)
		}
		if body := w.Body.Len(); tt.method == "GET" && tt.status == 200 && body == 0 || tt.method == "HEAD" && body != 0 {
			t.Errorf("%s %s: %d bytes of body", tt.method, tt.path, body)
		}
	}
}

// The policy of the site forbids code made from text and styles in attributes: a script that
// tried would work in a test without the policy and fail for people.
func TestScriptsKeepToThePolicy(t *testing.T) {
	t.Parallel()
	bad := regexp.MustCompile(`\beval\b|innerHTML|outerHTML|insertAdjacentHTML|document\.write|new Function|\.style\b|DOMParser|https?:`)
	for _, n := range Names() {
		if strings.HasSuffix(n, ".js") {
			if hit := bad.Find(assets.byName[n].body); hit != nil {
				t.Errorf("%s contains %q", n, hit)
			}
		}
	}
	if hit := regexp.MustCompile(`@import|url\(`).Find(assets.byName["app.css"].body); hit != nil {
		t.Errorf("app.css loads something: %q", hit)
	}
}
