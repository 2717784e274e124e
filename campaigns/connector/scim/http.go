package scim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

const (
	mediaType  = "application/scim+json"
	drainLimit = 64 << 10 // bytes of an answer that nobody reads, taken so that the connection is kept
	readTries  = 5        // of one page of a long read
	readWait   = 2 * time.Minute
)

// request is one call of the target.
type request struct {
	method string
	path   string // escaped, below the base, as "/Groups/g1"
	query  url.Values
	guard  string // If-Match; "" is none
	key    string // Idempotency-Key; "" is none
	body   []byte
}

// answer is what the target said; its body is read for GET only.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one request once. An error is a Failure of kind Unreachable, or Broken where the
// answer of a GET is too long.
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, c.fail(connector.Broken, "The request to the target cannot be made", err)
	}
	// Without GetBody net/http never sends a change a second time by itself, which it would do
	// on a lost connection because of the Idempotency-Key: whether a change is repeated is
	// decided after a read, and only there.
	req.GetBody = nil
	c.dress(req, r)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.fail(connector.Unreachable, c.what(r)+" got no answer", err)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if r.method != http.MethodGet || resp.StatusCode != http.StatusOK {
		// The status is the answer: an end of the body that is lost changes nothing about it.
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
		return a, nil
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBody+1))
	if err != nil {
		return nil, c.fail(connector.Unreachable, c.what(r)+": the answer was cut off", err)
	}
	if int64(len(a.body)) > c.cfg.MaxBody {
		return nil, c.fail(connector.Broken, fmt.Sprintf("%s: the answer is longer than %d bytes", c.what(r), c.cfg.MaxBody), nil)
	}
	return a, nil
}

// dress sets the headers.
func (c *Client) dress(req *http.Request, r request) {
	req.Header.Set("Accept", mediaType+", application/json")
	req.Header.Set("User-Agent", "recert")
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	} else {
		req.SetBasicAuth(c.cfg.Username, c.cfg.Password)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", mediaType)
	}
	if r.guard != "" {
		req.Header.Set("If-Match", r.guard)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
}

// get reads one JSON document; found is false where the target answers 404. A patient client
// waits where the target asks for it, because a read of thousands of pages would otherwise
// never end; others leave the waiting to the worker.
func (c *Client) get(ctx context.Context, path string, query url.Values, into any) (a *answer, found bool, err error) {
	for try := 1; ; try++ {
		a, found, err = c.getOnce(ctx, path, query, into)
		if err == nil || !c.patient {
			return a, found, err
		}
		d := connector.FailureOf(err).RetryAfter
		if d == 0 || d > readWait || try == readTries {
			return nil, false, err
		}
		if werr := c.cfg.Wait(ctx, d); werr != nil {
			return nil, false, c.fail(connector.Unreachable, "The read was stopped while the target asked to wait", werr)
		}
	}
}

func (c *Client) getOnce(ctx context.Context, path string, query url.Values, into any) (a *answer, found bool, err error) {
	r := request{method: http.MethodGet, path: path, query: query}
	a, err = c.do(ctx, r)
	if err != nil {
		return nil, false, err
	}
	switch a.status {
	case http.StatusOK:
	case http.StatusNotFound:
		return a, false, nil
	default:
		return nil, false, c.status(r, a)
	}
	// encoding/json would turn bytes that are not UTF-8 into U+FFFD, and two ids into one.
	if !utf8.Valid(a.body) {
		return nil, false, c.fail(connector.Broken, c.what(r)+": the answer is not UTF-8", nil)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return nil, false, c.fail(connector.Broken, c.what(r)+": the answer is not the JSON that SCIM asks for", err)
	}
	return a, true, nil
}

// status is the Failure that an answer other than the hoped for means.
func (c *Client) status(r request, a *answer) error {
	f := &connector.Failure{Kind: connector.Refused, RetryAfter: rest.RetryAfter(a.header, c.cfg.Now())}
	says := fmt.Sprintf("%s was answered %d %s", c.what(r), a.status, http.StatusText(a.status))
	switch s := a.status; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		f.Kind, f.Msg = connector.Denied, says+": the target does not accept our credentials for it; renew them, or give them the right"
	case s == http.StatusTooManyRequests:
		f.Kind, f.Msg = connector.Unreachable, says+": the target asks to slow down"
		if f.RetryAfter == 0 {
			f.RetryAfter = time.Second
		}
	case s >= 500 || s == http.StatusRequestTimeout || s == http.StatusTooEarly:
		f.Kind, f.Msg = connector.Unreachable, says
	case s >= 300 && s < 400:
		f.Kind, f.Msg = connector.Broken, says+": redirects are not followed; set url to the address that the target really has"
	case s < 300:
		f.Kind, f.Msg = connector.Broken, says+", which SCIM does not have here"
	default:
		f.Msg = says
	}
	return f
}

func (c *Client) what(r request) string { return r.method + " " + r.path }

// fail is a Failure whose cause cannot hold a secret: errors of transports repeat what the
// other side sent, and the other side knows our credentials. msg says what was asked, so the cause
// does without the method and the address that net/http puts before it.
func (c *Client) fail(kind connector.FailureKind, msg string, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if err != nil && c.leaks(err.Error()) {
		err = errors.New("the cause is withheld, because it repeats a credential")
	}
	return &connector.Failure{Kind: kind, Msg: msg, Err: err}
}

func (c *Client) leaks(s string) bool {
	basic := ""
	if c.cfg.Username != "" {
		basic = base64.StdEncoding.EncodeToString([]byte(c.cfg.Username + ":" + c.cfg.Password))
	}
	for _, secret := range []string{c.cfg.Token, c.cfg.Password, basic} {
		if secret != "" && (strings.Contains(s, secret) || strings.Contains(s, url.QueryEscape(secret))) {
			return true
		}
	}
	return false
}
