package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"recert/model"
	"recert/model/store"
)

// maxTries is how often a mail is tried that the server does not want right now: about two days.
const maxTries = 50

// Worker sends messages. Any number of them may work on one database. Its fields must not change
// once it works.
type Worker struct {
	Store   *store.Store
	Sender  Sender
	BaseURL string // of this Recert, for links
	Now     func() time.Time
	Log     *slog.Logger

	Concurrency int           // messages at once; 0 is 4
	Poll        time.Duration // between looks for what is due; 0 is 2 s
	Lease       time.Duration // of a claim, longer than sending takes; 0 is 5 min
	SendTimeout time.Duration // of one message, everything included; 0 is 2 min
	Random      func() float64

	// Fault is called with the message's id after it was sent and before that is written down; an
	// error stops there as a crash would. Nil but in tests.
	Fault func(ctx context.Context, id int64) error

	once  sync.Once
	mu    sync.Mutex
	rest  time.Time // nothing is sent before: the server does not take mail
	tries int       // of the server, in a row, that came to nothing
}

func (w *Worker) init() {
	w.once.Do(func() {
		set := func(d *time.Duration, v time.Duration) {
			if *d <= 0 {
				*d = v
			}
		}
		set(&w.Poll, 2*time.Second)
		set(&w.Lease, 5*time.Minute)
		set(&w.SendTimeout, 2*time.Minute)
		if w.Concurrency <= 0 {
			w.Concurrency = 4
		}
		if w.Log == nil {
			w.Log = slog.New(slog.DiscardHandler)
		}
		if w.Random == nil {
			w.Random = rand.Float64
		}
	})
}

// Run works until ctx ends; what has begun comes to its end. It returns nil: what fails on the way is
// logged and tried again.
func (w *Worker) Run(ctx context.Context) error {
	w.init()
	tick := time.NewTicker(w.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := w.Drain(ctx); err != nil && ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "messages cannot be sent", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// Drain sends until nothing is due, or the server takes nothing, or ctx ends.
func (w *Worker) Drain(ctx context.Context) error {
	w.init()
	var wg sync.WaitGroup
	errs := make([]error, w.Concurrency)
	for i := range w.Concurrency {
		wg.Go(func() {
			for ctx.Err() == nil {
				worked, err := w.Step(ctx)
				if !worked || err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Step sends at most one message. worked is false where none was due, mail is not set up, or the
// server is given a rest.
func (w *Worker) Step(ctx context.Context) (worked bool, err error) {
	w.init()
	if w.resting() {
		return false, nil
	}
	ready, err := w.Sender.Ready(ctx)
	if err != nil || !ready {
		return false, err
	}
	var m model.OutMessage
	if err := w.Store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		m, worked, err = tx.ClaimMessage(ctx, w.Lease)
		return err
	}); err != nil || !worked {
		return false, err
	}
	// What has begun outlives ctx: a mail whose end nobody waits for is sent twice.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), w.SendTimeout)
	defer stop()
	sendErr := w.send(ctx, &m)
	if w.Fault != nil {
		if err := w.Fault(ctx, m.ID); err != nil {
			return true, fmt.Errorf("message %d: %w", m.ID, err)
		}
	}
	return true, w.finish(ctx, m, sendErr)
}

// send renders a message and hands it over; what it said and where it went is left in m.
func (w *Worker) send(ctx context.Context, m *model.OutMessage) error {
	to := model.Person{Email: m.Address}
	if m.PersonKey != nil {
		p, err := w.Store.PersonByKey(ctx, *m.PersonKey)
		if err != nil {
			return err
		}
		to = p.Person
	}
	letter, err := Render(ctx, w.Store, *m, to, w.BaseURL, model.TimeOf(w.Now()))
	if err != nil {
		return err
	}
	address, err := addressOf(to)
	if err != nil {
		return err
	}
	m.Address, m.Subject, m.Body = address, letter.Subject, letter.Text
	return w.Sender.Send(ctx, Mail{ID: messageID(w.BaseURL, m.Key), To: address, Subject: letter.Subject, Text: letter.Text, HTML: letter.HTML})
}

// finish writes down how a message fared.
func (w *Worker) finish(ctx context.Context, m model.OutMessage, sendErr error) error {
	var p *SendError
	errors.As(sendErr, &p)
	w.server(p, sendErr)
	if sendErr != nil {
		w.Log.WarnContext(ctx, "message not sent", slog.Int64("message", m.ID), slog.String("kind", string(m.Kind)), slog.Int("attempt", m.Attempts),
			slog.Bool("server", p != nil && p.Server), slog.Bool("permanent", p != nil && p.Permanent))
	}
	return w.Store.InTx(ctx, func(tx *store.Tx) error {
		n := m
		switch {
		case sendErr == nil:
			n.State, n.SentAt, n.LastError = model.MessageSent, tx.Now, ""
		case errors.Is(sendErr, errNothing):
			n.State, n.LastError = model.MessageCancelled, errNothing.Error()
		case p == nil:
			n.State, n.LastError = model.MessageQueued, "It could not be sent because of an error that the log tells."
		case p.Permanent, !p.Server && m.Attempts >= maxTries:
			n.State, n.LastError = model.MessageFailed, p.Msg
		default:
			n.State, n.LastError = model.MessageQueued, p.Msg
		}
		if n.State != model.MessageSent {
			n.Subject, n.Body = "", ""
			if m.PersonKey != nil {
				n.Address = ""
			}
		}
		if n.State == model.MessageQueued {
			n.NextAt = tx.Now.Add(w.wait(m.Attempts))
		}
		ok, err := tx.FinishMessage(ctx, n)
		if err == nil && !ok {
			w.Log.WarnContext(ctx, "message was claimed by another worker meanwhile", slog.Int64("message", m.ID))
		}
		if err == nil && sendErr != nil && p == nil && !errors.Is(sendErr, errNothing) {
			w.Log.ErrorContext(ctx, "message failed", slog.Int64("message", m.ID), slog.String("error", sendErr.Error()))
		}
		return err
	})
}

// wait is how long a message waits after so many tries: from 30 s, doubling, to an hour.
func (w *Worker) wait(tries int) time.Duration {
	d := min(30*time.Second<<min(max(tries-1, 0), 10), time.Hour)
	return time.Duration(float64(d) * (0.8 + 0.4*w.Random()))
}

// server remembers whether the server takes mail at all.
func (w *Worker) server(p *SendError, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case p != nil && p.Server:
		w.tries++
		w.rest = w.Now().Add(min(5*time.Second<<min(w.tries-1, 10), 5*time.Minute))
	case err == nil:
		w.tries, w.rest = 0, time.Time{}
	}
}

func (w *Worker) resting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Now().Before(w.rest)
}
