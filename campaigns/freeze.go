package campaigns

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"recert/campaigns/evidence"
	"recert/campaigns/scope"
	"recert/model"
	"recert/model/store"
)

// freezing writes a plan into a run's tables.
type freezing struct {
	*plan

	tx  *store.Tx
	run *model.Run

	subjectsOf  []frozenSubject     // by index of plan.accounts
	entitleOf   []frozenEntitlement // by index of plan.entitlements
	reviewersOf []frozenReviewer    // by index of plan.reviewers
}

type frozenSubject struct {
	subject model.Subject
	value   []byte
	salt    []byte
	bound   evidence.Bound
}

type frozenEntitlement struct {
	entitlement model.Entitlement
	value       []byte
}

type frozenReviewer struct {
	value model.ReviewerValue
	bound evidence.Bound
}

func (fz *freezing) sources(ctx context.Context) error {
	for _, s := range fz.frozenSources() {
		if err := fz.tx.InsertRunSource(ctx, fz.run.ID, s.ID, s.Snapshot); err != nil {
			return err
		}
	}
	return nil
}

// salts reads all salts of a table at once: a system call for each would cost more than the rest.
func salts(n int) ([]byte, error) {
	b := make([]byte, n*evidence.SaltSize)
	_, err := io.ReadFull(rand.Reader, b)
	return b, err
}

func saltAt(all []byte, i int) []byte {
	return all[i*evidence.SaltSize : (i+1)*evidence.SaltSize : (i+1)*evidence.SaltSize]
}

// inBulk runs fill on a bulk insert and ends it, whatever happens.
func inBulk(b *store.Bulk, err error, fill func(*store.Bulk) error) error {
	if err != nil {
		return err
	}
	err = fill(b)
	_, cerr := b.Close()
	return errors.Join(err, cerr)
}

// key is a nullable key.
func key(k int64) any {
	if k == 0 {
		return nil
	}
	return k
}

func (fz *freezing) subjects(ctx context.Context) error {
	fz.subjectsOf = make([]frozenSubject, len(fz.accounts))
	all, err := salts(len(fz.accounts))
	if err != nil {
		return err
	}
	b, err := fz.tx.RunSubjectsBulk(ctx)
	return inBulk(b, err, func(b *store.Bulk) error {
		for i := range fz.accounts {
			a := fz.accounts[i].Account
			f := &fz.subjectsOf[i]
			f.subject, f.salt = subjectOf(a), saltAt(all, i)
			if f.value, err = canonical(f.subject); err != nil {
				return fmt.Errorf("account %s: %w", a.AccountID, err)
			}
			if f.bound, err = evidence.BindSubject(f.salt, f.subject); err != nil {
				return fmt.Errorf("account %s: %w", a.AccountID, err)
			}
			var person int64
			if a.Person != nil {
				person = a.Person.Key
			}
			if err := b.Add(fz.run.ID, a.Key, key(person), string(f.value), f.salt, f.bound.Commitment, search(
				f.subject.Name, f.subject.Email, f.subject.PersonID, f.subject.Username, f.subject.DisplayName, f.subject.AccountID, f.subject.Title, f.subject.Department, a.Source.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// search is what a search looks into.
func search(words ...string) string { return store.Fold(strings.Join(words, "\n")) }

// subjectOf is what the reviewer sees of an account and its person.
func subjectOf(a *scope.Account) model.Subject {
	s := model.Subject{
		AccountID: a.AccountID, Username: a.Username, DisplayName: a.DisplayName, Email: a.Email, AccountKind: a.Kind,
		Privileged: a.Privileged, LastLoginAt: a.LastLoginAt, CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt, OwnerID: a.OwnerID, Match: a.Why,
	}
	if p := a.Person; p != nil {
		s.PersonID, s.Name, s.Title, s.Department, s.ManagerID = p.PersonID, p.Name, p.Title, p.Department, p.ManagerID
		s.PersonKind, s.PersonStatus, s.EmploymentType, s.EndDate = p.Kind, p.Status, p.EmploymentType, p.EndDate
		if p.Email != "" {
			s.Email = p.Email
		}
		if s.OwnerID == "" {
			s.OwnerID = p.OwnerID
		}
	}
	return s
}

func (fz *freezing) entitlements(ctx context.Context) error {
	fz.entitleOf = make([]frozenEntitlement, len(fz.plan.entitlements))
	b, err := fz.tx.RunEntitlementsBulk(ctx)
	return inBulk(b, err, func(b *store.Bulk) error {
		for i := range fz.plan.entitlements {
			e := fz.plan.entitlements[i].Entitlement
			f := &fz.entitleOf[i]
			f.entitlement = e.Entitlement
			f.entitlement.Attrs = nil
			if f.value, err = canonical(f.entitlement); err != nil {
				return fmt.Errorf("entitlement %s: %w", e.EntitlementID, err)
			}
			if err := b.Add(fz.run.ID, e.Key, string(f.value), search(e.Name, e.EntitlementID, e.Description, e.Source.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (fz *freezing) reviewers(ctx context.Context) error {
	fz.reviewersOf = make([]frozenReviewer, len(fz.plan.reviewers))
	all, err := salts(len(fz.plan.reviewers))
	if err != nil {
		return err
	}
	b, err := fz.tx.RunReviewersBulk(ctx)
	return inBulk(b, err, func(b *store.Bulk) error {
		for i, r := range fz.plan.reviewers {
			f := &fz.reviewersOf[i]
			row, err := reviewerRow(fz.run.ID, r.Key, r.Person.Person, saltAt(all, i), &f.value, &f.bound)
			if err != nil {
				return err
			}
			if err := b.Add(row.RunID, row.PersonKey, row.Value, row.Salt, row.Commitment, r.items, 0, 0, 0, 0, 0, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// reviewerRow makes a reviewer's row, without items, and gives what it commits to.
func reviewerRow(run, personKey int64, p model.Person, salt []byte, value *model.ReviewerValue, bound *evidence.Bound) (model.RunReviewer, error) {
	*value = model.ReviewerValue{PersonID: p.PersonID, Name: p.Name, Email: p.Email}
	text, err := canonical(*value)
	if err != nil {
		return model.RunReviewer{}, fmt.Errorf("reviewer %s: %w", p.PersonID, err)
	}
	if *bound, err = evidence.BindReviewer(salt, *value); err != nil {
		return model.RunReviewer{}, fmt.Errorf("reviewer %s: %w", p.PersonID, err)
	}
	return model.RunReviewer{RunID: run, PersonKey: personKey, Value: string(text), Salt: salt, Commitment: bound.Commitment}, nil
}

// hashedItem is what an item's row needs beside the plan.
type hashedItem struct {
	text   [sha256.Size]byte
	record tlog.Hash
}

// hashChunk is how many items are hashed at once while earlier ones are stored.
const hashChunk = 2048

func (fz *freezing) items(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks, failed := fz.hashAhead(ctx)
	var root evidence.Root
	b, err := fz.tx.ItemsBulk(ctx)
	err = inBulk(b, err, func(b *store.Bulk) error {
		i := 0
		for chunk := range chunks {
			for j := range chunk {
				root.Add(chunk[j].record)
				if err := fz.item(b, i, &chunk[j]); err != nil {
					return err
				}
				i++
			}
		}
		return nil
	})
	cancel() // so that the hashing ends where the storing failed
	if herr := <-failed; err == nil {
		err = herr
	}
	fz.run.Items, fz.run.ItemsRoot = root.Len(), hexHash(root.Sum())
	return err
}

func hexHash(h tlog.Hash) string { return hex.EncodeToString(h[:]) }

// hashAhead hashes the items in their order, in a goroutine of its own, which ends with an error
// or nil on the second channel.
func (fz *freezing) hashAhead(ctx context.Context) (<-chan []hashedItem, <-chan error) {
	chunks, failed := make(chan []hashedItem, 4), make(chan error, 1)
	go func() {
		defer close(chunks)
		all := fz.plan.items
		for at := 0; at < len(all); at += hashChunk {
			chunk := make([]hashedItem, min(hashChunk, len(all)-at))
			for j := range chunk {
				if err := fz.hash(&all[at+j], int64(at+j+1), &chunk[j]); err != nil {
					failed <- fmt.Errorf("account %s: %w", fz.accounts[all[at+j].account].AccountID, err)
					return
				}
			}
			select {
			case chunks <- chunk:
			case <-ctx.Done():
				failed <- ctx.Err()
				return
			}
		}
		failed <- nil
	}()
	return chunks, failed
}

// item writes one item; i is its place, its id is one more.
func (fz *freezing) item(b *store.Bulk, i int, h *hashedItem) error {
	it := &fz.plan.items[i]
	a, r := fz.accounts[it.account], fz.plan.reviewers[it.reviewer]
	var entitlement, person int64
	if it.entitlement >= 0 {
		entitlement = fz.plan.entitlements[it.entitlement].Key
	}
	if a.Person != nil {
		person = a.Person.Key
	}
	return b.Add(fz.run.ID, int64(i+1), a.Source.ID, a.Key, key(entitlement), key(it.grant), key(person), r.Key,
		bases[it.basis], string(it.facts), h.text[:], h.record[:], "", "", false, int64(0))
}

// hash makes the hash of what the reviewer is shown, and that of the item's record.
func (fz *freezing) hash(it *plannedItem, id int64, h *hashedItem) error {
	s, r := &fz.subjectsOf[it.account], &fz.reviewersOf[it.reviewer]
	parts := evidence.ItemParts{
		ID: id, Source: fz.accounts[it.account].Source.Name, Subject: s.subject, SubjectBound: s.bound, Basis: bases[it.basis],
		Reviewer: r.value, ReviewerBound: r.bound,
	}
	var ent []byte
	if it.entitlement >= 0 {
		e := &fz.entitleOf[it.entitlement]
		ent, parts.Entitlement = e.value, e.entitlement
	}
	var err error
	if parts.Facts, err = fz.factsOf(it); err != nil {
		return err
	}
	h.text = evidence.TextHash(ent, it.facts, s.value, s.salt)
	parts.TextHash = h.text[:]
	rec := evidence.ItemRecord(&parts)
	h.record, err = rec.Hash()
	return err
}

// factsOf gives the facts as far as a record needs them. Nearly all items have one direct path,
// of which the plan knows them without reading the JSON again.
func (fz *freezing) factsOf(it *plannedItem) (model.Facts, error) {
	if it.paths > 1 || it.paths == 1 && !it.direct {
		return ParseFacts(it.facts)
	}
	f := model.Facts{Avoided: it.avoided >= 0, Direct: it.direct, Status: fz.accounts[it.account].Status}
	if it.paths == 1 {
		f.Paths = []model.Path{{GrantID: it.grant, GrantedAt: it.granted, LastUsedAt: it.used}}
	}
	return f, nil
}

func (fz *freezing) excluded(ctx context.Context) error {
	var root evidence.Root
	b, err := fz.tx.ExcludedBulk(ctx)
	err = inBulk(b, err, func(b *store.Bulk) error {
		for i := range fz.plan.excluded {
			x := &fz.plan.excluded[i]
			a, s := fz.accounts[x.account], &fz.subjectsOf[x.account]
			var e model.Entitlement
			if x.entitlement >= 0 {
				e = fz.entitleOf[x.entitlement].entitlement
			}
			rec := evidence.ExclusionRecord(a.Source.Name, s.subject, s.bound, e, x.via, x.reason)
			h, err := rec.Hash()
			if err != nil {
				return fmt.Errorf("account %s: %w", a.AccountID, err)
			}
			root.Add(h)
			if err := b.Add(fz.run.ID, int64(i+1), a.Source.ID, key(x.grant), a.Key, x.reason); err != nil {
				return err
			}
		}
		return nil
	})
	fz.run.Excluded, fz.run.ExcludedRoot = root.Len(), hexHash(root.Sum())
	return err
}
