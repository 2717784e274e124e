package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
	"recert/web/webtest"
)

// TestAttemptSteps: an attempt tells what was done and no more. One look is one step, and what asked
// nothing says so.
func TestAttemptSteps(t *testing.T) {
	t.Parallel()
	at := model.TimeOf(storetest.Epoch)
	const (
		present = `{"presence":"present","granted_at":null,"version":"W/1","detail":""}`
		absent  = `{"presence":"absent","granted_at":null,"version":"","detail":""}`
	)
	for name, c := range map[string]struct {
		try    model.Attempt
		result string
		steps  string // label: text, what has no time in brackets
	}{
		"already gone": {
			model.Attempt{Before: absent, Outcome: "already_absent", After: absent, ReadAt: at + 1, EndedAt: at + 2, Detail: "Gone."},
			"Already gone", "Written down: before anything was asked; Read: The access is not there by any path.; Ended: Gone.",
		},
		"held by a brake": {
			model.Attempt{Before: present, After: present, ReadAt: at + 1, EndedAt: at + 2, Detail: "Nobody else holds it."},
			"Nothing was asked", "Written down: before anything was asked; Read: The access is there.; Ended: Nobody else holds it.",
		},
		"not reached": {
			model.Attempt{Outcome: "unreachable", EndedAt: at + 2, Detail: "No answer."},
			"Not reachable", "Written down: before anything was asked; Ended: No answer.",
		},
		"asked, and not read again": {
			model.Attempt{Before: present, CalledAt: at + 1, Outcome: "removed", EndedAt: at + 2},
			"Removed", "Written down: before anything was asked; [Read before: The access is there.]; Asked to remove: Removed",
		},
		"lost": {
			model.Attempt{Before: present, CalledAt: at + 1, Outcome: "lost", EndedAt: at + 2, Detail: "No word."},
			"No answer known", "Written down: before anything was asked; [Read before: The access is there.]; Asked to remove: No answer known; Ended: No word.",
		},
		"under way": {model.Attempt{}, "Under way", "Written down: before anything was asked"},
	} {
		c.try.N, c.try.Worker, c.try.IntentAt = 1, "w", at
		v, err := attemptView(c.try, time.UTC)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var steps []string
		for _, s := range v.Steps {
			text := s.Label + ": " + s.Text
			if s.At.Text == "" {
				text = "[" + text + "]"
			}
			steps = append(steps, text)
		}
		if got := strings.Join(steps, "; "); got != c.steps || v.Result.Text != c.result {
			t.Errorf("%s: %q, %s", name, v.Result.Text, got)
		}
	}
}

// TestMeaning: a removal that is proven says what proved it, and nothing of a call that was not made.
func TestMeaning(t *testing.T) {
	t.Parallel()
	snapshot := int64(7)
	for name, c := range map[string]struct {
		row   model.Remediation
		asked bool
		want  string
		proof string
	}{
		"asked and read":   {model.Remediation{State: model.Confirmed, Proof: "read", Reason: "R."}, true, meanings[model.Confirmed], "the system was read after the call"},
		"gone already":     {model.Remediation{State: model.Confirmed, Proof: "read", Reason: "R."}, false, goneAlready, "the system was read before anything was asked of it"},
		"task, snapshot":   {model.Remediation{State: model.Confirmed, Proof: "snapshot", Mode: model.ModeManual, ProofSnapshot: &snapshot, Reason: "R."}, false, goneBySnapshot + " R.", "a snapshot that was read after the task was given"},
		"asked, snapshot":  {model.Remediation{State: model.Confirmed, Proof: "snapshot", ProofSnapshot: &snapshot, Reason: "R."}, true, goneBySnapshot + " R.", "a snapshot that was read after the call"},
		"still to be done": {model.Remediation{State: model.Queued}, false, meanings[model.Queued], ""},
		"declined":         {model.Remediation{State: model.Cancelled, Declined: "Bo", Reason: "It will not be done. Break glass"}, false, "It will not be done. Break glass. Decided by Bo.", ""},
		"given back":       {model.Remediation{State: model.Restored, Reason: "The access was given back on purpose, and is there."}, true, "The access was given back on purpose, and is there.", ""},
		"is there":         {model.Remediation{Kind: model.KindRestore, State: model.Confirmed, Proof: "read", Reason: "R."}, true, giveMeanings[model.Confirmed], "the system was read after the call"},
		"no full stop":     {model.Remediation{State: model.Failed, Reason: "It said no"}, true, meanings[model.Failed] + " It said no.", ""},
	} {
		row := &store.RemediationRow{Remediation: c.row}
		if got := meaning(row, c.asked); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := proofWords(row, c.asked); got != c.proof {
			t.Errorf("%s is proven by %q, want %q", name, got, c.proof)
		}
	}
	paused := &store.RemediationRow{Remediation: model.Remediation{State: model.Queued, Reason: "401"}, Source: "wiki", Paused: "The password is wrong"}
	if got, want := meaning(paused, false), meanings[model.Queued]+" 401. Removals in wiki are paused: The password is wrong."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	back := &store.RemediationRow{Remediation: model.Remediation{State: model.Sent, ProofSnapshot: &snapshot}}
	if s := outcomeStep(back, true, time.UTC); s == nil || s.Text != "Snapshot 7 showed it again." {
		t.Errorf("one that came back and was asked for again says %+v", s)
	}
}

// TestTaskEnds: a task says when it was given, and that it is none any more once it has ended
// without being done.
func TestTaskEnds(t *testing.T) {
	t.Parallel()
	for state, want := range map[model.RemediationState]string{model.Superseded: "Granted anew", model.Cancelled: "Cancelled", model.Confirmed: "Proven gone"} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := sqliteWorld(t)
			w.fill()
			path := "/revocations/" + w.removal(w.launch())
			auditor := w.as("", model.Auditor)
			rs, err := w.store.Remediations(t.Context(), store.RemediationFilter{})
			if err != nil || len(rs) != 1 {
				t.Fatal(rs, err)
			}
			r := rs[0].Remediation
			move := func(fn func(tx *store.Tx) error) {
				t.Helper()
				if err := w.store.InTx(t.Context(), fn); err != nil {
					t.Fatal(err)
				}
			}
			from := model.Queued
			if state != model.Cancelled {
				move(func(tx *store.Tx) error { return tx.OpenTask(t.Context(), r, "A person has to do it.") })
				auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("To be done by hand"), webtest.HasText("It closes by itself"),
					webtest.HasText("Task given"), webtest.HasText("to Bo Lindqvist"), webtest.HasNoText("Nothing yet.")))
				from = model.Sent
			}
			move(func(tx *store.Tx) error {
				r.State, r.Reason, r.ClosedAt = state, "So it ended.", tx.Now
				return tx.MoveRemediation(t.Context(), r, from)
			})
			auditor.Get(path).Want(http.StatusOK, webtest.In("#task", webtest.HasText("Was to be done by hand")),
				webtest.In("section[aria-labelledby=story]", webtest.HasText(want), webtest.HasText("So it ended.")),
				webtest.In("main", webtest.HasNoText("It closes by itself"), webtest.HasNoText("Nothing yet."), webtest.HasNoText("unknown")))
		})
	}
}
