package ingest

import (
	"context"
	"encoding/json"
	"fmt"

	"recert/campaigns/connector"
	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// sealedEvent appends snapshot.sealed.
func (w *sealing) sealedEvent(ctx context.Context, tx *store.Tx, unmatched map[string]int64) error {
	body, err := w.body(ctx, tx, unmatched)
	if err != nil {
		return err
	}
	return appendEvent(ctx, tx, evidence.TypeSnapshotSealed, w.snap.ID, body, w.actor)
}

// heldEvent appends snapshot.held.
func (w *sealing) heldEvent(ctx context.Context, tx *store.Tx, reasons []string) error {
	body, err := w.body(ctx, tx, map[string]int64{})
	if err != nil {
		return err
	}
	return appendEvent(ctx, tx, evidence.TypeSnapshotHeld, w.snap.ID, evidence.SnapshotHeld{SnapshotSealed: body, Reasons: reasons}, w.actor)
}

// body is what both events say of the snapshot.
func (w *sealing) body(ctx context.Context, tx *store.Tx, unmatched map[string]int64) (evidence.SnapshotSealed, error) {
	s := &w.snap
	var ex connector.Extraction
	if err := json.Unmarshal([]byte(s.Extraction), &ex); err != nil {
		return evidence.SnapshotSealed{}, fmt.Errorf("read how snapshot %d was obtained: %w", s.ID, err)
	}
	stored, err := tx.SnapshotFiles(ctx, s.ID)
	if err != nil {
		return evidence.SnapshotSealed{}, err
	}
	files := make([]evidence.SourceFile, 0, len(stored))
	for _, f := range stored {
		files = append(files, evidence.SourceFile{Kind: string(f.Kind), Name: f.Name, SHA256: f.SHA256, Bytes: f.Bytes})
	}
	kinds := map[string]evidence.KindCount{}
	for _, l := range w.ledgers {
		if l.Given {
			kinds[string(l.Kind)] = evidence.KindCount{
				Read: l.Read, Accepted: l.Accepted, Rejected: l.Rejected, New: l.New, Changed: l.Changed, Unchanged: l.Unchanged,
				Gone: l.Gone, Previous: l.Previous, Duplicates: l.Duplicates, Expected: l.Expected, Root: l.Root,
			}
		}
	}
	previous := int64(0)
	if s.PreviousID != nil {
		previous = *s.PreviousID
	}
	return evidence.SnapshotSealed{
		Source: w.src.Name, Provides: string(w.src.Provides), Snapshot: s.ID, AsOf: evidence.Time(s.AsOf), Digest: s.Digest, Previous: previous,
		Origin: s.Origin, Endpoint: ex.Endpoint, Query: ex.Query, Pages: int64(ex.Pages), StartedAt: evidence.Time(s.StartedAt), EndedAt: evidence.Time(s.EndedAt),
		Files: files, Kinds: kinds, Unmatched: unmatched, Rejects: s.Rejects, RejectsRoot: s.RejectsRoot,
	}, nil
}

// appendEvent appends an event about a snapshot. Whoever seals holds the lock on its source.
func appendEvent(ctx context.Context, tx *store.Tx, typ string, id int64, body any, actor string) error {
	ev := evidence.Event{Type: typ, Object: evidence.SnapshotObject(id), Data: body}
	if actor != "" {
		ev.Personal = map[string]string{"actor": actor}
	}
	_, err := evidence.Append(ctx, tx, ev)
	return err
}

// stateName is a state as it stands in a sentence.
func stateName(s model.SnapshotState) string {
	if s == model.SnapshotLoading {
		return "being loaded"
	}
	return string(s)
}
