package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// stepTimeout bounds one step in the browser. It is long because the machine that runs the tests may be busy.
const stepTimeout = 30 * time.Second

// The sizes that pages are looked at in, in CSS pixels.
var (
	desktopSize = [2]int64{1440, 900}
	phoneSize   = [2]int64{390, 844}
)

// browser is a running Chromium.
type browser struct{ ctx context.Context }

// newBrowser starts Chromium until the test ends. A machine without it fails the test.
func newBrowser(t testing.TB) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("Chromium is not installed (%v): run 'make deps'", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator, chromedp.WithErrorf(t.Logf))
	t.Cleanup(func() {
		stop()
		stopAllocator()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &browser{ctx: ctx}
}

// tab is one page of a browser. Its methods fail the test when a step does not work out.
type tab struct {
	t    testing.TB
	ctx  context.Context
	size [2]int64

	mu       sync.Mutex
	document string // the address last asked for or submitted to
	found    []string
}

// newTab opens a tab with cookies of its own, at desktop size, in light colours, with scripting.
func (b *browser) newTab(t testing.TB) *tab {
	t.Helper()
	p := &tab{t: t}
	ctx, stop := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	p.ctx = ctx
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	tabCall(p, audits.Enable, cdp.Empty{})
	p.resize(desktopSize)
	p.dark(false)
	return p
}

// do runs steps that return nothing.
func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v\nthe page is %s", what, err, p.describe())
	}
}

// tabGet runs a step that returns a value.
func tabGet[T any](p *tab, what string, step chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	value, err := chromedp.Run(ctx, step)
	if err != nil {
		p.t.Fatalf("%s: %v\nthe page is %s", what, err, p.describe())
	}
	return value
}

// tabCall sends one command to the tab.
func tabCall[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		p.t.Fatalf("%s: %v", command.Method, err)
	}
}

// describe says where a tab is, for messages; it cannot fail.
func (p *tab) describe() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "gone: " + err.Error()
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		text = err.Error()
	}
	return fmt.Sprintf("%s:\n%.1500s", address, text)
}

// open goes to an address and returns the status of the document.
func (p *tab) open(address string) int {
	p.t.Helper()
	p.mu.Lock()
	p.document = address
	p.mu.Unlock()
	return p.load("open "+address, chromedp.Navigate(address))
}

// click clicks what the CSS selector finds first, once it is visible.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// follow clicks something that leads to another page, a link or a form's button, and returns the
// status of the document that comes after all redirects.
func (p *tab) follow(selector string) int {
	p.t.Helper()
	return p.load("follow "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (p *tab) load(what string, step chromedp.Action[chromedp.Void]) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		p.t.Fatalf("%s: %v\nthe page is %s", what, err, p.describe())
	}
	p.mu.Lock()
	p.document = response.URL
	// What a form leads to is known only now; its status is no fault of the page either.
	p.found = slices.DeleteFunc(p.found, func(f string) bool {
		return strings.HasPrefix(f, "browser error: Failed to load resource") && strings.HasSuffix(f, " "+response.URL)
	})
	p.mu.Unlock()
	return int(response.Status)
}

// fill replaces the text of a field.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	field := chromedp.CSS(selector)
	empty := fmt.Sprintf("document.querySelector(%q).value = ''; 0", selector) // chromedp.Clear fails on an empty textarea
	p.do("fill "+selector, chromedp.WaitVisible(field), chromedp.Evaluate[chromedp.Void](empty), chromedp.SendKeys(field, text))
}

// choose sets the value of a select or of another field that is not typed into.
func (p *tab) choose(selector, value string) {
	p.t.Helper()
	p.do("choose "+value, chromedp.SetValue(chromedp.CSS(selector), value))
}

// upload gives a file field its file.
func (p *tab) upload(selector, file string) {
	p.t.Helper()
	p.do("upload "+file, chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}))
}

// press types keys to whatever has the focus, as a person without a mouse would.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.do("press keys", chromedp.KeyEvent(keys))
}

// pressAndFollow types keys that lead to another page, and returns the status of its document.
func (p *tab) pressAndFollow(keys string) int {
	p.t.Helper()
	return p.load("press keys", chromedp.KeyEvent(keys))
}

// wait waits until the selector finds something visible.
func (p *tab) wait(selector string) {
	p.t.Helper()
	p.do("wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// text is what a person reads in the first element that the selector finds, once it is there.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return tabGet(p, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// count is how many elements the selector finds now.
func (p *tab) count(selector string) int {
	p.t.Helper()
	return tabGet(p, "count "+selector, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
}

// address is where the tab is.
func (p *tab) address() string {
	p.t.Helper()
	return tabGet(p, "read the address", chromedp.Location())
}

// resize sets the size of the window's inside; phone also emulates touch.
func (p *tab) resize(size [2]int64) {
	p.t.Helper()
	p.size = size
	var options []chromedp.EmulateViewportOption
	if size == phoneSize {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	p.do("resize", chromedp.EmulateViewport(size[0], size[1], options...))
}

// dark asks for dark or for light colours, and for no motion, so that nothing is measured half faded.
func (p *tab) dark(on bool) {
	p.t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	tabCall(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// scripting switches the page's scripts on or off, from the next page on.
func (p *tab) scripting(on bool) {
	p.t.Helper()
	tabCall(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// overflow is by how many pixels the page is wider than its window. A phone widens its window to what the
// page needs, so the size that was asked for counts.
func (p *tab) overflow() int {
	p.t.Helper()
	return max(0, tabGet(p, "measure", chromedp.Evaluate[int](`document.documentElement.scrollWidth`))-int(p.size[0]))
}

// shot saves a picture of the whole page as NAME.png in the folder that RECERT_SHOTS names, if it does.
func (p *tab) shot(name string) {
	p.t.Helper()
	p.picture(name, chromedp.FullScreenshot(100))
}

// window is shot for what is in the window now.
func (p *tab) window(name string) {
	p.t.Helper()
	p.picture(name, chromedp.CaptureScreenshot())
}

func (p *tab) picture(name string, take chromedp.Action[[]byte]) {
	p.t.Helper()
	folder := os.Getenv("RECERT_SHOTS")
	if folder == "" {
		return
	}
	image := tabGet(p, "take a picture", take)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), image, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// listen collects what the browser complains about. It runs in the browser's event loop: no steps in here.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			p.found = append(p.found, "console error: "+consoleArguments(e.Args))
		}
	case *runtime.EventExceptionThrown:
		p.found = append(p.found, "exception: "+consoleException(e.ExceptionDetails))
	case *log.EventEntryAdded:
		// The status of the document itself is what open and follow return, not a fault of the page.
		if e.Entry.Level == log.EntryLevelError && e.Entry.URL != p.document {
			p.found = append(p.found, "browser error: "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			p.found = append(p.found, fmt.Sprintf("content security policy: %s refuses %s %s",
				d.ViolatedDirective, d.ContentSecurityPolicyViolationType, d.BlockedURL))
		}
	}
}

func consoleArguments(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		word := a.Description
		if word == "" {
			word = string(a.Value)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func consoleException(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return d.Text
}

// problems returns, once, what the browser has complained about so far: errors on the console,
// exceptions that nobody caught, resources that failed to load, content policy violations.
func (p *tab) problems() []string {
	p.t.Helper()
	tabGet(p, "settle", chromedp.Evaluate[bool](`true`)) // what happened before this has been reported after it
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.found
	p.found = nil
	return found
}

// axeViolation is a rule of axe-core that a page breaks, and where.
type axeViolation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

func (v axeViolation) String() string {
	lines := []string{v.ID + ": " + v.Help}
	for _, n := range v.Nodes {
		lines = append(lines, "  "+n.HTML, "    "+strings.ReplaceAll(n.Summary, "\n", "\n    "))
	}
	return strings.Join(lines, "\n")
}

// axe checks the page as it stands against the rules of WCAG 2.2, level A and AA, or against the
// given rules alone. Scripting must be on.
func (p *tab) axe(rules ...string) []axeViolation {
	p.t.Helper()
	source, err := os.ReadFile(npmFile(p.t, "axe-core/axe.min.js"))
	if err != nil {
		p.t.Fatal(err)
	}
	// The debugger's scripts are not subject to the page's content policy, so it stays in force.
	p.do("load axe-core", chromedp.Evaluate[chromedp.Void](string(source)+";0"))
	if len(rules) == 0 {
		rules = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"}
	}
	only, err := json.Marshal(rules)
	if err != nil {
		p.t.Fatal(err)
	}
	result := tabGet(p, "run axe-core", chromedp.Evaluate[string](`axe.run(document, {
		runOnly: `+string(only)+`, resultTypes: ["violations"],
	}).then(({passes, violations}) => JSON.stringify({passes: passes.length, violations}))`, chromedp.EvalAwaitPromise))
	var report struct {
		Passes     int            `json:"passes"`
		Violations []axeViolation `json:"violations"`
	}
	if err := json.Unmarshal([]byte(result), &report); err != nil {
		p.t.Fatalf("read axe-core's result: %v", err)
	}
	if report.Passes == 0 {
		p.t.Fatalf("axe-core found nothing to check on %s", p.describe())
	}
	return report.Violations
}
