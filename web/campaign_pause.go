package web

import (
	"net/http"

	"recert/model"
	"recert/views/campaign"
	"recert/views/ui"
)

// pause stops a run until it goes on.
func (s *site) pause(w http.ResponseWriter, r *request) error {
	return s.pausing(w, r, "paused", func(run model.Run, reason string) (model.Run, error) {
		return s.Campaigns.Pause(r.Context(), r.actor, run.ID, reason)
	})
}

// resume lets a paused run go on.
func (s *site) resumeRun(w http.ResponseWriter, r *request) error {
	return s.pausing(w, r, "goeson", func(run model.Run, reason string) (model.Run, error) {
		return s.Campaigns.Resume(r.Context(), r.actor, run.ID, reason, r.PostForm.Has(campaign.FieldLater))
	})
}

func (s *site) pausing(w http.ResponseWriter, r *request, flash string, do func(model.Run, string) (model.Run, error)) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("id"))
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	reason := r.PostForm.Get(campaign.FieldReason)
	_, err = do(run, reason)
	if kind := model.KindOf(err); err != nil && (kind == model.Invalid || kind == model.Conflict) {
		r.status = statusOf(err)
		return s.renderCampaign(w, r, run, typedForms{pause: &campaign.PauseForm{Reason: reason, Error: model.Message(err)}})
	}
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, ui.Path("campaigns", run.Name), flash)
}

// pauseForm is the form as it was typed, where that was refused, else empty; nil for who may not use it.
func pauseForm(r *request, run model.Run, typed *campaign.PauseForm) *campaign.PauseForm {
	if run.State != model.Running || !r.actor.Has(managers...) {
		return nil
	}
	f := campaign.PauseForm{}
	if typed != nil {
		f = *typed
	}
	f.Paused = run.PausedAt.Known()
	return &f
}
