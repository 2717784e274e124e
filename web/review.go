package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/review"
	"recert/views/ui"
)

const reviewRows = 50

// reviewPage is what the review is rendered from: the usual page, or the one that a refused
// answer gives back.
type reviewPage struct {
	run      model.Run
	back     url.Values // filter and place in the list
	item     int64      // only this one, whatever its state; 0 is the list
	after    int64      // where its page begins
	conflict *campaigns.ConflictError
	problem  error                 // about the item
	typed    campaigns.DecideInput // what was sent with conflict or problem
}

// review is one campaign for its reviewer.
func (s *site) review(w http.ResponseWriter, r *request) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("campaign"))
	if err != nil {
		return err
	}
	p := reviewPage{run: run, back: reviewQuery(r.URL.Query())}
	if text := p.back.Get(review.ParamItem); text != "" {
		if p.item, err = number(text); err != nil {
			return err
		}
	} else if p.after, err = r.after(p.list()); err != nil {
		return err
	}
	return s.renderReview(w, r, p)
}

// list is what the page is one of.
func (p reviewPage) list() list { return listOf(ui.Path("reviews", p.run.Name), p.back) }

// reviewQuery keeps the parameters of a review's address that mean something.
func reviewQuery(q url.Values) url.Values {
	out := url.Values{}
	for _, name := range []string{review.ParamSearch, review.ParamSource, review.ParamState, review.ParamItem, paramAfter} {
		if v := q.Get(name); v != "" && len(v) <= 200 && clean(v) {
			out.Set(name, v)
		}
	}
	return out
}

func (s *site) renderReview(w http.ResponseWriter, r *request, p reviewPage) error {
	state := p.back.Get(review.ParamState)
	f := store.ItemFilter{
		Item: p.item, Search: p.back.Get(review.ParamSearch), Source: p.back.Get(review.ParamSource),
		After: p.after, Limit: reviewRows,
	}
	switch state {
	case review.StateDecided:
		f.State = store.ItemsDecided
	case review.StateAll:
	default:
		state, f.State = review.StateUndecided, store.ItemsUndecided
	}
	rev, page, err := s.Campaigns.ReviewPage(r.Context(), r.actor, p.run.ID, f)
	if err != nil {
		return err
	}
	if p.item != 0 && len(page.Rows) == 0 {
		return errNotFound // somebody else's, or none
	}
	if state == review.StateUndecided && !rev.Open() && !p.back.Has(review.ParamState) && p.item == 0 {
		// What is finished is read, not worked on.
		state, f.State = review.StateAll, ""
		if rev, page, err = s.Campaigns.ReviewPage(r.Context(), r.actor, p.run.ID, f); err != nil {
			return err
		}
	}
	if err := p.list().movedOn(p.after > 0, len(page.Rows)); err != nil {
		return err
	}
	v, err := s.reviewView(r, p, rev, page, state)
	if err != nil {
		return err
	}
	return s.render(w, r, review.Show(v))
}

func (s *site) reviewView(r *request, p reviewPage, rev campaigns.Review, page campaigns.Page, state string) (review.Page, error) {
	loc, c := zone(p.run.TimeZone), rev.Counts
	v := review.Page{
		Frame: s.frame(r, rev.Title, layout.Reviews), Campaign: p.run.Name, Name: rev.Title,
		Due: ui.At(p.run.DueAt, loc), Left: s.left(p.run.DueAt, rev.Answerable(), p.run.TimeZone),
		Decided: c.Items - c.Gone - c.Unanswered, Total: c.Items - c.Gone, Back: p.back.Encode(),
		Filter: review.Filter{
			Search: p.back.Get(review.ParamSearch), State: state,
			Active: p.item != 0 || p.back.Has(review.ParamSearch) || p.back.Has(review.ParamSource) || p.back.Has(review.ParamState),
		},
	}
	v.Here = ui.Path("reviews", p.run.Name)
	if v.Back != "" {
		v.Here += "?" + v.Back
	}
	names, err := s.Store.ReviewSources(r.Context(), p.run.ID, r.actor.PersonKey)
	if err != nil {
		return v, err
	}
	v.Filter.Sources = sourceOptions(names, p.back.Get(review.ParamSource))
	paths, err := s.reviewPaths(r, p.run, page.Rows)
	if err != nil {
		return v, err
	}
	b := rowBuilder{site: s, actor: r.actor, review: rev, loc: loc, now: s.now(), paths: paths}
	accounts := rowAccounts(page.Rows)
	for i := range page.Rows {
		row := b.row(&page.Rows[i])
		row.Account = accounts[i]
		p.mark(&row, loc)
		v.Rows = append(v.Rows, row)
	}
	if p.item == 0 {
		v.Pager = p.list().pager(p.after, page.Next, shown(len(page.Rows), page.Total))
	}
	run, err := s.Campaigns.RunPage(r.Context(), r.actor, p.run.ID)
	if err != nil {
		return v, err
	}
	v.Purpose = run.Spec.Purpose
	switch {
	case rev.Part.SignedAt.Known():
		v.Receipt, err = s.receipt(r, rev, loc)
	case rev.Run.PausedAt.Known():
		v.Paused, err = s.pausedWords(r, rev.Run)
	case !rev.Open():
		v.Closed = "It was closed on " + ui.At(p.run.ClosedAt, loc).Text + ". Answers can no longer be given."
	case c.Items-c.Gone > 0:
		v.SignOff, err = s.signOffView(r, p, rev, leftovers[run.Spec.OnNoAnswer])
	}
	return v, err
}

// pausedWords say that a review is paused, and why.
func (s *site) pausedWords(r *request, run model.Run) (string, error) {
	why, err := s.Campaigns.Paused(r.Context(), run)
	text := "Since " + ui.Day(run.PausedAt, zone(run.TimeZone)).Text + ". What you have answered stays, and you can answer again when it goes on."
	if why != "" {
		text += " The reason: " + why
	}
	return text, err
}

func shown(n int, total int64) string {
	if int64(n) >= total {
		return ""
	}
	return ui.Num(int64(n)) + " of " + ui.Num(total)
}

func sourceOptions(names []string, chosen string) []ui.Option {
	opts := []ui.Option{{Label: "All systems", Selected: chosen == ""}}
	for _, n := range names {
		opts = append(opts, ui.Option{Value: n, Label: n, Selected: n == chosen})
	}
	return opts
}

// mark puts a refused answer back into its row, with what was typed.
func (p reviewPage) mark(row *review.Row, loc *timeLocation) {
	if p.item == 0 || row.Item != strconv.FormatInt(p.item, 10) {
		return
	}
	switch {
	case p.conflict != nil && p.conflict.Mine != model.NoAnswer:
		row.Conflict = &review.Conflict{
			Who: p.conflict.Who, Theirs: review.Answer(p.conflict.Theirs), At: ui.At(p.conflict.At, loc),
			Mine: review.Answer(p.conflict.Mine), LowerTo: p.conflict.LowerTo, Until: p.conflict.Until, Note: p.conflict.Comment,
		}
		row.Version = strconv.FormatInt(p.conflict.Version, 10)
	case p.conflict != nil:
		row.Error = "This was answered again in the meantime, so nothing was undone. Look at what stands now."
	case p.problem != nil:
		row.Error = "Not saved. " + model.Message(p.problem)
		row.Typed = &review.Typed{Answer: row.Answer, LowerTo: p.typed.LowerTo, Until: p.typed.Until, Comment: p.typed.Comment}
		if isAnswer(p.typed.Answer) {
			row.Typed.Answer = review.Answer(p.typed.Answer)
		}
	}
}

// rowAccounts are the accounts of rows of one page that need to be named.
func rowAccounts(rows []campaigns.Row) []string {
	return accountNames(len(rows), func(i int) (string, *model.Subject) { return rows[i].Source, &rows[i].Subject })
}

func isAnswer(a model.Answer) bool {
	return a == model.Keep || a == model.Revoke || a == model.Unsure || a == model.Reduce
}

// decide stores one answer.
func (s *site) decide(w http.ResponseWriter, r *request) error {
	return s.answer(w, r, func() model.Answer {
		answer := model.NoAnswer
		if given := r.PostForm[review.FieldAnswer]; len(given) > 0 {
			answer = model.Answer(given[len(given)-1]) // that of the button, which comes after the choices
		}
		if answer == model.NoAnswer {
			answer = "none chosen" // an undo has its own address; this is refused with words
		}
		return answer
	})
}

// undo takes the own answer back.
func (s *site) undo(w http.ResponseWriter, r *request) error {
	return s.answer(w, r, func() model.Answer { return model.NoAnswer })
}

// answer stores what read finds in the form.
func (s *site) answer(w http.ResponseWriter, r *request, read func() model.Answer) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("campaign"))
	if err != nil {
		return err
	}
	item, err := number(r.path("item"))
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return s.ifReviewed(r, run, item, err)
	}
	answer := read()
	version, err := strconv.ParseInt(r.PostForm.Get(review.FieldVersion), 10, 64)
	if err != nil {
		version = -1 // no item has it: a conflict
	}
	back, err := url.ParseQuery(r.PostForm.Get(review.FieldBack))
	if err != nil {
		back = url.Values{}
	}
	in := campaigns.DecideInput{
		RunID: run.ID, ItemID: item, Answer: answer, Comment: r.PostForm.Get(review.FieldComment), LowerTo: r.PostForm.Get(review.FieldLower), Until: r.PostForm.Get(review.FieldUntil),
		Version: version, Key: r.PostForm.Get(review.FieldKey), Channel: "web",
	}
	if answer == model.NoAnswer {
		in.Comment = ""
	}
	_, err = s.Campaigns.Decide(r.Context(), r.actor, in)
	p := reviewPage{run: run, back: reviewQuery(back), item: item, typed: in}
	if err == nil && answer == model.NotMine {
		p.back.Del(review.ParamItem) // it is somebody else's now
		return redirect(w, r, reviewAddress(p))
	}
	if err == nil {
		return redirect(w, r, reviewAddress(p)+"#item-"+strconv.FormatInt(item, 10))
	}
	switch model.KindOf(err) {
	case model.Invalid, model.Conflict, model.Forbidden:
		r.status = statusOf(err)
	default:
		return err
	}
	if conflict, ok := errors.AsType[*campaigns.ConflictError](err); ok {
		p.conflict = conflict
	} else {
		p.problem = err
		r.flash = ui.Notice{Tone: ui.Warn, Title: "Not saved.", Text: model.Message(err)}
	}
	return s.renderReview(w, r, p)
}

// ifReviewed is what is wrong with the form of an item, told only to who reviews it.
func (s *site) ifReviewed(r *request, run model.Run, item int64, wrong error) error {
	items, err := s.Store.ItemsByID(r.Context(), run.ID, []int64{item})
	switch {
	case err != nil:
		return err
	case len(items) != 1 || r.actor.PersonKey == 0 || items[0].ReviewerKey != r.actor.PersonKey:
		return errNotFound
	}
	return wrong
}

func reviewAddress(p reviewPage) string {
	to := ui.Path("reviews", p.run.Name)
	if len(p.back) > 0 {
		to += "?" + p.back.Encode()
	}
	return to
}
