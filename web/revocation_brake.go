package web

import (
	"net/http"
	"strconv"
	"strings"

	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/revocation"
	"recert/views/ui"
)

// brakes shows what keeps removals from going out.
func (s *site) brakes(r *request, p *revocation.ListPage, held int64) error {
	stop, err := s.Store.RemovalStop(r.Context())
	if err != nil {
		return err
	}
	admin := r.actor.Has(model.Admin)
	p.Held, p.CanHeld = held, admin
	if p.HeldVersion, err = s.Store.HeldVersion(r.Context()); err != nil {
		return err
	}
	p.CanStop, p.CanGo = stop == nil && r.actor.Has(managers...), admin
	p.Reason = ui.Field{Name: "reason", Label: "Why", Help: "It stands in the evidence.", Required: true}
	if stop != nil {
		p.Stopped = &ui.Notice{Tone: ui.Bad, Title: "All removals are stopped.", Text: stop.Reason + " (" + stop.Actor + ", " + ui.Exact(stop.At, r.zone).Text + ")"}
	}
	return nil
}

// letGoView adds to a removal's page what a second person may do about it, where that does something, and why
// the reader is none.
func (s *site) letGoView(r *request, p *revocation.Page, row *store.RemediationRow) error {
	held := row.State == model.Held
	if !r.actor.Has(model.Admin) || !held && row.State != model.Failed {
		return nil
	}
	if c := p.Contest; c != nil && c.Answer.Title == "" {
		return nil // what the person concerned says is answered first
	}
	may := s.Campaigns.MayLetGo(r.Context(), r.actor, row.Remediation)
	if may != nil && model.KindOf(may) != model.Forbidden {
		return may
	}
	p.CanDecline = may == nil && (row.Kind == model.KindRemove || row.Kind == model.KindLower)
	if !held || p.Contest != nil && p.Contest.Upheld {
		return nil // it is to stay: there is nothing to let go on
	}
	if may != nil {
		p.CannotLetGo = model.Message(may)
		return nil
	}
	dry, err := s.dryRun(r, row)
	if err != nil {
		return err
	}
	if p.CanLetGo = !dry; dry {
		p.CannotLetGo = "It can go on once dry_run is switched off in the settings of " + row.Source + "."
	}
	return nil
}

// dryRun tells whether a removal is held because its source is on dry run, and that still is.
func (s *site) dryRun(r *request, row *store.RemediationRow) (bool, error) {
	if !strings.HasPrefix(row.Reason, "Dry run:") {
		return false, nil
	}
	spec, err := s.Store.SourceSpec(r.Context(), row.Source)
	if model.KindOf(err) == model.NotFound {
		return false, nil
	}
	return spec.Revoke.DryRun, err
}

// approve lets one held removal go on.
func (s *site) approve(w http.ResponseWriter, r *request) error {
	id, err := s.removalID(r)
	if err != nil {
		return err
	}
	to := "/revocations/" + itoa(id)
	if err := r.form(); err != nil {
		return err
	}
	fence, err := strconv.ParseInt(r.PostForm.Get(revocation.FieldVersion), 10, 64)
	if err != nil || fence == 0 {
		fence = -1 // no removal has it
	}
	n, err := remediate.Approve(r.Context(), s.Store, r.actor, []int64{id}, fence)
	if err != nil {
		return err
	}
	if n == 0 { // the same click twice, or a snapshot settled it
		return redirect(w, r, to)
	}
	return s.redirectWith(w, r, to, "letgo")
}

// approveAll lets every held removal go on that the admin may let.
func (s *site) approveAll(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	held, err := s.Store.HeldVersion(r.Context())
	if err != nil {
		return err
	}
	if held != r.PostForm.Get(revocation.FieldVersion) {
		return redirect(w, r, "/revocations?state=held") // they go on already, or others wait by now: look first
	}
	n, err := remediate.Approve(r.Context(), s.Store, r.actor, nil, 0)
	if err != nil {
		return err
	}
	flash := "letgoall"
	if n == 0 {
		flash = "letgonone"
	}
	return s.redirectWith(w, r, "/revocations", flash)
}

// stopRemovals stops what connectors remove, everywhere.
func (s *site) stopRemovals(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	if err := remediate.Stop(r.Context(), s.Store, r.actor, strings.TrimSpace(r.PostForm.Get("reason"))); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/revocations", "stopped")
}

// goRemovals lets removals go on after stopRemovals.
func (s *site) goRemovals(w http.ResponseWriter, r *request) error {
	if err := remediate.Go(r.Context(), s.Store, r.actor); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/revocations", "going")
}
