package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"recert/campaigns/evidence/verify"
	"recert/model/store"
)

// configDeleted is the action of an event that takes a document away.
const configDeleted = "deleted"

// checkConfigs: each document of configuration is the one that was applied last, and none that was
// applied is missing.
func checkConfigs(ctx context.Context, d *doctor) error {
	stored, err := d.AllConfigs(ctx)
	if err != nil {
		return err
	}
	applied := map[string]*verify.ConfigApplied{}
	page := func(ctx context.Context, e store.Event) ([]store.Event, error) {
		return d.ChainsAfter(ctx, "config:", e)
	}
	err = pages(ctx, page, nil, func(e *store.Event) error {
		if b := bodyOf[verify.ConfigApplied](e); b != nil {
			applied[e.Object] = b
		} else {
			d.fault("event %d cannot be read as one of configuration", e.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range stored {
		d.saw(1, "documents")
		name := fmt.Sprintf("config:%s/%s", c.Kind, c.Name)
		sum := sha256.Sum256([]byte(c.Spec))
		said := applied[name]
		delete(applied, name)
		switch {
		case hex.EncodeToString(sum[:]) != c.SHA256:
			d.fault("%s %s is not what its sha256 is of", c.Kind, c.Name)
		case said == nil || said.Action == configDeleted:
			d.fault("%s %s was applied by no event", c.Kind, c.Name)
		case said.SHA256 != c.SHA256:
			d.fault("%s %s is not what was applied last", c.Kind, c.Name)
		}
	}
	for name, b := range applied {
		if b.Action != configDeleted {
			d.fault("%s was applied and is not there", name)
		}
	}
	return nil
}

// bodyOf is the body of an event, nil where it cannot be read or is of another kind.
func bodyOf[T any](e *store.Event) *T {
	_, body, err := verify.ParseLeaf(e.Leaf)
	if err != nil {
		return nil
	}
	b, _ := body.(*T)
	return b
}
