package ticketserver

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kinds of servers.
const (
	JiraCloud  = "jira cloud"
	JiraServer = "jira server"
	ServiceNow = "servicenow"
)

// Ticket is one that was made. A test may read it by Tickets and change it by Set.
type Ticket struct {
	ID       string // Jira's issue id, ServiceNow's sys_id
	Key      string // Jira's issue key, ServiceNow's number
	Title    string
	Text     string // all paragraphs
	Mark     string // the label, or the correlation_id
	Group    string
	Status   string // a name of Statuses
	Comments []string
	Deleted  bool
}

// Fault makes the next requests that match fail.
type Fault struct {
	Method, Path string // of the request; "" is any; Path is a part of it
	Times        int    // 0 is for good
	Status       int    // the answer; 0 is to answer as if nothing were
	Header       http.Header
	Body         string
	Apply        bool // do what was asked, before the fault
	Cut          bool // close the connection instead of answering
	Hang         bool // do not answer until the client goes away
}

// Server is a http.Handler. It is safe for concurrent use.
type Server struct {
	kind  string
	auth  string // the one Authorization header that is let in
	now   func() time.Time
	stale time.Duration // how long a search does not see what is new

	mu      sync.Mutex
	tickets []*Ticket
	made    map[*Ticket]time.Time
	faults  []*Fault
	calls   []string
	noMark  bool
	denied  []string // rights that we do not have in Jira; fields that we may not read in ServiceNow
}

// New makes a server of a kind that lets in requests with that Authorization header.
func New(kind, authorization string, now func() time.Time) *Server {
	return &Server{kind: kind, auth: authorization, now: now, made: map[*Ticket]time.Time{}}
}

// Stale lets searches see tickets only that long after they were made, as those of Jira Cloud may.
func (s *Server) Stale(d time.Duration) { s.mu.Lock(); s.stale = d; s.mu.Unlock() }

// NoMark is a table without correlation_id, or one that we may not read: searches find anything.
func (s *Server) NoMark() { s.mu.Lock(); s.noMark = true; s.mu.Unlock() }

// Deny takes a right away, as Jira calls it, or the sight of a field of ServiceNow.
func (s *Server) Deny(right string) { s.mu.Lock(); s.denied = append(s.denied, right); s.mu.Unlock() }

// Fail adds a fault.
func (s *Server) Fail(f Fault) { s.mu.Lock(); s.faults = append(s.faults, &f); s.mu.Unlock() }

// Heal takes all faults away.
func (s *Server) Heal() { s.mu.Lock(); s.faults = nil; s.mu.Unlock() }

// Calls are the requests so far, as "POST /rest/api/3/issue".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.calls...)
}

// Tickets are copies of all tickets.
func (s *Server) Tickets() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Ticket, len(s.tickets))
	for i, t := range s.tickets {
		out[i] = *t
		out[i].Comments = append([]string{}, t.Comments...)
	}
	return out
}

// Set changes the ticket with a key.
func (s *Server) Set(key string, change func(*Ticket)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tickets {
		if t.Key == key {
			change(t)
		}
	}
}

// fault is the next one that is for a request.
func (s *Server) fault(r *http.Request) *Fault {
	for i, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return f
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	s.mu.Lock()
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	f := s.fault(r)
	status, answer := 0, any(nil)
	if f == nil || f.Apply || f.Status == 0 && !f.Cut && !f.Hang {
		status, answer = s.answer(r, body)
	}
	s.mu.Unlock()
	switch {
	case f != nil && f.Hang:
		<-r.Context().Done()
		return
	case f != nil && f.Cut:
		panic(http.ErrAbortHandler)
	case f != nil && f.Status != 0:
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body) // the client's loss
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the same
}

// answer does what was asked; the lock is held.
func (s *Server) answer(r *http.Request, body []byte) (int, any) {
	if r.Header.Get("Authorization") != s.auth {
		if s.kind == ServiceNow {
			return http.StatusUnauthorized, snowError("User Not Authenticated", "Required to provide Auth information")
		}
		return http.StatusUnauthorized, map[string]any{"errorMessages": []string{"You do not have permission"}, "errors": map[string]string{}}
	}
	if s.kind == ServiceNow {
		return s.snow(r, body)
	}
	return s.jira(r, body)
}

// visible are the tickets that a search sees.
func (s *Server) visible(mark string) []*Ticket {
	var out []*Ticket
	for _, t := range s.tickets {
		if !t.Deleted && (t.Mark == mark || s.noMark) && !s.now().Before(s.made[t].Add(s.stale)) {
			out = append(out, t)
		}
	}
	return out
}

func (s *Server) add(t *Ticket) {
	s.tickets = append(s.tickets, t)
	s.made[t] = s.now()
}

func (s *Server) byID(id string) *Ticket {
	for _, t := range s.tickets {
		if (t.ID == id || t.Key == id) && !t.Deleted {
			return t
		}
	}
	return nil
}

func (s *Server) number() string { return strconv.Itoa(len(s.tickets) + 1) }
