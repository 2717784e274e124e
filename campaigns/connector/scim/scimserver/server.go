package scimserver

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config is how a Server is set up. The zero value serves at "/" without authentication.
type Config struct {
	Token    string           // bearer token that is asked for; "" with Username "" asks for nothing
	Username string           // basic authentication instead of, or beside, Token
	Password string           //
	BasePath string           // where it is mounted, as "/scim/v2"; requests outside it answer 404
	MaxPage  int              // most resources in one list answer, whatever count asks for; 0 is 200
	Keep     int              // calls that are remembered, the newest; 0 is 10,000
	Now      func() time.Time // for meta.created and meta.lastModified; nil leaves them out
}

// Server is the service provider. It is an http.Handler and safe for concurrent use.
type Server struct {
	cfg Config

	mu     sync.Mutex
	users  collection
	groups collection
	rev    int64 // grows with every change; a resource's version is the rev of its last change
	nextID int64
	traits Traits
	rules  []*rule
	before func(Call)
	after  func(Call)
	calls  []*Call
	seq    int64
}

// New makes an empty Server.
func New(cfg Config) *Server {
	cfg.BasePath = strings.TrimSuffix(cfg.BasePath, "/")
	if cfg.MaxPage <= 0 {
		cfg.MaxPage = 200
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 10_000
	}
	return &Server{cfg: cfg, users: newCollection("User"), groups: newCollection("Group")}
}

// Call is one request that the server was sent, and what became of it.
type Call struct {
	Seq     int64  // 1 is the first
	Method  string //
	Path    string // below BasePath, decoded, as "/Groups/g1"
	Query   string // raw
	IfMatch string
	Key     string // the Idempotency-Key header
	Body    string
	Fault   Fault // the fault that hit it, or ""
	Status  int   // as answered; 0 where the connection was cut, or no answer was sent yet
	Applied bool  // it changed the state
}

// Mutates tells whether the call asked for a change.
func (c Call) Mutates() bool { return c.Method != http.MethodGet && c.Method != http.MethodHead }

// Calls are the remembered calls, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Call, len(s.calls))
	for i, c := range s.calls {
		out[i] = *c
	}
	return out
}

// ForgetCalls empties what Calls answers.
func (s *Server) ForgetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

// Hook sets what is called before each request is carried out and after it was, before the
// answer is written. Either may be nil. No lock is held: a hook may change the state, as
// somebody else's request arriving just then would.
func (s *Server) Hook(before, after func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

func (s *Server) now() time.Time {
	if s.cfg.Now == nil {
		return time.Time{}
	}
	return s.cfg.Now().UTC()
}

// begin numbers a call and remembers it before anything is done, so that a request that is
// never answered is seen too. It drops the oldest half when there are too many: a long-lived
// server does not grow.
func (s *Server) begin(c *Call) (before, after func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	c.Seq = s.seq
	if len(s.calls) >= s.cfg.Keep {
		s.calls = append([]*Call(nil), s.calls[len(s.calls)-s.cfg.Keep/2:]...)
	}
	s.calls = append(s.calls, c)
	return s.before, s.after
}

// note changes a remembered call, and is what it is then.
func (s *Server) note(c *Call, edit func(*Call)) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(c)
	return *c
}
