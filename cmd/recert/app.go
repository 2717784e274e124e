package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"recert/campaigns/evidence"
	"recert/campaigns/notify"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/web"
)

// now is the program's clock. Whatever needs a time is handed it or a function.
func now() time.Time { return time.Now() }

// openStore opens the database that --database names, and migrates it.
func (e *env) openStore(ctx context.Context) (*store.Store, error) {
	s, err := store.Open(ctx, e.cli.Database, store.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := s.Migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// withStore runs fn with the database open.
func (e *env) withStore(ctx context.Context, fn func(*store.Store) error) (err error) {
	s, err := e.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fn(s)
}

// logger writes JSON lines on standard error: standard output belongs to results.
func (e *env) logger() *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(e.cli.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(e.errOut, &slog.HandlerOptions{Level: level}))
}

// printJSON writes v as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// commandActor names who runs a command: it stands in the evidence.
func commandActor() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if by := os.Getenv("SUDO_USER"); by != "" {
		name = by + " as " + name
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("command line: %s@%s", name, host)
}

// commandAdmin is who runs a command, as an actor: who can reach the database may do anything
// with it, and the evidence says who did.
func commandAdmin() model.Actor {
	return model.Actor{Name: commandActor(), Roles: []model.Role{model.Admin}}
}

// app is a running Recert: the pages, and the work behind them.
type app struct {
	handler http.Handler
	log     *slog.Logger
	base    string
	jobs    []job
	live    *connectors
	reread  *rereader
}

// job is something that runs until its context ends.
type job struct {
	name string
	run  func(ctx context.Context) error
}

// newApp puts everything together on an open database.
func newApp(ctx context.Context, s *store.Store, f ServeFlags, base string, log *slog.Logger) (*app, error) {
	provider, err := f.provider(base)
	if err != nil {
		return nil, err
	}
	evidenceLog := &evidence.Log{Store: s, KeyFile: f.LogKeyFile, Log: log}
	if _, _, err := evidenceLog.Key(ctx); err != nil {
		return nil, err
	}
	secrets, err := newKeeper(ctx, s, f.secretsKeyFile)
	if err != nil {
		return nil, err
	}
	warnOfKeyFile(ctx, log, f.secretsKeyFile)
	live := newConnectors(secrets)
	reread := newRereader(ctx, s, live, log)
	outside := newDesks(live, base)
	worker := &remediate.Worker{
		Store: s, Log: log, Now: now, Name: workerName(),
		Targets: live.target,
		Outside: outside.desk,
		Reread:  reread.want,
	}
	messages := &notify.Worker{
		Store: s, Sender: &notify.SMTP{Server: mailServer(s, secrets), Now: now}, BaseURL: strings.TrimRight(base, "/"), Now: now, Log: log,
	}
	h, err := web.New(web.Config{
		Store: s, Campaigns: newCampaigns(s), Ingest: newIngest(s), Evidence: evidenceLog,
		Provider: provider, BaseURL: base, Demo: f.demo, Version: version, Log: log, Now: now, ReadLive: reread.begin, Reread: reread.want, Ending: ctx, Probe: live.probe, SealSecret: secrets.seal, HookKeys: outside.keys, ProbeDesk: outside.probe,
	})
	if err != nil {
		return nil, err
	}
	return &app{handler: h, log: log, base: base, live: live, reread: reread, jobs: []job{
		{"evidence log", evidenceLog.Run},
		{"removals", worker.Run},
		{"live reads", reread.run},
		{"messages", messages.Run},
		{"expiry", func(ctx context.Context) error { return chores(ctx, s, log) }},
		{"sessions", func(ctx context.Context) error { return sweepSessions(ctx, s, log) }},
	}}, nil
}

// run serves and works until ctx ends; worker is "true", "false" (pages only) or "only".
func (a *app) run(ctx context.Context, ln net.Listener, worker string) error {
	if worker == "only" {
		// Health and metrics are still worth asking for.
		a.handler = healthOnly(a.handler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- serveHTTP(ctx, ln, a.handler, a.log); cancel() }()
	var err error
	if worker == "false" {
		<-ctx.Done()
	} else {
		err = a.work(ctx)
	}
	cancel()
	a.reread.close()
	return errors.Join(err, <-served, a.live.close())
}

// work runs all jobs until ctx ends. One that fails ends them all: half of Recert must not look
// like the whole.
func (a *app) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, j := range a.jobs {
		g.Go(func() error {
			if err := j.run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", j.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// healthOnly leaves what says how a process is.
func healthOnly(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, h)
	}
	return mux
}

func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// longestIdle is the most that the setting session_idle can be.
const longestIdle = 30 * 24 * time.Hour

// sweepSessions removes sessions that can no longer be used.
func sweepSessions(ctx context.Context, s *store.Store, log *slog.Logger) error {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := s.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteStaleSessions(ctx, tx.Now.Add(-longestIdle)) })
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "stale sessions were not removed", slog.Any("error", err))
		}
	}
}
