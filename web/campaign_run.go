package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"recert/campaigns"
	"recert/model"
	"recert/views/campaign"
	"recert/views/layout"
	"recert/views/ui"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// previewListed is how many rows a list of the preview shows.
const previewListed = 50

func (s *site) campaignSpec(r *request, name string) (model.CampaignSpec, error) {
	var spec model.CampaignSpec
	c, err := s.Store.Config(r.Context(), model.ConfigCampaign, name)
	if err != nil {
		return spec, err
	}
	if err := json.Unmarshal([]byte(c.Spec), &spec); err != nil {
		return spec, fmt.Errorf("read campaign %s: %w", name, err)
	}
	return spec, nil
}

// preview shows what a launch would do.
func (s *site) preview(w http.ResponseWriter, r *request) error {
	name := r.path("id")
	if _, err := s.campaignSpec(r, name); err != nil {
		return err
	}
	return s.renderPreview(w, r, name, "")
}

func (s *site) renderPreview(w http.ResponseWriter, r *request, name, confirm string) error {
	pv, err := s.Campaigns.Preview(r.Context(), name, campaigns.PreviewOptions{Rows: previewListed})
	if err != nil {
		return err
	}
	p, err := s.previewView(r, name, pv)
	if err != nil {
		return err
	}
	p.Confirm = confirm
	return s.render(w, r, campaign.Preview(p))
}

// previewVersion names what a preview showed: the time at which it was asked for is no part of it.
func previewVersion(pv *campaigns.Preview) (string, error) {
	c := *pv
	c.Due = 0
	return versionOf(c)
}

func (s *site) previewView(r *request, name string, pv *campaigns.Preview) (campaign.PreviewPage, error) {
	p := campaign.PreviewPage{
		Frame: s.frame(r, "Preview of "+name, layout.Campaigns), ID: name, Name: name, Items: pv.Items,
		CanLaunch: r.actor.Has(managers...), Key: newKey(),
		MoreOut: pv.WithoutReviewer - int64(len(pv.WithoutReviewerRows)), MoreSelf: pv.Avoided - int64(len(pv.AvoidedRows)),
	}
	var err error
	if p.Version, err = previewVersion(pv); err != nil {
		return p, err
	}
	for _, src := range pv.Sources {
		text := ui.At(src.AsOf, r.zone).Text + ", " + ui.Count(src.Grants, "grant", "grants")
		if src.Stale {
			text += " (more than a week old)"
		}
		p.Snapshots = append(p.Snapshots, ui.Pair{Term: src.Source, Text: text, Href: "/snapshots/" + itoa(src.Snapshot)})
	}
	for _, rev := range pv.Reviewers {
		p.Reviewers = append(p.Reviewers, campaign.Share{Name: rev.Name, Why: "about " + ui.Count(rev.Minutes, "minute", "minutes"), Over: rev.Overloaded, Items: rev.Items})
	}
	for _, x := range pv.WithoutReviewerRows {
		why := "no rule gives anybody who may review it"
		if x.Avoided != "" {
			why = "the rules give only the one whose own access it is"
		}
		p.Without = append(p.Without, campaign.Line{Person: x.Person, Account: x.Account, Access: previewAccess(&x), Source: x.Source, Why: why})
	}
	for _, x := range pv.AvoidedRows {
		p.Self = append(p.Self, campaign.Self{Person: x.Person, Account: x.Account, Access: x.Source + " · " + x.Access(), Instead: x.Reviewer, Why: basisWords(x.Basis)})
	}
	for _, reason := range sortedKeys(pv.ExcludedBy) {
		p.Excluded = append(p.Excluded, campaign.Reason{Text: reason, Count: pv.ExcludedBy[reason]})
	}
	if pv.Unknown > 0 {
		p.Unknown = []campaign.Reason{{Text: "the condition could not be told", Count: pv.Unknown}}
	}
	p.Blocked, p.Warnings = pv.Blocked, pv.Warnings
	p.Effect = []ui.Pair{
		{Term: "Asks", Text: ui.Count(int64(len(pv.Reviewers)), "reviewer", "reviewers") + ", " + ui.Count(pv.Items, "item", "items")},
		{Term: "Due", Text: ui.At(pv.Due, r.zone).Text},
		{Term: "If nobody answered at all", Text: ui.Num(pv.Defaulted.Keep) + " would stay, " + ui.Num(pv.Defaulted.Revoke) + " would be removed"},
	}
	previewChecks(&p, pv)
	if spec, err := s.campaignSpec(r, name); err != nil {
		return p, err
	} else if spec.Grace != "" {
		p.Effect = append(p.Effect, ui.Pair{Term: "Before anything is removed", Text: "It waits " + spec.Grace + ", so that who loses it can say something against it"})
	}
	for _, n := range pv.Notices {
		p.Effect = append(p.Effect, ui.Pair{Term: "Note", Text: n})
	}
	return p, nil
}

// previewAccess is what a row of the preview is about, as a cell of its own says it.
func previewAccess(x *campaigns.PreviewRow) string {
	if x.Entitlement == "" {
		return "The account itself"
	}
	return x.Entitlement
}

func basisWords(basis string) string {
	if w := ruleWords[basis]; w != "" {
		return w
	}
	return basis
}

// launch starts a run of just what was previewed.
func (s *site) launch(w http.ResponseWriter, r *request) error {
	name := r.path("id")
	if _, err := s.campaignSpec(r, name); err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	if again, ok, err := s.Store.RunningRun(r.Context(), name); err != nil {
		return err
	} else if ok && again.LaunchedBy == r.actor.Label() && s.now() < again.LaunchedAt.Add(launchedTwice) {
		return redirect(w, r, ui.Path("campaigns", again.Name)) // the same click twice
	} else if ok {
		return model.Errorf(model.Conflict, "%s is running already as %s. Close that one first.", name, again.Name)
	}
	if r.PostForm.Get(campaign.FieldConfirm) == "" {
		r.status = http.StatusUnprocessableEntity
		return s.renderPreview(w, r, name, "Tick the box to launch.")
	}
	pv, err := s.Campaigns.Preview(r.Context(), name, campaigns.PreviewOptions{Rows: previewListed})
	if err != nil {
		return err
	}
	version, err := previewVersion(pv)
	if err != nil {
		return err
	}
	if r.PostForm.Get(campaign.FieldVersion) != version {
		r.status = http.StatusConflict
		r.flash = ui.Notice{Tone: ui.Warn, Title: "Not launched.", Text: "Something has changed since you looked: this is what a launch would do now."}
		return s.renderPreview(w, r, name, "")
	}
	run, err := s.Campaigns.Launch(r.Context(), r.actor, name)
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, ui.Path("campaigns", run.Run.Name), "launched")
}

// closePage asks before a run is closed.
func (s *site) closePage(w http.ResponseWriter, r *request) error { return s.renderClose(w, r, "") }

func (s *site) renderClose(w http.ResponseWriter, r *request, confirm string) error {
	run, c, err := s.closing(r)
	if err != nil {
		return err
	}
	if c.Repeated {
		return redirect(w, r, ui.Path("campaigns", run.Name))
	}
	loc := zone(run.TimeZone)
	p := campaign.ClosePage{
		Frame: s.frame(r, "Close "+run.Name, layout.Campaigns), ID: run.Name, Name: run.Name, Counts: campaign.Counts(c.Counts),
		Key: newKey(), Confirm: confirm, PlainWords: c.Explanation,
	}
	if p.Version, err = closeVersion(c); err != nil {
		return err
	}
	none := "stay as they are, and are shown as unanswered"
	if c.OnNoAnswer == campaigns.OnNoAnswerRevoke {
		none = "are removed, and are shown as unanswered"
	}
	p.Effect = []campaign.Effect{
		{What: "Keep", Count: c.Counts.Kept, Then: "stay"},
		{What: "Remove", Count: c.Counts.Revoked, Then: "are removed, where that has not begun yet"},
		{What: "No answer, or not sure", Count: c.Defaulted, Then: none},
		{What: "Gone before an answer", Count: c.Counts.Gone, Then: "need nothing"},
		{What: "Removals that go out now", Count: c.Removals, Then: "are handed on"},
	}
	if c.Escalated != "" {
		p.Blocked = c.Explanation + " That happens by itself when it is due. To end it sooner, hand the items over to somebody who answers."
	}
	if c.BeforeDue {
		p.Early = "It is due " + ui.At(c.DueAt, loc).Text + "."
	}
	v, err := s.Campaigns.RunPage(r.Context(), r.actor, run.ID)
	if err != nil {
		return err
	}
	for _, rev := range v.Reviewers {
		if !rev.SignedAt.Known() && rev.Counts.Items > rev.Counts.Gone {
			p.Unsigned = append(p.Unsigned, rev.Reviewer.Name)
		}
	}
	return s.render(w, r, campaign.Close(p))
}

func (s *site) closing(r *request) (model.Run, *campaigns.Closing, error) {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("id"))
	if err != nil {
		return run, nil, err
	}
	c, err := s.Campaigns.ClosePreview(r.Context(), r.actor, run.ID)
	return run, c, err
}

// closeVersion names the effect that was shown.
func closeVersion(c *campaigns.Closing) (string, error) {
	return versionOf([]any{c.Counts, c.OnNoAnswer, c.Escalated, c.Defaulted, c.Removals})
}

// close ends a run, with just the effect that was shown.
func (s *site) close(w http.ResponseWriter, r *request) error {
	run, c, err := s.closing(r)
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	if c.Repeated {
		return redirect(w, r, ui.Path("campaigns", run.Name))
	}
	version, err := closeVersion(c)
	if err != nil {
		return err
	}
	switch {
	case r.PostForm.Get(campaign.FieldConfirm) == "":
		r.status = http.StatusUnprocessableEntity
		return s.renderClose(w, r, "Tick the box to close.")
	case c.Escalated != "":
		r.status = http.StatusConflict
		return s.renderClose(w, r, "")
	case r.PostForm.Get(campaign.FieldVersion) != version:
		r.status = http.StatusConflict
		r.flash = ui.Notice{Tone: ui.Warn, Title: "Not closed.", Text: "Somebody answered since you looked: this is what closing would do now."}
		return s.renderClose(w, r, "")
	}
	if _, err := s.Campaigns.Close(r.Context(), r.actor, run.ID, "closed by hand"); err != nil {
		return err
	}
	return s.redirectWith(w, r, ui.Path("campaigns", run.Name), "closed")
}
