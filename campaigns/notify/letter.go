package notify

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"recert/model"
	"recert/model/store"
)

//go:embed text/*.tmpl
var files embed.FS

// Each kind's file defines subject, text and html. It is parsed twice: what goes into HTML is escaped.
var (
	plainTemplates = map[model.MessageKind]*texttemplate.Template{}
	htmlTemplates  = map[model.MessageKind]*template.Template{}
)

// Kinds are the kinds that have words.
var Kinds = []model.MessageKind{
	model.MessageRemovalNotice, model.MessageCameBack, model.MessageContested, model.MessageContestAnswered, model.MessageTask,
	model.MessageReview, model.MessageReminder, model.MessageLaunchFailed, model.MessageTest,
}

func init() {
	for _, k := range Kinds {
		names := []string{"text/layout.tmpl", "text/" + string(k) + ".tmpl"}
		plainTemplates[k] = texttemplate.Must(texttemplate.New(string(k)).ParseFS(files, names...))
		htmlTemplates[k] = template.Must(template.New(string(k)).ParseFS(files, names...))
	}
}

// Letter is a message in words.
type Letter struct {
	Subject string // one line
	Text    string
	HTML    string
}

// maxRows is how many removals a letter lists; the page lists all.
const maxRows = 100

// view is what the words are about. Every text in it is one line, except Reason.
type view struct {
	To       string
	Campaign string
	Rows     []row
	More     int // removals that are not listed
	By       string
	Reason   []string // lines
	Accepted bool
	Reviews  []review
	Late     bool // the first of them is overdue
	Back     bool // what is to stay is gone, or may be, and has to be given back
	Task     string
	Link     string
	Base     string

	removal int64 // the one that it is about; 0 where there are several
}

// row is one removal.
type row struct {
	Person  string // whose access
	Access  string
	Account string
	Source  string
	Path    string // what it is held through; "" for held directly
	What    string // what happens to it
}

// errNothing says that what a message was to tell of is no more.
var errNothing = model.Errorf(model.Invalid, "Nothing was left to tell when its turn came.")

// reader is what rendering reads; Store and Tx have it.
type reader interface {
	RunByID(ctx context.Context, id int64) (model.Run, error)
	Remediation(ctx context.Context, id int64) (store.RemediationRow, error)
	MessageRemovals(ctx context.Context, message int64) ([]store.RemediationRow, error)
	UnfinishedReviews(ctx context.Context, person int64) ([]store.UnfinishedReview, error)
	LaunchEntitlementByID(ctx context.Context, source int64, id string) (data string, ok bool, err error)
}

// Render puts a message in words, as things stand now. base is the address of this Recert, without a
// slash at its end.
func Render(ctx context.Context, q reader, m model.OutMessage, to model.Person, base string, now model.Time) (Letter, error) {
	plain, ok := plainTemplates[m.Kind]
	if !ok {
		return Letter{}, fmt.Errorf("message %d: there are no words for the kind %q", m.ID, m.Kind)
	}
	v, err := viewOf(ctx, q, m, now)
	if err != nil {
		return Letter{}, err
	}
	v.To, v.Base = oneLine(to.Name), base
	v.Link = base + link(m.Kind, v)
	var l Letter
	for _, part := range []struct {
		name string
		into *string
	}{{"subject", &l.Subject}, {"text", &l.Text}} {
		var b strings.Builder
		if err := plain.ExecuteTemplate(&b, part.name, v); err != nil {
			return Letter{}, fmt.Errorf("message %d: %w", m.ID, err)
		}
		*part.into = b.String()
	}
	var b bytes.Buffer
	if err := htmlTemplates[m.Kind].ExecuteTemplate(&b, "page", v); err != nil {
		return Letter{}, fmt.Errorf("message %d: %w", m.ID, err)
	}
	l.Subject, l.HTML = cut(oneLine(l.Subject), 200), b.String()
	return l, nil
}

func link(kind model.MessageKind, v view) string {
	switch kind {
	case model.MessageRemovalNotice, model.MessageContestAnswered:
		if v.removal == 0 {
			return "/notices" // the person's own page
		}
		return fmt.Sprintf("/notices/%d", v.removal)
	case model.MessageTask:
		if v.removal == 0 {
			return "/" // all of them
		}
		return fmt.Sprintf("/tasks/%d", v.removal)
	case model.MessageReview, model.MessageReminder:
		if len(v.Reviews) == 1 {
			return v.Reviews[0].page
		}
		return "/" // all of them
	case model.MessageLaunchFailed:
		return "/campaigns/" + url.PathEscape(v.By) + "/preview"
	case model.MessageTest:
		return "/messages"
	case model.MessageCameBack, model.MessageContested:
	}
	return fmt.Sprintf("/revocations/%d", v.removal)
}

func viewOf(ctx context.Context, q reader, m model.OutMessage, now model.Time) (view, error) {
	var v view
	var data model.MessageData
	if err := json.Unmarshal([]byte(m.Data), &data); err != nil {
		return v, fmt.Errorf("read the data of message %d: %w", m.ID, err)
	}
	v.By, v.Accepted = oneLine(data.By), data.Accepted
	for line := range strings.Lines(data.Reason) {
		if line = oneLine(line); line != "" {
			v.Reason = append(v.Reason, line)
		}
	}
	switch m.Kind {
	case model.MessageTest, model.MessageLaunchFailed:
		return v, nil
	case model.MessageReview, model.MessageReminder:
		err := v.reviews(ctx, q, m, now)
		return v, err
	case model.MessageRemovalNotice, model.MessageCameBack, model.MessageContested, model.MessageContestAnswered, model.MessageTask:
	}
	var removals []store.RemediationRow
	if data.Removal == 0 {
		var err error
		if removals, err = q.MessageRemovals(ctx, m.ID); err != nil {
			return v, err
		}
	} else {
		r, err := q.Remediation(ctx, data.Removal)
		if err != nil {
			return v, fmt.Errorf("message %d: %w", m.ID, err)
		}
		removals = []store.RemediationRow{r}
		v.Back = data.Accepted && (r.State == model.Confirmed || r.State == model.Sent)
	}
	err := v.tell(ctx, q, m, removals, now)
	return v, err
}

// tell lists the removals that are still to be told of.
func (v *view) tell(ctx context.Context, q reader, m model.OutMessage, removals []store.RemediationRow, now model.Time) error {
	zone := time.UTC
	for i := range removals {
		r := &removals[i]
		if i == 0 {
			run, err := q.RunByID(ctx, r.RunID)
			if err != nil {
				return err
			}
			if zone, err = time.LoadLocation(run.TimeZone); err != nil {
				return fmt.Errorf("run %s: %w", run.Name, err)
			}
			v.Campaign = campaignTitle(run.Name, run.Spec)
		}
		if over(m.Kind, r.State) {
			continue
		}
		if len(v.Rows) == maxRows {
			v.More++
			continue
		}
		through, err := path(ctx, q, r)
		if err != nil {
			return err
		}
		one := rowOf(r, now, zone)
		one.Path = through
		v.Rows = append(v.Rows, one)
		v.Task, v.removal = oneLine(r.Task), r.ID
	}
	if len(v.Rows) > 1 {
		v.Task, v.removal = "", 0
	}
	if len(v.Rows) == 0 {
		return errNothing
	}
	return nil
}

// over tells whether there is no use in telling of a removal any more.
func over(kind model.MessageKind, s model.RemediationState) bool {
	switch kind {
	case model.MessageRemovalNotice:
		return s == model.Superseded || s == model.Cancelled || s == model.Restored
	case model.MessageTask:
		return s != model.Queued && s != model.Held && s != model.Sent && s != model.Failed && s != model.CameBack
	case model.MessageCameBack, model.MessageContested, model.MessageContestAnswered, model.MessageReview, model.MessageReminder,
		model.MessageLaunchFailed, model.MessageTest:
	}
	return false
}

func rowOf(r *store.RemediationRow, now model.Time, zone *time.Location) row {
	account := r.Subject.Username
	if account == "" {
		account = r.Subject.AccountID
	}
	return row{
		Person: oneLine(firstOf(r.Subject.Name, r.Subject.DisplayName, account)), Access: access(r), Account: oneLine(account), Source: oneLine(r.Source), What: what(r, now, zone),
	}
}

func access(r *store.RemediationRow) string {
	if r.EntitlementKey == nil {
		return "The whole account"
	}
	name := firstOf(r.Entitlement.Name, r.Entitlement.EntitlementID)
	if d := r.Entitlement.Description; d != "" && d != name {
		name += " (" + d + ")"
	}
	return oneLine(firstOf(name, "An access"))
}

// path names what an access is held through, outermost first. Two removals of one access differ in it.
func path(ctx context.Context, q reader, r *store.RemediationRow) (string, error) {
	if r.Via == "" {
		return "", nil
	}
	steps := strings.Split(r.Via, ">")
	for i, id := range steps {
		data, ok, err := q.LaunchEntitlementByID(ctx, r.SourceID, id)
		if err != nil {
			return "", err
		}
		var e model.Entitlement
		if ok && data != "" {
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return "", fmt.Errorf("read entitlement %s: %w", id, err)
			}
		}
		steps[i] = oneLine(firstOf(e.Name, id))
	}
	return strings.Join(steps, " > "), nil
}

// what says what happens to an access, for the person who has it.
func what(r *store.RemediationRow, now model.Time, zone *time.Location) string {
	switch r.State {
	case model.Queued, model.CameBack:
		if r.NextAt > now {
			return "will be removed on " + r.NextAt.Std().In(zone).Format("Monday 2 January 2006 at 15:04 MST")
		}
		return "is being removed"
	case model.Held, model.Failed:
		return "is to be removed"
	case model.Sent:
		return "is being removed"
	case model.Confirmed:
		return "has been removed"
	case model.Superseded, model.Cancelled, model.Restored:
	}
	return "stays"
}

func campaignTitle(name, definition string) string {
	var spec model.CampaignSpec
	if json.Unmarshal([]byte(definition), &spec) == nil && spec.Title != "" {
		return oneLine(spec.Title)
	}
	return name
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

// oneLine keeps what comes from other systems from making lines, or headers, of its own, and from
// turning the text around it.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
