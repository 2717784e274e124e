package campaigns

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"recert/model"
)

// Limits of how fast removals in a source may be set to go.
const (
	usualConcurrency = 4
	mostConcurrency  = 100
	mostRate         = 10_000 // a second
	mostTimeout      = time.Hour
)

// checkPace refuses settings of how fast removals go that cannot be kept.
func checkPace(r model.RevokeSpec) error {
	if _, err := RemovalRate(r.Rate); err != nil {
		return err
	}
	if _, err := RemovalConcurrency(r.Concurrency); err != nil {
		return err
	}
	_, err := RemovalTimeout(r.Timeout)
	return err
}

// RemovalRate reads how many removals a second may be tried in a source; 0 is any number.
func RemovalRate(s string) (float64, error) {
	if s == "" || s == "none" {
		return 0, nil
	}
	count, unit, _ := strings.Cut(s, "/")
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	n, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	if err != nil || seconds == 0 || math.IsNaN(n) || n <= 0 || n/seconds > mostRate {
		return 0, fmt.Errorf("revoke: rate %q must be a number of removals a second, minute or hour, like 10/s or 300/m, or none", s)
	}
	return n / seconds, nil
}

// RemovalConcurrency is how many removals may be under way in a source at once, by all workers
// together; 0 is the usual 4.
func RemovalConcurrency(n int) (int, error) {
	switch {
	case n == 0:
		return usualConcurrency, nil
	case n < 0 || n > mostConcurrency:
		return 0, fmt.Errorf("revoke: concurrency %d must be from 1 to %d", n, mostConcurrency)
	}
	return n, nil
}

// RemovalTimeout is how long one look at a target, or one call of it, may take; 0 is the usual one.
func RemovalTimeout(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > mostTimeout {
		return 0, fmt.Errorf("revoke: timeout %q must be a duration from 1s to 1h, like 90s", s)
	}
	return d, nil
}
