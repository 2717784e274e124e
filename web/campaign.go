package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/views/campaign"
	"recert/views/layout"
	"recert/views/revocation"
	"recert/views/ui"
)

// campaigns lists the definitions that could be launched, and every run.
func (s *site) campaigns(w http.ResponseWriter, r *request) error {
	runs, err := s.Campaigns.Runs(r.Context(), r.actor)
	if err != nil {
		return err
	}
	defs, err := s.Store.Configs(r.Context(), model.ConfigCampaign)
	if err != nil {
		return err
	}
	p := campaign.ListPage{Frame: s.frame(r, "Campaigns", layout.Campaigns), CanCreate: r.actor.Has(managers...)}
	running := map[string]bool{}
	for _, run := range runs {
		running[run.Run.Campaign] = running[run.Run.Campaign] || run.State == model.Running
	}
	for _, d := range defs {
		if running[d.Name] {
			continue
		}
		next, problem, err := s.Campaigns.NextLaunch(r.Context(), d.Name)
		if err != nil {
			return err
		}
		if problem != "" && p.CanCreate {
			p.Hands = append(p.Hands, campaign.Hand{Name: d.Name, Href: ui.Path("campaigns", d.Name), Text: "Its schedule could not launch it: " + problem})
		}
		p.Runs = append(p.Runs, campaign.Run{ID: d.Name, Name: d.Name, State: definitionTag(next, problem), Next: ui.At(next, r.zone)})
	}
	for _, run := range runs {
		counts, err := s.Store.RemediationCounts(r.Context(), store.RemediationFilter{RunID: run.Run.ID})
		if err != nil {
			return err
		}
		p.Runs = append(p.Runs, campaign.Run{
			ID: run.Name, Name: run.Name, State: runTag(run.Run), Due: ui.At(run.Due, zone(run.Run.TimeZone)),
			Left: s.left(run.Due, run.State == model.Running && !run.Run.PausedAt.Known(), run.Run.TimeZone), Done: run.Items - run.Unanswered - run.Gone, Total: run.Items - run.Gone,
			Removed: removedWords(counts),
		})
	}
	if p.CanCreate {
		if err := s.hands(r, &p); err != nil {
			return err
		}
	}
	return s.render(w, r, campaign.List(p))
}

func runTag(run model.Run) ui.Tag {
	switch {
	case run.PausedAt.Known():
		return ui.Tag{Text: "Paused", Tone: ui.Warn}
	case run.State == model.Running:
		return ui.Tag{Text: "Running", Tone: ui.Info}
	}
	return ui.Tag{Text: "Closed"}
}

func removedWords(counts map[model.RemediationState]int64) string {
	var all int64
	for state, n := range counts {
		if state != model.Cancelled {
			all += n
		}
	}
	if all == 0 {
		return "none"
	}
	return ui.Num(all) + ", of these " + ui.Num(counts[model.Confirmed]) + " proven gone"
}

// campaign is one run; by the name of a definition that is not running, what it would ask.
func (s *site) campaign(w http.ResponseWriter, r *request) error {
	id := r.path("id")
	if !strings.Contains(id, "@") {
		running, ok, err := s.Store.RunningRun(r.Context(), id)
		if err != nil {
			return err
		}
		if !ok {
			return s.definition(w, r, id)
		}
		id = running.Name
	}
	run, err := s.Campaigns.Run(r.Context(), r.actor, id)
	if err != nil {
		return err
	}
	return s.renderCampaign(w, r, run, typedForms{})
}

// typedForms are what was typed into a form of a run and refused; nil where nothing was.
type typedForms struct {
	handed *campaign.HandOver
	due    *campaign.DueForm
	pause  *campaign.PauseForm
}

// renderCampaign shows a run.
func (s *site) renderCampaign(w http.ResponseWriter, r *request, run model.Run, typed typedForms) error {
	v, err := s.Campaigns.RunPage(r.Context(), r.actor, run.ID)
	if err != nil {
		return err
	}
	removals, err := s.Store.RemediationCounts(r.Context(), store.RemediationFilter{RunID: run.ID})
	if err != nil {
		return err
	}
	loc := zone(run.TimeZone)
	open := run.State == model.Running
	p := campaign.Page{
		Frame: s.frame(r, run.Name, layout.Campaigns), ID: run.Name, Name: run.Name, Purpose: strings.TrimSpace(v.Title + "\n" + v.Spec.Purpose), State: runTag(run),
		Due: ui.At(run.DueAt, loc), Left: s.left(run.DueAt, open && !run.PausedAt.Known(), run.TimeZone), Launched: ui.At(run.LaunchedAt, loc), Closed: ui.At(run.ClosedAt, loc),
		Counts: campaign.Counts(v.Counts), Settings: specPairs(v.Spec), Digest: run.ItemsRoot, Key: newKey(),
		CanClose: open && r.actor.Has(managers...), CanExport: staff(r.actor), CanCopy: r.actor.Has(managers...),
	}
	if _, err := s.campaignSpec(r, run.Campaign); err == nil {
		p.Campaign = run.Campaign
	} else if model.KindOf(err) != model.NotFound {
		return err
	}
	p.Settings = append(p.Settings, runPairs(v, loc)...)
	if v.Title == run.Campaign {
		p.Purpose = v.Spec.Purpose
	}
	for _, state := range model.RemediationStates {
		if n := removals[state]; n > 0 {
			p.Removals = append(p.Removals, ui.Pair{Term: removalTag(model.Remediation{State: state}).Text, Text: ui.Num(n), Href: boardHref(url.Values{revocation.ParamCampaign: {run.Name}}, string(state)+onlyRemovals)})
		}
	}
	if err := s.pace(r, &p, run, loc); err != nil {
		return err
	}
	if err := reviewers(r, &p, v, loc); err != nil {
		return err
	}
	amended, err := s.Campaigns.Amendments(r.Context(), r.actor, run)
	if err != nil {
		return err
	}
	p.Settings = append(p.Settings, amendmentPairs(amended, loc)...)
	p.HandOver, p.Extend, p.Pause = handOverForm(r, v, typed.handed), dueForm(r, run, typed.due), pauseForm(r, run, typed.pause)
	if open && !run.PausedAt.Known() {
		if err := s.reminders(r, &p, run); err != nil {
			return err
		}
	}
	return s.render(w, r, campaign.Show(p))
}

// handOverForm is the form as it was typed, where that was refused, else empty.
func handOverForm(r *request, v *campaigns.RunView, typed *campaign.HandOver) *campaign.HandOver {
	if v.Run.State != model.Running || !r.actor.Has(managers...) {
		return nil
	}
	h := campaign.HandOver{}
	if typed != nil {
		h = *typed
	}
	chosen := ""
	if len(h.From) == 1 {
		chosen = h.From[0].Value
	}
	h.From = nil
	for _, rev := range v.Reviewers {
		if open := rev.Counts.Unanswered + rev.Counts.Unsure; open > 0 && !rev.SignedAt.Known() {
			id := rev.Reviewer.PersonID
			h.From = append(h.From, ui.Option{Value: id, Label: rev.Reviewer.Name + " (" + ui.Count(open, "open item", "open items") + ")", Selected: id == chosen})
		}
	}
	if len(h.From) == 0 {
		return nil
	}
	if len(h.From) > 1 {
		h.From = append(h.From, ui.Option{Value: campaign.Everybody, Label: "Everybody who has open items", Selected: chosen == campaign.Everybody})
	}
	h.Systems = []ui.Option{{Label: "All systems"}}
	for _, src := range v.Sources {
		if src.Provides == string(model.ProvidesAccess) {
			h.Systems = append(h.Systems, ui.Option{Value: src.Name, Label: src.Name, Selected: src.Name == h.System})
		}
	}
	return &h
}

// handOver moves the open items of a reviewer to somebody else.
func (s *site) handOver(w http.ResponseWriter, r *request) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("id"))
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	in := campaigns.HandOverInput{
		RunID: run.ID, From: r.PostForm.Get(campaign.FieldFrom), All: r.PostForm.Get(campaign.FieldFrom) == campaign.Everybody, Source: r.PostForm.Get(campaign.FieldSource), To: strings.TrimSpace(r.PostForm.Get(campaign.FieldTo)), Reason: r.PostForm.Get(campaign.FieldReason),
	}
	done, err := s.Campaigns.HandOver(r.Context(), r.actor, in)
	if kind := model.KindOf(err); err != nil && (kind == model.Invalid || kind == model.Conflict) {
		r.status = statusOf(err)
		return s.renderCampaign(w, r, run, typedForms{handed: &campaign.HandOver{From: []ui.Option{{Value: in.From}}, System: in.Source, To: in.To, Reason: in.Reason, Error: model.Message(err)}})
	}
	if err != nil {
		return err
	}
	flash := "handed"
	switch {
	case done.Moved == 0 && done.Left == 0:
		flash = "handednone"
	case done.Moved == 0:
		flash = "handedown"
	case done.Left > 0:
		flash = "handedsome"
	}
	return s.redirectWith(w, r, ui.Path("campaigns", run.Name), flash)
}

// definition is the page of a campaign that is not running.
func (s *site) definition(w http.ResponseWriter, r *request, name string) error {
	spec, err := s.campaignSpec(r, name)
	if err != nil {
		return err
	}
	next, problem, err := s.Campaigns.NextLaunch(r.Context(), name)
	if err != nil {
		return err
	}
	p := campaign.Page{
		Frame: s.frame(r, name, layout.Campaigns), ID: name, Name: name, Purpose: strings.TrimSpace(spec.Title + "\n" + spec.Purpose), State: definitionTag(next, problem),
		Settings: specPairs(spec), Draft: true, CanLaunch: r.actor.Has(managers...), Next: ui.At(next, r.zone),
		Campaign: name, CanCopy: r.actor.Has(managers...),
	}
	if problem != "" {
		p.Problem = ui.Notice{Tone: ui.Bad, Title: "Its schedule could not launch it.", Text: problem}
	}
	return s.render(w, r, campaign.Show(p))
}

// definitionTag is the state of a campaign that is not running.
func definitionTag(next model.Time, problem string) ui.Tag {
	switch {
	case problem != "":
		return ui.Tag{Text: "Not launched", Tone: ui.Bad}
	case next.Known():
		return ui.Tag{Text: "Scheduled", Tone: ui.Info}
	}
	return ui.Tag{Text: "Ready to launch"}
}

var ruleWords = map[string]string{
	"manager": "the person's manager", "source_owner": "the owner of the system", "entitlement_owner": "the owner of the access", "account_owner": "the owner of the account",
}

// graceWords say how long removals wait after that; "" where they do not.
func graceWords(spec model.CampaignSpec) string {
	if spec.Grace == "" {
		return ""
	}
	return ", after a wait of " + spec.Grace
}

// specPairs says a definition in words.
func specPairs(spec model.CampaignSpec) []ui.Pair {
	out := []ui.Pair{{Term: "Systems", Text: strings.Join(spec.Scope.Sources, ", ")}}
	if spec.Scope.Where != "" {
		out = append(out, ui.Pair{Term: "Only access where", Text: spec.Scope.Where, Code: true})
	}
	out = append(out, scopePairs(spec.Scope)...)
	for _, st := range spec.Stages {
		rules := make([]string, 0, len(st.Reviewers))
		for _, rule := range st.Reviewers {
			rules = append(rules, basisWords(rule))
		}
		out = append(out, ui.Pair{Term: "Reviewed by", Text: strings.Join(rules, ", otherwise ")})
		if spec.Swaps == campaigns.SwapsPrevent {
			out = append(out, ui.Pair{Term: "Two people who would review each other", Text: "one of them is replaced by the next rule"})
		}
		if st.Fallback != "" {
			out = append(out, ui.Pair{Term: "Fallback", Text: st.Fallback, Href: ui.Path("people", st.Fallback)})
		}
		out = append(out, ui.Pair{Term: "Time to answer", Text: dueWords(st.Due)})
	}
	if spec.Schedule != "" {
		out = append(out, schedulePair(spec.Schedule))
	}
	if len(spec.Reminders) > 0 {
		out = append(out, ui.Pair{Term: "Reminders", Text: reminderWords(spec.Reminders)})
	}
	none := "it stays"
	if spec.OnNoAnswer == campaigns.OnNoAnswerRevoke {
		none = "it is removed"
	}
	if spec.OnNoAnswer == campaigns.OnNoAnswerEscalate {
		none = "its reviewers get more time, then somebody else is asked: " + spec.Closer
	}
	goes := "after sign-off"
	if spec.Remove == campaigns.RemoveDecision {
		goes = "soon after the answer"
	}
	out = append(out, ui.Pair{Term: "Where nobody answers", Text: none}, ui.Pair{Term: "Removals go out", Text: goes + graceWords(spec)})
	if words := campaign.ClosingWords(spec.Close); words != "" {
		out = append(out, ui.Pair{Term: "Closes by itself", Text: words})
	}
	if spec.Control != "" {
		out = append(out, ui.Pair{Term: "Control", Text: spec.Control})
	}
	return out
}

// dueWords is "14d" as people say it.
func dueWords(due string) string {
	if n, err := strconv.ParseInt(strings.TrimSuffix(due, "d"), 10, 64); err == nil {
		return ui.Count(n, "day", "days")
	}
	return due
}

// runPairs says what a run was frozen at.
func runPairs(v *campaigns.RunView, loc *timeLocation) []ui.Pair {
	out := []ui.Pair{{Term: "Launched by", Text: v.Run.LaunchedBy}}
	if v.Run.ClosedBy != "" {
		out = append(out, ui.Pair{Term: "Closed by", Text: v.Run.ClosedBy})
	}
	for _, src := range v.Sources {
		out = append(out, ui.Pair{Term: "Reads " + src.Name, Text: ui.At(src.AsOf, loc).Text, Href: "/snapshots/" + itoa(src.SnapshotID)})
	}
	if v.Summary.Avoided > 0 {
		out = append(out, ui.Pair{Term: "Own access, given to others", Text: ui.Num(v.Summary.Avoided)})
	}
	out = append(out, ui.Pair{Term: "Left out", Text: ui.Num(v.Run.Excluded)})
	return out
}
