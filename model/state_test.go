package model_test

import (
	"strings"
	"testing"

	"recert/model"
)

// TestMoves names every move that is allowed; every other one is not.
func TestMoves(t *testing.T) {
	t.Parallel()
	removals := map[model.RemediationState]string{
		model.Queued:     "held sent confirmed superseded failed cancelled",
		model.Held:       "queued confirmed cancelled superseded",
		model.Sent:       "queued held confirmed superseded failed cancelled",
		model.Failed:     "queued confirmed superseded cancelled",
		model.Confirmed:  "came_back restored",
		model.CameBack:   "queued held sent confirmed superseded failed cancelled",
		model.Superseded: "", model.Cancelled: "", model.Restored: "",
	}
	if len(removals) != len(model.RemediationStates) {
		t.Errorf("%d states of removals, %d in the table", len(model.RemediationStates), len(removals))
	}
	for _, from := range model.RemediationStates {
		for _, to := range model.RemediationStates {
			want := strings.Contains(" "+removals[from]+" ", " "+string(to)+" ")
			if from.Can(to) != want {
				t.Errorf("removal from %s to %s: %v, want %v", from, to, from.Can(to), want)
			}
		}
	}
	snapshots := map[model.SnapshotState]string{
		model.SnapshotLoading: "held sealed discarded", model.SnapshotHeld: "sealed discarded",
		model.SnapshotSealed: "", model.SnapshotDiscarded: "",
	}
	for from, list := range snapshots {
		for to := range snapshots {
			want := strings.Contains(" "+list+" ", " "+string(to)+" ")
			if from.Can(to) != want {
				t.Errorf("snapshot from %s to %s: %v, want %v", from, to, from.Can(to), want)
			}
		}
	}
	for _, c := range []struct {
		from, to model.RunState
		want     bool
	}{
		{model.Running, model.Closed, true}, {model.Running, model.Running, false},
		{model.Closed, model.Running, false}, {model.Closed, model.Closed, false},
	} {
		if c.from.Can(c.to) != c.want {
			t.Errorf("run from %s to %s: want %v", c.from, c.to, c.want)
		}
	}
	if model.RemediationState("x").Can(model.Queued) || model.Queued.Can("x") {
		t.Error("a state that does not exist may be reached")
	}
}

func TestCountsAddUp(t *testing.T) {
	t.Parallel()
	c := model.RunReviewer{Items: 10, Kept: 1, Revoked: 2, Reduced: 1, Unsure: 1, Gone: 2}.Counts()
	if c.Unanswered != 3 || c.Items != c.Kept+c.Revoked+c.Reduced+c.Unsure+c.Unanswered+c.Gone {
		t.Errorf("%+v", c)
	}
}
