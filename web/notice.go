package web

import (
	"cmp"
	"net/http"
	"strconv"

	"recert/campaigns"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/views/home"
	"recert/views/layout"
	"recert/views/notice"
	"recert/views/revocation"
	"recert/views/ui"
)

// homeNotices is how many notices the first page shows.
const homeNotices = 5

// leaving is the own access of the reader that goes away, or waits for an answer, for the first page.
func (s *site) leaving(r *request) (home.Leavings, error) {
	out := home.Leavings{Days: campaigns.NoticeDays}
	ns, err := s.Campaigns.Notices(r.Context(), r.actor)
	if err != nil {
		return out, err
	}
	for i := range ns {
		n := &ns[i]
		asks := n.Contest != nil && n.Contest.Outcome == model.ContestOpen
		switch {
		case !ending(n) && !asks:
			out.Ended++
			continue
		case len(out.List) == homeNotices:
			out.More, out.May = true, out.May || n.MayContest
			continue
		}
		l := home.Leaving{
			ID: itoa(n.ID), Source: n.Source, State: noticeTag(n), Why: n.Title, Out: again(&n.RemediationRow) + goesOut(&n.Remediation, r.zone), Owner: n.Owner, May: n.MayContest,
		}
		l.Can, _ = removalWords(&n.RemediationRow)
		if c := n.Contest; c != nil {
			l.Said = &home.Said{At: ui.At(c.At, r.zone), Answer: answerNotice(c, n.State, r.zone).Title}
		}
		out.List, out.May = append(out.List, l), out.May || l.May
	}
	return out, nil
}

// ending tells whether the access may still be there, and is to go.
func ending(n *campaigns.Notice) bool { return n.State.Open() || n.State == model.Failed }

// again says that something was gone before, where it was, for what is said then.
func again(row *store.RemediationRow) string {
	if row.BackAt.Known() && open(row) {
		return "It was gone and is there again. "
	}
	return ""
}

// goesOut says when something is removed, as its holder reads it.
func goesOut(m *model.Remediation, loc *timeLocation) string {
	switch {
	case m.State == model.Queued && !m.CalledAt.Known():
		return "Goes out on " + ui.At(m.NextAt, loc).Text + "."
	case m.State == model.Held && !m.CalledAt.Known():
		return "Waits for somebody to look at it."
	case m.State == model.Failed:
		return "It is still there, and somebody looks at it."
	case m.State.Open():
		return "Asked for on " + ui.At(m.CalledAt, loc).Text + "."
	case m.State == model.Confirmed:
		return "Gone since " + ui.At(m.ClosedAt, loc).Text + "."
	case m.State == model.Cancelled:
		return "Nothing was removed: the access stays."
	case m.State == model.Superseded:
		return "It was granted anew, so it was left alone."
	case m.State == model.Restored:
		return "It was given back."
	}
	return ""
}

// ownNotices is the list of the reader's own access that goes away.
func (s *site) ownNotices(w http.ResponseWriter, r *request) error {
	return s.renderNotices(w, r, 0, "", nil)
}

// ownNotice leads to one of them. It is an address of its own, because what stands behind a # is lost
// to who must sign in on the way.
func (s *site) ownNotice(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	return redirect(w, r, "/notices#notice-"+itoa(id))
}

// renderNotices shows them; typed is what was refused with problem, of the one with the id.
func (s *site) renderNotices(w http.ResponseWriter, r *request, id int64, typed string, problem error) error {
	ns, err := s.Campaigns.Notices(r.Context(), r.actor)
	if err != nil {
		return err
	}
	p := notice.Page{Frame: s.frame(r, "My access that goes away", layout.Reviews), Days: campaigns.NoticeDays}
	paths, err := s.removalPaths(r, len(ns), func(i int) *model.Remediation { return &ns[i].Remediation })
	if err != nil {
		return err
	}
	for i := range ns {
		v := noticeView(&ns[i], paths(&ns[i].Remediation), r.zone)
		if ns[i].ID == id && problem != nil {
			v.Typed, v.Error, r.status = typed, model.Message(problem), statusOf(problem)
		}
		if ending(&ns[i]) {
			p.Open = append(p.Open, v)
		} else {
			p.Ended = append(p.Ended, v)
		}
	}
	return s.render(w, r, notice.Show(p))
}

// noticeView is one of them; path is by what the access is held, "" where directly.
func noticeView(n *campaigns.Notice, path string, loc *timeLocation) notice.Notice {
	v := notice.Notice{
		ID: itoa(n.ID), Source: n.Source, State: noticeTag(n), May: n.MayContest, Gone: n.CalledAt.Known(),
		Facts: []ui.Pair{{Term: "When", Text: again(&n.RemediationRow) + goesOut(&n.Remediation, loc)}, {Term: "Why", Text: n.Title + why(n.Cause)}, {Term: "Account", Text: cmp.Or(n.Subject.Username, n.Subject.AccountID), Code: true}},
	}
	v.Can, _ = removalWords(&n.RemediationRow)
	if path != "" {
		v.Can += ", through " + path
	}
	if n.Owner != "" {
		v.Facts = append(v.Facts, ui.Pair{Term: "Who answers", Text: n.Owner})
	}
	if c := n.Contest; c != nil {
		v.Said = &notice.Said{Reason: c.Reason, At: ui.At(c.At, loc), Answer: answerNotice(c, n.State, loc)}
	}
	return v
}

// why says in words what a removal follows from, where that is no answer of revoke.
func why(cause string) string {
	if cause == model.CauseKeepUntil {
		return ", where it was kept until a day that is over"
	}
	return ""
}

// noticeTag is a state as the holder of the access reads it.
func noticeTag(n *campaigns.Notice) ui.Tag {
	switch {
	case n.Contest != nil && n.Contest.Outcome == model.ContestOpen && ending(n):
		return ui.Tag{Text: "You need it", Tone: ui.Warn}
	case n.State == model.Cancelled:
		return ui.Tag{Text: "Stays", Tone: ui.Good}
	case n.State == model.Confirmed:
		return ui.Tag{Text: "Gone"}
	case ending(n):
		return ui.Tag{Text: "Going away", Tone: ui.Warn}
	}
	return removalTag(n.Remediation)
}

// answerNotice is what was answered to a contest of a removal that is in a state now; zero while nobody has.
func answerNotice(c *model.Contest, state model.RemediationState, loc *timeLocation) ui.Notice {
	n := ui.Notice{Text: c.Answer + " (" + c.AnsweredBy + ", " + ui.At(c.AnsweredAt, loc).Text + ")"}
	switch c.Outcome {
	case model.ContestDismissed:
		n.Tone, n.Title = ui.Info, "Answered: it goes on."
		if state == model.Confirmed {
			n.Title = "Answered: it stays gone."
		}
	case model.ContestUpheld:
		n.Tone, n.Title = ui.Good, "Answered: the access is to stay."
	case model.ContestOpen:
		return ui.Notice{}
	}
	return n
}

// contest stores what the reader says against a removal of the own access.
func (s *site) contest(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	if own, err := s.isOwnNotice(r, id); err != nil {
		return err
	} else if !own {
		return errNotFound // another person's tells nothing, not even what is wrong with the form
	}
	if err := r.form(); err != nil {
		return err
	}
	reason := r.PostForm.Get(notice.FieldReason)
	err = s.Campaigns.Contest(r.Context(), r.actor, id, reason)
	if k := model.KindOf(err); err != nil && (k == model.Invalid || k == model.Conflict) {
		return s.renderNotices(w, r, id, reason, err)
	}
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, "/notices", "contested")
}

func (s *site) isOwnNotice(r *request, id int64) (bool, error) {
	ns, err := s.Campaigns.Notices(r.Context(), r.actor)
	for i := range ns {
		if ns[i].ID == id {
			return true, err
		}
	}
	return false, err
}

// answerContest answers what the person concerned says against a removal.
func (s *site) answerContest(w http.ResponseWriter, r *request) error {
	id, err := number(r.path("id"))
	if err != nil {
		return err
	}
	row, err := s.Store.Remediation(r.Context(), id)
	if err != nil {
		return err
	}
	if may, err := s.Campaigns.AnswersContests(r.Context(), r.actor, row.Remediation); err != nil {
		return err
	} else if !may {
		return errNotFound // it tells nothing, not even what is wrong with the form
	}
	if err := r.form(); err != nil {
		return err
	}
	outcome := r.PostForm.Get(revocation.FieldOutcome)
	if outcome != revocation.OutcomeDismissed && outcome != revocation.OutcomeUpheld {
		return model.Errorf(model.Invalid, "Choose whether it goes on, or the access stays.")
	}
	if err := s.Campaigns.AnswerContest(r.Context(), r.actor, id, outcome == revocation.OutcomeUpheld, r.PostForm.Get(revocation.FieldReason)); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/revocations/"+itoa(id), "answered")
}

// removalID is the number of the removal that the address names.
func (s *site) removalID(r *request) (int64, error) {
	id, err := number(r.path("id"))
	if err != nil {
		return 0, err
	}
	_, err = s.Store.Remediation(r.Context(), id)
	return id, err
}

// decline decides that a removal will not be done.
func (s *site) decline(w http.ResponseWriter, r *request) error {
	id, err := s.removalID(r)
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	fence, err := strconv.ParseInt(r.PostForm.Get(revocation.FieldVersion), 10, 64)
	if err != nil {
		fence = -1 // no removal has it
	}
	if err := remediate.Decline(r.Context(), s.Store, r.actor, id, fence, r.PostForm.Get(revocation.FieldReason)); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/revocations/"+itoa(id), "declined")
}

// contestView adds to a removal's page what the person concerned says, and what the reader may do
// about it.
func (s *site) contestView(r *request, p *revocation.Page, row *store.RemediationRow) error {
	c, ok, err := s.Store.Contest(r.Context(), row.ID)
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	open := c.Outcome == model.ContestOpen
	p.CanRetry = p.CanRetry && c.Outcome == model.ContestDismissed
	going := row.State.Open() || row.State == model.Failed || row.State == model.Confirmed
	p.Contest = &revocation.Contest{
		Who: p.Person, At: ui.At(c.At, r.zone), Reason: c.Reason, Answer: answerNotice(&c, row.State, r.zone), Asked: row.CalledAt.Known(),
		Gone: row.State == model.Confirmed, Upheld: c.Outcome == model.ContestUpheld, Why: c.Answer,
	}
	if !open || !going {
		return nil
	}
	if may, err := s.Campaigns.AnswersContests(r.Context(), r.actor, row.Remediation); err != nil || !may {
		return err
	}
	switch err := s.Campaigns.MayAnswerContest(r.Context(), r.actor, row.Remediation, c); {
	case err == nil:
		p.Contest.CanAnswer = true
	case model.KindOf(err) == model.Forbidden:
		p.Contest.CannotAnswer = model.Message(err)
	default:
		return err
	}
	return nil
}
