package web

import (
	"recert/model"
	"recert/model/store"
	"recert/views/ui"
)

// asleep tells whether a removal waits only because its source could not be reached, or asked for time.
func (s *site) asleep(row *store.RemediationRow) bool {
	return row.Mode == model.ModeConnector && row.State.Open() && row.State != model.Held && row.WaitUntil > s.now()
}

// wakes says until when nothing is asked of a source, and why.
func wakes(r *request, until model.Time, why string) string {
	return "Recert waits until " + ui.At(until, r.zone).Text + " and then tries again by itself. " + sentence(why)
}

// sourceWaits is what a source's page says while nothing is asked of it; empty is nothing.
func (s *site) sourceWaits(r *request, source int64) (ui.Notice, error) {
	h, err := s.Store.SourceHealth(r.Context(), source)
	if err != nil || h.OpenUntil <= s.now() {
		return ui.Notice{}, err
	}
	return ui.Notice{Tone: ui.Warn, Title: "Removals in this source wait.", Text: wakes(r, h.OpenUntil, h.Reason)}, nil
}
