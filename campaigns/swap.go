package campaigns

import (
	"cmp"
	"slices"
	"strings"

	"recert/campaigns/scope"
)

// PreviewSwap is two people of whom each would review the other's access.
type PreviewSwap struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Items     int64  `json:"items"` // that this one has about the other
	OtherID   string `json:"other_id"`
	OtherName string `json:"other_name"`
	Others    int64  `json:"other_items"`
}

// reviewing is one person who reviews another's access.
type reviewing struct{ reviewer, subject int64 }

func (r reviewing) back() reviewing { return reviewing{r.subject, r.reviewer} }

// reviews counts the items of each reviewer about each person who is a reviewer too.
func (p *plan) reviews() map[reviewing]int64 {
	n := map[reviewing]int64{}
	for i := range p.items {
		it := &p.items[i]
		subject := p.accounts[it.account].Person
		if it.reviewer < 0 || subject == nil {
			continue
		}
		if _, too := p.reviewerIndex[subject.Key]; too {
			n[reviewing{p.reviewers[it.reviewer].Key, subject.Key}]++
		}
	}
	return n
}

// swapRows lists those who would review each other.
func (p *plan) swapRows() (rows []PreviewSwap) {
	n := p.reviews()
	for r, mine := range n {
		theirs := n[r.back()]
		if theirs == 0 || !p.gives(n, r) { // each pair once
			continue
		}
		a, b := p.dir.Key(r.reviewer), p.dir.Key(r.subject)
		rows = append(rows, PreviewSwap{ID: a.PersonID, Name: a.Name, Items: mine, OtherID: b.PersonID, OtherName: b.Name, Others: theirs})
	}
	slices.SortFunc(rows, func(a, b PreviewSwap) int {
		return cmp.Or(cmp.Compare(b.Items+b.Others, a.Items+a.Others), strings.Compare(a.ID, b.ID), strings.Compare(a.OtherID, b.OtherID))
	})
	return rows
}

// gives tells which of two who review each other gives the items to somebody else: who has fewer, which asks least
// of who gets them.
func (p *plan) gives(n map[reviewing]int64, r reviewing) bool {
	mine, theirs := n[r], n[r.back()]
	if mine != theirs {
		return mine < theirs
	}
	a, b := p.dir.Key(r.reviewer), p.dir.Key(r.subject)
	return cmp.Or(strings.Compare(a.PersonID, b.PersonID), cmp.Compare(a.Key, b.Key)) > 0
}

// unswap gives items of two people who would review each other to whom the rules give next. First the one with
// fewer items gives them; where nobody else may review those, the other one does; where nobody may review those
// either, they are without a reviewer, which stands against a launch.
func (p *plan) unswap() {
	n := p.reviews()
	giving := map[reviewing]bool{}
	for r := range n {
		if n[r.back()] > 0 {
			giving[r] = p.gives(n, r)
		}
	}
	if len(giving) == 0 {
		return
	}
	for _, turn := range []struct{ fewer, drop bool }{{fewer: true}, {}, {fewer: true, drop: true}} {
		for i := range p.items {
			p.giveSwapped(&p.items[i], n, giving, turn.fewer, turn.drop)
		}
	}
	p.dropIdle()
}

func (p *plan) giveSwapped(it *plannedItem, n map[reviewing]int64, giving map[reviewing]bool, fewer, drop bool) {
	a := p.accounts[it.account].Account
	if it.reviewer < 0 || a.Person == nil {
		return
	}
	r := reviewing{p.reviewers[it.reviewer].Key, a.Person.Key}
	gives, swapped := giving[r]
	if !swapped || gives != fewer || n[r.back()] == 0 {
		return
	}
	row := scope.Row{Account: a}
	if it.entitlement >= 0 {
		row.Entitlement = p.entitlements[it.entitlement].Entitlement
	}
	choice, ok := p.dir.AssignExcept(p.spec.rules, row, func(to *scope.Person) bool {
		return to.Key != r.reviewer && n[reviewing{r.subject, to.Key}] == 0
	})
	if !ok && !drop {
		return
	}
	n[r]--
	p.reviewers[it.reviewer].items--
	if !ok {
		it.reviewer, it.basis = -1, 0
		p.withoutReviewer++
		return
	}
	it.reviewer, it.basis = p.reviewer(choice.Reviewer), basisIndex(choice.Basis)
	n[reviewing{choice.Reviewer.Key, r.subject}]++
}

// dropIdle forgets reviewers whose every item somebody else got.
func (p *plan) dropIdle() {
	to := make([]int32, len(p.reviewers))
	kept := p.reviewers[:0:0]
	clear(p.reviewerIndex)
	for i, r := range p.reviewers {
		if r.items == 0 {
			continue
		}
		to[i] = int32(len(kept)) //nolint:gosec // an index of the slice
		p.reviewerIndex[r.Key] = to[i]
		kept = append(kept, r)
	}
	p.reviewers = kept
	for i := range p.items {
		if it := &p.items[i]; it.reviewer >= 0 {
			it.reviewer = to[it.reviewer]
		}
	}
}
