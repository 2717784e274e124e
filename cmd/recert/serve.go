package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/web/auth"
)

// ServeFlags are the settings of a running Recert.
type ServeFlags struct {
	Listen     string `help:"Address to listen on." default:"127.0.0.1:8080"`
	BaseURL    string `help:"The address that users see; without it, http:// and the listen address."`
	Worker     string `help:"true: serve pages and do the work; false: pages only; only: work only." default:"true" enum:"true,false,only"`
	LogKeyFile string `help:"File with the evidence log's private key; made when it does not exist. Without it the key is kept in the database." placeholder:"FILE"`
	OIDCFlags

	demo           bool   // set by the demo alone
	secretsKeyFile string // of the whole command line
}

type serveCmd struct {
	ServeFlags
}

// Run serves until it is told to stop, then drains.
func (c *serveCmd) Run(ctx context.Context, e *env) error {
	return e.withStore(ctx, func(s *store.Store) error {
		log := e.logger()
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
		if err != nil {
			return model.Errorf(model.Invalid, "cannot listen on %s: %v", c.Listen, err)
		}
		base := c.baseURL(ln.Addr())
		c.secretsKeyFile = e.cli.SecretsKeyFile
		app, err := newApp(ctx, s, c.ServeFlags, base, log)
		if err != nil {
			return errors.Join(err, ln.Close())
		}
		if err := c.firstLink(ctx, s, base, e); err != nil {
			return errors.Join(err, ln.Close())
		}
		if _, err := newIngest(s).DiscardDead(ctx); err != nil {
			return errors.Join(err, ln.Close())
		}
		log.InfoContext(ctx, "serving", slog.String("url", base), slog.String("worker", c.Worker), slog.String("version", version))
		return app.run(ctx, ln, c.Worker)
	})
}

func (f ServeFlags) baseURL(addr net.Addr) string {
	if f.BaseURL != "" {
		return strings.TrimSuffix(f.BaseURL, "/")
	}
	return "http://" + addr.String()
}

// firstLink prints a way in where single sign-on is not set up and nobody has ever signed in.
func (c *serveCmd) firstLink(ctx context.Context, s *store.Store, base string, e *env) error {
	users, err := s.Users(ctx)
	if err != nil || c.OIDCIssuer != "" || len(users) > 0 || c.Worker == "only" {
		return err
	}
	token, err := campaigns.CreateLoginLink(ctx, s, "first start", "admin@localhost", model.Admin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "Single sign-on is not set up yet. To look around as an administrator, open this once, within ten minutes:\n  %s/login/link?token=%s\n",
		base, url.QueryEscape(token))
	return err
}

// provider is the identity provider that the flags name; nil where none is named.
func (f ServeFlags) provider(base string) (*auth.Provider, error) {
	if f.OIDCIssuer == "" {
		return nil, nil //nolint:nilnil // no provider is a valid configuration
	}
	return auth.NewProvider(auth.Config{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret,
		Scopes: f.scopes(), GroupsClaim: f.OIDCGroupsClaim, BaseURL: base,
	}, now)
}

// serveHTTP answers on ln until ctx ends, then lets the running requests finish.
func serveHTTP(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	var wg sync.WaitGroup
	var shutdownErr error
	wg.Go(func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		shutdownErr = srv.Shutdown(end)
	})
	err := srv.Serve(ln)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	wg.Wait()
	return shutdownErr
}
