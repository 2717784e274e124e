package campaigns

import (
	"math"
	"strings"
	"testing"
	"time"

	"recert/model"
)

// TestPace: how fast removals go is read as it is meant, and what cannot be kept is refused by name.
func TestPace(t *testing.T) {
	t.Parallel()
	for rate, want := range map[string]float64{"": 0, "none": 0, "10/s": 10, "300/m": 5, "36 / h": 0.01, "0.5/s": 0.5} {
		if got, err := RemovalRate(rate); err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("rate %q is %v a second (%v), want %v", rate, got, err, want)
		}
	}
	for timeout, want := range map[string]time.Duration{"": 0, "90s": 90 * time.Second, "10m": 10 * time.Minute} {
		if got, err := RemovalTimeout(timeout); err != nil || got != want {
			t.Errorf("timeout %q is %s (%v), want %s", timeout, got, err, want)
		}
	}
	if n, err := RemovalConcurrency(0); err != nil || n != 4 {
		t.Errorf("no concurrency is %d (%v)", n, err)
	}
	for name, c := range map[string]struct {
		spec model.RevokeSpec
		want string
	}{
		"no unit":        {model.RevokeSpec{Rate: "10"}, "rate \"10\""},
		"another unit":   {model.RevokeSpec{Rate: "10/d"}, "rate \"10/d\""},
		"none at all":    {model.RevokeSpec{Rate: "0/s"}, "rate \"0/s\""},
		"less than none": {model.RevokeSpec{Rate: "-1/s"}, "rate \"-1/s\""},
		"no number":      {model.RevokeSpec{Rate: "NaN/s"}, "rate \"NaN/s\""},
		"too many":       {model.RevokeSpec{Rate: "1e9/s"}, "rate"},
		"below one":      {model.RevokeSpec{Concurrency: -1}, "concurrency -1"},
		"too wide":       {model.RevokeSpec{Concurrency: 101}, "concurrency 101"},
		"too short":      {model.RevokeSpec{Timeout: "10ms"}, "timeout \"10ms\""},
		"too long":       {model.RevokeSpec{Timeout: "2h"}, "timeout \"2h\""},
		"no duration":    {model.RevokeSpec{Timeout: "60"}, "timeout \"60\""},
	} {
		spec := model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Revoke: c.spec}
		if err := CheckSource(&spec); err == nil || !strings.Contains(err.Error(), "revoke: "+c.want) {
			t.Errorf("%s: %v, want a word on %s", name, err, c.want)
		}
	}
}
