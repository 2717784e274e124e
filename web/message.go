package web

import (
	"net/http"
	"net/url"
	"slices"

	"recert/campaigns/notify"
	"recert/model"
	"recert/model/store"
	"recert/views/layout"
	"recert/views/message"
	"recert/views/ui"
)

const messageRows = 50

// messageWords say what a message is.
var messageWords = map[model.MessageKind]string{
	model.MessageRemovalNotice: "Access is being removed", model.MessageCameBack: "Removed access is there again", model.MessageContested: "A removal is contested",
	model.MessageContestAnswered: "A contest is answered", model.MessageTask: "Something is to be done by hand", model.MessageTest: "A test message",
	model.MessageReview: "A review is to be done", model.MessageReminder: "A reminder of reviews", model.MessageLaunchFailed: "A scheduled review was not launched",
}

var messageTags = map[model.MessageState]ui.Tag{
	model.MessageQueued: {Text: "Waits", Tone: ui.Info}, model.MessageSending: {Text: "Goes out", Tone: ui.Info}, model.MessageSent: {Text: "Sent", Tone: ui.Good},
	model.MessageFailed: {Text: "Failed", Tone: ui.Bad}, model.MessageCancelled: {Text: "Not needed any more"},
}

// mailExample is what sets mail up.
const mailExample = `apiVersion: recert/v1
kind: Notification
name: mail
spec:
  mail:
    host: smtp.example.com
    from: recert@example.com
    username: recert@example.com
    password: ${SMTP_PASSWORD}
    tls: starttls
`

// messages is the log of messages, the newest first.
func (s *site) messages(w http.ResponseWriter, r *request) error {
	state := model.MessageState(r.query(message.ParamState))
	f := store.MessageFilter{Limit: messageRows + 1}
	q := url.Values{}
	if slices.Contains(model.MessageStates, state) {
		f.States = []model.MessageState{state}
		q.Set(message.ParamState, string(state))
	} else {
		state = ""
	}
	pages := listOf("/messages", q)
	var err error
	if f.Before, err = r.after(pages); err != nil {
		return err
	}
	counts, err := s.Store.MessageCounts(r.Context())
	if err != nil {
		return err
	}
	rows, err := s.Store.Messages(r.Context(), f)
	if err != nil {
		return err
	}
	if err := pages.movedOn(f.Before > 0, len(rows)); err != nil {
		return err
	}
	p := message.ListPage{
		Frame: s.frame(r, "Messages", layout.Revocations), Active: state != "", Failed: counts[model.MessageFailed], CanRetry: r.actor.Has(managers...),
	}
	var all int64
	for _, n := range counts {
		all += n
	}
	p.States = append(p.States, ui.Option{Label: "All (" + ui.Num(all) + ")", Selected: state == ""})
	for _, st := range model.MessageStates {
		p.States = append(p.States, ui.Option{Value: string(st), Label: messageTags[st].Text + " (" + ui.Num(counts[st]) + ")", Selected: state == st})
	}
	if p.Setup, err = s.mailSetup(r, counts[model.MessageQueued]); err != nil {
		return err
	}
	p.CanTest = p.Setup == nil && p.CanRetry
	var next int64
	if len(rows) > messageRows {
		rows = rows[:messageRows]
		next = rows[messageRows-1].ID
	}
	p.Pager = pages.pager(f.Before, next, "")
	for i := range rows {
		p.Rows = append(p.Rows, messageRow(&rows[i], r.zone))
	}
	return s.render(w, r, message.List(p))
}

// mailSetup is nil where mail is set up.
func (s *site) mailSetup(r *request, waiting int64) (*message.Setup, error) {
	ok, err := notify.SetUp(r.Context(), s.Store)
	if err != nil || ok {
		return nil, err
	}
	return &message.Setup{Waiting: waiting, Example: mailExample}, nil
}

func messageRow(m *store.MessageRow, loc *timeLocation) message.Row {
	row := message.Row{ID: itoa(m.ID), To: messageTo(m), Address: m.Address, What: messageWords[m.Kind], About: m.Run, State: messageTags[m.State], At: ui.At(m.CreatedAt, loc), Why: m.LastError}
	if m.SentAt.Known() {
		row.At = ui.At(m.SentAt, loc)
	}
	return row
}

func messageTo(m *store.MessageRow) string {
	if m.Person.Name != "" {
		return m.Person.Name
	}
	if m.Address != "" {
		return m.Address
	}
	return m.Person.PersonID
}

// message is one message with what it says.
func (s *site) message(w http.ResponseWriter, r *request) error {
	m, err := s.messageOf(r)
	if err != nil {
		return err
	}
	row := messageRow(&m, r.zone)
	p := message.Page{
		Frame: s.frame(r, "Message "+row.ID, layout.Revocations), ID: row.ID, What: row.What, State: row.State, Why: m.LastError,
		CanRetry: m.State == model.MessageFailed && r.actor.Has(managers...),
		Facts:    []ui.Pair{{Term: "To", Text: row.To}, {Term: "Queued", Text: ui.Exact(m.CreatedAt, r.zone).Text}, {Term: "Tries", Text: itoa(int64(m.Attempts))}},
	}
	if m.Person.PersonID != "" {
		p.Facts[0].Href = ui.Path("people", m.Person.PersonID)
	}
	if m.Address != "" {
		p.Facts = append(p.Facts, ui.Pair{Term: "Address", Text: m.Address})
	}
	if m.Run != "" {
		p.Facts = append(p.Facts, ui.Pair{Term: "Campaign", Text: m.Run, Href: ui.Path("campaigns", m.Run)})
	}
	switch m.State {
	case model.MessageQueued:
		if m.NextAt < m.CreatedAt {
			break // as soon as any
		}
		p.Facts = append(p.Facts, ui.Pair{Term: "Next try", Text: ui.Exact(m.NextAt, r.zone).Text})
	case model.MessageSent:
		p.Facts = append(p.Facts, ui.Pair{Term: "Sent", Text: ui.Exact(m.SentAt, r.zone).Text})
	case model.MessageSending, model.MessageFailed, model.MessageCancelled:
	}
	letter, sent, err := notify.Preview(r.Context(), s.Store, m, s.BaseURL)
	switch {
	case err == nil:
		p.Subject, p.Text, p.Sent = letter.Subject, letter.Text, sent
	case model.KindOf(err) == model.Internal:
		return err
	default:
		p.NoText = model.Message(err)
	}
	removals, err := s.Store.MessageRemovals(r.Context(), m.ID)
	if err != nil {
		return err
	}
	for i := range removals {
		can, _ := removalWords(&removals[i])
		p.Removals = append(p.Removals, ui.Pair{Text: subjectName(removals[i].Subject) + ": " + can + ", " + removals[i].Source, Href: "/revocations/" + itoa(removals[i].ID)})
	}
	return s.render(w, r, message.Show(p))
}

func (s *site) messageOf(r *request) (store.MessageRow, error) {
	id, err := number(r.path("id"))
	if err != nil {
		return store.MessageRow{}, err
	}
	return s.Store.Message(r.Context(), id)
}

// retryMessage sends a failed message again.
func (s *site) retryMessage(w http.ResponseWriter, r *request) error {
	m, err := s.messageOf(r)
	if err != nil {
		return err
	}
	if err := notify.Retry(r.Context(), s.Store, r.actor, m.ID); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/messages/"+itoa(m.ID), "sendagain")
}

// retryMessages sends all failed messages again.
func (s *site) retryMessages(w http.ResponseWriter, r *request) error {
	if _, err := notify.RetryAll(r.Context(), s.Store, r.actor); err != nil {
		return err
	}
	return s.redirectWith(w, r, "/messages", "sendagain")
}

// testMessage sends a message to whoever asks for it.
func (s *site) testMessage(w http.ResponseWriter, r *request) error {
	id, err := notify.Test(r.Context(), s.Store, r.actor)
	if err != nil {
		return err
	}
	return s.redirectWith(w, r, "/messages/"+itoa(id), "testsent")
}
