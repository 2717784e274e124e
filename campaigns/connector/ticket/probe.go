package ticket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

var (
	_ connector.Prober = (*jira)(nil)
	_ connector.Prober = (*serviceNow)(nil)
)

// Probe looks who we are, whether the project has tickets of the type, and what we may do with them. It
// makes none.
func (j *jira) Probe(ctx context.Context) (string, error) {
	var me struct {
		Shown string `json:"displayName"`
		Name  string `json:"name"`
	}
	if _, err := j.get(ctx, "Signing in", "/myself", nil, &me); err != nil {
		return "", err
	}
	name := shown(me.Shown)
	if name == "" {
		name = shown(me.Name)
	}
	if name == "" {
		return "", j.rest.Fail(connector.Broken, "Jira's answer does not tell who we are; is url its address?", nil)
	}
	var project struct {
		Key   string `json:"key"`
		Types *[]struct {
			Name    string `json:"name"`
			Subtask bool   `json:"subtask"`
		} `json:"issueTypes"`
	}
	found, err := j.get(ctx, "Looking at the project", "/project/"+j.cfg.Project, nil, &project)
	switch {
	case err != nil:
		return "", err
	case !found:
		return "", j.rest.Fail(connector.Refused, "Jira has no project "+j.cfg.Project+", or does not show it to our account", nil)
	case project.Key != j.cfg.Project:
		return "", j.rest.Fail(connector.Refused, fmt.Sprintf("The project %s is called %s by now: set project to that", j.cfg.Project, shown(project.Key)), nil)
	}
	if project.Types != nil {
		var names []string
		for _, t := range *project.Types {
			if !t.Subtask {
				names = append(names, shown(t.Name))
			}
		}
		if !slices.Contains(names, j.cfg.IssueType) {
			return "", j.rest.Fail(connector.Refused, fmt.Sprintf("The project %s has no tickets of the type %s; set issue_type to one of: %s", j.cfg.Project, j.cfg.IssueType, strings.Join(names, ", ")), nil)
		}
	}
	if err := j.rights(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("Jira answers: signed in as “%s”, who may open tickets of the type %s in the project %s. None was opened.", name, j.cfg.IssueType, j.cfg.Project), nil
}

// needs are the rights that opening and following tickets takes, and what they are called.
var needs = []struct{ key, name string }{{"BROWSE_PROJECTS", "to browse the project"}, {"CREATE_ISSUES", "to create issues"}, {"ADD_COMMENTS", "to comment on them"}}

// rights refuses an account that Jira says may not do what is needed.
func (j *jira) rights(ctx context.Context) error {
	keys := make([]string, len(needs))
	for i, n := range needs {
		keys[i] = n.key
	}
	var said struct {
		Permissions map[string]struct {
			Have *bool `json:"havePermission"`
		} `json:"permissions"`
	}
	found, err := j.get(ctx, "Looking at our rights", "/mypermissions", url.Values{"projectKey": {j.cfg.Project}, "permissions": {strings.Join(keys, ",")}}, &said)
	if err != nil || !found {
		return err // where it cannot be asked, the first ticket shows it
	}
	var lacks []string
	for _, n := range needs {
		if have := said.Permissions[n.key].Have; have != nil && !*have {
			lacks = append(lacks, n.name)
		}
	}
	if len(lacks) > 0 {
		return j.rest.Fail(connector.Denied, fmt.Sprintf("Our account lacks rights in the project %s: %s", j.cfg.Project, strings.Join(lacks, ", ")), nil)
	}
	return nil
}

// get reads one thing into what; false is that there is none.
func (j *jira) get(ctx context.Context, doing, path string, query url.Values, into any) (bool, error) {
	a, err := j.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: j.api + path, Query: query})
	switch {
	case err != nil:
		return false, err
	case a.Status == http.StatusNotFound && path != "/myself":
		return false, nil
	case a.Status == http.StatusNotFound:
		return false, j.rest.Fail(connector.Broken, "There is no Jira at this address: url is what stands before /browse/ in the address of an issue", nil)
	case a.Status != http.StatusOK:
		return false, j.rest.Status(doing, a)
	}
	return true, j.rest.Decode(a, into)
}

// probeKey is a key that no order has.
const probeKey = "recert-test"

// Probe searches as it does before it makes a record, and makes none.
func (s *serviceNow) Probe(ctx context.Context) (string, error) {
	if _, err := s.find(ctx, probeKey); err != nil {
		return "", err
	}
	return fmt.Sprintf("ServiceNow answers, and lets our account search the table %s. Nothing was written: whether the account may do that shows with the first ticket.", s.cfg.Table), nil
}
