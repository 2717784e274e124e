package campaign

import (
	"slices"

	"recert/views/layout"
	"recert/views/ui"
)

// Fields of POST /campaigns/new. FieldSource repeats, once a ticked source; FieldReviewer repeats
// in the order of the rules, and "" among them is none.
const (
	FieldName       = "name"
	FieldPurpose    = "purpose"
	FieldSource     = "source"
	FieldCopy       = "copy"  // the campaign that is copied
	FieldWhere      = "where" // CEL
	FieldReviewer   = "reviewer"
	FieldPick       = "pick"     // CEL
	FieldSwaps      = "swaps"    // prevent
	FieldFallback   = "fallback" // a person_id
	FieldDue        = "due"      // days from launch
	FieldSchedule   = "schedule"
	FieldReminder   = "reminder" // 7d, 0d, +1d
	FieldOnNoAnswer = "on_no_answer"
	FieldCloser     = "closer" // a person_id, or a mail address
	FieldClose      = "close"
	FieldRemove     = "remove"
	FieldGrace      = "grace" // 3d, 12h
	FieldOwner      = "owner" // a person_id, or a mail address
)

// NewPage is the form of a new campaign. After a refused POST it shows what was typed, with an
// error at each wrong field.
type NewPage struct {
	layout.Frame
	Problem    ui.Notice
	Errors     map[string]string // by field name
	Name       string
	Purpose    string
	Sources    []ui.Option // those that provide access
	Where      string
	Scope      ScopeForm
	Count      Count
	From       string   // the campaign that is copied
	Pick       string   // an expression that names a reviewer, asked before the rules
	NoSwaps    bool     // two people never review each other
	Reviewers  []string // the chosen rules in order, of Rules
	Fallback   string
	FallbackAs []ui.Option // people who may be the fallback; empty shows a line to type a person_id
	Due        string      // days, "" is 14
	Schedule   string      // of those that are offered
	Reminders  []string    // of those that are offered
	OnNoAnswer string      // keep, revoke or escalate; "" is keep
	Closer     string      // with escalate: a person_id, or a mail address
	Close      string      // signed or due; "" is by hand
	Remove     string      // sign_off or decision; "" is sign_off
	Grace      string      // how long a removal waits; "" is not at all
	Owner      string      // a person_id, or a mail address; "" is who launches it
	Key        string
}

func (p NewPage) grace() ui.Field {
	return ui.Field{
		Name: FieldGrace, Label: "Wait before removing", Value: p.Grace, Error: p.Errors[FieldGrace],
		Help: "As 3d or 12h. Who loses access is told at once, and can say that it is needed before it is gone. Empty does not wait.",
	}
}

func (p NewPage) owner() ui.Field {
	return ui.Field{
		Name: FieldOwner, Label: "Owner", Value: p.Owner, Error: p.Errors[FieldOwner],
		Help: "The person_id or mail address of who is told when a removal is contested or comes back, and may answer. Empty is who launches it.",
	}
}

// Rules are the reviewer rules that the form offers.
var Rules = []ui.Option{
	{Value: "manager", Label: "The person's manager"},
	{Value: "entitlement_owner", Label: "The owner of the access"},
	{Value: "account_owner", Label: "The owner of the account"},
	{Value: "source_owner", Label: "The owner of the system"},
}

const ruleCount = 3

func (p NewPage) name() ui.Field {
	return ui.Field{
		Name: FieldName, Label: "Name", Value: p.Name, Required: true, Error: p.Errors[FieldName],
		Help: ui.NameHelp + " For example: quarterly-managers. Each run adds its date.",
	}
}

func (p NewPage) purpose() ui.Field {
	return ui.Field{
		Name: FieldPurpose, Label: "What reviewers should know", Value: p.Purpose, Rows: 3, Error: p.Errors[FieldPurpose],
		Help: "Shown at the top of every review: why this is asked, and whom to ask.",
	}
}

func (p NewPage) where() ui.Field {
	return ui.Field{
		Name: FieldWhere, Label: "Only access where", Value: p.Where, Error: p.Errors[FieldWhere],
		Help: "A condition in CEL, for example entitlement.risk == 'high' || account.privileged. Empty takes all. Where something is unknown, the access is taken.",
	}
}

func (p NewPage) pick() ui.Field {
	return ui.Field{
		Name: FieldPick, Label: "In special cases, whom this names", Value: p.Pick, Error: p.Errors[FieldPick],
		Help: "An expression in CEL that gives a person_id, asked before the rules: for example entitlement.risk == 'high' ? source.owner : person.manager_id. Where it gives nobody, the rules are asked. Empty goes by the rules alone.",
	}
}

func (p NewPage) rule(i int) ui.Select {
	labels := []string{"First", "Otherwise", "Otherwise"}
	ids := []string{"reviewer-1", "reviewer-2", "reviewer-3"}
	s := ui.Select{ID: ids[i], Name: FieldReviewer, Label: labels[i]}
	if i == 0 {
		s.Error = p.Errors[FieldReviewer]
		s.Required = true
	} else {
		s.Options = append(s.Options, ui.Option{Value: "", Label: "nobody else"})
	}
	for _, o := range Rules {
		o.Selected = i < len(p.Reviewers) && p.Reviewers[i] == o.Value
		s.Options = append(s.Options, o)
	}
	return s
}

const fallbackHelp = "Gets what no rule gives a reviewer for, and what would be a review of one's own access."

func (p NewPage) fallbackSelect() ui.Select {
	s := ui.Select{Name: FieldFallback, Label: "Fallback", Help: fallbackHelp, Error: p.Errors[FieldFallback]}
	for _, o := range p.FallbackAs {
		o.Selected = o.Value == p.Fallback
		s.Options = append(s.Options, o)
	}
	return s
}

func (p NewPage) fallbackField() ui.Field {
	return ui.Field{
		Name: FieldFallback, Label: "Fallback", Value: p.Fallback, Error: p.Errors[FieldFallback],
		Help: fallbackHelp + " Their person_id.",
	}
}

func (p NewPage) due() ui.Field {
	v := p.Due
	if v == "" {
		v = "14"
	}
	return ui.Field{
		Name: FieldDue, Label: "Days to answer", Value: v, Type: "number", Required: true, Error: p.Errors[FieldDue],
		Help: "From the launch. The last day ends at 17:00.",
	}
}

// schedules are those that the form offers; a file may have any rule of RFC 5545.
var schedules = []ui.Option{
	{Value: "", Label: "No, I launch it"},
	{Value: "FREQ=MONTHLY;BYMONTHDAY=1", Label: "Every month, on the 1st"},
	{Value: "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1", Label: "Every quarter, on 1 January, April, July and October"},
	{Value: "FREQ=MONTHLY;INTERVAL=6;BYMONTHDAY=1", Label: "Every half year, on 1 January and July"},
	{Value: "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1", Label: "Every year, on 1 January"},
}

// ScheduleWords says a schedule that the form offers in words; "" is any other.
func ScheduleWords(rule string) string {
	for _, o := range schedules {
		if o.Value == rule && rule != "" {
			return o.Label
		}
	}
	return ""
}

func (p NewPage) schedule() ui.Select {
	return choices(FieldSchedule, "Does it begin by itself?", p.Schedule, p.Errors, slices.Clone(schedules))
}

// reminders are those that the form offers; a file may have others.
func (p NewPage) reminders() []ui.Option {
	all := []ui.Option{
		{Value: "7d", Label: "A week before it is due"},
		{Value: "2d", Label: "Two days before"},
		{Value: "0d", Label: "In the morning of its last day"},
		{Value: "+1d", Label: "The day after"},
	}
	for i := range all {
		all[i].Selected = slices.Contains(p.Reminders, all[i].Value)
	}
	return all
}

func (p NewPage) onNoAnswer() ui.Select {
	return choices(FieldOnNoAnswer, "What happens where nobody answers", p.OnNoAnswer, p.Errors, []ui.Option{
		{Value: "keep", Label: "It stays", Help: "The report shows it as unanswered."},
		{Value: "revoke", Label: "It is removed", Help: "Strict. People lose what nobody confirmed."},
		{Value: "escalate", Label: "Somebody else is asked", Help: "Its reviewers get a week more first. What nobody answers even then stays."},
	})
}

func (p NewPage) closer() ui.Field {
	return ui.Field{
		Name: FieldCloser, Label: "Who is asked then", Value: p.Closer, Error: p.Errors[FieldCloser],
		Help: "The person_id or mail address of who answers what nobody did, and what a reviewer is not sure of. Only where somebody else is asked.",
	}
}

func (p NewPage) closing() ui.Select {
	return choices(FieldClose, "Does it close by itself?", p.Close, p.Errors, slices.Clone(closings))
}

// closings are when a campaign closes.
var closings = []ui.Option{
	{Value: "", Label: "No, I close it"},
	{Value: "signed", Label: "When everybody has signed off", Help: "And nothing is without an answer."},
	{Value: "due", Label: "When it is due"},
}

// ClosingWords says when a campaign closes by itself; "" is never.
func ClosingWords(value string) string {
	for _, o := range closings {
		if o.Value == value && value != "" {
			return o.Label
		}
	}
	return ""
}

func (p NewPage) remove() ui.Select {
	return choices(FieldRemove, "When a removal goes out", p.Remove, p.Errors, []ui.Option{
		{Value: "sign_off", Label: "After sign-off", Help: "A reviewer can change their mind until then."},
		{Value: "decision", Label: "Soon after the answer", Help: "There is a short time to undo."},
	})
}

// choices marks the chosen one, the first where none is.
func choices(name, label, value string, errs map[string]string, opts []ui.Option) ui.Select {
	if value == "" {
		value = opts[0].Value
	}
	for i := range opts {
		opts[i].Selected = opts[i].Value == value
	}
	return ui.Select{Name: name, Label: label, Options: opts, Error: errs[name]}
}
