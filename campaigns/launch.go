package campaigns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Launched is what a launch did.
type Launched struct {
	Run     model.Run
	Preview *Preview // what was shown, as frozen
}

// Launch freezes a run of the campaign in one transaction: who is asked what, and what each
// reviewer will see. It refuses an empty scope, an item that nobody may review, a source without
// a sealed snapshot, a ledger that does not balance, and a campaign that is running already.
func (s *Service) Launch(ctx context.Context, actor model.Actor, name string) (*Launched, error) {
	if err := mayRun(actor); err != nil {
		return nil, err
	}
	var out *Launched
	err := s.Store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		out, err = launch(ctx, tx, actor, name)
		return err
	})
	if store.IsUnique(err) {
		return nil, &model.Error{Kind: model.Conflict, Msg: fmt.Sprintf("Somebody else is launching %s right now.", name), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func launch(ctx context.Context, tx *store.Tx, actor model.Actor, name string) (*Launched, error) {
	spec, err := campaign(ctx, tx, name)
	if err != nil {
		return nil, err
	}
	if running, ok, err := tx.RunningRun(ctx, name); err != nil {
		return nil, err
	} else if ok {
		return nil, model.Errorf(model.Conflict, "%s is running already as %s. Close that one first.", name, running.Name)
	}
	if err := holdSources(ctx, tx, spec); err != nil {
		return nil, err
	}
	p, err := newPlan(ctx, tx, name, tx.Now)
	if err != nil {
		return nil, err
	}
	run, err := p.begin(ctx, tx, actor)
	if err != nil {
		return nil, err
	}
	p.keepFacts = true
	if err := p.fill(ctx, tx); err != nil {
		return nil, err
	}
	if why := p.blocked(); len(why) > 0 {
		return nil, model.Errorf(model.Invalid, "%s cannot be launched. %s", name, strings.Join(why, " "))
	}
	if err := p.freeze(ctx, tx, actor, &run); err != nil {
		return nil, fmt.Errorf("launch %s: %w", name, err)
	}
	return &Launched{Run: run, Preview: p.preview(PreviewOptions{})}, nil
}

// holdSources keeps every snapshot that the run is frozen at the latest one until it is launched.
func holdSources(ctx context.Context, tx *store.Tx, spec *parsed) error {
	all, err := tx.LaunchSources(ctx)
	if err != nil {
		return err
	}
	for _, src := range all {
		named := src.Provides == string(model.ProvidesPeople)
		for _, want := range spec.Scope.Sources {
			named = named || src.Name == want
		}
		if !named {
			continue
		}
		if err := tx.HoldSource(ctx, src.ID); err != nil {
			return err
		}
	}
	return nil
}

// begin takes the run's name. It comes before the long work, so that a second launch waits here
// and is then refused.
func (p *plan) begin(ctx context.Context, tx *store.Tx, actor model.Actor) (model.Run, error) {
	spec, err := canonical(p.spec.CampaignSpec)
	if err != nil {
		return model.Run{}, fmt.Errorf("encode the definition: %w", err)
	}
	base := p.name + "@" + tx.Now.Std().In(p.spec.location).Format(time.DateOnly)
	n, err := tx.RunNamesLike(ctx, p.name, base)
	if err != nil {
		return model.Run{}, err
	}
	run := model.Run{
		Campaign: p.name, Name: base, State: model.Running, Spec: string(spec), TimeZone: p.spec.location.String(),
		DueAt: p.spec.due(tx.Now), LaunchedAt: tx.Now, LaunchedBy: actor.Label(),
	}
	if n > 0 {
		run.Name = fmt.Sprintf("%s.%d", base, n+1)
	}
	if run.OwnerKey, err = p.runOwner(ctx, tx, actor); err != nil {
		return model.Run{}, err
	}
	run.ID, err = tx.InsertRun(ctx, run)
	return run, err
}

// freeze writes the plan down, with its event.
func (p *plan) freeze(ctx context.Context, tx *store.Tx, actor model.Actor, run *model.Run) error {
	fz := &freezing{plan: p, tx: tx, run: run}
	for _, step := range []func(context.Context) error{fz.sources, fz.subjects, fz.entitlements, fz.reviewers, fz.items, fz.excluded} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := p.summarize(run); err != nil {
		return err
	}
	if err := tx.FreezeRun(ctx, *run); err != nil {
		return err
	}
	return p.launchEvent(ctx, tx, actor, run)
}

// Summary is what a run keeps of the counts that its launch showed.
type Summary struct {
	ItemGrants int64            `json:"item_grants"`
	Grants     map[string]int64 `json:"grants_in_sources"`
	Reviewers  int64            `json:"reviewers"`
	Avoided    int64            `json:"self_review_avoided"`
	Unknown    int64            `json:"unknown"`
	Notices    []string         `json:"notices"`
}

func (p *plan) summarize(run *model.Run) error {
	b, err := canonical(Summary{
		ItemGrants: p.itemGrants, Grants: p.grantsInSources(), Reviewers: int64(len(p.reviewers)), Avoided: p.avoided,
		Unknown: p.unknown, Notices: append([]string{}, p.notices...),
	})
	run.Summary = string(b)
	return err
}

func (p *plan) grantsInSources() map[string]int64 {
	m := map[string]int64{}
	for _, s := range p.sources {
		m[s.Name] = s.grants
	}
	return m
}

func (p *plan) launchEvent(ctx context.Context, tx *store.Tx, actor model.Actor, run *model.Run) error {
	sum := sha256.Sum256([]byte(run.Spec))
	ev := evidence.CampaignLaunched{
		Campaign: p.name, Spec: []byte(run.Spec), SpecSHA256: hex.EncodeToString(sum[:]), DueAt: verifyTime(run.DueAt),
		TimeZone: run.TimeZone, OnNoAnswer: p.spec.OnNoAnswer, Remove: p.spec.Remove, Strategy: p.spec.Stages[0].Strategy.Name,
		GrantsInSources: p.grantsInSources(), Items: run.Items, ItemGrants: p.itemGrants, ItemsRoot: run.ItemsRoot,
		Excluded: run.Excluded, ExcludedRoot: run.ExcludedRoot, Reviewers: int64(len(p.reviewers)), SelfReviewAvoided: p.avoided, Unknown: p.unknown,
	}
	for _, s := range p.frozenSources() {
		ev.Sources = append(ev.Sources, evidence.SourceSnapshot{Source: s.Name, Provides: s.Provides, Snapshot: s.Snapshot, AsOf: verifyTime(s.AsOf), Digest: s.Digest})
	}
	_, err := appendEvent(ctx, tx, actor, run.Name, evidence.TypeCampaignLaunched, evidence.RunObject(run.Name), ev, nil)
	return err
}

// frozenSources are the access sources in the campaign's order, then those of people.
func (p *plan) frozenSources() []store.LaunchSource {
	var out []store.LaunchSource
	for _, s := range p.sources {
		out = append(out, s.LaunchSource)
	}
	return append(out, p.people...)
}
