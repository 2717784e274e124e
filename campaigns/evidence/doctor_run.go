package evidence

import (
	"bytes"
	"context"
	"encoding/hex"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// checkRuns: each run is what its launch and its close say.
func checkRuns(ctx context.Context, d *doctor) error {
	return eachRun(ctx, d, func(r *model.Run) error {
		events, err := d.EventsOf(ctx, r.Name, verify.RunObject(r.Name))
		if err != nil {
			return err
		}
		var launched *verify.CampaignLaunched
		var closed *verify.CampaignClosed
		var due verify.Time
		paused := false
		for i, e := range events {
			_, body, err := verify.ParseLeaf(e.Leaf)
			if err != nil {
				d.fault("event %d: %v", e.ID, err)
				continue
			}
			switch b := body.(type) {
			case *verify.CampaignLaunched:
				if launched, due = b, b.DueAt; i != 0 {
					d.fault("%s was launched twice", r.Name)
				}
				if e.At != r.LaunchedAt {
					d.fault("%s was launched at another time than is stored", r.Name)
				}
			case *verify.CampaignAmended:
				if b.DueFrom != due || closed != nil {
					d.fault("event %d amends %s, which was not as it says", e.ID, r.Name)
				}
				due = b.DueAt
				if b.Cause == verify.CausePaused || b.Cause == verify.CauseResumed {
					paused = b.Cause == verify.CausePaused
				}
			case *verify.CampaignClosed:
				if closed, paused = b, false; i != len(events)-1 {
					d.fault("%s was closed twice", r.Name)
				}
				if e.At != r.ClosedAt {
					d.fault("%s was closed at another time than is stored", r.Name)
				}
			}
		}
		if launched == nil {
			d.fault("%s has no event of its launch", r.Name)
			return nil
		}
		if verify.Time(r.DueAt) != due {
			d.fault("%s is due at another time than its events say", r.Name)
		}
		if r.PausedAt.Known() != paused {
			d.fault("%s is paused or goes on, which its events do not say", r.Name)
		}
		if err := d.launched(ctx, r, launched); err != nil {
			return err
		}
		return d.closed(ctx, r, closed)
	})
}

func (d *doctor) launched(ctx context.Context, r *model.Run, b *verify.CampaignLaunched) error {
	if b.Campaign != r.Campaign || !bytes.Equal(b.Spec, []byte(r.Spec)) || b.TimeZone != r.TimeZone ||
		b.Items != r.Items || b.ItemsRoot != r.ItemsRoot || b.Excluded != r.Excluded || b.ExcludedRoot != r.ExcludedRoot {
		d.fault("what is stored of %s is not what was launched", r.Name)
	}
	sources, err := d.RunSources(ctx, r.ID)
	if err != nil {
		return err
	}
	stored := map[string]verify.SourceSnapshot{}
	for _, s := range sources {
		stored[s.Name] = verify.SourceSnapshot{Source: s.Name, Provides: s.Provides, Snapshot: s.SnapshotID, AsOf: verify.Time(s.AsOf), Digest: s.Digest}
	}
	for _, s := range b.Sources {
		if stored[s.Source] != s {
			d.fault("%s was launched on snapshot %d of %s, which is not what is stored", r.Name, s.Snapshot, s.Source)
		}
	}
	if len(b.Sources) != len(stored) {
		d.fault("%s was launched on %d sources, and %d are stored", r.Name, len(b.Sources), len(stored))
	}
	return nil
}

func (d *doctor) closed(ctx context.Context, r *model.Run, b *verify.CampaignClosed) error {
	if (b != nil) != (r.State == model.Closed) {
		d.fault("%s is %s, which its events do not say", r.Name, r.State)
		return nil
	}
	if b == nil {
		return nil
	}
	c, err := d.RunCounts(ctx, r.ID)
	if err != nil {
		return err
	}
	said := model.Counts{Items: b.Items, Kept: b.Kept, Revoked: b.Revoked, Reduced: b.Reduced, Unsure: b.Unsure, Unanswered: b.Unanswered, Gone: b.Gone}
	if c != said {
		d.fault("%s was closed with %+v, and has %+v", r.Name, said, c)
	}
	return nil
}

// checkSignOffs: each sign-off has its event, with the counts that stand.
func checkSignOffs(ctx context.Context, d *doctor) error {
	return eachRun(ctx, d, func(r *model.Run) error {
		parts, err := d.RunReviewers(ctx, r.ID)
		if err != nil {
			return err
		}
		signed := int64(0)
		for i := range parts {
			if !parts[i].SignedAt.Known() {
				continue
			}
			signed++
			if err := d.signOff(ctx, r, &parts[i]); err != nil {
				return err
			}
		}
		n, err := d.CountEvents(ctx, verify.TypeReviewSignedOff, r.Name)
		if err == nil && n != signed {
			d.fault("%d reviewers of %s have signed off, and %d did by the events", signed, r.Name, n)
		}
		return err
	})
}

func (d *doctor) signOff(ctx context.Context, r *model.Run, p *model.RunReviewer) error {
	object := "review:" + p.Commitment[:min(32, len(p.Commitment))]
	events, err := d.EventsOf(ctx, r.Name, object)
	if err != nil {
		return err
	}
	if len(events) != 1 {
		d.fault("the sign-off of reviewer %d of %s has %d events", p.PersonKey, r.Name, len(events))
		return nil
	}
	_, body, err := verify.ParseLeaf(events[0].Leaf)
	if err != nil {
		d.fault("event %d: %v", events[0].ID, err)
		return nil
	}
	c := p.Counts()
	if b, ok := body.(*verify.ReviewSignedOff); !ok || events[0].At != p.SignedAt || b.Items != c.Items-c.Gone || b.Kept != c.Kept ||
		b.Revoked != c.Revoked || b.Reduced != c.Reduced || b.Unsure != c.Unsure || b.Unanswered != c.Unanswered {
		d.fault("reviewer %d of %s signed something else than what stands", p.PersonKey, r.Name)
	}
	return nil
}

// checkPopulation: the items and the exclusions of a run, with everything frozen about them, are
// those whose roots were logged at its launch.
func checkPopulation(ctx context.Context, d *doctor) error {
	return eachRun(ctx, d, func(r *model.Run) error {
		var items, excluded verify.Root
		for row, err := range d.Population(ctx, r.ID) {
			if err != nil {
				return err
			}
			parts, err := itemParts(row)
			if err != nil {
				d.fault("item %d of %s: %v", row.ID, r.Name, err)
				return nil
			}
			rec := ItemRecord(parts)
			h, err := rec.Hash()
			if err != nil {
				return err
			}
			if !bytes.Equal(h[:], row.RecordHash) {
				d.fault("item %d of %s is not as it was launched", row.ID, r.Name)
			}
			items.Add(h)
		}
		for row, err := range d.Excluded(ctx, r.ID) {
			if err != nil {
				return err
			}
			h, err := exclusionHash(row)
			if err != nil {
				d.fault("exclusion %d of %s: %v", row.N, r.Name, err)
				return nil
			}
			excluded.Add(h)
		}
		d.root(r, "items", &items, r.Items, r.ItemsRoot)
		d.root(r, "exclusions", &excluded, r.Excluded, r.ExcludedRoot)
		return nil
	})
}

func (d *doctor) root(r *model.Run, what string, root *verify.Root, n int64, want string) {
	if sum := root.Sum(); root.Len() != n || hex.EncodeToString(sum[:]) != want {
		d.fault("the %d %s of %s are not the %d that it was launched with", root.Len(), what, r.Name, n)
	}
}

func itemParts(r *store.PopulationRow) (*ItemParts, error) {
	p := &ItemParts{
		ID: r.ID, Source: r.Source, Basis: r.Basis, TextHash: r.TextHash,
		SubjectBound: bound(r.SubjectSalt, r.SubjectCommitment), ReviewerBound: bound(r.ReviewerSalt, r.ReviewerCommitment),
	}
	if err := decode("entitlement", r.Entitlement, &p.Entitlement); err != nil {
		return nil, err
	}
	return p, decode("facts", r.Facts, &p.Facts)
}

func exclusionHash(r *store.ExcludedRow) ([32]byte, error) {
	var e model.Entitlement
	if err := decode("entitlement", r.Entitlement, &e); err != nil {
		return [32]byte{}, err
	}
	rec := ExclusionRecord(r.Source, model.Subject{}, bound(r.Salt, r.Commitment), e, r.Via, r.Reason)
	return rec.Hash()
}

// checkFrozen: what is frozen of people is what was committed to, unless it is erased.
func checkFrozen(ctx context.Context, d *doctor) error {
	page := func(ctx context.Context, s store.FrozenSubject) ([]store.FrozenSubject, error) {
		return d.FrozenSubjectsAfter(ctx, s.RunID, s.AccountKey)
	}
	if err := pages(ctx, page, nil, func(s *store.FrozenSubject) error {
		if len(s.Salt) == 0 {
			return nil
		}
		var v model.Subject
		err := decode("subject", s.Value, &v)
		var b verify.Bound
		if err == nil {
			b, err = BindSubject(s.Salt, v)
		}
		if err != nil || b.Commitment != s.Commitment {
			d.fault("account %d of run %d is not as it was committed to", s.AccountKey, s.RunID)
		}
		return nil
	}); err != nil {
		return err
	}
	return eachRun(ctx, d, func(r *model.Run) error {
		parts, err := d.RunReviewers(ctx, r.ID)
		for i := range parts {
			p := &parts[i]
			if len(p.Salt) == 0 {
				continue
			}
			var v model.ReviewerValue
			err := decode("reviewer", p.Value, &v)
			var b verify.Bound
			if err == nil {
				b, err = BindReviewer(p.Salt, v)
			}
			if err != nil || b.Commitment != p.Commitment {
				d.fault("reviewer %d of %s is not as committed to", p.PersonKey, r.Name)
			}
		}
		return err
	})
}

// checkTexts: what a reviewer is shown of an item is what its hash was made of at launch.
func checkTexts(ctx context.Context, d *doctor) error {
	return eachRun(ctx, d, func(r *model.Run) error {
		for row, err := range d.Population(ctx, r.ID) {
			if err != nil {
				return err
			}
			if len(row.SubjectSalt) == 0 { // erased
				continue
			}
			h := TextHash([]byte(row.Entitlement), []byte(row.Facts), []byte(row.Subject), row.SubjectSalt)
			if !bytes.Equal(h[:], row.TextHash) {
				d.fault("item %d of %s does not show what it showed at launch", row.ID, r.Name)
			}
		}
		return nil
	})
}
