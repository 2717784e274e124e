package web

import (
	"net/http"
	"strings"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/revocation"
	"recert/views/ui"
)

// giveMeanings explain each state of what gives access.
var giveMeanings = map[model.RemediationState]string{
	model.Queued:    "It is about to go out.",
	model.Held:      "Somebody must let it go on.",
	model.Sent:      "It was asked for. It closes when the system, read again, shows the access.",
	model.Confirmed: "The system was read, and shows the access.",
	model.Failed:    "It did not work, and somebody must look. Until then nothing else changes.",
	model.Cancelled: "It was taken back: nothing is given.",
}

// giveTag is a state of what gives access in words.
func giveTag(m model.Remediation) (tag ui.Tag, ok bool) {
	switch {
	case m.State != model.Confirmed:
		return tag, false
	case m.Kind == model.KindRestore:
		return ui.Tag{Text: "Given back", Tone: ui.Good}, true
	case m.Kind == model.KindLower:
		return ui.Tag{Text: "Given", Tone: ui.Good}, true
	case m.Kind == model.KindRotate:
		return ui.Tag{Text: "Changed", Tone: ui.Good}, true
	}
	return tag, false
}

// giveWords say what a remediation does that is no removal.
func giveWords(kind model.RemediationKind, can string) string {
	switch kind {
	case model.KindRestore:
		return "Give back: " + can
	case model.KindLower:
		return "Lower to: " + can
	case model.KindRotate:
		return "Change the secret: " + can
	case model.KindRemove:
	}
	return can
}

// rotateMeanings explain each state of a task to change a secret.
var rotateMeanings = map[model.RemediationState]string{
	model.Queued:    "It is about to be given to somebody.",
	model.Sent:      "Who knew the secret may use it no more, so it has to be changed. It closes when somebody says that it was, or a snapshot shows it.",
	model.Confirmed: "The secret was changed.",
	model.Cancelled: "It was taken back: the secret stays.",
}

// rotateManual is the note of a task to change a secret.
func rotateManual(m *revocation.Manual, state model.RemediationState) {
	switch state {
	case model.Confirmed:
		m.Note = "It is done."
	case model.Cancelled, model.Superseded, model.Restored:
	case model.Queued, model.Held, model.Sent, model.Failed, model.CameBack:
		m.Note = "It closes when you say below that the secret was changed."
	}
}

// giveManual is the note of a task that gives access.
func giveManual(m *revocation.Manual, state model.RemediationState) {
	switch state {
	case model.Queued, model.Held, model.Sent, model.Failed, model.CameBack:
		m.Note = "It closes by itself when the next snapshot shows the access."
	case model.Confirmed:
		m.Note = "It is done, as a snapshot shows."
	case model.Superseded, model.Cancelled, model.Restored:
		m.Note = "There is nothing to do here any more."
	}
}

// giveSteps puts an attempt that gave access into its words.
func giveSteps(v *revocation.Attempt, a model.Attempt) error {
	for i, label := range map[string]string{"Asked to remove": "Asked to give it"} {
		for n := range v.Steps {
			if v.Steps[n].Label == i {
				v.Steps[n].Label = label
			}
		}
	}
	for _, look := range []struct{ label, text string }{{"Read", a.Before}, {"Read before", a.Before}, {"Read again", a.After}} {
		for n := range v.Steps {
			if v.Steps[n].Label != look.label || look.text == "" {
				continue
			}
			o, err := seen(look.text)
			if err != nil {
				return err
			}
			if v.Steps[n].Tone = ui.Info; o.Presence == connector.Present {
				v.Steps[n].Tone = ui.Good
			}
		}
	}
	return nil
}

// giving adds to a removal's page how its access is given back, and what it belongs to.
func (s *site) giving(r *request, p *revocation.Page, row *store.RemediationRow) error {
	follows, err := s.Store.RemediationsFor(r.Context(), row.ID)
	if err != nil {
		return err
	}
	asked := false
	for i := range follows {
		f := &follows[i]
		asked = asked || f.Kind == model.KindRestore && f.State != model.Cancelled
		if err := s.follow(r, p, f.ID, map[model.RemediationKind]string{
			model.KindRestore: "Given back by", model.KindRemove: "Taken away afterwards by", model.KindRotate: "Asks for",
		}[f.Kind]); err != nil {
			return err
		}
	}
	if row.ForID != nil {
		label := map[model.RemediationKind]string{
			model.KindRestore: "Gives back what was taken by", model.KindRemove: "Takes the place of it", model.KindRotate: "Follows",
		}[row.Kind]
		if err := s.follow(r, p, *row.ForID, label); err != nil {
			return err
		}
	}
	p.CanGiveUp = row.Kind == model.KindRestore && row.Kind.Can(row.State, model.Cancelled) && r.actor.Has(managers...)
	if row.Kind == model.KindRestore {
		p.Facts = append(p.Facts, ui.Pair{Term: "Asked for by", Text: row.AskedBy}, ui.Pair{Term: "Why", Text: row.AskedFor})
	}
	if row.Kind != model.KindRemove || row.State != model.Confirmed || asked || !r.actor.Has(managers...) {
		return nil
	}
	p.Restore = &revocation.Restore{Reason: ui.Field{ID: "give-back-reason", Name: revocation.FieldReason, Label: "Why", Help: "It stands in the evidence.", Required: true}}
	if p.Contest != nil && p.Contest.Upheld {
		p.Restore.Reason.Value = p.Contest.Why // it was said already
	}
	p.Restore.Note, err = s.lostEnd(r, row)
	return err
}

// follow adds one remediation to what a page's belongs to.
func (s *site) follow(r *request, p *revocation.Page, id int64, label string) error {
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	f := revocation.Follow{ID: itoa(id), Label: label, State: removalTag(row.Remediation), At: ui.At(removalTime(row.Remediation), r.zone)}
	f.What, _ = removalWords(&row)
	f.What = strings.TrimPrefix(f.What, giveWords(row.Kind, "")) // the label says it
	if row.AskedBy != "" {
		f.Note = "Asked for by " + row.AskedBy + ": " + row.AskedFor
	}
	if row.State == model.Failed {
		f.Note = row.Reason
	}
	p.Follows = append(p.Follows, f)
	return nil
}

// lostEnd says what nobody sets again where an access is given back.
func (s *site) lostEnd(r *request, row *store.RemediationRow) (string, error) {
	items, err := s.Store.ItemsByID(r.Context(), row.RunID, []int64{row.ItemID})
	if err != nil || len(items) != 1 {
		return "", err
	}
	end, err := campaigns.GrantEnd(items[0], row.GrantID)
	if err != nil || !end.Known() {
		return "", err
	}
	return "It was to end on " + ui.Day(end, r.zone).Text + ". That end is not set again: see to it that it still does.", nil
}

// restore gives back what a proven removal took.
func (s *site) restore(w http.ResponseWriter, r *request) error {
	id, err := s.removalID(r)
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	restore, err := remediate.Restore(r.Context(), s.Store, r.actor, id, r.PostForm.Get(revocation.FieldReason))
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, "/revocations/"+itoa(restore), "restore")
}

// giveUp ends what was to give an access back.
func (s *site) giveUp(w http.ResponseWriter, r *request) error {
	id, err := s.removalID(r)
	if err != nil {
		return err
	}
	if err := remediate.GiveUp(r.Context(), s.Store, r.actor, id); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/revocations/"+itoa(id), "giveup")
}
