package ingest

import (
	"fmt"
	"strings"
	"time"

	"recert/model"
)

const dayLayout = "2006-01-02"

// dateCache remembers the last bare date of each sense: files repeat dates, and a time zone's
// rules are slow to look up.
type dateCache struct {
	text [2]string
	at   [2]model.Time
}

// parse reads an RFC 3339 instant or a bare date, which is the first instant of that day in loc,
// or with end the last. It gives the reason where it cannot.
func (c *dateCache) parse(v string, loc *time.Location, end bool) (t model.Time, reason string) {
	if len(v) == len(dayLayout) {
		return c.parseDay(v, loc, end)
	}
	if t, ok := parseZulu(v); ok {
		return checkInstant(t, v)
	}
	std, err := time.Parse(time.RFC3339, v)
	if err != nil || !strictInstant(v) {
		return 0, fmt.Sprintf("%s is not an RFC 3339 time or a date such as 2026-03-31", quoted(v))
	}
	if std.Year() < 1900 {
		return 0, wrongYear(v)
	}
	return checkInstant(model.Time(std.UnixMicro()), v)
}

// strictInstant refuses what time.Parse takes beyond RFC 3339: hours of one digit, and commas.
func strictInstant(v string) bool {
	return len(v) >= 20 && v[13] == ':' && v[16] == ':' && !strings.Contains(v, ",")
}

// checkInstant refuses placeholders and what could not be written back.
func checkInstant(t model.Time, v string) (model.Time, string) {
	if t == 0 {
		return 0, fmt.Sprintf("%s is a placeholder for an unknown time: leave the value empty", quoted(v))
	}
	if t < firstInstant || t > lastInstant {
		return 0, wrongYear(v)
	}
	return t, ""
}

var (
	firstInstant = model.Time(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Add(-24 * time.Hour).UnixMicro())
	lastInstant  = model.Time(time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro())
)

func wrongYear(v string) string {
	return fmt.Sprintf("%s is not in the years 1900 to 9999", quoted(v))
}

func (c *dateCache) parseDay(v string, loc *time.Location, end bool) (model.Time, string) {
	sense := 0
	if end {
		sense = 1
	}
	if c.text[sense] == v {
		return c.at[sense], ""
	}
	d, err := time.Parse(dayLayout, v)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("%s is not an RFC 3339 time or a date such as 2026-03-31", quoted(v))
	case d.Unix() == 0:
		return 0, fmt.Sprintf("%s is a placeholder for an unknown date: leave the value empty", quoted(v))
	case d.Year() < 1900:
		return 0, wrongYear(v)
	}
	t := startOfDay(d, loc)
	if end {
		t = startOfDay(d.AddDate(0, 0, 1), loc) - 1
	}
	// The last day there is, a common way to say "no end", is a day long in every zone.
	t = min(t, lastInstant)
	c.text[sense], c.at[sense] = strings.Clone(v), t
	return t, ""
}

// startOfDay is the first instant of d's day in loc. Where the clocks skip midnight, that is the
// instant of the change.
func startOfDay(d time.Time, loc *time.Location) model.Time {
	t := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, loc)
	for t.Day() != d.Day() {
		t = t.Add(15 * time.Minute)
	}
	return model.Time(t.UnixMicro())
}

// parseZulu reads the common form 2006-01-02T15:04:05Z, with or without a fraction, without the
// cost of the general parser; anything unusual is left to that one.
func parseZulu(v string) (model.Time, bool) {
	n := len(v)
	if n < 20 || n > 27 || v[n-1] != 'Z' || v[4] != '-' || v[7] != '-' || v[10] != 'T' || v[13] != ':' || v[16] != ':' {
		return 0, false
	}
	num := func(a, b int) (x int) {
		for ; a < b; a++ {
			d := v[a] - '0'
			if d > 9 {
				return -1 << 20
			}
			x = x*10 + int(d)
		}
		return x
	}
	y, mo, d, h, mi, s := num(0, 4), num(5, 7), num(8, 10), num(11, 13), num(14, 16), num(17, 19)
	if y < 1900 || mo < 1 || mo > 12 || d < 1 || d > 28 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59 {
		return 0, false // a day after the 28th needs the calendar
	}
	micro := 0
	if n > 20 {
		if v[19] != '.' || n == 21 {
			return 0, false
		}
		micro = num(20, n-1)
		if micro < 0 {
			return 0, false
		}
		for i := n - 1 - 20; i < 6; i++ {
			micro *= 10
		}
	}
	// Days since the epoch, in years that begin in March so that the leap day comes last.
	if mo <= 2 {
		y--
		mo += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(mo-3)+2)/5 + d - 1 - 719468
	return model.Time((int64(days)*86400+int64(h*3600+mi*60+s))*1_000_000 + int64(micro)), true
}
