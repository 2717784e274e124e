package webtest

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"recert/model"
	"recert/model/store"
	"recert/web/session"
)

// Client is a browser without scripts: it keeps cookies, and says where a form comes from.
type Client struct {
	TB      testing.TB
	Handler http.Handler
	Base    string // "http://recert.example"
	Cookies map[string]string
	Header  http.Header // set on every request, over the usual ones
}

// New is a client of nobody.
func New(tb testing.TB, h http.Handler, base string) *Client {
	return &Client{TB: tb, Handler: h, Base: base, Cookies: map[string]string{}, Header: http.Header{}}
}

// Page is an answer.
type Page struct {
	TB     testing.TB
	What   string // the request, for messages
	Status int
	Header http.Header
	Body   string
	Root   *html.Node
}

// SignIn gives the client a session of a user, minted in the database, and gives the user.
func (c *Client) SignIn(s *store.Store, u store.User) store.User {
	c.TB.Helper()
	token := rand.Text() + rand.Text()
	var user store.User
	err := s.InTx(context.Background(), func(tx *store.Tx) error {
		var err error
		if user, err = tx.LoginUser(context.Background(), u); err != nil {
			return err
		}
		return tx.PutSession(context.Background(), store.Session{
			TokenHash: session.Hash(token), UserID: &user.ID, Data: "{}", Roles: user.Roles, Iss: user.Iss, Sub: user.Sub,
			AuthTime: tx.Now, CreatedAt: tx.Now, LastSeenAt: tx.Now, ExpiresAt: tx.Now.Add(8 * time.Hour),
		})
	})
	if err != nil {
		c.TB.Fatal(err)
	}
	name := session.Name
	if strings.HasPrefix(c.Base, "https:") {
		name = "__Host-" + name
	}
	c.Cookies[name] = token
	return user
}

// UserOf is a user who is tied to a person, with roles.
func UserOf(sub, name string, person *int64, roles ...model.Role) store.User {
	return store.User{Iss: "https://idp.example", Sub: sub, Name: name, Email: sub + "@example.com", PersonKey: person, Roles: store.JoinRoles(roles)}
}

// Get asks for a page.
func (c *Client) Get(path string) *Page {
	c.TB.Helper()
	return c.Do(http.MethodGet, path, "", nil)
}

// Post sends a form.
func (c *Client) Post(path string, form url.Values) *Page {
	c.TB.Helper()
	return c.Do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// Submit sends a form of a page with some fields changed.
func (c *Client) Submit(f Form, change url.Values) *Page {
	c.TB.Helper()
	values := url.Values{}
	for k, v := range f.Values {
		values[k] = v
	}
	for k, v := range change {
		values[k] = v
	}
	if f.Method == http.MethodGet {
		return c.Get(f.Action + "?" + values.Encode())
	}
	return c.Post(f.Action, values)
}

// Do sends one request and follows no redirect.
func (c *Client) Do(method, path, contentType string, body io.Reader) *Page {
	c.TB.Helper()
	r := httptest.NewRequestWithContext(c.TB.Context(), method, c.Base+path, body)
	r.RemoteAddr = "192.0.2.1:1234"
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	for k, v := range c.Header {
		r.Header[k] = v
	}
	for name, value := range c.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a request's cookie has no attributes
	}
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, r)
	res := w.Result()
	defer res.Body.Close()
	for _, k := range res.Cookies() {
		if k.MaxAge < 0 {
			delete(c.Cookies, k.Name)
		} else {
			c.Cookies[k.Name] = k.Value
		}
	}
	p := &Page{TB: c.TB, What: method + " " + path, Status: res.StatusCode, Header: res.Header, Body: w.Body.String()}
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		c.TB.Fatalf("%s: %v", p.What, err)
	}
	p.Root = root
	return p
}

// Follow asks for the page that a redirect names; anything else fails the test.
func (c *Client) Follow(p *Page) *Page {
	c.TB.Helper()
	if p.Status != http.StatusSeeOther {
		c.TB.Fatalf("%s: status %d, want a redirect: %s", p.What, p.Status, shorten(Text(p.Root)))
	}
	to, _, _ := strings.Cut(p.Header.Get("Location"), "#")
	return c.Get(to)
}

// Want checks the status and the page.
func (p *Page) Want(status int, checks ...Check) *Page {
	p.TB.Helper()
	if p.Status != status {
		p.TB.Fatalf("%s: status %d, want %d: %s", p.What, p.Status, status, shorten(Text(p.Root)))
	}
	for _, c := range checks {
		if err := c(p.Root); err != nil {
			p.TB.Errorf("%s: %v", p.What, err)
		}
	}
	return p
}

// Form is the one form that a selector finds.
func (p *Page) Form(selector string) Form {
	p.TB.Helper()
	found, err := find(p.Root, selector)
	if err != nil {
		p.TB.Fatal(err)
	}
	if len(found) != 1 {
		p.TB.Fatalf("%s: %d forms %s, want 1: %s", p.What, len(found), selector, shorten(Text(p.Root)))
	}
	return formOf(found[0])
}

// Attrs are the values of an attribute of all elements that a selector finds.
func (p *Page) Attrs(selector, name string) []string {
	p.TB.Helper()
	found, err := find(p.Root, selector)
	if err != nil {
		p.TB.Fatal(err)
	}
	var out []string
	for _, n := range found {
		out = append(out, attr(n, name))
	}
	return out
}
