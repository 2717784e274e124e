package ticket

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"recert/campaigns/connector"
	"recert/campaigns/connector/rest"
)

// serviceNow speaks the Table API.
type serviceNow struct {
	cfg  Config
	rest *rest.Client
	path string
}

func newServiceNow(cfg Config, r *rest.Client) *serviceNow {
	if cfg.Table == "" {
		cfg.Table = "incident"
	}
	return &serviceNow{cfg: cfg, rest: r, path: "/api/now/table/" + cfg.Table}
}

// Name is "ServiceNow".
func (*serviceNow) Name() string { return "ServiceNow" }

// String names the system without credentials.
func (s *serviceNow) String() string { return s.cfg.String() }

// GoString is String.
func (s *serviceNow) GoString() string { return s.cfg.String() }

// cell is a field with sysparm_display_value=all.
type cell struct {
	Value string `json:"value"`
	Shown string `json:"display_value"`
}

type record struct {
	SysID       cell `json:"sys_id"`
	Number      cell `json:"number"`
	State       cell `json:"state"`
	Active      cell `json:"active"`
	Correlation cell `json:"correlation_id"`
}

const recordFields = "sys_id,number,state,active,correlation_id"

var (
	sysIDRE  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	numberRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
)

func fields() url.Values {
	return url.Values{"sysparm_fields": {recordFields}, "sysparm_display_value": {"all"}, "sysparm_exclude_reference_link": {"true"}}
}

// Open makes a record with the key as its correlation_id, unless there is one.
func (s *serviceNow) Open(ctx context.Context, o connector.Order, key string) (connector.Reference, error) {
	if err := safeKey(s.rest, key); err != nil {
		return connector.Reference{}, err
	}
	found, err := s.find(ctx, key)
	if err != nil || found != nil {
		if err != nil {
			return connector.Reference{}, untouched(err)
		}
		return s.reference(found)
	}
	title, lines := word(o)
	values := map[string]string{
		"short_description": title, "description": strings.Join(lines, "\n\n"), "correlation_id": key, "correlation_display": "Recert",
	}
	query := fields()
	if s.cfg.Group != "" {
		values["assignment_group"] = s.cfg.Group
		query.Set("sysparm_input_display_value", "true") // the group is given by its name
	}
	body, err := json.Marshal(values)
	if err != nil {
		return connector.Reference{}, s.rest.Fail(connector.Broken, "The ticket cannot be written", err)
	}
	a, err := s.rest.Do(ctx, rest.Request{Method: http.MethodPost, Path: s.path, Query: query, Body: body})
	if err != nil {
		return connector.Reference{}, maybe(err)
	}
	if a.Status != http.StatusCreated && a.Status != http.StatusOK {
		return connector.Reference{}, notMade(a, s.rest.Status("Opening the ticket", a))
	}
	var made struct {
		Result record `json:"result"`
	}
	if err := s.rest.Decode(a, &made); err != nil {
		return connector.Reference{}, maybe(err)
	}
	ref, err := s.reference(&made.Result)
	return ref, maybe(err)
}

// find looks for the record with a correlation_id; nil is none. A table that does not have the
// field, or does not let us read it, answers with any records: each is looked at.
func (s *serviceNow) find(ctx context.Context, key string) (*record, error) {
	query := fields()
	query.Set("sysparm_query", "correlation_id="+key+"^ORDERBYsys_created_on")
	query.Set("sysparm_limit", "2")
	a, err := s.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: s.path, Query: query})
	if err != nil {
		return nil, err
	}
	switch a.Status {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusNotFound:
		return nil, s.rest.Fail(connector.Refused, fmt.Sprintf("Looking for the ticket: ServiceNow answered %d %s: is there a table %s, and is url the instance's address?",
			a.Status, http.StatusText(a.Status), s.cfg.Table), nil)
	default:
		return nil, s.rest.Status("Looking for the ticket", a)
	}
	var page struct {
		Result *[]record `json:"result"`
	}
	if err := s.rest.Decode(a, &page); err != nil {
		return nil, err
	}
	switch {
	case page.Result == nil:
		return nil, s.rest.Fail(connector.Broken, "ServiceNow's answer to a search holds no result", nil)
	case len(*page.Result) == 0:
		return nil, nil //nolint:nilnil // none
	}
	first := (*page.Result)[0]
	if first.Correlation.Value != key {
		return nil, s.rest.Fail(connector.Refused, "The table "+s.cfg.Table+" has no correlation_id that we may read, so a ticket could not be found again. Give our account the right to it", nil)
	}
	return &first, nil
}

func (s *serviceNow) reference(r *record) (connector.Reference, error) {
	if !sysIDRE.MatchString(r.SysID.Value) || !numberRE.MatchString(r.Number.Value) {
		return connector.Reference{}, s.rest.Fail(connector.Broken, "ServiceNow's answer does not name the record", nil)
	}
	p := s.progress(r)
	return connector.Reference{
		ID: r.Number.Value, Handle: r.SysID.Value, URL: s.rest.Base() + "/" + s.cfg.Table + ".do?sys_id=" + r.SysID.Value, Status: p.Text, Closed: p.Closed,
	}, nil
}

// resolved is the state of an incident that is done but still active for a few days.
const resolved = "6"

func (s *serviceNow) progress(r *record) connector.Progress {
	own := r.Active.Value == "false" || s.cfg.Table == "incident" && r.State.Value == resolved
	text := r.State.Shown
	if text == "" {
		text = r.State.Value
	}
	return connector.Progress{Text: shown(text), Closed: s.cfg.closed(own, r.State.Value, r.State.Shown)}
}

// Follow reads the record's state.
func (s *serviceNow) Follow(ctx context.Context, r connector.Reference) (connector.Progress, error) {
	if !sysIDRE.MatchString(r.Handle) {
		return connector.Progress{}, gone(s.rest, r.ID)
	}
	a, err := s.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: s.path + "/" + r.Handle, Query: fields()})
	switch {
	case err != nil:
		return connector.Progress{}, err
	case a.Status == http.StatusNotFound:
		return connector.Progress{}, gone(s.rest, r.ID)
	case a.Status != http.StatusOK:
		return connector.Progress{}, s.rest.Status("Reading the ticket", a)
	}
	var got struct {
		Result record `json:"result"`
	}
	if err := s.rest.Decode(a, &got); err != nil {
		return connector.Progress{}, err
	}
	if got.Result.SysID.Value != r.Handle || got.Result.State.Value == "" {
		return connector.Progress{}, s.rest.Fail(connector.Broken, "ServiceNow's answer does not tell the record's state", nil)
	}
	return s.progress(&got.Result), nil
}

// Comment adds a work note.
func (s *serviceNow) Comment(ctx context.Context, r connector.Reference, text string) error {
	if !sysIDRE.MatchString(r.Handle) {
		return gone(s.rest, r.ID)
	}
	body, err := json.Marshal(map[string]string{"work_notes": text})
	if err != nil {
		return err
	}
	a, err := s.rest.Do(ctx, rest.Request{Method: http.MethodPatch, Path: s.path + "/" + r.Handle, Query: fields(), Body: body})
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusNotFound:
		return gone(s.rest, r.ID)
	case a.Status != http.StatusOK:
		return s.rest.Status("Commenting on the ticket", a)
	}
	return nil
}

// Said looks for a text in the record's work notes, which the Table API gives in one piece.
func (s *serviceNow) Said(ctx context.Context, r connector.Reference, text string) (bool, error) {
	if !sysIDRE.MatchString(r.Handle) {
		return false, gone(s.rest, r.ID)
	}
	a, err := s.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: s.path + "/" + r.Handle, Query: url.Values{
		"sysparm_fields": {"sys_id,work_notes"}, "sysparm_display_value": {"true"},
	}})
	switch {
	case err != nil:
		return false, err
	case a.Status == http.StatusNotFound:
		return false, gone(s.rest, r.ID)
	case a.Status != http.StatusOK:
		return false, s.rest.Status("Reading the ticket's work notes", a)
	}
	var got struct {
		Result struct {
			SysID string  `json:"sys_id"`
			Notes *string `json:"work_notes"`
		} `json:"result"`
	}
	if err := s.rest.Decode(a, &got); err != nil {
		return false, err
	}
	if got.Result.SysID != r.Handle || got.Result.Notes == nil {
		return false, s.rest.Fail(connector.Refused, "ServiceNow does not show the record's work notes. Give our account the right to read them", nil)
	}
	return strings.Contains(*got.Result.Notes, text), nil
}
