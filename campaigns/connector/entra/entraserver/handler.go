package entraserver

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

func hexOf(s string) string {
	h := fnv.New128a()
	_, _ = h.Write([]byte(s))
	return hex.EncodeToString(h.Sum(nil))
}

// reply is an answer before it is written.
type reply struct {
	status  int
	header  http.Header
	body    any    // JSON; nil is none
	raw     []byte // instead of body
	cut     bool   // no answer: the connection is cut
	applied bool
}

func ok(body any) reply { return reply{status: http.StatusOK, header: http.Header{}, body: body} }

// failure is Graph's error envelope.
func failure(status int, code, message string) reply {
	if code == "" {
		code = map[int]string{
			400: "Request_BadRequest", 401: "InvalidAuthenticationToken", 403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound",
			410: "resyncRequired", 429: "TooManyRequests", 500: "InternalServerError", 501: "NotImplemented", 503: "ServiceUnavailable", 504: "GatewayTimeout",
		}[status]
	}
	if code == "" {
		code = "UnknownError"
	}
	if message == "" {
		message = map[int]string{
			403: "Insufficient privileges to complete the operation.", 401: "Lifetime validation failed, the token is expired.",
			429: "Too Many Requests",
		}[status]
	}
	return reply{status: status, header: http.Header{}, body: map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]string{
			"date": "2026-03-02T09:00:00", "request-id": "b0a0c1d2-0000-4000-8000-000000000001", "client-request-id": "b0a0c1d2-0000-4000-8000-000000000001",
		},
	}}}
}

func notFound(id string) reply {
	return failure(http.StatusNotFound, "", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

// request is one request, taken apart.
type request struct {
	call  Call
	parts []string // of the path below BasePath, unescaped
	query url.Values
	eager bool // ConsistencyLevel: eventual
	body  []byte
	base  string // of links
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	token := r.URL.Path == "/"+s.cfg.Tenant+"/oauth2/v2.0/token" || strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token")
	path, below := strings.CutPrefix(r.URL.EscapedPath(), BasePath)
	switch {
	case token:
		path = "/token"
	case !below:
		http.NotFound(w, r)
		return
	}
	c := &Call{Method: r.Method, Path: path, Query: r.URL.RawQuery, Body: string(body)}
	if before := s.begin(c); before != nil {
		before(s.note(c, func(*Call) {}))
	}
	f := s.pick(*c)
	call := s.note(c, func(c *Call) { c.Fault = f.Fault })
	rep, done := s.instead(r, call, f)
	if !done {
		rep = s.answer(r, call, body, f)
	}
	if f.Fault == Slow {
		s.note(c, func(c *Call) { c.Applied = rep.applied })
		wait(r, f.Delay)
		rep = reply{cut: true, applied: rep.applied}
	}
	if f.Fault == DropReply {
		rep.cut = true
	}
	s.note(c, func(c *Call) {
		c.Applied = rep.applied
		if !rep.cut {
			c.Status = rep.status
		}
	})
	write(w, r, rep, f)
}

// answer carries a request out.
func (s *Server) answer(r *http.Request, c Call, body []byte, f Rule) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Path == "/token" {
		return s.token(r, body)
	}
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if end, known := s.tokens[bearer]; !isBearer || !known || !s.now().Before(end) {
		return failure(http.StatusUnauthorized, "", "")
	}
	req := &request{
		call: c, query: r.URL.Query(), eager: r.Header.Get("ConsistencyLevel") == "eventual", body: body, base: "http://" + r.Host + BasePath,
	}
	for p := range strings.SplitSeq(strings.TrimPrefix(c.Path, "/"), "/") {
		u, err := url.PathUnescape(p)
		if err != nil {
			return failure(http.StatusBadRequest, "", "The path cannot be read.")
		}
		req.parts = append(req.parts, u)
	}
	if c.Mutates() {
		return s.write(req)
	}
	rep := s.read(req, s.view(c))
	return spoil(rep, req, f)
}

// spoil applies faults of lists and of reads by id.
func spoil(rep reply, req *request, f Rule) reply {
	page, isPage := rep.body.(map[string]any)
	if !isPage {
		return rep
	}
	switch f.Fault {
	case ShortPage:
		delete(page, "@odata.nextLink")
		delete(page, "@odata.deltaLink")
	case DupPage:
		delete(page, "@odata.deltaLink")
		page["@odata.nextLink"] = req.base + req.call.Path + "?" + req.call.Query
	case ForeignLink:
		delete(page, "@odata.deltaLink")
		page["@odata.nextLink"] = f.Location
	case WrongResource:
		if _, has := page["id"]; has {
			page["id"] = "somebody-else"
		}
	case Refuse, Lie, Slow, Stall, DropReply, DropRequest, BrokenJSON, Redirect, HugeBody, Gone, PlainNotFound:
	}
	return rep
}

// token is the token endpoint.
func (s *Server) token(r *http.Request, body []byte) reply {
	form, err := url.ParseQuery(string(body))
	bad := func(status int, code, aadsts, text string) reply {
		return reply{status: status, header: http.Header{}, body: map[string]any{
			"error": code, "error_description": aadsts + ": " + text + " Trace ID: 1 Correlation ID: 2 Timestamp: 2026-03-02 09:00:00Z",
			"error_codes": []int{}, "timestamp": "2026-03-02 09:00:00Z", "trace_id": "1", "correlation_id": "2",
		}}
	}
	switch {
	case err != nil || r.Method != http.MethodPost || form.Get("grant_type") != "client_credentials":
		return bad(http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003", "The app requested an unsupported grant type.")
	case !strings.HasPrefix(r.URL.Path, "/"+s.cfg.Tenant+"/"):
		return bad(http.StatusBadRequest, "invalid_request", "AADSTS90002", "Tenant not found.")
	case form.Get("client_id") != s.cfg.ClientID:
		return bad(http.StatusBadRequest, "unauthorized_client", "AADSTS700016", "Application with identifier was not found in the directory.")
	case form.Get("client_secret") != s.cfg.Secret:
		return bad(http.StatusUnauthorized, "invalid_client", "AADSTS7000215", "Invalid client secret provided: "+form.Get("client_secret"))
	case form.Get("scope") != "http://"+r.Host+"/.default":
		return bad(http.StatusBadRequest, "invalid_scope", "AADSTS1002012", "The provided value for scope is not valid.")
	}
	s.serial++
	t := fmt.Sprintf("eyJ0eXAi.token-%d.%s", s.serial, hexOf(s.cfg.Secret))
	s.tokens[t] = s.now().Add(s.cfg.Lifetime)
	return ok(map[string]any{"token_type": "Bearer", "expires_in": int(s.cfg.Lifetime.Seconds()), "ext_expires_in": int(s.cfg.Lifetime.Seconds()), "access_token": t})
}

// write sends a reply.
func write(w http.ResponseWriter, r *http.Request, rep reply, f Rule) {
	if rep.cut {
		panic(http.ErrAbortHandler)
	}
	for k, v := range rep.header {
		w.Header()[k] = v
	}
	w.Header().Set("request-id", "b0a0c1d2-0000-4000-8000-000000000001")
	if f.Echo {
		w.Header().Set("X-Debug", r.Header.Get("Authorization"))
	}
	b := rep.raw
	if rep.body != nil {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		}
		var err error
		if b, err = json.Marshal(rep.body); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	switch f.Fault {
	case BrokenJSON:
		b = []byte(`{"value": [` + strconv.Quote(r.Header.Get("Authorization")))
	case HugeBody:
		if rep.status == http.StatusNoContent {
			rep.status = http.StatusOK
		}
		w.WriteHeader(rep.status)
		huge(w)
		return
	case Refuse, Lie, Slow, Stall, DropReply, DropRequest, Redirect, ShortPage, DupPage, ForeignLink, Gone, PlainNotFound, WrongResource:
	}
	if rep.status == http.StatusNoContent && len(b) > 0 {
		rep.status = http.StatusOK // a body can follow no 204
	}
	w.WriteHeader(rep.status)
	_, _ = w.Write(b) // the client may have gone
}

// huge writes an answer that does not end, until the client has enough.
func huge(w io.Writer) {
	b := []byte(strings.Repeat(" ", 1<<16))
	for range 1 << 14 {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}
