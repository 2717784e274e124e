package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"recert/web/session"
)

// logOut signs out here and at the identity provider: the next visit asks who it is.
func (l *browserLoop) logOut(p *tab) {
	l.t.Helper()
	token := l.cookie(p)
	p.click("details.menu summary")
	p.follow("form[action='/logout'] button")
	if !strings.HasPrefix(p.address(), l.idp.URL) {
		l.t.Fatalf("signing out does not lead to the identity provider: %s", p.describe())
	}
	p.follow("button")
	if text := p.text("main"); p.address() != l.base+"/logout" || !strings.Contains(text, "You are signed out") {
		l.t.Fatalf("after signing out: %s", p.describe())
	}
	l.ended(token)
	p.open(l.base + "/")
	if p.count("#username") != 1 {
		l.t.Errorf("after signing out, nobody is asked who it is: %s", p.describe())
	}
}

// cookie is the session's token in the browser.
func (l *browserLoop) cookie(p *tab) string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	got, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{l.base + "/"}})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, c := range got.Cookies {
		if c.Name == session.Name {
			if !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax {
				l.t.Errorf("the cookie is HttpOnly %v, SameSite %s", c.HTTPOnly, c.SameSite)
			}
			return c.Value
		}
	}
	l.t.Fatalf("there is no session: %s", p.describe())
	return ""
}

// ended wants that the session of a token is no more.
func (l *browserLoop) ended(token string) {
	l.t.Helper()
	if _, err := l.store.SessionByToken(l.t.Context(), session.Hash(token)); err == nil {
		l.t.Error("the session is still there")
	}
}

// close closes the run although one reviewer has not answered.
func (l *browserLoop) close(p *tab) {
	l.t.Helper()
	p.open(l.base + "/campaigns")
	p.follow("tbody th a")
	p.follow("a[href$='/close']")
	p.click("[name=confirm]")
	p.follow("form button.danger")
	if text := p.text("h1"); !strings.Contains(text, "Closed") {
		l.t.Fatalf("it is not closed: %s", p.describe())
	}
}

// verify downloads the package as the auditor and checks it offline, as it is and after a change.
func (l *browserLoop) verify(p *tab) {
	l.t.Helper()
	p.follow("nav a[href='/evidence']")
	key := strings.TrimSpace(p.text("section[aria-labelledby=checkpoint] pre:last-of-type"))
	file := p.download("section[aria-labelledby=packages] button")
	if out := cliRun(l.t, exitDone, "verify", file, "--key", key); !strings.HasSuffix(out, "\nOK\n") {
		l.t.Errorf("verify: %s", out)
	}
	content := readFile(l.t, file)
	if bytes.Contains(content, []byte(os.Getenv("LOOP_BROWSER_TOKEN"))) {
		l.t.Error("the package holds the target's token")
	}
	content[len(content)/2] ^= 1
	if out := cliRun(l.t, exitCheck, "verify", writeFile(l.t, l.t.TempDir(), "bad.zip", string(content))); !strings.Contains(out, "FAILED: ") {
		l.t.Errorf("verify of a changed package: %s", out)
	}
	cliRun(l.t, exitDone, "--database="+l.dsn, "doctor", "--strict")
}

// endFromOutside ends the session at the identity provider, which tells us behind the browser's back.
func (l *browserLoop) endFromOutside(p *tab) {
	l.t.Helper()
	token := l.cookie(p)
	row, err := l.store.SessionByToken(l.t.Context(), session.Hash(token))
	if err != nil || row.SID == "" {
		l.t.Fatalf("the session has the sid %q (%v)", row.SID, err)
	}
	if err := l.idp.endSession(l.t, "s-audrey", row.SID); err != nil {
		l.t.Fatalf("the logout token was refused: %v", err)
	}
	l.ended(token)
	p.open(l.base + "/evidence") // the provider's own session is alive in this test: it signs in anew at once
	if l.cookie(p) == token {
		l.t.Error("the ended session's cookie is still in use")
	}
}

// download clicks what gives a file, and returns where the browser put it.
func (p *tab) download(selector string) string {
	p.t.Helper()
	folder := p.t.TempDir()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	params := cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	}
	if _, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, params); err != nil {
		p.t.Fatal(err)
	}
	p.click(selector)
	for ctx.Err() == nil {
		found, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			p.t.Fatal(err)
		}
		if len(found) == 1 && !strings.HasSuffix(found[0], ".crdownload") {
			return found[0]
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("nothing was downloaded: %s", p.describe())
	return ""
}
