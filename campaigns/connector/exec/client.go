package execconn

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/exec/proc"
	"recert/model"
)

var (
	_ connector.Source  = (*Client)(nil)
	_ connector.Granter = (*Client)(nil)
	_ connector.Prober  = (*Client)(nil)
)

// Config is which program is run, and how. Command and Now are required. The program is the
// only one that connects to anything; the connector itself opens no connection.
type Config struct {
	Command []string          // the program by its absolute path, and its arguments; no shell, and no secret in them
	Env     map[string]string // further variables of the program's environment
	Secrets map[string]string `json:"-"` // the same, with values that must never be shown
	Path    string            // PATH of the program; "" is /usr/local/bin:/usr/bin:/bin

	Provides model.Provides // what list gives; "" is access
	CanGrant bool           // the program knows the command grant

	Timeout     time.Duration // of one command; of list, the longest silence between two lines; 0 is 30 s
	ListTimeout time.Duration // of a whole list, the time that storing the rows takes included; 0 is 1 h
	MaxLine     int           // bytes of one line that are read; 0 is 1 MiB

	Now func() time.Time
}

// String names the program, without arguments and environment.
func (c Config) String() string {
	if len(c.Command) == 0 {
		return "exec target"
	}
	return "exec target " + c.Command[0]
}

// GoString is String: no verb of fmt shows a secret.
func (c Config) GoString() string { return c.String() }

// LogValue keeps secrets out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client is a connector.Source, a connector.Granter and a connector.Prober. It is safe for
// concurrent use as far as the program is: each call is a process of its own.
type Client struct {
	cfg     Config
	secrets proc.Secrets
}

// String names the program, without arguments and environment.
func (c *Client) String() string { return c.cfg.String() }

// GoString is String: no verb of fmt shows a secret.
func (c *Client) GoString() string { return c.String() }

// reserved begins the names of the variables that carry the request.
const reserved = "RECERT_"

// New checks cfg and makes a Client; it runs nothing.
func New(cfg Config) (*Client, error) {
	if err := proc.Check("exec target", cfg.Command, cfg.Env, cfg.Secrets, reserved); err != nil {
		return nil, err
	}
	switch {
	case cfg.Provides != "" && cfg.Provides != model.ProvidesAccess && cfg.Provides != model.ProvidesPeople:
		return nil, model.Errorf(model.Invalid, "exec target: provides must be people or access, not %q", cfg.Provides)
	case cfg.Timeout < 0 || cfg.ListTimeout < 0 || cfg.MaxLine < 0:
		return nil, model.Errorf(model.Invalid, "exec target: timeout, list timeout and the limit of a line must not be negative")
	case cfg.Now == nil:
		return nil, errors.New("execconn.New: Config.Now is required")
	}
	cfg.Path = or(cfg.Path, proc.DefaultPath)
	cfg.Provides = or(cfg.Provides, model.ProvidesAccess)
	cfg.Timeout = or(cfg.Timeout, 30*time.Second)
	cfg.ListTimeout = or(cfg.ListTimeout, time.Hour)
	cfg.MaxLine = or(cfg.MaxLine, 1<<20)
	cfg.Command, cfg.Env, cfg.Secrets = slices.Clone(cfg.Command), maps.Clone(cfg.Env), maps.Clone(cfg.Secrets)
	return &Client{cfg: cfg, secrets: proc.SecretsOf(cfg.Secrets)}, nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// environ is the program's whole environment: nothing of ours is handed on but what the
// configuration names.
func (c *Client) environ(dir string, r request) []string {
	own := map[string]string{"PATH": c.cfg.Path, "LANG": "C.UTF-8", "HOME": dir, "TMPDIR": dir}
	return proc.Environ(own, c.cfg.Env, c.cfg.Secrets, r.variables())
}
