package model

import "slices"

// MessageKind is the occasion of a message.
type MessageKind string

// The kinds, and what their MessageData carries beside Removal.
const (
	// MessageRemovalNotice tells a person of access that is about to be taken. It is a digest: its
	// removals are those that joined it, and its data is empty.
	MessageRemovalNotice MessageKind = "removal_notice"
	// MessageCameBack tells the owner of a campaign that a proven removal was seen again; Reason says by what.
	MessageCameBack MessageKind = "came_back"
	// MessageContested tells the owner of a campaign that a person objects to a removal: By is who, Reason is why.
	MessageContested MessageKind = "contested"
	// MessageContestAnswered tells that person what was decided: By is who, Accepted is that the
	// access stays, Reason is why.
	MessageContestAnswered MessageKind = "contest_answered"
	// MessageTask tells a person what to do by hand; the removal's task says it. It may be a digest too.
	MessageTask MessageKind = "task"
	// MessageReview tells a reviewer that a run has items for that one; RunID is the run's, and its data is empty.
	MessageReview MessageKind = "review"
	// MessageReminder tells a reviewer of everything that waits, in all runs. Its data is empty.
	MessageReminder MessageKind = "reminder"
	// MessageLaunchFailed tells the owner of a campaign that its schedule could not launch it: By is the
	// campaign's name, Reason is why.
	MessageLaunchFailed MessageKind = "launch_failed"
	// MessageTest tells whoever asked for it that mail works; By is that one.
	MessageTest MessageKind = "test"
)

// MessageState is where a message stands.
type MessageState string

// A message that is sending when its worker dies is sent again. A failed one waits for a person.
const (
	MessageQueued    MessageState = "queued"
	MessageSending   MessageState = "sending"
	MessageSent      MessageState = "sent"
	MessageFailed    MessageState = "failed"
	MessageCancelled MessageState = "cancelled" // nothing is left to tell
)

// MessageStates are all states, in the order in which pages show them.
var MessageStates = []MessageState{MessageQueued, MessageSending, MessageFailed, MessageSent, MessageCancelled}

var messageMoves = map[MessageState][]MessageState{
	MessageQueued:    {MessageSending, MessageCancelled},
	MessageSending:   {MessageQueued, MessageSent, MessageFailed, MessageCancelled},
	MessageSent:      {},
	MessageFailed:    {MessageQueued},
	MessageCancelled: {},
}

// Can tells whether a message may move from s to to.
func (s MessageState) Can(to MessageState) bool { return slices.Contains(messageMoves[s], to) }

// OutMessage is one mail to one person. A row is added in the transaction of what it tells of.
type OutMessage struct {
	ID         int64        `bun:"id"`
	Key        string       `bun:"key"` // one message an occasion: the same key again adds nothing
	Kind       MessageKind  `bun:"kind"`
	RunID      *int64       `bun:"run_id"`
	PersonKey  *int64       `bun:"person_key"` // to whom; nil is to Address
	Address    string       `bun:"address"`    // where it went; before that only where PersonKey is nil
	Data       string       `bun:"data"`       // JSON of MessageData
	State      MessageState `bun:"state"`
	Attempts   int          `bun:"attempts"`
	Fence      int64        `bun:"fence"`
	LeaseUntil Time         `bun:"lease_until"`
	NextAt     Time         `bun:"next_at"`
	LastError  string       `bun:"last_error"`
	Subject    string       `bun:"subject"` // as sent
	Body       string       `bun:"body"`    // the text as sent
	CreatedAt  Time         `bun:"created_at"`
	SentAt     Time         `bun:"sent_at"`
}

// MessageData is what a message is about. Names are read when it is sent, so that nothing personal
// is kept twice.
type MessageData struct {
	Removal  int64  `json:"removal,omitempty"`  // the remediation's id; none in a digest
	By       string `json:"by,omitempty"`       // who did what is told, by name
	Reason   string `json:"reason,omitempty"`   // in that one's words
	Accepted bool   `json:"accepted,omitempty"` // contest_answered: the access stays
}

// NotificationSpec says how messages reach people. The document's name is MailNotification.
type NotificationSpec struct {
	Mail *MailSpec `json:"mail,omitempty" yaml:"mail"`
}

// MailNotification is the name of the one document of kind Notification.
const MailNotification = "mail"

// MailSpec is the server that takes mail from Recert.
type MailSpec struct {
	Host     string `json:"host" yaml:"host"`
	Port     int    `json:"port,omitempty" yaml:"port"` // 0 is 587, 465 with tls: tls, 25 with tls: none
	From     string `json:"from" yaml:"from"`           // as recert@example.com, or "Access reviews <recert@example.com>"
	Username string `json:"username,omitempty" yaml:"username"`
	Password string `json:"password,omitempty" yaml:"password"` // a reference like ${SMTP_PASSWORD}
	TLS      string `json:"tls,omitempty" yaml:"tls"`           // starttls, tls, none; "" is starttls; none is for a server on this machine alone
	CAFile   string `json:"ca_file,omitempty" yaml:"ca_file"`   // certificates that vouch for the server; "" is the machine's
}

// Values of MailSpec.TLS.
const (
	MailStartTLS = "starttls"
	MailTLS      = "tls"
	MailPlain    = "none"
)

// Security is what TLS means.
func (m MailSpec) Security() string {
	if m.TLS == "" {
		return MailStartTLS
	}
	return m.TLS
}

// ServerPort is what Port means.
func (m MailSpec) ServerPort() int {
	switch {
	case m.Port != 0:
		return m.Port
	case m.TLS == MailTLS:
		return 465
	case m.TLS == MailPlain:
		return 25
	}
	return 587
}
