package web

import (
	"net/http"
	"strings"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/views/campaign"
	"recert/views/ui"
)

// extend makes a run due on another day.
func (s *site) extend(w http.ResponseWriter, r *request) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("id"))
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	in := campaigns.ExtendInput{RunID: run.ID, Due: strings.TrimSpace(r.PostForm.Get(campaign.FieldDue)), Reason: r.PostForm.Get(campaign.FieldReason)}
	_, err = s.Campaigns.Extend(r.Context(), r.actor, in)
	if kind := model.KindOf(err); err != nil && (kind == model.Invalid || kind == model.Conflict) {
		r.status = statusOf(err)
		return s.renderCampaign(w, r, run, typedForms{due: &campaign.DueForm{Day: in.Due, Reason: in.Reason, Error: model.Message(err)}})
	}
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, ui.Path("campaigns", run.Name), "due")
}

// dueForm is the form as it was typed, where that was refused, else empty; nil for who may not use it.
func dueForm(r *request, run model.Run, typed *campaign.DueForm) *campaign.DueForm {
	if run.State != model.Running || !r.actor.Has(managers...) {
		return nil
	}
	if typed == nil {
		return &campaign.DueForm{}
	}
	return typed
}

// amendmentPairs says how the due date was changed.
func amendmentPairs(list []campaigns.Amendment, loc *timeLocation) []ui.Pair {
	var out []ui.Pair
	for _, a := range list {
		text := "From " + ui.At(a.From, loc).Text + " to " + ui.At(a.To, loc).Text
		switch {
		case a.Cause == evidence.CausePaused:
			out = append(out, ui.Pair{Term: "Paused", Text: ui.At(a.At, loc).Text + ", by " + a.By + ": " + a.Reason})
			continue
		case a.Cause == evidence.CauseResumed:
			out = append(out, ui.Pair{Term: "Went on", Text: ui.At(a.At, loc).Text + ", by " + a.By + ": " + a.Reason})
			if a.From == a.To {
				continue
			}
			text += ", as it was paused"
		case a.Cause == evidence.CauseExtended:
			text += ", as items had no answer"
		case a.Cause == evidence.CauseCloser:
			text += ", as items had no answer: they go to who is named for that"
		case a.Reason != "":
			text += ", by " + a.By + ": " + a.Reason
		default:
			text += ", by " + a.By
		}
		out = append(out, ui.Pair{Term: "Due date changed", Text: text})
	}
	return out
}
