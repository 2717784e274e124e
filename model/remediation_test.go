package model_test

import (
	"testing"

	"recert/model"
)

// TestKindMoves: what gives access ends once it is proven; a removal moves as its state says.
func TestKindMoves(t *testing.T) {
	t.Parallel()
	for _, kind := range model.RemediationKinds {
		gives := kind == model.KindRestore || kind == model.KindLower
		if kind.Gives() != gives {
			t.Errorf("%s gives: %v", kind, kind.Gives())
		}
		for _, from := range model.RemediationStates {
			for _, to := range model.RemediationStates {
				if kind == model.KindRotate {
					continue
				}
				want := from.Can(to) && (!gives || to != model.CameBack && to != model.Restored && to != model.Superseded)
				if kind.Can(from, to) != want {
					t.Errorf("%s from %s to %s: want %v", kind, from, to, want)
				}
			}
		}
		if gives && (kind.Can(model.Confirmed, model.CameBack) || kind.Can(model.Confirmed, model.Restored) || !kind.Can(model.Failed, model.Queued)) {
			t.Errorf("%s comes back, is given back, or is not tried again", kind)
		}
	}
}
