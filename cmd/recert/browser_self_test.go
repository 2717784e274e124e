package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// browserPages are pages for the test of the browser helper itself.
var browserPages = map[string]string{
	"/clean": `<h1>Clean</h1><p class="scheme">Text</p><form method="post" action="/posted"><label for="n">Name</label>
		<input id="n" name="n"><button>Send</button></form><noscript><p id="noscript">No script</p></noscript>`,
	"/fields": `<h1>Fields</h1><form method="post" action="/posted" enctype="multipart/form-data">
		<select name="n" aria-label="Name"><option>Bo<option>Cy</select><label><input type="checkbox" name="c"> Sure</label>
		<input type="file" name="f" aria-label="File"><button>Send</button></form>`,
	"/planted":   `<h1>Planted</h1><p style="color:#bbb;background:#fff">Pale</p><input name="nameless">`,
	"/error":     `<h1>Error</h1><script>setTimeout(() => missing())</script>`,
	"/policy":    `<h1>Policy</h1><script>document.title = "ran"</script>`,
	"/resource":  `<h1>Resource</h1><img alt="" src="/nowhere.png">`,
	"/wide":      `<h1>Wide</h1><div style="width:600px">wide</div>`,
	"/forbidden": `<h1>Not found</h1>`,
}

func browserSite(t *testing.T) string {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := browserPages[r.URL.Path]
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/policy", "/clean":
			w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
		case "/forbidden":
			w.WriteHeader(http.StatusNotFound)
		case "/favicon.ico":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/posted":
			content, ok = "<h1>Hello "+r.FormValue("n")+r.FormValue("c")+uploaded(r)+"</h1>", true
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		page := `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
			<title>Test</title><style>@media (prefers-color-scheme: dark) { :root { background: #111; color: #eee } }</style><main>` + content
		if _, err := w.Write([]byte(page)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// uploaded is the content of the file that came with a form, if one did.
func uploaded(r *http.Request) string {
	file, _, err := r.FormFile("f")
	if err != nil {
		return ""
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	site := browserSite(t)
	b := newBrowser(t)

	t.Run("a clean page has nothing", func(t *testing.T) {
		p := b.newTab(t)
		for _, size := range [][2]int64{desktopSize, phoneSize} {
			for _, dark := range []bool{false, true} {
				p.resize(size)
				p.dark(dark)
				if status := p.open(site + "/clean"); status != http.StatusOK {
					t.Errorf("status %d", status)
				}
				if v := p.axe(); len(v) > 0 {
					t.Errorf("at %v, dark %v: %v", size, dark, v)
				}
				if n := p.overflow(); n != 0 {
					t.Errorf("at %v the page is %d pixels too wide", size, n)
				}
			}
		}
		if found := p.problems(); len(found) > 0 {
			t.Errorf("the browser complains: %v", found)
		}
	})
	t.Run("forms work with scripting off", func(t *testing.T) {
		p := b.newTab(t)
		p.scripting(false)
		p.open(site + "/clean")
		if p.text("#noscript") != "No script" {
			t.Error("scripting is on")
		}
		p.fill("#n", "Ada")
		if status := p.follow("button"); status != http.StatusOK || p.text("h1") != "Hello Ada" {
			t.Errorf("status %d, %q", status, p.text("h1"))
		}
		if p.address() != site+"/posted" || p.count("h1") != 1 {
			t.Errorf("at %s with %d headings", p.address(), p.count("h1"))
		}
	})
	t.Run("every kind of field", func(t *testing.T) {
		p := b.newTab(t)
		p.open(site + "/fields")
		p.wait("select")
		p.choose("select", "Cy")
		p.click("label")
		file := filepath.Join(t.TempDir(), "file.txt")
		if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.upload("[type=file]", file)
		if status := p.follow("button"); status != http.StatusOK || p.text("h1") != "Hello Cyoncontent" {
			t.Errorf("status %d, %q", status, p.text("h1"))
		}
	})
	t.Run("keys reach the page", func(t *testing.T) {
		p := b.newTab(t)
		p.open(site + "/clean")
		p.press("\tBo")
		if status := p.pressAndFollow("\r"); status != http.StatusOK || p.text("h1") != "Hello Bo" {
			t.Errorf("status %d, %q", status, p.text("h1"))
		}
	})
}

// A planted fault of each kind must be seen, else the clean results above say nothing.
func TestBrowserSeesFaults(t *testing.T) {
	t.Parallel()
	site := browserSite(t)
	p := newBrowser(t).newTab(t)

	p.open(site + "/planted")
	var rules []string
	for _, v := range p.axe() {
		rules = append(rules, v.ID)
		if len(v.Nodes) == 0 || !strings.Contains(v.String(), v.Nodes[0].HTML) {
			t.Errorf("%s does not say where", v)
		}
	}
	if !slices.Equal(rules, []string{"color-contrast", "label"}) {
		t.Errorf("axe-core finds %q, want the pale text and the field without a label", rules)
	}
	p.problems()

	for path, want := range map[string]string{
		"/error":    "exception: ReferenceError: missing is not defined",
		"/policy":   "content security policy: script-src",
		"/resource": "404",
	} {
		p.open(site + path)
		if found := strings.Join(p.problems(), "\n"); !strings.Contains(found, want) {
			t.Errorf("on %s the browser reports %q, want %q", path, found, want)
		}
	}
	if status := p.open(site + "/forbidden"); status != http.StatusNotFound {
		t.Errorf("status %d, want 404", status)
	}
	if found := p.problems(); len(found) > 0 {
		t.Errorf("a document's own status counts as a fault: %v", found)
	}
	p.resize(phoneSize)
	p.open(site + "/wide")
	if n := p.overflow(); n < 200 {
		t.Errorf("a page too wide by more than 200 pixels measures %d", n)
	}
}

func TestBrowserShot(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("RECERT_SHOTS", folder)
	p := newBrowser(t).newTab(t)
	p.open(browserSite(t) + "/clean")
	p.shot("clean")
	picture, err := os.ReadFile(folder + "/clean.png")
	if err != nil || len(picture) < 1000 {
		t.Errorf("the picture has %d bytes (%v)", len(picture), err)
	}
}
