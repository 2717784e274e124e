package web

import (
	"fmt"
	"net/http"
	"slices"

	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/revocation"
	"recert/views/ui"
)

// otherPaths adds the other paths by which the same access was held when it was reviewed: while one of
// them is there, the access is.
func (s *site) otherPaths(r *request, row *store.RemediationRow, facts []ui.Pair) ([]ui.Pair, error) {
	all, err := s.Store.ItemRemediations(r.Context(), row.RunID, []int64{row.ItemID})
	if err != nil {
		return nil, err
	}
	paths, err := s.removalPaths(r, len(all), func(i int) *model.Remediation { return &all[i] })
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.ID == row.ID || o.Kind != model.KindRemove || o.State == model.Cancelled || row.Kind != model.KindRemove {
			continue
		}
		path := "directly"
		if o.Via != "" {
			path = "through " + paths(&o)
		}
		facts = append(facts, ui.Pair{Term: "Also held", Text: path + ": " + removalTag(o).Text, Href: "/revocations/" + itoa(o.ID)})
	}
	return facts, nil
}

func removalWords(row *store.RemediationRow) (can, technical string) {
	if row.EntitlementKey == nil {
		return giveWords(row.Kind, "The whole account "+row.Subject.AccountID), ""
	}
	can, technical = accessWords(&row.Entitlement)
	return giveWords(row.Kind, can), technical
}

func assignee(row *store.RemediationRow) string {
	if row.Assignee.Name != "" {
		return row.Assignee.Name
	}
	return "the owner of " + row.Source
}

// revocation is one removal with everything that was tried.
func (s *site) revocation(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	if may, err := s.Campaigns.CanSeeRemoval(r.Context(), r.actor, row.Remediation); err != nil {
		return err
	} else if !may {
		return errNotFound
	}
	p := revocation.Page{
		Frame: s.frame(r, "Revocation "+itoa(id), layout.Revocations), Board: staff(r.actor), ID: itoa(id), Person: subjectName(row.Subject), PersonID: row.Subject.PersonID,
		Source: row.Source, State: removalTag(row.Remediation),
	}
	p.Can, p.Technical = removalWords(&row)
	attempts, err := s.Store.RemediationAttempts(r.Context(), id)
	if err != nil {
		return err
	}
	asked := slices.ContainsFunc(attempts, func(a model.Attempt) bool { return a.CalledAt.Known() })
	p.Meaning = meaning(&row, asked)
	if s.asleep(&row) {
		p.Meaning += " " + wakes(r, row.WaitUntil, row.WaitReason)
	}
	path, err := s.removalPaths(r, 1, func(int) *model.Remediation { return &row.Remediation })
	if err != nil {
		return err
	}
	p.Facts = revocationFacts(&row, path(&row.Remediation), asked, r.zone)
	ticket, err := s.ticketFacts(r, &row)
	if err != nil {
		return err
	}
	p.Facts = append(p.Facts, ticket...)
	if row.Mode == model.ModeManual && row.Task != "" {
		p.Manual = manualView(&row, p.Can+", of "+p.Person)
		p.Begun = taskStep(&row, r.zone)
		reports, err := s.Store.TaskReports(r.Context(), id)
		if err != nil {
			return err
		}
		if len(reports) > 0 || row.State == model.Sent {
			p.Manual.Href, p.Manual.Reports = "/tasks/"+itoa(id), int64(len(reports))
		}
	}
	if p.Facts, err = s.otherPaths(r, &row, p.Facts); err != nil {
		return err
	}
	for _, a := range attempts {
		v, err := attemptView(a, r.zone)
		if err != nil {
			return fmt.Errorf("revocation %d: %w", id, err)
		}
		if row.Kind.Gives() {
			if err := giveSteps(&v, a); err != nil {
				return fmt.Errorf("revocation %d: %w", id, err)
			}
		}
		p.Attempts = append(p.Attempts, v)
	}
	spells, err := s.Store.Spells(r.Context(), id)
	if err != nil {
		return err
	}
	if p.Before = spellSteps(spells, r.zone); len(spells) > 0 && p.Begun != nil {
		p.Begun.Label = "Task given again"
	}
	p.Outcome = outcomeStep(&row, len(attempts) > 0, r.zone)
	p.Version = itoa(row.Fence)
	p.CanRetry = row.State == model.Failed && r.actor.Has(managers...)
	if err := s.contestView(r, &p, &row); err != nil {
		return err
	}
	if err := s.letGoView(r, &p, &row); err != nil {
		return err
	}
	if err := s.toldOf(r, &p, &row); err != nil {
		return err
	}
	if err := s.giving(r, &p, &row); err != nil {
		return err
	}
	if err := s.unlink(r, &p, &row); err != nil {
		return err
	}
	return s.render(w, r, revocation.Show(p))
}

// retry lets a failed removal go on.
func (s *site) retry(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	to := "/revocations/" + itoa(id)
	if row.State == model.Queued {
		return redirect(w, r, to) // the same click twice
	}
	if err := remediate.Retry(r.Context(), s.Store, r.actor, id); err != nil {
		return err
	}
	return s.redirectWith(w, r, to, "retry")
}
