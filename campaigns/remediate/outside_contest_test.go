package remediate

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector/ticket/ticketserver"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// disputes is an office whose removal is of somebody's own access, on either database.
func disputes(t *testing.T, fn func(t *testing.T, o *office, svc *campaigns.Service)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		o := newOffice(t, s, clock, ticketserver.JiraCloud)
		o.step()
		o.want(model.Sent, whyOrdered)
		fn(t, o, &campaigns.Service{Store: s})
		o.contests()
	})
}

func (o *office) contest(svc *campaigns.Service) {
	o.t.Helper()
	o.must(svc.Contest(o.t.Context(), person, o.ids["u1/g1"], "I need it"))
}

func (o *office) answered(svc *campaigns.Service, uphold bool) {
	o.t.Helper()
	o.must(svc.AnswerContest(o.t.Context(), admin, o.ids["u1/g1"], uphold, "They need it."))
}

func (o *office) settled(svc *campaigns.Service, want int) {
	o.t.Helper()
	if n, err := svc.SettleUpheld(o.t.Context()); n != want || err != nil {
		o.t.Errorf("%d are settled (%v), want %d: %s", n, err, want, o.states())
	}
}

// ended tells that the removal is declined in the name and the words of who answered.
func (o *office) ended() {
	o.t.Helper()
	if row := o.row("u1/g1"); row.State != model.Cancelled || row.Declined != admin.Label() || !strings.HasSuffix(row.Reason, " They need it.") {
		o.t.Errorf("it is %s (%s), declined by %q", row.State, row.Reason, row.Declined)
	}
}

// said fails the test unless the ticket has these comments.
func (o *office) said(want ...string) {
	o.t.Helper()
	got := o.tickets.Tickets()[0].Comments
	if !slices.EqualFunc(got, want, strings.Contains) {
		o.t.Fatalf("the comments are %q, want %q", got, want)
	}
}

// TestTicketContestOpen: while nobody has answered the ticket is told once to wait, and nothing is asked for
// again, also where it is closed; an answer that it stands goes on, and says so once.
func TestTicketContestOpen(t *testing.T) {
	t.Parallel()
	disputes(t, func(t *testing.T, o *office, svc *campaigns.Service) {
		o.contest(svc)
		o.later(2 * time.Hour)
		o.want(model.Sent, whyOrderContested)
		o.said(textWait)
		attempts := o.row("u1/g1").Attempts
		o.status("Won't do")
		for range 5 {
			o.later(24 * time.Hour)
			o.settled(svc, 0)
		}
		o.said(textWait)
		if row := o.row("u1/g1"); row.Attempts != attempts || row.State != model.Sent {
			t.Errorf("it is %s after %d attempts", row.State, row.Attempts)
		}
		o.answered(svc, false)
		o.later(2 * time.Hour)
		o.said(textWait, textGoOn, "the access is still there")
		o.want(model.Sent, whyDoneThere)
		o.later(24 * time.Hour)
		o.said(textWait, textGoOn, "the access is still there")
		o.remove()
		o.later(2 * time.Hour)
		o.want(model.Confirmed, whyGone)
		o.settled(svc, 0)
	})
}

// TestTicketContestDismissed: what is dismissed before the ticket heard of it goes on without a word.
func TestTicketContestDismissed(t *testing.T) {
	t.Parallel()
	disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
		o.contest(svc)
		o.answered(svc, false)
		o.later(2 * time.Hour)
		o.want(model.Sent, whyOrdered)
		o.said()
	})
}

// TestTicketContestGone: what is done while it is contested is proven, and given back if it should have stayed.
func TestTicketContestGone(t *testing.T) {
	t.Parallel()
	disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
		o.contest(svc)
		o.remove()
		o.status("Done")
		o.later(2 * time.Hour)
		o.want(model.Confirmed, whyGone)
		o.said()
	})
}

// TestTicketUpheld: the ticket is told once that the access stays, and the removal ends as declined.
func TestTicketUpheld(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(o *office){
		"open": func(*office) {}, "closed": func(o *office) { o.status("Won't do") },
		"deleted": func(o *office) {
			o.tickets.Set(o.ticket().Ref, func(tk *ticketserver.Ticket) { tk.Deleted = true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
				o.contest(svc)
				o.later(2 * time.Hour)
				o.answered(svc, true)
				before(o)
				o.settled(svc, 0) // nobody has looked
				o.later(2 * time.Hour)
				if name == "deleted" {
					o.said(textWait)
				} else {
					o.said(textWait, textStays)
				}
				o.ended()
				o.later(24 * time.Hour)
				o.settled(svc, 0)
			})
		})
	}
}

// TestTicketUpheldGone: what was removed before anybody could tell them is given back.
func TestTicketUpheldGone(t *testing.T) {
	t.Parallel()
	byTicket := func(s *model.SourceSpec) {
		s.Revoke = model.RevokeSpec{Mode: model.ModeTicket, Ticket: &model.TicketSpec{System: "jira", URL: "https://jira.example.com", User: "recert@example.com", Token: "${TOKEN}", Project: "SEC"}}
	}
	givesOf(t, nil, byTicket, func(t *testing.T, w *giveWorld) {
		o, opener := ticketsOf(t, w.clock, ticketserver.JiraCloud)
		w.worker.Outside = func(context.Context, int64) (Desk, error) { return Desk{Opener: opener, Look: w.target}, nil }
		w.answer("a1", "writers", model.Revoke, "")
		w.end()
		id := w.last(model.KindRemove).ID
		_, err := w.worker.Step(t.Context())
		w.must(err)
		w.are("remove a1 writers sent")
		w.must(w.svc.Contest(t.Context(), w.person("u2"), id, "I need it."))
		w.must(w.svc.AnswerContest(t.Context(), admin, id, true, "True."))
		w.must(w.srv.RemoveMember("writers", "a1"))
		w.clock.Add(2 * time.Hour)
		w.work()
		w.are("remove a1 writers confirmed")
		if c := o.Tickets()[0].Comments; len(c) != 1 || c[0] != textStays {
			t.Errorf("the comments are %q", c)
		}
		if n, err := w.svc.SettleUpheld(t.Context()); n != 1 || err != nil {
			t.Errorf("%d settled, %v", n, err)
		}
		if r := w.last(model.KindRestore); r.AskedBy != admin.Label() || r.AskedFor != "True." || *r.ForID != id {
			t.Errorf("it is %+v", r.Remediation)
		}
		w.fine()
	})
}

// TestTicketContestCrash: wherever the worker dies each word is said in the end, and once.
func TestTicketContestCrash(t *testing.T) {
	t.Parallel()
	for _, uphold := range []bool{true, false} {
		for _, at := range []Point{PointCalled, PointCallDone, PointReRead, PointFinished} {
			t.Run(string(at)+map[bool]string{true: " upheld", false: ""}[uphold], func(t *testing.T) {
				t.Parallel()
				disputes(t, func(t *testing.T, o *office, svc *campaigns.Service) {
					o.contest(svc)
					if uphold {
						o.answered(svc, true)
					}
					dies := o.clerk("dies")
					dies.Fault = func(_ context.Context, p Point, _ int64) error {
						if p == at {
							return errCrash
						}
						return nil
					}
					for range 3 {
						o.clock.Add(2 * time.Hour)
						o.step(dies)
					}
					for range 3 {
						o.later(2 * time.Hour)
					}
					if uphold {
						o.said(textStays)
					} else {
						o.said(textWait)
					}
					if uphold {
						o.settled(svc, map[bool]int{true: 1}[at == PointFinished]) // who died had held it, and nobody looks at that again
						o.ended()
					}
				})
			})
		}
	}
}

// TestTicketContestLost: of a comment whose answer is lost nobody knows whether it was taken, so it is looked for,
// and said again only where it is not there; one that was refused for now is said again.
func TestTicketContestLost(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]ticketserver.Fault{
		"lost, taken":     {Method: http.MethodPost, Path: "/comment", Apply: true, Cut: true},
		"lost, not taken": {Method: http.MethodPost, Path: "/comment", Cut: true, Times: 1},
		"nobody can look": {Path: "/comment", Apply: true, Cut: true},
		"later":           {Path: "/comment", Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"90"}}, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
				o.tickets.Fail(f)
				o.contest(svc)
				for range 3 {
					o.later(2 * time.Hour)
				}
				o.said(textWait)
				if doubt := o.ticket().Saying != ""; doubt != (name == "nobody can look") {
					t.Errorf("in doubt: %t", doubt)
				}
			})
		})
	}
}

// TestTicketLostAnswered: what was said, or got lost, before it was answered stays true in the end.
func TestTicketLostAnswered(t *testing.T) {
	t.Parallel()
	for _, uphold := range []bool{true, false} {
		disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
			o.tickets.Fail(ticketserver.Fault{Method: http.MethodPost, Path: "/comment", Cut: true, Times: 1})
			o.contest(svc)
			o.step()
			o.answered(svc, uphold)
			for range 3 {
				o.later(2 * time.Hour)
			}
			if uphold {
				o.said(textStays)
				o.settled(svc, 0)
				o.ended()
			} else {
				o.said() // nobody there heard of it
			}
		})
	}
}

// TestTicketStillThereLost: that the access is still there is said again where that got lost, and only there.
func TestTicketStillThereLost(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{true, false} {
		disputes(t, func(_ *testing.T, o *office, _ *campaigns.Service) {
			o.tickets.Fail(ticketserver.Fault{Method: http.MethodPost, Path: "/comment", Apply: taken, Cut: true, Times: 1})
			o.status("Done")
			for range 4 {
				o.later(2 * time.Hour)
			}
			o.said("the access is still there")
		})
	}
}

// TestTicketContestSoon: the ticket hears of what is said, and of the answer, at once, also where that came while
// somebody looked at it.
func TestTicketContestSoon(t *testing.T) {
	t.Parallel()
	for _, uphold := range []bool{true, false} {
		disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
			o.contest(svc)
			o.step()
			o.said(textWait)
			o.answered(svc, uphold)
			o.step()
			if uphold {
				o.said(textWait, textStays)
			} else {
				o.said(textWait, textGoOn)
			}
		})
	}
	disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
		o.w.Fault = o.with(func(ctx context.Context, p Point, n int64) error {
			if _, ok, err := o.s.Contest(ctx, n); p != PointClaimed || ok || err != nil {
				return err
			}
			o.contest(svc)
			return nil
		})
		o.later(2 * time.Hour)
		o.said(textWait)
	})
}

// TestTicketIdle: the ticket of a removal that nobody works on, as it waits for a person or has ended, is told what
// is true too, once; one that is closed, or not there any more, is left alone.
func TestTicketIdle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(o *office, svc *campaigns.Service)
		want   []string
	}{
		"contested": {func(o *office, svc *campaigns.Service) { o.contest(svc) }, []string{textWait}},
		"upheld":    {func(o *office, svc *campaigns.Service) { o.contest(svc); o.answered(svc, true) }, []string{textStays}},
		"upheld, heard of": {func(o *office, svc *campaigns.Service) {
			o.clock.Add(time.Minute)
			o.contest(svc)
			o.step()
			o.clock.Add(time.Minute)
			o.answered(svc, true)
		}, []string{textWait, textStays}},
		"dismissed": {func(o *office, svc *campaigns.Service) { o.contest(svc); o.answered(svc, false) }, nil},
		"closed":    {func(o *office, svc *campaigns.Service) { o.contest(svc); o.answered(svc, true); o.status("Done") }, nil},
		"deleted": {func(o *office, svc *campaigns.Service) {
			o.contest(svc)
			o.answered(svc, true)
			o.tickets.Set(o.ticket().Ref, func(tk *ticketserver.Ticket) { tk.Deleted = true })
		}, nil},
		"lost": {func(o *office, svc *campaigns.Service) {
			o.tickets.Fail(ticketserver.Fault{Method: http.MethodPost, Path: "/comment", Cut: true, Times: 1})
			o.contest(svc)
			o.answered(svc, true)
		}, []string{textStays}},
		"nobody contests": {func(*office, *campaigns.Service) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				o := newOffice(t, s, clock, ticketserver.JiraCloud)
				o.step()
				o.want(model.Sent, whyOrdered)
				o.must(s.InTx(t.Context(), func(tx *store.Tx) error {
					r, err := tx.LockRemediation(t.Context(), o.ids["u1/g1"])
					if err != nil {
						return err
					}
					r.State, r.Reason, r.ClosedAt = model.Failed, "a person must look", tx.Now
					return tx.MoveRemediation(t.Context(), r, model.Sent)
				}))
				c.before(o, &campaigns.Service{Store: s})
				o.step(o.w, o.clerk("other"))
				for range 4 {
					o.later(2 * time.Hour)
				}
				o.said(c.want...)
				calls := len(o.tickets.Calls())
				o.later(2 * time.Hour)
				if n := len(o.tickets.Calls()) - calls; n != 0 {
					t.Errorf("it is asked %d times more", n)
				}
			})
		})
	}
}

// TestTicketEnded: a ticket whose people were told to wait hears, once, that nothing is waited for any more when
// the removal has ended in the meantime.
func TestTicketEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to     model.RemediationState
		answer bool // the contest is answered afterwards: the removal stands
		want   []string
	}{
		"proven, and answered":     {model.Confirmed, true, []string{textWait, textEnded}},
		"proven, and not answered": {model.Confirmed, false, []string{textWait}},
		"granted anew":             {model.Superseded, false, []string{textWait, textEnded}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				o, svc := newOffice(t, s, clock, ticketserver.JiraCloud), &campaigns.Service{Store: s}
				o.step()
				o.contest(svc)
				o.later(time.Minute)
				o.said(textWait)
				o.must(s.InTx(t.Context(), func(tx *store.Tx) error {
					r, err := tx.LockRemediation(t.Context(), o.ids["u1/g1"])
					if err != nil {
						return err
					}
					r.State, r.Reason, r.ClosedAt = c.to, "it ended", tx.Now
					return tx.MoveRemediation(t.Context(), r, model.Sent)
				}))
				o.clock.Add(time.Minute)
				if c.answer {
					o.answered(svc, false)
				}
				for range 4 {
					o.step(o.w, o.clerk("other"))
					o.later(2 * time.Hour)
				}
				o.said(c.want...)
			})
		})
	}
}

// TestTicketComment: a ticket that takes no comment keeps nobody from working on the others, and is told as soon
// as it takes one.
func TestTicketComment(t *testing.T) {
	t.Parallel()
	disputes(t, func(t *testing.T, o *office, svc *campaigns.Service) {
		o.tickets.Fail(ticketserver.Fault{Method: http.MethodPost, Path: "/comment", Status: http.StatusForbidden, Times: 1})
		o.contest(svc)
		o.later(time.Minute)
		src, err := o.s.Sources(t.Context())
		if err != nil || src[0].Paused != "" {
			t.Fatalf("%+v, %v", src, err)
		}
		o.said()
		o.later(2 * time.Hour)
		o.said(textWait)
	})
}

// TestTicketContestMeanwhile: what is said against it right before the ticket is told that the access is still
// there is seen in time.
func TestTicketContestMeanwhile(t *testing.T) {
	t.Parallel()
	for _, uphold := range []bool{true, false} {
		disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
			o.status("Done")
			o.w.Fault = o.with(func(ctx context.Context, p Point, n int64) error {
				if _, ok, err := o.s.Contest(ctx, n); p != PointReRead || ok || err != nil {
					return err
				}
				o.contest(svc)
				if uphold {
					o.answered(svc, true)
				}
				return nil
			})
			o.later(2 * time.Hour)
			o.later(2 * time.Hour)
			if uphold {
				o.said(textStays)
				o.settled(svc, 0)
				o.ended()
			} else {
				o.said(textWait)
			}
		})
	}
}

// TestTicketUpheldSnapshot: of a source that is read from files a snapshot tells what came of it; until then
// nothing is decided.
func TestTicketUpheldSnapshot(t *testing.T) {
	t.Parallel()
	disputes(t, func(_ *testing.T, o *office, svc *campaigns.Service) {
		o.live = false
		o.contest(svc)
		o.answered(svc, true)
		for range 3 {
			o.later(2 * time.Hour)
			o.want(model.Sent, whyOrderStays)
			o.settled(svc, 0)
		}
		o.said(textStays)
	})
}

// hookDisputes is a hookOffice whose removal is of somebody's own access.
func hookDisputes(t *testing.T, fn func(t *testing.T, h *hookOffice, svc *campaigns.Service)) {
	t.Helper()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.step()
		h.want(model.Sent, whyOrdered)
		svc := &campaigns.Service{Store: h.s}
		h.contest(svc)
		fn(t, h, svc)
		if len(h.messages()) != 1 {
			t.Errorf("%d messages were sent", len(h.messages()))
		}
		h.contests()
	})
}

// messages are the messages so far.
func (h *hookOffice) messages() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ids)
}

// TestHookUpheld: a message cannot be taken back. What its receiver says ends the wait, as does time; what is
// there by then is not removed any more.
func TestHookUpheld(t *testing.T) {
	t.Parallel()
	for _, status := range []string{ReportRefused, ReportDone, ""} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			hookDisputes(t, func(_ *testing.T, h *hookOffice, svc *campaigns.Service) {
				h.answered(svc, true)
				switch status {
				case "":
					h.later(90 * time.Minute)
					h.want(model.Sent, whyOrderStays)
					h.settled(svc, 0)
					h.later(90 * time.Minute)
				default:
					h.must(h.report("m1", status))
					h.must(h.report("m2", status))
					h.step()
				}
				h.ended()
				h.settled(svc, 0)
			})
		})
	}
}

// TestHookContestOpen: what is reported to be done while it is contested is looked at, and asked for no more.
func TestHookContestOpen(t *testing.T) {
	t.Parallel()
	hookDisputes(t, func(t *testing.T, h *hookOffice, svc *campaigns.Service) {
		h.must(h.report("m1", ReportDone))
		for range 8 {
			h.later(90 * time.Minute)
		}
		h.want(model.Sent, whyOrderContested) // and not failed
		if n := h.row("u1/g1").Attempts; n != 1 {
			t.Errorf("there are %d attempts", n)
		}
		h.answered(svc, false)
		for range 8 {
			h.later(90 * time.Minute)
		}
		h.want(model.Failed, whyDoneNot)
	})
}

// TestHookContestRefused: what is refused while it is contested is for a person, and ends when that is upheld.
func TestHookContestRefused(t *testing.T) {
	t.Parallel()
	hookDisputes(t, func(_ *testing.T, h *hookOffice, svc *campaigns.Service) {
		h.must(h.report("m1", ReportRefused))
		h.want(model.Failed, whyOrderDeclined)
		h.answered(svc, true)
		h.want(model.Cancelled, "They need it.")
	})
}
