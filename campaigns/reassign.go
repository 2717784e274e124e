package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"recert/campaigns/evidence"
	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// pass hands an item on: to the reviewer whom the campaign's rules give next, never to somebody
// who had it before, who has signed off, or whose own access it is.
func (d *deciding) pass(ctx context.Context, it model.Item, in DecideInput) (Decided, error) {
	choice, err := d.next(ctx, it)
	if err != nil {
		return Decided{}, err
	}
	to := choice.Reviewer
	if removes(it.Answer) {
		if err := d.cancelRemovals(ctx, it); err != nil {
			return Decided{}, err
		}
	}
	old, was, from := it.Answer, it.Version, it.ReviewerKey
	it.Answer, it.Version, it.DecidedAt = model.NoAnswer, was+1, 0
	dec, err := d.store(ctx, it, in)
	if err != nil {
		return Decided{}, err
	}
	it.Version++
	it.ReviewerKey = to.Key
	if err := d.moved(ctx, it, choice, in.Comment); err != nil {
		return Decided{}, err
	}
	if err := d.tx.AnswerItem(ctx, it, was); err != nil {
		return Decided{}, err
	}
	left := difference(old, model.NoAnswer)
	left.Items--
	if err := d.tx.AddRunReviewer(ctx, it.RunID, from, left); err != nil {
		return Decided{}, err
	}
	if err := d.ensureReviewer(ctx, to); err != nil {
		return Decided{}, err
	}
	if err := d.tx.AddRunReviewer(ctx, it.RunID, to.Key, model.Counts{Items: 1}); err != nil {
		return Decided{}, err
	}
	return Decided{Item: it, Decision: dec, MovedTo: to.Name}, nil
}

// moved stores the move and its event.
func (d *deciding) moved(ctx context.Context, it model.Item, choice scope.Choice, reason string) error {
	id := strconv.FormatInt(it.ID, 10)
	moves, err := d.tx.Assignments(ctx, it.RunID, it.ID)
	if err != nil {
		return err
	}
	if err := d.tx.InsertAssignment(ctx, model.Assignment{
		RunID: it.RunID, ItemID: it.ID, N: int64(len(moves) + 1), FromKey: d.part.PersonKey, ToKey: choice.Reviewer.Key,
		Basis: choice.Basis, Reason: reason, At: d.tx.Now,
	}); err != nil {
		return err
	}
	_, err = appendEvent(ctx, d.tx, d.actor, d.run.Name, evidence.TypeItemReassigned, evidence.ItemObject(id),
		evidence.ItemReassigned{Item: id, Version: it.Version, Basis: choice.Basis}, map[string]string{
			"from": d.from, "to": choice.Reviewer.PersonID, "to_name": choice.Reviewer.Name, "to_email": choice.Reviewer.Email, "reason": reason,
		})
	return err
}

func (d *deciding) ensureReviewer(ctx context.Context, p *scope.Person) error {
	if _, ok, err := d.tx.RunReviewer(ctx, d.run.ID, p.Key); err != nil || ok {
		return err
	}
	salt, err := salts(1)
	if err != nil {
		return err
	}
	var value model.ReviewerValue
	var bound evidence.Bound
	row, err := reviewerRow(d.run.ID, p.Key, p.Person, salt, &value, &bound)
	if err != nil {
		return err
	}
	if err := d.tx.InsertRunReviewer(ctx, row); err != nil {
		return err
	}
	_, err = tellReview(ctx, d.tx, d.run.ID, p.Key)
	return err
}

// next is who is asked after the actor. People and owners are those of now: whom a rule named at
// launch may have left.
func (d *deciding) next(ctx context.Context, it model.Item) (scope.Choice, error) {
	row, dir, err := d.row(ctx, it)
	if err != nil {
		return scope.Choice{}, err
	}
	passed := map[int64]bool{it.ReviewerKey: true}
	if it.PersonKey != nil {
		passed[*it.PersonKey] = true // whose own access it was at launch
	}
	moves, err := d.tx.Assignments(ctx, it.RunID, it.ID)
	if err != nil {
		return scope.Choice{}, err
	}
	for _, m := range moves {
		passed[m.FromKey], passed[m.ToKey] = true, true
	}
	var failed error
	choice, ok := dir.AssignExcept(d.spec.rules, row, func(p *scope.Person) bool {
		if passed[p.Key] {
			return false
		}
		part, found, err := d.tx.RunReviewer(ctx, it.RunID, p.Key)
		swap := false
		if err == nil {
			swap, err = d.swaps(ctx, it, p.Key)
		}
		if err != nil {
			failed = err
		}
		return err == nil && !swap && (!found || !part.SignedAt.Known())
	})
	switch {
	case failed != nil:
		return choice, failed
	case !ok:
		return choice, model.Errorf(model.Invalid, "Nobody else is left who could answer this. Ask whoever runs the campaign to hand it over.")
	}
	return choice, nil
}

// row reads the item's access and the people whom the rules may name.
func (d *deciding) row(ctx context.Context, it model.Item) (scope.Row, *scope.Directory, error) {
	dir := scope.NewDirectory(store.Fold)
	src, spec, err := sourceOf(ctx, d.tx, it.SourceID)
	if err != nil {
		return scope.Row{}, nil, err
	}
	acc, err := d.tx.LaunchAccountByKey(ctx, it.AccountKey)
	if err != nil {
		return scope.Row{}, nil, err
	}
	s := &scope.Source{ID: src.ID, Name: src.Name, Type: src.Type, Owner: spec.Owner}
	if acc.PersonKey != 0 {
		source, data, ok, err := d.tx.LaunchPerson(ctx, acc.PersonKey)
		if err != nil {
			return scope.Row{}, nil, err
		}
		if ok {
			if err := addPerson(dir, acc.PersonKey, source, []byte(data)); err != nil {
				return scope.Row{}, nil, err
			}
		}
	}
	row := scope.Row{}
	if row.Account, err = accountOf(&acc, s, dir); err != nil {
		return row, nil, err
	}
	if it.EntitlementKey != nil {
		id, data, err := d.tx.LaunchEntitlementByKey(ctx, *it.EntitlementKey)
		if err != nil {
			return row, nil, err
		}
		if row.Entitlement, err = entitlementOf(*it.EntitlementKey, id, data, s); err != nil {
			return row, nil, err
		}
	}
	return row, dir, d.named(ctx, dir, row)
}

// named reads the people whom the rules may name for a row.
func (d *deciding) named(ctx context.Context, dir *scope.Directory, row scope.Row) error {
	ids := []string{row.Account.Source.Owner, row.Account.OwnerID}
	if p := row.Account.Person; p != nil {
		ids = append(ids, p.ManagerID, p.OwnerID)
	}
	if row.Entitlement != nil {
		ids = append(ids, row.Entitlement.OwnerID)
	}
	for _, r := range d.spec.rules {
		ids = append(ids, r.PersonID, r.Expressed(row))
	}
	for i := range ids {
		ids[i] = store.Fold(ids[i])
	}
	return d.tx.LaunchPeopleByID(ctx, ids, func(key, source int64, data []byte) error { return addPerson(dir, key, source, data) })
}

func addPerson(dir *scope.Directory, key, source int64, data []byte) error {
	p := &scope.Person{Key: key, SourceID: source}
	if err := json.Unmarshal(data, &p.Person); err != nil {
		return fmt.Errorf("read person %d: %w", key, err)
	}
	dir.Add(p)
	return nil
}

// sourceOf is a source with its spec.
func sourceOf(ctx context.Context, q sourceReader, id int64) (store.Source, model.SourceSpec, error) {
	src, err := q.SourceByID(ctx, id)
	if err != nil {
		return src, model.SourceSpec{}, err
	}
	spec, err := q.SourceSpec(ctx, src.Name)
	return src, spec, err
}

type sourceReader interface {
	SourceByID(ctx context.Context, id int64) (store.Source, error)
	SourceSpec(ctx context.Context, name string) (model.SourceSpec, error)
}
