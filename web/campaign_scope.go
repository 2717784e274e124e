package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/views/campaign"
	"recert/views/layout"
	"recert/views/ui"
)

func typedScope(f url.Values) campaign.ScopeForm {
	get := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	return campaign.ScopeForm{
		Risks: f[campaign.FieldRisk], Kinds: f[campaign.FieldKind],
		Privileged: f.Has(campaign.FieldPrivileged), Orphans: f.Has(campaign.FieldOrphans), New: f.Has(campaign.FieldNew),
		Dormant: get(campaign.FieldDormant), People: get(campaign.FieldPeople), Managers: get(campaign.FieldManagers), Departments: get(campaign.FieldDepartments),
		Employment: get(campaign.FieldEmployment), Access: get(campaign.FieldAccess), Owners: get(campaign.FieldOwners), Via: get(campaign.FieldVia),
	}
}

// listed parts a typed list at its commas.
func listed(text string) model.Strings {
	var out model.Strings
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

// scopeSpec is the scope that was typed; a number of days that is none is an error at its field. Attributes are not
// in the form.
func scopeSpec(p *campaign.NewPage, sources []string, base model.ScopeSpec) model.ScopeSpec {
	f := &p.Scope
	s := model.ScopeSpec{
		Sources: sources, Where: p.Where, Attributes: base.Attributes, Risks: f.Risks, AccountKinds: f.Kinds, Privileged: f.Privileged, Orphans: f.Orphans, NewSinceLast: f.New,
		People: listed(f.People), Managers: listed(f.Managers), Departments: listed(f.Departments), EmploymentTypes: listed(f.Employment),
		Entitlements: listed(f.Access), Owners: listed(f.Owners), Via: listed(f.Via),
	}
	if f.Dormant == "" {
		return s
	}
	days, err := strconv.Atoi(f.Dormant)
	if err != nil || days < 1 || days > 3650 {
		p.Errors[campaign.FieldDormant] = "Give a number of days from 1 to 3,650."
		return s
	}
	s.Dormant = strconv.Itoa(days) + "d"
	return s
}

// scopePairs says in words what narrows a campaign.
func scopePairs(s model.ScopeSpec) []ui.Pair {
	var out []ui.Pair
	add := func(term string, list []string) {
		if len(list) > 0 {
			out = append(out, ui.Pair{Term: term, Text: strings.Join(list, ", ")})
		}
	}
	yes := func(on bool, words string) {
		if on {
			out = append(out, ui.Pair{Term: "Only", Text: words})
		}
	}
	add("Only access with a risk of", s.Risks)
	add("Only accounts of the kind", s.AccountKinds)
	yes(s.Privileged, "privileged accounts and access")
	yes(s.Orphans, "accounts that belong to nobody who is there")
	yes(s.NewSinceLast, "what the last run did not ask about")
	if s.Dormant != "" {
		out = append(out, ui.Pair{Term: "Only what was not used for", Text: dueWords(s.Dormant)})
	}
	add("Only access of", s.People)
	add("Only people who report to", s.Managers)
	add("Only people in", s.Departments)
	add("Only people employed as", s.EmploymentTypes)
	for _, name := range sortedKeys(s.Attributes) {
		add("Only people whose "+name+" is", s.Attributes[name])
	}
	add("Only the access", s.Entitlements)
	add("Only access owned by", s.Owners)
	add("Only what is given by", s.Via)
	return out
}

// countCampaign shows the form again, with what its scope takes in. It stores nothing.
func (s *site) countCampaign(w http.ResponseWriter, r *request) error {
	p := typedPage(r.PostForm)
	sources := r.PostForm[campaign.FieldSource]
	base, err := s.copied(r, p.From)
	if err != nil {
		return err
	}
	if p.Count, err = s.count(r, &p, scopeSpec(&p, sources, base.Scope)); err != nil {
		return err
	}
	return s.renderNew(w, r, p, sources)
}

// count counts one scope at a time: each reads all that its systems hold.
func (s *site) count(r *request, p *campaign.NewPage, of model.ScopeSpec) (campaign.Count, error) {
	if len(of.Sources) == 0 || len(p.Errors) > 0 {
		return campaign.Count{Problem: "Choose at least one system, and mend what is marked."}, nil
	}
	select {
	case s.counting <- struct{}{}:
		defer func() { <-s.counting }()
	case <-r.Context().Done():
		return campaign.Count{}, r.Context().Err()
	}
	c, err := s.Campaigns.Count(r.Context(), r.actor, of)
	if model.KindOf(err) == model.Invalid {
		return campaign.Count{Problem: model.Message(err)}, nil
	}
	if err != nil {
		return campaign.Count{}, err
	}
	return countView(c), nil
}

func countView(c *campaigns.Counted) campaign.Count {
	out := campaign.Count{Text: ui.Count(c.Items, "item", "items") + " would be asked about, " + ui.Num(c.Excluded) + " left out."}
	if c.Unknown > 0 {
		out.Text += " Of these " + ui.Num(c.Unknown) + " only because the data does not say whether they belong to it."
	}
	for i := range c.Rows {
		x := &c.Rows[i]
		out.Rows = append(out.Rows, campaign.Line{Person: x.Person, Account: x.Account, Access: previewAccess(x), Source: x.Source})
	}
	return out
}

// copied is the definition that is copied; none is the empty one.
func (s *site) copied(r *request, from string) (model.CampaignSpec, error) {
	if from == "" {
		return model.CampaignSpec{}, nil
	}
	return s.campaignSpec(r, from)
}

// pageOf is the form of a copy. Reviewers that the form cannot show are to be chosen anew, which it says.
func pageOf(from string, spec model.CampaignSpec) campaign.NewPage {
	sc := spec.Scope
	join := func(l model.Strings) string { return strings.Join(l, ", ") }
	p := campaign.NewPage{
		From: from, Purpose: spec.Purpose, Where: sc.Where, NoSwaps: spec.Swaps == campaigns.SwapsPrevent,
		Schedule: spec.Schedule, Reminders: spec.Reminders, OnNoAnswer: spec.OnNoAnswer, Closer: spec.Closer, Close: spec.Close, Remove: spec.Remove, Grace: spec.Grace, Owner: spec.Owner,
		Scope: campaign.ScopeForm{
			Risks: sc.Risks, Kinds: sc.AccountKinds, Privileged: sc.Privileged, Orphans: sc.Orphans, New: sc.NewSinceLast,
			Dormant: inDays(sc.Dormant), People: join(sc.People), Managers: join(sc.Managers), Departments: join(sc.Departments), Employment: join(sc.EmploymentTypes),
			Access: join(sc.Entitlements), Owners: join(sc.Owners), Via: join(sc.Via),
		},
	}
	var lost []string
	if len(spec.Stages) > 0 {
		st := spec.Stages[0]
		p.Fallback, p.Due = st.Fallback, inDays(st.Due)
		for i, rule := range st.Reviewers {
			switch {
			case ruleWords[rule] != "" && len(p.Reviewers) < 3:
				p.Reviewers = append(p.Reviewers, rule)
			case ruleWords[rule] == "" && i == 0:
				p.Pick = rule
			default:
				lost = append(lost, rule)
			}
		}
	}
	if len(lost) > 0 {
		p.Problem = ui.Notice{Tone: ui.Warn, Title: "Not all of its reviewers are copied.", Text: "This form cannot show: " + strings.Join(lost, ", ") + ". Show " + from + " as YAML to copy all of it."}
	}
	return p
}

// inDays is a number of days or weeks in days.
func inDays(s string) string {
	if n, err := strconv.Atoi(strings.TrimSuffix(s, "w")); err == nil && strings.HasSuffix(s, "w") {
		return strconv.Itoa(7 * n)
	}
	return strings.TrimSuffix(s, "d")
}

// campaignYAML is a definition as recert apply takes it, on a page or as a file.
func (s *site) campaignYAML(w http.ResponseWriter, r *request) error {
	name := r.path("id")
	spec, err := s.campaignSpec(r, name)
	if err != nil {
		return err
	}
	text, err := campaigns.CampaignYAML(name, spec)
	if err != nil {
		return err
	}
	if r.query(campaign.ParamFile) == "" {
		return s.render(w, r, campaign.YAML(campaign.YAMLPage{Frame: s.frame(r, name+" as YAML", layout.Campaigns), Name: name, Text: string(text)}))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.yaml"`) // a name has no quotes
	_, err = w.Write(text)
	return err
}
