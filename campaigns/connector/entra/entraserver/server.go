package entraserver

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// BasePath is where Graph is mounted; the token endpoint is beside it, at /TENANT/oauth2/v2.0/token.
const BasePath = "/v1.0"

// Config is how a Server is set up.
type Config struct {
	Tenant   string // "" is "contoso.example"
	ClientID string // "" is "00000000-0000-0000-0000-00000000c11e"
	Secret   string // "" is "secret"
	Page     int    // most objects on a page; 0 is 100
	Members  int    // most members of a group on a page of a delta query; 0 is Page
	Keep     int    // calls that are remembered, the newest; 0 is 10,000
	Now      func() time.Time
	HideApps bool          // delta queries name no service principals among members, as lists of members never do
	Lifetime time.Duration // of a token; 0 is an hour
}

// Server is the directory. It is an http.Handler and safe for concurrent use.
type Server struct {
	cfg Config

	mu      sync.Mutex
	state   *state
	old     *state // what reads that lag show
	lag     Lag
	lagging int // reads that still lag
	serial  int64
	cursors map[string]*cursor
	tokens  map[string]time.Time // and when they end
	rules   []*rule
	before  func(Call)
	calls   []*Call
	seq     int64
}

// Lag is eventual consistency: so many reads after each change show what was before it.
type Lag struct {
	Reads int
	When  func(Call) bool // which reads lag; nil is every one
}

// New makes an empty Server.
func New(cfg Config) *Server {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&cfg.Tenant, "contoso.example")
	def(&cfg.ClientID, "00000000-0000-0000-0000-00000000c11e")
	def(&cfg.Secret, "secret")
	if cfg.Page <= 0 {
		cfg.Page = 100
	}
	if cfg.Members <= 0 {
		cfg.Members = cfg.Page
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 10_000
	}
	if cfg.Lifetime <= 0 {
		cfg.Lifetime = time.Hour
	}
	return &Server{cfg: cfg, state: newState(), cursors: map[string]*cursor{}, tokens: map[string]time.Time{}}
}

// Call is one request that the server was sent, and what became of it.
type Call struct {
	Seq     int64  // 1 is the first
	Method  string //
	Path    string // below BasePath, escaped as it came; "/token" for the token endpoint
	Query   string // raw
	Body    string
	Fault   Fault // the fault that hit it, or ""
	Status  int   // as answered; 0 where the connection was cut, or no answer was sent yet
	Applied bool  // it changed the state
}

// Mutates tells whether the call asked for a change.
func (c Call) Mutates() bool {
	return c.Method != http.MethodGet && c.Path != "/token" && !strings.HasSuffix(c.Path, "/checkMemberGroups")
}

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

// Hook sets what is called before each request is carried out. No lock is held: a hook may change
// the state, as somebody else's request arriving just then would.
func (s *Server) Hook(before func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

// SetLag makes reads lag behind the changes that follow.
func (s *Server) SetLag(l Lag) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag, s.lagging, s.old = l, 0, nil
}

func (s *Server) now() time.Time {
	if s.cfg.Now == nil {
		return time.Unix(1_772_442_000, 0).UTC()
	}
	return s.cfg.Now().UTC()
}

// begin numbers a call and remembers it before anything is done, so that a request that is never
// answered is seen too.
func (s *Server) begin(c *Call) (before func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	c.Seq = s.seq
	if len(s.calls) >= s.cfg.Keep {
		s.calls = append([]*Call(nil), s.calls[len(s.calls)-s.cfg.Keep/2:]...)
	}
	s.calls = append(s.calls, c)
	return s.before
}

// note changes a remembered call, and is what it is then.
func (s *Server) note(c *Call, edit func(*Call)) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(c)
	return *c
}

// view is the state that a read is answered from.
func (s *Server) view(c Call) *state {
	if s.lagging > 0 && s.old != nil && !c.Mutates() && (s.lag.When == nil || s.lag.When(c)) {
		s.lagging--
		return s.old
	}
	return s.state
}

// change makes one change of the state; f tells whether it changed anything.
func (s *Server) change(f func(st *state) bool) bool {
	before := s.state.clone()
	if !f(s.state) {
		return false
	}
	if s.lag.Reads > 0 {
		s.old, s.lagging = before, s.lag.Reads
	}
	return true
}
