package entra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

const (
	errorLimit = 64 << 10        // bytes of an answer without a result that are read
	readTries  = 5               // of one page of a long read
	readWait   = 5 * time.Minute // the longest that a long read waits between two tries
)

// request is one call of Graph.
type request struct {
	method string
	path   string // escaped, below the base, as "/groups/1"; or
	link   string // a whole address that Graph gave
	query  url.Values
	eager  bool   // asks the index, which lags a little and knows more: ConsistencyLevel eventual
	body   []byte // JSON
	needs  string // the application permission, for the message where Graph refuses
}

// answer is what Graph said; body is the whole of a 200, and the beginning of an error.
type answer struct {
	status int
	header http.Header
	body   []byte
	code   string // of Graph's error envelope; "" where the answer has none
}

// notFound tells that Graph itself says that it has no such object. A 404 without Graph's error is
// a proxy's, and proves nothing.
func (a *answer) notFound() bool {
	return a.status == http.StatusNotFound && (a.code == "Request_ResourceNotFound" || a.code == "ResourceNotFound" || a.code == "NotFound" || a.code == "itemNotFound")
}

// do sends a request once; a read whose token is refused is sent again with a new one. An error is
// a Failure of kind Unreachable, or Broken where the answer of a GET is too long.
func (c *Client) do(ctx context.Context, r request) (*answer, error) {
	token, err := c.token(ctx, "")
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, r, token)
	if err != nil || a.status != http.StatusUnauthorized || !r.reads() {
		return a, err
	}
	if token, err = c.token(ctx, token); err != nil {
		return nil, err
	}
	return c.send(ctx, r, token)
}

// reads tells that the request changes nothing.
func (r request) reads() bool {
	return r.method == http.MethodGet || strings.HasSuffix(r.path, "/checkMemberGroups")
}

func (c *Client) send(ctx context.Context, r request, token string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	address := r.link
	if address == "" {
		address = c.base.String() + r.path
		if len(r.query) > 0 {
			address += "?" + r.query.Encode()
		}
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, c.fail(connector.Broken, "The request to Graph cannot be made", nil)
	}
	// Without GetBody net/http never sends a change a second time by itself: whether a change is
	// repeated is decided after a read, and only there.
	req.GetBody = nil
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "recert")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.eager {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.fail(connector.Unreachable, r.what()+" got no answer", withhold(err, token))
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if !r.reads() || resp.StatusCode != http.StatusOK {
		// The status is the answer: an end of the body that is lost changes nothing about it.
		a.body, _ = io.ReadAll(io.LimitReader(resp.Body, errorLimit))
		if resp.StatusCode >= 300 {
			a.code = errorCode(a.body)
		}
		return a, nil
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBody+1))
	if err != nil {
		return nil, c.fail(connector.Unreachable, r.what()+": the answer was cut off", withhold(err, token))
	}
	if int64(len(a.body)) > c.cfg.MaxBody {
		return nil, c.fail(connector.Broken, fmt.Sprintf("%s: the answer is longer than %d bytes", r.what(), c.cfg.MaxBody), nil)
	}
	return a, nil
}

var codeRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{1,80}$`)

// errorCode is the code of Graph's error envelope, or "".
func errorCode(body []byte) string {
	var e struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil || !codeRE.MatchString(e.Error.Code) {
		return ""
	}
	return e.Error.Code
}

// get reads one JSON document; found is false where Graph has no such object. A patient client
// waits where Graph asks for it or is not well, because a read of thousands of pages would
// otherwise never end; others leave the waiting to the worker.
func (c *Client) get(ctx context.Context, r request, into any) (a *answer, found bool, err error) {
	if r.method == "" {
		r.method = http.MethodGet
	}
	for try := 1; ; try++ {
		if a, found, err = c.getOnce(ctx, r, into); err == nil || !c.patient || try == readTries {
			return a, found, err
		}
		f := connector.FailureOf(err)
		if f.Kind != connector.Unreachable || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
			return a, false, err // nobody waits as long again for an answer that did not come in time
		}
		d := f.RetryAfter
		if d == 0 {
			d = time.Second << (try - 1)
		}
		if d > readWait {
			return a, false, err
		}
		if werr := c.cfg.Wait(ctx, d); werr != nil {
			return a, false, c.fail(connector.Unreachable, "The read was stopped while Graph asked to wait", werr)
		}
	}
}

func (c *Client) getOnce(ctx context.Context, r request, into any) (a *answer, found bool, err error) {
	a, err = c.do(ctx, r)
	switch {
	case err != nil:
		return nil, false, err
	case a.status == http.StatusOK:
		return a, true, c.decode(r, a, into)
	case a.notFound():
		return a, false, nil
	}
	return a, false, c.status(r, a)
}

func (c *Client) decode(r request, a *answer, into any) error {
	// encoding/json would turn bytes that are not UTF-8 into U+FFFD, and two ids into one.
	if !utf8.Valid(a.body) {
		return c.fail(connector.Broken, r.what()+": the answer is not UTF-8", nil)
	}
	if text, ok := into.(*string); ok {
		*text = strings.TrimSpace(strings.TrimPrefix(string(a.body), "\ufeff"))
		return nil
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return c.fail(connector.Broken, r.what()+": the answer is not the JSON that Graph documents", nil)
	}
	return nil
}

// status is the Failure that an answer other than the hoped for means.
func (c *Client) status(r request, a *answer) error {
	f := &connector.Failure{Kind: connector.Refused, RetryAfter: rest.RetryAfter(a.header, c.cfg.Now())}
	says := fmt.Sprintf("%s was answered %d %s", r.what(), a.status, http.StatusText(a.status))
	if a.code != "" {
		says += " (" + a.code + ")"
	}
	switch s := a.status; {
	case a.code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant" || a.code == "Authentication_RequestFromUnsupportedUserRole":
		f.Kind, f.Msg = connector.Denied, says+": the tenant's licence does not include it; sign-in activity needs Entra ID P1, so switch it off or get the licence"
	case s == http.StatusUnauthorized:
		f.Kind, f.Msg = connector.Denied, says+": Graph does not accept the access token"
	case s == http.StatusForbidden:
		f.Kind, f.Msg = connector.Denied, says+": the application lacks a right"
		if r.needs != "" {
			f.Msg += "; give it the application permission " + r.needs + " and an admin's consent"
		}
	case s == http.StatusTooManyRequests:
		f.Kind, f.Msg = connector.Unreachable, says+": Graph asks to slow down"
		if f.RetryAfter == 0 {
			f.RetryAfter = time.Second
		}
	case s == http.StatusConflict && !r.reads():
		// Somebody changed the object at the same moment; Graph did nothing and asks to try again.
		f.Kind, f.Msg, f.RetryAfter = connector.Unreachable, says, max(f.RetryAfter, time.Second)
	case s >= 500 || s == http.StatusRequestTimeout || s == http.StatusTooEarly || s == http.StatusLocked:
		f.Kind, f.Msg = connector.Unreachable, says
	case s >= 300 && s < 400:
		f.Kind, f.Msg = connector.Broken, says+": Graph does not redirect; check graph_url"
	case s < 300:
		f.Kind, f.Msg = connector.Broken, says+", which Graph does not have here"
	case s == http.StatusNotFound:
		f.Kind, f.Msg = connector.Broken, says+" that does not come from Graph; check graph_url"
	default:
		f.Msg = says
	}
	return f
}

// what names the request without its query, which may hold state tokens.
func (r request) what() string {
	path := r.path
	if r.link != "" {
		path = "next page"
		if u, err := url.Parse(r.link); err == nil {
			path = u.EscapedPath()
		}
	}
	return r.method + " " + path
}

// withhold hides a cause that repeats the token.
func withhold(err error, token string) error {
	if err != nil && token != "" && strings.Contains(err.Error(), token) {
		return errWithheld
	}
	return err
}

var errWithheld = errors.New("the cause is withheld, because it repeats a credential")

// fail is a Failure whose cause cannot hold a secret: errors of transports repeat what the other
// side sent, and the other side knows our credentials. msg says what was asked, so the cause does
// without the method and the address that net/http puts before it.
func (c *Client) fail(kind connector.FailureKind, msg string, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if err != nil {
		s := err.Error()
		if strings.Contains(s, c.cfg.ClientSecret) || strings.Contains(s, url.QueryEscape(c.cfg.ClientSecret)) {
			err = errWithheld
		}
	}
	return &connector.Failure{Kind: kind, Msg: msg, Err: err}
}

// mustJSON writes v, which is made of maps and strings, so that it cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("entra: " + err.Error())
	}
	return b
}

func escape(id string) string { return url.PathEscape(id) }

// literal writes a text as OData has it in a filter.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
