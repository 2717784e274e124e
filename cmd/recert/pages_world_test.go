package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"recert/campaigns"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

// pagesWorld is the demo's company with what a good company lacks: a held snapshot, rejected rows,
// accounts of nobody, circles in the reporting lines, campaigns that cannot be launched.
type pagesWorld struct {
	t    *testing.T
	base string
	demo *demo
	held int64 // the held snapshot
}

// pagesConfig goes on top of the demo's.
const pagesConfig = `
apiVersion: recert/v1
kind: Source
name: partners
spec: {provides: people, type: csv}
---
apiVersion: recert/v1
kind: Source
name: archive
spec: {provides: access, type: csv, revoke: {mode: manual}}
---
apiVersion: recert/v1
kind: Source
name: unread
spec: {provides: access, type: csv}
---
apiVersion: recert/v1
kind: Campaign
name: ready
spec:
  title: Yearly review of the atlas
  purpose: Access to the atlas is checked once a year.
  scope: {sources: [atlas], where: "entitlement.risk != 'low'"}
  stages: [{reviewers: [manager, source_owner], due: 14d}]
  on_no_answer: revoke
---
apiVersion: recert/v1
kind: Campaign
name: blocked
spec:
  scope: {sources: [archive]}
  stages: [{reviewers: [manager], due: 14d}]
`

const pagesPeople = `person_id,name,email,manager_id,status
x1,Rosa Ring,rosa@partners.example,x2,active
x2,Otto Ring,otto@partners.example,x1,active
x3,Nora Nobody,nora@partners.example,x9,active
x4,Sol Self,sol@partners.example,x4,leave
`

// newPagesWorld runs the demo and adds to it.
func newPagesWorld(t *testing.T) *pagesWorld {
	t.Helper()
	ln := listenLoopback(t)
	w := &pagesWorld{t: t, base: "http://" + ln.Addr().String()}
	e := &env{cli: &cli{LogLevel: "error"}, out: io.Discard, errOut: t.Output()}
	w.demo = &demo{env: e, dir: t.TempDir(), base: w.base, company: newDemoCompany(now())}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.demo.serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	for end := now().Add(4 * time.Minute); !w.demo.ready.Load(); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the demo ended with %v", err)
		default:
		}
		if now().After(end) {
			t.Fatal("the demo is not ready after four minutes")
		}
	}
	w.spoil()
	return w
}

func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// spoil adds what a good company lacks.
func (w *pagesWorld) spoil() {
	w.t.Helper()
	docs, err := campaigns.ReadDocuments("pages.yaml", strings.NewReader(pagesConfig))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := campaigns.Apply(w.t.Context(), w.demo.store, "test", docs, false); err != nil {
		w.t.Fatal(err)
	}
	w.ingest("partners", model.KindPeople, pagesPeople)
	var grants strings.Builder
	grants.WriteString("account_id,entitlement_id,granted_at,via\n")
	for i := range 60 {
		fmt.Fprintf(&grants, "a%d,shelf-%d,2026-01-02,\n", i, i%7)
	}
	for i := range 4 {
		fmt.Fprintf(&grants, "a%d,shelf-1,the day before yesterday with a_very_long_name_that_nothing_can_break,\n", i)
	}
	if res := w.ingest("archive", model.KindGrants, grants.String()); res.State != model.SnapshotSealed || res.Rejected != 4 {
		w.t.Fatalf("archive: %s with %d rejected", res.State, res.Rejected)
	}
	res := w.ingest("archive", model.KindGrants, "account_id,entitlement_id\na1,shelf-1\n")
	if res.State != model.SnapshotHeld {
		w.t.Fatalf("a snapshot that loses nearly everything is %s", res.State)
	}
	w.held = res.Snapshot
}

func (w *pagesWorld) ingest(source string, kind model.Kind, text string) ingest.Result {
	w.t.Helper()
	res, err := newIngest(w.demo.store).Run(w.t.Context(), ingest.Request{
		Source: source, Origin: ingest.OriginCLI, Actor: "command line: test", Files: []ingest.File{{
			Kind: kind, Name: string(kind) + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// signIn chooses a card at the demo's sign-in page.
func (w *pagesWorld) signIn(t *testing.T, b *browser, role string) *tab {
	t.Helper()
	p := b.newTab(t)
	p.open(w.base + "/")
	for _, u := range w.demo.company.demoUsers() {
		if strings.EqualFold(u.Role, role) {
			if status := p.follow(fmt.Sprintf("button[value=%q]", u.Subject)); status != http.StatusOK || p.address() != w.base+"/" {
				t.Fatalf("after signing in as %s: status %d, %s", role, status, p.describe())
			}
			return p
		}
	}
	t.Fatalf("the demo has no %s", role)
	return nil
}

// actor is somebody of the demo, as the pages know them.
func (w *pagesWorld) actor(role string) model.Actor {
	w.t.Helper()
	for _, a := range w.demo.company.actors() {
		if a.Role == role {
			p, err := w.demo.store.PersonByID(w.t.Context(), a.PersonID)
			if err != nil {
				w.t.Fatal(err)
			}
			return model.Actor{Name: a.Name, Email: a.Email, PersonKey: p.Key, PersonID: a.PersonID}
		}
	}
	w.t.Fatalf("the demo has no %s", role)
	return model.Actor{}
}

// emptySite is Recert on an empty database without single sign-on. It returns its address and a
// one-time link for an administrator.
func emptySite(t *testing.T) (base, link string) {
	t.Helper()
	ln := listenLoopback(t)
	base = "http://" + ln.Addr().String()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "empty.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := &env{cli: &cli{LogLevel: "error"}, out: io.Discard, errOut: t.Output()}
	a, err := newApp(t.Context(), s, ServeFlags{secretsKeyFile: filepath.Join(t.TempDir(), "secrets.key")}, base, e.logger())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx, ln, "false") }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	token, err := campaigns.CreateLoginLink(t.Context(), s, "test", "admin@example.com", model.Admin)
	if err != nil {
		t.Fatal(err)
	}
	return base, base + "/login/link?token=" + url.QueryEscape(token)
}

// crawler follows the links of a site with a browser's session, without the browser.
type crawler struct {
	t      testing.TB
	base   string
	cookie string
	client *http.Client
	status map[string]int      // by address, the path and query
	from   map[string]string   // where an address was found first
	asked  map[string]int      // by shape
	pages  map[string][]string // the pages that were read, by shape
}

// How many pages of one shape a crawl reads, and how many it asks for from pages of one shape.
const (
	crawlRead = 12
	crawlAsk  = 10
)

// crawl goes to every page that the links lead to from the home page.
func crawl(p *tab, base string) *crawler {
	p.t.Helper()
	c := &crawler{
		t: p.t, base: base, cookie: p.cookies(base), status: map[string]int{}, from: map[string]string{}, asked: map[string]int{}, pages: map[string][]string{},
		client: &http.Client{Timeout: stepTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	queue := []string{"/"}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, link := range c.visit(at) {
			if _, seen := c.from[link]; !seen && link != "/" {
				c.from[link] = at
				queue = append(queue, link)
			}
		}
	}
	return c
}

// visit asks for one page, and gives its links where it is read.
func (c *crawler) visit(at string) []string {
	shape := shapeOf(at)
	step := shapeOf(c.from[at]) + " to " + shape
	if c.asked[step]++; c.asked[step] > crawlAsk {
		return nil
	}
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+at, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Cookie", c.cookie)
	res, err := c.client.Do(req)
	if err != nil {
		c.t.Fatalf("%s: %v", at, err)
	}
	defer res.Body.Close()
	c.status[at] = res.StatusCode
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	if len(c.pages[shape]) == crawlRead {
		return nil
	}
	c.pages[shape] = append(c.pages[shape], at)
	root, err := html.Parse(res.Body)
	if err != nil {
		c.t.Fatalf("%s: %v", at, err)
	}
	return linksOf(root, at)
}

// linksOf lists the links of a page to its own site, without what follows #.
func linksOf(root *html.Node, at string) []string {
	here, err := url.Parse(at)
	if err != nil {
		return nil
	}
	var links []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		for _, a := range n.Attr {
			u, err := here.Parse(a.Val)
			if a.Key == "href" && err == nil && u.Host == "" && (u.Scheme == "" || u.Scheme == "http") {
				links = append(links, u.RequestURI())
			}
		}
	}
	return links
}

// shapeOf is an address with its names and numbers left out: pages of one shape look alike.
func shapeOf(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	parts := strings.Split(u.Path, "/")
	if len(parts) > 2 && parts[2] != "new" {
		parts[2] = "*"
	}
	shape := strings.Join(parts, "/")
	words := []string{shape}
	for _, name := range []string{"after", "before", "item", "q", "source", "state", "as_of"} {
		if u.Query().Has(name) {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

// cookies are the tab's cookies for a site, as a header has them.
func (p *tab) cookies(base string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	got, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{base + "/"}})
	if err != nil {
		p.t.Fatal(err)
	}
	var pairs []string
	for _, c := range got.Cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}
