package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Answers, states and proofs as the events spell them.
const (
	answerKeep    = "keep"
	answerRevoke  = "revoke"
	answerReduce  = "reduce"
	answerUnsure  = "unsure"
	answerNotMine = "not_mine"
	answerNone    = "none"

	stateQueued     = "queued"
	stateHeld       = "held"
	stateSent       = "sent"
	stateConfirmed  = "confirmed"
	stateSuperseded = "superseded"
	stateFailed     = "failed"
	stateCancelled  = "cancelled"
	stateRestored   = "restored"
	stateCameBack   = "came_back"

	proofRead     = "read"
	proofSnapshot = "snapshot"

	modeManual     = "manual"
	presenceAbsent = "absent"
)

var (
	answers = []string{answerKeep, answerRevoke, answerReduce, answerUnsure, answerNotMine, answerNone}
)

// apply takes one event into the state and refuses what may not happen.
func (s *state) apply(e *event) error {
	switch b := e.body.(type) {
	case *CampaignLaunched:
		return s.launch(e, b)
	case *CampaignAmended:
		return s.amend(e, b)
	case *CampaignClosed:
		return s.close(e, b)
	case *ItemDecided:
		return s.decide(e, b)
	case *ItemDefaulted:
		return s.setDefault(e, b)
	case *ItemReassigned:
		return s.reassign(e, b)
	case *ItemGone:
		it, err := s.open(e, b.Item)
		if err == nil {
			it.gone = true
		}
		return err
	case *ReviewSignedOff:
		return s.signOff(e, b)
	case *RevocationQueued:
		return s.queue(e, b)
	case *RevocationAttempted:
		return s.attempt(e, b)
	case *RevocationState:
		return s.move(e, b)
	case *RemovalContested:
		return s.contest(e, b)
	case *ContestResolved:
		return s.resolve(e, b)
	case *TaskReported:
		return s.report(e, b)
	case *RevocationOrdered:
		return s.order(b)
	case *SnapshotSealed:
		return s.seal(e, b, false)
	case *SnapshotHeld:
		s.holds = append(s.holds, e)
		return s.seal(e, &b.SnapshotSealed, true)
	case *SnapshotReleased:
		s.holds = append(s.holds, e)
		if sn := s.snapshots[b.Snapshot]; sn != nil {
			sn.released = true
		}
	case *SnapshotDiscarded:
		if sn := s.snapshots[b.Snapshot]; sn != nil {
			sn.discarded = true
		}
	case *LogKey:
		s.keys = append(s.keys, b.VKey)
	}
	return nil
}

func (s *state) launch(e *event, b *CampaignLaunched) error {
	if s.launched != nil {
		return errors.New("the run was launched before")
	}
	sum := sha256.Sum256(b.Spec)
	if hex.EncodeToString(sum[:]) != b.SpecSHA256 || !bytes.HasPrefix(b.Spec, []byte{'{'}) {
		return errors.New("spec is not the object that spec_sha256 is of")
	}
	s.launched = e
	return nil
}

// running tells whether the run is launched and not closed.
func (s *state) running() error {
	if s.launched == nil {
		return errors.New("before the launch")
	}
	if s.closed != nil {
		return errors.New("after the close")
	}
	return nil
}

// open is the state of an item of the running run.
func (s *state) open(e *event, id string) (*item, error) {
	if err := s.running(); err != nil {
		return nil, err
	}
	it := s.item(id)
	it.events = append(it.events, e.n)
	return it, nil
}

func (s *state) item(id string) *item {
	it := s.items[id]
	if it == nil {
		it = &item{}
		s.items[id] = it
	}
	return it
}

func (it *item) raise(version int64) error {
	if version <= it.version {
		return fmt.Errorf("version %d does not raise version %d", version, it.version)
	}
	it.version = version
	return nil
}

func (s *state) decide(e *event, b *ItemDecided) error {
	it, err := s.open(e, b.Item)
	if err != nil {
		return err
	}
	if err := s.goesOn(); err != nil {
		return err
	}
	if !slices.Contains(answers, b.Answer) {
		return fmt.Errorf("answer %q is not known here", b.Answer)
	}
	if it.gone {
		return errors.New("the item was gone before")
	}
	it.answer, it.lowerTo, it.until, it.decision = b.Answer, b.LowerTo, b.Until, e.n
	return it.raise(b.Version)
}

func (s *state) setDefault(e *event, b *ItemDefaulted) error {
	if s.launched == nil {
		return errors.New("before the launch")
	}
	if b.Outcome != answerKeep && b.Outcome != answerRevoke {
		return fmt.Errorf("outcome %q is not known here", b.Outcome)
	}
	it := s.item(b.Item)
	if it.gone || it.answer == answerKeep || it.answer == answerRevoke || it.answer == answerReduce {
		return errors.New("the item needs no default")
	}
	it.events = append(it.events, e.n)
	it.defaulted = b.Outcome
	return it.raise(b.Version)
}

func (s *state) reassign(e *event, b *ItemReassigned) error {
	it, err := s.open(e, b.Item)
	if err != nil {
		return err
	}
	it.reviewer = e.who("to")
	return it.raise(b.Version)
}

func (s *state) signOff(e *event, b *ReviewSignedOff) error {
	if err := s.running(); err != nil {
		return err
	}
	if err := s.goesOn(); err != nil {
		return err
	}
	if b.Items != b.Kept+b.Revoked+b.Reduced+b.Unsure+b.Unanswered {
		return errors.New("its counts do not add up to its items")
	}
	s.signoffs = append(s.signoffs, e)
	return nil
}

func (s *state) close(e *event, _ *CampaignClosed) error {
	if err := s.running(); err != nil {
		return err
	}
	s.closed = e
	return nil
}

func (s *state) seal(e *event, b *SnapshotSealed, held bool) error {
	if sn := s.snapshots[b.Snapshot]; sn != nil && (sn.body.Digest != b.Digest || sn.body.AsOf != b.AsOf || sn.body.Source != b.Source) {
		return errors.New("the snapshot was another one before")
	}
	next := &snapshot{body: b, event: e, held: held, wasHeld: held}
	if before := s.snapshots[b.Snapshot]; before != nil {
		next.wasHeld = before.wasHeld || held
	}
	s.snapshots[b.Snapshot] = next
	return nil
}

func (s *state) queue(e *event, b *RevocationQueued) error {
	if s.launched == nil {
		return errors.New("before the launch")
	}
	if s.removal[b.Remediation] != nil {
		return errors.New("it was queued before")
	}
	if err := s.checkQueued(b); err != nil {
		return err
	}
	if err := s.checkCause(e, b); err != nil {
		return err
	}
	r := &removal{queued: e, body: b, state: stateQueued, mode: b.Mode}
	s.removals = append(s.removals, r)
	s.removal[b.Remediation] = r
	it := s.item(b.Item)
	it.removals = append(it.removals, r)
	return nil
}

func (s *state) attempt(e *event, b *RevocationAttempted) error {
	r := s.removal[b.Remediation]
	if r == nil || r.body.Item != b.Item {
		return errors.New("no such removal was queued")
	}
	for _, a := range r.attempts { // a worker that was thought dead may end an earlier one late
		if attemptOf(a).Attempt == b.Attempt {
			return fmt.Errorf("attempt %d ended before", b.Attempt)
		}
	}
	if r.state == stateHeld && b.CalledAt > r.held {
		return errors.New("the target was asked while the removal was held")
	}
	r.called = max(r.called, b.CalledAt)
	r.attempts = append(r.attempts, e)
	return nil
}

func attemptOf(e *event) *RevocationAttempted {
	return e.body.(*RevocationAttempted) //nolint:errcheck,forcetypeassert // only attempts are kept in that list
}

func stateOf(e *event) *RevocationState {
	return e.body.(*RevocationState) //nolint:errcheck,forcetypeassert // only states are kept in that list
}

// moves are where a removal may go from where it is. The application has the same table.
var moves = map[string][]string{
	stateQueued:    {stateHeld, stateSent, stateConfirmed, stateSuperseded, stateFailed, stateCancelled},
	stateHeld:      {stateQueued, stateConfirmed, stateCancelled, stateSuperseded},
	stateSent:      {stateQueued, stateHeld, stateConfirmed, stateSuperseded, stateFailed, stateCancelled},
	stateFailed:    {stateQueued, stateConfirmed, stateSuperseded, stateCancelled},
	stateConfirmed: {stateCameBack, stateRestored},
	stateCameBack:  {stateQueued, stateHeld, stateSent, stateConfirmed, stateSuperseded, stateFailed, stateCancelled},
}

// CanMove tells whether a removal may go from one state to another.
func CanMove(from, to string) bool { return slices.Contains(moves[from], to) }

func (s *state) move(e *event, b *RevocationState) error {
	r := s.removal[b.Remediation]
	if r == nil || r.body.Item != b.Item {
		return errors.New("no such removal was queued")
	}
	if b.From != r.state {
		return fmt.Errorf("it leaves state %q, but the removal is %q", b.From, r.state)
	}
	if !CanMove(b.From, b.To) {
		return fmt.Errorf("a removal does not go from %q to %q", b.From, b.To)
	}
	if err := s.checkMove(r, b); err != nil {
		return err
	}
	if err := r.checkContested(b); err != nil {
		return err
	}
	if b.To == stateConfirmed {
		if err := s.checkProof(r, b); err != nil {
			return fmt.Errorf("confirmed without proof: %w", err)
		}
	}
	if b.Mode != "" {
		r.mode = b.Mode
	}
	if b.To == stateSent && r.mode == modeManual {
		r.called = e.At // the task was opened
	}
	if b.To == stateHeld {
		r.held = e.At
	}
	r.state = b.To
	r.states = append(r.states, e)
	return nil
}

// checkProof tells whether a read that came after the last call showed the access absent.
func (s *state) checkProof(r *removal, b *RevocationState) error {
	if r.gives() {
		return s.checkThere(r, b)
	}
	if r.body.Kind == kindRotate {
		return s.checkRotated(r, b)
	}
	switch b.Proof {
	case proofRead:
		if r.body.Mode == modeManual {
			return errors.New("a manual removal is confirmed by a snapshot alone")
		}
		if len(r.attempts) == 0 {
			return errors.New("there was no attempt")
		}
		a := attemptOf(r.attempts[len(r.attempts)-1])
		if a.After != presenceAbsent || a.ReadAt == 0 || a.ReadAt < r.called {
			return errors.New("the last attempt did not end in a read after the last call that shows it absent")
		}
	case proofSnapshot:
		sn := s.snapshots[b.Snapshot]
		if sn == nil || !sn.counts() {
			return fmt.Errorf("snapshot %d is not sealed, held, or not here", b.Snapshot)
		}
		if sn.body.Source != r.body.Source {
			return fmt.Errorf("snapshot %d is of another source", b.Snapshot)
		}
		if k := sn.body.Kinds["grants"]; k.Rejected != k.Duplicates {
			return fmt.Errorf("%d grants of snapshot %d could not be read: it proves no absence", k.Rejected-k.Duplicates, b.Snapshot)
		}
		if sn.began() <= r.called {
			return fmt.Errorf("the read of snapshot %d did not begin after the last call", b.Snapshot)
		}
	default:
		return fmt.Errorf("proof %q is not known here", b.Proof)
	}
	return nil
}
