package store

import (
	"context"
	"strings"

	"recert/model"
)

// LoginLinkIssuer is the issuer of break-glass users: an identity of their own, never a person's.
const LoginLinkIssuer = "login-link"

// User is who has signed in at least once. The key is (Iss, Sub), never the mail address.
type User struct {
	ID          int64      `bun:"id"`
	Iss         string     `bun:"iss"`
	Sub         string     `bun:"sub"`
	Email       string     `bun:"email"`
	Name        string     `bun:"name"`
	PersonKey   *int64     `bun:"person_key"`
	Roles       string     `bun:"roles"` // comma-separated, as of the last login
	Theme       string     `bun:"theme"` // "", light, dark
	CreatedAt   model.Time `bun:"created_at"`
	LastLoginAt model.Time `bun:"last_login_at"`
}

// SplitRoles reads the roles column.
func SplitRoles(s string) []model.Role {
	var roles []model.Role
	for r := range strings.SplitSeq(s, ",") {
		if r != "" {
			roles = append(roles, model.Role(r))
		}
	}
	return roles
}

// JoinRoles writes the roles column.
func JoinRoles(roles []model.Role) string {
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return strings.Join(s, ",")
}

// UserByID is one user.
func (q queries) UserByID(ctx context.Context, id int64) (User, error) {
	var u User
	err := q.one(ctx, &u, "There is no such user.", "SELECT * FROM users WHERE id = ?", id)
	return u, err
}

// UserBySubject is the user of an identity provider's subject.
func (q queries) UserBySubject(ctx context.Context, iss, sub string) (User, error) {
	var u User
	err := q.one(ctx, &u, "There is no such user.", "SELECT * FROM users WHERE iss = ? AND sub = ?", iss, sub)
	return u, err
}

// Users are all users, newest login first.
func (q queries) Users(ctx context.Context) ([]User, error) {
	var us []User
	err := q.all(ctx, &us, "SELECT * FROM users ORDER BY last_login_at DESC, id")
	return us, err
}

// LoginUser records a login: it makes the user or brings name, mail and roles up to date, and
// gives the user. A person once tied stays tied.
func (tx *Tx) LoginUser(ctx context.Context, u User) (User, error) {
	_, err := tx.exec(ctx, `INSERT INTO users (iss, sub, email, name, person_key, roles, theme, created_at, last_login_at)
		VALUES (?, ?, ?, ?, ?, ?, '', ?, ?)
		ON CONFLICT (iss, sub) DO UPDATE SET email = excluded.email, name = excluded.name, roles = excluded.roles,
			last_login_at = excluded.last_login_at, person_key = coalesce(users.person_key, excluded.person_key)`,
		u.Iss, u.Sub, u.Email, u.Name, u.PersonKey, u.Roles, tx.Now, tx.Now)
	if err != nil {
		return User{}, err
	}
	return tx.UserBySubject(ctx, u.Iss, u.Sub)
}

// SetTheme stores which colours a user wants: "", light or dark.
func (tx *Tx) SetTheme(ctx context.Context, userID int64, theme string) error {
	return tx.execOne(ctx, "UPDATE users SET theme = ? WHERE id = ?", theme, userID)
}

// PersonTie is who a mail address may tie a user to.
type PersonTie struct {
	PersonKey int64  `bun:"person_key"`
	Status    string `bun:"status"`
	Taken     bool   `bun:"taken"` // another user is tied to the person
}

// PersonsByEmail are the current people with a mail address, compared folded.
func (q queries) PersonsByEmail(ctx context.Context, email string) ([]PersonTie, error) {
	var ps []PersonTie
	if email == "" {
		return nil, nil
	}
	err := q.all(ctx, &ps, `SELECT v.person_key, v.status, EXISTS (SELECT 1 FROM users u WHERE u.person_key = v.person_key) AS taken
		FROM person_versions v WHERE v.last_snapshot IS NULL AND v.email_fold = ?`, Fold(email))
	return ps, err
}

// UserPersons are the keys of the people that users with just this mail address are tied to.
func (q queries) UserPersons(ctx context.Context, email string) ([]int64, error) {
	var keys []int64
	err := q.all(ctx, &keys, "SELECT person_key FROM users WHERE person_key IS NOT NULL AND email = ? ORDER BY id", email)
	return keys, err
}

// PersonStatus is the current status of a person: "" unknown, "gone" when no source has it any more.
func (q queries) PersonStatus(ctx context.Context, key int64) (string, error) {
	var status []string
	err := q.all(ctx, &status, "SELECT status FROM person_versions WHERE person_key = ? AND last_snapshot IS NULL", key)
	if err != nil {
		return "", err
	}
	if len(status) == 0 {
		return "gone", nil
	}
	return status[0], nil
}
