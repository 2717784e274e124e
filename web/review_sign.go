package web

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"recert/campaigns"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
	"recert/views/review"
	"recert/views/ui"
)

// signListed bounds how many removals and open questions the sign-off names.
const signListed = 100

// leftovers says what on_no_answer does.
var leftovers = map[string]string{
	campaigns.OnNoAnswerKeep:     "What stays without an answer when the campaign closes is kept, and the report says so.",
	campaigns.OnNoAnswerRevoke:   "What stays without an answer when the campaign closes is removed.",
	campaigns.OnNoAnswerEscalate: "What you are not sure of goes to somebody whom the campaign names for that when you sign off, and so does what stays without an answer in the end.",
}

// signed is what a reviewer sees before signing: another content has another version.
type signed struct {
	Statement string
	Counts    model.Counts
}

func (s *site) signOffView(r *request, p reviewPage, rev campaigns.Review, leftover string) (*review.SignOff, error) {
	v := &review.SignOff{
		Key: newKey(), Counts: countPairs(rev.Counts), Statement: rev.Statement, Leftover: leftover,
		RemovalsIn: rev.Counts.Revoked, OpenIn: rev.Counts.Unanswered,
	}
	var err error
	if v.Version, err = versionOf(signed{rev.Statement, rev.Counts}); err != nil {
		return nil, err
	}
	mine := store.ItemFilter{Limit: signListed}
	mine.Answer = model.Revoke
	if v.Removals, err = s.signLines(r, p, mine); err != nil {
		return nil, err
	}
	if rev.Counts.Reduced > 0 {
		lower := store.ItemFilter{Limit: signListed}
		lower.Answer = model.Reduce
		if v.Lowers, err = s.signLines(r, p, lower); err != nil {
			return nil, err
		}
	}
	if n := rev.Counts.Unanswered; n > 0 {
		if v.Unanswered, err = s.signLines(r, p, store.ItemFilter{State: store.ItemsUndecided, Limit: signListed}); err != nil {
			return nil, err
		}
		v.Blocked = "You can sign off when everything has an answer. " + ui.Count(n, "item is", "items are") + " still open; “not sure” is an answer too."
	}
	v.After, err = s.signAfter(r, p, rev)
	return v, err
}

// signAfter says what becomes of the answers: when removals begin and who hears of them, and when keeps end.
func (s *site) signAfter(r *request, p reviewPage, rev campaigns.Review) (out []string, err error) {
	if rev.Counts.Revoked+rev.Counts.Reduced > 0 {
		out = append(out, removalsBegin(rev))
	}
	n, first, err := s.Store.CountKeepsUntil(r.Context(), p.run.ID, r.actor.PersonKey)
	if err != nil || n == 0 {
		return out, err
	}
	day, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return out, err
	}
	what, when := ui.Count(n, "access is", "accesses are")+" kept until a date", ", until "
	if n > 1 {
		when = ", the first until "
	}
	return append(out, what+when+day.Format("2 Jan 2006")+". After its date it is removed, unless a later review keeps it."), nil
}

// removalsBegin says when removals go out, and that those concerned are told.
func removalsBegin(rev campaigns.Review) string {
	told := " The people concerned see it in Recert, and may object."
	if rev.Tells {
		told = " The people concerned are told by mail and in Recert, and may object."
	}
	switch {
	case rev.Wait <= 0:
		return "The removals begin as soon as you sign off." + told
	case rev.Undo:
		return "Each removal begins " + exactly(rev.Wait) + " after its answer." + told
	}
	return "The removals begin " + exactly(rev.Wait) + " after you sign off." + told
}

// exactly is a wait in the largest unit that it is a whole number of.
func exactly(d time.Duration) string {
	for _, u := range []struct {
		of        time.Duration
		one, many string
	}{{24 * time.Hour, "day", "days"}, {time.Hour, "hour", "hours"}} {
		if d >= u.of && d%u.of == 0 {
			return ui.Count(int64(d/u.of), u.one, u.many)
		}
	}
	return ui.Count(int64(d/time.Minute), "minute", "minutes")
}

func countPairs(c model.Counts) []ui.Pair {
	out := []ui.Pair{{Term: "Keep", Text: ui.Num(c.Kept)}, {Term: "Remove", Text: ui.Num(c.Revoked)}, {Term: "Not sure", Text: ui.Num(c.Unsure)}}
	if c.Reduced > 0 {
		out = append(out, ui.Pair{Term: "Lower", Text: ui.Num(c.Reduced)})
	}
	if c.Unanswered > 0 {
		out = append(out, ui.Pair{Term: "No answer yet", Text: ui.Num(c.Unanswered)})
	}
	if c.Gone > 0 {
		out = append(out, ui.Pair{Term: "Gone before an answer", Text: ui.Num(c.Gone)})
	}
	return out
}

// lowerName is the name of what an access is lowered to.
func lowerName(lowers []model.Entitlement, id string) string {
	for i := range lowers {
		if lowers[i].EntitlementID == id && lowers[i].Name != "" {
			return lowers[i].Name
		}
	}
	return id
}

// signLines names items, and says how many more there are.
func (s *site) signLines(r *request, p reviewPage, f store.ItemFilter) ([]review.Line, error) {
	_, page, err := s.Campaigns.ReviewPage(r.Context(), r.actor, p.run.ID, f)
	if err != nil {
		return nil, err
	}
	var out []review.Line
	accounts := rowAccounts(page.Rows)
	for i := range page.Rows {
		row := &page.Rows[i]
		can, technical := accessWords(row.Entitlement)
		if technical != "" {
			can = technical
		}
		if d := row.Decision; d != nil && row.Item.Answer == model.Reduce {
			can += ", to " + lowerName(row.Lowers, d.LowerTo)
		}
		out = append(out, review.Line{Item: strconv.FormatInt(row.Item.ID, 10), Person: withAccount(subjectName(row.Subject), accounts[i]), Access: row.Source + " · " + can})
	}
	if more := page.Total - int64(len(out)); more > 0 {
		out = append(out, review.Line{Person: "And", Access: ui.Num(more) + " more: choose “Answered” or “Still to answer” above to see all"})
	}
	return out, nil
}

// signOff makes the answers final.
func (s *site) signOff(w http.ResponseWriter, r *request) error {
	run, err := s.Campaigns.Run(r.Context(), r.actor, r.path("campaign"))
	if err != nil {
		return err
	}
	rev, _, err := s.Campaigns.ReviewPage(r.Context(), r.actor, run.ID, store.ItemFilter{Limit: 1})
	if err != nil {
		return err
	}
	if err := r.form(); err != nil {
		return err
	}
	p := reviewPage{run: run, back: reviewQuery(nil)}
	version, err := versionOf(signed{rev.Statement, rev.Counts})
	if err != nil {
		return err
	}
	if rev.Open() && r.PostForm.Get(review.FieldVersion) != version {
		r.status = http.StatusConflict
		r.flash = ui.Notice{Tone: ui.Warn, Title: "Not signed off.", Text: "Your answers have changed since this page was loaded. Check them below, then sign off."}
		return s.renderReview(w, r, p)
	}
	_, err = s.Campaigns.SignOff(r.Context(), r.actor, campaigns.SignOffInput{RunID: run.ID, Statement: rev.Statement})
	switch {
	case err == nil:
		return s.redirectWith(w, r, reviewAddress(p), "signed")
	case model.KindOf(err) == model.Invalid, model.KindOf(err) == model.Conflict:
		r.status = statusOf(err)
		r.flash = ui.Notice{Tone: ui.Warn, Title: "Not signed off.", Text: model.Message(err)}
		return s.renderReview(w, r, p)
	}
	return err
}

// receipt is what a reviewer keeps of a sign-off.
func (s *site) receipt(r *request, rev campaigns.Review, loc *timeLocation) (*review.Receipt, error) {
	v := &review.Receipt{At: ui.At(rev.Part.SignedAt, loc), By: r.actor.Name, Counts: countPairs(rev.Counts), Statement: rev.Statement}
	// As campaigns names a reviewer's part in evidence.
	events, err := s.Store.EventsOf(r.Context(), rev.Run.Name, "review:"+rev.Part.Commitment[:32])
	if err != nil {
		return nil, err
	}
	for _, ev := range events {
		if ev.Type == verify.TypeReviewSignedOff {
			v.Event, v.Hash = itoa(ev.ID), hex.EncodeToString(ev.Hash)
		}
	}
	return v, nil
}
