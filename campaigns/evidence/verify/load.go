package verify

import (
	"context"
	"fmt"
)

// primaries are the files of a package that are not rendered from others.
type primaries struct {
	leaves, population, excluded, rejected *spool
	checkpoint, consistency, tree          []byte
}

// load reads the primary files and holds them against each other and the signature, from the
// log upwards. done is told what was found to be right. key, if given, is the one to trust.
func load(ctx context.Context, p *primaries, key string, done func(name, format string, args ...any)) (*state, error) {
	s, err := readLines(ctx, p.leaves)
	if err != nil {
		return nil, err
	}
	done("events", "%d events, each as hashed; %d personal values erased", len(s.index), s.erased)
	if err := s.readCheckpoint(p.checkpoint, key); err != nil {
		return nil, err
	}
	done("signature", "%s signed a log of %d events", s.checkpoint.Origin, s.checkpoint.Size)
	forks, err := parseTree(p.tree, s.checkpoint.Size, s.checkpoint.Root)
	if err != nil {
		return nil, blame(fileTree, err)
	}
	if err := checkLeaves(forks, s.checkpoint.Size, s.checkpoint.Root, s.index, s.hash); err != nil {
		return nil, &unplaced{err}
	}
	done("inclusion", "all %d events are in that log", len(s.index))
	if _, err := checkConsistency(p.consistency, s.checkpoint, s.keys); err != nil {
		return nil, blame(fileConsistency, err)
	}
	if len(p.consistency) == 0 {
		done("consistency", "no earlier package is named")
	} else {
		done("consistency", "the log continues that of the earlier package")
	}
	if err := s.loadTables(ctx, p, done); err != nil {
		return nil, err
	}
	return s, nil
}

// loadTables reads the tables that the log has the roots of.
func (s *state) loadTables(ctx context.Context, p *primaries, done func(name, format string, args ...any)) error {
	if err := s.readPopulation(ctx, p.population); err != nil {
		return err
	}
	done("population", "%d items, as frozen at launch", s.rowCount)
	if err := s.readExcluded(ctx, p.excluded.reader()); err != nil {
		return err
	}
	if err := s.readRejected(ctx, p.rejected.reader()); err != nil {
		return err
	}
	done("left out", "%d rows excluded, %d rejected, as logged", s.exclusion, s.rejection)
	if err := s.checkSources(); err != nil {
		return err
	}
	done("reconciliation", "%d sources balance", len(s.frozen().Sources))
	if err := s.checkTotals(); err != nil {
		return err
	}
	t := &s.totals
	done("answers", "%d items = %d kept + %d revoked + %d reduced + %d unsure + %d unanswered + %d gone",
		t.Items, t.Kept, t.Revoked, t.Reduced, t.Unsure, t.Unanswered, t.Gone)
	done("removals", "%d removals = %d confirmed + %d open + %d superseded + %d failed + %d cancelled + %d restored",
		t.Removals, t.Confirmed, t.Open, t.Superseded, t.Failed, t.Cancelled, t.Restored)
	return nil
}

// unplaced says that the leaves do not fit the proof: the one or the other was changed.
type unplaced struct{ err error }

func (u *unplaced) Error() string { return fileLeaves + ": " + u.err.Error() }

// errOtherKey says that the package's log is not the one that the reader trusts.
const errOtherKey = "it is not signed with the key that was given"

// readCheckpoint checks the signature with the log's latest key, which must be the pinned one.
func (s *state) readCheckpoint(msg []byte, pinned string) error {
	key := s.keys[len(s.keys)-1]
	if pinned != "" && pinned != key {
		return faultf(fileCheckpoint, errOtherKey)
	}
	c, err := OpenCheckpoint(msg, key)
	if err != nil {
		return blame(fileCheckpoint, err)
	}
	if c.Size < int64(len(s.index)) {
		return blame(fileLeaves, fmt.Errorf("%d events in a log of %d", len(s.index), c.Size))
	}
	s.checkpoint = c
	return nil
}
