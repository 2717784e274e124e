package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/views/ui"
)

const (
	liveLook = 2 * time.Second // between looks at whether something changed
	liveBeat = 15 * time.Second
	// liveFor is how long a stream lasts: the browser asks for another one, and has to be signed in then.
	liveFor = 5 * time.Minute
)

// stream tells a page, as server-sent events, whenever look gives another value than before: what
// has changed the page reads for itself. It ends with the request, with the server, or after liveFor.
func (s *site) stream(w http.ResponseWriter, r *request, look func(context.Context) (string, error)) error {
	if !s.streams.enter(r.user.ID) {
		return model.Errorf(model.Conflict, "Too many pages that are live are open. Close some of them.")
	}
	defer s.streams.leave(r.user.ID)
	was, err := look(r.Context())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), liveFor)
	defer cancel()
	if s.Ending != nil {
		defer context.AfterFunc(s.Ending, cancel)()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that waits for the end would never pass anything on
	send := func(text string) error {
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	if send("retry: 3000\n\n") != nil {
		return nil // nobody listens any more
	}
	tick := time.NewTicker(liveLook)
	defer tick.Stop()
	for quiet := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		is, err := look(ctx)
		quiet += liveLook
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// The answer has begun, so the browser is told by its end; it will come back.
			s.Log.ErrorContext(ctx, "a live page cannot be looked up", slog.String("request", traceOf(r.Context()).id), slog.String("error", err.Error()))
			return nil
		case is != was:
			was, quiet = is, 0
			err = send("event: changed\ndata: " + newKey()[:8] + "\n\n")
		case quiet >= liveBeat:
			quiet = 0
			err = send(": still here\n\n")
		}
		if err != nil {
			return nil // nobody listens any more
		}
	}
}

// mostStreams is how many live pages one user may have open: each holds a connection.
const mostStreams = 12

// streams counts who watches.
type streams struct {
	mu sync.Mutex
	by map[int64]int
}

func (s *streams) enter(user int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[int64]int{}
	}
	if s.by[user] >= mostStreams {
		return false
	}
	s.by[user]++
	return true
}

func (s *streams) leave(user int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[user]--; s.by[user] == 0 {
		delete(s.by, user)
	}
}

// revocationsLive tells when a removal moved, was tried or was stopped.
func (s *site) revocationsLive(w http.ResponseWriter, r *request) error {
	last, err := s.Store.LastEvent(r.Context())
	if err != nil {
		return err
	}
	return s.stream(w, r, func(ctx context.Context) (string, error) {
		n, err := s.Store.LastRemovalEvent(ctx, last)
		last = max(last, n)
		return itoa(last), err
	})
}

// sourceLive tells how far a read of a source is, and what became of it.
func (s *site) sourceLive(w http.ResponseWriter, r *request) error {
	src, err := s.Store.Source(r.Context(), r.path("name"))
	if err != nil {
		return err
	}
	return s.stream(w, r, func(ctx context.Context) (string, error) {
		newest, err := s.Store.Snapshots(ctx, src.ID, 0, 1)
		if err != nil || len(newest) == 0 {
			return "", err
		}
		return fmt.Sprint(newest[0].ID, newest[0].State, newest[0].ReadRows), nil
	})
}

// reading says how far the read of a source is; zero where none is under way.
func (s *site) reading(r *request, src store.Source, newest *model.Snapshot) ui.Notice {
	if newest == nil || newest.State != model.SnapshotLoading {
		return ui.Notice{}
	}
	text := "Nothing has come yet."
	if newest.ReadRows > 0 {
		text = ui.Count(newest.ReadRows, "row", "rows") + " so far."
	}
	return ui.Notice{
		Tone: ui.Info, Title: src.Name + " is being read, since " + ui.Exact(newest.StartedAt, r.zone).Text + ".",
		Text: text + " You may leave this page: nothing uses what is read before all of it is there.",
	}
}
