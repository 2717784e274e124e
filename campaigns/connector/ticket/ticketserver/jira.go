package ticketserver

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var jqlRE = regexp.MustCompile(`^labels = "([a-z0-9-]+)" ORDER BY created ASC$`)

// jiraStatuses are the statuses of a simple workflow with their categories.
var jiraStatuses = map[string]string{"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Won't do": "done", "Verified": "indeterminate"}

func jiraError(messages []string, fields map[string]string) map[string]any {
	if fields == nil {
		fields = map[string]string{}
	}
	return map[string]any{"errorMessages": messages, "errors": fields}
}

func (s *Server) jira(r *http.Request, body []byte) (int, any) {
	api := "/rest/api/2"
	search := api + "/search"
	if s.kind == JiraCloud {
		api, search = "/rest/api/3", "/rest/api/3/search/jql"
	}
	rest, ok := strings.CutPrefix(r.URL.Path, api+"/issue")
	switch {
	case r.Method == http.MethodGet && !ok:
		return s.jiraAbout(r, strings.TrimPrefix(r.URL.Path, api))
	case r.URL.Path == search && r.Method == http.MethodPost:
		return s.jiraSearch(body)
	case s.kind == JiraCloud && r.URL.Path == api+"/search":
		return http.StatusGone, jiraError([]string{"The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."}, nil)
	case !ok:
		return http.StatusNotFound, jiraError([]string{"no such resource"}, nil)
	case rest == "" && r.Method == http.MethodPost:
		return s.jiraCreate(r, body)
	}
	parts := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	t := s.byID(parts[0])
	if t == nil {
		return http.StatusNotFound, jiraError([]string{"Issue does not exist or you do not have permission to see it."}, nil)
	}
	switch {
	case len(parts) == 1 && r.Method == http.MethodGet:
		return http.StatusOK, s.jiraIssue(t)
	case len(parts) == 2 && parts[1] == "comment" && r.Method == http.MethodGet:
		return s.jiraComments(r, t)
	case len(parts) == 2 && parts[1] == "comment" && r.Method == http.MethodPost:
		var in struct {
			Body json.RawMessage `json:"body"`
		}
		if json.Unmarshal(body, &in) != nil {
			return http.StatusBadRequest, jiraError([]string{"Can not deserialize"}, nil)
		}
		text, ok := s.jiraText(in.Body)
		if !ok {
			return http.StatusBadRequest, jiraError(nil, map[string]string{"comment": "Comment body is not valid!"})
		}
		t.Comments = append(t.Comments, text)
		return http.StatusCreated, map[string]any{"id": "10000", "self": "http://" + r.Host + r.URL.Path + "/10000"}
	}
	return http.StatusMethodNotAllowed, jiraError(nil, nil)
}

// jiraComments are the comments of an issue, the latest first, two a page at most.
func (s *Server) jiraComments(r *http.Request, t *Ticket) (int, any) {
	start, err := strconv.Atoi(r.URL.Query().Get("startAt"))
	if err != nil || start < 0 || r.URL.Query().Get("orderBy") != "-created" {
		return http.StatusBadRequest, jiraError([]string{"Bad paging"}, nil)
	}
	all := slices.Clone(t.Comments)
	slices.Reverse(all)
	page := []map[string]any{}
	for _, text := range all[min(start, len(all)):min(start+2, len(all))] {
		var body any = text
		if s.kind == JiraCloud {
			body = map[string]any{"type": "doc", "version": 1, "content": []map[string]any{{"type": "paragraph", "content": []map[string]any{{"type": "text", "text": text}}}}}
		}
		page = append(page, map[string]any{"id": "10000", "body": body})
	}
	return http.StatusOK, map[string]any{"startAt": start, "maxResults": 2, "total": len(all), "comments": page}
}

// jiraAbout tells of the account and of the project.
func (s *Server) jiraAbout(r *http.Request, path string) (int, any) {
	switch path {
	case "/myself":
		if s.kind == JiraCloud {
			return http.StatusOK, map[string]any{"accountId": "5b10", "accountType": "app", "displayName": "Recert Bot", "active": true}
		}
		return http.StatusOK, map[string]any{"key": "JIRAUSER1", "name": "recert", "displayName": "Recert Bot", "active": true}
	case "/project/SEC", "/project/OLD": // a project is found by former keys too
		return http.StatusOK, map[string]any{"id": "10000", "key": "SEC", "name": "Security", "issueTypes": []map[string]any{
			{"id": "1", "name": "Task", "subtask": false}, {"id": "2", "name": "Bug", "subtask": false}, {"id": "3", "name": "Sub-task", "subtask": true},
		}}
	case "/mypermissions":
		rights := map[string]any{}
		for right := range strings.SplitSeq(r.URL.Query().Get("permissions"), ",") {
			rights[right] = map[string]any{"key": right, "havePermission": r.URL.Query().Get("projectKey") == "SEC" && !slices.Contains(s.denied, right)}
		}
		return http.StatusOK, map[string]any{"permissions": rights}
	}
	if strings.HasPrefix(path, "/project/") {
		return http.StatusNotFound, jiraError([]string{"No project could be found with key '" + strings.TrimPrefix(path, "/project/") + "'."}, nil)
	}
	return http.StatusNotFound, jiraError([]string{"no such resource"}, nil)
}

func (s *Server) jiraIssue(t *Ticket) map[string]any {
	return map[string]any{"id": t.ID, "key": t.Key, "self": "http://jira/rest/" + t.ID, "fields": map[string]any{
		"labels": []string{t.Mark},
		"status": map[string]any{"name": t.Status, "id": "3", "statusCategory": map[string]any{"id": 2, "key": jiraStatuses[t.Status], "name": t.Status}},
	}}
}

func (s *Server) jiraSearch(body []byte) (int, any) {
	var in struct {
		JQL    string   `json:"jql"`
		Fields []string `json:"fields"`
	}
	m := []string{}
	if json.Unmarshal(body, &in) == nil {
		m = jqlRE.FindStringSubmatch(in.JQL)
	}
	if len(m) != 2 {
		return http.StatusBadRequest, jiraError([]string{"Error in the JQL Query"}, nil)
	}
	issues := []map[string]any{}
	for _, t := range s.visible(m[1]) {
		i := s.jiraIssue(t)
		if len(in.Fields) == 0 && s.kind == JiraCloud {
			delete(i, "fields") // nothing comes by itself
		}
		issues = append(issues, i)
	}
	if s.kind == JiraCloud {
		return http.StatusOK, map[string]any{"issues": issues, "isLast": true}
	}
	return http.StatusOK, map[string]any{"startAt": 0, "maxResults": 2, "total": len(issues), "issues": issues}
}

func (s *Server) jiraCreate(r *http.Request, body []byte) (int, any) {
	var in struct {
		Fields struct {
			Project     struct{ Key string }  `json:"project"`
			Type        struct{ Name string } `json:"issuetype"`
			Summary     string                `json:"summary"`
			Description json.RawMessage       `json:"description"`
			Labels      []string              `json:"labels"`
		} `json:"fields"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return http.StatusBadRequest, jiraError([]string{"Can not deserialize"}, nil)
	}
	f, bad := in.Fields, map[string]string{}
	if f.Project.Key != "SEC" {
		bad["project"] = "valid project is required"
	}
	if f.Type.Name != "Task" {
		bad["issuetype"] = "Specify a valid issue type"
	}
	if f.Summary == "" || len(f.Summary) > 255 || strings.ContainsAny(f.Summary, "\r\n") {
		bad["summary"] = "You must specify a summary of the issue."
	}
	text, ok := s.jiraText(f.Description)
	if !ok {
		bad["description"] = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
	}
	if len(f.Labels) != 1 || strings.Contains(f.Labels[0], " ") {
		bad["labels"] = "The label can't contain spaces."
	}
	if len(bad) > 0 {
		return http.StatusBadRequest, jiraError([]string{}, bad)
	}
	n := s.number()
	t := &Ticket{ID: "1000" + n, Key: "SEC-" + n, Title: f.Summary, Text: text, Mark: f.Labels[0], Status: "To Do"}
	s.add(t)
	return http.StatusCreated, map[string]any{"id": t.ID, "key": t.Key, "self": "http://" + r.Host + r.URL.Path + "/" + t.ID}
}

// jiraText reads a text as this Jira has it: a document, or plain.
func (s *Server) jiraText(raw json.RawMessage) (string, bool) {
	if s.kind == JiraServer {
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err == nil && text != ""
	}
	var doc struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
		Content []struct {
			Type    string `json:"type"`
			Content []struct {
				Type string `json:"type"`
				Text string `json:"text"`
			} `json:"content"`
		} `json:"content"`
	}
	if json.Unmarshal(raw, &doc) != nil || doc.Type != "doc" || doc.Version != 1 || len(doc.Content) == 0 {
		return "", false
	}
	var lines []string
	for _, p := range doc.Content {
		if p.Type != "paragraph" {
			return "", false
		}
		for _, c := range p.Content {
			if c.Type != "text" || c.Text == "" {
				return "", false
			}
			lines = append(lines, c.Text)
		}
	}
	return strings.Join(lines, "\n\n"), true
}
