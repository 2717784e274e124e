package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// signInTakes is how long a sign-in may take from the user's row to the event that tells of it.
const signInTakes = time.Minute

// rolesText are roles in one order, to be compared.
func rolesText(roles []string) string {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	return strings.Join(roles, ",")
}

func storedRoles(column string) string {
	var roles []string
	for _, r := range store.SplitRoles(column) {
		roles = append(roles, string(r))
	}
	return rolesText(roles)
}

// signIn is the latest beginning of a session of a user.
type signIn struct {
	roles string
	at    model.Time
}

// checkUsers: the roles of each user are those of the latest session that was started.
func checkUsers(ctx context.Context, d *doctor) error {
	type identity struct{ iss, sub string }
	last := map[identity]signIn{}
	page := func(ctx context.Context, e store.SignInEvent) ([]store.SignInEvent, error) {
		return d.SignInsAfter(ctx, e.ID)
	}
	err := pages(ctx, page, nil, func(e *store.SignInEvent) error {
		if s := bodyOf[verify.SessionStarted](&e.Event); s != nil {
			last[identity{s.Iss, e.Sub}] = signIn{rolesText(s.Roles), e.At}
		} else {
			d.fault("event %d cannot be read as the beginning of a session", e.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	users := func(ctx context.Context, u store.User) ([]store.User, error) { return d.UsersAfter(ctx, u.ID) }
	return pages(ctx, users, nil, func(u *store.User) error {
		d.saw(1, "users")
		said, ok := last[identity{u.Iss, u.Sub}]
		if said.at < u.LastLoginAt && d.Now < u.LastLoginAt.Add(signInTakes) {
			return nil // it is being signed in just now
		}
		switch has := storedRoles(u.Roles); {
		case !ok && has != "":
			d.fault("user %d has the roles %q, and no sign-in is logged", u.ID, has)
		case ok && has != said.roles:
			d.fault("user %d has the roles %q, and %q by the latest sign-in", u.ID, has, said.roles)
		}
		return nil
	})
}

// checkSessions: each session of a user was started with the roles that it has.
func checkSessions(ctx context.Context, d *doctor) error {
	page := func(ctx context.Context, s store.Session) ([]store.Session, error) {
		return d.SessionsAfter(ctx, s.TokenHash)
	}
	return pages(ctx, page, nil, func(s *store.Session) error {
		d.saw(1, "sessions")
		name := fmt.Sprintf("session:%x", s.TokenHash[:min(8, len(s.TokenHash))])
		events, err := d.EventsOf(ctx, "", name)
		if err != nil {
			return err
		}
		var started *verify.SessionStarted
		for i := range events {
			if b := bodyOf[verify.SessionStarted](&events[i]); b != nil {
				started = b
			}
		}
		switch {
		case started == nil && d.Now < s.CreatedAt.Add(signInTakes):
		case started == nil:
			d.fault("%s of user %d was started by no event", name, *s.UserID)
		case rolesText(started.Roles) != storedRoles(s.Roles) || started.Iss != s.Iss:
			d.fault("%s of user %d has the roles %q, and was started with %q", name, *s.UserID, storedRoles(s.Roles), rolesText(started.Roles))
		}
		return nil
	})
}
