package web

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
	views "recert/views/evidence"
	"recert/views/layout"
	"recert/views/ui"
)

const (
	packageRows   = 50
	waitingListed = 1000 // more than so many events that wait are not counted
)

// evidence is the state of the log, and the packages of closed campaigns.
func (s *site) evidence(w http.ResponseWriter, r *request) error {
	p := views.Page{Frame: s.frame(r, "Evidence", layout.Evidence)}
	var err error
	if p.Size, err = s.Store.LogSize(r.Context()); err != nil {
		return err
	}
	waiting, err := s.Store.Unsequenced(r.Context(), waitingListed)
	if err != nil {
		return err
	}
	p.Waiting = int64(len(waiting))
	cp, err := s.Store.LatestCheckpoint(r.Context())
	switch {
	case err == nil:
		p.Checkpoint, p.Signed = cp.Note, ui.At(cp.At, r.zone)
	case model.KindOf(err) != model.NotFound:
		return err
	}
	key, err := s.Store.LogKey(r.Context())
	switch {
	case err == nil:
		p.Key = key.VKey
	case model.KindOf(err) != model.NotFound:
		return err
	}
	p.Check = s.selfCheck(r.zone)
	p.Commands = []views.Command{
		{Why: "Download the package of a campaign above, and take the program that checks it from somewhere you trust.", Text: "recert verify PACKAGE.zip --key '" + p.Key + "'"},
		{Why: "With the package of the time before, it also proves that nothing was rewritten in between.", Text: "recert verify PACKAGE.zip --previous EARLIER.zip"},
		{Why: "On the server, check the live data against the log.", Text: "recert doctor --strict"},
	}
	if err := s.packages(r, &p); err != nil {
		return err
	}
	return s.render(w, r, views.Show(p))
}

func (s *site) packages(r *request, p *views.Page) error {
	runs, err := s.Store.RunList(r.Context(), store.RunFilter{State: model.Closed})
	if err != nil {
		return err
	}
	pages := listOf("/evidence", nil)
	after, err := r.after(pages)
	if err != nil {
		return err
	}
	page := runs[min(after, int64(len(runs))):]
	if err := pages.movedOn(after > 0, len(page)); err != nil {
		return err
	}
	var next int64
	if len(page) > packageRows {
		page, next = page[:packageRows], after+packageRows
	}
	p.Pager = pages.pager(after, next, "")
	exports, err := s.Evidence.Exports(r.Context())
	if err != nil {
		return err
	}
	for _, run := range page {
		v := views.Package{
			Campaign: run.Name, Name: run.Name, Closed: ui.At(run.ClosedAt, zone(run.TimeZone)), Items: run.Items, Key: newKey(), CanGet: true,
		}
		if x, ok := exports[run.Name]; ok {
			v.Exported, v.By, v.SHA256 = ui.At(x.At, r.zone), x.By, x.SHA256
		}
		p.Packages = append(p.Packages, v)
	}
	return nil
}

// export writes the evidence package of a run. It is made whole before the first byte goes out:
// a part of a package must never look like one.
func (s *site) export(w http.ResponseWriter, r *request) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("id"))
	if err != nil {
		return err
	}
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return model.Errorf(model.Conflict, "Other packages are being made right now. Try again in a minute.")
	}
	f, err := os.CreateTemp("", "recert-package-*.zip")
	if err != nil {
		return fmt.Errorf("make room for a package: %w", err)
	}
	defer func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			s.Log.ErrorContext(r.Context(), "a package was not cleared away", slog.String("error", err.Error()))
		}
	}()
	done, err := s.Evidence.Export(r.Context(), r.actor.Label(), run.Name, evidence.ExportOptions{}, f)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the package: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+run.Name+`.zip"`)
	h.Set("Content-Length", itoa(done.Bytes))
	h.Set("X-Content-SHA256", done.SHA256)
	if n, err := io.Copy(w, f); err != nil || n != done.Bytes {
		panic(http.ErrAbortHandler) // the browser must not take a part for the whole
	}
	return nil
}

// selfCheck is what the server found when it last read the whole log.
func (s *site) selfCheck(loc *timeLocation) views.Check {
	at, err := s.Evidence.Health()
	switch {
	case err != nil:
		return views.Check{At: ui.At(at, loc), Text: "The last check of the whole log failed: " + err.Error()}
	case !at.Known():
		return views.Check{}
	}
	return views.Check{OK: true, At: ui.At(at, loc), Text: "The server reads the whole log at its start and every night."}
}
