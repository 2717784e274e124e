package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// TestWaits: any time ahead is a time of grace, however short, where nobody was at it and nothing else keeps it.
func TestWaits(t *testing.T) {
	t.Parallel()
	const at = model.Time(1_790_000_000_000_000)
	for name, c := range map[string]struct {
		row  model.Remediation
		want bool
	}{
		"an hour":     {model.Remediation{State: model.Queued, QueuedAt: at, NextAt: at.Add(time.Hour)}, true},
		"ten minutes": {model.Remediation{State: model.Queued, QueuedAt: at, NextAt: at.Add(10 * time.Minute)}, true},
		"none":        {model.Remediation{State: model.Queued, QueuedAt: at, NextAt: at}, false},
		"tried":       {model.Remediation{State: model.Queued, QueuedAt: at, NextAt: at.Add(time.Hour), Attempts: 1}, false},
		"asked":       {model.Remediation{State: model.Sent, QueuedAt: at, NextAt: at.Add(time.Hour)}, false},
	} {
		if got := waits(&store.RemediationRow{Remediation: c.row}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestCountsAnew: what came back counts from then, says so, and names the snapshots that showed it.
func TestCountsAnew(t *testing.T) {
	t.Parallel()
	const day = model.Time(24 * 3600 * 1_000_000)
	const at = model.Time(1_790_000_000_000_000)
	row := &store.RemediationRow{Remediation: model.Remediation{State: model.Sent, Mode: model.ModeManual, QueuedAt: at, DueAt: at + 7*day}}
	if row.Began() != at || row.Due() != at+7*day {
		t.Errorf("began %s, due %s", row.Began(), row.Due())
	}
	row.BackAt = at + 180*day
	if row.Began() != at+180*day || row.Due() != at+187*day {
		t.Errorf("after it came back: began %s, due %s", row.Began(), row.Due())
	}
	if got := meaning(row, true); !strings.HasPrefix(got, wasGone) {
		t.Errorf("%q", got)
	}
	row.State = model.Failed
	if got := meaning(row, true); !strings.HasPrefix(got, wasGone) || strings.Contains(got, "did not work") || again(row) == "" {
		t.Errorf("%q", got)
	}
	steps := spellSteps([]store.Spell{{ProvenAt: at, EndedAt: at + day, ProvenBy: 3, EndedBy: 4}}, time.UTC)
	if len(steps) != 2 || steps[0].Href != "/snapshots/3" || steps[1].Href != "/snapshots/4" || steps[1].Label != "Came back" {
		t.Errorf("%+v", steps)
	}
}

// TestBackByHand: a task whose access came back says so on the board and on its page, and is not late
// by the time that it was gone.
func TestBackByHand(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	path := "/revocations/" + w.removal(w.launch())
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
	to := func(state, from model.RemediationState) {
		t.Helper()
		move(func(tx *store.Tx) error {
			r.State, r.ClosedAt = state, 0
			if state == model.Confirmed {
				r.ClosedAt = tx.Now
			}
			return tx.MoveRemediation(t.Context(), r, from)
		})
	}
	move(func(tx *store.Tx) error { return tx.OpenTask(t.Context(), r, "A person has to do it.") })
	to(model.Confirmed, model.Sent)
	auditor := w.as("", model.Auditor)
	auditor.Get("/revocations?state=confirmed").Want(http.StatusOK, webtest.Count("#live tbody tr", 1))
	move(func(tx *store.Tx) error { return tx.EndSpell(t.Context(), r.ID) })
	to(model.CameBack, model.Confirmed)
	to(model.Sent, model.CameBack)
	auditor.Get("/revocations").Want(http.StatusOK, webtest.In("#live tbody", webtest.HasText("It was gone and came back on")))
	auditor.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText(wasGone)),
		webtest.In("section[aria-labelledby=story]", webtest.HasText("Proven gone"), webtest.HasText("Came back"), webtest.HasText("Task given again")))
}

// TestGivingApart: what gives access is no removal: it has a view of its own, and the campaign's page
// leads to the same numbers.
func TestGivingApart(t *testing.T) {
	t.Parallel()
	want := map[string]string{"": "remove rotate", "confirmed": "remove", "ended": "remove", "given": "restore lower", "all": "remove restore lower rotate"}
	for _, tab := range boardTabs {
		if want[tab.value] == "" && tab.value != "" {
			continue
		}
		kinds := tab.kinds
		if kinds == nil {
			kinds = taskKinds
		}
		var got []string
		for _, k := range kinds {
			got = append(got, string(k))
		}
		if strings.Join(got, " ") != want[tab.value] {
			t.Errorf("view %q counts %v, want %s", tab.value, got, want[tab.value])
		}
	}
}

// TestReportedWords: who gave access is told what closes that, and not what closes a removal.
func TestReportedWords(t *testing.T) {
	t.Parallel()
	if text := flashes["reportedgive"].Text; !strings.Contains(text, "shows the access") || strings.Contains(text, "no longer") {
		t.Error(text)
	}
}

// TestGraceWords: where removals wait, a campaign's page says how long.
func TestGraceWords(t *testing.T) {
	t.Parallel()
	for grace, want := range map[string]string{"": "after sign-off", "3d": "after sign-off, after a wait of 3d"} {
		pairs := specPairs(model.CampaignSpec{Grace: grace})
		found := false
		for _, p := range pairs {
			found = found || p.Term == "Removals go out" && p.Text == want
		}
		if !found {
			t.Errorf("grace %q: %+v", grace, pairs)
		}
	}
}

// TestNoticeBack: the person concerned reads that the access was gone and is there again, and which account
// it is of by its name.
func TestNoticeBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, row := w.graceful()
		r := row.Remediation
		to := func(state model.RemediationState) {
			t.Helper()
			if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
				if r.State == model.Confirmed {
					if err := tx.EndSpell(t.Context(), r.ID); err != nil {
						return err
					}
				}
				from := r.State
				r.State, r.ClosedAt, r.CalledAt = state, 0, tx.Now
				if state == model.Confirmed {
					r.ClosedAt = tx.Now
				}
				return tx.MoveRemediation(t.Context(), r, from)
			}); err != nil {
				t.Fatal(err)
			}
		}
		dev := w.as("u4")
		const back = "It was gone and is there again."
		if strings.Contains(webtest.Text(dev.Get("/notices").Root), back) {
			t.Error("it is said to be back before it was gone")
		}
		to(model.Sent)
		to(model.Confirmed)
		to(model.CameBack)
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText(back), webtest.HasText(row.Subject.Username)))
	})
}
