package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/connector/webhook"
	"recert/campaigns/evidence"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
	"recert/static"
	"recert/web/auth"
	"recert/web/session"
)

// Config is what the pages are made of.
type Config struct {
	Store     *store.Store
	Campaigns *campaigns.Service
	Ingest    *ingest.Service
	Evidence  *evidence.Log
	Provider  *auth.Provider // nil: only break-glass links sign in
	BaseURL   string         // as users see it, without a trailing slash
	Demo      bool
	Version   string
	Log       *slog.Logger
	Now       func() time.Time
	// ReadLive begins to read a live source and gives whether it was read to its end within a moment;
	// nil hides the button.
	ReadLive func(ctx context.Context, source, actor string) (done bool, err error)
	// Reread has a live source read again soon; nil does nothing.
	Reread func(ctx context.Context, source int64) error
	// Ending ends the streams of live pages, which would keep a server from shutting down; nil never does.
	Ending context.Context //nolint:containedctx // it is about the server, not about a call
	// Probe tries the settings of a live source, with a password that was typed or "", and gives what
	// it found in words and the first rows that it gives; nil hides the form by which sources are connected.
	Probe func(ctx context.Context, spec model.SourceSpec, password string) (connector.Sample, error)
	// ProbeDesk tries the outside system that removals in a source are asked of, and gives what it found
	// in words; nil hides the button.
	ProbeDesk func(ctx context.Context, source string) (string, error)
	// HookKeys are what reports about removals in a source are signed with; nil takes no reports.
	HookKeys func(ctx context.Context, source int64) (webhook.Keys, error)
	// SealSecret encrypts a credential that was typed, to be stored with the settings that name it.
	SealSecret func(name, value string) (store.Secret, error)
}

// Sessions without settings end after this long without use, and after this long in any case.
const (
	defaultIdle     = 30 * time.Minute
	defaultAbsolute = 8 * time.Hour
)

// site is the application behind the handler.
type site struct {
	Config

	secure   bool // served over https
	failed   []byte
	metrics  *metrics
	logins   *limiter
	uploads  chan struct{} // bounds the uploads that are taken in at once
	streams  streams
	exports  chan struct{} // and the packages that are made at once
	counting chan struct{} // one scope at a time
	notices  *limiter
	protect  *http.CrossOriginProtection
	mux      *http.ServeMux
	patterns []route
}

// New is the application's handler. It fails on a configuration that cannot work and on a route
// without a rule.
func New(cfg Config) (http.Handler, error) {
	s, err := newSite(cfg)
	if err != nil {
		return nil, err
	}
	return s.handler(), nil
}

func newSite(cfg Config) (*site, error) {
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return nil, model.Errorf(model.Invalid, "the base URL must look like https://recert.example.com")
	case cfg.Store == nil || cfg.Campaigns == nil || cfg.Ingest == nil || cfg.Evidence == nil || cfg.Log == nil || cfg.Now == nil:
		return nil, errors.New("web: the store, the services, the log and the clock are needed")
	}
	if err := static.Check(); err != nil {
		return nil, err
	}
	s := &site{
		Config: cfg, secure: base.Scheme == "https", metrics: newMetrics(),
		logins: newLimiter(10, 60), notices: newLimiter(1, 20), uploads: make(chan struct{}, 2), exports: make(chan struct{}, 2), counting: make(chan struct{}, 1),
		protect: http.NewCrossOriginProtection(), mux: http.NewServeMux(),
	}
	if err := s.protect.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, model.Errorf(model.Invalid, "the base URL %s cannot be an origin", cfg.BaseURL)
	}
	s.metrics.registry.MustRegister(&lagCollector{store: cfg.Store, now: cfg.Now})
	if err := s.renderFailed(); err != nil {
		return nil, err
	}
	s.patterns = s.routes()
	for _, rt := range s.patterns {
		if err := rt.check(); err != nil {
			return nil, err
		}
		s.mux.Handle(rt.method+" "+rt.path, s.serve(rt))
	}
	return s, nil
}

// auth is made for one request: how long sessions last is a setting that can change.
func (s *site) auth(settings model.SettingsSpec) (*auth.Auth, error) {
	idle, err := duration(settings.SessionIdle, defaultIdle)
	if err != nil {
		return nil, err
	}
	absolute, err := duration(settings.SessionAbsolute, defaultAbsolute)
	if err != nil {
		return nil, err
	}
	return &auth.Auth{
		DB: s.Store, Provider: s.Provider,
		Sessions: &session.Store{DB: s.Store, Secure: s.secure, Idle: idle, Absolute: absolute},
	}, nil
}

func duration(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	return time.ParseDuration(text)
}

// zone is the time zone of a name, UTC where it has none or this machine does not know it: times
// are shown with their zone, so this misleads nobody.
func zone(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil || strings.EqualFold(name, "local") {
		return time.UTC
	}
	return loc
}

func (s *site) now() model.Time { return model.TimeOf(s.Now()) }
