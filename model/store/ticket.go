package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"recert/model"
)

// ClaimOutside takes the next removal in a source that is due and is asked of an outside system: it
// is leased, and its fence grows by one. ok is false where there is none, and while removals are
// stopped or the source is paused.
func (tx *Tx) ClaimOutside(ctx context.Context, source int64, lease time.Duration) (r model.Remediation, ok bool, err error) {
	var rs []model.Remediation
	err = tx.all(ctx, &rs, `UPDATE remediations SET fence = fence + 1, lease_until = ?2
		WHERE id IN (SELECT r.id FROM remediations r WHERE r.source_id = ?1 AND r.mode IN ('ticket', 'webhook') AND r.kind = 'remove'
		AND r.state IN ('queued', 'sent', 'came_back') AND r.next_at <= ?0 AND (r.lease_until IS NULL OR r.lease_until < ?0)
		AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.id = r.source_id AND s.paused <> '') AND NOT EXISTS (SELECT 1 FROM removal_stops)
		ORDER BY r.next_at, r.id LIMIT 1`+tx.skipLocked()+`) RETURNING *`, tx.Now, source, tx.Now.Add(lease))
	if err != nil || len(rs) == 0 {
		return r, false, err
	}
	return rs[0], true, nil
}

// Ticket is what a removal is in the system that it is asked of; ok is false before it was asked.
func (q queries) Ticket(ctx context.Context, removal int64) (t model.Ticket, ok bool, err error) {
	var ts []model.Ticket
	if err = q.all(ctx, &ts, "SELECT * FROM tickets WHERE remediation_id = ?", removal); err != nil || len(ts) == 0 {
		return t, false, err
	}
	return ts[0], true, nil
}

// TicketByAck is the ticket that an address to report to is of; none is NotFound.
func (q queries) TicketByAck(ctx context.Context, hash string) (model.Ticket, error) {
	var t model.Ticket
	if hash == "" {
		return t, model.Errorf(model.NotFound, "There is no such address.")
	}
	err := q.one(ctx, &t, "There is no such address.", "SELECT * FROM tickets WHERE ack_hash = ?", hash)
	return t, err
}

// PutTicket stores what a removal is in the system that it is asked of, in the place of what was
// stored before.
func (tx *Tx) PutTicket(ctx context.Context, t model.Ticket) error {
	return tx.execOne(ctx, `INSERT INTO tickets (remediation_id, system, key, ack_hash, ref, handle, url, status, closed_at, told, note, saying, saying_at, looks, followed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (remediation_id) DO UPDATE SET system = excluded.system, key = excluded.key, ack_hash = excluded.ack_hash,
		ref = excluded.ref, handle = excluded.handle, url = excluded.url, status = excluded.status, closed_at = excluded.closed_at, told = excluded.told,
		note = excluded.note, saying = excluded.saying, saying_at = excluded.saying_at, looks = excluded.looks, followed_at = excluded.followed_at`,
		t.RemediationID, t.System, t.Key, t.AckHash, t.Ref, t.Handle, t.URL, t.Status, t.ClosedAt, t.Told, t.Note, t.Saying, t.SayingAt, t.Looks, t.FollowedAt)
}

// UntoldTicket is a ticket of a removal that nobody works on, to which something is to be said.
type UntoldTicket struct {
	RemediationID int64      `bun:"remediation_id"`
	FollowedAt    model.Time `bun:"followed_at"`
}

// UntoldTickets are the tickets, limit at most, of removals that nobody works on whose people do not know what is
// true: that the removal is contested, that the access stays, or something of which it is not known whether they
// were told. Nobody works on what waits for a person or has ended, nor, while removals are stopped or the source is
// paused, on what was asked for: to tell is not to remove. stays is how Ticket.Note begins of those that were told
// that the access stays, waits is that of those that were told to wait: once the removal has ended nothing is waited
// for. One that was looked at since that became true is looked at again only if that was before an instant.
func (q queries) UntoldTickets(ctx context.Context, stays, waits string, now, before model.Time, limit int) ([]UntoldTicket, error) {
	var ts []UntoldTicket
	err := q.all(ctx, &ts, `SELECT t.remediation_id, t.followed_at FROM tickets t JOIN remediations r ON r.id = t.remediation_id
		LEFT JOIN contests c ON c.remediation_id = r.id
		WHERE t.ref <> '' AND r.mode = 'ticket' AND r.kind = 'remove' AND (r.state NOT IN ('queued', 'sent', 'came_back') AND t.closed_at IS NULL
			OR r.state = 'sent' AND (r.lease_until IS NULL OR r.lease_until < ?4)
				AND (EXISTS (SELECT 1 FROM sources s WHERE s.id = r.source_id AND s.paused <> '') OR EXISTS (SELECT 1 FROM removal_stops)))
		AND (t.saying <> '' OR c.outcome = '' AND t.note = '' AND r.state IN ('sent', 'held', 'failed')
			OR t.note = ?3 AND r.state NOT IN ('sent', 'held', 'failed') AND (r.state = 'superseded' OR COALESCE(c.outcome, 'none') <> '')
			OR (c.outcome = 'upheld' AND r.state <> 'superseded' OR r.state = 'cancelled') AND t.note NOT LIKE ?0 AND NOT EXISTS (SELECT 1 FROM remediations o
				WHERE o.run_id = r.run_id AND o.item_id = r.item_id AND o.id > r.id AND o.kind = 'remove' AND o.state <> 'cancelled'))
		AND (t.followed_at IS NULL OR t.followed_at <= ?1 OR t.followed_at < c.at OR t.followed_at < c.answered_at OR t.followed_at < r.closed_at)
		ORDER BY t.remediation_id LIMIT ?2`, stays+"%", before, limit, waits, now)
	return ts, err
}

// BeginAttempt counts one more try of a removal that the caller has claimed.
func (tx *Tx) BeginAttempt(ctx context.Context, r model.Remediation) error {
	return tx.execOne(ctx, "UPDATE remediations SET attempts = attempts + 1 WHERE id = ? AND fence = ? AND attempts = ?", r.ID, r.Fence, r.Attempts)
}

// MarkAsked writes down that the outside system is about to be asked, with what was seen before, and
// leases the removal anew. ok is false where the claim is no longer the caller's: then it must not be
// asked.
func (tx *Tx) MarkAsked(ctx context.Context, r model.Remediation, before string, lease time.Duration) (ok bool, err error) {
	n, err := tx.exec(ctx, `UPDATE remediations SET state = 'sent', called_at = ?, lease_until = ? WHERE id = ? AND fence = ? AND lease_until >= ? AND state = ?`,
		tx.Now, tx.Now.Add(lease), r.ID, r.Fence, tx.Now, r.State)
	if err != nil || n != 1 {
		return false, err
	}
	return true, tx.execOne(ctx, "UPDATE attempts SET before = ?, called_at = ? WHERE remediation_id = ? AND n = ? AND ended_at IS NULL", before, tx.Now, r.ID, r.Attempts)
}

// AskAgain moves a claimed removal to sent whose order there is already: only what is read from now on
// tells.
func (tx *Tx) AskAgain(ctx context.Context, r model.Remediation, reason string) error {
	return tx.execOne(ctx, "UPDATE remediations SET state = 'sent', reason = ?, called_at = ?, proof = '', proof_snapshot = NULL, closed_at = NULL WHERE id = ? AND fence = ?",
		reason, tx.Now, r.ID, r.Fence)
}

// ReleaseOutside lets go of a claimed removal until next, with the reason that is shown meanwhile. ok is
// false where somebody else has it by now.
func (tx *Tx) ReleaseOutside(ctx context.Context, r model.Remediation, reason string, next model.Time) (ok bool, err error) {
	n, err := tx.exec(ctx, "UPDATE remediations SET lease_until = NULL, reason = ?, next_at = ? WHERE id = ? AND fence = ?", reason, next, r.ID, r.Fence)
	return n == 1, err
}

// HurryRemediation makes a removal due now.
func (tx *Tx) HurryRemediation(ctx context.Context, id int64) error {
	_, err := tx.exec(ctx, "UPDATE remediations SET next_at = ? WHERE id = ? AND state IN ('queued', 'sent', 'came_back') AND next_at > ?", tx.Now, id, tx.Now)
	return err
}

// ReplaceReason puts another reason in the place of one that holds no more; any other stays.
func (tx *Tx) ReplaceReason(ctx context.Context, id int64, was, now string) error {
	_, err := tx.exec(ctx, "UPDATE remediations SET reason = ? WHERE id = ? AND reason = ?", now, id, was)
	return err
}

// ShownSince tells whether a sealed snapshot of a source that began to be read after an instant shows
// the access of a removal, and when that read began; 0 is that none does.
func (q queries) ShownSince(ctx context.Context, r model.Remediation, since model.Time) (model.Time, error) {
	var rows []struct {
		Began model.Time `bun:"began"`
		There bool       `bun:"there"`
		Data  string     `bun:"data"`
	}
	const began = "CASE WHEN n.as_of < n.started_at THEN n.as_of ELSE n.started_at END"
	err := q.all(ctx, &rows, `SELECT `+began+` AS began, EXISTS (SELECT 1 FROM grants g WHERE g.source_id = n.source_id AND g.account_key = ?1 AND g.entitlement_key = ?2
		AND g.first_snapshot <= n.id AND (g.last_snapshot IS NULL OR g.last_snapshot >= n.id)) AS there
		, COALESCE((SELECT v.data FROM account_versions v WHERE v.source_id = n.source_id AND v.account_key = ?1 AND v.last_snapshot IS NULL), '') AS data
		FROM snapshots n WHERE n.source_id = ?0 AND n.state = 'sealed' AND `+began+` > ?3 ORDER BY n.id DESC LIMIT 1`, r.SourceID, r.AccountKey, r.EntitlementKey, since)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	there := rows[0].There
	if r.EntitlementKey == nil && rows[0].Data != "" {
		var a model.Account
		if err := json.Unmarshal([]byte(rows[0].Data), &a); err != nil {
			return 0, fmt.Errorf("read the account of removal %d: %w", r.ID, err)
		}
		there = a.Status != "disabled"
	}
	if !there {
		return 0, nil
	}
	return rows[0].Began, nil
}

// TakeHookMessage remembers the id of a report about a source. ok is false where it was taken before.
// Those from before an instant are forgotten: their time alone refuses them.
func (tx *Tx) TakeHookMessage(ctx context.Context, source int64, id string, forget model.Time) (ok bool, err error) {
	if _, err := tx.exec(ctx, "DELETE FROM hook_messages WHERE at < ?", forget); err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, "INSERT INTO hook_messages (source_id, id, at) VALUES (?, ?, ?) ON CONFLICT (source_id, id) DO NOTHING", source, id, tx.Now)
	return n == 1, err
}

// HookMessageTaken tells whether the id of a report about a source was taken before.
func (q queries) HookMessageTaken(ctx context.Context, source int64, id string) (bool, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT COUNT(*) FROM hook_messages WHERE source_id = ? AND id = ?", source, id)
	return n > 0, err
}

// CountObjectEvents counts the events of a type about an object, in all runs.
func (q queries) CountObjectEvents(ctx context.Context, object, typ string) (int64, error) {
	var n int64
	err := q.one(ctx, &n, "", "SELECT COUNT(*) FROM events WHERE object = ? AND type = ?", object, typ)
	return n, err
}

// TicketsOf are the tickets of some removals, by removal.
func (q queries) TicketsOf(ctx context.Context, removals []int64) (map[int64]model.Ticket, error) {
	m := map[int64]model.Ticket{}
	if len(removals) == 0 {
		return m, nil
	}
	var ts []model.Ticket
	err := q.all(ctx, &ts, "SELECT * FROM tickets WHERE remediation_id IN (?)", bun.List(removals))
	for _, t := range ts {
		m[t.RemediationID] = t
	}
	return m, err
}
