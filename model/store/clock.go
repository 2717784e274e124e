package store

import "time"

// machineClock is the one clock: everything else is handed a time or a function.
func machineClock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
