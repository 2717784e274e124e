package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
)

// mayRetry refuses whoever may not have messages sent again.
func mayRetry(who model.Actor) error {
	if who.Has(model.Admin, model.CampaignManager) {
		return nil
	}
	return model.Errorf(model.Forbidden, "Only an admin or a campaign manager may do this.")
}

// Retry sends a failed message again. One that waits or goes out already is the same click twice,
// and changes nothing; any other is a Conflict.
func Retry(ctx context.Context, s *store.Store, who model.Actor, id int64) error {
	if err := mayRetry(who); err != nil {
		return err
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		m, err := tx.Message(ctx, id)
		if err != nil || m.State == model.MessageQueued || m.State == model.MessageSending {
			return err
		}
		return tx.RetryMessage(ctx, id)
	})
}

// RetryAll sends every failed message again, and gives their number.
func RetryAll(ctx context.Context, s *store.Store, who model.Actor) (n int64, err error) {
	if err := mayRetry(who); err != nil {
		return 0, err
	}
	err = s.InTx(ctx, func(tx *store.Tx) error {
		n, err = tx.RetryMessages(ctx)
		return err
	})
	return n, err
}

// testFirst is how far back a test message is due, so that it goes before all that waits.
const testFirst = 365 * 24 * time.Hour

// SetUp tells whether a mail server is configured; without one messages wait.
func SetUp(ctx context.Context, q interface {
	Config(ctx context.Context, kind model.ConfigKind, name string) (store.Config, error)
},
) (bool, error) {
	_, err := q.Config(ctx, model.ConfigNotification, model.MailNotification)
	if model.KindOf(err) == model.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Test queues a message to whoever asks for it, by the same way as every other but first, and gives its id. A
// second click within a minute is the first one's. Where no mail server is configured it is Invalid.
func Test(ctx context.Context, s *store.Store, who model.Actor) (id int64, err error) {
	if err := mayRetry(who); err != nil {
		return 0, err
	}
	m := store.NewMessage{Kind: model.MessageTest, PersonKey: who.PersonKey, Data: model.MessageData{By: who.Name}}
	if m.PersonKey == 0 {
		if m.Address = who.Email; m.Address == "" {
			return 0, model.Errorf(model.Invalid, "Recert does not know your address: neither a source of people nor your sign-in gives one.")
		}
	}
	err = s.InTx(ctx, func(tx *store.Tx) error {
		if ok, err := SetUp(ctx, tx); err != nil {
			return err
		} else if !ok {
			return model.Errorf(model.Invalid, "Mail is not set up, so a test message would wait for ever. Name the mail server in a document of kind Notification and give it to recert apply; the page of messages shows an example.")
		}
		m.Key, m.NextAt = fmt.Sprintf("%s/%d/%d", m.Kind, who.UserID, tx.Now.Std().Unix()/60), tx.Now.Add(-testFirst)
		id, _, err = tx.AddMessage(ctx, m)
		return err
	})
	return id, err
}

// Preview is what a message says: as it was sent, or as it would be now.
func Preview(ctx context.Context, s *store.Store, m store.MessageRow, base string) (l Letter, sent bool, err error) {
	if m.State == model.MessageSent {
		return Letter{Subject: m.Subject, Text: m.Body}, true, nil
	}
	l, err = Render(ctx, s, m.OutMessage, m.Person, strings.TrimRight(base, "/"), model.TimeOf(s.Now()))
	return l, false, err
}
