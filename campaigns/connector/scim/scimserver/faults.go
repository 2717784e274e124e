package scimserver

import (
	"net/http"
	"strings"
	"time"
)

// Fault is one way to misbehave.
type Fault string

// The faults. "Done" faults carry the request out and then fail to say so.
const (
	Refuse        Fault = "refuse"         // Status (400 where 0), nothing done
	Lie           Fault = "lie"            // a change is answered 204, nothing done
	Slow          Fault = "slow"           // done at once, answered after Delay
	Stall         Fault = "stall"          // nothing done, no answer until the client leaves or Delay is over
	DropReply     Fault = "drop_reply"     // done, then the connection is cut
	DropRequest   Fault = "drop_request"   // nothing done, the connection is cut
	RateLimit     Fault = "rate_limit"     // 429 with RetryAfter, nothing done
	Unauthorized  Fault = "unauthorized"   // Status (401 where 0), nothing done
	BrokenJSON    Fault = "broken_json"    // done, the answer is cut JSON
	Redirect      Fault = "redirect"       // 307 to Location, nothing done
	HugeBody      Fault = "huge_body"      // done, the answer does not end (1 GiB)
	ShortPage     Fault = "short_page"     // a list page comes without resources, the total unchanged
	CutPage       Fault = "cut_page"       // a list page misses its last resource, and its total is one less
	WrongTotal    Fault = "wrong_total"    // a list claims one more than there is
	DupPage       Fault = "dup_page"       // a list answers with its first page whatever startIndex asks for
	WrongResource Fault = "wrong_resource" // a read by id answers with another resource of the type
)

// Rule says which requests a fault hits.
type Rule struct {
	Fault  Fault
	Method string          // "" is every method
	Path   string          // prefix below BasePath, as "/Groups"; "" is every path
	When   func(Call) bool // further condition; nil is always
	Skip   int             // matching requests that pass before the first is hit
	Times  int             // requests that are hit; 0 is every one until ClearFaults

	Status     int           // Refuse, Unauthorized
	Delay      time.Duration // Slow, Stall; 0 is until the client leaves
	RetryAfter string        // RateLimit, and Refuse where set: the header as it is
	Location   string        // Redirect
	Echo       bool          // the answer repeats the request's credentials, as some debug pages do
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

// Traits are what a target cannot do, as targets in the wild cannot.
type Traits struct {
	NoPatch        bool // PATCH answers 501
	NoFilterPatch  bool // PATCH with a value filter in the path answers 400 invalidPath
	NoValuePatch   bool // PATCH remove with a list of values answers 400 invalidPath
	NoPathPatch    bool // PATCH replace with a path answers 400 invalidPath
	IgnoreIfMatch  bool // versions are sent, and If-Match is not looked at
	NoETag         bool // no versions, and If-Match is not looked at
	OmitMembers    bool // lists leave members out; only a read by id has them
	UntypedMembers bool // members come without type and $ref
	HeaderlessETag bool // versions are in meta.version only
}

// SetTraits replaces the traits.
func (s *Server) SetTraits(t Traits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.traits = t
}

// pick is the rule that hits the call, or a Rule without a fault.
// The lock is not held while a rule's condition is asked, so that it may look at the state.
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

// instead is the answer of faults that keep the request from being carried out; ok is false
// where the request is carried out.
func (s *Server) instead(r *http.Request, c Call, f Rule) (reply, bool) {
	switch f.Fault {
	case Refuse:
		rep := failure(orStatus(f.Status, http.StatusBadRequest), "", "refused")
		if f.RetryAfter != "" {
			rep.header.Set("Retry-After", f.RetryAfter)
		}
		return rep, true
	case Unauthorized:
		return failure(orStatus(f.Status, http.StatusUnauthorized), "", "credentials are not accepted"), true
	case RateLimit:
		rep := failure(http.StatusTooManyRequests, "", "slow down")
		rep.header.Set("Retry-After", f.RetryAfter)
		return rep, true
	case Redirect:
		rep := failure(http.StatusTemporaryRedirect, "", "moved")
		rep.header.Set("Location", f.Location)
		return rep, true
	case Lie:
		if c.Mutates() {
			return reply{status: http.StatusNoContent, header: http.Header{}}, true
		}
	case Stall:
		wait(r, f.Delay)
		return reply{cut: true}, true
	case DropRequest:
		return reply{cut: true}, true
	case Slow, DropReply, BrokenJSON, HugeBody, ShortPage, CutPage, WrongTotal, DupPage, WrongResource:
	}
	return reply{}, false
}

func orStatus(status, otherwise int) int {
	if status == 0 {
		return otherwise
	}
	return status
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
