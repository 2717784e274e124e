package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"strings"

	"recert/model"
)

// Mail is one letter on its way.
type Mail struct {
	ID      string // of the message in the outbox, for the Message-ID: the same message has the same one every time
	To      string // an address, without a name
	Subject string
	Text    string
	HTML    string
}

// Sender hands mail to somebody who delivers it.
type Sender interface {
	// Ready tells whether mail is set up. Until it is, messages wait.
	Ready(ctx context.Context) (bool, error)
	// Send returns once the mail is somebody else's to deliver. Its error is a *SendError where what went
	// wrong is known; after any other the mail may or may not be on its way.
	Send(ctx context.Context, m Mail) error
}

// SendError is why a mail was not taken.
type SendError struct {
	Msg       string // for an admin; it may hold the address, so it is not for the log
	Permanent bool   // the answer about this mail will always be no
	Server    bool   // it is about the server or its settings: the next mail would fare no better
}

// Error is the problem in words.
func (p *SendError) Error() string { return p.Msg }

// messageID is what a message is called in mail systems, those of this Recert alone.
func messageID(base, key string) string {
	sum := sha256.Sum256([]byte(base + "\n" + key))
	return hex.EncodeToString(sum[:16])
}

// addressOf checks the address of a person as a source gives it: one address and nothing else.
func addressOf(p model.Person) (string, error) {
	text := strings.TrimSpace(p.Email)
	if text == "" {
		return "", &SendError{Permanent: true, Msg: "The source of people gives no e-mail address of this person. Add it there, read the source again, and then try again here."}
	}
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || oneLine(text) != text {
		return "", &SendError{Permanent: true, Msg: "What the source of people gives as this person's e-mail address is none. Correct it there, read the source again, and then try again here."}
	}
	return text, nil
}
