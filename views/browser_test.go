package views_test

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"recert/static"
	"recert/views/layout"
	"recert/views/review"
	"recert/views/ui"
)

var (
	shots = flag.String("shots", "", "folder for a picture of every page, light, dark and as on a phone")
	only  = flag.String("only", "", "only pages whose name begins so")
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; report-uri /csp"

// site serves the canned pages under their names, and one review that can be answered.
type site struct {
	mu      sync.Mutex
	reports []string
	answers map[string]review.Answer
	refuse  bool // the next answer meets another one
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Security-Policy", policy)
	name := strings.TrimPrefix(r.URL.Path, "/page/")
	switch {
	case strings.HasPrefix(r.URL.Path, static.Prefix):
		static.Handler().ServeHTTP(w, r)
	case r.URL.Path == "/csp":
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		s.reports = append(s.reports, b.String())
	case strings.HasPrefix(r.URL.Path, "/reviews/q4"):
		s.review(w, r)
	default:
		for _, p := range pages() {
			if p.name == name {
				s.show(w, r, p, p.data())
				return
			}
		}
		http.NotFound(w, r)
	}
}

func (s *site) show(w http.ResponseWriter, r *http.Request, p page, data any) {
	var b strings.Builder
	if err := p.render(data).Render(r.Context(), &b); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

// review is the smallest server that keeps to the addresses and fields of the review page.
func (s *site) review(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/reviews/q4"), "/")
	clash := ""
	if r.Method == http.MethodPost && len(parts) > 2 {
		item := parts[2]
		switch {
		case s.refuse:
			s.refuse, clash = false, item
			w.WriteHeader(http.StatusConflict)
		default:
			s.answers[item] = review.Answer(r.PostFormValue(review.FieldAnswer))
			http.Redirect(w, r, "/reviews/q4?"+r.PostFormValue(review.FieldBack), http.StatusSeeOther)
			return
		}
	}
	p := reviewPage()
	p.Decided = int64(len(s.answers))
	var rows []review.Row
	for i, row := range p.Rows {
		if one := r.URL.Query().Get(review.ParamItem); one != "" && one != row.Item {
			continue
		}
		row.Answer, row.Conflict, row.Removal, row.Comment, row.Error = s.answers[row.Item], nil, nil, "", ""
		row.CanUndo, row.ReadOnly, row.Gone = row.Answer != review.None, false, ""
		if row.Item == clash {
			row.Conflict = p.Rows[3].Conflict
		}
		if row.Answer == review.Revoke {
			row.Removal = &review.Removal{ID: "r", State: ui.Tag{Text: "Sent"}, Pending: i == 0}
		}
		rows = append(rows, row)
	}
	p.Rows = rows
	pg := pageOf("live", func() review.Page { return p }, review.Show)
	s.show(w, r, pg, pg.data())
}

func browser(t *testing.T) (context.Context, *site, string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("Chromium is not installed (%v): run 'make deps'", err)
	}
	s := &site{answers: map[string]review.Answer{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))...))
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 8*time.Minute)
	t.Cleanup(stop)
	return ctx, s, srv.URL
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.60s: %v", js, err)
	}
	return v
}

// wideJS names what sticks out to the right of the page.
const wideJS = `[...document.querySelectorAll("body *")].filter(e => {
	if (e.closest(".scroll, .vh, .skip, thead")) return false;
	return e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 })
	.map(e => e.tagName + "." + e.className).slice(0, 3).join(" ") +
	(document.documentElement.scrollWidth > document.documentElement.clientWidth ? " page scrolls" : "")`

// smallJS names what is too small for a finger.
const smallJS = `[...document.querySelectorAll("main button, main .button, main summary, main select, main input:not([type=hidden]), .bar a, .bar summary, .seg span")].filter(e => {
	const b = e.closest("label.choice") || e; const r = b.getBoundingClientRect();
	return r.width > 1 && r.height > 1 && getComputedStyle(e).opacity != 0 && r.height < 40 })
	.map(e => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 20) + " " + Math.round(e.getBoundingClientRect().height)).slice(0, 4).join("; ")`

// axePath is axe-core, as 'make deps' installs it.
const axePath = "../cmd/recert/testdata/npm/node_modules/axe-core/axe.min.js"

const axeJS = `axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"], resultTypes: ["violations"]})
	.then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 3).join(" | ")).join("\n"))`

// Every page in every state keeps to the rules of axe-core and fits its window: in light, in dark
// and on a phone, where a finger also has to meet what it aims at.
func TestPages(t *testing.T) {
	t.Parallel()
	ctx, s, base := browser(t)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	lib, err := os.ReadFile(axePath)
	if err != nil {
		t.Fatalf("axe-core is not installed (%v): run 'make deps'", err)
	}
	// Nothing is to be measured half faded.
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	for _, p := range pages() {
		if !strings.HasPrefix(p.name, *only) {
			continue
		}
		do(t, ctx, chromedp.Navigate(base+"/page/"+p.name))
		eval[bool](t, ctx, string(lib)+";true")
		for _, look := range []struct {
			name, theme string
			width       int64
		}{{"light", layout.ThemeLight, 1280}, {"dark", layout.ThemeDark, 1280}, {"phone", layout.ThemeLight, 390}} {
			do(t, ctx, chromedp.EmulateViewport(look.width, 844))
			eval[bool](t, ctx, `document.documentElement.dataset.theme = "`+look.theme+`"; true`)
			for _, fault := range faults(t, ctx, look.name == "phone") {
				t.Errorf("%s %s: %s", p.name, look.name, fault)
			}
			picture(t, ctx, p.name+"-"+look.name)
		}
	}
	for _, r := range s.reports {
		t.Errorf("policy: %s", r)
	}
	planted(t, ctx, base)
}

// faults lists what is wrong with the page as it stands.
func faults(t *testing.T, ctx context.Context, phone bool) []string {
	t.Helper()
	var found []string
	if wide := eval[string](t, ctx, wideJS); wide != "" {
		found = append(found, "too wide: "+wide)
	}
	if phone {
		if small := eval[string](t, ctx, smallJS); small != "" {
			found = append(found, "small targets: "+small)
		}
	}
	if rules := eval[string](t, ctx, axeJS); rules != "" {
		found = append(found, rules)
	}
	return found
}

// planted puts a fault of each kind on a page, else clean results say nothing.
func planted(t *testing.T, ctx context.Context, base string) {
	t.Helper()
	for _, plant := range []struct{ tag, style, finds string }{
		{"input", "", "label:"}, {"div", "inline-size: 2000px", "too wide"}, {"button", "min-block-size: 0; block-size: 1rem; padding: 0", "small targets"},
	} {
		lib, err := os.ReadFile(axePath)
		if err != nil {
			t.Fatal(err)
		}
		do(t, ctx, chromedp.Navigate(base+"/page/help"))
		eval[bool](t, ctx, string(lib)+`; { const e = document.createElement("`+plant.tag+`"); e.style.cssText = "`+plant.style+`"; e.textContent = "planted"; document.querySelector("main").append(e) } true`)
		if found := strings.Join(faults(t, ctx, true), "\n"); !strings.Contains(found, plant.finds) {
			t.Errorf("planted %s is not found, but: %q", plant.finds, found)
		}
	}
}

// picture saves what the page looks like, where -shots asks for it.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The script sends an answer in the background, and what the server says appears.
func TestScript(t *testing.T) {
	t.Parallel()
	ctx, s, base := browser(t)
	wait := func(js string) {
		t.Helper()
		for range 100 {
			if eval[bool](t, ctx, "Boolean("+js+")") {
				return
			}
			do(t, ctx, chromedp.Sleep(50*time.Millisecond))
		}
		t.Fatalf("never true: %s", js)
	}
	click := func(sel string) { t.Helper(); do(t, ctx, chromedp.Click(sel)) }
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(base+"/reviews/q4"))
	eval[bool](t, ctx, `window.same = true`)

	click(`#item-3 input[value=keep]`)
	wait(`document.querySelector("#item-3.done input[value=keep]")?.checked && document.querySelector("#saved").textContent.includes("Saved: Lucía Gómez")`)
	wait(`document.querySelector("#progress").textContent.includes("1 of 180")`)
	if s.answers["3"] != review.Keep {
		t.Errorf("answers = %v", s.answers)
	}
	click(`#item-3 form[action$=undo] button`)
	wait(`!document.querySelector("#item-3.done") && document.querySelector("#saved").textContent.includes("Undone: Lucía Gómez")`)

	// An account of nobody known is named by itself, not by what stands below its name.
	click(`#item-7 input[value=keep]`)
	wait(`document.querySelector("#saved").textContent.includes("Saved: svc-ledger-export.")`)

	s.mu.Lock()
	s.refuse = true
	s.mu.Unlock()
	click(`#item-4 input[value=revoke]`)
	wait(`document.querySelector("#item-4.clash") && document.querySelector("#saved.bad")?.textContent.includes("Not saved")`)

	// With the keyboard, passing over an answer sends nothing.
	eval[bool](t, ctx, `document.querySelector("#item-8 input[value=keep]").focus(), true`)
	do(t, ctx, chromedp.Sleep(800*time.Millisecond), chromedp.KeyEvent("\u0303")) // arrow right
	wait(`document.querySelector("#item-8 input[value=revoke]").checked`)
	wait(`getComputedStyle(document.querySelector("#item-8 .save")).display !== "none"`)
	do(t, ctx, chromedp.Sleep(300*time.Millisecond))
	s.mu.Lock()
	if got, ok := s.answers["8"]; ok {
		t.Errorf("the arrow sent %q", got)
	}
	s.mu.Unlock()
	do(t, ctx, chromedp.KeyEvent("\r"))
	wait(`document.querySelector("#item-8.done input[value=revoke]")?.checked`)
	wait(`document.activeElement.closest("tr")?.id === "item-8"`)

	// Without an answer from the server the choice stays, with the way to save it.
	eval[bool](t, ctx, `document.querySelector("#item-6 form").action = "http://127.0.0.1:1/x", true`)
	click(`#item-6 input[value=keep]`)
	wait(`document.querySelector("#saved.bad")?.textContent.includes("Not saved for Hiro Tanaka") && document.querySelector("#item-6 input[value=keep]").checked`)

	if !eval[bool](t, ctx, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reports {
		if !strings.Contains(r, url.PathEscape("127.0.0.1:1")) && !strings.Contains(r, "127.0.0.1:1/x") {
			t.Errorf("policy: %s", r)
		}
	}
}
