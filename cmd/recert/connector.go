package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/baton"
	"recert/campaigns/connector/dial"
	"recert/campaigns/connector/entra"
	execconn "recert/campaigns/connector/exec"
	"recert/campaigns/connector/ldap"
	"recert/campaigns/connector/manual"
	"recert/campaigns/connector/scim"
	sqldb "recert/campaigns/connector/sql"
	"recert/model"
	"recert/model/store"
)

// live is what every connector to a live system can do.
type live interface {
	connector.Source
	connector.Target
	connector.Prober
}

// connectors opens the live systems of sources, and keeps them open while their settings stay.
type connectors struct {
	store  *store.Store
	keeper *keeper

	mu   sync.Mutex
	open map[string]opened // by source
}

type opened struct {
	settings string // SHA-256 of the source's document and of the Settings
	live     live
}

func newConnectors(k *keeper) *connectors {
	return &connectors{store: k.store, keeper: k, open: map[string]opened{}}
}

// source is the live system of a source by its name.
func (c *connectors) source(ctx context.Context, name string) (live, error) {
	doc, err := c.store.Config(ctx, model.ConfigSource, name)
	if err != nil {
		return nil, err
	}
	settings, err := c.store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	spec, err := c.store.SourceSpec(ctx, name)
	if err != nil {
		return nil, err
	}
	parts := append([]string{doc.SHA256}, settings.Networks...)
	for _, ref := range []string{spec.Token, spec.Password} {
		v, err := c.keeper.version(ctx, ref)
		if err != nil {
			return nil, err
		}
		parts = append(parts, v)
	}
	key := strings.Join(parts, " ")
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, ok := c.open[name]; ok {
		if o.settings == key {
			return o.live, nil
		}
		delete(c.open, name)
		if err := closeLive(o.live); err != nil {
			return nil, err
		}
	}
	l, err := openLive(ctx, c.keeper, spec, settings)
	if err != nil {
		return nil, model.Errorf(model.KindOf(err), "Source %s: %s", name, model.Message(err))
	}
	c.open[name] = opened{key, l}
	return l, nil
}

// probe tries settings that are not stored yet, and gives what it found in words and the first rows that
// the system gives. password stands for what the settings refer to, where it is not "".
func (c *connectors) probe(ctx context.Context, spec model.SourceSpec, password string) (_ connector.Sample, err error) {
	settings, err := c.store.Settings(ctx)
	if err != nil {
		return connector.Sample{}, err
	}
	k := c.keeper
	if password != "" {
		k = &keeper{store: c.store, typed: password}
	}
	l, err := openLive(ctx, k, spec, settings)
	if err != nil {
		return connector.Sample{}, err
	}
	defer func() { err = errors.Join(err, closeLive(l)) }()
	found, err := tryOut(ctx, l)
	if err != nil {
		return connector.Sample{}, err
	}
	s, err := connector.ReadSample(ctx, l, connector.SampleTime)
	if err != nil {
		if err = failedTest(err); model.KindOf(err) == model.Invalid {
			err = &model.Error{Kind: model.Invalid, Msg: "it signs in, and cannot be read: " + model.Message(err), Err: err}
		}
		return connector.Sample{}, err
	}
	s.Found = found
	return s, nil
}

// tryOut gives what a test of a connection found in words, or what is wrong with it.
func tryOut(ctx context.Context, p connector.Prober) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	found, err := p.Probe(ctx)
	if err == nil {
		return found, nil
	}
	return "", failedTest(err)
}

// failedTest words what went wrong while a system was tried, for the person who set it up. What says it
// already stays.
func failedTest(err error) error {
	_, said := errors.AsType[*model.Error](err)
	if _, ok := errors.AsType[*connector.Failure](err); said && !ok {
		return err
	}
	f := connector.FailureOf(err)
	msg := f.Msg
	if why := dial.Why(err); why != "" && f.Kind == connector.Unreachable {
		msg += ": " + why
	}
	return &model.Error{Kind: model.Invalid, Msg: msg, Err: err}
}

// probeTimeout is how long somebody waits for the test of a connection.
const probeTimeout = 20 * time.Second

// target is where removals in a source go.
func (c *connectors) target(ctx context.Context, sourceID int64) (connector.Target, error) {
	src, err := c.store.SourceByID(ctx, sourceID)
	if err != nil {
		return nil, err
	}
	spec, err := c.store.SourceSpec(ctx, src.Name)
	if err != nil {
		return nil, err
	}
	if spec.Revoke.Mode != model.ModeConnector {
		return manual.New(), nil
	}
	return c.source(ctx, src.Name)
}

// close ends all connections.
func (c *connectors) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for name, o := range c.open {
		errs = append(errs, closeLive(o.live))
		delete(c.open, name)
	}
	return errors.Join(errs...)
}

func closeLive(l live) error {
	if c, ok := l.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// isLive tells whether a source is read from a live system, rather than from files.
func isLive(typ string) bool { return typ != "csv" }

// openLive makes the connector that a source's settings describe; it connects to nothing yet.
func openLive(ctx context.Context, k *keeper, spec model.SourceSpec, settings model.SettingsSpec) (live, error) {
	if spec.Type == "ldap" && spec.LDAP == nil || spec.Type == "entra" && spec.Entra == nil || spec.Type == "exec" && spec.Exec == nil || spec.Type == "baton" && spec.Baton == nil {
		return nil, model.Errorf(model.Invalid, "type %s needs settings under %s: describe the source in a configuration file", spec.Type, spec.Type)
	}
	password, err := k.resolve(ctx, spec.Password)
	if err != nil {
		return nil, err
	}
	timeout := time.Duration(0)
	if spec.Timeout != "" {
		if timeout, err = time.ParseDuration(spec.Timeout); err != nil {
			return nil, model.Errorf(model.Invalid, "timeout %q is not a duration", spec.Timeout)
		}
	}
	dialer, err := dialerOf(settings)
	if err != nil {
		return nil, err
	}
	switch spec.Type {
	case "scim":
		token, err := k.resolve(ctx, spec.Token)
		if err != nil {
			return nil, err
		}
		return checked(scim.New(scim.Config{
			URL: spec.URL, Token: token, Username: spec.Username, Password: password, CAFile: spec.CAFile, PageSize: spec.PageSize, Timeout: timeout,
			Dial: dialer.DialContext, Now: now,
		}))
	case "ldap":
		return checked(ldap.New(ldapConfig(spec, password, timeout, dialer)))
	case "sql":
		cfg := sqlConfig(spec, password, timeout, dialer)
		if cfg.Zone, err = time.LoadLocation(settings.TimeZone); err != nil {
			return nil, model.Errorf(model.Invalid, "time_zone %q is not known on this machine", settings.TimeZone)
		}
		return checked(sqldb.New(cfg))
	case "entra":
		e := *spec.Entra
		return checked(entra.New(entra.Config{
			Tenant: e.Tenant, ClientID: e.ClientID, ClientSecret: password, GraphURL: e.GraphURL, LoginURL: e.LoginURL, SignInActivity: e.SignInActivity,
			CAFile: spec.CAFile, Timeout: timeout, Dial: dialer.DialContext, Now: now,
		}))
	case "exec":
		cfg, err := execConfig(ctx, k, spec, timeout)
		if err != nil {
			return nil, err
		}
		return checked(execconn.New(cfg))
	case "baton":
		cfg, err := batonConfig(ctx, k, spec, timeout)
		if err != nil {
			return nil, err
		}
		return checked(baton.New(cfg))
	}
	return nil, model.Errorf(model.Invalid, "it is of type %s, which is read from files: name them, as in grants=grants.csv", spec.Type)
}

// checked keeps a typed nil from becoming a live system that is not nil.
func checked[L live](l L, err error) (live, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

func dialerOf(settings model.SettingsSpec) (*dial.Dialer, error) {
	d := &dial.Dialer{}
	for _, n := range settings.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, model.Errorf(model.Invalid, "networks: %q is not a network like 10.0.0.0/8", n)
		}
		d.Allow = append(d.Allow, p)
	}
	return d, nil
}

func ldapConfig(spec model.SourceSpec, password string, timeout time.Duration, dialer *dial.Dialer) ldap.Config {
	l := *spec.LDAP
	return ldap.Config{
		URL: spec.URL, BindDN: spec.Username, Password: password, CAFile: spec.CAFile, ServerName: l.ServerName, StartTLS: l.StartTLS, Insecure: l.Insecure,
		Flavor: l.Flavor, BaseDN: l.Base, AccountBase: l.AccountBase, GroupBase: l.GroupBase, AccountFilter: l.AccountFilter, GroupFilter: l.GroupFilter,
		AccountIDAttr: l.AccountIDAttr, GroupIDAttr: l.GroupIDAttr, UsernameAttr: l.UsernameAttr, GroupNameAttr: l.GroupNameAttr, PersonAttr: l.PersonAttr,
		DisableAttr: l.DisableAttr, DisableValue: l.DisableValue, Placeholders: l.Placeholders, IgnoreReferrals: l.IgnoreReferrals,
		Timeout: timeout, PageSize: spec.PageSize, Dial: dialer.DialContext, Now: now,
	}
}

func sqlConfig(spec model.SourceSpec, password string, timeout time.Duration, dialer *dial.Dialer) sqldb.Config {
	cfg := sqldb.Config{
		URL: spec.URL, Password: password, CAFile: spec.CAFile, Timeout: timeout, Dial: dialer.DialContext, Now: now,
		Concurrency: max(spec.Revoke.Concurrency, 0), // what it may be is checked where it is declared
	}
	if q := spec.SQL; q != nil {
		cfg.Insecure, cfg.ExpandPublic = q.Insecure, q.ExpandPublic
		cfg.Queries = sqldb.Queries{
			Accounts: q.Accounts, Entitlements: q.Entitlements, Grants: q.Grants, Check: q.Check, CheckAccount: q.CheckAccount, CheckEntitlement: q.CheckEntitlement,
			Revoke: q.Revoke, Grant: q.Grant, Deactivate: q.Deactivate,
		}
	}
	return cfg
}

// environment is what a program's environment is to hold: what is a reference is a secret.
func environment(ctx context.Context, k *keeper, env map[string]string) (plain, secrets map[string]string, err error) {
	plain, secrets = map[string]string{}, map[string]string{}
	for name, v := range env {
		if !secretRefRE.MatchString(v) {
			plain[name] = v
			continue
		}
		if secrets[name], err = k.resolve(ctx, v); err != nil {
			return nil, nil, err
		}
	}
	return plain, secrets, nil
}

func execConfig(ctx context.Context, k *keeper, spec model.SourceSpec, timeout time.Duration) (execconn.Config, error) {
	cfg := execconn.Config{Command: spec.Exec.Command, Provides: spec.Provides, CanGrant: spec.Exec.CanGrant, Timeout: timeout, Now: now}
	var err error
	cfg.Env, cfg.Secrets, err = environment(ctx, k, spec.Exec.Env)
	return cfg, err
}

func batonConfig(ctx context.Context, k *keeper, spec model.SourceSpec, timeout time.Duration) (baton.Config, error) {
	b := *spec.Baton
	cfg := baton.Config{Command: b.Command, File: b.File, PersonAttr: b.PersonAttr, Self: b.Self, CanGrant: b.CanGrant, Timeout: timeout, Now: now}
	if b.Resources+b.Entitlements+b.Grants+b.Syncs != "" {
		cfg.JSON = &baton.JSONFiles{Resources: b.Resources, Entitlements: b.Entitlements, Grants: b.Grants, Syncs: b.Syncs}
	}
	var err error
	cfg.Env, cfg.Secrets, err = environment(ctx, k, b.Env)
	return cfg, err
}
