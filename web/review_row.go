package web

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/views/review"
	"recert/views/ui"
)

type timeLocation = time.Location

// unusedAfter is after how many days without use a reviewer is told.
const unusedAfter = 90

// rowBuilder turns items into what a reviewer reads.
type rowBuilder struct {
	*site

	actor  model.Actor
	review campaigns.Review
	paths  func(source int64, via string) string // in names
	loc    *time.Location
	now    model.Time
}

func (b rowBuilder) row(in *campaigns.Row) review.Row {
	it, subj := in.Item, in.Subject
	row := review.Row{
		Item: strconv.FormatInt(it.ID, 10), Version: strconv.FormatInt(it.Version, 10), Key: newKey(),
		PersonID: subj.PersonID, Person: subjectName(subj), Title: subj.Title, Source: in.Source,
		Signals: b.signals(in), Details: b.details(in), Answer: review.Answer(it.Answer),
		ReadOnly: !b.review.Answerable() || it.Outcome != model.NoAnswer,
	}
	row.Can, row.Technical = accessWords(in.Entitlement)
	if row.PersonID == "" || row.Title == "" {
		row.Title = strings.TrimSpace(kindWords(subj) + " " + row.Title)
	}
	row.LastUsed = ui.Ago(lastUsed(in), b.now, b.loc)
	b.answered(&row, in)
	if it.Outcome == model.OutcomeGone {
		row.Gone = "Gone before it was answered: nothing is left to decide."
	}
	return row
}

// answered adds what was answered and what became of it.
func (b rowBuilder) answered(row *review.Row, in *campaigns.Row) {
	for i := range in.Lowers {
		low := &in.Lowers[i]
		row.Lowers = append(row.Lowers, review.Lower{ID: low.EntitlementID, Name: cmp.Or(low.Name, low.EntitlementID)})
	}
	if d := in.Decision; d != nil && in.Item.Answer != model.NoAnswer {
		row.LowerTo, row.Until = d.LowerTo, d.Until
		row.Comment, row.At, row.By = d.Comment, ui.At(d.At, b.loc), in.By
		if d.ReviewerKey == b.actor.PersonKey {
			row.By = "You"
		}
	}
	if in.Item.ByDefault {
		row.Answer, row.By = review.Answer(in.Item.Outcome), "Nobody answered, so the campaign's rule decided"
		row.At = ui.At(b.review.Run.ClosedAt, b.loc)
	}
	rem := foremost(in.Removals)
	if rem == nil {
		row.CanUndo = !row.ReadOnly
		return
	}
	state := removalTag(*rem)
	if rem.State == model.Queued && !rem.CalledAt.Known() && b.review.Open() {
		state.Text = "Goes out in a moment"
		if rem.NextAt > b.now.Add(time.Hour) {
			state.Text = "Goes out on " + ui.Day(rem.NextAt, b.loc).Text
		}
	}
	row.Removal = &review.Removal{
		ID: strconv.FormatInt(rem.ID, 10), State: state, At: ui.At(removalTime(*rem), b.loc), Pending: rem.State.Open(), Link: staff(b.actor),
	}
	if rem.State != model.Queued && rem.State != model.Held || rem.CalledAt.Known() {
		row.ReadOnly = true // it was asked for: the answer stands
	}
	row.CanUndo = !row.ReadOnly
}

// subjectName is whose access it is, as people say it.
func subjectName(s model.Subject) string {
	for _, name := range []string{s.Name, s.DisplayName, s.Username} {
		if strings.TrimSpace(name) != "" {
			return name
		}
	}
	return s.AccountID
}

// accessWords is an entitlement in plain words, and its name in the source where that says more.
func accessWords(e *model.Entitlement) (can, technical string) {
	if e == nil {
		return "Has an account, and no access in it", ""
	}
	switch {
	case e.Description != "" && e.Name != "":
		return e.Description, e.Name
	case e.Description != "":
		return e.Description, e.EntitlementID
	case e.Name != "" && e.Name != e.EntitlementID:
		return e.Name, readable(e.EntitlementID)
	}
	return e.EntitlementID, ""
}

// opaqueRE is an id that says nothing to anybody: a UUID, or another long number.
var opaqueRE = regexp.MustCompile(`^(?i)[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$`)

// readable is an id where a person can make something of it.
func readable(id string) string {
	if opaqueRE.MatchString(id) {
		return ""
	}
	return id
}

func kindWords(s model.Subject) string {
	if tags := kindTags(s.AccountKind); len(tags) > 0 {
		return tags[0].Text
	}
	if s.PersonID == "" {
		return "Account of nobody known"
	}
	return ""
}

// lastUsed is the latest use by any path; unknown where the source tells of none.
func lastUsed(in *campaigns.Row) model.Time {
	if in.Entitlement == nil {
		return in.Subject.LastLoginAt
	}
	var t model.Time
	for _, p := range in.Facts.Paths {
		t = max(t, p.LastUsedAt)
	}
	return t
}

func (b rowBuilder) signals(in *campaigns.Row) []ui.Tag {
	var tags []ui.Tag
	add := func(text string, tone ui.Tone) { tags = append(tags, ui.Tag{Text: text, Tone: tone}) }
	subj, e := in.Subject, in.Entitlement
	switch subj.PersonStatus {
	case "terminated":
		add("No longer employed", ui.Bad)
	case "leave":
		add("On leave", ui.Info)
	}
	if e == nil {
		e = &model.Entitlement{}
	}
	tags = slices.Concat(tags, privilegedTags(max(subj.Privileged, e.Privileged)), riskTags(e.Risk))
	used := lastUsed(in)
	switch {
	case !used.Known():
		add("Usage unknown", ui.Plain)
	case ui.Days(used, b.now, b.loc) >= unusedAfter:
		add("Not used for "+ui.Num(int64(ui.Days(used, b.now, b.loc)))+" days", ui.Warn)
	}
	if in.Facts.Status == "disabled" {
		add("Account disabled", ui.Info)
	}
	if len(in.Facts.Paths) > 0 && !in.Facts.Direct {
		add("Inherited", ui.Info)
	}
	if subj.PersonID == "" {
		add("Nobody is known to hold it", ui.Warn)
	}
	return tags
}

// bases are the rules that give a reviewer, as the reviewer reads them.
var bases = map[string]string{
	"manager": "You are the manager", "source_owner": "You own the system", "entitlement_owner": "You own this access",
	"account_owner": "You own the account", "fallback": "You are the campaign's fallback reviewer", "named": "The campaign names you", "expression": "A rule of the campaign names you",
}

func (b rowBuilder) details(in *campaigns.Row) []ui.Pair {
	var out []ui.Pair
	add := func(term, text string, code bool) {
		if text != "" {
			out = append(out, ui.Pair{Term: term, Text: text, Code: code})
		}
	}
	subj := in.Subject
	add("Account", subj.AccountID, true)
	add("User name", subj.Username, true)
	add("Department", subj.Department, false)
	if subj.EndDate.Known() {
		add("Last day", ui.Day(subj.EndDate, b.loc).Text, false)
	}
	for _, p := range in.Facts.Paths {
		add("Held", pathWords(p, b.paths(in.Item.SourceID, p.Via), b.loc), false)
	}
	if in.Facts.AvoidedID != "" {
		add("Why not the rule's first", "It would have been a review of one's own access", false)
	}
	if in.Facts.Unknown {
		add("Why it is here", "The campaign's condition could not be told, so it was not left out", false)
	}
	why := bases[in.Item.Basis]
	if why == "" {
		why = in.Item.Basis
	}
	add("Why you", why, false)
	return out
}

// pathWords says how an access is held; names is its path in names.
func pathWords(p model.Path, names string, loc *time.Location) string {
	text := "directly"
	if names != "" {
		text = "through " + names
	}
	if p.GrantedAt.Known() {
		text += ", since " + ui.Day(p.GrantedAt, loc).Text
	}
	if p.GrantedBy != "" {
		text += ", given by " + p.GrantedBy
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	if p.ExpiresAt.Known() {
		text += " (until " + ui.Day(p.ExpiresAt, loc).Text + ")"
	}
	return text
}

// foremost is the removal that says most about where an item stands: one that needs somebody
// first, one that is done last.
func foremost(rs []model.Remediation) *model.Remediation {
	order := map[model.RemediationState]int{
		model.Failed: 1, model.CameBack: 2, model.Held: 3, model.Queued: 4, model.Sent: 5, model.Superseded: 6, model.Confirmed: 7, model.Restored: 8,
	}
	var best *model.Remediation
	for i := range rs {
		if n := order[rs[i].State]; n > 0 && (best == nil || n < order[best.State]) {
			best = &rs[i]
		}
	}
	return best
}

// removalTime is when a removal came to where it is, as far as its row tells.
func removalTime(m model.Remediation) model.Time {
	for _, t := range []model.Time{m.ClosedAt, m.CalledAt} {
		if t.Known() {
			return t
		}
	}
	return m.QueuedAt
}
