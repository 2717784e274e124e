package baton

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
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

// Config says what is read. Exactly one of Command, File and JSON is required, and Now. Only a
// Command can also look at one access and change it. The connector that Command names is the
// only one that connects to anything.
type Config struct {
	// Command is a connector by its absolute path, and its flags as for a sync. Everything
	// secret is given by Secrets, not by flags.
	Command []string
	File    string     // a .c1z file of version 1, read as it is; or
	JSON    *JSONFiles // what the baton command prints of one

	Env     map[string]string // further variables of the connector's environment, as BATON_URL
	Secrets map[string]string `json:"-"` // the same, with values that must never be shown, as BATON_PASSWORD
	Path    string            // PATH of the connector; "" is /usr/local/bin:/usr/bin:/bin

	// PersonAttr says what of a user is the person's number: "id", "login", "email",
	// "profile.KEY" for a key of the user's profile, or "" for nothing.
	PersonAttr string
	Self       string // the id of the account that the connector signs in with, as "user:42"; "" where unknown
	CanGrant   bool   // the connector can also give access

	Timeout  time.Duration  // of one run of the connector; 0 is 10 min
	MaxSize  int64          // bytes of an unpacked file; 0 is 16 GiB
	Location *time.Location // of the times in File, which have no zone; nil is the machine's

	Now func() time.Time
}

// JSONFiles are the outputs of "baton -f FILE resources -o json" and so on, all of one file.
type JSONFiles struct {
	Resources, Entitlements, Grants string
	Syncs                           string // shows when the sync began, and that it was a full one
}

// String names what is read, without flags and environment.
func (c Config) String() string {
	switch {
	case len(c.Command) > 0:
		return "Baton connector " + c.Command[0]
	case c.JSON != nil:
		return "Baton output " + c.JSON.Grants
	}
	return "Baton file " + c.File
}

// GoString is String: no verb of fmt shows a secret.
func (c Config) GoString() string { return c.String() }

// LogValue keeps secrets out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Client is a connector.Source, a connector.Granter and a connector.Prober. It is safe for
// concurrent use; each look is a run of the connector.
type Client struct {
	cfg     Config
	secrets proc.Secrets
}

// String names what is read.
func (c *Client) String() string { return c.cfg.String() }

// GoString is String: no verb of fmt shows a secret.
func (c *Client) GoString() string { return c.String() }

// New checks cfg and makes a Client; it reads nothing and runs nothing.
func New(cfg Config) (*Client, error) {
	bad := func(format string, args ...any) (*Client, error) {
		return nil, model.Errorf(model.Invalid, "Baton: "+format, args...)
	}
	given := 0
	for _, is := range []bool{len(cfg.Command) > 0, cfg.File != "", cfg.JSON != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return bad("give one of a command, a file, or the outputs of baton as JSON")
	case cfg.JSON != nil && (cfg.JSON.Resources == "" || cfg.JSON.Entitlements == "" || cfg.JSON.Grants == "" || cfg.JSON.Syncs == ""):
		return bad("JSON needs four files, the outputs of baton resources, entitlements, grants and syncs, each with -o json")
	case len(cfg.Command) == 0 && (len(cfg.Env) > 0 || len(cfg.Secrets) > 0 || cfg.CanGrant):
		return bad("env, secrets and grant mean something with a command only")
	case cfg.Timeout < 0 || cfg.MaxSize < 0:
		return bad("timeout and size limit must not be negative")
	case !slices.Contains([]string{"", "id", "login", "email"}, cfg.PersonAttr) && !strings.HasPrefix(cfg.PersonAttr, "profile."):
		return bad("the person's number can be in id, login, email or profile.KEY, not in %q", cfg.PersonAttr)
	case cfg.Now == nil:
		return nil, errors.New("baton.New: Config.Now is required")
	}
	if len(cfg.Command) > 0 {
		if err := checkCommand(cfg); err != nil {
			return nil, err
		}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Minute
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 16 << 30
	}
	if cfg.Location == nil {
		cfg.Location = time.Local //nolint:gosmopolitan // the files that this machine writes have its own times
	}
	if cfg.Path == "" {
		cfg.Path = proc.DefaultPath
	}
	cfg.Command, cfg.Env, cfg.Secrets = slices.Clone(cfg.Command), maps.Clone(cfg.Env), maps.Clone(cfg.Secrets)
	return &Client{cfg: cfg, secrets: proc.SecretsOf(cfg.Secrets)}, nil
}

var (
	secretFlag  = regexp.MustCompile(`(?i)^--?[a-z0-9-]*(password|passwd|secret|token|api-?key|private-?key|credentials?)(=|$)`)
	secretInURL = regexp.MustCompile(`://[^/@\s]*:[^/@\s]+@`)
	// Flags and variables that are ours to set, that make a sync leave things out or hide that
	// it did, or that turn the connector into a service of somebody else's.
	ourFlag = regexp.MustCompile(`^(-f|--?(file|revoke-grant|grant-[a-z-]+|sync-resources?|sync-resource-types|skip-[a-z-]+|log-level|log-format|storage-engine|client-id|event-feed|external-resource-[a-z-]+|delete-resource[a-z-]*|create-account[a-z-]*|rotate-credentials[a-z-]*))(=|$)`)
	ourVar  = regexp.MustCompile(`^BATON_(FILE|REVOKE_GRANT|GRANT_[A-Z_]+|SYNC_RESOURCES?|SYNC_RESOURCE_TYPES|SKIP_[A-Z_]+|LOG_LEVEL|LOG_FORMAT|STORAGE_ENGINE|CLIENT_ID|CLIENT_SECRET|EVENT_FEED|OTEL_TRACING_DISABLED|EXTERNAL_RESOURCE_[A-Z_]+|DELETE_RESOURCE[A-Z_]*|CREATE_ACCOUNT[A-Z_]*|ROTATE_CREDENTIALS[A-Z_]*)$`)
)

func checkCommand(cfg Config) error {
	if err := proc.Check("Baton", cfg.Command, cfg.Env, cfg.Secrets, ""); err != nil {
		return err
	}
	for _, arg := range cfg.Command[1:] {
		name, _, _ := strings.Cut(arg, "=")
		switch {
		case secretFlag.MatchString(arg):
			return model.Errorf(model.Invalid, "Baton: command has the flag %s; everybody on the machine can read flags, so give it as the variable BATON_%s among the secrets", name, strings.ToUpper(strings.ReplaceAll(strings.TrimLeft(name, "-"), "-", "_")))
		case secretInURL.MatchString(arg):
			return model.Errorf(model.Invalid, "Baton: command has an address with a password; give it as a variable among the secrets, as BATON_DSN")
		case ourFlag.MatchString(arg):
			return model.Errorf(model.Invalid, "Baton: command has the flag %s, which would change what a sync is or hide what it left out; take it out", name)
		}
	}
	for _, set := range []map[string]string{cfg.Env, cfg.Secrets} {
		for name := range set {
			if ourVar.MatchString(name) {
				return model.Errorf(model.Invalid, "Baton: env has %s, which would change what a sync is or hide what it left out; take it out", name)
			}
		}
	}
	return nil
}

// fail is a Failure whose cause repeats no secret.
func (c *Client) fail(kind connector.FailureKind, msg string, err error) error {
	return &connector.Failure{Kind: kind, Msg: msg, Err: c.secrets.Error(err)}
}

// stopped is the Failure of a read that its context ended, or nil.
func (c *Client) stopped(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return c.fail(connector.Unreachable, "The read was stopped", context.Cause(ctx))
}
