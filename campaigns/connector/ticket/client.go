package ticket

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/manual"
	"recert/campaigns/connector/rest"
	"recert/model"
)

// The systems that tickets may be in, and the deployments of Jira.
const (
	Jira       = "jira"
	ServiceNow = "servicenow"

	Cloud  = "cloud"
	Server = "server"
)

// Config is where tickets go. System, URL, Token and Now are required, and of Jira Project.
type Config struct {
	System string // Jira or ServiceNow
	URL    string
	User   string // with Token as its password or API token; "" is a bearer token
	Token  string `json:"-"`

	Deployment   string   // of Jira: Cloud or Server; "" is Cloud where the host is of atlassian.net, else Server
	Project      string   // of Jira: its key
	IssueType    string   // of Jira: its name; "" is Task
	Table        string   // of ServiceNow; "" is incident
	Group        string   // of ServiceNow: the name of the assignment group; "" is none
	ClosedStates []string // names, or values, of states in which a ticket is closed; nil is by the system's own word

	CAFile  string        // PEM file of further authorities that are trusted; "" is the system's only
	Timeout time.Duration // of one request, its answer included; 0 is 30 s
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Now     func() time.Time
}

// String names the system without credentials.
func (c Config) String() string { return "tickets in " + c.System }

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue keeps credentials out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

var (
	projectRE = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}$`)
	tableRE   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)
	keyRE     = regexp.MustCompile(`^[a-z0-9-]{1,100}$`)
)

// New checks cfg and makes the client of its system; it sends nothing.
func New(cfg Config) (connector.Follower, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	name := map[string]string{Jira: "Jira", ServiceNow: "ServiceNow"}[cfg.System]
	basic := base64.StdEncoding.EncodeToString([]byte(cfg.User + ":" + cfg.Token))
	r, err := rest.New(rest.Config{
		Name: name, URL: cfg.URL, CAFile: cfg.CAFile, Timeout: cfg.Timeout, Dial: cfg.Dial, Now: cfg.Now, Secrets: []string{cfg.Token, basic},
		Dress: func(r *http.Request) {
			if cfg.User == "" {
				r.Header.Set("Authorization", "Bearer "+cfg.Token)
			} else {
				r.SetBasicAuth(cfg.User, cfg.Token)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if cfg.System == Jira {
		return newJira(cfg, r), nil
	}
	return newServiceNow(cfg, r), nil
}

func (c Config) check() error {
	u, err := rest.CheckURL("ticket: url", c.URL)
	if err != nil {
		return err
	}
	switch {
	case c.System != Jira && c.System != ServiceNow:
		return model.Errorf(model.Invalid, "ticket: system %q is not supported; it knows jira and servicenow", c.System)
	case c.Token == "":
		return model.Errorf(model.Invalid, "ticket: token is required: the password or API token of user, or a bearer token without user")
	case strings.ContainsFunc(c.Token, rest.Unprintable) && c.User == "":
		return model.Errorf(model.Invalid, "ticket: the token holds a space, a line end or another character that a header cannot carry; is the file's last line end included?")
	case strings.Contains(c.User, ":"):
		return model.Errorf(model.Invalid, "ticket: user must hold no colon")
	case c.System == Jira && !projectRE.MatchString(c.Project):
		return model.Errorf(model.Invalid, "ticket: project must be the key of a Jira project, like SEC")
	case c.System == Jira && (c.Table != "" || c.Group != ""):
		return model.Errorf(model.Invalid, "ticket: table and assignment_group are of ServiceNow, not of Jira")
	case c.System == Jira && !slices.Contains([]string{"", Cloud, Server}, c.Deployment):
		return model.Errorf(model.Invalid, "ticket: deployment %q must be cloud or server", c.Deployment)
	case c.System == Jira && c.User == "" && (c.Deployment == Cloud || c.Deployment == "" && onCloud(u.Hostname())):
		return model.Errorf(model.Invalid, "ticket: Jira Cloud needs user, the e-mail address that the API token is of")
	case c.System == ServiceNow && (c.Project != "" || c.IssueType != "" || c.Deployment != ""):
		return model.Errorf(model.Invalid, "ticket: project, issue_type and deployment are of Jira, not of ServiceNow")
	case c.System == ServiceNow && c.Table != "" && !tableRE.MatchString(c.Table):
		return model.Errorf(model.Invalid, "ticket: table %q must be the name of a table, like incident or sc_task", c.Table)
	}
	return nil
}

func onCloud(host string) bool { return strings.HasSuffix(strings.ToLower(host), ".atlassian.net") }

// closed tells whether a state, by any of its names, is one of those in which a ticket is closed;
// own is what the system itself says.
func (c Config) closed(own bool, names ...string) bool {
	if len(c.ClosedStates) == 0 {
		return own
	}
	return slices.ContainsFunc(c.ClosedStates, func(s string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSpace(s), n) })
	})
}

// maxTitle is how many characters a ticket's title may have: Jira takes 255, ServiceNow 160.
const maxTitle = 150

// word puts an order into words for a ticket.
func word(o connector.Order) (title string, lines []string) {
	t := manual.Word(manual.Work{
		System: o.System, Access: o.Access, AccountName: o.AccountName, PersonName: o.PersonName, Description: o.Description,
		DecidedBy: o.DecidedBy, Campaign: o.Campaign, Comment: o.Comment, Due: o.Due,
	})
	title = t.Title
	if r := []rune(title); len(r) > maxTitle {
		title = string(r[:maxTitle-1]) + "…"
	}
	lines = []string{"Who: " + t.Who, "What: " + t.What, "How: " + t.How}
	lines = append(lines, fmt.Sprintf("Closing this ticket does not end it: Recert reads “%s” again, and closes the removal when the access is not there any more.", o.System))
	if o.Link != "" {
		lines = append(lines, "In Recert: "+o.Link)
	}
	return title, lines
}

// safeKey refuses a key that a query language could take for something else.
func safeKey(r *rest.Client, key string) error {
	if !keyRE.MatchString(key) {
		return r.Fail(connector.Broken, "A ticket's key must be of a-z, 0-9 and -", nil)
	}
	return nil
}

// shown is a system's word for a state, fit to be shown and stored.
func shown(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
	if r := []rune(strings.TrimSpace(s)); len(r) > 60 {
		return string(r[:60])
	}
	return strings.TrimSpace(s)
}

// fieldNames are the names of fields that a system complains of, as far as they are plain names.
func fieldNames(names []string) string {
	var ok []string
	for _, n := range names {
		if fieldRE.MatchString(n) {
			ok = append(ok, n)
		}
	}
	slices.Sort(ok)
	return strings.Join(ok, ", ")
}

var fieldRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,60}$`)

// gone is the Failure of a ticket that the system does not have.
func gone(r *rest.Client, id string) *connector.Failure {
	return r.Fail(connector.Refused, "The ticket "+shown(id)+" is not there any more, or we may not see it", connector.ErrGone)
}
