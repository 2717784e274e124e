package ui

import (
	"strings"
	"testing"
	"time"

	"recert/model"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestTimesAreInTheReadersZone(t *testing.T) {
	t.Parallel()
	due := model.TimeOf(time.Date(2026, 12, 4, 16, 0, 31, 0, time.UTC))
	berlin, tokyo := zone(t, "Europe/Berlin"), zone(t, "Asia/Tokyo")
	for _, tt := range []struct{ got, want Stamp }{
		{At(due, berlin), Stamp{"2026-12-04T17:00:31+01:00", "Fri 4 Dec 2026, 17:00 CET"}},
		{At(due, tokyo), Stamp{"2026-12-05T01:00:31+09:00", "Sat 5 Dec 2026, 01:00 JST"}},
		{At(due.Add(-180*24*time.Hour), berlin), Stamp{"2026-06-07T18:00:31+02:00", "Sun 7 Jun 2026, 18:00 CEST"}},
		{Exact(due, berlin), Stamp{"2026-12-04T17:00:31+01:00", "Fri 4 Dec 2026, 17:00:31 CET"}},
		{Day(due, tokyo), Stamp{"2026-12-05", "5 Dec 2026"}},
		{At(0, berlin), Stamp{}}, {Day(0, berlin), Stamp{}}, {Exact(0, berlin), Stamp{}},
	} {
		if tt.got != tt.want {
			t.Errorf("got %+v, want %+v", tt.got, tt.want)
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	now := model.TimeOf(time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		back time.Duration
		want string
	}{
		{-time.Hour, "today"}, {0, "today"}, {13 * time.Hour, "today"}, {15 * time.Hour, "yesterday"},
		{48 * time.Hour, "2 days ago"}, {1500 * 24 * time.Hour, "1,500 days ago"},
		// Across the end of summer time, a day has 25 hours.
		{40 * 24 * time.Hour, "40 days ago"},
	} {
		if got := Ago(now.Add(-tt.back), now, berlin); got != tt.want {
			t.Errorf("%v back: %q, want %q", tt.back, got, tt.want)
		}
	}
	if got := Ago(0, now, berlin); got != "unknown" {
		t.Errorf("unknown is %q: it must never read as unused", got)
	}
	if got := Days(now, now.Add(-24*time.Hour), berlin); got != -1 {
		t.Errorf("days back = %d", got)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 13978: "13,978", 1234567: "1,234,567", -5: "-5", -999: "-999", -1000: "-1,000"} {
		if got := Num(n); got != want {
			t.Errorf("Num(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 people", 1: "1 person", 2: "2 people", 1500: "1,500 people"} {
		if got := Count(n, "person", "people"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPathEscapes(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][]string{
		"/people/u1":               {"people", "u1"},
		"/people/a%2Fb%3Fc%23d%20": {"people", "a/b?c#d "},
		"/sources/..%2F..":         {"sources", "../.."},
	} {
		if got := Path(parts...); got != want {
			t.Errorf("Path(%q) = %q, want %q", parts, got, want)
		}
	}
}

func TestFieldIsTiedToItsHelpAndError(t *testing.T) {
	t.Parallel()
	show := func(f Field) string {
		var b strings.Builder
		if err := Input(f).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	got := show(Field{Name: "due", Label: "Due", Help: "When.", Error: "Too late.", Value: `"x`, Required: true})
	for _, want := range []string{`<label for="due"`, `aria-describedby="due-help due-error"`, `aria-invalid="true"`, `id="due-help"`, `id="due-error"`, `value="&#34;x"`, " required"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	got = show(Field{Name: "due", Label: "Due"})
	for _, none := range []string{"aria-describedby", "aria-invalid", " required"} {
		if strings.Contains(got, none) {
			t.Errorf("%s is in %s", none, got)
		}
	}
	if !strings.Contains(got, "(optional)") {
		t.Errorf("it does not say that it may be left out: %s", got)
	}
}

func TestMeterOfNothingIsDone(t *testing.T) {
	t.Parallel()
	p := Progress{}
	if p.value() != "1" || p.max() != "1" {
		t.Errorf("value %s of %s", p.value(), p.max())
	}
}
