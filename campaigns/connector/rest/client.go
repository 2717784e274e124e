package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns/connector"
	"recert/model"
)

const (
	maxBody    = 4 << 20 // bytes of an answer that are read
	drainLimit = 64 << 10
)

// Config is how an outside system is reached. Name, URL and Now are required.
type Config struct {
	Name    string                                                               // for messages: "Jira"
	URL     string                                                               // without credentials, query and fragment; https, but for this very machine
	CAFile  string                                                               // PEM file of further authorities that are trusted; "" is the system's only
	Timeout time.Duration                                                        // of one request, its answer included; 0 is 30 s
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil is a dial.Dialer that may go anywhere
	Now     func() time.Time
	// Dress sets the credentials of a request; nil is none.
	Dress func(r *http.Request)
	// Secrets are what must never be in an error.
	Secrets []string
}

// Client sends requests to one system. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base string
	http *http.Client
}

// Request is one call.
type Request struct {
	Method string
	Path   string // escaped, below the base; "" is the base itself
	Query  url.Values
	Header http.Header
	Body   []byte // nil is none
}

// Answer is what the system said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// CheckURL refuses an address to which no secret should travel. setting names it in the message.
func CheckURL(setting, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, model.Errorf(model.Invalid, "%s must be an address like https://jira.example.com", setting)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, model.Errorf(model.Invalid, "%s must hold no user, password, query or fragment", setting)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, model.Errorf(model.Invalid, "%s must begin with https://: over http:// everybody on the way could read it", setting)
	}
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// New checks cfg and makes a Client; it sends nothing.
func New(cfg Config) (*Client, error) {
	u, err := CheckURL(cfg.Name+": url", cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		return nil, errors.New("rest.New: Config.Now is required")
	}
	if cfg.Timeout < 0 {
		return nil, model.Errorf(model.Invalid, "%s: timeout must not be negative", cfg.Name)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	client, err := NewHTTP(Transport{Name: cfg.Name + ": ca_file", CAFile: cfg.CAFile, Dial: cfg.Dial})
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, base: strings.TrimSuffix(u.String(), "/"), http: client}, nil
}

// Base is the address of the system, without a slash at its end.
func (c *Client) Base() string { return c.base }

// Now is the configured clock.
func (c *Client) Now() time.Time { return c.cfg.Now() }

// Do sends one request once. Whatever the status of the answer, it is no error; no whole answer is
// one of kind Unreachable.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	address := c.base + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, body)
	if err != nil {
		return nil, c.Fail(connector.Broken, "The request to "+c.cfg.Name+" cannot be made", err)
	}
	// Without it net/http never sends a request a second time by itself.
	req.GetBody = nil
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "recert")
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	if c.cfg.Dress != nil {
		c.cfg.Dress(req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.Fail(connector.Unreachable, c.cfg.Name+" gave no answer", err)
	}
	defer resp.Body.Close()
	a := &Answer{Status: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, c.Fail(connector.Unreachable, "The answer of "+c.cfg.Name+" was cut off", err)
	case len(a.Body) > maxBody:
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit) // so that the connection may be kept; nobody reads it
		return nil, c.Fail(connector.Broken, c.cfg.Name+" gave an answer of more than 4 MiB", nil)
	}
	return a, nil
}

// Connect only connects, with TLS where the address asks for it: nothing is sent.
func (c *Client) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	if err := c.connect(ctx); err != nil {
		return c.Fail(connector.Unreachable, c.cfg.Name+" cannot be reached", err)
	}
	return nil
}

func (c *Client) connect(ctx context.Context) (err error) {
	u, err := url.Parse(c.base)
	if err != nil {
		return err
	}
	t, ok := c.http.Transport.(*http.Transport)
	if !ok {
		return errors.New("the client has no transport of its own")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	conn, err := t.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if u.Scheme == "http" {
		return nil
	}
	cfg := t.TLSClientConfig.Clone()
	cfg.ServerName = u.Hostname()
	return tls.Client(conn, cfg).HandshakeContext(ctx)
}

// Decode reads the JSON of an answer; what is no such JSON is Broken.
func (c *Client) Decode(a *Answer, into any) error {
	if !utf8.Valid(a.Body) {
		return c.Fail(connector.Broken, "The answer of "+c.cfg.Name+" is not UTF-8", nil)
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return c.Fail(connector.Broken, "The answer of "+c.cfg.Name+" is not the JSON that it should be; is url its address?", nil)
	}
	return nil
}

// Status is the Failure that a status other than the hoped for means. what was asked, as in "Opening
// the ticket".
func (c *Client) Status(what string, a *Answer) *connector.Failure {
	f := &connector.Failure{Kind: connector.Refused}
	says := fmt.Sprintf("%s: %s answered %d %s", what, c.cfg.Name, a.Status, http.StatusText(a.Status))
	switch s := a.Status; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusProxyAuthRequired:
		f.Kind, f.Msg = connector.Denied, says+": it does not accept our credentials for this; renew them, or give them the right"
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
		f.Kind, f.RetryAfter, f.Msg = connector.Unreachable, max(c.RetryAfter(a.Header), time.Second), says+": it asks to come back later"
	case s >= 500 || s == http.StatusRequestTimeout || s == http.StatusTooEarly:
		f.Kind, f.Msg = connector.Unreachable, says
	case s >= 300 && s < 400:
		f.Kind, f.Msg = connector.Broken, says+": redirects are not followed; set url to the address that it really has"
	case s < 300:
		f.Kind, f.Msg = connector.Broken, says+", which it should not"
	default:
		f.Msg = says
	}
	return f
}

// RetryAfter reads the header of an answer; 0 is none.
func (c *Client) RetryAfter(h http.Header) time.Duration { return RetryAfter(h, c.cfg.Now()) }

// Fail is a Failure whose cause holds no secret and no address.
func (c *Client) Fail(kind connector.FailureKind, msg string, err error) *connector.Failure {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if err != nil && c.leaks(err.Error()) {
		err = errors.New("the cause is withheld, because it repeats a credential")
	}
	return &connector.Failure{Kind: kind, Msg: msg, Err: err}
}

func (c *Client) leaks(s string) bool {
	for _, secret := range c.cfg.Secrets {
		if secret != "" && (strings.Contains(s, secret) || strings.Contains(s, url.QueryEscape(secret))) {
			return true
		}
	}
	return false
}

// Unprintable tells a character that a header cannot carry.
func Unprintable(r rune) bool { return r <= ' ' || r >= 0x7f }
