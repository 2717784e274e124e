package store

import "context"

// UsersAfter is a page of all users by id.
func (q queries) UsersAfter(ctx context.Context, id int64) ([]User, error) {
	var us []User
	err := q.all(ctx, &us, "SELECT * FROM users WHERE id > ? ORDER BY id LIMIT ?", id, doctorPage)
	return us, err
}

// SessionsAfter is a page of the sessions of signed-in users by the hash of their token.
func (q queries) SessionsAfter(ctx context.Context, hash []byte) ([]Session, error) {
	if hash == nil {
		hash = []byte{}
	}
	var ss []Session
	err := q.all(ctx, &ss, "SELECT * FROM sessions WHERE user_id IS NOT NULL AND token_hash > ? ORDER BY token_hash LIMIT ?", hash, doctorPage)
	return ss, err
}

// SignInEvent is the beginning of a session as it was logged.
type SignInEvent struct {
	Event
	Sub string `bun:"sub"` // of the user, at the issuer in the leaf; "" once erased
}

// SignInsAfter is a page of the beginnings of all sessions by event.
func (q queries) SignInsAfter(ctx context.Context, id int64) ([]SignInEvent, error) {
	var es []SignInEvent
	err := q.all(ctx, &es, `SELECT e.*, COALESCE(d.value, '') AS sub FROM events e
		LEFT JOIN disclosures d ON d.event_id = e.id AND d.field = 'sub'
		WHERE e.type = 'session.started' AND e.id > ? ORDER BY e.id LIMIT ?`, id, doctorPage)
	return es, err
}

// CountDisclosures counts all disclosures.
func (q queries) CountDisclosures(ctx context.Context) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COUNT(*) FROM disclosures")
	return n, err
}
