package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/ticket"
	"recert/campaigns/connector/ticket/ticketserver"
)

const canary = "canary-token"

var kinds = []string{ticketserver.JiraCloud, ticketserver.JiraServer, ticketserver.ServiceNow}

// world is a server of a kind and a client of it.
type world struct {
	*ticketserver.Server

	url    string
	now    time.Time
	cfg    ticket.Config
	client connector.Follower
}

func newWorld(t *testing.T, kind string) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	probe, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = ticket.Config{System: ticket.Jira, Project: "SEC", Token: canary, Timeout: time.Minute, Now: func() time.Time { return w.now }}
	switch kind {
	case ticketserver.JiraCloud:
		w.cfg.Deployment, w.cfg.User = ticket.Cloud, "recert@example.com"
	case ticketserver.ServiceNow:
		w.cfg.System, w.cfg.Project, w.cfg.User, w.cfg.Group = ticket.ServiceNow, "", "recert", "IAM"
	}
	if w.cfg.User == "" {
		probe.Header.Set("Authorization", "Bearer "+canary)
	} else {
		probe.SetBasicAuth(w.cfg.User, canary)
	}
	w.Server = ticketserver.New(kind, probe.Header.Get("Authorization"), func() time.Time { return w.now })
	srv := httptest.NewServer(w.Server)
	t.Cleanup(srv.Close)
	w.cfg.URL, w.url = srv.URL, srv.URL
	if w.client, err = ticket.New(w.cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

func order() connector.Order {
	return connector.Order{
		Removal: 17, System: "wiki", PersonName: "Zoë Král", DecidedBy: "Ana Alonso", Comment: "left\nthe team", Campaign: "quarterly@2026-11-01", Due: "30 Nov 2026 17:00 CET",
		Link:   "https://recert.example.com/revocations/17",
		Access: connector.Access{AccountID: "a-91", Username: "zkral", EntitlementID: "g-4", EntitlementName: "Editors"},
	}
}

func forEach(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			fn(t, newWorld(t, kind))
		})
	}
}

// TestOpen: one ticket for a key, in words that say all, which is found again.
func TestOpen(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, w *world) {
		var first connector.Reference
		for i := range 2 {
			ref, err := w.client.Open(t.Context(), order(), "recert-abc1")
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = ref
			} else if ref.ID != first.ID || ref.Handle != first.Handle || ref.Closed {
				t.Errorf("the second time it is %+v, not %+v", ref, first)
			}
		}
		if _, err := w.client.Open(t.Context(), order(), "recert-abc2"); err != nil {
			t.Fatal(err)
		}
		all := w.Tickets()
		if len(all) != 2 || all[0].Key != first.ID || !strings.HasPrefix(first.URL, w.url+"/") || !strings.Contains(first.URL, all[0].ID) && !strings.HasSuffix(first.URL, all[0].Key) {
			t.Fatalf("there are %d tickets; the first is %+v", len(all), first)
		}
		if want := "Remove “Editors” from “Zoë Král” in “wiki”"; all[0].Title != want {
			t.Errorf("its title is %q", all[0].Title)
		}
		for _, want := range []string{"“a-91”", "“zkral”", "“g-4”", "Ana Alonso", "“left the team”", "30 Nov 2026 17:00 CET", "Closing this ticket does not end it: Recert reads “wiki” again", order().Link} {
			if !strings.Contains(all[0].Text, want) {
				t.Errorf("its text lacks %q:\n%s", want, all[0].Text)
			}
		}
		if w.cfg.System == ticket.ServiceNow && all[0].Group != "IAM" {
			t.Errorf("its group is %q", all[0].Group)
		}
	})
}

// TestFollow: a ticket is open until the system, or the configured states, say that it is closed.
func TestFollow(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, w *world) {
		ref, err := w.client.Open(t.Context(), order(), "recert-abc1")
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]bool{"To Do": false, "In Progress": false, "Done": true, "Won't do": true}
		if w.cfg.System == ticket.ServiceNow {
			states = map[string]bool{"New": false, "On Hold": false, "Resolved": true, "Closed": true, "Canceled": true}
		}
		for name, closed := range states {
			w.Set(ref.ID, func(tk *ticketserver.Ticket) { tk.Status = name })
			if p, err := w.client.Follow(t.Context(), ref); err != nil || p.Text != name || p.Closed != closed {
				t.Errorf("%s: %+v, %v", name, p, err)
			}
		}
		cfg := w.cfg
		cfg.ClosedStates = []string{"verified", "on hold"}
		own, err := ticket.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for name := range states {
			w.Set(ref.ID, func(tk *ticketserver.Ticket) { tk.Status = name })
			if p, err := own.Follow(t.Context(), ref); err != nil || p.Closed != (name == "On Hold") {
				t.Errorf("with states of its own, %s: %+v, %v", name, p, err)
			}
		}
		if err := w.client.Comment(t.Context(), ref, "It is still there."); err != nil {
			t.Fatal(err)
		}
		if c := w.Tickets()[0].Comments; len(c) != 1 || c[0] != "It is still there." {
			t.Errorf("its comments are %q", c)
		}
		for _, text := range []string{"Second.", "Third.", "Fourth."} {
			if err := w.client.Comment(t.Context(), ref, text); err != nil {
				t.Fatal(err)
			}
		}
		for text, want := range map[string]bool{"It is still there.": true, "Second.": true, "Fourth.": true, "Fifth.": false, "still": true} {
			if said, err := w.client.Said(t.Context(), ref, text); err != nil || said != want {
				t.Errorf("whether it says %q: %t, %v", text, said, err)
			}
		}
		if w.cfg.System == ticket.ServiceNow {
			w.Deny("work_notes")
			if said, err := w.client.Said(t.Context(), ref, "Fifth."); err == nil || said || !strings.Contains(err.Error(), "right to read them") {
				t.Errorf("without the right to read them: %t, %v", said, err)
			}
		}
		w.Set(ref.ID, func(tk *ticketserver.Ticket) { tk.Deleted = true })
		if _, err := w.client.Follow(t.Context(), ref); !errors.Is(err, connector.ErrGone) {
			t.Errorf("a deleted ticket: %v", err)
		}
		if err := w.client.Comment(t.Context(), ref, "x"); !errors.Is(err, connector.ErrGone) {
			t.Errorf("a comment on a deleted ticket: %v", err)
		}
		if _, err := w.client.Said(t.Context(), ref, "x"); !errors.Is(err, connector.ErrGone) {
			t.Errorf("comments of a deleted ticket: %v", err)
		}
	})
}

// TestLostReply: a ticket whose answer was lost is found by its key, once searches see it.
func TestLostReply(t *testing.T) {
	t.Parallel()
	faults := map[string]ticketserver.Fault{
		"cut":        {Method: http.MethodPost, Apply: true, Cut: true, Times: 1},
		"500":        {Method: http.MethodPost, Apply: true, Status: 500, Times: 1},
		"503 later":  {Method: http.MethodPost, Apply: true, Status: 503, Header: http.Header{"Retry-After": {"1"}}, Times: 1},
		"no content": {Method: http.MethodPost, Apply: true, Status: 204, Times: 1},
		"no JSON":    {Method: http.MethodPost, Apply: true, Status: 201, Body: "<html>", Times: 1},
		"empty":      {Method: http.MethodPost, Apply: true, Status: 201, Body: "{}", Times: 1},
	}
	forEach(t, func(t *testing.T, w *world) {
		n := 0
		for name, f := range faults {
			n++
			key := fmt.Sprintf("recert-k%d", n)
			if f.Path = "/issue"; w.cfg.System == ticket.ServiceNow {
				f.Path = "/incident"
			}
			w.Fail(f)
			_, err := w.client.Open(t.Context(), order(), key)
			if got := connector.FailureOf(err); err == nil || got.Kind != connector.Unreachable || got.RetryAfter != 0 {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := w.client.Open(t.Context(), order(), key); err != nil {
				t.Errorf("%s, again: %v", name, err)
			}
			if got := len(w.Tickets()); got != n {
				t.Fatalf("after %s there are %d tickets, want %d", name, got, n)
			}
		}
	})
}

// TestFailures: each answer is sorted into what follows from it, and no secret is in it.
func TestFailures(t *testing.T) {
	t.Parallel()
	create, search := http.MethodPost, "search"
	cases := map[string]struct {
		fault  ticketserver.Fault
		want   connector.FailureKind
		later  time.Duration
		words  string
		onFind bool
	}{
		"401":          {ticketserver.Fault{Status: 401}, connector.Denied, 0, "credentials", true},
		"403 to make":  {ticketserver.Fault{Status: 403}, connector.Denied, 0, "give them the right", false},
		"404 to make":  {ticketserver.Fault{Status: 404}, connector.Refused, 0, "404", false},
		"429":          {ticketserver.Fault{Status: 429, Header: http.Header{"Retry-After": {"70"}}}, connector.Unreachable, 70 * time.Second, "later", false},
		"429 to look":  {ticketserver.Fault{Status: 429, Header: http.Header{"Retry-After": {"Mon, 23 Nov 2026 10:02:00 GMT"}}}, connector.Unreachable, 2 * time.Minute, "later", true},
		"500 to look":  {ticketserver.Fault{Status: 500}, connector.Unreachable, 5 * time.Second, "500", true},
		"hang to look": {ticketserver.Fault{Hang: true}, connector.Unreachable, 5 * time.Second, "no answer", true},
		"hang to make": {ticketserver.Fault{Hang: true}, connector.Unreachable, 0, "no answer", false},
		"500 to make":  {ticketserver.Fault{Status: 500}, connector.Unreachable, 0, "500", false},
		"redirect":     {ticketserver.Fault{Status: 302, Header: http.Header{"Location": {"/login"}}}, connector.Broken, 0, "redirects", true},
		"HTML":         {ticketserver.Fault{Status: 200, Body: "<html>hibernating"}, connector.Broken, 0, "JSON", true},
		"no list":      {ticketserver.Fault{Status: 200, Body: "{}"}, connector.Broken, 0, "holds no", true},
		"another's":    {ticketserver.Fault{Status: 200, Body: `{"issues":[{"id":"1","key":"A-1","fields":{"labels":["x"]}}],"result":[{"sys_id":{"value":"1"},"correlation_id":{"value":""}}]}`}, "", 0, "", true},
	}
	forEach(t, func(t *testing.T, w *world) {
		for name, c := range cases {
			c.fault.Times = 1
			c.fault.Method, c.fault.Path = create, "/issue"
			switch {
			case w.cfg.System == ticket.ServiceNow && c.onFind:
				c.fault.Method, c.fault.Path = http.MethodGet, "/incident"
			case w.cfg.System == ticket.ServiceNow:
				c.fault.Path = "/incident"
			case c.onFind:
				c.fault.Path = search
			}
			if c.fault.Body == "" {
				c.fault.Body = `{"errorMessages":["` + canary + `"],"error":{"message":"` + canary + `"}}`
			}
			w.Fail(c.fault)
			client := w.client
			if c.fault.Hang {
				cfg := w.cfg
				cfg.Timeout = 500 * time.Millisecond
				var err error
				if client, err = ticket.New(cfg); err != nil {
					t.Fatal(err)
				}
			}
			_, err := client.Open(t.Context(), order(), "recert-abc1")
			f := connector.FailureOf(err)
			if err == nil || c.want != "" && f.Kind != c.want || f.RetryAfter != c.later || !strings.Contains(f.Msg, c.words) {
				t.Errorf("%s: %+v", name, f)
			}
			if f.Kind != connector.Broken && f.Kind != connector.Refused && c.want == "" {
				t.Errorf("%s: %+v", name, f)
			}
			if text := fmt.Sprintf("%v %+v %#v %s", err, f, w.client, w.cfg); strings.Contains(text, canary) {
				t.Errorf("%s shows the secret: %s", name, text)
			}
			w.Heal()
			if n := len(w.Tickets()); n != 0 {
				t.Fatalf("%s made a ticket", name)
			}
		}
	})
}

// TestFields: Jira names the fields that it does not take, and what it says of them stays there.
func TestFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticketserver.JiraCloud)
	w.cfg.Project, w.cfg.IssueType = "NOPE", "Nothing"
	c, err := ticket.New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Open(t.Context(), order(), "recert-abc1")
	if f := connector.FailureOf(err); f.Kind != connector.Refused || !strings.Contains(f.Msg, "fields issuetype, project;") {
		t.Errorf("it is %v", err)
	}
}

// TestNoMark: where records cannot be found by what marks them, none is made.
func TestNoMark(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticketserver.ServiceNow)
	if _, err := w.client.Open(t.Context(), order(), "recert-abc1"); err != nil {
		t.Fatal(err)
	}
	w.NoMark()
	_, err := w.client.Open(t.Context(), order(), "recert-abc2")
	if f := connector.FailureOf(err); f.Kind != connector.Refused || !strings.Contains(f.Msg, "correlation_id") || len(w.Tickets()) != 1 {
		t.Errorf("%v, and there are %d tickets", err, len(w.Tickets()))
	}
}

// TestStopped: who stops waiting gets a Failure, not a panic.
func TestStopped(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.client.Open(ctx, order(), "recert-abc1"); connector.FailureOf(err).Kind != connector.Unreachable {
			t.Errorf("%v", err)
		}
	})
}

// TestConfig: what cannot work is refused in one sentence that names the setting.
func TestConfig(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Unix(0, 0) }
	jira := ticket.Config{System: ticket.Jira, URL: "https://jira.example.com", Token: "t", Project: "SEC", Now: now}
	snow := ticket.Config{System: ticket.ServiceNow, URL: "https://x.service-now.com", User: "u", Token: "t", Now: now}
	cases := map[string]struct {
		cfg    ticket.Config
		change func(*ticket.Config)
		want   string
	}{
		"Jira":             {jira, func(*ticket.Config) {}, ""},
		"ServiceNow":       {snow, func(*ticket.Config) {}, ""},
		"loopback":         {jira, func(c *ticket.Config) { c.URL = "http://127.0.0.1:1" }, ""},
		"system":           {jira, func(c *ticket.Config) { c.System = "trac" }, `system "trac"`},
		"http":             {jira, func(c *ticket.Config) { c.URL = "http://jira.example.com" }, "https://"},
		"no url":           {jira, func(c *ticket.Config) { c.URL = "" }, "url"},
		"password in url":  {jira, func(c *ticket.Config) { c.URL = "https://a:b@jira.example.com" }, "no user"},
		"no token":         {jira, func(c *ticket.Config) { c.Token = "" }, "token"},
		"token with end":   {jira, func(c *ticket.Config) { c.Token = "t\n" }, "line end"},
		"project":          {jira, func(c *ticket.Config) { c.Project = "sec-1" }, "project"},
		"cloud, no user":   {jira, func(c *ticket.Config) { c.URL = "https://x.atlassian.net" }, "user"},
		"table of Jira":    {jira, func(c *ticket.Config) { c.Table = "incident" }, "table"},
		"project of snow":  {snow, func(c *ticket.Config) { c.Project = "SEC" }, "project"},
		"table":            {snow, func(c *ticket.Config) { c.Table = "../x" }, "table"},
		"deployment":       {jira, func(c *ticket.Config) { c.Deployment = "hosted" }, "deployment"},
		"colon":            {snow, func(c *ticket.Config) { c.User = "a:b" }, "colon"},
		"no such CA":       {snow, func(c *ticket.Config) { c.CAFile = "/nonexistent" }, "ca_file"},
		"negative timeout": {snow, func(c *ticket.Config) { c.Timeout = -1 }, "timeout"},
	}
	for name, c := range cases {
		c.change(&c.cfg)
		_, err := ticket.New(c.cfg)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
