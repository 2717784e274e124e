package evidence

import (
	"context"
	"slices"

	"recert/model/store"
)

// CheckOne is Doctor for one invariant.
func CheckOne(ctx context.Context, s *store.Store, name string, strict bool) (Check, error) {
	i := slices.Index(Invariants(), name)
	d := &doctor{strict: strict}
	return d.examine(ctx, s, invariants[i])
}
