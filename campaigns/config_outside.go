package campaigns

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"recert/model"
)

// checkOutside refuses settings by which no removal could be asked for outside: of mode ticket or
// webhook.
func checkOutside(s *model.SourceSpec) error {
	t, w, mode := s.Revoke.Ticket, s.Revoke.Webhook, s.Revoke.Mode
	switch {
	case mode == model.ModeTicket && t == nil:
		return errors.New("revoke mode ticket needs ticket: with its settings, as in ticket: {system: jira, url: \"https://jira.example.com\", project: SEC, token: \"${JIRA_TOKEN}\"}")
	case mode == model.ModeWebhook && w == nil:
		return errors.New("revoke mode webhook needs webhook: with its settings, as in webhook: {url: \"https://hooks.example.com/recert\", secret: \"${HOOK_SECRET}\"}")
	case mode != model.ModeTicket && t != nil, mode != model.ModeWebhook && w != nil:
		return fmt.Errorf("revoke: mode %q has no settings of another mode", mode)
	case model.Outside(mode) && s.Provides == model.ProvidesPeople:
		return fmt.Errorf("revoke mode %s is for a source of access, not of people", mode)
	case t != nil:
		return checkTicket(t)
	case w != nil:
		if err := checkOutsideURL("webhook", w.URL); err != nil {
			return err
		}
		if !secretRefRE.MatchString(w.Secret) {
			return errors.New("webhook: secret must be a reference like ${HOOK_SECRET}: secrets are never stored")
		}
	}
	return nil
}

func checkTicket(t *model.TicketSpec) error {
	if err := checkOutsideURL("ticket", t.URL); err != nil {
		return err
	}
	cloud := t.Deployment == "cloud" || t.Deployment == "" && strings.Contains(t.URL, ".atlassian.net")
	switch {
	case t.System != "jira" && t.System != "servicenow":
		return fmt.Errorf("ticket: system %q is not supported by this version; it knows jira and servicenow", t.System)
	case !secretRefRE.MatchString(t.Token):
		return errors.New("ticket: token must be a reference like ${JIRA_TOKEN}: secrets are never stored")
	case t.System == "jira" && t.Project == "":
		return errors.New("ticket: system jira needs project, the key of a project like SEC")
	case t.System == "jira" && (t.Table != "" || t.AssignmentGroup != ""):
		return errors.New("ticket: table and assignment_group are of servicenow, not of jira")
	case t.Deployment != "" && t.Deployment != "cloud" && t.Deployment != "server":
		return fmt.Errorf("ticket: deployment %q must be cloud or server", t.Deployment)
	case t.System == "jira" && cloud && t.User == "":
		return errors.New("ticket: Jira Cloud needs user, the e-mail address that the API token is of")
	case t.System == "servicenow" && (t.Project != "" || t.IssueType != "" || t.Deployment != ""):
		return errors.New("ticket: project, issue_type and deployment are of jira, not of servicenow")
	}
	return nil
}

// checkOutsideURL refuses an address to which credentials, or names of people, should not travel. The
// refusal never repeats the address.
func checkOutsideURL(what, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%s: url must be an address like https://%s.example.com", what, what)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return fmt.Errorf("%s: url must hold no user, password, query or fragment", what)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if own := u.Hostname() == "localhost" || err == nil && ip.IsLoopback(); u.Scheme == "http" && !own {
		return fmt.Errorf("%s: url must begin with https://: over http:// everybody on the way could read it", what)
	}
	return nil
}
