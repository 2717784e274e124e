package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Reasons for which a removal waits for a second person, and what lets it go on.
const (
	whyProtected = "The account is on the list of those that are not taken access from without a second person."
	whySelf      = "It is the account that Recert itself signs in to the source with: without it nothing more can be read or removed there."
	whyLast      = "Nobody else holds it: without this one it would have no member, owner or administrator left."
	whyShared    = "The account is shared: without it everybody who uses the account loses the access."
	whyHourCap   = "More was removed in this source in an hour than may be without a second person."
	whyRunCap    = "More was removed for this campaign than may be without a second person."
	whyDryRun    = "Dry run: it would be removed now. Nothing was asked of the target. Switch dry_run off, then let it go on."
	whyMoved     = campaigns.WhyElsewhere
	whyApproved  = "A second person let it go on."
	whyStopped   = "Removals were stopped before anything was asked of the target."
)

// hold is the verdict that a removal waits for a second person; nil is that it may go out. It is
// decided in the transaction that marks the call, with what was seen right before.
func (w *Worker) hold(ctx context.Context, tx *store.Tx, c *claim, seen connector.Observation) (*verdict, error) {
	if err := tx.LockBrake(ctx, c.SourceID); err != nil {
		return nil, err
	}
	stop, err := store.Once(tx, "stop", func() (*store.RemovalStop, error) { return tx.RemovalStop(ctx) })
	if err != nil {
		return nil, err
	}
	if stop != nil {
		return &verdict{to: c.State, reason: whyStopped, retry: true}, nil
	}
	if moved, err := elsewhere(ctx, tx, c); err != nil || moved {
		return held(whyMoved), err
	}
	if why, err := contested(ctx, tx, c.Remediation); err != nil || why != "" {
		return held(why), err
	}
	spec, err := specOf(ctx, tx, c.SourceID)
	if model.KindOf(err) == model.NotFound {
		return &verdict{to: c.State, reason: whyUndeclared, retry: true}, nil
	}
	if err != nil {
		return nil, err
	}
	if c.Kind.Gives() {
		return w.holdGive(ctx, tx, c, spec)
	}
	if spec.Revoke.DryRun {
		return held(whyDryRun), nil
	}
	switch {
	case protected(spec.Revoke.Protected, c.access) && !approvedFor(c.Remediation, whyProtected):
		return held(whyProtected), nil
	case seen.Self && !approvedFor(c.Remediation, whySelf):
		return held(whySelf), nil
	case !approvedFor(c.Remediation, whyShared):
		ok, err := shared(ctx, tx, c)
		if err != nil {
			return nil, err
		}
		if ok {
			return held(whyShared), nil
		}
	}
	if seen.Last && !approvedFor(c.Remediation, whyLast) {
		// Of an ordinary group somebody is the last member every day.
		ok, err := powerful(ctx, tx, c.Remediation)
		if err != nil {
			return nil, err
		}
		if ok {
			return held(whyLast), nil
		}
	}
	if c.CalledAt.Known() || approvedFor(c.Remediation, whyHourCap) && approvedFor(c.Remediation, whyRunCap) {
		return nil, nil // it counts already, or need not count
	}
	return w.capped(ctx, tx, c, spec)
}

// shared tells whether the account was one that several people use, when it was reviewed.
func shared(ctx context.Context, tx *store.Tx, c *claim) (bool, error) {
	if c.subject == "" {
		var err error
		if c.subject, err = tx.RunSubject(ctx, c.RunID, c.AccountKey); err != nil {
			return false, err
		}
	}
	var s model.Subject
	if err := json.Unmarshal([]byte(c.subject), &s); err != nil {
		return false, fmt.Errorf("read the subject of removal %d: %w", c.ID, err)
	}
	return s.AccountKind == "shared", nil
}

// powerful tells whether what is to go was privileged, or of high risk, when it was reviewed.
func powerful(ctx context.Context, tx *store.Tx, r model.Remediation) (bool, error) {
	if r.EntitlementKey == nil {
		return false, nil
	}
	value, err := tx.RunEntitlement(ctx, r.RunID, *r.EntitlementKey)
	if err != nil {
		return false, err
	}
	var e model.Entitlement
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return false, fmt.Errorf("read the entitlement of removal %d: %w", r.ID, err)
	}
	return e.Privileged == model.Yes || e.Risk == "high" || e.Risk == "critical", nil
}

// approvedFor tells whether a second person let a removal go on knowing of a reason to hold it.
func approvedFor(r model.Remediation, why string) bool {
	return r.Approved != "" && slices.Contains(strings.Split(r.ApprovedFor, "\n"), why)
}

// elsewhere tells whether a removal must wait because what was reviewed may be in another system than
// the one that would be asked now: what that shows, or does not, proves nothing.
func elsewhere(ctx context.Context, tx *store.Tx, c *claim) (bool, error) {
	if approvedFor(c.Remediation, whyMoved) {
		return false, nil
	}
	src, err := sourceOf(ctx, tx, c.SourceID)
	if err != nil || !src.MovedAt.Known() {
		return false, err
	}
	return tx.ReviewedElsewhere(ctx, c.RunID, c.SourceID)
}

func held(why string) *verdict { return &verdict{to: model.Held, reason: why} }

// capped holds what is over the limit of the source's hour, or of the campaign.
func (w *Worker) capped(ctx context.Context, tx *store.Tx, c *claim, spec model.SourceSpec) (*verdict, error) {
	most, err := campaigns.HourlyCap(spec.Revoke.HourlyCap)
	if err != nil {
		return nil, err
	}
	if most >= 0 && !approvedFor(c.Remediation, whyHourCap) {
		n, err := tx.CalledSince(ctx, c.Remediation, tx.Now.Add(-time.Hour), most)
		if err != nil {
			return nil, err
		}
		if n >= most {
			return held(whyHourCap), nil
		}
	}
	run, err := runOf(ctx, tx, c.RunID)
	if err != nil {
		return nil, err
	}
	var campaign model.CampaignSpec
	if err := json.Unmarshal([]byte(run.Spec), &campaign); err != nil {
		return nil, fmt.Errorf("read the definition of %s: %w", run.Name, err)
	}
	if most, err = campaigns.RemovalCap(campaign.RemovalCap, run.Items); err != nil || most < 0 || approvedFor(c.Remediation, whyRunCap) {
		return nil, err
	}
	n, err := tx.CalledInRun(ctx, c.Remediation, most)
	if err == nil && n >= most {
		return held(whyRunCap), nil
	}
	return nil, err
}

// protected tells whether an account is on a source's list, by id or by name.
func protected(list model.Strings, a connector.Access) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		s = store.Fold(s)
		return s == store.Fold(a.AccountID) || a.Username != "" && s == store.Fold(a.Username)
	})
}

// maxReason is how many characters a reason may have.
const maxReason = 2000

// approveChunk is how many held removals one transaction lets go on.
const approveChunk = 200

// Approve lets held removals go on, all of them where ids is nil, and gives their number. It needs a
// second person: an admin who, under whichever identity, neither answered the item nor is the one
// whose access goes. Of many,
// those that the admin may not let go on stay held; of one that is an error.
//
// fence is that of the one removal as the admin saw it, 0 of many: held anew since, it is held for a
// reason that nobody has seen, and that is a Conflict.
func Approve(ctx context.Context, s *store.Store, who model.Actor, ids []int64, fence int64) (n int, err error) {
	if !who.Has(model.Admin) {
		return 0, model.Errorf(model.Forbidden, "Only an admin may let a held removal go on.")
	}
	for after := int64(0); ; {
		var rs []model.Remediation
		var done int
		err := s.InTx(ctx, func(tx *store.Tx) (err error) {
			done = 0
			if rs, err = tx.HeldRemediations(ctx, ids, after, approveChunk); err != nil {
				return err
			}
			for _, r := range rs {
				err := approve(ctx, tx, who, r, fence)
				if model.KindOf(err) == model.Forbidden && len(ids) != 1 {
					continue
				}
				if err != nil {
					return err
				}
				done++
			}
			return nil
		})
		n += done
		if err != nil || len(rs) < approveChunk {
			return n, err
		}
		after = rs[len(rs)-1].ID
	}
}

func approve(ctx context.Context, tx *store.Tx, who model.Actor, r model.Remediation, fence int64) error {
	if err := secondPerson(ctx, tx, who, r, "let its removal go on"); err != nil {
		return err
	}
	if r.AskedBy != "" {
		if same, err := campaigns.SameOne(ctx, tx, r.AskedBy, who); err != nil {
			return err
		} else if same {
			return model.Errorf(model.Forbidden, "You asked for it yourself: another admin must let it go on.")
		}
	}
	// What somebody says against it is answered by itself, with a reason: Service.AnswerContest.
	if err := uncontested(ctx, tx, r); err != nil {
		return err
	}
	if r.Kind.Gives() {
		if err := campaigns.StillHere(ctx, tx, r); err != nil {
			return err
		}
	}
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	if r.Reason == whyDryRun || r.Reason == whyGiveDryRun {
		src, err := tx.SourceByID(ctx, r.SourceID)
		if err != nil {
			return err
		}
		spec, err := tx.SourceSpec(ctx, src.Name)
		if err != nil {
			return err
		}
		if spec.Revoke.DryRun {
			return model.Errorf(model.Forbidden, "The source %s is on dry run: switch dry_run off in its settings first.", src.Name)
		}
	}
	if fence != 0 && r.Fence != fence {
		return model.Errorf(model.Conflict, "It was held anew in the meantime, maybe for another reason. Load the page again.")
	}
	reasons := r.Reason
	if r.ApprovedFor != "" {
		reasons = r.ApprovedFor + "\n" + r.Reason
	}
	if err := tx.ApproveRemediation(ctx, r.ID, who.Label(), reasons, whyApproved); err != nil {
		return err
	}
	r.State, r.Reason, r.Proof = model.Queued, whyApproved, ""
	return stateEvent(ctx, tx, who.Label(), run.Name, r, model.Held, 0)
}

// Stop stops what connectors remove, in all sources and at once: what was asked already is read to
// its end. Admins and campaign managers may; the second click changes nothing.
func Stop(ctx context.Context, s *store.Store, who model.Actor, reason string) error {
	if !who.Has(model.Admin, model.CampaignManager) {
		return model.Errorf(model.Forbidden, "Only an admin or a campaign manager may stop removals.")
	}
	if utf8.RuneCountInString(reason) > maxReason || !utf8.ValidString(reason) || strings.ContainsRune(reason, 0) {
		return model.Errorf(model.Invalid, "The reason has at most %d characters of text.", maxReason)
	}
	if reason == "" {
		return model.Errorf(model.Invalid, "Say why removals are stopped: it stands in the evidence.")
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		ok, err := tx.StopRemovals(ctx, reason, who.Label())
		if err != nil || !ok {
			return err
		}
		return switched(ctx, tx, who.Label(), evidence.RemovalsSwitched{Stopped: true, Reason: reason})
	})
}

// Go lets removals go on after Stop. Only an admin may.
func Go(ctx context.Context, s *store.Store, who model.Actor) error {
	if !who.Has(model.Admin) {
		return model.Errorf(model.Forbidden, "Only an admin may let removals go on.")
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		ok, err := tx.ResumeRemovals(ctx)
		if err != nil || !ok {
			return err
		}
		return switched(ctx, tx, who.Label(), evidence.RemovalsSwitched{})
	})
}

func switched(ctx context.Context, tx *store.Tx, by string, body evidence.RemovalsSwitched) error {
	_, err := evidence.Append(ctx, tx, evidence.Event{
		Type: evidence.TypeRemovalsSwitched, Object: evidence.RemovalsObject(body.Source), Data: body, Personal: map[string]string{"actor": by},
	})
	return err
}
