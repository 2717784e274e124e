package web

import (
	"recert/model"
	"recert/views/ui"
)

// nameOwner puts the name of a source's owner in place of the person_id, where somebody has it.
func (s *site) nameOwner(r *request, settings []ui.Pair, id string) error {
	for i := range settings {
		if settings[i].Term != "Owner" {
			continue
		}
		p, err := s.visiblePerson(r, id)
		if model.KindOf(err) == model.NotFound {
			return nil
		}
		settings[i].Text = p.Name
		return err
	}
	return nil
}
