package scimserver

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

const (
	mediaType = "application/scim+json"
	maxBody   = 16 << 20
)

// reply is an answer before it is written.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	applied bool
	cut     bool // no answer: the connection is closed
}

func answer(status int, v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		return failure(http.StatusInternalServerError, "", "the answer cannot be written")
	}
	return reply{status: status, header: http.Header{"Content-Type": {mediaType}}, body: b}
}

func failure(status int, scimType, detail string) reply {
	m := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"},
		"status":  strconv.Itoa(status), "detail": detail,
	}
	if scimType != "" {
		m["scimType"] = scimType
	}
	return answer(status, m)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, below := strings.CutPrefix(r.URL.EscapedPath(), s.cfg.BasePath)
	if !below || path != "" && path[0] != '/' {
		write(w, failure(http.StatusNotFound, "", "there is nothing here"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		write(w, failure(status, "", "the body cannot be read"))
		return
	}
	if !s.authorised(r) {
		rep := failure(http.StatusUnauthorized, "", "credentials are missing or not accepted")
		rep.header.Set("WWW-Authenticate", "Bearer")
		write(w, rep)
		return
	}
	call := &Call{
		Method: r.Method, Path: unescape(path), Query: r.URL.RawQuery, IfMatch: r.Header.Get("If-Match"),
		Key: r.Header.Get("Idempotency-Key"), Body: string(body),
	}
	before, after := s.begin(call)
	if before != nil {
		before(s.note(call, func(*Call) {}))
	}
	f := s.pick(*call)
	now := s.note(call, func(c *Call) { c.Fault = f.Fault })
	rep, faulty := s.instead(r, now, f)
	if !faulty {
		s.mu.Lock()
		rep = s.handle(r, path, body, f.Fault)
		s.mu.Unlock()
	}
	rep.cut = rep.cut || f.Fault == DropReply
	now = s.note(call, func(c *Call) {
		if c.Applied = rep.applied; !rep.cut {
			c.Status = rep.status
		}
	})
	if after != nil {
		after(now)
	}
	s.finish(w, r, rep, f)
}

// finish writes the answer, or spoils it as the fault says.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, rep reply, f Rule) {
	if f.Fault == Slow {
		wait(r, f.Delay)
	}
	if rep.cut {
		panic(http.ErrAbortHandler) // the way net/http offers to cut a connection
	}
	if f.Echo {
		creds := r.Header.Get("Authorization")
		rep.header.Set("X-Debug", creds)
		if rep.header.Get("Location") != "" {
			rep.header.Set("Location", rep.header.Get("Location")+"?auth="+strings.ReplaceAll(creds, " ", "+"))
		}
		if rep.status >= 300 || f.Fault == BrokenJSON {
			rep.body = append(rep.body, creds...) // elsewhere it would break a body that is to be read
		}
	}
	if f.Fault == BrokenJSON {
		rep.status = http.StatusOK
		rep.body = append(rep.body[:len(rep.body)/2:len(rep.body)/2], `{"broken": `...)
	}
	if f.Fault == HugeBody {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(http.StatusOK)
		fill := bytes.Repeat([]byte(" "), 64<<10)
		for range 1 << 14 {
			if _, err := w.Write(fill); err != nil {
				return
			}
		}
		return
	}
	write(w, rep)
}

// unescape decodes a path; net/http has checked its escapes already.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func write(w http.ResponseWriter, rep reply) {
	for k, v := range rep.header {
		w.Header()[k] = v
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(rep.status)
	if _, err := w.Write(rep.body); err != nil {
		return // the client has left; there is nobody to tell
	}
}

func (s *Server) authorised(r *http.Request) bool {
	if s.cfg.Token == "" && s.cfg.Username == "" {
		return true
	}
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	if user, pass, ok := r.BasicAuth(); ok {
		return s.cfg.Username != "" && same(user, s.cfg.Username) && same(pass, s.cfg.Password)
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return s.cfg.Token != "" && strings.EqualFold(scheme, "Bearer") && same(token, s.cfg.Token)
}

// handle carries a request out. The lock is held.
func (s *Server) handle(r *http.Request, path string, body []byte, f Fault) reply {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	var c *collection
	switch parts[0] {
	case "Users":
		c = &s.users
	case "Groups":
		c = &s.groups
	case "ServiceProviderConfig", "ResourceTypes":
		if r.Method != http.MethodGet || len(parts) > 1 {
			break
		}
		return s.about(parts[0])
	}
	if c == nil || len(parts) > 2 {
		return failure(http.StatusNotFound, "", "there is nothing here")
	}
	if len(parts) == 1 {
		switch r.Method {
		case http.MethodGet:
			return s.list(r, c, f)
		case http.MethodPost:
			return s.create(r, c, body)
		}
		return failure(http.StatusMethodNotAllowed, "", "use GET or POST")
	}
	o := c.byID[unescape(parts[1])]
	if o == nil {
		return failure(http.StatusNotFound, "", "there is no such resource")
	}
	return s.one(r, c, o, body, f)
}

// one answers a request for one resource.
func (s *Server) one(r *http.Request, c *collection, o *object, body []byte, f Fault) reply {
	if r.Method == http.MethodGet {
		if f == WrongResource {
			o = c.other(o)
		}
		if tag := r.Header.Get("If-None-Match"); tag != "" && !s.traits.NoETag && matches(tag, o.version()) {
			return reply{status: http.StatusNotModified, header: http.Header{"Etag": {o.version()}}}
		}
		return s.show(r, c, o, http.StatusOK)
	}
	if tag := r.Header.Get("If-Match"); tag != "" && !s.traits.NoETag && !s.traits.IgnoreIfMatch && !matches(tag, o.version()) {
		return failure(http.StatusPreconditionFailed, "", "the resource was changed")
	}
	var attrs map[string]any
	var bad *reply
	switch r.Method {
	case http.MethodDelete:
		s.deleteFrom(c, o.id)
		return reply{status: http.StatusNoContent, header: http.Header{}, applied: true}
	case http.MethodPatch:
		if s.traits.NoPatch {
			return failure(http.StatusNotImplemented, "", "PATCH is not supported")
		}
		attrs, bad = s.patch(c, o, body)
	case http.MethodPut:
		attrs, bad = s.decode(c, o, body)
	default:
		return failure(http.StatusMethodNotAllowed, "", "use GET, PUT, PATCH or DELETE")
	}
	if bad != nil {
		return *bad
	}
	changed := !reflect.DeepEqual(attrs, o.attrs)
	if changed {
		o.attrs = attrs
		s.touch(o)
	}
	rep := s.show(r, c, o, http.StatusOK)
	rep.applied = changed
	return rep
}

func (s *Server) create(r *http.Request, c *collection, body []byte) reply {
	attrs, bad := s.decode(c, nil, body)
	if bad != nil {
		return *bad
	}
	for {
		s.nextID++
		id := strings.ToLower(c.typ) + "-" + strconv.FormatInt(s.nextID, 10)
		if c.byID[id] != nil {
			continue
		}
		o := &object{id: id, attrs: attrs}
		c.put(o)
		s.touch(o)
		rep := s.show(r, c, o, http.StatusCreated)
		rep.header.Set("Location", s.location(r, c, o))
		rep.applied = true
		return rep
	}
}

// decode reads the body of a create (o nil) or replace.
func (s *Server) decode(c *collection, o *object, body []byte) (map[string]any, *reply) {
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, ref(failure(http.StatusBadRequest, "invalidSyntax", "the body is not a JSON object"))
	}
	attrs := clean(in)
	if c.typ == "User" && attrs["active"] == nil {
		attrs["active"] = true
	}
	return attrs, s.invalid(c, o, attrs)
}

// invalid is the refusal of attributes that break a rule, or nil. o is nil for a new resource.
func (s *Server) invalid(c *collection, o *object, attrs map[string]any) *reply {
	name := "userName"
	if c.typ == "Group" {
		name = "displayName"
	}
	value := text(attrs[name])
	if value == "" {
		return ref(failure(http.StatusBadRequest, "invalidValue", name+" is required"))
	}
	if v, ok := attrs["active"]; ok {
		if _, isBool := v.(bool); !isBool {
			return ref(failure(http.StatusBadRequest, "invalidValue", "active must be true or false"))
		}
	}
	if c.typ == "User" {
		for _, other := range c.byID {
			if (o == nil || other.id != o.id) && strings.EqualFold(text(other.attrs[name]), value) {
				return ref(failure(http.StatusConflict, "uniqueness", "userName is taken"))
			}
		}
		return nil
	}
	// A member that was there may dangle; a new one must exist.
	had := map[string]bool{}
	if o != nil {
		for _, id := range values(o, "members") {
			had[id] = true
		}
	}
	for _, id := range values(&object{attrs: attrs}, "members") {
		if !had[id] && s.kindOf(id) == "" {
			return ref(failure(http.StatusBadRequest, "invalidValue", "a member is neither a user nor a group"))
		}
	}
	return nil
}

// other is a resource of the collection that is not o, where there is one.
func (c *collection) other(o *object) *object {
	for _, id := range c.order {
		if id != o.id {
			return c.byID[id]
		}
	}
	return o
}

// matches tells whether a version is in an If-Match or If-None-Match header. Weakness is not
// looked at: RFC 7644 (3.14) guards changes with weak tags.
func matches(header, version string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(version, "W/") {
			return true
		}
	}
	return false
}
