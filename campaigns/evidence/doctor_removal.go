package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

const removeAtDecision = "decision" // the value of a campaign's remove

// checkRevoked: each final revoke has one removal for each path that was reviewed, or one for an
// account; so has one that is not final where the campaign removes at the decision. What is to be
// lowered has one row that gives the weaker access, and those removals once that is proven.
func checkRevoked(ctx context.Context, d *doctor) error {
	atOnce := map[int64]bool{}
	if err := eachRun(ctx, d, func(r *model.Run) error {
		var spec model.CampaignSpec
		if err := json.Unmarshal([]byte(r.Spec), &spec); err != nil {
			d.fault("the definition of %s cannot be read: %v", r.Name, err)
		}
		atOnce[r.ID] = spec.Remove == removeAtDecision
		return nil
	}); err != nil {
		return err
	}
	d.looked = 0
	type key struct{ run, item int64 }
	var have map[key][]int64
	var lowers map[key][]model.Remediation
	page := func(ctx context.Context, it model.Item) ([]model.Item, error) {
		return d.RevokedAfter(ctx, it.RunID, it.ID)
	}
	whole := func(items []model.Item) error {
		have, lowers = map[key][]int64{}, map[key][]model.Remediation{}
		byRun := map[int64][]int64{}
		for i := range items {
			byRun[items[i].RunID] = append(byRun[items[i].RunID], items[i].ID)
		}
		for run, ids := range byRun {
			rs, err := d.ItemRemediations(ctx, run, ids)
			if err != nil {
				return err
			}
			ls, err := d.ItemLowers(ctx, run, ids)
			if err != nil {
				return err
			}
			for _, l := range ls {
				if k := (key{run, l.ItemID}); l.State != model.Cancelled {
					lowers[k] = append(lowers[k], l)
				}
			}
			for _, l := range ls { // somebody decided that it will not be done, and nothing took its place
				if k := (key{run, l.ItemID}); l.Declined != "" && len(lowers[k]) == 0 {
					lowers[k] = append(lowers[k], l)
				}
			}
			for _, r := range rs {
				if r.State != model.Cancelled || r.Declined != "" {
					k := key{run, r.ItemID}
					have[k] = append(have[k], r.GrantID)
				}
			}
		}
		return nil
	}
	return pages(ctx, page, whole, func(it *model.Item) error {
		if it.Outcome == model.NoAnswer && !atOnce[it.RunID] || it.Outcome != model.NoAnswer && it.Outcome != model.Revoke && it.Outcome != model.Reduce {
			return nil
		}
		d.saw(1, "items")
		if k := (key{it.RunID, it.ID}); it.Outcome == model.Reduce || it.Outcome == model.NoAnswer && it.Answer == model.Reduce {
			if l := lowers[k]; len(l) != 1 {
				d.fault("item %d of run %d is to be lowered, and %d rows give it the weaker access", it.ID, it.RunID, len(l))
				return nil
			} else if l[0].State != model.Confirmed {
				if n := len(have[k]); n > 0 {
					d.fault("item %d of run %d has %d removals, and its weaker access is not proven", it.ID, it.RunID, n)
				}
				return nil
			}
		}
		want := []int64{0}
		if it.EntitlementKey != nil {
			var facts model.Facts
			if err := decode("facts", it.Facts, &facts); err != nil {
				d.fault("item %d of run %d: %v", it.ID, it.RunID, err)
				return nil
			}
			want = want[:0]
			for _, p := range facts.Paths {
				want = append(want, p.GrantID)
			}
		}
		got := have[key{it.RunID, it.ID}]
		slices.Sort(want)
		slices.Sort(got)
		got = slices.Compact(got) // one that was declined before the answer was changed, and given again, is not the only one
		if !slices.Equal(want, got) {
			d.fault("item %d of run %d is revoked by %d paths, and has removals of %d", it.ID, it.RunID, len(want), len(got))
		}
		return nil
	})
}

// removalPage is what checks of removals read beside a page of them.
type removalPage struct {
	attempts map[int64][]model.Attempt
	events   map[string][]store.Event // by object
}

// eachRemoval calls fn for every removal.
func eachRemoval(ctx context.Context, d *doctor, events bool, fn func(*store.RemovalRow, *removalPage)) error {
	var p removalPage
	page := func(ctx context.Context, r store.RemovalRow) ([]store.RemovalRow, error) {
		return d.RemovalsAfter(ctx, r.ID)
	}
	whole := func(rows []store.RemovalRow) error {
		ids := make([]int64, len(rows))
		objects := make([]string, len(rows))
		for i := range rows {
			ids[i], objects[i] = rows[i].ID, verify.RemediationObject(strconv.FormatInt(rows[i].ID, 10))
		}
		as, err := d.AttemptsOf(ctx, ids)
		if err != nil {
			return err
		}
		p = removalPage{attempts: map[int64][]model.Attempt{}, events: map[string][]store.Event{}}
		for _, a := range as {
			p.attempts[a.RemediationID] = append(p.attempts[a.RemediationID], a)
		}
		if !events {
			return nil
		}
		es, err := d.EventsOfObjects(ctx, objects)
		for _, e := range es {
			p.events[e.Object] = append(p.events[e.Object], e)
		}
		return err
	}
	return pages(ctx, page, whole, func(r *store.RemovalRow) error {
		d.saw(1, "removals")
		fn(r, &p)
		return nil
	})
}

// checkRemovals: each removal was queued as it is stored, moved only as removals may, stands where
// its last move left it, and its attempts are those of its events. No event speaks of another one.
func checkRemovals(ctx context.Context, d *doctor) error {
	err := eachRemoval(ctx, d, true, func(r *store.RemovalRow, p *removalPage) {
		id := strconv.FormatInt(r.ID, 10)
		if why := removalFault(r, p.events[verify.RemediationObject(id)], p.attempts[r.ID]); why != "" {
			d.fault("removal %d: %s", r.ID, why)
		}
	})
	if err != nil {
		return err
	}
	n, err := d.CountEvents(ctx, verify.TypeRevocationQueued, "")
	if err == nil && n != d.looked {
		d.fault("%d removals are stored, and %d were queued by the events", d.looked, n)
	}
	return err
}

// removalFault tells how a removal differs from its events.
func removalFault(r *store.RemovalRow, events []store.Event, attempts []model.Attempt) string {
	state := model.RemediationState("")
	mode := ""
	told := map[int64]*verify.RevocationAttempted{}
	var last *verify.RevocationState
	for i := range events {
		e := &events[i]
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			return err.Error()
		}
		if e.Run != r.Run {
			return "it has an event of " + e.Run
		}
		switch b := body.(type) {
		case *verify.RevocationQueued:
			if i != 0 {
				return "it was queued twice"
			}
			if why := queuedFault(r, b); why != "" {
				return why
			}
			state, mode = model.Queued, b.Mode
		case *verify.RevocationAttempted:
			if told[b.Attempt] != nil {
				return fmt.Sprintf("attempt %d has two events", b.Attempt)
			}
			told[b.Attempt] = b
		case *verify.RevocationState:
			to := model.RemediationState(b.To)
			if b.From != string(state) || !r.Kind.Can(state, to) {
				return fmt.Sprintf("it was %s and moved from %s to %s", state, b.From, b.To)
			}
			if state, last = to, b; b.Mode != "" {
				mode = b.Mode
			}
		}
	}
	switch {
	case state == "":
		return "it was never queued"
	case mode != r.Mode:
		return fmt.Sprintf("it is done by %s, by its events by %s", r.Mode, mode)
	case state != r.State:
		return fmt.Sprintf("it is %s, by its events %s", r.State, state)
	case (r.Declined != "") != (last != nil && last.Declined):
		return "whether somebody decided that it will not be done is not what its events say"
	case r.State == model.Confirmed && (last.Proof != r.Proof || last.Snapshot != valueOr(r.ProofSnapshot)):
		return "its proof is not that of its event"
	}
	return attemptsFault(attempts, told)
}

func valueOr(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func queuedFault(r *store.RemovalRow, b *verify.RevocationQueued) string {
	var a model.Access
	var subject model.Subject
	if err := errors.Join(decode("access", string(r.Access), &a), decode("subject", r.Subject, &subject)); err != nil {
		return err.Error()
	}
	if b.Item != strconv.FormatInt(r.ItemID, 10) || b.Source != r.Source || b.Grant != r.GrantID || b.Via != r.Via ||
		b.Via != a.Via || b.Entitlement != a.EntitlementID || b.GrantedAt != verify.Time(a.GrantedAt) ||
		a.AccountID != subject.AccountID && subject.AccountID != verify.Erased {
		return "it is of another access than was queued"
	}
	if b.Cause != r.Cause {
		return fmt.Sprintf("its cause is %q, and it was queued for %q", r.Cause, b.Cause)
	}
	if kind := cmp.Or(model.RemediationKind(b.Kind), model.KindRemove); kind != r.Kind || b.For != forID(r) {
		return fmt.Sprintf("it is a %s for %q, and was queued as a %s for %q", r.Kind, forID(r), kind, b.For)
	}
	return ""
}

func forID(r *store.RemovalRow) string {
	if r.ForID == nil {
		return ""
	}
	return strconv.FormatInt(*r.ForID, 10)
}

// wanted is what a read must show to prove a removal, or what gives access.
func wanted(r *store.RemovalRow) string {
	if r.Kind.Gives() {
		return "present"
	}
	return "absent"
}

// attemptsFault compares the attempts of a removal with what events tell of them.
func attemptsFault(attempts []model.Attempt, told map[int64]*verify.RevocationAttempted) string {
	ended := 0
	for i := range attempts {
		a := &attempts[i]
		b := told[int64(a.N)]
		if !a.EndedAt.Known() {
			if b != nil {
				return fmt.Sprintf("attempt %d has not ended, its event says it has", a.N)
			}
			continue
		}
		ended++
		if b == nil {
			return fmt.Sprintf("attempt %d has no event", a.N)
		}
		before, err := presence(a.Before)
		after, err2 := presence(a.After)
		if err != nil || err2 != nil || b.Fence != a.Fence || b.IntentAt != verify.Time(a.IntentAt) || b.Outcome != a.Outcome ||
			b.Before != before || b.After != after || b.ReadAt != verify.Time(a.ReadAt) {
			return fmt.Sprintf("attempt %d is not what its event says", a.N)
		}
	}
	if ended != len(told) {
		return fmt.Sprintf("%d attempts have ended, and %d by the events", ended, len(told))
	}
	return ""
}

// presence is what a read of a target showed; "" where there was none.
func presence(text string) (string, error) {
	var o struct {
		Presence string `json:"presence"`
	}
	err := decode("observation", text, &o)
	return o.Presence, err
}

// checkProofs: what is confirmed was seen to be absent, or present where it was to be given, by a read,
// or a sealed snapshot, that began after the last call.
func checkProofs(ctx context.Context, d *doctor) error {
	return eachRemoval(ctx, d, false, func(r *store.RemovalRow, p *removalPage) {
		var why string
		switch {
		case r.State != model.Confirmed || r.Kind == model.KindRotate:
			return
		case r.Proof == "read":
			why = readFault(r, p.attempts[r.ID])
		case r.Proof == "snapshot":
			why = seenFault(r)
		default:
			why = "nothing"
		}
		if why != "" {
			d.fault("removal %d is confirmed by %s", r.ID, why)
		}
	})
}

// readFault tells why the last attempt's read proves nothing.
func readFault(r *store.RemovalRow, attempts []model.Attempt) string {
	if r.Mode == model.ModeManual {
		return "a read, and it is a person's task: only a snapshot proves it"
	}
	if len(attempts) == 0 {
		return "a read, and there was no attempt"
	}
	a := attempts[len(attempts)-1]
	after, err := presence(a.After)
	switch {
	case err != nil || after != wanted(r):
		return fmt.Sprintf("a read that shows it %q", after)
	case !a.ReadAt.Known() || a.ReadAt < a.IntentAt || a.ReadAt < a.CalledAt || a.ReadAt < r.CalledAt:
		return "a read from before the last call"
	}
	return ""
}

// seenFault tells why the snapshot proves nothing.
func seenFault(r *store.RemovalRow) string {
	there := r.Shown
	if r.EntitlementKey == nil && r.Account != "" {
		var a model.Account
		if err := decode("account", r.Account, &a); err != nil {
			return "a snapshot: " + err.Error()
		}
		there = a.Status != "disabled"
	}
	switch {
	case r.SnapshotState != string(model.SnapshotSealed) || r.SnapshotSource != r.SourceID:
		return "a snapshot that is not sealed, or not of its source"
	case r.Kind.Gives() && r.SnapshotRead <= max(r.CalledAt, r.QueuedAt):
		return "a snapshot that was read before it was asked for"
	case r.Kind.Gives() && !there:
		return "a snapshot that does not show it"
	case r.Kind.Gives():
		return ""
	case !r.CalledAt.Known() || r.SnapshotRead <= r.CalledAt:
		return "a snapshot that was read before the last call"
	case there:
		return "a snapshot that shows it"
	}
	return ""
}

// checkLeases: nobody works on an object that somebody else works on.
func checkLeases(ctx context.Context, d *doctor) error { return d.rule(ctx, store.RuleLeases, d.Now) }
