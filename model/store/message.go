package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"recert/model"
)

// noticeDelay is how long a digest waits for more of the same occasion: of a removal notice the same
// sign-off.
const noticeDelay = 2 * time.Minute

// NewMessage is a message to add.
type NewMessage struct {
	Key       string
	Kind      model.MessageKind
	RunID     int64  // 0 is none
	PersonKey int64  // to whom; 0 is to Address
	Address   string // only where PersonKey is 0
	Data      model.MessageData
	NextAt    model.Time // not before; 0 is now
}

// AddMessage queues a message unless there is one with its key already. It gives the message's id,
// and whether it is new.
func (tx *Tx) AddMessage(ctx context.Context, m NewMessage) (id int64, isNew bool, err error) {
	if m.PersonKey == 0 && m.Address == "" {
		return 0, false, fmt.Errorf("message %s is to nobody", m.Key)
	}
	data, err := json.Marshal(m.Data)
	if err != nil {
		return 0, false, fmt.Errorf("encode message %s: %w", m.Key, err)
	}
	next := m.NextAt
	if !next.Known() {
		next = tx.Now
	}
	var ids []int64
	if err := tx.all(ctx, &ids, `INSERT INTO messages (key, kind, run_id, person_key, address, data, state, attempts, fence, lease_until, next_at, last_error,
		subject, body, created_at, sent_at) VALUES (?, ?, NULLIF(?, 0), NULLIF(?, 0), ?, ?, 'queued', 0, 0, NULL, ?, '', '', '', ?, NULL)
		ON CONFLICT (key) DO NOTHING RETURNING id`, m.Key, m.Kind, m.RunID, m.PersonKey, m.Address, string(data), next, tx.Now); err != nil {
		return 0, false, fmt.Errorf("queue message %s: %w", m.Key, err)
	}
	if len(ids) == 1 {
		if m.Data.Removal != 0 {
			err = tx.addMessageItem(ctx, ids[0], m.Data.Removal)
		}
		return ids[0], true, err
	}
	err = tx.one(ctx, &id, "There is no such message.", "SELECT id FROM messages WHERE key = ?", m.Key)
	return id, false, err
}

// AddRemovalNotice makes sure that a person is told of a removal. It joins the notice of the run that
// waits for that person, or begins the next one; a removal that a notice of that person has
// already is not told of twice.
func (tx *Tx) AddRemovalNotice(ctx context.Context, run, person, remediation int64) error {
	return tx.joinDigest(ctx, model.MessageRemovalNotice, run, person, remediation)
}

// AddTaskNotice makes sure that a person is told of a task, as AddRemovalNotice does; of one that was done
// and is to be done again, once more.
func (tx *Tx) AddTaskNotice(ctx context.Context, run, person, remediation int64) error {
	return tx.joinDigest(ctx, model.MessageTask, run, person, remediation)
}

func (tx *Tx) joinDigest(ctx context.Context, kind model.MessageKind, run, person, remediation int64) error {
	for {
		var told []int64
		if err := tx.all(ctx, &told, `SELECT m.id FROM message_items i JOIN messages m ON m.id = i.message_id
			WHERE i.remediation_id = ? AND m.kind = ? AND m.person_key = ? AND (m.kind <> 'task' OR m.state = 'queued' AND m.attempts = 0
				OR NOT EXISTS (SELECT 1 FROM removal_spells z WHERE z.remediation_id = i.remediation_id AND z.ended_at >= m.created_at))`, remediation, kind, person); err != nil || len(told) > 0 {
			return err
		}
		// Counted before it is looked: what somebody else begins in between is found, or has the key.
		var n int64
		if err := tx.one(ctx, &n, "", "SELECT COUNT(*) FROM messages WHERE kind = ? AND run_id = ? AND person_key = ?", kind, run, person); err != nil {
			return err
		}
		var last []model.OutMessage
		if err := tx.all(ctx, &last, `SELECT * FROM messages WHERE kind = ? AND run_id = ? AND person_key = ? AND data = '{}' ORDER BY id DESC LIMIT 1`+tx.forUpdate(), kind, run, person); err != nil {
			return err
		}
		if len(last) == 1 && last[0].State == model.MessageQueued && last[0].Attempts == 0 {
			return tx.addMessageItem(ctx, last[0].ID, remediation)
		}
		id, isNew, err := tx.AddMessage(ctx, NewMessage{
			Key: fmt.Sprintf("%s/%d/%d/%d", kind, run, person, n+1), Kind: kind, RunID: run, PersonKey: person, NextAt: tx.Now.Add(noticeDelay),
		})
		if err != nil {
			return err
		}
		if isNew {
			return tx.addMessageItem(ctx, id, remediation)
		}
		// Somebody else began it in the meantime: look again.
	}
}

func (tx *Tx) addMessageItem(ctx context.Context, message, remediation int64) error {
	_, err := tx.exec(ctx, "INSERT INTO message_items (message_id, remediation_id) VALUES (?, ?) ON CONFLICT DO NOTHING", message, remediation)
	return err
}

// ClaimMessage takes the next message that is due: it is leased, its fence and its attempts grow by
// one. One whose worker died is due when its lease is over. ok is false where there is none.
func (tx *Tx) ClaimMessage(ctx context.Context, lease time.Duration) (m model.OutMessage, ok bool, err error) {
	var ms []model.OutMessage
	err = tx.all(ctx, &ms, `UPDATE messages SET state = 'sending', attempts = attempts + 1, fence = fence + 1, lease_until = ?1
		WHERE id IN (SELECT id FROM messages WHERE state IN ('queued', 'sending') AND next_at <= ?0 AND (lease_until IS NULL OR lease_until < ?0)
		ORDER BY next_at, id LIMIT 1`+tx.skipLocked()+`) RETURNING *`, tx.Now, tx.Now.Add(lease))
	if err != nil || len(ms) == 0 {
		return m, false, err
	}
	return ms[0], true, nil
}

// FinishMessage ends a claim: it writes where the message stands, why, where it went, what it said and
// when it is due again. m.Fence is the claim's; ok is false where somebody else has claimed it since.
func (tx *Tx) FinishMessage(ctx context.Context, m model.OutMessage) (ok bool, err error) {
	if !model.MessageSending.Can(m.State) {
		return false, fmt.Errorf("message %d cannot go from sending to %s", m.ID, m.State)
	}
	n, err := tx.exec(ctx, `UPDATE messages SET state = ?, last_error = ?, address = ?, subject = ?, body = ?, next_at = ?, sent_at = ?, lease_until = NULL
		WHERE id = ? AND fence = ? AND state = 'sending'`, m.State, m.LastError, m.Address, m.Subject, m.Body, m.NextAt, m.SentAt, m.ID, m.Fence)
	return n == 1, err
}

// RetryMessage queues a failed message again; any other is a Conflict.
func (tx *Tx) RetryMessage(ctx context.Context, id int64) error {
	n, err := tx.exec(ctx, "UPDATE messages SET state = 'queued', next_at = ?, lease_until = NULL, fence = fence + 1, attempts = 0 WHERE id = ? AND state = 'failed'", tx.Now, id)
	if err == nil && n != 1 {
		return model.Errorf(model.Conflict, "This message has not failed, or somebody tried it again already. Load the page again.")
	}
	return err
}

// RetryMessages queues every failed message again, and gives their number.
func (tx *Tx) RetryMessages(ctx context.Context) (int64, error) {
	return tx.exec(ctx, "UPDATE messages SET state = 'queued', next_at = ?, lease_until = NULL, fence = fence + 1, attempts = 0 WHERE state = 'failed'", tx.Now)
}

// MessageFilter narrows Messages. The zero value is every message.
type MessageFilter struct {
	States []model.MessageState // none is all
	Before int64                // only ids below it: the last id of the page before; 0 is the first page
	Limit  int                  // 1 to 200; 0 is 50
}

// MessageRow is one message with the names that a page shows.
type MessageRow struct {
	model.OutMessage

	Run        string       `bun:"run"` // "" where it is of none
	Removals   int64        `bun:"removals"`
	Person     model.Person `bun:"-"` // as known now; zero where nobody is known
	PersonJSON string       `bun:"person_json"`
}

const messageRows = `SELECT m.*, COALESCE(u.name, '') AS run, (SELECT COUNT(*) FROM message_items i WHERE i.message_id = m.id) AS removals,
	COALESCE((SELECT v.data FROM person_versions v WHERE v.person_key = m.person_key ORDER BY v.first_snapshot DESC LIMIT 1), '') AS person_json
	FROM messages m LEFT JOIN runs u ON u.id = m.run_id `

// Messages are messages, the newest first, a page at a time.
func (q queries) Messages(ctx context.Context, f MessageFilter) ([]MessageRow, error) {
	where, args := "1 = 1", []any{}
	if len(f.States) > 0 {
		where, args = where+" AND m.state IN (?)", append(args, bun.List(f.States))
	}
	if f.Before != 0 {
		where, args = where+" AND m.id < ?", append(args, f.Before)
	}
	limit := f.Limit
	if limit <= 0 || limit > 200 {
		limit = 50
	}
	var rows []MessageRow
	if err := q.all(ctx, &rows, messageRows+"WHERE "+where+" ORDER BY m.id DESC LIMIT ?", append(args, limit)...); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].decode(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Message is one message; none is NotFound.
func (q queries) Message(ctx context.Context, id int64) (MessageRow, error) {
	var r MessageRow
	if err := q.one(ctx, &r, "There is no such message.", messageRows+"WHERE m.id = ?", id); err != nil {
		return r, err
	}
	err := r.decode()
	return r, err
}

func (r *MessageRow) decode() error {
	if r.PersonJSON == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(r.PersonJSON), &r.Person); err != nil {
		return fmt.Errorf("read the person of message %d: %w", r.ID, err)
	}
	return nil
}

// MessageCounts counts messages by state.
func (q queries) MessageCounts(ctx context.Context) (map[model.MessageState]int64, error) {
	var rows []struct {
		State model.MessageState `bun:"state"`
		N     int64              `bun:"n"`
	}
	if err := q.all(ctx, &rows, "SELECT state, COUNT(*) AS n FROM messages GROUP BY state"); err != nil {
		return nil, err
	}
	counts := map[model.MessageState]int64{}
	for _, r := range rows {
		counts[r.State] = r.N
	}
	return counts, nil
}

// MessageRemovals are the removals that a message tells of, by id.
func (q queries) MessageRemovals(ctx context.Context, message int64) ([]RemediationRow, error) {
	var rows []RemediationRow
	if err := q.all(ctx, &rows, remediationRows+"WHERE r.id IN (SELECT x.remediation_id FROM message_items x WHERE x.message_id = ?) ORDER BY r.id", message); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].decode(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// RemovalMessages are the messages about one removal, the newest first.
func (q queries) RemovalMessages(ctx context.Context, remediation int64) ([]MessageRow, error) {
	var rows []MessageRow
	if err := q.all(ctx, &rows, messageRows+`WHERE EXISTS (SELECT 1 FROM message_items i WHERE i.message_id = m.id AND i.remediation_id = ?) ORDER BY m.id DESC`, remediation); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].decode(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
