package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// planSource is one access source of a campaign.
type planSource struct {
	store.LaunchSource

	scope  scope.Source
	grants int64 // live ones
}

// plannedAccount is an account of which the plan has an item or an exclusion.
type plannedAccount struct {
	*scope.Account

	rank int32 // among the accounts, in the order in which people read them
}

type plannedEntitlement struct {
	*scope.Entitlement

	rank int32
}

// plannedItem is kept small: a launch holds one for each of a million grants or more.
type plannedItem struct {
	account     int32 // index in plan.accounts
	entitlement int32 // index in plan.entitlements; -1 for an account without any grant
	reviewer    int32 // index in plan.reviewers; -1 where nobody may review it
	basis       uint8 // index in bases
	unknown     bool
	avoided     int32 // index in plan.avoidedPeople; -1 where none was
	grant       int64 // the direct one, else the first path; 0 for an account
	paths       int32
	direct      bool       // the first path is
	granted     model.Time // of the first path
	used        model.Time // of the first path
	facts       []byte     // canonical JSON of model.Facts; nil in a preview
}

var bases = []string{"", scope.Manager, scope.SourceOwner, scope.EntitlementOwner, scope.AccountOwner, scope.Named, scope.Fallback, scope.Expression}

func basisIndex(basis string) uint8 { return uint8(slices.Index(bases, basis)) } //nolint:gosec // one of a few

type plannedExclusion struct {
	account     int32
	entitlement int32 // -1 for an account without any grant
	grant       int64 // 0 for an account without any grant
	via         string
	reason      string
}

type plannedReviewer struct {
	*scope.Person

	items int64
	rank  int32
}

// plan is what a launch would freeze.
type plan struct {
	name    string
	spec    *parsed
	now     model.Time
	sources []*planSource        // of the campaign, in its order
	people  []store.LaunchSource // with a sealed snapshot
	dir     *scope.Directory
	ledgers []string // what does not balance, in sentences
	// What is known and would not be reviewed, in sentences.
	warnings []string
	notices  []string // what Recert will not do

	accounts     []plannedAccount
	entitlements []plannedEntitlement
	reviewers    []plannedReviewer
	items        []plannedItem
	excluded     []plannedExclusion

	withoutReviewer int64
	avoided         int64
	unknown         int64
	itemGrants      int64
	excludedGrants  int64
	avoidedPeople   []*scope.Person

	last          lastRun
	filter        *scope.Filter
	keepFacts     bool
	reviewerIndex map[int64]int32
	avoidedIndex  map[int64]int32
	facts         arena
}

// arena hands out byte slices cut from large blocks: a million small allocations would keep the
// collector busy.
type arena struct{ block []byte }

const arenaBlock = 1 << 20

func (a *arena) keep(b []byte) []byte {
	if cap(a.block)-len(a.block) < len(b) {
		a.block = make([]byte, 0, max(arenaBlock, len(b)))
	}
	n := len(a.block)
	a.block = append(a.block, b...)
	return a.block[n : n+len(b) : n+len(b)]
}

// newPlan reads what a plan needs to know before it looks at grants: the definition, its sources,
// whether their ledgers balance, and all people.
func newPlan(ctx context.Context, q Reader, name string, now model.Time) (*plan, error) {
	spec, err := campaign(ctx, q, name)
	if err != nil {
		return nil, err
	}
	return newPlanOf(ctx, q, name, spec, now)
}

func newPlanOf(ctx context.Context, q Reader, name string, spec *parsed, now model.Time) (_ *plan, err error) {
	p := &plan{
		name: name, spec: spec, now: now, dir: scope.NewDirectory(store.Fold),
		reviewerIndex: map[int64]int32{}, avoidedIndex: map[int64]int32{},
	}
	if p.filter, err = scope.New(spec.Scope, now.Std()); err != nil {
		return nil, err
	}
	if err := p.readLast(ctx, q); err != nil {
		return nil, err
	}
	all, err := q.LaunchSources(ctx)
	if err != nil {
		return nil, err
	}
	if err := spec.checkSources(name, all); err != nil {
		return nil, err
	}
	if err := p.takeSources(ctx, q, all); err != nil {
		return nil, err
	}
	if err := p.warn(ctx, q); err != nil {
		return nil, err
	}
	return p, q.LaunchPeople(ctx, func(key, source int64, data []byte) error {
		person := &scope.Person{Key: key, SourceID: source}
		if err := json.Unmarshal(data, &person.Person); err != nil {
			return fmt.Errorf("read person %d: %w", key, err)
		}
		p.dir.Add(person)
		return nil
	})
}

func (p *plan) takeSources(ctx context.Context, q Reader, all []store.LaunchSource) error {
	for _, want := range p.spec.Scope.Sources {
		s := all[indexSource(all, want)]
		if s.Snapshot == 0 {
			return model.Errorf(model.Invalid, "The source %s has no sealed snapshot yet. Ingest it, or release the one that is held.", s.Name)
		}
		var spec model.SourceSpec
		if s.Spec != "" {
			if err := json.Unmarshal([]byte(s.Spec), &spec); err != nil {
				return fmt.Errorf("read the definition of source %s: %w", s.Name, err)
			}
		}
		p.sources = append(p.sources, &planSource{
			LaunchSource: s, scope: scope.Source{ID: s.ID, Name: s.Name, Type: s.Type, Owner: spec.Owner},
		})
		if err := p.balance(ctx, q, s); err != nil {
			return err
		}
	}
	for _, s := range all {
		if s.Provides == string(model.ProvidesPeople) && s.Snapshot != 0 {
			p.people = append(p.people, s)
			if err := p.balance(ctx, q, s); err != nil {
				return err
			}
		}
	}
	if len(p.people) == 0 {
		return model.Errorf(model.Invalid, "No people source has a sealed snapshot yet, so nobody can review. Ingest people first.")
	}
	return nil
}

// balance holds the population ledger of a source's snapshot against itself and against the grants
// that are live now.
func (p *plan) balance(ctx context.Context, q Reader, s store.LaunchSource) error {
	ledgers, err := q.Ledgers(ctx, s.Snapshot)
	if err != nil {
		return err
	}
	for _, l := range ledgers {
		if !l.Balanced() {
			p.ledgers = append(p.ledgers, fmt.Sprintf("The population ledger of %s does not balance for %s: read %d, accepted %d, rejected %d.", s.Name, l.Kind, l.Read, l.Accepted, l.Rejected))
		}
		if l.Kind != model.KindGrants || !l.Given {
			continue
		}
		live, err := q.CountLiveGrants(ctx, s.ID)
		if err != nil {
			return err
		}
		if live != l.Accepted {
			p.ledgers = append(p.ledgers, fmt.Sprintf("The population ledger of %s accepted %d grants, but %d are live.", s.Name, l.Accepted, live))
		}
	}
	return nil
}

// readAccounts gives the accounts of a source by key; those that the source does not list now
// matter only where a grant names them.
func (p *plan) readAccounts(ctx context.Context, q Reader, s *planSource) ([]*scope.Account, error) {
	var out []*scope.Account
	err := q.LaunchAccounts(ctx, s.ID, func(r *store.LaunchAccount) error {
		a, err := accountOf(r, &s.scope, p.dir)
		out = append(out, a)
		return err
	})
	return out, err
}

func accountOf(r *store.LaunchAccount, s *scope.Source, dir *scope.Directory) (*scope.Account, error) {
	a := &scope.Account{Key: r.Key, Source: s, Explicit: r.Data != ""}
	if a.Explicit {
		if err := json.Unmarshal([]byte(r.Data), &a.Account); err != nil {
			return nil, fmt.Errorf("read account %d: %w", r.Key, err)
		}
	}
	a.AccountID, a.LastLoginAt = r.AccountID, r.LastLoginAt
	a.Why = r.Rule
	if r.PersonKey != 0 {
		a.Person = dir.Key(r.PersonKey)
	}
	if a.Person == nil {
		a.Why = r.Reason
	}
	return a, nil
}

func readEntitlements(ctx context.Context, q Reader, s *planSource) (map[int64]*scope.Entitlement, error) {
	out := map[int64]*scope.Entitlement{}
	err := q.LaunchEntitlements(ctx, s.ID, func(key int64, id, data string) error {
		e, err := entitlementOf(key, id, data, &s.scope)
		out[key] = e
		return err
	})
	return out, err
}

func entitlementOf(key int64, id, data string, s *scope.Source) (*scope.Entitlement, error) {
	e := &scope.Entitlement{Key: key, Source: s}
	if data != "" {
		if err := json.Unmarshal([]byte(data), &e.Entitlement); err != nil {
			return nil, fmt.Errorf("read entitlement %d: %w", key, err)
		}
	}
	e.EntitlementID = id
	return e, nil
}

// grantCache keeps what was read of grants: who granted and why repeats from row to row, and to
// read a million small JSON texts costs as much as the rest of the pass.
type grantCache map[string]model.Grant

const maxGrantCache = 4096

// read reads a stored grant; what it says of the ids is the caller's.
func (c grantCache) read(r *store.LaunchGrant, into *model.Grant) error {
	*into = model.Grant{}
	if len(r.Data) > 0 {
		known, ok := c[string(r.Data)]
		if !ok {
			if err := json.Unmarshal(r.Data, &known); err != nil {
				return fmt.Errorf("read grant %d: %w", r.ID, err)
			}
			if len(c) >= maxGrantCache {
				clear(c)
			}
			c[string(r.Data)] = known
		}
		*into = known
	}
	into.Via, into.GrantedAt, into.LastUsedAt = r.Via, r.GrantedAt, r.LastUsedAt
	return nil
}
