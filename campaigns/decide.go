package campaigns

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// maxComment is how many characters a comment may have.
const maxComment = 2000

// DecideInput is one answer.
type DecideInput struct {
	RunID   int64
	ItemID  int64
	Answer  model.Answer // keep, revoke, reduce, unsure, not_mine; NoAnswer undoes
	LowerTo string       // with reduce, which needs it: the entitlement_id of the weaker access
	Until   string       // with keep: the last day (YYYY-MM-DD, where the campaign is) for which it is kept; "" is for good
	Comment string       // with not_mine: why, which is required
	Version int64        // of the item as it was shown
	Key     string       // idempotency key: the same one again changes nothing; "" is never the same
	Channel string       // web, bulk, cli; "" is web
}

// Decided is what an answer did.
type Decided struct {
	Item      model.Item     // as it stands now
	Decision  model.Decision // zero where there was nothing to undo
	Repeated  bool           // the same key had been used before: nothing was changed
	UndoUntil model.Time     // with remove: decision, when a revoke goes out; 0 otherwise
	MovedTo   string         // with not_mine, the name of who is asked now
}

// ConflictError says that the item has been answered since the person who answers now loaded it. It shows both
// answers, so that the person can choose.
type ConflictError struct {
	Mine    model.Answer
	LowerTo string // mine, with reduce
	Until   string // mine, with keep
	Comment string // mine
	Theirs  model.Answer
	Who     string // gave theirs
	At      model.Time
	Version int64 // that stands now: send it to answer all the same
}

func (e *ConflictError) Error() string { return e.Unwrap().Error() }

// Unwrap is the error as it is shown where there is no room for both answers.
func (e *ConflictError) Unwrap() error {
	return model.Errorf(model.Conflict, "%s answered %q in the meantime. Look again and answer anew.", e.Who, answerWord(e.Theirs))
}

func answerWord(a model.Answer) string {
	if a == model.NoAnswer {
		return "none"
	}
	return string(a)
}

// Decide stores one answer of the actor to one of the actor's own items, if at this moment it may
// be given. A *ConflictError says that the item has another version than was shown.
func (s *Service) Decide(ctx context.Context, actor model.Actor, in DecideInput) (*Decided, error) {
	out, err := s.DecideMany(ctx, actor, in.RunID, []DecideInput{in})
	if err != nil {
		return nil, err
	}
	return &out[0], nil
}

// DecideMany stores several answers of one reviewer in one run: all of them or none.
func (s *Service) DecideMany(ctx context.Context, actor model.Actor, run int64, ins []DecideInput) ([]Decided, error) {
	for i := range ins {
		if ins[i].RunID != run {
			return nil, model.Errorf(model.Invalid, "Answers of two runs cannot be given at once.")
		}
		if err := ins[i].check(); err != nil {
			return nil, err
		}
	}
	var out []Decided
	err := s.Store.InTx(ctx, func(tx *store.Tx) error {
		d, err := newDeciding(ctx, tx, actor, run)
		if err != nil {
			return err
		}
		out = make([]Decided, len(ins))
		if len(ins) > 1 {
			d.bulkID, d.bulkSize = rand.Text(), int64(len(ins))
		}
		for i, in := range ins {
			if out[i], err = d.one(ctx, in); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// check refuses what no state of the item could make right.
func (in *DecideInput) check() error {
	in.Comment = strings.TrimSpace(in.Comment)
	if in.Answer != model.Reduce {
		in.LowerTo = "" // a form may carry it with every answer
	}
	if in.Until = strings.TrimSpace(in.Until); in.Answer != model.Keep {
		in.Until = ""
	}
	switch {
	case !utf8.ValidString(in.Comment) || strings.ContainsRune(in.Comment, 0):
		return model.Errorf(model.Invalid, "The comment holds characters that cannot be stored.")
	case utf8.RuneCountInString(in.Comment) > maxComment:
		return model.Errorf(model.Invalid, "A comment has at most %d characters.", maxComment)
	case len(in.Key) > 100 || !utf8.ValidString(in.Key) || strings.ContainsRune(in.Key, 0):
		return model.Errorf(model.Invalid, "This form is broken. Load the page again.")
	}
	switch in.Answer {
	case model.Keep, model.Revoke, model.Unsure, model.NoAnswer:
		return nil
	case model.NotMine:
		if in.Comment == "" {
			return model.Errorf(model.Invalid, "Say why this is not yours to answer, so that the next reviewer knows.")
		}
		return nil
	case model.Reduce:
		if in.LowerTo == "" {
			return model.Errorf(model.Invalid, "Choose what the access is lowered to.")
		}
		return nil
	default: // not one of ours; the outcomes are no answers
		return model.Errorf(model.Invalid, "Choose an answer first.")
	}
}

// deciding is one transaction of answers.
type deciding struct {
	tx       *store.Tx
	actor    model.Actor
	run      model.Run
	spec     *parsed
	part     model.RunReviewer
	from     string // person_id of who has what is passed on
	bulkID   string
	bulkSize int64
}

// newDeciding locks the run against its close and the reviewer's part against its sign-off. Who
// has no part in the run is told what one who asks for a run that does not exist is told.
func newDeciding(ctx context.Context, tx *store.Tx, actor model.Actor, id int64) (*deciding, error) {
	if actor.PersonKey == 0 {
		return nil, model.Errorf(model.NotFound, "There is no such review.")
	}
	run, err := tx.LockRun(ctx, id, false)
	if err != nil {
		return nil, err
	}
	part, err := tx.LockRunReviewer(ctx, id, actor.PersonKey)
	if err != nil {
		return nil, err
	}
	spec, err := specOf(run)
	if err != nil {
		return nil, err
	}
	return &deciding{tx: tx, actor: actor, run: run, spec: spec, part: part, from: actor.PersonID}, nil
}

// specOf reads the spec that a run was launched with.
func specOf(run model.Run) (*parsed, error) {
	var spec model.CampaignSpec
	if err := json.Unmarshal([]byte(run.Spec), &spec); err != nil {
		return nil, fmt.Errorf("read the definition that %s was launched with: %w", run.Name, err)
	}
	spec.TimeZone = run.TimeZone
	return parseSpec(run.Campaign, spec)
}

func (d *deciding) one(ctx context.Context, in DecideInput) (Decided, error) {
	it, err := d.tx.LockItem(ctx, d.run.ID, in.ItemID)
	if err != nil {
		return Decided{}, err
	}
	if in.Key == "" {
		in.Key = rand.Text()
	}
	if before, ok, err := d.tx.DecisionByKey(ctx, d.run.ID, in.ItemID, in.Key); err != nil {
		return Decided{}, err
	} else if ok && before.ReviewerKey == d.actor.PersonKey {
		return d.repeated(ctx, it, before, in)
	}
	if err := d.allowed(ctx, it, in); err != nil {
		return Decided{}, err
	}
	if in.Version != it.Version {
		return Decided{}, d.conflict(ctx, it, in)
	}
	switch {
	case in.Answer == model.NotMine:
		return d.pass(ctx, it, in)
	case in.Answer == model.NoAnswer && it.Answer == model.NoAnswer:
		return Decided{Item: it}, nil
	}
	return d.answer(ctx, it, in)
}

// repeated gives the result of the first time again.
func (d *deciding) repeated(ctx context.Context, it model.Item, before model.Decision, in DecideInput) (Decided, error) {
	if before.Answer != storedAnswer(in.Answer) || before.LowerTo != in.LowerTo || before.Until != in.Until {
		return Decided{}, model.Errorf(model.Conflict, "This form was sent before with the answer %q. Load the page again.", before.Answer)
	}
	out := Decided{Item: it, Decision: before, Repeated: true}
	if removes(before.Answer) && d.spec.Remove == RemoveDecision {
		out.UndoUntil = before.At.Add(d.spec.wait())
	}
	if before.Answer != model.NotMine {
		return out, nil
	}
	moves, err := d.tx.Assignments(ctx, it.RunID, it.ID)
	if err != nil {
		return out, err
	}
	for _, m := range moves { // nobody gets an item twice, so there is one from the actor
		if m.FromKey == d.actor.PersonKey {
			out.MovedTo, err = d.reviewerName(ctx, m.ToKey)
		}
	}
	return out, err
}

func (d *deciding) reviewerName(ctx context.Context, person int64) (string, error) {
	part, ok, err := d.tx.RunReviewer(ctx, d.run.ID, person)
	if err != nil || !ok {
		return "", err
	}
	v, err := reviewerValue(part.Value)
	return v.Name, err
}

// storedAnswer is how a decision spells an answer: undo is an answer too.
func storedAnswer(a model.Answer) model.Answer {
	if a == model.NoAnswer {
		return model.OutcomeNone
	}
	return a
}

// allowed tells whether the actor may answer the item now.
func (d *deciding) allowed(ctx context.Context, it model.Item, in DecideInput) error {
	switch {
	case it.ReviewerKey != d.actor.PersonKey:
		return model.Errorf(model.NotFound, "There is no such item in your review.")
	case d.run.State != model.Running:
		return model.Errorf(model.Conflict, "This review was closed on %s; answers can no longer be given.", d.day(d.run.ClosedAt))
	case d.run.PausedAt.Known():
		return d.paused()
	case d.part.SignedAt.Known():
		return model.Errorf(model.Conflict, "You signed this review off on %s; its answers are final.", d.day(d.part.SignedAt))
	case it.Outcome == model.OutcomeGone:
		return model.Errorf(model.Conflict, "This access has gone in the meantime; nothing needs to be answered.")
	case it.Outcome != model.NoAnswer:
		return model.Errorf(model.Conflict, "This item is final.")
	case in.Answer == model.NotMine:
		return nil // also for what has become the own access
	}
	// Who holds the account may have changed since launch.
	holder, err := d.tx.AccountPerson(ctx, it.AccountKey)
	if err != nil {
		return err
	}
	if holder == d.actor.PersonKey || it.PersonKey != nil && *it.PersonKey == d.actor.PersonKey {
		return model.Errorf(model.Forbidden, "This is your own access, which you cannot review. Pass it on with “Not mine”, or ask whoever runs the campaign to hand it over.")
	}
	return nil
}

func (d *deciding) paused() error {
	return model.Errorf(model.Conflict, "This review is paused since %s. You can answer when it goes on.", d.day(d.run.PausedAt))
}

func (d *deciding) day(t model.Time) string { return t.Std().In(d.spec.location).Format("2 Jan 2006") }

// conflict tells who answered what since the actor looked.
func (d *deciding) conflict(ctx context.Context, it model.Item, in DecideInput) error {
	e := &ConflictError{Mine: in.Answer, LowerTo: in.LowerTo, Until: in.Until, Comment: in.Comment, Theirs: it.Answer, Version: it.Version, Who: "Somebody else", At: it.DecidedAt}
	ds, err := d.tx.Decisions(ctx, it.RunID, []int64{it.ID})
	if err != nil || len(ds) == 0 {
		return firstError(err, e)
	}
	last := ds[len(ds)-1]
	e.At = last.At
	name, err := d.reviewerName(ctx, last.ReviewerKey)
	if err != nil {
		return err
	}
	if name != "" {
		e.Who = name
	}
	return e
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func reviewerValue(text string) (model.ReviewerValue, error) {
	var v model.ReviewerValue
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fmt.Errorf("read a reviewer: %w", err)
	}
	return v, nil
}

// answer stores keep, revoke, reduce, unsure, or an undo.
func (d *deciding) answer(ctx context.Context, it model.Item, in DecideInput) (Decided, error) {
	old, was := it.Answer, it.Version
	if in.Answer == model.Reduce {
		if err := d.lowerable(ctx, it, in.LowerTo); err != nil {
			return Decided{}, err
		}
	}
	if removes(in.Answer) {
		if err := d.removable(ctx, it); err != nil {
			return Decided{}, err
		}
	}
	if err := d.checkUntil(in.Until); err != nil {
		return Decided{}, err
	}
	if removes(old) && (old != in.Answer || old == model.Reduce) {
		if err := d.cancelRemovals(ctx, it); err != nil {
			return Decided{}, err
		}
	}
	it.Answer, it.Version, it.DecidedAt = in.Answer, was+1, d.tx.Now
	if in.Answer == model.NoAnswer {
		it.DecidedAt = 0
	}
	dec, err := d.store(ctx, it, in)
	if err != nil {
		return Decided{}, err
	}
	if err := d.tx.AnswerItem(ctx, it, was); err != nil {
		return Decided{}, err
	}
	if err := d.tx.AddRunReviewer(ctx, it.RunID, it.ReviewerKey, difference(old, it.Answer)); err != nil {
		return Decided{}, err
	}
	out := Decided{Item: it, Decision: dec}
	if removes(it.Answer) && d.spec.Remove == RemoveDecision {
		if old != it.Answer || old == model.Reduce {
			rm := newRemover(d.tx, d.actor, d.run)
			if err := rm.send(ctx, it, d.tx.Now.Add(d.spec.undo)); err != nil {
				return Decided{}, err
			}
		}
		out.UndoUntil = d.tx.Now.Add(d.spec.wait())
	}
	return out, nil
}

// store writes the decision and its event.
func (d *deciding) store(ctx context.Context, it model.Item, in DecideInput) (model.Decision, error) {
	dec := model.Decision{
		RunID: it.RunID, ItemID: it.ID, Version: it.Version, ReviewerKey: d.actor.PersonKey, Answer: storedAnswer(in.Answer),
		Until: in.Until, LowerTo: in.LowerTo, Comment: in.Comment, IdemKey: in.Key, At: d.tx.Now,
	}
	id := strconv.FormatInt(it.ID, 10)
	channel := in.Channel
	switch {
	case d.bulkSize > 0:
		channel = "bulk"
	case channel == "":
		channel = "web"
	}
	personal := map[string]string{"reviewer": d.actor.PersonID}
	if in.Comment != "" {
		personal["comment"] = in.Comment
	}
	var err error
	dec.EventID, err = appendEvent(ctx, d.tx, d.actor, d.run.Name, evidence.TypeItemDecided, evidence.ItemObject(id), evidence.ItemDecided{
		Item: id, Version: dec.Version, Answer: string(dec.Answer), Until: dec.Until, LowerTo: dec.LowerTo, Channel: channel, TextHash: hex.EncodeToString(it.TextHash),
		BulkID: d.bulkID, BulkSize: d.bulkSize,
	}, personal)
	if err != nil {
		return dec, err
	}
	return dec, d.tx.InsertDecision(ctx, dec)
}

// removes tells whether an answer takes access away.
func removes(a model.Answer) bool { return a == model.Revoke || a == model.Reduce }

// difference is how a change of answer moves a reviewer's counters.
func difference(from, to model.Answer) model.Counts {
	var c model.Counts
	count := func(a model.Answer, n int64) {
		switch a {
		case model.Keep:
			c.Kept += n
		case model.Revoke:
			c.Revoked += n
		case model.Reduce:
			c.Reduced += n
		case model.Unsure:
			c.Unsure += n
		default: // no answer is in no counter
		}
	}
	count(from, -1)
	count(to, 1)
	return c
}
