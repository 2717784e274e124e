package ticket_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/ticket"
	"recert/campaigns/connector/ticket/ticketserver"
)

// TestProbe: a test says what is wrong, or that all is well, and never makes a ticket.
func TestProbe(t *testing.T) {
	t.Parallel()
	jira, snow := []string{ticketserver.JiraCloud, ticketserver.JiraServer}, []string{ticketserver.ServiceNow}
	cases := map[string]struct {
		on     []string // kinds; nil is all
		change func(*ticket.Config)
		server func(*ticketserver.Server)
		want   connector.FailureKind // "" is that it works
		words  string
	}{
		"works with Jira":       {on: jira, words: "signed in as “Recert Bot”, who may open tickets of the type Task in the project SEC. None was opened."},
		"works with ServiceNow": {on: snow, words: "lets our account search the table incident. Nothing was written"},
		"a wrong token":         {change: func(c *ticket.Config) { c.Token = "wrong" }, want: connector.Denied, words: "401"},
		"forbidden":             {server: func(s *ticketserver.Server) { s.Fail(ticketserver.Fault{Status: http.StatusForbidden}) }, want: connector.Denied, words: "403"},
		"no such project":       {on: jira, change: func(c *ticket.Config) { c.Project = "NOPE" }, want: connector.Refused, words: "no project NOPE"},
		"a former project":      {on: jira, change: func(c *ticket.Config) { c.Project = "OLD" }, want: connector.Refused, words: "called SEC by now"},
		"no such type":          {on: jira, change: func(c *ticket.Config) { c.IssueType = "Sub-task" }, want: connector.Refused, words: "set issue_type to one of: Task, Bug"},
		"no right":              {on: jira, server: func(s *ticketserver.Server) { s.Deny("CREATE_ISSUES") }, want: connector.Denied, words: "lacks rights in the project SEC: to create issues"},
		"another system":        {on: jira, server: func(s *ticketserver.Server) { s.Fail(ticketserver.Fault{Status: http.StatusNotFound}) }, want: connector.Broken, words: "no Jira at this address"},
		"anything in JSON":      {on: jira, server: func(s *ticketserver.Server) { s.Fail(ticketserver.Fault{Status: http.StatusOK, Body: "{}"}) }, want: connector.Broken, words: "who we are"},
		"no such table":         {on: snow, change: func(c *ticket.Config) { c.Table = "nope" }, want: connector.Refused, words: "is there a table nope"},
		"a page":                {server: func(s *ticketserver.Server) { s.Fail(ticketserver.Fault{Status: http.StatusOK, Body: "<html>"}) }, want: connector.Broken, words: "JSON"},
		"a sign-in page": {server: func(s *ticketserver.Server) {
			s.Fail(ticketserver.Fault{Status: http.StatusFound, Header: http.Header{"Location": {"/login"}}})
		}, want: connector.Broken, words: "redirects"},
		"too slow": {
			change: func(c *ticket.Config) { c.Timeout = 300 * time.Millisecond }, server: func(s *ticketserver.Server) { s.Fail(ticketserver.Fault{Hang: true}) },
			want: connector.Unreachable, words: "no answer",
		},
		"nobody there": {change: func(c *ticket.Config) { c.URL = "http://127.0.0.1:1" }, want: connector.Unreachable, words: "no answer"},
	}
	for name, c := range cases {
		if c.on == nil {
			c.on = kinds
		}
		for _, kind := range c.on {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, kind)
				if c.change != nil {
					c.change(&w.cfg)
				}
				if c.server != nil {
					c.server(w.Server)
				}
				client, err := ticket.New(w.cfg)
				if err != nil {
					t.Fatal(err)
				}
				p, ok := client.(connector.Prober)
				if !ok {
					t.Fatal("it cannot be tested")
				}
				said, err := p.Probe(t.Context())
				if (err == nil) != (c.want == "") {
					t.Fatalf("%q, %v", said, err)
				}
				if err != nil {
					f := connector.FailureOf(err)
					if said = f.Msg; f.Kind != c.want {
						t.Errorf("it is %s: %v", f.Kind, err)
					}
					if strings.Contains(err.Error(), canary) {
						t.Errorf("it shows the secret: %v", err)
					}
				}
				if !strings.Contains(said, c.words) {
					t.Errorf("it says %q", said)
				}
				if n := len(w.Tickets()); n != 0 {
					t.Errorf("%d tickets were made", n)
				}
				for _, call := range w.Calls() {
					if !strings.HasPrefix(call, "GET ") {
						t.Errorf("it asked for %s", call)
					}
				}
			})
		}
	}
}
