package campaigns

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Identity is what an identity provider has proved of somebody.
type Identity struct {
	Iss, Sub      string
	SID           string // the provider's session, for its back-channel logout
	Email         string
	EmailVerified bool
	Name          string
	Groups        []string
	ACR, AMR      string
	AuthTime      model.Time
}

// SignIn records a login: it makes or updates the user, maps groups to roles anew, ties a user
// who is not tied yet to the person whose verified mail address it is, and ends stale sessions.
// Somebody whom HR calls terminated is refused.
func SignIn(ctx context.Context, s *store.Store, id Identity) (store.User, error) {
	var user store.User
	err := s.InTx(ctx, func(tx *store.Tx) error {
		roles, err := mapRoles(ctx, tx, id.Groups)
		if err != nil {
			return err
		}
		person, err := tiePerson(ctx, tx, id)
		if err != nil {
			return err
		}
		user, err = tx.LoginUser(ctx, store.User{
			Iss: id.Iss, Sub: id.Sub, Email: id.Email, Name: id.Name, Roles: store.JoinRoles(roles), PersonKey: person,
		})
		if err != nil {
			return err
		}
		return refuseLeaver(ctx, tx, user)
	})
	return user, err
}

func refuseLeaver(ctx context.Context, tx *store.Tx, user store.User) error {
	if user.PersonKey == nil {
		return nil
	}
	status, err := tx.PersonStatus(ctx, *user.PersonKey)
	if err != nil {
		return err
	}
	if status == "terminated" || status == "gone" {
		return model.Errorf(model.Forbidden, "The people data says that you no longer work here, so you cannot sign in. If that is wrong, ask an administrator of Recert.")
	}
	return nil
}

// tiePerson finds the person of a verified mail address. An address that several people have,
// or whose person another user is already tied to, ties nobody: it could be somebody else's.
func tiePerson(ctx context.Context, tx *store.Tx, id Identity) (*int64, error) {
	if !id.EmailVerified || id.Email == "" {
		return nil, nil //nolint:nilnil // nobody is a valid answer
	}
	ties, err := tx.PersonsByEmail(ctx, id.Email)
	if err != nil || len(ties) != 1 || ties[0].Taken {
		return nil, err
	}
	return &ties[0].PersonKey, nil
}

func mapRoles(ctx context.Context, tx *store.Tx, groups []string) ([]model.Role, error) {
	configs, err := tx.Configs(ctx, model.ConfigRoleMapping)
	if err != nil {
		return nil, err
	}
	var roles []model.Role
	for _, c := range configs {
		var spec model.RoleMappingSpec
		if err := json.Unmarshal([]byte(c.Spec), &spec); err != nil {
			return nil, fmt.Errorf("read role mapping %s: %w", c.Name, err)
		}
		for _, role := range model.Roles {
			has := slices.ContainsFunc(spec[role], func(g string) bool { return slices.Contains(groups, g) })
			if has && !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
	}
	return roles, nil
}

// SessionStarted puts a new session of a user into the evidence.
func SessionStarted(ctx context.Context, s *store.Store, user store.User, sess store.Session, method string) error {
	roles := []string{}
	for _, r := range store.SplitRoles(user.Roles) {
		roles = append(roles, string(r))
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		_, err := evidence.Append(ctx, tx, evidence.Event{
			Type: evidence.TypeSessionStarted, Object: sessionObject(sess.TokenHash),
			Data:     evidence.SessionStarted{Roles: roles, Iss: user.Iss, ACR: sess.ACR, AMR: sess.AMR, AuthTime: evidence.Time(sess.AuthTime), Method: method},
			Personal: map[string]string{"user": userLabel(user), "sub": user.Sub},
		})
		return err
	})
}

// SessionEnded puts the end of sessions into the evidence: how is logout, back-channel or leaver.
func SessionEnded(ctx context.Context, tx *store.Tx, hashes [][]byte, how string) error {
	for _, h := range hashes {
		if _, err := evidence.Append(ctx, tx, evidence.Event{
			Type: evidence.TypeSessionEnded, Object: sessionObject(h), Data: evidence.SessionEnded{How: how},
		}); err != nil {
			return err
		}
	}
	return nil
}

// sessionObject names a session without giving anything of its token away.
func sessionObject(hash []byte) string { return fmt.Sprintf("session:%x", hash[:8]) }

func userLabel(u store.User) string {
	if u.Email != "" {
		return u.Email
	}
	return u.Sub
}

// SignOut ends one session, and the evidence says so.
func SignOut(ctx context.Context, s *store.Store, tokenHash []byte) error {
	return s.InTx(ctx, func(tx *store.Tx) error {
		had, err := tx.DeleteSession(ctx, tokenHash)
		if err != nil || !had {
			return err
		}
		return SessionEnded(ctx, tx, [][]byte{tokenHash}, "logout")
	})
}

// SignOutAt ends what an identity provider says has ended. A logout token that was used before
// is a Conflict.
func SignOutAt(ctx context.Context, s *store.Store, iss, sub, sid, jti string, jtiExpires model.Time) error {
	return s.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.UseLogoutToken(ctx, jti, jtiExpires); err != nil {
			return err
		}
		hashes, err := tx.DeleteSessionsAt(ctx, iss, sub, sid)
		if err != nil {
			return err
		}
		return SessionEnded(ctx, tx, hashes, "back-channel logout")
	})
}

// LoginLinkTTL is how long a break-glass link can be used.
const LoginLinkTTL = 10 * time.Minute

// CreateLoginLink makes a one-time way in for when the identity provider is down, and gives its
// token. The user it signs in is an identity of its own, never a person's, even where the mail
// address is one's.
func CreateLoginLink(ctx context.Context, s *store.Store, by, email string, role model.Role) (string, error) {
	addr, err := mail.ParseAddress(email)
	if err != nil || addr.Address != email {
		return "", model.Errorf(model.Invalid, "%q is not a mail address", email)
	}
	if role != "" && !slices.Contains(model.Roles, role) {
		return "", model.Errorf(model.Invalid, "there is no role %q; the roles are admin, campaign_manager and auditor", role)
	}
	token := rand.Text() + rand.Text()
	hash := sha256.Sum256([]byte(token))
	err = s.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.InsertLoginLink(ctx, store.LoginLink{TokenHash: hash[:], Email: email, Role: string(role), ExpiresAt: tx.Now.Add(LoginLinkTTL)}); err != nil {
			return err
		}
		_, err := evidence.Append(ctx, tx, evidence.Event{
			Type: evidence.TypeLoginLinkCreated, Object: fmt.Sprintf("login_link:%x", hash[:8]),
			Data: evidence.LoginLinkCreated{Role: string(role)}, Personal: map[string]string{"email": email, "actor": by},
		})
		return err
	})
	return token, err
}

// UseLoginLink signs the break-glass user of a link in, once.
func UseLoginLink(ctx context.Context, s *store.Store, token string) (store.User, error) {
	hash := sha256.Sum256([]byte(token))
	var user store.User
	err := s.InTx(ctx, func(tx *store.Tx) error {
		link, err := tx.LoginLinkByToken(ctx, hash[:])
		if model.KindOf(err) == model.NotFound {
			return model.Errorf(model.Forbidden, "This link is not valid. Ask for a new one: recert login-link.")
		}
		if err != nil {
			return err
		}
		if err := tx.UseLoginLink(ctx, hash[:]); err != nil {
			return err
		}
		name, _, _ := strings.Cut(link.Email, "@")
		user, err = tx.LoginUser(ctx, store.User{
			Iss: store.LoginLinkIssuer, Sub: link.Email, Email: link.Email, Name: name + " (emergency access)", Roles: link.Role,
		})
		return err
	})
	return user, err
}

// SetTheme stores which colours a user wants: "", light or dark.
func SetTheme(ctx context.Context, s *store.Store, userID int64, theme string) error {
	if !slices.Contains([]string{"", "light", "dark"}, theme) {
		return model.Errorf(model.Invalid, "The theme must be light, dark or the system's.")
	}
	return s.InTx(ctx, func(tx *store.Tx) error { return tx.SetTheme(ctx, userID, theme) })
}
