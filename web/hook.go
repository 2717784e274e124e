package web

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/ui"
)

// hookLimit is how many bytes a report may have.
const hookLimit = 16 << 10

// removalHook takes what the other side of a webhook reports of a removal. Whoever sends it has no
// session: it is known by the address, which nobody can guess, and by the signature. It proves
// nothing, so a report can make Recert look again, or call a person, and no more.
func (s *site) removalHook(w http.ResponseWriter, r *request) error {
	err := s.takeReport(r)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	status := http.StatusInternalServerError
	switch model.KindOf(err) {
	case model.NotFound:
		status = http.StatusNotFound
	case model.Forbidden, model.SignIn:
		status = http.StatusUnauthorized
	case model.Invalid:
		status = http.StatusBadRequest
	case model.Conflict:
		status = http.StatusConflict
	case model.Internal:
		if _, ok := errors.AsType[*http.MaxBytesError](err); !ok {
			return err
		}
		status = http.StatusRequestEntityTooLarge
	}
	s.Log.InfoContext(r.Context(), "report of a webhook refused", slog.String("request", r.trace.id), slog.Int("status", status), slog.String("error", err.Error()))
	text := http.StatusText(status)
	if status == http.StatusBadRequest || status == http.StatusConflict {
		text = model.Message(err)
	}
	http.Error(w, text, status)
	return nil
}

var errNoHook = model.Errorf(model.NotFound, "There is no such address.")

// takeReport checks a report and takes it down.
func (s *site) takeReport(r *request) error {
	ctx := r.Context()
	token := r.path("token")
	if s.HookKeys == nil || token == "" {
		return errNoHook
	}
	t, err := s.Store.TicketByAck(ctx, remediate.AckHash(token))
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(ctx, t.RemediationID)
	if err != nil {
		return err
	}
	keys, err := s.HookKeys(ctx, row.SourceID)
	if err != nil {
		return errors.Join(errNoHook, err) // settings that are gone, or wrong: the sender learns nothing of it
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	id, err := keys.Verify(r.Header, s.Now(), body)
	if err != nil {
		return err
	}
	var in struct {
		Status string `json:"status"`
		Note   string `json:"note"`
	}
	if err := json.Unmarshal(body, &in); err != nil || !clean(in.Note) {
		return model.Errorf(model.Invalid, `the body must be JSON like {"status":"done","note":"…"}`)
	}
	return remediate.Report(ctx, s.Store, t, id, in.Status, in.Note)
}

// ticketFacts tell what a removal is in the outside system that it is asked of; nil where it is asked
// of none.
func (s *site) ticketFacts(r *request, row *store.RemediationRow) ([]ui.Pair, error) {
	if !model.Outside(row.Mode) {
		return nil, nil
	}
	t, ok, err := s.Store.Ticket(r.Context(), row.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []ui.Pair{{Term: "Asked of", Text: map[string]string{model.ModeTicket: "a ticket system", model.ModeWebhook: "a webhook"}[row.Mode] + ", not yet"}}, nil
	}
	term := "Ticket in " + t.System
	if row.Mode == model.ModeWebhook {
		term = "Message"
	}
	out := []ui.Pair{{Term: term, Text: t.Ref, Href: t.URL}}
	if t.Ref == "" {
		out[0].Text = "none that is known of"
	}
	if t.Status != "" {
		status := "“" + t.Status + "”, in its own words"
		if t.Closed() && row.State.Open() {
			status += "; closed there, which proves nothing"
		}
		out = append(out, ui.Pair{Term: "Status there", Text: status})
	}
	switch {
	case t.Note == "":
	case row.Mode == model.ModeTicket:
		said, _, _ := strings.Cut(t.Note, " 20") // what follows is when
		out = append(out, ui.Pair{Term: "Who works on it was", Text: said})
	default:
		out = append(out, ui.Pair{Term: "It says", Text: t.Note})
	}
	if t.FollowedAt.Known() {
		out = append(out, ui.Pair{Term: "Last looked at there", Text: ui.Exact(t.FollowedAt, r.zone).Text})
	}
	stop, err := s.Store.RemovalStop(r.Context())
	switch {
	case err != nil:
		return nil, err
	case row.State == model.Sent && (stop != nil || row.Paused != ""):
		next := "once removals go on"
		if row.Mode == model.ModeTicket {
			next += ". Until then it is only told there if somebody objects, or if the access is to stay"
		}
		out = append(out, ui.Pair{Term: "Next look", Text: next})
	case row.State == model.Sent:
		out = append(out, ui.Pair{Term: "Next look", Text: ui.Exact(row.NextAt, r.zone).Text})
	}
	return out, nil
}
