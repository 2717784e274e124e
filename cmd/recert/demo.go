package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
	"recert/model/store"
)

type demoCmd struct {
	Listen string `help:"Address to listen on." default:"127.0.0.1:8080"`
	Data   string `help:"Folder to keep the data in; without it, it is temporary." placeholder:"DIR"`
}

// Addresses of what else the demo serves on its own listener.
const (
	demoIDPPath  = "/demo/idp"
	demoSCIMPath = "/demo/scim/v2"
)

// Run fills a database with a company, then serves it with a sign-in service and a live target of
// its own: everything that happens afterwards is what happens in production.
func (c *demoCmd) Run(ctx context.Context, e *env) (err error) {
	dir := c.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "recert-demo-"); err != nil {
			return fmt.Errorf("make a folder for the demo's data: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of --data: %w", err)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return model.Errorf(model.Invalid, "cannot listen on %s: %v", c.Listen, err)
	}
	d := &demo{env: e, dir: dir, base: "http://" + ln.Addr().String(), company: newDemoCompany(now())}
	return d.serve(ctx, ln)
}

// demo is a running demo.
type demo struct {
	*env

	dir, base string
	company   *demoCompany
	clock     demoClock
	store     *store.Store
	scim      *scimserver.Server
	mux       *http.ServeMux
	ready     atomic.Bool
}

// demoClock is the machine's, except while the past is replayed.
type demoClock struct{ past atomic.Int64 }

func (c *demoClock) now() time.Time {
	if t := c.past.Load(); t != 0 {
		// The replayed past goes on, too: no two events of it have the same time.
		return time.UnixMicro(c.past.Add(1))
	}
	return now()
}

func (c *demoClock) set(t time.Time) { c.past.Store(t.UnixMicro()) }
func (c *demoClock) release()        { c.past.Store(0) }

func (d *demo) serve(ctx context.Context, ln net.Listener) (err error) {
	d.store, err = store.Open(ctx, "sqlite:"+filepath.Join(d.dir, "recert.db"), store.Options{Now: d.clock.now})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() { err = errors.Join(err, d.store.Close()) }()
	if _, err := d.store.Migrate(ctx); err != nil {
		return errors.Join(err, ln.Close())
	}
	app, err := d.build(ctx)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	// The live system and the sign-in service answer at once; the pages when there is something to see.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- serveHTTP(ctx, ln, d.mux, app.log); cancel() }()
	err = d.fill(ctx)
	if err == nil {
		d.ready.Store(true)
		err = app.work(ctx)
	}
	cancel()
	return errors.Join(err, <-served)
}

// build puts the site, the sign-in service and the live target on one listener.
func (d *demo) build(ctx context.Context) (*app, error) {
	token, secret := rand.Text(), rand.Text()
	if err := os.Setenv("DEMO_COURIER_TOKEN", token); err != nil {
		return nil, err
	}
	d.scim = newDemoSCIM(d.company, demoLive, demoSCIMPath, token, now)
	idp, err := newDemoIDP(demoIDPConfig{
		Issuer: d.base + demoIDPPath, Company: "Fennmark Instruments", ClientID: "recert", ClientSecret: secret,
		RedirectURIs: []string{d.base + "/login/callback"}, PostLogoutURIs: []string{d.base + "/logout"},
		Users: d.company.demoUsers(), Now: now,
	})
	if err != nil {
		return nil, err
	}
	a, err := newApp(ctx, d.store, ServeFlags{
		Listen: strings.TrimPrefix(d.base, "http://"), BaseURL: d.base, Worker: "true", demo: true, secretsKeyFile: filepath.Join(d.dir, "secrets.key"),
		OIDCFlags: OIDCFlags{OIDCIssuer: d.base + demoIDPPath, OIDCClientID: "recert", OIDCClientSecret: secret, OIDCScopes: "openid profile email groups", OIDCGroupsClaim: "groups"},
	}, d.base, d.logger())
	if err != nil {
		return nil, err
	}
	d.mux = http.NewServeMux()
	d.mux.Handle(demoIDPPath+"/", idp)
	d.mux.Handle(demoSCIMPath+"/", d.scim)
	d.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !d.ready.Load() {
			w.Header().Set("Retry-After", "2")
			http.Error(w, "The demo is filling its company; a few seconds more.", http.StatusServiceUnavailable)
			return
		}
		a.handler.ServeHTTP(w, r)
	})
	return a, nil
}

// fill replays the company's past, once; with --data the next start finds it there.
func (d *demo) fill(ctx context.Context) error {
	runs, err := d.store.RunList(ctx, store.RunFilter{})
	if err != nil {
		return err
	}
	if len(runs) > 0 {
		return errors.Join(d.forget(ctx), d.greet())
	}
	d.say("Filling a company with half a year of reviews …")
	begin := now()
	if err := d.replay(ctx); err != nil {
		return fmt.Errorf("fill the demo: %w", err)
	}
	d.say("Done in %.1f s.", now().Sub(begin).Seconds())
	return d.greet()
}

// say tells how far the demo is.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, format+"\n", args...) //nolint:errcheck // nobody reads it then
}

// greet says where to click first.
func (d *demo) greet() error {
	_, err := fmt.Fprintf(d.out, `
Fennmark Instruments is open: %s

  1. Open it, sign in, choose the manager.
  2. Answer "No, remove" to somebody's access in Courier, and watch it: half a minute later the
     page says that it is proven gone.
  3. Sign out, come back as the auditor: Evidence, download a closed campaign, then check it with
       recert verify FILE.zip

All data is invented. Ctrl+C ends the demo.
`, d.base)
	return err
}
