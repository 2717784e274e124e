package remediate

import (
	"testing"

	"recert/campaigns/connector"
	"recert/model"
)

// TestReportNote: what the other side of a webhook notes is one line that turns and hides nothing.
func TestReportNote(t *testing.T) {
	t.Parallel()
	hookOffices(t, func(t *testing.T, h *hookOffice) {
		h.step()
		h.want(model.Sent, whyOrdered)
		token := h.opener.(connector.Acknowledger).Token(h.ticket().Key) //nolint:errcheck,forcetypeassert // it is a webhook
		ticket, err := h.s.TicketByAck(t.Context(), AckHash(token))
		if err != nil {
			t.Fatal(err)
		}
		if err := Report(t.Context(), h.s, ticket, "m1", ReportRefused, "not\u202edevomer\u2066 by\r\n us\u200b\u2028now"); err != nil {
			t.Fatal(err)
		}
		if got, want := h.ticket().Note, "not devomer by us now"; got != want {
			t.Errorf("the note is %q, want %q", got, want)
		}
		h.holds()
	})
}
