package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

type ingestCmd struct {
	Source string   `required:"" help:"The source's name."`
	AsOf   string   `help:"When the source looked like this, RFC 3339; without it, when the read began." placeholder:"TIME"`
	Expect []string `help:"An independent control total: the snapshot is held when it differs." placeholder:"KIND=N" sep:"none"`
	Files  []string `arg:"" optional:"" help:"KIND=FILE: people, accounts, entitlements, grants. Without any, the live system is read." placeholder:"KIND=FILE"`
}

// Run ingests files, or the live system, and reports the population ledger.
func (c *ingestCmd) Run(ctx context.Context, e *env) error {
	req, err := c.request()
	if err != nil {
		return err
	}
	return e.withStore(ctx, func(s *store.Store) (err error) {
		if len(req.Files) == 0 {
			secrets, err := newKeeper(ctx, s, e.cli.SecretsKeyFile)
			if err != nil {
				return err
			}
			cs := newConnectors(secrets)
			defer func() { err = errors.Join(err, cs.close()) }()
			if req.Live, err = cs.source(ctx, c.Source); err != nil {
				return err
			}
			req.Origin = ingest.OriginLive
		}
		req.Progress = progress(e.errOut)
		res, err := newIngest(s).Run(ctx, req)
		if err != nil {
			return err
		}
		if e.cli.JSON {
			return printJSON(e.out, res)
		}
		return printIngest(e.out, res)
	})
}

func (c *ingestCmd) request() (ingest.Request, error) {
	req := ingest.Request{Source: c.Source, Origin: ingest.OriginCLI, Actor: commandActor(), Expect: map[model.Kind]int64{}}
	if c.AsOf != "" {
		t, err := time.Parse(time.RFC3339, c.AsOf)
		if err != nil {
			return req, fmt.Errorf("%w: --as-of %q must be a time like 2026-10-01T00:00:00Z", errUsage, c.AsOf)
		}
		req.AsOf = t
	}
	for _, s := range c.Expect {
		kind, n, ok := strings.Cut(s, "=")
		v, err := strconv.ParseInt(n, 10, 64)
		if !ok || err != nil || v < 0 || !slices.Contains(model.Kinds, model.Kind(kind)) {
			return req, fmt.Errorf("%w: --expect %q must be KIND=N, as in grants=6191", errUsage, s)
		}
		req.Expect[model.Kind(kind)] = v
	}
	for _, s := range c.Files {
		kind, name, ok := strings.Cut(s, "=")
		if !ok || !slices.Contains(model.Kinds, model.Kind(kind)) {
			return req, fmt.Errorf("%w: %q must be KIND=FILE, as in grants=grants.csv; the kinds are people, accounts, entitlements and grants", errUsage, s)
		}
		req.Files = append(req.Files, ingest.File{
			Kind: model.Kind(kind), Name: filepath.Base(name),
			Open: func() (io.ReadCloser, error) { return os.Open(name) },
		})
	}
	return req, nil
}

// newIngest is the ingest service with everything that follows a sealed snapshot.
func newIngest(s *store.Store) *ingest.Service {
	return &ingest.Service{Store: s, AfterSeal: []func(context.Context, *store.Tx, model.Snapshot) error{
		newCampaigns(s).AfterSeal, endLeaversSessions,
	}}
}

// endLeaversSessions signs out whom HR no longer has.
func endLeaversSessions(ctx context.Context, tx *store.Tx, _ model.Snapshot) error {
	return tx.DeleteSessionsOfLeavers(ctx)
}

// progress shows rows and rate on a terminal, and a line every 10 s otherwise.
func progress(w io.Writer) func(ingest.Progress) {
	tty := false
	if f, ok := w.(*os.File); ok {
		tty = term.IsTerminal(int(f.Fd()))
	}
	start, last := now(), now()
	return func(p ingest.Progress) {
		every := 10 * time.Second
		if tty {
			every = 200 * time.Millisecond
		}
		if t := now(); t.Sub(last) < every && (!p.Done || !tty) {
			return
		}
		last = now()
		rate := float64(p.Rows) / max(last.Sub(start).Seconds(), 0.001)
		line := fmt.Sprintf("%s: %d rows read, %.0f rows/s", p.Kind, p.Rows, rate)
		if p.Done {
			line = "comparing with the previous snapshot"
		}
		end := "\n"
		if tty {
			line, end = "\r\033[K"+line, ""
			if p.Done {
				end = "\n"
			}
		}
		io.WriteString(w, line+end) //nolint:errcheck // progress that nobody can read is no reason to stop
	}
}
