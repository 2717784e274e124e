package model

// Deputy is somebody who answers for a reviewer who is away.
type Deputy struct {
	ID        int64  `bun:"id"`
	PersonKey int64  `bun:"person_key"`
	DeputyKey int64  `bun:"deputy_key"`
	FromDay   string `bun:"from_day"`  // YYYY-MM-DD, in the installation's zone
	UntilDay  string `bun:"until_day"` // the last one
	Reason    string `bun:"reason"`
	MadeBy    string `bun:"made_by"`
	MadeAt    Time   `bun:"made_at"`
	StoppedAt Time   `bun:"stopped_at"` // called off before its last day
	EndedAt   Time   `bun:"ended_at"`   // what the deputy had not answered went back
}

// Over tells whether the deputy answers no more on a day.
func (d *Deputy) Over(day string) bool { return d.StoppedAt.Known() || d.UntilDay < day }

// Active tells whether the deputy answers on a day.
func (d *Deputy) Active(day string) bool { return !d.Over(day) && d.FromDay <= day }
