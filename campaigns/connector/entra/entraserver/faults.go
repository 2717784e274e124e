package entraserver

import (
	"net/http"
	"strings"
	"time"
)

// Fault is one way to misbehave.
type Fault string

// The faults. "Done" faults carry the request out and then fail to say so.
const (
	Refuse        Fault = "refuse"         // Status (400 where 0) with Graph's error of that status, nothing done
	Lie           Fault = "lie"            // a change is answered as done, nothing done
	Slow          Fault = "slow"           // done at once, no answer until the client leaves or Delay is over
	Stall         Fault = "stall"          // nothing done, no answer until the client leaves or Delay is over
	DropReply     Fault = "drop_reply"     // done, then the connection is cut
	DropRequest   Fault = "drop_request"   // nothing done, the connection is cut
	BrokenJSON    Fault = "broken_json"    // done, the answer is cut JSON
	Redirect      Fault = "redirect"       // 307 to Location, nothing done
	HugeBody      Fault = "huge_body"      // done, the answer does not end (1 GiB)
	ShortPage     Fault = "short_page"     // a page of a list has neither a next link nor a delta link
	DupPage       Fault = "dup_page"       // a page's next link leads to the page itself
	ForeignLink   Fault = "foreign_link"   // a page's next link leads to Location
	Gone          Fault = "gone"           // 410 resyncRequired
	PlainNotFound Fault = "plain_404"      // 404 as a proxy answers it, without Graph's error
	WrongResource Fault = "wrong_resource" // a read by id answers with another resource of the type
)

// Rule says which requests a fault hits.
type Rule struct {
	Fault  Fault
	Method string          // "" is every method
	Path   string          // prefix below BasePath, as "/groups"; "" is every path
	When   func(Call) bool // further condition; nil is always
	Skip   int             // matching requests that pass before the first is hit
	Times  int             // requests that are hit; 0 is every one until ClearFaults

	Status     int
	Code       string // of the error; "" is Graph's for the status
	Message    string // of the error
	Delay      time.Duration
	RetryAfter string
	Location   string
	Echo       bool // the answer repeats the request's credentials, as some debug pages do
}

type rule struct {
	Rule
	seen int
}

// Inject adds rules; the first that matches a request hits it.
func (s *Server) Inject(rules ...Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rules {
		s.rules = append(s.rules, &rule{Rule: r})
	}
}

// ClearFaults removes every rule.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// pick is the rule that hits the call, or a Rule without a fault. The lock is not held while a
// rule's condition is asked, so that it may look at the state.
func (s *Server) pick(c Call) Rule {
	s.mu.Lock()
	rules := append([]*rule(nil), s.rules...)
	s.mu.Unlock()
	for _, r := range rules {
		if r.Method != "" && r.Method != c.Method || !strings.HasPrefix(c.Path, r.Path) || r.When != nil && !r.When(c) {
			continue
		}
		s.mu.Lock()
		r.seen++
		n := r.seen - r.Skip
		s.mu.Unlock()
		if n > 0 && (r.Times == 0 || n <= r.Times) {
			return r.Rule
		}
	}
	return Rule{}
}

// instead is the answer of faults that keep the request from being carried out; ok is false where
// the request is carried out.
func (s *Server) instead(r *http.Request, c Call, f Rule) (rep reply, ok bool) {
	switch f.Fault {
	case Refuse:
		status := f.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		message := f.Message
		if f.Echo {
			message += " " + r.Header.Get("Authorization")
		}
		rep = failure(status, f.Code, message)
		if f.RetryAfter != "" {
			rep.header.Set("Retry-After", f.RetryAfter)
		}
		return rep, true
	case Redirect:
		rep = reply{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {f.Location}}}
		return rep, true
	case Gone:
		rep = failure(http.StatusGone, "resyncRequired", "Resync required.")
		rep.header.Set("Location", "http://"+r.Host+r.URL.Path+"?$deltatoken=")
		return rep, true
	case PlainNotFound:
		return reply{status: http.StatusNotFound, header: http.Header{"Content-Type": {"text/html"}}, raw: []byte("<h1>Not Found</h1>")}, true
	case Lie:
		if c.Mutates() {
			return reply{status: http.StatusNoContent, header: http.Header{}}, true
		}
	case Stall:
		wait(r, f.Delay)
		return reply{cut: true}, true
	case DropRequest:
		return reply{cut: true}, true
	case Slow, DropReply, BrokenJSON, HugeBody, ShortPage, DupPage, ForeignLink, WrongResource:
	}
	return reply{}, false
}

// wait ends with the request, or after d where d is not 0.
func wait(r *http.Request, d time.Duration) {
	var over <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-r.Context().Done():
	case <-over:
	}
}
