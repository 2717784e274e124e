package connector

import (
	"context"
	"errors"
	"time"

	"recert/model"
)

// Sample is the beginning of what a source gives: for people to look at, never for the store.
type Sample struct {
	Found string                           // what the probe found, in words
	Rows  map[model.Kind][]model.Record    // the first SampleRows of each kind, in reading order
	Seen  map[model.Kind]int64             // how many rows of each kind came
	Names map[model.Kind]map[string]string // of the accounts and entitlements that came, by their ids; no entry where nothing but the id is known
	End   SampleEnd
}

// SampleEnd says why no more was read.
type SampleEnd string

// How the reading of a sample ends. Only Whole says anything about how much there is.
const (
	Whole    SampleEnd = "whole"      // the source gave all that it has
	Enough   SampleEnd = "enough"     // there was enough to look at
	TimeIsUp SampleEnd = "time_is_up" // reading took longer than somebody waits
)

// Limits of a sample.
const (
	SampleRows = 10               // that are kept of a kind
	sampleLast = 20               // rows of the last kind that are enough
	sampleMax  = 5000             // rows of all kinds that are enough: a big directory gives its accounts first
	SampleTime = 15 * time.Second // that reading may take
)

// errEnough stops a read that has gone far enough.
var errEnough = errors.New("enough was read")

// ReadSample reads the beginning of a source through its ordinary Read, and stops it. A source that fails
// before that fails here too: what cannot be read does not work. limit is how long it may take.
func ReadSample(ctx context.Context, src Source, limit time.Duration) (Sample, error) {
	s := Sample{Rows: map[model.Kind][]model.Record{}, Seen: map[model.Kind]int64{}, Names: map[model.Kind]map[string]string{}, End: Whole}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	total, stopped := 0, false
	_, err := src.Read(timed, func(rec model.Record) error {
		if stopped || timed.Err() != nil {
			return errEnough
		}
		total++
		s.take(rec)
		if s.Seen[model.KindGrants] >= sampleLast || s.Seen[model.KindPeople] >= sampleLast || total >= sampleMax {
			stopped = true
			return errEnough
		}
		return nil
	})
	switch {
	case stopped:
		s.End = Enough
	case ctx.Err() != nil: // who asked went away
		return Sample{}, ctx.Err()
	case err != nil && timed.Err() != nil:
		s.End = TimeIsUp
	case err != nil:
		return Sample{}, err
	}
	return s, nil
}

// take counts a row, and keeps it where it is among the first of its kind.
func (s *Sample) take(rec model.Record) {
	s.Seen[rec.Kind]++
	if len(s.Rows[rec.Kind]) < SampleRows {
		s.Rows[rec.Kind] = append(s.Rows[rec.Kind], rec)
	}
	switch rec.Kind {
	case model.KindAccounts:
		s.name(rec.Kind, rec.Account.AccountID, rec.Account.DisplayName, rec.Account.Username)
	case model.KindEntitlements:
		s.name(rec.Kind, rec.Entitlement.EntitlementID, rec.Entitlement.Name)
	case model.KindPeople, model.KindGrants:
	}
}

// name keeps the first of names that is one, so that grants can be shown with it.
func (s *Sample) name(kind model.Kind, id string, names ...string) {
	for _, n := range names {
		if n != "" {
			if s.Names[kind] == nil {
				s.Names[kind] = map[string]string{}
			}
			s.Names[kind][id] = n
			return
		}
	}
}
