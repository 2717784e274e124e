package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// fill looks at every live grant, and every account without one, of the campaign's sources.
func (p *plan) fill(ctx context.Context, q Reader) error {
	for _, s := range p.sources {
		if err := p.fillSource(ctx, q, s); err != nil {
			return err
		}
	}
	if p.spec.Swaps == SwapsPrevent {
		p.unswap()
	}
	p.order()
	return p.check(ctx, q)
}

// filling walks the grants of one source in the order of accounts and entitlements, and gathers
// the paths of each pair.
type filling struct {
	p            *plan
	source       *planSource
	accounts     []*scope.Account
	next         int // in accounts
	entitlements map[int64]*scope.Entitlement
	entIndex     map[int64]int32

	account     *scope.Account // of the pair that is being gathered
	accountAt   int32          // its index in the plan; -1 until it has an item or an exclusion
	entitlement int64
	grants      []model.Grant
	ids         []int64
	facts       model.Facts
	buf         []byte
	cache       grantCache
}

func (p *plan) fillSource(ctx context.Context, q Reader, s *planSource) error {
	accounts, err := p.readAccounts(ctx, q, s)
	if err != nil {
		return err
	}
	entitlements, err := readEntitlements(ctx, q, s)
	if err != nil {
		return err
	}
	f := &filling{p: p, source: s, accounts: accounts, entitlements: entitlements, entIndex: map[int64]int32{}, cache: grantCache{}}
	if err := q.LaunchGrants(ctx, s.ID, f.grant); err != nil {
		return err
	}
	if err := f.endPair(); err != nil {
		return err
	}
	return f.skipTo(0)
}

// grant takes the next grant.
func (f *filling) grant(r *store.LaunchGrant) error {
	f.source.grants++
	if f.account == nil || f.account.Key != r.AccountKey || f.entitlement != r.EntitlementKey {
		if err := f.endPair(); err != nil {
			return err
		}
		if f.account == nil || f.account.Key != r.AccountKey {
			if err := f.skipTo(r.AccountKey); err != nil {
				return err
			}
		}
		f.entitlement = r.EntitlementKey
	}
	f.grants = append(f.grants, model.Grant{})
	f.ids = append(f.ids, r.ID)
	return f.cache.read(r, &f.grants[len(f.grants)-1])
}

// skipTo moves on to the account with a key; those passed over have no grant. Key 0 passes over
// all that are left.
func (f *filling) skipTo(key int64) error {
	for ; f.next < len(f.accounts); f.next++ {
		a := f.accounts[f.next]
		if key != 0 && a.Key == key {
			f.account, f.accountAt = a, -1
			f.next++
			return nil
		}
		if key != 0 && a.Key > key {
			break
		}
		if a.Explicit {
			f.account, f.accountAt = a, -1
			if err := f.take(nil); err != nil {
				return err
			}
		}
	}
	if key == 0 {
		return nil
	}
	return fmt.Errorf("source %s: a live grant names account %d, which does not exist", f.source.Name, key)
}

// endPair makes an item, or exclusions, of the paths gathered.
func (f *filling) endPair() error {
	if len(f.grants) == 0 {
		return nil
	}
	e := f.entitlements[f.entitlement]
	if e == nil {
		return fmt.Errorf("source %s: a live grant names entitlement %d, which does not exist", f.source.Name, f.entitlement)
	}
	err := f.take(e)
	f.grants, f.ids = f.grants[:0], f.ids[:0]
	return err
}

// take decides about the account and e, nil where it has no grant. A pair is in where the filter
// takes any of its paths, and then with all of them: they are what the reviewer must see.
func (f *filling) take(e *scope.Entitlement) error {
	row := scope.Row{Account: f.account, Entitlement: e}
	in, unknown, out := false, true, ""
	for i := range max(1, len(f.grants)) {
		if e != nil {
			row.Grant = &f.grants[i]
		}
		yes, isUnknown, err := f.p.filter.Match(row)
		if err != nil {
			return err
		}
		if !yes && out == "" {
			out = f.p.filter.Out() + notInScope
		}
		in = in || yes
		if yes && !isUnknown {
			unknown = false
			break
		}
	}
	at, ent := f.indexes(e)
	if in && f.asked(at, ent) {
		in, out = false, newSinceLast+f.p.last.run
	}
	if !in {
		f.exclude(at, ent, out)
		return nil
	}
	return f.include(row, at, ent, unknown)
}

// indexes gives the places of the account and of e in the plan.
func (f *filling) indexes(e *scope.Entitlement) (account, entitlement int32) {
	p := f.p
	if f.accountAt < 0 {
		f.accountAt = int32(len(p.accounts)) //nolint:gosec // memory ends long before
		p.accounts = append(p.accounts, plannedAccount{Account: f.account})
	}
	if e == nil {
		return f.accountAt, -1
	}
	i, ok := f.entIndex[e.Key]
	if !ok {
		i = int32(len(p.entitlements)) //nolint:gosec // as above
		p.entitlements = append(p.entitlements, plannedEntitlement{Entitlement: e})
		f.entIndex[e.Key] = i
	}
	return f.accountAt, i
}

// Why something is left out, with the setting before or the last run behind.
const (
	notInScope   = ": not in scope"
	newSinceLast = "new_since_last: asked about in "
)

// asked tells whether the last run asked about the very same grants, where only new ones are wanted.
func (f *filling) asked(account, entitlement int32) bool {
	p := f.p
	if p.last.run == "" {
		return false
	}
	pair := itemPair{account: p.accounts[account].Key}
	if entitlement >= 0 {
		pair.entitlement = p.entitlements[entitlement].Key
	}
	grant, ok := p.last.grants[pair]
	return ok && (entitlement < 0 || slices.Contains(f.ids, grant))
}

func (f *filling) exclude(account, entitlement int32, reason string) {
	p := f.p
	if entitlement < 0 {
		p.excluded = append(p.excluded, plannedExclusion{account: account, entitlement: -1, reason: reason})
		return
	}
	for i, id := range f.ids {
		p.excluded = append(p.excluded, plannedExclusion{account: account, entitlement: entitlement, grant: id, via: f.grants[i].Via, reason: reason})
	}
	p.excludedGrants += int64(len(f.ids))
}

func (f *filling) include(row scope.Row, account, entitlement int32, unknown bool) error {
	p := f.p
	it := plannedItem{account: account, entitlement: entitlement, reviewer: -1, avoided: -1, unknown: unknown, paths: int32(len(f.ids))} //nolint:gosec // paths of one pair
	if p.filter == nil {
		it.unknown = false
	}
	choice, ok := p.dir.Assign(p.spec.rules, row)
	if ok {
		it.reviewer = p.reviewer(choice.Reviewer)
		it.basis = basisIndex(choice.Basis)
	} else {
		p.withoutReviewer++
	}
	if choice.Avoided != nil {
		it.avoided = p.avoid(choice.Avoided)
		if ok { // else nobody got it instead
			p.avoided++
		}
	}
	if it.unknown {
		p.unknown++
	}
	if len(f.ids) > 0 {
		it.grant = f.ids[0] // the direct path, which sorts first, else the first one
		it.direct, it.granted, it.used = f.grants[0].Via == "", f.grants[0].GrantedAt, f.grants[0].LastUsedAt
	}
	p.itemGrants += int64(len(f.ids))
	if p.keepFacts {
		f.freeze(&it, choice)
	}
	p.items = append(p.items, it)
	return nil
}

// freeze writes down the facts of an item.
func (f *filling) freeze(it *plannedItem, choice scope.Choice) {
	facts := &f.facts
	*facts = model.Facts{Avoided: choice.Avoided != nil, Status: f.account.Status, Unknown: it.unknown, Paths: facts.Paths[:0]}
	if choice.Avoided != nil {
		facts.AvoidedID = choice.Avoided.PersonID
	}
	for i := range f.ids {
		g := &f.grants[i]
		facts.Direct = facts.Direct || g.Via == ""
		facts.Paths = append(facts.Paths, model.Path{
			Via: g.Via, GrantID: f.ids[i], GrantedAt: g.GrantedAt, GrantedBy: g.GrantedBy, Reason: g.Reason,
			ExpiresAt: g.ExpiresAt, LastUsedAt: g.LastUsedAt,
		})
	}
	f.buf = appendFacts(f.buf[:0], facts)
	it.facts = f.p.facts.keep(f.buf)
}

func (p *plan) reviewer(person *scope.Person) int32 {
	i, ok := p.reviewerIndex[person.Key]
	if !ok {
		i = int32(len(p.reviewers)) //nolint:gosec // memory ends long before
		p.reviewers = append(p.reviewers, plannedReviewer{Person: person})
		p.reviewerIndex[person.Key] = i
	}
	p.reviewers[i].items++
	return i
}

func (p *plan) avoid(person *scope.Person) int32 {
	i, ok := p.avoidedIndex[person.Key]
	if !ok {
		i = int32(len(p.avoidedPeople)) //nolint:gosec // memory ends long before
		p.avoidedPeople = append(p.avoidedPeople, person)
		p.avoidedIndex[person.Key] = i
	}
	return i
}

// label is how a person reads whose account this is.
func label(a *scope.Account) string {
	switch {
	case a.Person != nil && a.Person.Name != "":
		return a.Person.Name
	case a.DisplayName != "":
		return a.DisplayName
	case a.Username != "":
		return a.Username
	}
	return a.AccountID
}

// order puts the items in reviewer order, and a reviewer's items in the order in which people
// read: by person, then system and account, then entitlement.
func (p *plan) order() {
	for rank, i := range ranked(p.reviewers, func(a, b *plannedReviewer) int {
		return or(strings.Compare(a.PersonID, b.PersonID), int(a.Key-b.Key))
	}) {
		p.reviewers[i].rank = int32(rank) //nolint:gosec // an index of the slice
	}
	labels := make([]string, len(p.accounts))
	for i := range p.accounts {
		labels[i] = store.Fold(label(p.accounts[i].Account))
		p.accounts[i].rank = int32(i) //nolint:gosec // an index of the slice
	}
	for rank, i := range ranked(p.accounts, func(a, b *plannedAccount) int {
		return or(strings.Compare(labels[a.rank], labels[b.rank]), comparePerson(a.Person, b.Person),
			strings.Compare(a.Source.Name, b.Source.Name), strings.Compare(a.AccountID, b.AccountID))
	}) {
		p.accounts[i].rank = int32(rank) //nolint:gosec // an index of the slice
	}
	for rank, i := range ranked(p.entitlements, func(a, b *plannedEntitlement) int {
		return or(strings.Compare(a.Name, b.Name), strings.Compare(a.EntitlementID, b.EntitlementID), int(a.Key-b.Key))
	}) {
		p.entitlements[i].rank = int32(rank) //nolint:gosec // an index of the slice
	}
	slices.SortFunc(p.items, p.compareItems)
}

func (p *plan) compareItems(a, b plannedItem) int {
	if a.reviewer != b.reviewer {
		if a.reviewer < 0 || b.reviewer < 0 {
			return int(a.reviewer - b.reviewer)
		}
		return int(p.reviewers[a.reviewer].rank - p.reviewers[b.reviewer].rank)
	}
	if a.account != b.account {
		return int(p.accounts[a.account].rank - p.accounts[b.account].rank)
	}
	if a.entitlement < 0 || b.entitlement < 0 {
		return int(a.entitlement - b.entitlement)
	}
	return int(p.entitlements[a.entitlement].rank - p.entitlements[b.entitlement].rank)
}

// ranked gives the indexes of list in the order of cmp.
func ranked[T any](list []T, cmp func(a, b *T) int) []int32 {
	idx := make([]int32, len(list))
	for i := range idx {
		idx[i] = int32(i) //nolint:gosec // an index of the slice
	}
	slices.SortFunc(idx, func(a, b int32) int { return cmp(&list[a], &list[b]) })
	return idx
}

func comparePerson(a, b *scope.Person) int {
	var x, y int64
	if a != nil {
		x = a.Key
	}
	if b != nil {
		y = b.Key
	}
	return int(x - y)
}

// or is the first that is not zero.
func or(cs ...int) int {
	for _, c := range cs {
		if c != 0 {
			return c
		}
	}
	return 0
}

// check adds up: every live grant of every source is in exactly one item or one exclusion.
func (p *plan) check(ctx context.Context, q Reader) error {
	var live int64
	for _, s := range p.sources {
		n, err := q.CountLiveGrants(ctx, s.ID)
		if err != nil {
			return err
		}
		if n != s.grants {
			return fmt.Errorf("source %s: %d live grants were counted, but %d were read", s.Name, n, s.grants)
		}
		live += n
	}
	if live != p.itemGrants+p.excludedGrants {
		return fmt.Errorf("campaign %s: %d live grants, but %d in items and %d excluded", p.name, live, p.itemGrants, p.excludedGrants)
	}
	return nil
}
