package remediate

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
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/connector/ticket"
	"recert/campaigns/connector/ticket/ticketserver"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// office is a rig whose removals are asked for by tickets.
type office struct {
	*rig

	tickets *ticketserver.Server
	opener  connector.Opener
	live    bool // the source can be looked at
	w       *Worker
}

// newOffice makes user u1 a member of g1, and a removal of that which is asked for by a ticket.
func newOffice(t *testing.T, s *store.Store, clock *storetest.Clock, kind string) *office {
	t.Helper()
	o := &office{rig: newRig(t, s, clock, 2, 0), live: true}
	o.reviewed(1)
	o.srv.PutGroup(scimserver.Group{ID: "g1", DisplayName: "Group g1"})
	o.grant("u1", "g1")
	o.queue(1, 1, model.ModeTicket)
	o.tickets, o.opener = ticketsOf(t, clock, kind)
	o.w = o.clerk("w1")
	return o
}

// ticketsOf is a ticket system, and what opens tickets there.
func ticketsOf(t *testing.T, clock *storetest.Clock, kind string) (*ticketserver.Server, connector.Opener) {
	t.Helper()
	cfg := ticket.Config{System: ticket.Jira, Deployment: ticket.Cloud, User: "recert@example.com", Token: "canary-token", Project: "SEC", Timeout: time.Minute, Now: clock.Now}
	if kind == ticketserver.ServiceNow {
		cfg.System, cfg.Deployment, cfg.Project = ticket.ServiceNow, "", ""
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth(cfg.User, cfg.Token)
	tickets := ticketserver.New(kind, q.Header.Get("Authorization"), clock.Now)
	srv := httptest.NewServer(tickets)
	t.Cleanup(srv.Close)
	cfg.URL = srv.URL
	opener, err := ticket.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tickets, opener
}

// clerk is a worker that knows the ticket system.
func (o *office) clerk(name string) *Worker {
	w := o.worker(name)
	w.Outside = func(context.Context, int64) (Desk, error) {
		d := Desk{Opener: o.opener, Page: func(n int64) string { return fmt.Sprintf("https://recert.example.com/revocations/%d", n) }}
		if o.live {
			d.Look = o.target
		}
		return d, nil
	}
	return w
}

// step works on what is due now.
func (o *office) step(ws ...*Worker) {
	o.t.Helper()
	if ws == nil {
		ws = []*Worker{o.w}
	}
	for _, w := range ws {
		for range 20 {
			n, err := w.Step(o.t.Context())
			if err != nil && !errors.Is(err, errCrash) {
				o.t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
	}
}

// later lets time go by, and works.
func (o *office) later(d time.Duration) {
	o.t.Helper()
	o.clock.Add(d)
	o.step()
}

func (o *office) ticket() model.Ticket {
	o.t.Helper()
	t, _, err := o.s.Ticket(o.t.Context(), o.ids["u1/g1"])
	if err != nil {
		o.t.Fatal(err)
	}
	return t
}

func (o *office) want(state model.RemediationState, reason string) {
	o.t.Helper()
	if row := o.row("u1/g1"); row.State != state || !strings.Contains(row.Reason, reason) {
		o.t.Fatalf("it is %s (%s), want %s (%s)", row.State, row.Reason, state, reason)
	}
}

func (o *office) status(s string) {
	o.tickets.Set(o.ticket().Ref, func(t *ticketserver.Ticket) { t.Status = s })
}

// remove does what the ticket asks for.
func (o *office) remove() {
	o.t.Helper()
	if err := o.srv.RemoveMember("g1", "u1"); err != nil {
		o.t.Fatal(err)
	}
}

// orders counts the events of orders by what they tell.
func (o *office) orders() map[string]int {
	o.t.Helper()
	out := map[string]int{}
	events, err := o.s.EventsOfObjects(o.t.Context(), []string{verify.RemediationObject(id(o.ids["u1/g1"]))})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, e := range events {
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			o.t.Fatal(err)
		}
		if b, ok := body.(*verify.RevocationOrdered); ok {
			out[b.What]++
		}
	}
	return out
}

func offices(t *testing.T, fn func(t *testing.T, o *office)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		for _, kind := range []string{ticketserver.JiraCloud, ticketserver.ServiceNow} {
			t.Run(kind, func(t *testing.T) {
				o := newOffice(t, s, clock, kind)
				fn(t, o)
				o.holds()
				o.tx(func(tx *store.Tx) error { return tx.PauseSource(t.Context(), o.source, "over") })
				o.tx(func(tx *store.Tx) error {
					return switched(t.Context(), tx, "tester", verify.RemovalsSwitched{Source: o.system, Stopped: true, Reason: "over"})
				})
			})
		}
	})
}

// TestTicketCameBack: what came back is followed by the ticket that there is, and its people are told.
func TestTicketCameBack(t *testing.T) {
	t.Parallel()
	each(t, 0, 0, func(t *testing.T, r *rig) {
		o := newOffice(t, r.s, r.clock, ticketserver.ServiceNow)
		o.step()
		o.remove()
		o.status("Closed")
		o.later(time.Hour)
		o.want(model.Confirmed, whyGone)
		o.clock.Add(time.Hour)
		o.grant("u1", "g1")
		o.snapshotMoves("u1/g1", model.CameBack)
		o.later(time.Minute)
		o.want(model.Sent, whyDoneThere)
		if all := o.tickets.Tickets(); len(all) != 1 || len(all[0].Comments) != 1 {
			t.Errorf("the tickets are %+v", all)
		}
		o.remove()
		o.later(2 * time.Hour)
		o.want(model.Confirmed, whyGone)
		for _, v := range o.checkEvents() {
			t.Error(v)
		}
	})
}

// TestTicket: a ticket is opened once and followed; closing it proves nothing, a look does.
func TestTicket(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		o.step()
		o.want(model.Sent, whyOrdered)
		all := o.tickets.Tickets()
		if len(all) != 1 || o.ticket().Ref != all[0].Key || !strings.Contains(all[0].Text, "“u1”") || !strings.Contains(all[0].Text, o.system) ||
			!strings.Contains(all[0].Text, "https://recert.example.com/revocations/"+id(o.ids["u1/g1"])) {
			t.Fatalf("there are %d tickets: %+v; stored is %+v", len(all), all, o.ticket())
		}
		calls := len(o.tickets.Calls())
		for range 5 {
			o.later(2 * time.Hour)
		}
		if got := len(o.tickets.Calls()) - calls; got != 5 {
			t.Errorf("it was looked at %d times in five hours", got)
		}
		if n := o.row("u1/g1").Attempts; n != 1 {
			t.Errorf("looks that show nothing new made %d attempts", n-1)
		}
		o.status("In Progress")
		o.later(2 * time.Hour)
		o.want(model.Sent, "")
		done := map[bool]string{true: "Done", false: "Resolved"}[o.opener.Name() == "Jira"]
		o.status(done)
		o.later(2 * time.Hour)
		o.want(model.Sent, whyDoneThere)
		if c := o.tickets.Tickets()[0].Comments; len(c) != 1 || !strings.Contains(c[0], "still there") {
			t.Fatalf("the comments are %q", c)
		}
		attempts := o.row("u1/g1").Attempts
		for range 3 {
			o.later(2 * time.Hour)
		}
		if c := o.tickets.Tickets()[0].Comments; len(c) != 1 || o.row("u1/g1").Attempts != attempts {
			t.Errorf("there are %d comments, and %d more attempts", len(c), o.row("u1/g1").Attempts-attempts)
		}
		o.status("In Progress")
		o.later(2 * time.Hour)
		o.status(done)
		o.later(2 * time.Hour)
		if c := o.tickets.Tickets()[0].Comments; len(c) != 2 {
			t.Errorf("closed again, there are %d comments", len(c))
		}
		o.remove()
		o.later(2 * time.Hour)
		o.want(model.Confirmed, whyGone)
		if row := o.row("u1/g1"); row.Proof != "read" {
			t.Errorf("it is proven by %q", row.Proof)
		}
		moved := map[bool]int{true: 5, false: 4}[o.opener.Name() == "Jira"] // Jira tells the first status when it is first asked for it
		if got := o.orders(); got[model.TicketOpened] != 1 || got[model.TicketMoved] != moved || len(got) != 2 {
			t.Errorf("the events are %v", got)
		}
		if o.patches() != 0 {
			t.Error("the source was changed by us")
		}
	})
}

// TestTicketDone: the access is gone when the ticket is closed.
func TestTicketDone(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		o.step()
		o.remove()
		o.status(map[bool]string{true: "Won't do", false: "Canceled"}[o.opener.Name() == "Jira"])
		o.later(time.Hour)
		o.want(model.Confirmed, whyGone)
		if len(o.tickets.Tickets()[0].Comments) != 0 {
			t.Error("there is a comment")
		}
	})
}

// TestTicketBefore: nothing is asked for that is gone, or somebody else's, already.
func TestTicketBefore(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		switch o.opener.Name() {
		case "Jira":
			o.remove()
			o.step()
			o.want(model.Confirmed, whyGoneAlready)
		default:
			o.srv.PutUser(scimserver.User{ID: "u1", UserName: "somebody-else", Active: true})
			o.step()
			o.want(model.Failed, whyWrongTarget)
		}
		if n := len(o.tickets.Calls()); n != 0 {
			t.Errorf("the ticket system was asked %d times", n)
		}
	})
}

// TestTicketSnapshot: of a source that is read from files a snapshot tells.
func TestTicketSnapshot(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		o.live = false
		o.step()
		o.want(model.Sent, whyOrdered)
		o.status(map[bool]string{true: "Done", false: "Closed"}[o.opener.Name() == "Jira"])
		o.later(time.Hour)
		o.want(model.Sent, whyDoneWaits)
		if o.row("u1/g1").Attempts != 1 {
			t.Error("there was an attempt")
		}
	})
}

// TestTicketCrash: whenever the worker dies, there is one ticket in the end.
func TestTicketCrash(t *testing.T) {
	t.Parallel()
	for _, at := range []Point{PointClaimed, PointPreRead, PointCalled, PointCallDone, PointFinished} {
		t.Run(string(at), func(t *testing.T) {
			offices(t, func(t *testing.T, o *office) {
				o.tickets.Stale(time.Minute)
				dies := o.clerk("dies")
				dies.Fault = func(_ context.Context, p Point, _ int64) error {
					if p == at {
						return errCrash
					}
					return nil
				}
				o.step(dies)
				o.later(time.Minute)
				for range 4 {
					o.later(10 * time.Minute)
				}
				o.want(model.Sent, whyOrdered)
				if n := len(o.tickets.Tickets()); n != 1 || o.orders()[model.TicketOpened] != 1 {
					t.Errorf("there are %d tickets, events %v", n, o.orders())
				}
				o.remove()
				o.status(map[bool]string{true: "Done", false: "Closed"}[o.opener.Name() == "Jira"])
				o.step(dies) // it may die here too
				o.later(time.Hour)
				o.later(time.Hour)
				o.want(model.Confirmed, "")
			})
		})
	}
}

// TestTicketLost: a ticket whose answer was lost is found, although searches are slow to see it.
func TestTicketLost(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		o.tickets.Stale(time.Minute)
		path := map[bool]string{true: "/issue", false: "/incident"}[o.opener.Name() == "Jira"]
		o.tickets.Fail(ticketserver.Fault{Method: http.MethodPost, Path: path, Apply: true, Cut: true, Times: 1})
		o.step()
		o.want(model.Sent, whyOrderDoubt)
		o.later(time.Minute)
		o.want(model.Sent, whyOrderDoubt)
		o.later(2 * time.Minute)
		o.want(model.Sent, whyOrdered)
		if n := len(o.tickets.Tickets()); n != 1 {
			t.Errorf("there are %d tickets", n)
		}
	})
}

// TestTicketFailures: what a ticket system answers decides what follows.
func TestTicketFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault  ticketserver.Fault
		state  model.RemediationState
		reason string
		paused bool
		next   model.RemediationState // once it is well again
	}{
		"401": {ticketserver.Fault{Status: 401}, model.Queued, whyOrderDenied, true, ""},
		"400": {ticketserver.Fault{Status: 400}, model.Failed, whyOrderRefused, false, ""},
		"429": {ticketserver.Fault{Status: 429, Header: http.Header{"Retry-After": {"90"}}}, model.Queued, whyOrderDown, false, model.Sent},
		"500": {ticketserver.Fault{Status: 500}, model.Queued, whyOrderDown, false, model.Sent}, // of the search
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			offices(t, func(t *testing.T, o *office) {
				o.tickets.Fail(c.fault)
				if name == "429" {
					o.step()
					before := len(o.tickets.Calls())
					o.later(80 * time.Second)
					if len(o.tickets.Calls()) != before {
						t.Error("it did not wait as long as it was asked to")
					}
				} else {
					o.step()
				}
				o.want(c.state, c.reason)
				src, err := o.s.SourceByID(t.Context(), o.source)
				if err != nil || (src.Paused != "") != c.paused || strings.Contains(src.Paused+o.row("u1/g1").Reason, "canary") {
					t.Errorf("the source is paused: %q (%v)", src.Paused, err)
				}
				o.tickets.Heal()
				if c.next != "" {
					o.later(20 * time.Minute)
					o.want(c.next, whyOrdered)
				}
				if c.paused {
					n := len(o.tickets.Calls())
					o.later(time.Hour)
					if len(o.tickets.Calls()) != n {
						t.Error("a paused source opens tickets")
					}
					if err := Resume(t.Context(), o.s, admin, o.source); err != nil {
						t.Fatal(err)
					}
					o.later(time.Hour)
					o.want(model.Sent, whyOrdered)
				}
			})
		})
	}
}

// TestTicketHeld: the kill switch and a protected account hold the opening.
func TestTicketHeld(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		if err := Stop(t.Context(), o.s, admin, "a test"); err != nil {
			t.Fatal(err)
		}
		o.later(time.Hour)
		o.want(model.Queued, "")
		if err := Go(t.Context(), o.s, admin); err != nil {
			t.Fatal(err)
		}
		o.tx(func(tx *store.Tx) error {
			_, err := tx.PutConfig(t.Context(), model.ConfigSource, o.system, `{"provides":"access","type":"scim","revoke":{"mode":"ticket","protected":["u1"]}}`, "2")
			return err
		})
		o.later(time.Hour)
		o.want(model.Held, whyProtected)
		if n := len(o.tickets.Calls()); n != 0 {
			t.Errorf("the ticket system was asked %d times", n)
		}
	})
}

// TestTicketGone: a ticket that somebody deleted is for a person; trying again opens another one.
func TestTicketGone(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		o.step()
		o.tickets.Set(o.ticket().Ref, func(tk *ticketserver.Ticket) { tk.Deleted = true })
		o.later(time.Hour)
		o.want(model.Failed, whyOrderGone)
		if err := Retry(t.Context(), o.s, admin, o.ids["u1/g1"]); err != nil {
			t.Fatal(err)
		}
		o.later(time.Hour)
		o.want(model.Sent, whyOrdered)
		if n := len(o.tickets.Tickets()); n != 2 {
			t.Errorf("there are %d tickets", n)
		}
	})
}

// TestTicketWorkers: several workers open one ticket.
func TestTicketWorkers(t *testing.T) {
	t.Parallel()
	offices(t, func(t *testing.T, o *office) {
		done := make(chan error, 3)
		for i := range 3 {
			go func() {
				_, err := o.clerk(fmt.Sprint("w", i)).Step(t.Context())
				done <- err
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := len(o.tickets.Tickets()); n != 1 {
			t.Errorf("there are %d tickets", n)
		}
	})
}
