package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"recert/campaigns/connector"
	"recert/model"
)

// Prefixes of entitlement ids that stand for values of the user resource.
const (
	rolePrefix        = "role:"
	entitlementPrefix = "entitlement:"
)

// reading is the state of one Read. It keeps ids and, for each membership, one number; rows are
// never kept for longer than a page.
type reading struct {
	c     *Client
	ctx   context.Context // of one call of Read, as the whole reading is
	yield func(model.Record) error
	lines map[model.Kind]int64
	out   connector.Extraction

	ids    []string         // accounts: the listed ones, then those that only a group names
	index  map[string]int32 // of ids
	listed int              // how many of ids the list of users has
	notes  map[int32]string // why an account that is not listed is there

	values  []string           // role and entitlement values, in the order in which they came
	holders map[string][]int32 // who has them
	blank   []blankValue       // values without a value
	groups  []*node
	byID    map[string]*node
	claimed map[string][]int32 // group -> accounts that say they are in it
}

type blankValue struct {
	account int32
	attr    string
}

// Read implements connector.Source: accounts are users, entitlements are groups, roles and
// entitlement values, and a grant is a membership or a value held.
//
// A member that is neither a listed user nor a listed group is looked up by its id. Where the
// target has it, or has lost it, its grant is given all the same, with an attribute that says
// so; a group that appeared during the read fails it.
func (c *Client) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	patient := *c
	patient.patient = true
	r := &reading{
		c: &patient, ctx: ctx, yield: yield, lines: map[model.Kind]int64{},
		index: map[string]int32{}, notes: map[int32]string{}, holders: map[string][]int32{},
		byID: map[string]*node{}, claimed: map[string][]int32{},
		out: connector.Extraction{
			Endpoint: c.base, Query: "GET /Users and GET /Groups, by startIndex and count",
			Totals: map[model.Kind]int64{}, StartedAt: model.TimeOf(c.cfg.Now()),
		},
	}
	for _, step := range []func() error{r.readUsers, r.giveValues, r.readGroups, r.resolve, r.giveGrants} {
		if err := step(); err != nil {
			return connector.Extraction{}, err
		}
	}
	r.out.EndedAt = model.TimeOf(c.cfg.Now())
	return r.out, nil
}

// give hands one row on.
func (r *reading) give(rec model.Record, path string) error {
	r.lines[rec.Kind]++
	rec.File, rec.Line = path, r.lines[rec.Kind]
	return r.yield(rec)
}

// pages reads a list whole: each resource once, exactly as many as the target claims, and the
// same claim on each page.
func (r *reading) pages(path string, each func(raw json.RawMessage) (id string, err error)) (int64, error) {
	seen := map[string]struct{}{}
	first := ""
	total := int64(-1)
	for got := int64(0); total < 0 || got < total; {
		page, err := r.c.page(r.ctx, path, got+1, r.c.cfg.PageSize, nil)
		if err != nil {
			return 0, err
		}
		r.out.Pages++
		switch {
		case total >= 0 && *page.TotalResults != total:
			return 0, r.c.fail(connector.Broken, fmt.Sprintf("%s changed while it was read: it had %d entries and now has %d; read again", path, total, *page.TotalResults), nil)
		case len(page.Resources) == 0 && got < *page.TotalResults:
			return 0, r.c.fail(connector.Broken, fmt.Sprintf("%s ended early: %d of %d entries came", path, got, *page.TotalResults), nil)
		}
		total = *page.TotalResults
		for _, raw := range page.Resources {
			id, err := each(raw)
			if err != nil {
				return 0, err
			}
			if id == "" {
				return 0, r.c.fail(connector.Broken, fmt.Sprintf("%s: entry %d has no id", path, got+1), nil)
			}
			if got == 0 {
				first = id
			}
			if _, twice := seen[id]; twice && id == first {
				return 0, r.c.fail(connector.Broken, fmt.Sprintf("%s gave its first page again: the target does not page, so no more than %d of its %d entries can be read", path, got, total), nil)
			} else if twice {
				return 0, r.c.fail(connector.Broken, fmt.Sprintf("%s gave the id %q twice, so another entry may be missing; read again", path, id), nil)
			}
			seen[id] = struct{}{}
			got++
		}
		if got > total {
			return 0, r.c.fail(connector.Broken, fmt.Sprintf("%s claims %d entries and gave at least %d", path, total, got), nil)
		}
	}
	return total, nil
}

// page reads one page of a list, from start, which counts from 1.
func (c *Client) page(ctx context.Context, path string, start int64, count int, more url.Values) (*listResponse, error) {
	q := url.Values{"startIndex": {strconv.FormatInt(start, 10)}, "count": {strconv.Itoa(count)}}
	for k, v := range more {
		q[k] = v
	}
	var page listResponse
	_, found, err := c.get(ctx, path, q, &page)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, c.fail(connector.Broken, "GET "+path+" was answered 404: url is not the address of a SCIM 2.0 service", nil)
	case page.TotalResults == nil || *page.TotalResults < 0:
		return nil, c.fail(connector.Broken, "GET "+path+" is no SCIM list: it has no totalResults", nil)
	case page.StartIndex != nil && *page.StartIndex != start && len(page.Resources) > 0:
		return nil, c.fail(connector.Broken, fmt.Sprintf("GET %s was asked to start at %d and started at %d", path, start, *page.StartIndex), nil)
	}
	return &page, nil
}

func (r *reading) readUsers() error {
	total, err := r.pages("/Users", func(raw json.RawMessage) (string, error) {
		var u user
		if err := json.Unmarshal(raw, &u); err != nil {
			return "", r.c.fail(connector.Broken, fmt.Sprintf("/Users: the user after %d others cannot be read", len(r.ids)), err)
		}
		if u.ID == "" {
			return "", nil
		}
		i := r.account(string(u.ID))
		r.keepValues(i, rolePrefix, u.Roles)
		r.keepValues(i, entitlementPrefix, u.Entitlements)
		for _, g := range u.Groups {
			if g.Value != "" && !g.indirect() {
				r.claimed[string(g.Value)] = append(r.claimed[string(g.Value)], i)
			}
		}
		return string(u.ID), r.give(model.Record{Kind: model.KindAccounts, Account: r.c.accountOf(&u)}, "/Users")
	})
	r.listed = len(r.ids)
	r.out.Totals[model.KindAccounts] = total
	return err
}

// account is the number of an account, a new one where the id is new.
func (r *reading) account(id string) int32 {
	i, ok := r.index[id]
	if !ok {
		i = int32(len(r.ids)) //nolint:gosec // two thousand million users do not fit in memory
		r.ids, r.index[id] = append(r.ids, id), i
	}
	return i
}

func (r *reading) keepValues(account int32, prefix string, list []valued) {
	for _, v := range list {
		if v.Value == "" {
			r.blank = append(r.blank, blankValue{account, prefix})
			continue
		}
		id := prefix + string(v.Value)
		if _, ok := r.holders[id]; !ok {
			r.values = append(r.values, id)
		}
		r.holders[id] = append(r.holders[id], account)
	}
}

// accountOf is the row of a user.
func (c *Client) accountOf(u *user) model.Account {
	a := model.Account{
		AccountID: string(u.ID), Username: string(u.UserName), DisplayName: u.displayName(), Email: u.email(),
		Status: map[model.Tri]string{model.Yes: "enabled", model.No: "disabled", model.Unknown: ""}[u.Active.is],
		Attrs:  map[string]string{},
	}
	switch c.cfg.PersonAttr {
	case "externalId":
		a.PersonID = string(u.ExternalID)
	case "employeeNumber":
		a.PersonID = string(u.Enterprise.EmployeeNumber)
	case "userName":
		a.PersonID = string(u.UserName)
	case "id":
		a.PersonID = string(u.ID)
	}
	attr := func(name string, v text) {
		if v != "" {
			a.Attrs[name] = string(v)
		}
	}
	attr("external_id", u.ExternalID)
	attr("employee_number", u.Enterprise.EmployeeNumber)
	attr("department", u.Enterprise.Department)
	attr("title", u.Title)
	attr("user_type", u.UserType)
	created, err := model.ParseTime(string(u.Meta.Created))
	if err != nil {
		attr("meta_created", u.Meta.Created) // unreadable, so the time is unknown; kept as it came
	}
	a.CreatedAt = created
	return a
}

// giveValues gives an entitlement for each role and entitlement value.
func (r *reading) giveValues() error {
	for _, id := range r.values {
		e := model.Entitlement{EntitlementID: id, Name: id[len(rolePrefix):], Kind: "role"}
		if attr, value := splitValueID(id); attr == "entitlements" {
			e.Name, e.Kind = value, "permission"
		}
		if err := r.give(model.Record{Kind: model.KindEntitlements, Entitlement: e}, "/Users"); err != nil {
			return err
		}
	}
	return nil
}

// splitValueID tells which attribute of a user an entitlement id stands for, and its value;
// attr is "" for a group's id.
func splitValueID(id string) (attr, value string) {
	if len(id) > len(rolePrefix) && id[:len(rolePrefix)] == rolePrefix {
		return "roles", id[len(rolePrefix):]
	}
	if len(id) > len(entitlementPrefix) && id[:len(entitlementPrefix)] == entitlementPrefix {
		return "entitlements", id[len(entitlementPrefix):]
	}
	return "", ""
}

func (r *reading) readGroups() error {
	total, err := r.pages("/Groups", func(raw json.RawMessage) (string, error) {
		var g group
		if err := json.Unmarshal(raw, &g); err != nil {
			return "", r.c.fail(connector.Broken, fmt.Sprintf("/Groups: the group after %d others cannot be read", len(r.groups)), err)
		}
		id := string(g.ID)
		if id == "" {
			return "", nil
		}
		if attr, _ := splitValueID(id); attr != "" {
			return "", r.c.fail(connector.Broken, fmt.Sprintf("the group id %q begins like the id of a role or an entitlement value, so the two could be mixed up", id), nil)
		}
		if g.omitsMembers() {
			// An empty group, or a target that leaves members out of lists: only the group
			// itself can tell.
			full, err := r.c.group(r.ctx, id)
			if err != nil {
				return "", err
			}
			if full == nil {
				return "", r.c.fail(connector.Broken, fmt.Sprintf("the group %q went away while /Groups was read; read again", id), nil)
			}
			g.Members = full.Members
		}
		if err := g.decodeMembers(); err != nil {
			return "", r.c.fail(connector.Broken, fmt.Sprintf("the members of the group %q cannot be read", id), err)
		}
		r.keepGroup(id, g.members)
		e := model.Entitlement{EntitlementID: id, Name: string(g.DisplayName), Kind: "group"}
		return id, r.give(model.Record{Kind: model.KindEntitlements, Entitlement: e}, "/Groups")
	})
	if len(r.values) == 0 {
		r.out.Totals[model.KindEntitlements] = total // with values, the target has no count of the kind
	}
	return err
}

// keepGroup notes a group's members by number; what cannot be told yet is noted by id.
func (r *reading) keepGroup(id string, members []member) {
	n := &node{id: id}
	for _, m := range members {
		kind := m.kind()
		i, isUser := r.index[string(m.Value)]
		switch {
		case kind != typeGroup && isUser && int(i) < r.listed:
			n.users = append(n.users, i)
			if kind == typeUnknown {
				// Ids of users and groups may overlap; a group of that id counts as well.
				n.maybe = append(n.maybe, string(m.Value))
			}
		default:
			n.loose = append(n.loose, m)
		}
	}
	n.users = slices.Clip(n.users)
	r.groups = append(r.groups, n)
	r.byID[id] = n
}
