package evidence

import (
	"context"
	"fmt"

	"recert/campaigns/evidence/verify"
	"recert/model"
)

// Exported is a package as it was handed out.
type Exported struct {
	At     model.Time
	By     string // "" once erased
	SHA256 string // of the file, hexadecimal
}

// Exports are the latest package of each run that was ever exported, by the run's name.
func (l *Log) Exports(ctx context.Context) (map[string]Exported, error) {
	events, err := l.Store.ExportEvents(ctx)
	if err != nil {
		return nil, err
	}
	last := make(map[string]Exported, len(events))
	for _, e := range events {
		_, body, err := verify.ParseLeaf(e.Leaf)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", e.ID, err)
		}
		b, ok := body.(*verify.PackageExported)
		if !ok {
			return nil, fmt.Errorf("event %d is about a package, and of another kind than an export", e.ID)
		}
		last[b.Run] = Exported{At: e.At, By: e.Actor, SHA256: b.SHA256}
	}
	return last, nil
}
