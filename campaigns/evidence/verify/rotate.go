package verify

import (
	"errors"
	"fmt"
)

// kindRotate is the task to change a secret that somebody knows who may use it no more.
const kindRotate = "rotate"

const proofPerson = "person"

// checkRotation tells whether a secret may be asked to be changed: a removal of the same item was proven,
// and no other such task of the item is open.
func (s *state) checkRotation(b *RevocationQueued) error {
	m, err := s.follows(b)
	if err != nil {
		return err
	}
	if m.body.Kind != kindRemove || m.state != stateConfirmed {
		return fmt.Errorf("%s is no removal that was proven", b.For)
	}
	for _, r := range s.item(b.Item).removals {
		if r.body.Kind == kindRotate && r.state != stateConfirmed && r.state != stateCancelled {
			return fmt.Errorf("%s asks for it already", r.body.Remediation)
		}
	}
	return nil
}

// checkRotated tells whether a secret was changed: by a snapshot that was read after that was asked for,
// or by the word of somebody who reported what was done.
func (s *state) checkRotated(r *removal, b *RevocationState) error {
	switch b.Proof {
	case proofPerson:
		if len(r.reports) == 0 {
			return errors.New("nobody reported what was done")
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
