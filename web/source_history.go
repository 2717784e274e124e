package web

import (
	"recert/model"
	"recert/model/store"
	"recert/views/source"
	"recert/views/ui"
)

// sourceHistory fills in a page of the source's snapshots, the latest first.
func (s *site) sourceHistory(r *request, src store.Source, p *source.Page) error {
	pages := list{ui.Path("sources", src.Name), nil, paramBefore}
	before, err := r.after(pages)
	if err != nil {
		return err
	}
	snaps, err := s.Store.Snapshots(r.Context(), src.ID, before, snapshotRows+1)
	if err != nil {
		return err
	}
	if err := pages.movedOn(before > 0, len(snaps)); err != nil {
		return err
	}
	var next int64
	if len(snaps) > snapshotRows {
		snaps = snaps[:snapshotRows]
		next = snaps[snapshotRows-1].ID
	}
	p.SnapshotsPager = pages.pager(before, next, "")
	main := model.KindGrants
	if src.Provides == model.ProvidesPeople {
		main = model.KindPeople
	}
	for _, snap := range snaps {
		row := source.Snapshot{ID: itoa(snap.ID), AsOf: ui.At(snap.AsOf, r.zone), State: snapshotTag(snap)}
		ledgers, err := s.Store.Ledgers(r.Context(), snap.ID)
		if err != nil {
			return err
		}
		for _, l := range ledgers {
			if l.Kind == main {
				row.Read, row.Rejected, row.New, row.Changed, row.Gone = l.Read, l.Rejected, l.New, l.Changed, l.Gone
			}
		}
		p.Snapshots = append(p.Snapshots, row)
	}
	return nil
}

func snapshotTag(s model.Snapshot) ui.Tag {
	switch s.State {
	case model.SnapshotLoading:
		return ui.Tag{Text: "Being read", Tone: ui.Info}
	case model.SnapshotHeld:
		return ui.Tag{Text: "Held", Tone: ui.Warn}
	case model.SnapshotDiscarded:
		return ui.Tag{Text: "Discarded"}
	case model.SnapshotSealed:
		if s.ReleasedBy != "" {
			return ui.Tag{Text: "Released", Tone: ui.Good}
		}
	}
	return ui.Tag{Text: "Sealed", Tone: ui.Good}
}
