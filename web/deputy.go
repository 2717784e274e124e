package web

import (
	"net/http"
	"strconv"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/views/deputy"
	"recert/views/layout"
	"recert/views/ui"
)

// deputies is who answers for reviewers who are away.
func (s *site) deputies(w http.ResponseWriter, r *request) error {
	return s.renderDeputies(w, r, deputy.Page{})
}

func (s *site) renderDeputies(w http.ResponseWriter, r *request, p deputy.Page) error {
	list, err := s.Campaigns.Deputies(r.Context(), r.actor)
	if err != nil {
		return err
	}
	p.Frame, p.All = s.frame(r, "Deputies", layout.Reviews), r.actor.Has(managers...)
	p.CanAdd = p.All || r.actor.PersonKey != 0
	for i := range list {
		d := &list[i]
		v := deputy.Deputy{ID: itoa(d.ID), Person: d.Person, Name: d.Name, From: d.FromDay, Until: d.UntilDay, Reason: d.Reason, State: ui.Tag{Text: "To come"}, CanEnd: p.All || d.Own}
		if d.Active {
			v.State = ui.Tag{Text: "Answers now", Tone: ui.Info}
		}
		p.List = append(p.List, v)
	}
	return s.render(w, r, deputy.Show(p))
}

// nameDeputy names one. The same click twice says that there is one already.
func (s *site) nameDeputy(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	p := deputy.Page{Deputy: get(deputy.FieldDeputy), From: get(deputy.FieldFrom), Until: get(deputy.FieldUntil), Reason: get(deputy.FieldReason), Person: get(deputy.FieldPerson)}
	err := s.Campaigns.NameDeputy(r.Context(), r.actor, campaigns.DeputyInput{Person: p.Person, Deputy: p.Deputy, From: p.From, Until: p.Until, Reason: p.Reason})
	if kind := model.KindOf(err); err != nil && (kind == model.Invalid || kind == model.Conflict || kind == model.Forbidden) {
		r.status, p.Error = statusOf(err), model.Message(err)
		return s.renderDeputies(w, r, p)
	}
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, "/deputies", "deputy")
}

// endDeputy calls one off.
func (s *site) endDeputy(w http.ResponseWriter, r *request) error {
	id, err := strconv.ParseInt(r.path("id"), 10, 64)
	if err != nil {
		return errNotFound
	}
	if err := s.Campaigns.StopDeputy(r.Context(), r.actor, id); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/deputies", "deputyend")
}
