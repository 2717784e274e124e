package store

import (
	"context"

	"recert/model"
)

// Session is one row of sessions: of a signed-in user, or, with UserID nil, of a sign-in that
// is under way. The cookie's token is not stored, only its SHA-256.
type Session struct {
	TokenHash  []byte     `bun:"token_hash"`
	UserID     *int64     `bun:"user_id"`
	Data       string     `bun:"data"`
	Roles      string     `bun:"roles"`
	Iss        string     `bun:"iss"`
	Sub        string     `bun:"sub"`
	SID        string     `bun:"sid"`
	IDToken    string     `bun:"id_token"` // encrypted under the cookie's token
	ACR        string     `bun:"acr"`
	AMR        string     `bun:"amr"`
	AuthTime   model.Time `bun:"auth_time"`
	CreatedAt  model.Time `bun:"created_at"`
	LastSeenAt model.Time `bun:"last_seen_at"`
	ExpiresAt  model.Time `bun:"expires_at"`
}

// SessionByToken is the session of a token's hash, expired or not; the caller judges its age.
func (q queries) SessionByToken(ctx context.Context, hash []byte) (Session, error) {
	var s Session
	err := q.one(ctx, &s, "There is no such session.", "SELECT * FROM sessions WHERE token_hash = ?", hash)
	return s, err
}

// PutSession stores a session anew or, for the same token, its data.
func (tx *Tx) PutSession(ctx context.Context, s Session) error {
	_, err := tx.exec(ctx, `INSERT INTO sessions (token_hash, user_id, data, roles, iss, sub, sid, id_token, acr, amr, auth_time, created_at, last_seen_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (token_hash) DO UPDATE SET data = excluded.data, last_seen_at = excluded.last_seen_at`,
		s.TokenHash, s.UserID, s.Data, s.Roles, s.Iss, s.Sub, s.SID, s.IDToken, s.ACR, s.AMR, s.AuthTime, s.CreatedAt, s.LastSeenAt, s.ExpiresAt)
	return err
}

// TouchSession says that the session was used now.
func (tx *Tx) TouchSession(ctx context.Context, hash []byte) error {
	_, err := tx.exec(ctx, "UPDATE sessions SET last_seen_at = ? WHERE token_hash = ?", tx.Now, hash)
	return err
}

// DeleteSession ends a session; it tells whether there was one.
func (tx *Tx) DeleteSession(ctx context.Context, hash []byte) (bool, error) {
	n, err := tx.exec(ctx, "DELETE FROM sessions WHERE token_hash = ?", hash)
	return n > 0, err
}

// DeleteSessionsAt ends what an identity provider says has ended: one of its sessions by sid,
// or, where it names none, all of a user by sub. It gives the hashes of the ended ones.
func (tx *Tx) DeleteSessionsAt(ctx context.Context, iss, sub, sid string) ([][]byte, error) {
	var hashes [][]byte
	if sid != "" {
		err := tx.all(ctx, &hashes, "DELETE FROM sessions WHERE iss = ? AND sid = ? RETURNING token_hash", iss, sid)
		return hashes, err
	}
	err := tx.all(ctx, &hashes, "DELETE FROM sessions WHERE iss = ? AND sub = ? RETURNING token_hash", iss, sub)
	return hashes, err
}

// DeleteStaleSessions removes what can no longer be used: past its end, or not seen since idle.
func (tx *Tx) DeleteStaleSessions(ctx context.Context, idle model.Time) error {
	_, err := tx.exec(ctx, "DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ?", tx.Now, idle)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, "DELETE FROM logout_tokens WHERE expires_at <= ?", tx.Now)
	return err
}

// DeleteSessionsOfLeavers ends the sessions of users whose person is terminated in the newest
// snapshot of a people source, or no longer in it.
func (tx *Tx) DeleteSessionsOfLeavers(ctx context.Context) error {
	_, err := tx.exec(ctx, `DELETE FROM sessions WHERE user_id IN (
		SELECT u.id FROM users u WHERE u.person_key IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM person_versions v WHERE v.person_key = u.person_key AND v.last_snapshot IS NULL AND v.status <> 'terminated'))`)
	return err
}

// UseLogoutToken records the id of a logout token; a token seen before is a Conflict.
func (tx *Tx) UseLogoutToken(ctx context.Context, jti string, expires model.Time) error {
	_, err := tx.exec(ctx, "INSERT INTO logout_tokens (jti, expires_at) VALUES (?, ?)", jti, expires)
	return err
}

// LoginLink is a one-time way in for when the identity provider is down.
type LoginLink struct {
	TokenHash []byte     `bun:"token_hash"`
	Email     string     `bun:"email"`
	Role      string     `bun:"role"`
	CreatedAt model.Time `bun:"created_at"`
	ExpiresAt model.Time `bun:"expires_at"`
	UsedAt    model.Time `bun:"used_at"`
}

// LoginLinkByToken is the link of a token's hash, used or not.
func (q queries) LoginLinkByToken(ctx context.Context, hash []byte) (LoginLink, error) {
	var l LoginLink
	err := q.one(ctx, &l, "This link is not valid.", "SELECT * FROM login_links WHERE token_hash = ?", hash)
	return l, err
}

// InsertLoginLink stores a link.
func (tx *Tx) InsertLoginLink(ctx context.Context, l LoginLink) error {
	_, err := tx.exec(ctx, "INSERT INTO login_links (token_hash, email, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
		l.TokenHash, l.Email, l.Role, tx.Now, l.ExpiresAt)
	return err
}

// UseLoginLink marks a link as used; a used or expired one is refused.
func (tx *Tx) UseLoginLink(ctx context.Context, hash []byte) error {
	n, err := tx.exec(ctx, "UPDATE login_links SET used_at = ? WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?", tx.Now, hash, tx.Now)
	if err == nil && n != 1 {
		return model.Errorf(model.Forbidden, "This link was used or has expired. Ask for a new one: recert login-link.")
	}
	return err
}
