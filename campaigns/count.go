package campaigns

import (
	"context"
	"time"

	"recert/campaigns/scope"
	"recert/model"
)

// countRows is how many rows a count shows.
const countRows = 8

// Counted is what a scope takes in.
type Counted struct {
	Items    int64
	Excluded int64 // grants, and accounts without any, that are left out
	Unknown  int64 // in only because the data does not say
	Rows     []PreviewRow
}

// Count tells what a scope would take in, before there is a campaign: how much, and some rows from all over it.
func (s *Service) Count(ctx context.Context, actor model.Actor, of model.ScopeSpec) (*Counted, error) {
	if err := mayRun(actor); err != nil {
		return nil, err
	}
	if _, err := scope.New(of, s.Store.Now()); err != nil {
		return nil, err
	}
	spec := &parsed{CampaignSpec: model.CampaignSpec{Scope: of}, location: time.UTC}
	p, err := newPlanOf(ctx, s.Store, "", spec, // of no campaign, so that there is no last run
		model.TimeOf(s.Store.Now()))
	if err != nil {
		return nil, err
	}
	if err := p.fill(ctx, s.Store); err != nil {
		return nil, err
	}
	c := &Counted{Items: int64(len(p.items)), Excluded: int64(len(p.excluded)), Unknown: p.unknown}
	step := max(1, (len(p.items)+countRows-1)/countRows)
	for i := 0; i < len(p.items); i += step {
		row := p.row(p.items[i].account, p.items[i].entitlement)
		row.Unknown = p.items[i].unknown
		c.Rows = append(c.Rows, row)
	}
	return c, nil
}
