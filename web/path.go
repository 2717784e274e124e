package web

import (
	"cmp"
	"slices"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// pathNames is a path, outermost first, by the names of what it goes through.
func pathNames(via string, names naming) string {
	steps := pathSteps(via)
	for i, id := range steps {
		steps[i] = outside(cmp.Or(names(model.KindEntitlements, id), id))
	}
	return strings.Join(steps, " > ")
}

// pathSteps are the ids that a path goes through.
func pathSteps(via string) []string {
	if via == "" {
		return nil
	}
	return strings.Split(via, ">")
}

// stepNames are the names of entitlements by their ids.
func (s *site) stepNames(r *request, source, snap int64, ids []string) (map[string]string, error) {
	slices.Sort(ids)
	return s.Store.EntitlementNames(r.Context(), source, snap, slices.Compact(ids))
}

// heldPath is a path by which something is held, "" directly, in a source.
type heldPath struct {
	source   int64
	snapshot int64 // as of which its names are asked for; store.Live is as known now
	via      string
}

// pathTexts says paths of any sources by the names of what they go through, with a query a source. What has no
// name stands with its id.
func (s *site) pathTexts(r *request, paths []heldPath) (func(heldPath) string, error) {
	type at struct{ source, snapshot int64 }
	steps := map[at][]string{}
	for _, p := range paths {
		if p.via != "" {
			steps[at{p.source, p.snapshot}] = append(steps[at{p.source, p.snapshot}], pathSteps(p.via)...)
		}
	}
	names := map[at]map[string]string{}
	for where, ids := range steps {
		found, err := s.stepNames(r, where.source, where.snapshot, ids)
		if err != nil {
			return nil, err
		}
		names[where] = found
	}
	return func(p heldPath) string {
		found := names[at{p.source, p.snapshot}]
		return pathNames(p.via, func(_ model.Kind, id string) string { return found[id] })
	}, nil
}

// removalPaths is pathTexts of n removals, by the path that each takes away.
func (s *site) removalPaths(r *request, n int, removal func(i int) *model.Remediation) (func(*model.Remediation) string, error) {
	path := func(m *model.Remediation) heldPath { return heldPath{m.SourceID, store.Live, m.Via} }
	paths := make([]heldPath, n)
	for i := range paths {
		paths[i] = path(removal(i))
	}
	texts, err := s.pathTexts(r, paths)
	return func(m *model.Remediation) string { return texts(path(m)) }, err
}

// reviewPaths is pathTexts of the items of a run's page, by their names when the run was launched: those that
// the reviewer is asked about.
func (s *site) reviewPaths(r *request, run model.Run, rows []campaigns.Row) (func(source int64, via string) string, error) {
	sources, err := s.Store.RunSources(r.Context(), run.ID)
	if err != nil {
		return nil, err
	}
	snapshots := map[int64]int64{}
	for _, src := range sources {
		snapshots[src.SourceID] = src.SnapshotID
	}
	path := func(source int64, via string) heldPath { return heldPath{source, snapshots[source], via} }
	var paths []heldPath
	for i := range rows {
		for _, p := range rows[i].Facts.Paths {
			paths = append(paths, path(rows[i].Item.SourceID, p.Via))
		}
	}
	texts, err := s.pathTexts(r, paths)
	return func(source int64, via string) string { return texts(path(source, via)) }, err
}
