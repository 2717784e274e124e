package verify

import (
	"errors"
	"fmt"
)

// Kinds of what revocation.queued queues; "" is the removal of a reviewed access.
const (
	kindRemove  = ""
	kindRestore = "restore" // gives back what a removal took
	kindLower   = "lower"   // gives the weaker access before the reviewed one goes
)

const presencePresent = "present"

// gives tells whether it is proven by access that is there.
func (r *removal) gives() bool { return r.body.Kind == kindRestore || r.body.Kind == kindLower }

// kind is what a row of a table calls it.
func (r *removal) kind() string {
	if r.body.Kind == kindRemove {
		return "remove"
	}
	return r.body.Kind
}

// exception names what is not proven.
func (r *removal) exception() string {
	end := r.state
	if r.declined() {
		end = "declined"
	}
	if r.body.Kind == kindRemove {
		return "removal_" + end
	}
	return r.body.Kind + "_" + end
}

// checkQueued tells whether what is queued may be, by what it follows from.
func (s *state) checkQueued(b *RevocationQueued) error {
	switch b.Kind {
	case kindRemove:
		return s.checkRemoval(b)
	case kindRestore:
		m, err := s.follows(b)
		switch {
		case err != nil:
			return err
		case m.body.Kind != kindRemove || m.state != stateConfirmed:
			return fmt.Errorf("%s is no removal that was proven, so there is nothing to give back", b.For)
		case b.Entitlement != m.body.Entitlement || b.Via != m.body.Via || b.Grant != m.body.Grant || b.Source != m.body.Source:
			return fmt.Errorf("it gives back another access than removal %s took", b.For)
		case s.restoreOf(b.For) != nil:
			return fmt.Errorf("removal %s is being given back already", b.For)
		}
	case kindRotate:
		return s.checkRotation(b)
	case kindLower:
		it := s.item(b.Item)
		if it.answer != answerReduce || it.lowerTo != b.Entitlement || b.For != "" {
			return fmt.Errorf("item %s was not answered to be lowered to it", b.Item)
		}
		if l := it.lower(); l != nil {
			return fmt.Errorf("item %s is being lowered by %s already", b.Item, l.body.Remediation)
		}
	default:
		return fmt.Errorf("kind %q is not known here", b.Kind)
	}
	return nil
}

// checkRemoval refuses to take away what is to be lowered before the weaker access is proven.
func (s *state) checkRemoval(b *RevocationQueued) error {
	it := s.item(b.Item)
	if it.answer != answerReduce {
		if b.For != "" {
			return errors.New("a removal follows from nothing but a lowered access")
		}
		return nil
	}
	l := it.lower()
	if l == nil || l.state != stateConfirmed || b.For != l.body.Remediation {
		return fmt.Errorf("item %s is to be lowered, and the weaker access was not proven before", b.Item)
	}
	return nil
}

// follows is what a queued one follows from.
func (s *state) follows(b *RevocationQueued) (*removal, error) {
	m := s.removal[b.For]
	if m == nil || m.body.Item != b.Item {
		return nil, fmt.Errorf("%q, which it follows from, was not queued for the same item", b.For)
	}
	return m, nil
}

// lower is what gives the item's weaker access, nil where nothing does.
func (it *item) lower() *removal {
	for _, r := range it.removals {
		if r.body.Kind == kindLower && r.state != stateCancelled {
			return r
		}
	}
	return nil
}

// restoreOf is what gives back what a removal took, nil where nothing does.
func (s *state) restoreOf(id string) *removal {
	m := s.removal[id]
	if m == nil {
		return nil
	}
	for _, r := range s.item(m.body.Item).removals {
		if r.body.Kind == kindRestore && r.body.For == id && r.state != stateCancelled {
			return r
		}
	}
	return nil
}

// checkMove refuses moves that a kind does not have.
func (s *state) checkMove(r *removal, b *RevocationState) error {
	if b.Mode != "" && (b.Mode != modeManual || !r.gives()) {
		return fmt.Errorf("mode %q cannot take its place", b.Mode)
	}
	if r.body.Kind == kindRotate && (b.To == stateRestored || b.To == stateSuperseded || b.To == stateCameBack) {
		return fmt.Errorf("a secret that was changed is never %s", b.To)
	}
	if r.gives() && (b.To == stateRestored || b.To == stateSuperseded || b.To == stateCameBack) {
		return fmt.Errorf("what gives access is never %s", b.To)
	}
	if b.To != stateRestored && b.To != stateCameBack {
		return nil
	}
	back := s.restoreOf(b.Remediation)
	switch {
	case b.To == stateCameBack && back != nil:
		return fmt.Errorf("it came back while %s gives it back", back.body.Remediation)
	case b.To == stateRestored && (back == nil || back.state != stateConfirmed):
		return errors.New("restored without proof that the access is there again")
	}
	return nil
}

// checkThere tells whether a read that came after the last call, or after it was asked for, showed the
// access present.
func (s *state) checkThere(r *removal, b *RevocationState) error {
	switch b.Proof {
	case proofRead:
		if r.mode == modeManual {
			return errors.New("what a person gives is confirmed by a snapshot alone")
		}
		if len(r.attempts) == 0 {
			return errors.New("there was no attempt")
		}
		a := attemptOf(r.attempts[len(r.attempts)-1])
		if a.After != presencePresent || a.ReadAt == 0 || a.ReadAt < r.called {
			return errors.New("the last attempt did not end in a read after the last call that shows it present")
		}
	case proofSnapshot:
		sn := s.snapshots[b.Snapshot]
		switch {
		case sn == nil || !sn.counts():
			return fmt.Errorf("snapshot %d is not sealed, held, or not here", b.Snapshot)
		case sn.body.Source != r.body.Source:
			return fmt.Errorf("snapshot %d is of another source", b.Snapshot)
		case sn.began() <= max(r.called, r.queued.At):
			return fmt.Errorf("the read of snapshot %d did not begin after it was asked for", b.Snapshot)
		}
	default:
		return fmt.Errorf("proof %q is not known here", b.Proof)
	}
	return nil
}
