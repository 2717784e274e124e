package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"recert/campaigns/connector"
	"recert/model"
	"recert/model/store"
)

// read stages everything that the source gives. Reading runs in a goroutine of its own, beside
// the one that writes.
func (j *job) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var err error
	if j.stager, err = newStager(ctx, j); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil) // runs before Wait
	wg.Go(func() { j.keepAlive(ctx, cancel) })

	r := &reading{ctx: ctx, size: cmp.Or(j.chunkRows, chunkRows), out: make(chan *chunk, 2), job: j}
	var rerr error
	wg.Go(func() {
		defer close(r.out)
		rerr = r.run()
	})
	for c := range r.out {
		if err != nil {
			continue // let the reader end
		}
		for i := range c.rejects {
			j.stager.digest.unread(&c.rejects[i])
		}
		if err = j.stager.write(ctx, c); err != nil {
			cancel(err)
			continue
		}
		s := j.stats[c.kind]
		j.progress(Progress{Kind: c.kind, Rows: s.accepted + s.rejected})
	}
	if err == nil {
		err = rerr
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if errors.Is(err, context.Canceled) {
		return &model.Error{Kind: model.Conflict, Msg: "the ingest was stopped before it was done", Err: err}
	}
	return err
}

// keepAlive gives signs of life while a slow source keeps us waiting. When somebody took us for
// dead it stops the reading.
func (j *job) keepAlive(ctx context.Context, stop context.CancelCauseFunc) {
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := j.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Heartbeat(ctx, j.snap.ID) })
		if err != nil && ctx.Err() == nil {
			stop(err)
			return
		}
	}
}

// reading is the goroutine that reads.
type reading struct {
	*job

	ctx  context.Context //nolint:containedctx // it lives as long as one call of run
	size int             // rows of a chunk
	out  chan *chunk
	cur  *chunk
	enc  encoder
	n    int64 // rows of the kind so far
	kind model.Kind
}

func (r *reading) run() error {
	if r.req.Live != nil {
		return r.live()
	}
	for _, f := range r.files {
		r.begin(f.Kind)
		if err := r.file(f); err != nil {
			return err
		}
		if err := r.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) begin(kind model.Kind) {
	r.kind, r.n = kind, 0
	r.cur = &chunk{kind: kind}
}

// flush hands the chunk over.
func (r *reading) flush() error {
	if r.cur == nil || len(r.cur.rows)+len(r.cur.rejects) == 0 {
		return nil
	}
	select {
	case r.out <- r.cur:
		r.cur = &chunk{kind: r.kind, rows: make([]stagedRow, 0, r.size)}
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

func (r *reading) row(rec *model.Record) error {
	r.n++
	s := r.enc.encode(rec)
	s.n = r.n
	r.cur.rows = append(r.cur.rows, s)
	return r.full()
}

func (r *reading) reject(bad model.Reject) error {
	r.n++
	r.cur.rejects = append(r.cur.rejects, bad)
	return r.full()
}

func (r *reading) full() error {
	if len(r.cur.rows)+len(r.cur.rejects) < r.size {
		return nil
	}
	return r.flush()
}

// file reads one file whole.
func (r *reading) file(f File) (err error) {
	in, err := f.Open()
	if err != nil {
		if p, ok := errors.AsType[*fs.PathError](err); ok {
			err = p.Err // the name is said already
		}
		return &model.Error{Kind: model.Invalid, Msg: fmt.Sprintf("%s cannot be opened", f.Name), Err: err}
	}
	defer func() { err = errors.Join(err, closeFile(in, f.Name)) }()
	layout := r.layout
	if f.Layout != nil {
		layout = *f.Layout
	}
	rd, err := Open(f.Name, in, f.Kind, layout)
	if err != nil {
		return err
	}
	stats, err := rd.Read(r.ctx, r.row, func(bad model.Reject) error {
		r.stats[f.Kind].unread.add(f.Kind, rd.badID, rd.badEntitlement)
		return r.reject(bad)
	})
	if err != nil {
		return err
	}
	r.stats[f.Kind].read = stats.Read
	r.infos = append(r.infos, store.SnapshotFile{SnapshotID: r.snap.ID, Kind: f.Kind, Name: f.Name, SHA256: stats.SHA256, Bytes: stats.Bytes})
	return nil
}

func closeFile(c io.Closer, name string) error {
	if err := c.Close(); err != nil {
		return fmt.Errorf("close %s: %w", name, err)
	}
	return nil
}

// live reads a target system whole.
func (r *reading) live() error {
	last := -1
	ex, err := r.req.Live.Read(r.ctx, func(rec model.Record) error {
		at := slices.Index(r.given, rec.Kind)
		switch {
		case at < 0:
			return model.Errorf(model.Invalid, "source %s provides %s, and its connector gave a row of %s", r.src.Name, r.src.Provides, rec.Kind)
		case at < last:
			return fmt.Errorf("the connector of source %s gave %s after %s", r.src.Name, rec.Kind, r.kind)
		case at > last:
			if err := r.flush(); err != nil {
				return err
			}
			r.begin(rec.Kind)
			last = at
		}
		r.stats[rec.Kind].read++
		if rec.Line == 0 {
			rec.Line = r.stats[rec.Kind].read
		}
		column, reason := checkLive(&rec)
		if reason == "" {
			return r.row(&rec)
		}
		s := r.enc.encode(&rec)
		r.stats[rec.Kind].unread.add(rec.Kind, s.id, s.entID)
		return r.reject(model.Reject{Kind: rec.Kind, File: rec.File, Line: rec.Line, Column: column, Reason: reason, Raw: cleanText([]byte(s.raw()), maxRaw)})
	})
	if err != nil {
		return r.failed(err)
	}
	r.extraction = ex
	for kind, n := range ex.Totals {
		if s, ok := r.stats[kind]; ok {
			s.total = &n
		}
	}
	return r.flush()
}

// failed words why a live system could not be read.
func (r *reading) failed(err error) error {
	if _, ok := errors.AsType[*model.Error](err); ok || r.ctx.Err() != nil {
		return err
	}
	if f, ok := errors.AsType[*connector.Failure](err); ok {
		return &model.Error{Kind: model.Invalid, Msg: fmt.Sprintf("Source %s could not be read: %s", r.src.Name, f.Msg), Err: err}
	}
	return err
}
