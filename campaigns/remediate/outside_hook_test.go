package remediate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/connector/webhook"
	"recert/model"
)

const hookSecret = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldw=="

// hookOffice is a rig whose removals are asked for by a webhook.
type hookOffice struct {
	*office

	mu     sync.Mutex
	ids    []string // of the messages that came
	answer func(n int) int
	on     func() // before the answer
}

// hookOffices makes user u1 a member of g1, and a removal of that which is asked for by a webhook.
func hookOffices(t *testing.T, fn func(t *testing.T, h *hookOffice)) {
	t.Helper()
	each(t, 2, 0, func(t *testing.T, r *rig) {
		h := &hookOffice{office: &office{rig: r, live: true}, answer: func(int) int { return http.StatusAccepted }}
		r.reviewed(1)
		r.srv.PutGroup(scimserver.Group{ID: "g1", DisplayName: "Group g1"})
		r.grant("u1", "g1")
		r.queue(1, 1, model.ModeWebhook)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			h.mu.Lock()
			h.ids = append(h.ids, q.Header.Get("webhook-id"))
			n, on, answer := len(h.ids), h.on, h.answer
			h.mu.Unlock()
			if on != nil {
				on()
			}
			w.WriteHeader(answer(n))
		}))
		t.Cleanup(srv.Close)
		c, err := webhook.New(webhook.Config{URL: srv.URL, Secret: hookSecret, Timeout: time.Minute, Now: r.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		h.opener = c
		h.w = h.worker("w1")
		h.w.Outside = func(context.Context, int64) (Desk, error) {
			return Desk{Opener: c, Look: r.target, Report: func(token string) string { return "https://recert.example.com/hooks/removals/" + token }}, nil
		}
		fn(t, h)
	})
}

func (h *hookOffice) report(message, status string) error {
	h.t.Helper()
	t, err := h.s.TicketByAck(h.t.Context(), AckHash(h.opener.(connector.Acknowledger).Token(h.ticket().Key))) //nolint:errcheck,forcetypeassert // it is a webhook
	if err != nil {
		return err
	}
	return Report(h.t.Context(), h.s, t, message, status, "by hand")
}

// TestHookDoneNot: what is said to be done and is there after several looks is for a person.
func TestHookDoneNot(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.step()
		h.want(model.Sent, whyOrdered)
		h.later(3 * time.Hour)
		if row := h.row("u1/g1"); row.Attempts != 1 || len(h.ids) != 1 {
			t.Errorf("without a report there are %d attempts and %d messages", row.Attempts, len(h.ids))
		}
		if err := h.report("m1", ReportDone); err != nil {
			t.Fatal(err)
		}
		h.step()
		h.want(model.Sent, whyDoneThere)
		for range 6 {
			h.later(90 * time.Minute)
		}
		h.want(model.Failed, whyDoneNot)
		if row := h.row("u1/g1"); row.Attempts > 7 || len(h.ids) != 1 {
			t.Errorf("there were %d attempts and %d messages", row.Attempts, len(h.ids))
		}
		h.holds()
	})
}

// TestHookEarly: a report that is faster than the answer to the message is not lost.
func TestHookEarly(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		var err error
		h.on = func() {
			h.remove()
			err = h.report("m1", ReportDone)
		}
		h.step()
		if err != nil {
			t.Fatal(err)
		}
		h.want(model.Confirmed, whyGone)
		if got := h.orders(); got[model.TicketOpened] != 1 || got[model.TicketReported] != 1 {
			t.Errorf("the events are %v", got)
		}
		h.holds()
	})
}

// TestHookRefusedEarly: so is one that it will not be done; the worker, which comes too late then,
// changes nothing but what the message is called.
func TestHookRefusedEarly(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		var err error
		h.on = func() { err = h.report("m1", ReportRefused) }
		h.step()
		if err != nil {
			t.Fatal(err)
		}
		h.want(model.Failed, whyOrderDeclined)
		if tk := h.ticket(); tk.Status != ReportRefused || tk.Note != "by hand" || tk.Ref == "" {
			t.Errorf("the message is %+v", tk)
		}
		for _, err := range []error{h.report("m1", ReportRefused), h.report("m1", ReportDone)} {
			if model.KindOf(err) != model.Conflict {
				t.Errorf("the same report again: %v", err)
			}
		}
		h.holds()
	})
}

// TestHookAgain: a message that was not taken is sent again as the same one, and what came back is
// another one.
func TestHookAgain(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.answer = func(n int) int {
			return []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusOK, http.StatusOK}[n-1]
		}
		for range 4 {
			h.later(10 * time.Minute)
		}
		h.want(model.Sent, whyOrdered)
		if len(h.ids) != 3 || h.ids[0] != h.ids[1] || h.ids[1] != h.ids[2] {
			t.Fatalf("the messages are %q", h.ids)
		}
		h.remove()
		if err := h.report("m1", ReportDone); err != nil {
			t.Fatal(err)
		}
		h.step()
		h.want(model.Confirmed, whyGone)
		if err := h.report("m2", ReportDone); model.KindOf(err) != model.NotFound {
			t.Errorf("a report of what is over: %v", err)
		}
		h.clock.Add(time.Hour)
		h.grant("u1", "g1")
		h.snapshotMoves("u1/g1", model.CameBack)
		h.later(time.Minute)
		h.want(model.Failed, whyCameBack) // whoever gave it again may have had a reason
		if len(h.ids) != 3 {
			t.Errorf("the messages are %q", h.ids)
		}
		if err := Retry(t.Context(), h.s, admin, h.row("u1/g1").ID); err != nil {
			t.Fatal(err)
		}
		h.later(time.Minute)
		h.want(model.Sent, whyOrdered)
		if len(h.ids) != 4 || h.ids[3] == h.ids[0] {
			t.Errorf("the messages are %q", h.ids)
		}
	})
}

// TestHookGone: a receiver that takes no more messages pauses the source; one that does not take this
// one leaves it to a person.
func TestHookGone(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.answer = func(n int) int { return []int{http.StatusGone, http.StatusUnprocessableEntity}[n-1] }
		h.step()
		h.want(model.Queued, whyOrderDenied)
		src, err := h.s.SourceByID(t.Context(), h.source)
		if err != nil || !strings.Contains(src.Paused, "410 Gone") {
			t.Errorf("the source is paused: %q (%v)", src.Paused, err)
		}
		h.later(time.Hour)
		if len(h.ids) != 1 {
			t.Errorf("a paused source sent %d messages", len(h.ids))
		}
		if err := Resume(t.Context(), h.s, admin, h.source); err != nil {
			t.Fatal(err)
		}
		h.later(time.Hour)
		h.want(model.Failed, whyOrderRefused)
		h.holds()
	})
}

// TestHookNobody: an address that nobody was given is of no removal.
func TestHookNobody(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		for _, hash := range []string{"", AckHash(""), AckHash("x")} {
			if _, err := h.s.TicketByAck(t.Context(), hash); model.KindOf(err) != model.NotFound {
				t.Errorf("%q: %v", hash, err)
			}
		}
		h.step()
		for _, bad := range []string{"", "confirmed"} {
			if err := h.report("m1", bad); model.KindOf(err) != model.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// TestHookFlood: a receiver that says the same again and again, or always something new, does not fill the log.
func TestHookFlood(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.step()
		h.want(model.Sent, whyOrdered)
		for i := range 30 {
			if err := h.report(fmt.Sprintf("same-%d", i), ReportDone); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.report("same-0", ReportDone); model.KindOf(err) != model.Conflict {
			t.Errorf("an id that was taken: %v", err)
		}
		if got := h.orders(); got[model.TicketReported] != 1 {
			t.Errorf("thirty times the same is noted %d times", got[model.TicketReported])
		}
		h.step()
		h.want(model.Sent, whyDoneThere)
		h.remove()
		if err := h.report("again", ReportDone); err != nil {
			t.Fatal(err)
		}
		h.step() // at once: it was hurried, although nothing was noted
		h.want(model.Confirmed, whyGone)
		if got := h.orders(); got[model.TicketReported] != 1 {
			t.Errorf("it is noted %d times", got[model.TicketReported])
		}
		h.holds()
	})
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.step()
		refused := 0
		for i := range 100 {
			tk, err := h.s.TicketByAck(t.Context(), h.ticket().AckHash)
			if err != nil {
				t.Fatal(err)
			}
			switch err := Report(t.Context(), h.s, tk, fmt.Sprintf("new-%d", i), ReportDone, fmt.Sprintf("try %d", i)); model.KindOf(err) {
			case model.Conflict:
				refused++
			default:
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := h.orders()[model.TicketReported]; got >= maxOrderEvents || got+refused != 100 {
			t.Errorf("%d reports are noted, %d are refused", got, refused)
		}
		h.holds()
	})
}
