package campaigns

import (
	"context"
	"slices"
	"strings"

	"recert/campaigns/scope"
	"recert/model"
)

// overloadMinutes is how long a reviewer can be asked to sit over one review: more is answered unread.
const overloadMinutes = 120

// PreviewCheck is what to look at before a launch that does not stand against it.
type PreviewCheck struct {
	Overloaded         int64                `json:"overloaded"`          // reviewers who would need more than two hours
	WithoutDescription int64                `json:"without_description"` // entitlements that do not say what they are for
	DescriptionRows    []PreviewEntitlement `json:"without_description_rows,omitempty"`
	WithoutManager     int64                `json:"without_manager"` // people whom the manager rule gives nobody for
	ManagerRows        []PreviewPerson      `json:"without_manager_rows,omitempty"`
	Swapped            int64                `json:"swapped"` // pairs of people who would review each other
	SwapRows           []PreviewSwap        `json:"swapped_rows,omitempty"`
	Since              *PreviewSince        `json:"since_last_run,omitempty"` // nil where it was never launched
}

// PreviewEntitlement is an entitlement that is asked about without a description.
type PreviewEntitlement struct {
	Source      string `json:"source"`
	Entitlement string `json:"entitlement"`
	Items       int64  `json:"items"`
}

// PreviewPerson is somebody whose manager nobody knows.
type PreviewPerson struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Items int64  `json:"items"`
	Why   string `json:"why"`
}

// PreviewSince is what differs from the last run of the campaign, in items: an account and an
// entitlement are the same item, by whatever path.
type PreviewSince struct {
	Run  string `json:"run"`
	New  int64  `json:"new"`
	Same int64  `json:"same"`
	Left int64  `json:"left"` // that the last run asked about and this one would not
}

// checked counts what is worth a look; each list has limit rows at most, -1 is all.
func (p *plan) checked(limit int) PreviewCheck {
	var c PreviewCheck
	for _, r := range p.reviewers {
		if overloaded(r.items) {
			c.Overloaded++
		}
	}
	asked := make([]int64, len(p.entitlements))
	unmanaged := map[*scope.Person]*PreviewPerson{}
	byManager := slices.ContainsFunc(p.spec.rules, func(r scope.Rule) bool { return r.Basis == scope.Manager })
	for i := range p.items {
		it := &p.items[i]
		if it.entitlement >= 0 {
			asked[it.entitlement]++
		}
		if person := p.accounts[it.account].Person; byManager && person != nil {
			p.managed(person, unmanaged)
		}
	}
	for i, n := range asked {
		if e := p.entitlements[i].Entitlement; n > 0 && strings.TrimSpace(e.Description) == "" {
			c.DescriptionRows = append(c.DescriptionRows, PreviewEntitlement{Source: e.Source.Name, Entitlement: entitlementLabel(e), Items: n})
		}
	}
	for _, person := range unmanaged {
		if person != nil {
			c.ManagerRows = append(c.ManagerRows, *person)
		}
	}
	slices.SortFunc(c.DescriptionRows, func(a, b PreviewEntitlement) int {
		return or(int(b.Items-a.Items), strings.Compare(a.Source+"\x00"+a.Entitlement, b.Source+"\x00"+b.Entitlement))
	})
	slices.SortFunc(c.ManagerRows, func(a, b PreviewPerson) int { return or(int(b.Items-a.Items), strings.Compare(a.ID, b.ID)) })
	c.SwapRows = p.swapRows()
	c.WithoutDescription, c.WithoutManager, c.Swapped = int64(len(c.DescriptionRows)), int64(len(c.ManagerRows)), int64(len(c.SwapRows))
	if limit >= 0 {
		c.DescriptionRows = c.DescriptionRows[:min(limit, len(c.DescriptionRows))]
		c.ManagerRows = c.ManagerRows[:min(limit, len(c.ManagerRows))]
		c.SwapRows = c.SwapRows[:min(limit, len(c.SwapRows))]
	}
	return c
}

// managed counts an item of a person whose manager cannot review; a person who has one is remembered as nil.
func (p *plan) managed(person *scope.Person, unmanaged map[*scope.Person]*PreviewPerson) {
	found, known := unmanaged[person]
	if !known {
		if why := p.unmanaged(person); why != "" {
			found = &PreviewPerson{ID: person.PersonID, Name: person.Name, Why: why}
		}
		unmanaged[person] = found
	}
	if found != nil {
		found.Items++
	}
}

// unmanaged says why the manager rule gives nobody for a person; "" is that it gives somebody.
func (p *plan) unmanaged(person *scope.Person) string {
	switch {
	case person.Kind == "service" || person.Kind == "agent":
		return "" // they have owners instead
	case person.ManagerID == "":
		return "no manager is known"
	}
	manager := p.dir.ID(person.ManagerID, person.SourceID)
	switch {
	case manager == nil:
		return "nobody has the manager's person_id"
	case !manager.Active():
		return "the manager has left or is away"
	}
	return ""
}

// itemPair is what makes an item the same in two runs.
type itemPair struct{ account, entitlement int64 }

func (a itemPair) compare(b itemPair) int {
	switch {
	case a == b:
		return 0
	case a.account < b.account, a.account == b.account && a.entitlement < b.entitlement:
		return -1
	}
	return 1
}

// lastItems are the reads that the comparison with the last run needs.
type lastItems interface {
	RunByName(ctx context.Context, name string) (model.Run, error)
	ItemKeys(ctx context.Context, run int64, fn func(account, entitlement, grant int64) error) error
}

// lastRun is what the campaign's last run asked about; no run is "".
type lastRun struct {
	run    string
	grants map[itemPair]int64 // the grant that was shown; 0 for an account without any
}

// readLast reads what the last run asked about, where only what is new is wanted.
func (p *plan) readLast(ctx context.Context, q lastItems) error {
	if !p.spec.Scope.NewSinceLast {
		return nil
	}
	run, err := q.RunByName(ctx, p.name)
	if model.KindOf(err) == model.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	p.last = lastRun{run: run.Name, grants: map[itemPair]int64{}}
	return q.ItemKeys(ctx, run.ID, func(account, entitlement, grant int64) error {
		p.last.grants[itemPair{account, entitlement}] = grant
		return nil
	})
}

// since compares the plan with the last run; nil is that there was none.
func (p *plan) since(ctx context.Context, q lastItems) (*PreviewSince, error) {
	run, err := q.RunByName(ctx, p.name)
	if model.KindOf(err) == model.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := make([]itemPair, 0, len(p.items))
	for i := range p.items {
		pair := itemPair{account: p.accounts[p.items[i].account].Key}
		if e := p.items[i].entitlement; e >= 0 {
			pair.entitlement = p.entitlements[e].Key
		}
		now = append(now, pair)
	}
	slices.SortFunc(now, itemPair.compare)
	s := &PreviewSince{Run: run.Name}
	err = q.ItemKeys(ctx, run.ID, func(account, entitlement, _ int64) error {
		if _, same := slices.BinarySearchFunc(now, itemPair{account, entitlement}, itemPair.compare); same {
			s.Same++
		} else {
			s.Left++
		}
		return nil
	})
	s.New = int64(len(now)) - s.Same
	return s, err
}

// minutes is about how long a number of items takes.
func minutes(items int64) int64 { return (items*secondsAnItem + 59) / 60 }

// overloaded tells whether that is more than anybody answers with care.
func overloaded(items int64) bool { return minutes(items) > overloadMinutes }
