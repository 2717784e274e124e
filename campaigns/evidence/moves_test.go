package evidence_test

import (
	"testing"

	"recert/campaigns/evidence/verify"
	"recert/model"
)

// TestMovesAgree: the verifier, which stands alone, takes the very moves that the application makes.
func TestMovesAgree(t *testing.T) {
	t.Parallel()
	for _, from := range model.RemediationStates {
		for _, to := range model.RemediationStates {
			if got := verify.CanMove(string(from), string(to)); got != from.Can(to) {
				t.Errorf("from %s to %s: the verifier says %v", from, to, got)
			}
		}
	}
}
