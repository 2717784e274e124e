package store

import (
	"context"

	"recert/model"
)

// ExportEvent is the latest event of a package that was handed out.
type ExportEvent struct {
	ID    int64      `bun:"id"`
	Leaf  []byte     `bun:"leaf"`
	At    model.Time `bun:"at"`
	Actor string     `bun:"actor"` // "" once erased
}

// ExportEvents are, the first one first, the latest event of each package that was handed out: a
// package that was taken twice is there once.
func (q queries) ExportEvents(ctx context.Context) ([]ExportEvent, error) {
	var es []ExportEvent
	err := q.all(ctx, &es, `SELECT e.id, e.leaf, e.at, COALESCE(d.value, '') AS actor FROM events e
		LEFT JOIN disclosures d ON d.event_id = e.id AND d.field = 'actor'
		WHERE e.id IN (SELECT MAX(id) FROM events WHERE object >= 'package:' AND object < 'package;' GROUP BY object) ORDER BY e.id`)
	return es, err
}
