package ticket

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

// jira speaks REST version 3 with Jira Cloud, whose texts are documents, and version 2 with Data
// Center, whose texts are plain.
type jira struct {
	cfg   Config
	rest  *rest.Client
	cloud bool
	api   string
}

func newJira(cfg Config, r *rest.Client) *jira {
	j := &jira{cfg: cfg, rest: r, api: "/rest/api/2"}
	if u, err := url.Parse(cfg.URL); cfg.Deployment == Cloud || cfg.Deployment == "" && err == nil && onCloud(u.Hostname()) {
		j.cloud, j.api = true, "/rest/api/3"
	}
	if j.cfg.IssueType == "" {
		j.cfg.IssueType = "Task"
	}
	return j
}

// Name is "Jira".
func (*jira) Name() string { return "Jira" }

// String names the system without credentials.
func (j *jira) String() string { return j.cfg.String() }

// GoString is String.
func (j *jira) GoString() string { return j.cfg.String() }

type jiraIssue struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Fields struct {
		Labels []string    `json:"labels"`
		Status *jiraStatus `json:"status"`
	} `json:"fields"`
}

type jiraStatus struct {
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

var (
	issueKeyRE = regexp.MustCompile(`^[A-Z][A-Z0-9_]*-[0-9]+$`)
	issueIDRE  = regexp.MustCompile(`^[0-9]+$`)
)

// text is a field of several paragraphs.
func (j *jira) text(lines []string) any {
	if !j.cloud {
		return strings.Join(lines, "\n\n")
	}
	type node map[string]any
	var content []node
	for _, l := range lines {
		content = append(content, node{"type": "paragraph", "content": []node{{"type": "text", "text": l}}})
	}
	return node{"type": "doc", "version": 1, "content": content}
}

// Open makes an issue with the key as a label, unless there is one.
func (j *jira) Open(ctx context.Context, o connector.Order, key string) (connector.Reference, error) {
	if err := safeKey(j.rest, key); err != nil {
		return connector.Reference{}, err
	}
	found, err := j.find(ctx, key)
	if err != nil || found != nil {
		if err != nil {
			return connector.Reference{}, untouched(err)
		}
		return j.reference(found)
	}
	title, lines := word(o)
	body, err := json.Marshal(map[string]any{"fields": map[string]any{
		"project": map[string]string{"key": j.cfg.Project}, "issuetype": map[string]string{"name": j.cfg.IssueType},
		"summary": title, "description": j.text(lines), "labels": []string{key},
	}})
	if err != nil {
		return connector.Reference{}, j.rest.Fail(connector.Broken, "The ticket cannot be written", err)
	}
	a, err := j.rest.Do(ctx, rest.Request{Method: http.MethodPost, Path: j.api + "/issue", Body: body})
	if err != nil {
		return connector.Reference{}, maybe(err)
	}
	if a.Status != http.StatusCreated && a.Status != http.StatusOK {
		return connector.Reference{}, notMade(a, j.refusal("Opening the ticket", a))
	}
	var made jiraIssue
	if err := j.rest.Decode(a, &made); err != nil {
		return connector.Reference{}, maybe(err) // it says that it made one
	}
	ref, err := j.reference(&made)
	return ref, maybe(err)
}

// find looks for the issue with a label; nil is none. Of several the oldest is ours.
func (j *jira) find(ctx context.Context, key string) (*jiraIssue, error) {
	path := "/search"
	if j.cloud {
		path = "/search/jql"
	}
	body, err := json.Marshal(map[string]any{
		"jql": `labels = "` + key + `" ORDER BY created ASC`, "fields": []string{"labels", "status"}, "maxResults": 2,
	})
	if err != nil {
		return nil, err
	}
	a, err := j.rest.Do(ctx, rest.Request{Method: http.MethodPost, Path: j.api + path, Body: body})
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, j.refusal("Looking for the ticket", a)
	}
	var page struct {
		Issues *[]jiraIssue `json:"issues"`
	}
	if err := j.rest.Decode(a, &page); err != nil {
		return nil, err
	}
	if page.Issues == nil {
		return nil, j.rest.Fail(connector.Broken, "Jira's answer to a search holds no issues", nil)
	}
	if len(*page.Issues) == 0 {
		return nil, nil //nolint:nilnil // none
	}
	first := (*page.Issues)[0]
	if !slices.Contains(first.Fields.Labels, key) {
		return nil, j.rest.Fail(connector.Broken, "Jira found an issue that does not have the label that was looked for", nil)
	}
	return &first, nil
}

func (j *jira) reference(i *jiraIssue) (connector.Reference, error) {
	if !issueKeyRE.MatchString(i.Key) || !issueIDRE.MatchString(i.ID) {
		return connector.Reference{}, j.rest.Fail(connector.Broken, "Jira's answer does not name the issue", nil)
	}
	r := connector.Reference{ID: i.Key, Handle: i.ID, URL: j.rest.Base() + "/browse/" + i.Key}
	if i.Fields.Status != nil {
		p := j.progress(*i.Fields.Status)
		r.Status, r.Closed = p.Text, p.Closed
	}
	return r, nil
}

func (j *jira) progress(s jiraStatus) connector.Progress {
	return connector.Progress{Text: shown(s.Name), Closed: j.cfg.closed(s.Category.Key == "done", s.Name)}
}

// Follow reads the issue's status.
func (j *jira) Follow(ctx context.Context, r connector.Reference) (connector.Progress, error) {
	if !issueIDRE.MatchString(r.Handle) {
		return connector.Progress{}, gone(j.rest, r.ID)
	}
	a, err := j.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: j.api + "/issue/" + r.Handle, Query: url.Values{"fields": {"status"}}})
	switch {
	case err != nil:
		return connector.Progress{}, err
	case a.Status == http.StatusNotFound:
		return connector.Progress{}, gone(j.rest, r.ID)
	case a.Status != http.StatusOK:
		return connector.Progress{}, j.refusal("Reading the ticket", a)
	}
	var i jiraIssue
	if err := j.rest.Decode(a, &i); err != nil {
		return connector.Progress{}, err
	}
	if i.ID != r.Handle || i.Fields.Status == nil || i.Fields.Status.Name == "" {
		return connector.Progress{}, j.rest.Fail(connector.Broken, "Jira's answer does not tell the issue's status", nil)
	}
	return j.progress(*i.Fields.Status), nil
}

// Comment adds a comment.
func (j *jira) Comment(ctx context.Context, r connector.Reference, text string) error {
	if !issueIDRE.MatchString(r.Handle) {
		return gone(j.rest, r.ID)
	}
	body, err := json.Marshal(map[string]any{"body": j.text([]string{text})})
	if err != nil {
		return err
	}
	a, err := j.rest.Do(ctx, rest.Request{Method: http.MethodPost, Path: j.api + "/issue/" + r.Handle + "/comment", Body: body})
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusNotFound:
		return gone(j.rest, r.ID)
	case a.Status != http.StatusCreated && a.Status != http.StatusOK:
		return j.refusal("Commenting on the ticket", a)
	}
	return nil
}

// Comments are read a page at a time, up to so many in all.
const (
	commentPage = 100
	commentMost = 2000
)

// Said looks for a comment among those of the issue.
func (j *jira) Said(ctx context.Context, r connector.Reference, text string) (bool, error) {
	if !issueIDRE.MatchString(r.Handle) {
		return false, gone(j.rest, r.ID)
	}
	for start := 0; start < commentMost; {
		page, total, err := j.comments(ctx, r, start)
		if err != nil {
			return false, err
		}
		for _, body := range page {
			if strings.Contains(j.plain(body), text) {
				return true, nil
			}
		}
		if start += len(page); start >= total {
			return false, nil
		}
		if len(page) == 0 {
			return false, j.rest.Fail(connector.Broken, "Jira's list of comments ends before its end", nil)
		}
	}
	return false, j.rest.Fail(connector.Broken, "The ticket has too many comments to look through", nil)
}

// comments are the bodies of a page of an issue's comments, and how many there are in all.
func (j *jira) comments(ctx context.Context, r connector.Reference, start int) (bodies []json.RawMessage, total int, err error) {
	a, err := j.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: j.api + "/issue/" + r.Handle + "/comment", Query: url.Values{
		"startAt": {strconv.Itoa(start)}, "maxResults": {strconv.Itoa(commentPage)}, "orderBy": {"-created"},
	}})
	switch {
	case err != nil:
		return nil, 0, err
	case a.Status == http.StatusNotFound:
		return nil, 0, gone(j.rest, r.ID)
	case a.Status != http.StatusOK:
		return nil, 0, j.refusal("Reading the ticket's comments", a)
	}
	var page struct {
		Total    *int `json:"total"`
		Comments *[]struct {
			Body json.RawMessage `json:"body"`
		} `json:"comments"`
	}
	if err := j.rest.Decode(a, &page); err != nil {
		return nil, 0, err
	}
	if page.Total == nil || page.Comments == nil {
		return nil, 0, j.rest.Fail(connector.Broken, "Jira's answer does not tell the issue's comments", nil)
	}
	for _, c := range *page.Comments {
		bodies = append(bodies, c.Body)
	}
	return bodies, *page.Total, nil
}

// adf is a piece of a document as Jira Cloud has them.
type adf struct {
	Text    string `json:"text"`
	Content []adf  `json:"content"`
}

func (a adf) write(b *strings.Builder) {
	b.WriteString(a.Text)
	for _, c := range a.Content {
		c.write(b)
	}
}

// plain is the text of a comment; what is none of ours may be anything.
func (j *jira) plain(body json.RawMessage) string {
	if !j.cloud {
		var text string
		if json.Unmarshal(body, &text) != nil {
			return ""
		}
		return text
	}
	var doc adf
	if json.Unmarshal(body, &doc) != nil {
		return ""
	}
	var b strings.Builder
	doc.write(&b)
	return b.String()
}

// refusal is a status with the fields that Jira complains of. What it says of them may repeat what
// the ticket says, so it is left out.
func (j *jira) refusal(what string, a *rest.Answer) error {
	f := j.rest.Status(what, a)
	var said struct {
		Errors map[string]any `json:"errors"`
	}
	if f.Kind == connector.Refused && j.rest.Decode(a, &said) == nil {
		if names := fieldNames(slices.Collect(maps.Keys(said.Errors))); names != "" {
			f.Msg += ": it does not take the fields " + names + "; compare project and issue_type with what Jira has, and which fields its screen for new issues has and requires"
		}
	}
	return f
}
