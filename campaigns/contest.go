package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Reasons of removals that the person concerned contests. They stand in the evidence and name nobody.
const (
	WhyContested = "The person concerned contests it."
	whyDismissed = "What the person concerned says against it was answered: it goes on."
	whyUpheld    = "What the person concerned says against it was answered: the access stays."
)

// NoticeDays is for how long a removal that has ended stays among the notices of who had the access.
const NoticeDays = 30

// maxReason is how many characters a reason may have.
const maxReason = 2000

// CheckReason gives the reason without space around it. It must be there, and text that can be
// stored; what says what it is for, as "Say why …".
func CheckReason(reason, what string) (string, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return "", model.Errorf(model.Invalid, "%s", what)
	case !utf8.ValidString(reason) || strings.ContainsRune(reason, 0):
		return "", model.Errorf(model.Invalid, "The reason holds characters that cannot be stored.")
	case utf8.RuneCountInString(reason) > maxReason:
		return "", model.Errorf(model.Invalid, "The reason has at most %d characters.", maxReason)
	}
	return reason, nil
}

// Notice is a removal of the actor's own access.
type Notice struct {
	store.NoticeRow

	Title   string         // of the campaign
	Owner   string         // the name of who is told of what the actor says, beside admins; "" where nobody is
	Contest *model.Contest // nil where the actor has said nothing
	// MayContest is that the actor may say something against it; what was asked of the target already
	// is not held by that.
	MayContest bool
}

// Notices are the removals of the actor's own access: those that are open, and those that ended
// less than NoticeDays ago. The latest comes first. What a dry run keeps from going out is not among them.
func (s *Service) Notices(ctx context.Context, actor model.Actor) ([]Notice, error) {
	if actor.PersonKey == 0 {
		return nil, nil
	}
	rows, err := s.Store.Notices(ctx, actor.PersonKey, 0, noticesSince(model.TimeOf(s.Store.Now())))
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	contests, err := s.Store.ContestsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	dry := map[string]bool{}
	for i := range rows {
		if _, ok := dry[rows[i].Source]; ok {
			continue
		}
		if dry[rows[i].Source], err = dryNow(ctx, s.Store, rows[i].Source); err != nil {
			return nil, err
		}
	}
	owners := map[[2]int64]int64{}
	out := make([]Notice, 0, len(rows))
	for i := range rows {
		if untold(rows[i].Remediation, dry[rows[i].Source]) {
			continue
		}
		n := Notice{NoticeRow: rows[i]}
		var spec parsed
		if err := json.Unmarshal([]byte(rows[i].RunSpec), &spec.CampaignSpec); err != nil {
			return nil, fmt.Errorf("read the definition that %s was launched with: %w", rows[i].Run, err)
		}
		if n.Owner, err = s.ownerName(ctx, actor, &rows[i], owners); err != nil {
			return nil, err
		}
		campaign, _, _ := strings.Cut(rows[i].Run, "@")
		n.Title = spec.title(campaign)
		if at, ok := slices.BinarySearchFunc(contests, n.ID, func(c model.Contest, id int64) int { return int(c.RemediationID - id) }); ok {
			n.Contest = &contests[at]
		}
		n.MayContest = n.Contest == nil && contestable(n.State)
		out = append(out, n)
	}
	return out, nil
}

// ownerName is who is told of what is said against a removal, if that is not the actor; known has the keys of
// those that were asked for, by run and source.
func (s *Service) ownerName(ctx context.Context, actor model.Actor, row *store.NoticeRow, known map[[2]int64]int64) (string, error) {
	at := [2]int64{row.RunID, row.SourceID}
	key, ok := known[at]
	if !ok {
		var err error
		if key, err = OwnerOf(ctx, s.Store, model.Run{ID: row.RunID, OwnerKey: row.OwnerKey}, row.SourceID); err != nil {
			return "", err
		}
		known[at] = key
	}
	if key == 0 || key == actor.PersonKey {
		return "", nil
	}
	p, err := s.Store.PersonByKey(ctx, key)
	return p.Name, err
}

func noticesSince(now model.Time) model.Time { return now.Add(-NoticeDays * 24 * time.Hour) }

// contestable tells whether something may be said against a removal where it is: what was granted
// anew, cancelled or given back took nothing.
func contestable(s model.RemediationState) bool {
	return s.Open() || s == model.Failed || s == model.Confirmed
}

// Contest stores what the actor says against a removal of the actor's own access. One that nothing
// was asked for yet waits from then on; of one that a worker is at, the worker sees it before it asks
// anything. What was asked for already goes on: an answer may say that the access is to be given back.
func (s *Service) Contest(ctx context.Context, actor model.Actor, id int64, reason string) error {
	reason, err := CheckReason(reason, "Say why you need the access, so that who answers can understand it.")
	if err != nil {
		return err
	}
	noNotice := model.Errorf(model.NotFound, "There is no such notice.")
	if actor.PersonKey == 0 {
		return noNotice
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		seen, err := tx.Remediation(ctx, id)
		if model.KindOf(err) == model.NotFound {
			return noNotice
		}
		if err != nil {
			return err
		}
		// A worker that is about to ask has this lock while it looks for what is said: either it sees this,
		// or it has asked, and its event comes first.
		if err := tx.LockBrake(ctx, seen.SourceID); err != nil {
			return err
		}
		r, err := tx.LockRemediation(ctx, id)
		switch {
		case err != nil:
			return err
		case r.PersonKey == nil || *r.PersonKey != actor.PersonKey || r.Kind != model.KindRemove,
			r.ClosedAt.Known() && r.ClosedAt < noticesSince(tx.Now):
			return noNotice
		}
		src, err := tx.SourceByID(ctx, r.SourceID)
		if err != nil {
			return err
		}
		if dry, err := dryNow(ctx, tx, src.Name); err != nil {
			return err
		} else if untold(r, dry) {
			return noNotice // it is none: nobody may learn of it by trying
		}
		if !contestable(r.State) {
			return model.Errorf(model.Conflict, "This access is not being removed any more. Load the page again.")
		}
		if c, ok, err := tx.Contest(ctx, id); err != nil || ok && c.Reason == reason && c.Outcome == model.ContestOpen {
			return err // the same click twice
		} else if ok {
			return model.Errorf(model.Conflict, "You have said something against this already. Load the page again to see what was answered.")
		}
		return contest(ctx, tx, actor, r, reason)
	})
	if store.IsUnique(err) {
		return &model.Error{Kind: model.Conflict, Msg: "You have said something against this already. Load the page again.", Err: err}
	}
	return err
}

func contest(ctx context.Context, tx *store.Tx, actor model.Actor, r model.Remediation, reason string) error {
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	if err := tx.InsertContest(ctx, model.Contest{RemediationID: r.ID, PersonKey: actor.PersonKey, Reason: reason}); err != nil {
		return err
	}
	rid := strconv.FormatInt(r.ID, 10)
	if _, err := appendEvent(ctx, tx, actor, run.Name, evidence.TypeRemovalContested, evidence.RemediationObject(rid), evidence.RemovalContested{
		Remediation: rid, Item: strconv.FormatInt(r.ItemID, 10),
	}, map[string]string{"person": actor.PersonID, "reason": reason}); err != nil {
		return err
	}
	if held, err := tx.HoldRemediation(ctx, r.ID, WhyContested); err != nil {
		return err
	} else if held {
		if err := stateEvent(ctx, tx, actor, run.Name, r, model.Held, WhyContested, evidence.RevocationState{}); err != nil {
			return err
		}
	}
	if err := hurryOutside(ctx, tx, r); err != nil {
		return err
	}
	owner, err := OwnerOf(ctx, tx, run, r.SourceID)
	if err != nil || owner == 0 {
		return err // the board shows it in any case
	}
	_, _, err = tx.AddMessage(ctx, store.NewMessage{
		Key: "contested/" + rid, Kind: model.MessageContested, RunID: run.ID, PersonKey: owner,
		Data: model.MessageData{Removal: r.ID, By: actor.Name, Reason: reason},
	})
	return err
}

// hurryOutside lets whoever works on a ticket hear soon of what is said against a removal that was asked for there,
// and of the answer.
func hurryOutside(ctx context.Context, tx *store.Tx, r model.Remediation) error {
	if r.State != model.Sent || !model.Outside(r.Mode) {
		return nil // what waits for its time goes on waiting for it
	}
	return tx.HurryRemediation(ctx, r.ID)
}

// hurryAnswered has a removal looked at soon that was asked for, once it is answered what is said against it: whoever
// works on a ticket hears of it, and whether access that is to stay is still there is found out. What keeps a source
// from being asked keeps it from that too.
func hurryAnswered(ctx context.Context, tx *store.Tx, r model.Remediation, c model.Contest) error {
	if c.Outcome == model.ContestUpheld && r.InDoubtSince.Known() {
		return tx.HurryRemediation(ctx, r.ID)
	}
	return hurryOutside(ctx, tx, r)
}

// AnswerContest answers what a person says against a removal: uphold is that the access is to stay,
// else the removal goes on. Admins may, and campaign managers and who owns the run, if they did not answer the
// item themselves; never whoever may be the person concerned.
//
// Upheld, a removal that nothing was asked for is cancelled, and of one that is proven the access is
// asked for again in the same transaction. One that was asked for, and may have taken effect, stays where
// it is until that is known; SettleUpheld does the rest.
func (s *Service) AnswerContest(ctx context.Context, actor model.Actor, id int64, uphold bool, reason string) error {
	reason, err := CheckReason(reason, "Say why: the person concerned reads it, and it stands in the evidence.")
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		r, err := tx.LockRemediation(ctx, id)
		if err != nil {
			return err
		}
		if may, err := answersContests(ctx, tx, actor, r); err != nil {
			return err
		} else if !may {
			return model.Errorf(model.Forbidden, "Only an admin, a campaign manager or the owner of the campaign may answer this.")
		}
		c, ok, err := tx.Contest(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			return model.Errorf(model.Conflict, "Nobody contests this revocation. Load the page again.")
		}
		c.AnsweredBy, c.Answer, c.Outcome = actor.Label(), reason, model.ContestDismissed
		if uphold {
			c.Outcome = model.ContestUpheld
		}
		return answerContest(ctx, tx, actor, r, c)
	})
}

func answerContest(ctx context.Context, tx *store.Tx, actor model.Actor, r model.Remediation, c model.Contest) error {
	stands, _, err := tx.Contest(ctx, r.ID)
	if err != nil {
		return err
	}
	if stands.Outcome != model.ContestOpen {
		if stands.Outcome == c.Outcome && stands.AnsweredBy == c.AnsweredBy && stands.Answer == c.Answer {
			return nil // the same click twice
		}
		return model.Errorf(model.Conflict, "%s answered this in the meantime. Load the page again.", stands.AnsweredBy)
	}
	if !contestable(r.State) {
		return model.Errorf(model.Conflict, "This access is not being removed any more: there is nothing to answer. Load the page again.")
	}
	if err := mayAnswerContest(ctx, tx, actor, r, c); err != nil {
		return err
	}
	run, err := tx.RunByID(ctx, r.RunID)
	if err != nil {
		return err
	}
	if err := tx.AnswerContest(ctx, c); err != nil {
		return err
	}
	rid := strconv.FormatInt(r.ID, 10)
	if _, err := appendEvent(ctx, tx, actor, run.Name, evidence.TypeContestResolved, evidence.RemediationObject(rid), evidence.ContestResolved{
		Remediation: rid, Item: strconv.FormatInt(r.ItemID, 10), Outcome: string(c.Outcome),
	}, map[string]string{"reason": c.Answer}); err != nil {
		return err
	}
	if err := afterAnswer(ctx, tx, actor, run.Name, r, c); err != nil {
		return err
	}
	if err := hurryAnswered(ctx, tx, r, c); err != nil {
		return err
	}
	if err := tx.ReplaceReason(ctx, r.ID, WhyOrderContested, WhyOrderAnswered); err != nil {
		return err
	}
	_, _, err = tx.AddMessage(ctx, store.NewMessage{
		Key: "contest_answered/" + rid, Kind: model.MessageContestAnswered, RunID: run.ID, PersonKey: c.PersonKey,
		Data: model.MessageData{Removal: r.ID, By: actor.Name, Reason: c.Answer, Accepted: c.Outcome == model.ContestUpheld},
	})
	return err
}

type answerReader interface {
	identities
	AccountPerson(ctx context.Context, account int64) (int64, error)
	Answered(ctx context.Context, run, item, person int64) (bool, error)
}

// mayAnswerContest refuses who may be the person concerned, and a campaign manager or an owner who decided
// about the item: that one would judge the own decision.
func mayAnswerContest(ctx context.Context, q answerReader, actor model.Actor, r model.Remediation, c model.Contest) error {
	people, err := PeopleBehind(ctx, q, actor)
	if err != nil {
		return err
	}
	holder, err := q.AccountPerson(ctx, r.AccountKey)
	if err != nil {
		return err
	}
	if slices.Contains(people, c.PersonKey) || slices.Contains(people, holder) || r.PersonKey != nil && slices.Contains(people, *r.PersonKey) {
		return model.Errorf(model.Forbidden, "It is your own access: somebody else must answer.")
	}
	if actor.Has(model.Admin) {
		return nil
	}
	for _, person := range people {
		answered, err := q.Answered(ctx, r.RunID, r.ItemID, person)
		if err != nil {
			return err
		}
		if answered {
			return model.Errorf(model.Forbidden, "You answered this item yourself: an admin, or another campaign manager, must answer.")
		}
	}
	return nil
}

// afterAnswer moves the removal as the answer says, as far as nothing was asked for it.
func afterAnswer(ctx context.Context, tx *store.Tx, actor model.Actor, run string, r model.Remediation, c model.Contest) error {
	waits := r.State == model.Held && r.Reason == WhyContested
	switch {
	case c.Outcome == model.ContestDismissed && waits:
		if err := tx.ReleaseRemediation(ctx, r.ID, whyDismissed); err != nil {
			return err
		}
		return stateEvent(ctx, tx, actor, run, r, model.Queued, whyDismissed, evidence.RevocationState{})
	case c.Outcome == model.ContestUpheld && r.State == model.Confirmed:
		return giveBack(ctx, tx, actor, r, c.Answer)
	case c.Outcome == model.ContestDismissed, !r.State.Can(model.Cancelled):
		return nil // it goes on, or waits for another reason
	case r.InDoubtSince.Known(), r.State == model.Sent && r.Mode != model.ModeManual:
		return nil // it may be gone by now: the worker looks, and asks for nothing any more
	}
	return Decline(ctx, tx, actor, run, r, whyUpheld, c.Answer)
}

// Decline cancels a removal, or what lowers an access, because the actor decided that it will not be done. why names nobody; the
// note, the actor's own words, can be erased. Who may is for the caller to check.
func Decline(ctx context.Context, tx *store.Tx, actor model.Actor, run string, r model.Remediation, why, note string) error {
	if !r.State.Can(model.Cancelled) {
		return model.Errorf(model.Conflict, "This revocation is %s by now. Load the page again.", r.State)
	}
	if r.LeaseUntil.Known() && r.LeaseUntil >= tx.Now {
		return model.Errorf(model.Conflict, "It is being worked on at this moment. Try again in a minute.")
	}
	if err := tx.DeclineRemediation(ctx, r.ID, r.State, actor.Label(), why+" "+note); err != nil {
		return err
	}
	id := strconv.FormatInt(r.ID, 10)
	_, err := appendEvent(ctx, tx, actor, run, evidence.TypeRevocationState, evidence.RemediationObject(id), evidence.RevocationState{
		Remediation: id, Item: strconv.FormatInt(r.ItemID, 10), From: string(r.State), To: string(model.Cancelled), Reason: why, Declined: true,
	}, map[string]string{"note": note})
	if err != nil {
		return fmt.Errorf("decline removal %d: %w", r.ID, err)
	}
	return nil
}
