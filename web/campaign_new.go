package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/views/campaign"
	"recert/views/layout"
	"recert/views/ui"
)

// launchedTwice is for how long a second click on "Launch" is taken for the first one.
const launchedTwice = 2 * time.Minute

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// newCampaign is the empty form, or that of a copy.
func (s *site) newCampaign(w http.ResponseWriter, r *request) error {
	if from := r.URL.Query().Get(campaign.FieldCopy); from != "" {
		spec, err := s.copied(r, from)
		if err != nil {
			return err
		}
		return s.renderNew(w, r, pageOf(from, spec), spec.Scope.Sources)
	}
	return s.renderNew(w, r, campaign.NewPage{Reviewers: []string{"manager", "source_owner"}, Reminders: []string{"7d", "2d", "+1d"}}, nil)
}

func (s *site) renderNew(w http.ResponseWriter, r *request, p campaign.NewPage, chosen []string) error {
	p.Frame, p.Key = s.frame(r, "New campaign", layout.Campaigns), newKey()
	sources, err := s.Store.Sources(r.Context())
	if err != nil {
		return err
	}
	for _, src := range sources {
		if src.Provides == model.ProvidesAccess {
			p.Sources = append(p.Sources, ui.Option{Value: src.Name, Label: src.Name, Selected: slices.Contains(chosen, src.Name)})
		}
	}
	return s.render(w, r, campaign.New(p))
}

// createCampaign stores a definition; nothing is launched. What is there under the name already
// is never changed.
func (s *site) createCampaign(w http.ResponseWriter, r *request) error {
	if err := r.form(); err != nil {
		return err
	}
	f := r.PostForm
	if f.Has(campaign.FieldCount) {
		return s.countCampaign(w, r)
	}
	p := typedPage(f)
	base, err := s.copied(r, p.From)
	if err != nil {
		return err
	}
	spec := typedSpec(&p, f[campaign.FieldSource], base)
	if spec.Owner, err = s.typedPerson(r, &p, campaign.FieldOwner, p.Owner); err != nil {
		return err
	}
	if spec.Closer, err = s.typedPerson(r, &p, campaign.FieldCloser, p.Closer); err != nil {
		return err
	}
	if len(p.Errors) == 0 {
		err := s.storeCampaign(r, p.Name, spec)
		switch {
		case err == nil:
			return s.redirectWith(w, r, ui.Path("campaigns", p.Name, "preview"), "created")
		case model.KindOf(err) == model.Internal:
			return err
		case model.KindOf(err) == model.Conflict:
			p.Errors[campaign.FieldName] = model.Message(err)
		default:
			blame(&p, model.Message(err))
		}
	}
	r.status = http.StatusUnprocessableEntity
	return s.renderNew(w, r, p, f[campaign.FieldSource])
}

// typedPage is the form as it was typed.
func typedPage(f url.Values) campaign.NewPage {
	return campaign.NewPage{
		Name: strings.TrimSpace(f.Get(campaign.FieldName)), Purpose: strings.TrimSpace(f.Get(campaign.FieldPurpose)),
		Where: strings.TrimSpace(f.Get(campaign.FieldWhere)), Fallback: strings.TrimSpace(f.Get(campaign.FieldFallback)),
		Due: strings.TrimSpace(f.Get(campaign.FieldDue)), OnNoAnswer: f.Get(campaign.FieldOnNoAnswer), Remove: f.Get(campaign.FieldRemove),
		Grace: strings.TrimSpace(f.Get(campaign.FieldGrace)), Reviewers: f[campaign.FieldReviewer], Pick: strings.TrimSpace(f.Get(campaign.FieldPick)), NoSwaps: f.Get(campaign.FieldSwaps) == campaigns.SwapsPrevent, Schedule: f.Get(campaign.FieldSchedule), Reminders: f[campaign.FieldReminder], Errors: map[string]string{},
		Owner: strings.TrimSpace(f.Get(campaign.FieldOwner)), Closer: strings.TrimSpace(f.Get(campaign.FieldCloser)), Close: f.Get(campaign.FieldClose),
		From: f.Get(campaign.FieldCopy), Scope: typedScope(f),
	}
}

// nameProblem says what is wrong with the name of a new source or campaign; "" is nothing.
func nameProblem(name string) string {
	switch {
	case name == "":
		return "Give it a name."
	case name == "new":
		return "“new” is an address of its own here. Choose another name."
	case !model.ValidName(name):
		return capital(model.NameRule) + "."
	}
	return ""
}

// typedSpec makes a definition of what was typed, and of what base says that the form does not show; what is missing
// is an error at its field.
func typedSpec(p *campaign.NewPage, sources []string, base model.CampaignSpec) *model.CampaignSpec {
	if problem := nameProblem(p.Name); problem != "" {
		p.Errors[campaign.FieldName] = problem
	}
	if len(sources) == 0 {
		p.Errors[campaign.FieldSource] = "Choose at least one system."
	}
	days, err := strconv.Atoi(p.Due)
	if err != nil || days < 1 || days > 365 {
		p.Errors[campaign.FieldDue] = "Give a number of days from 1 to 365."
	}
	var rules model.Strings
	if p.Pick != "" {
		rules = append(rules, p.Pick)
	}
	for _, rule := range p.Reviewers {
		if rule != "" && !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	if len(rules) == 0 {
		p.Errors[campaign.FieldReviewer] = "Choose who reviews."
	}
	spec := base
	spec.Swaps = ""
	if p.NoSwaps {
		spec.Swaps = campaigns.SwapsPrevent
	}
	if p.OnNoAnswer != campaigns.OnNoAnswerEscalate {
		spec.Extend = ""
	}
	spec.Purpose, spec.Scope, spec.Reminders, spec.Schedule = p.Purpose, scopeSpec(p, sources, base.Scope), p.Reminders, p.Schedule
	stage := model.StageSpec{Reviewers: rules, Fallback: p.Fallback, Due: p.Due + "d"}
	if len(base.Stages) == 1 {
		stage.Strategy = base.Stages[0].Strategy
	}
	if stage.Strategy.Name == campaigns.KeepUnlessRevoked && p.OnNoAnswer != campaigns.OnNoAnswerKeep {
		stage.Strategy = model.Strategy{} // the form does not show it, and what is chosen there says otherwise
	}
	spec.Stages = []model.StageSpec{stage}
	spec.OnNoAnswer, spec.Close, spec.Remove, spec.Grace = p.OnNoAnswer, p.Close, p.Remove, p.Grace
	return &spec
}

// typedPerson is the person_id of who was typed into a field, by person_id or by mail address; one that is nobody,
// or several people, is an error at the field.
func (s *site) typedPerson(r *request, p *campaign.NewPage, field, typed string) (string, error) {
	if typed == "" {
		return "", nil
	}
	found, err := campaigns.PersonNamed(r.Context(), s.Store, typed)
	switch {
	case model.KindOf(err) == model.Invalid:
		p.Errors[field] = model.Message(err)
	case err != nil:
		return "", err
	case found.Status == "terminated":
		p.Errors[field] = "This person has left. Name somebody who is there."
	default:
		return found.PersonID, nil
	}
	return "", nil
}

// storeCampaign stores a new definition. What is there already is not changed: another
// definition of the name is a Conflict, just the same one is the same click twice.
func (s *site) storeCampaign(r *request, name string, spec *model.CampaignSpec) error {
	docs := []campaigns.Document{{Kind: model.ConfigCampaign, Name: name, Spec: spec, At: "form"}}
	for _, dry := range []bool{true, false} {
		changes, err := campaigns.Apply(r.Context(), s.Store, r.actor.Label(), docs, dry)
		if err != nil {
			return err
		}
		switch changes[0].Action {
		case "unchanged":
			return nil
		case "changed":
			return model.Errorf(model.Conflict, "There is a campaign of this name already. Choose another one.")
		}
	}
	return nil
}

// blame puts an error of the definition at the field that it speaks of.
func blame(p *campaign.NewPage, msg string) {
	if _, rest, ok := strings.Cut(msg, "ampaign "+p.Name+": "); ok { // a document's kind has a capital
		msg = rest
	}
	reviewers := campaign.FieldReviewer
	if p.Pick != "" {
		reviewers = campaign.FieldPick // what is chosen from a list is never wrong
	}
	for _, x := range []struct{ word, field string }{
		{"scope.dormant", campaign.FieldDormant}, {"where", campaign.FieldWhere}, {"fallback", campaign.FieldFallback}, {"scope.sources", campaign.FieldSource}, {"reviewers", reviewers},
		{"closer", campaign.FieldCloser}, {"close", campaign.FieldClose}, {"due", campaign.FieldDue}, {"on_no_answer", campaign.FieldOnNoAnswer}, {"remove", campaign.FieldRemove}, {"grace", campaign.FieldGrace}, {"schedule", campaign.FieldSchedule}, {"owner", campaign.FieldOwner},
	} {
		if strings.Contains(strings.SplitN(msg, ":", 2)[0], x.word) || strings.HasPrefix(msg, "stages: "+x.word) {
			p.Errors[x.field] = msg
			return
		}
	}
	p.Problem = ui.Notice{Tone: ui.Bad, Title: "It was not saved.", Text: msg}
}
