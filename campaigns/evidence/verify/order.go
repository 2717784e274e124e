package verify

import (
	"errors"
	"fmt"
	"slices"
)

// The modes that ask an outside system, and what that may tell.
var (
	outsideModes = []string{"ticket", "webhook"}
	orderWords   = []string{"opened", "moved", "reported", "refused", "gone"}
)

// order takes what an outside system tells of a removal. Nothing follows from it but that it was told.
func (s *state) order(b *RevocationOrdered) error {
	r := s.removal[b.Remediation]
	switch {
	case r == nil || r.body.Item != b.Item:
		return errors.New("no such removal was queued")
	case !slices.Contains(outsideModes, r.body.Mode):
		return fmt.Errorf("a removal of mode %q is asked of no outside system", r.body.Mode)
	case !slices.Contains(orderWords, b.What):
		return fmt.Errorf("%q is not known here", b.What)
	}
	return nil
}
