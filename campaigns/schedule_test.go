package campaigns_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
)

func scheduled(rule string) func(*model.CampaignSpec) {
	return func(s *model.CampaignSpec) { s.Schedule = rule }
}

// replicas has three servers do a chore at once, and adds up what they did.
func (o *office) replicas(chore func(context.Context) (int, error)) int {
	o.tb.Helper()
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			n, err := chore(o.ctx())
			if err != nil {
				o.tb.Error(err)
			}
			total.Add(int64(n))
		})
	}
	wg.Wait()
	return int(total.Load())
}

func (o *office) wantTick(at string, want int) {
	o.tb.Helper()
	o.until(at)
	if n := o.replicas(o.svc.LaunchScheduled); n != want {
		o.tb.Errorf("at %s: %d runs were launched, want %d", at, n, want)
	}
}

func (o *office) wantNext(campaign, want, problem string) {
	o.tb.Helper()
	next, why, err := o.svc.NextLaunch(o.ctx(), campaign)
	mustNot(o.tb, err)
	got := ""
	if next.Known() {
		got = next.Std().UTC().Format(time.RFC3339)
	}
	if got != want || (why == "") != (problem == "") || !strings.Contains(why, problem) {
		o.tb.Errorf("at %s the next launch is %q (%s), want %q (%s)", o.clock.T.Format(time.RFC3339), got, why, want, problem)
	}
}

// TestSchedule: a campaign launches itself at six in the morning of its zone on the first day of each
// quarter, once, whatever number of servers look, and late where none did.
func TestSchedule(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-11-20T10:00:00Z")
		o := newOffice(w)
		o.campaign("q", spec(scheduled("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1")))
		o.campaign("by-hand", spec())
		o.wantNext("q", "2027-01-01T05:00:00Z", "")
		o.wantNext("by-hand", "", "")
		o.wantTick("2026-11-20T10:00:00Z", 0)
		o.wantTick("2027-01-01T04:59:59Z", 0)
		o.wantTick("2027-01-01T05:00:00Z", 1)
		o.wantTick("2027-01-01T05:00:01Z", 0)
		o.wantNext("q", "2027-04-01T04:00:00Z", "") // the clocks have changed by then
		run, err := w.store.RunByName(t.Context(), "q")
		mustNot(t, err)
		if run.Name != "q@2027-01-01" || run.LaunchedBy != "schedule" {
			t.Errorf("launched %s by %s", run.Name, run.LaunchedBy)
		}
		o.close(run)
		// Two times went by: it is one launch.
		o.wantTick("2027-08-15T12:00:00Z", 1)
		o.wantNext("q", "2027-10-01T04:00:00Z", "")
		if n := w.id("SELECT COUNT(*) FROM runs"); n != 2 {
			t.Errorf("%d runs", n)
		}
		w.healthy()
	})
}

// TestScheduleChanged: what went by under another rule, or another zone, launches nothing.
func TestScheduleChanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-11-20T10:00:00Z")
		o := newOffice(w)
		o.campaign("q", spec(scheduled("FREQ=DAILY;BYHOUR=12")))
		o.wantTick("2026-11-20T10:00:00Z", 0)
		o.exec("UPDATE configs SET spec = ? WHERE name = 'q'", w.json(spec(scheduled("FREQ=DAILY;BYHOUR=9"))))
		o.wantTick("2026-11-20T11:30:00Z", 0) // noon by the old rule
		o.wantNext("q", "2026-11-21T08:00:00Z", "")
		o.exec("UPDATE configs SET spec = ? WHERE name = 'q'", w.json(spec()))
		o.wantTick("2026-11-25T10:00:00Z", 0)
		o.wantNext("q", "", "")
	})
}

// TestScheduleRefused: a launch that is refused is tried every hour, its owner is told once, and it
// happens when what was in the way is gone.
func TestScheduleRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.until("2026-11-20T10:00:00Z")
		o := newOffice(w)
		o.campaign("q", spec(scheduled("FREQ=MONTHLY"), func(s *model.CampaignSpec) { s.Owner = "u4" }))
		first, err := o.svc.Launch(t.Context(), admin, "q")
		mustNot(t, err)
		o.wantTick("2026-11-20T10:00:00Z", 0)
		o.wantTick("2026-12-01T05:00:00Z", 0)
		o.wantNext("q", "2026-12-01T06:00:00Z", "q@2026-11-20")
		o.close(first.Run)
		o.wantTick("2026-12-01T05:59:59Z", 0)
		o.wantTick("2026-12-01T06:00:00Z", 1)
		o.wantNext("q", "2027-01-01T05:00:00Z", "")
		if got := strings.Join(w.strings("SELECT kind || ' ' || data FROM messages WHERE person_key = ?", o.cleo), "\n"); !strings.HasPrefix(got, "launch_failed ") || strings.Contains(got, "\n") {
			t.Errorf("the owner is told: %s", got)
		}
		w.healthy()
	})
}

// TestScheduleDays: months end when they end, and working days are those of a week.
func TestScheduleDays(t *testing.T) {
	t.Parallel()
	o := newOffice(newWorld(t, store.SQLite))
	o.until("2027-01-31T12:00:00Z")
	for rule, want := range map[string]string{
		"FREQ=MONTHLY;BYMONTHDAY=-1":                      "2027-02-28T05:00:00Z",
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1":    "2027-02-01T05:00:00Z",
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1":   "2027-02-26T05:00:00Z",
		"FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=1":             "2027-10-01T04:00:00Z",
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO":                 "2027-02-08T05:00:00Z",
		"FREQ=MONTHLY;BYMONTHDAY=28;BYHOUR=2;BYMINUTE=30": "2027-02-28T01:30:00Z",
		"FREQ=DAILY;UNTIL=20270101T000000Z":               "",
		"FREQ=MONTHLY;BYMONTHDAY=31":                      "2027-03-31T04:00:00Z",
	} {
		o.exec("DELETE FROM configs WHERE name = 'q'")
		o.campaign("q", spec(scheduled(rule)))
		o.wantNext("q", want, "")
	}
}
