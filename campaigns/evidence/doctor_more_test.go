package evidence_test

import (
	"crypto/sha256"
	"maps"
	"strings"
	"testing"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

// More corruptions, of what the product keeps beside the review itself.
func init() {
	maps.Copy(corruptions, map[string][]corruption{
		"configs.events": {
			{sql: []string{"UPDATE configs SET spec = replace(spec, '40%', '99%') WHERE kind = 'Source' AND name = 'wiki'"}, says: "not what its sha256 is of", alone: true},
			{sql: []string{"UPDATE configs SET spec = (SELECT spec FROM configs WHERE name = 'hr'), sha256 = (SELECT sha256 FROM configs WHERE name = 'hr') WHERE name = 'wiki'"}, says: "not what was applied last"},
			saying("was applied by no event", "INSERT INTO configs (kind, name, spec, sha256, version, updated_at) SELECT 'RoleMapping', 'mine', spec, sha256, 1, 1 FROM configs WHERE kind = 'RoleMapping'"),
			saying("is not there", "DELETE FROM configs WHERE kind = 'RoleMapping'"),
		},
		"users.roles": {
			{sql: []string{"UPDATE users SET roles = 'admin,auditor' WHERE roles = 'auditor'"}, says: `"admin,auditor", and "auditor" by the latest sign-in`, alone: true},
			saying("no sign-in is logged", "INSERT INTO users (iss, sub, email, name, person_key, roles, theme, created_at, last_login_at) VALUES ('i', 's', '', '', NULL, 'admin', '', 1, 1)"),
			saying("no sign-in is logged", "UPDATE users SET sub = 'other' WHERE roles = 'auditor'"),
		},
		"removals.approvals": {
			{sql: []string{"UPDATE remediations SET approved = 'somebody', approved_for = 'a reason' WHERE id = " + byRead}, says: "its events do not say", alone: true},
			saying("its events do not say", "UPDATE remediations SET approved_for = 'a reason'"),
		},
		"removals.stops": {
			{sql: []string{"UPDATE sources SET paused = 'for nothing' WHERE name = 'wiki'"}, says: `source "wiki"`, alone: true},
			{sql: []string{"INSERT INTO removal_stops (id, reason, actor, at) VALUES (1, 'x', 'y', 1)"}, says: `source ""`, alone: true},
		},
		"removals.tickets": {
			saying("not told of", "UPDATE remediations SET mode = 'ticket' WHERE id = "+byRead,
				"INSERT INTO tickets (remediation_id, system, key, ack_hash, ref, handle, url, status, told, note, looks) SELECT id, 'Jira', 'recert-x', '', 'SEC-1', '1', '', 'To Do', false, '', 0 FROM remediations WHERE id = "+byRead),
		},
		"sessions.roles": {
			{sql: []string{"UPDATE sessions SET roles = 'admin' WHERE roles = 'auditor'"}, says: `"admin", and was started with "auditor"`, alone: true},
			saying("started by no event", "UPDATE sessions SET token_hash = (SELECT hash FROM events WHERE id = 2) WHERE roles = 'auditor'"),
		},
	})
	corruptions["events.disclosures"] = append(corruptions["events.disclosures"],
		saying("comment of event", "DELETE FROM disclosures WHERE field = 'comment' AND event_id = (SELECT MIN(event_id) FROM disclosures WHERE field = 'comment')"),
		saying("is missing", "DELETE FROM disclosures WHERE field = 'actor' AND event_id = (SELECT MAX(id) FROM events WHERE type = 'snapshot.held')"),
		saying("of no event", "UPDATE disclosures SET event_id = 999999 WHERE field = 'to_email'"),
	)
	corruptions["snapshots.events"] = append(corruptions["snapshots.events"],
		corruption{sql: []string{"UPDATE snapshots SET actor = 'somebody' WHERE state = 'held'"}, says: "who brought it in"},
		corruption{sql: []string{"UPDATE snapshots SET actor = 'somebody' WHERE id = 2"}, says: "who brought it in"},
		corruption{sql: []string{"UPDATE snapshots SET reasons = '[]' WHERE state = 'held'"}, says: "why it was held"},
		corruption{sql: []string{"UPDATE snapshots SET reasons = '[\"It is fine.\"]' WHERE id = 2"}, says: "why it was held"},
		corruption{sql: []string{"UPDATE snapshots SET actor = 'somebody' WHERE released_by <> ''"}, says: "who brought it in"},
		corruption{sql: []string{"UPDATE snapshots SET released_by = 'somebody' WHERE released_by <> ''"}, says: "who released it"},
	)
}

// signedIn signs an auditor in twice, as the product does: the roles of the second time count.
func (w *world) signedIn() {
	w.Helper()
	w.apply(model.ConfigRoleMapping, "default", model.RoleMappingSpec{model.Admin: {"admins"}, model.Auditor: {"auditors"}})
	for _, group := range []string{"admins", "auditors"} {
		w.clock.Add(60e9)
		user, err := campaigns.SignIn(w.Context(), w.s, campaigns.Identity{Iss: "https://idp.example", Sub: "42", Email: "audrey@example.com", Name: "Audrey", Groups: []string{group}})
		w.must(err)
		sess := store.Session{UserID: &user.ID, Data: "{}", Roles: user.Roles, Iss: user.Iss, Sub: user.Sub}
		w.must(w.s.InTx(w.Context(), func(tx *store.Tx) error {
			hash := sha256.Sum256([]byte(group))
			sess.TokenHash, sess.CreatedAt, sess.LastSeenAt, sess.ExpiresAt = hash[:], tx.Now, tx.Now, tx.Now.Add(8*3600e9)
			return tx.PutSession(w.Context(), sess)
		}))
		w.must(campaigns.SessionStarted(w.Context(), w.s, user, sess, "oidc"))
	}
}

// TestDoctorSigningIn: between a user's row and the event that tells of the sign-in there is a
// moment, which is no fault; longer than that it is one.
func TestDoctorSigningIn(t *testing.T) {
	v := newTemplate(t, store.SQLite).vandal(t)
	v.tx(func(tx *store.Tx) error {
		_, err := tx.LoginUser(v.Context(), store.User{Iss: "https://idp.example", Sub: "43", Name: "New", Roles: "admin"})
		return err
	})
	if failed := v.failed(false); len(failed) > 0 {
		t.Errorf("while somebody signs in: %v", failed)
	}
	v.clock.Add(2 * 60e9)
	if failed := v.failed(false); len(failed) != 1 || !strings.Contains(failed["users.roles"], "no sign-in is logged") {
		t.Errorf("after two minutes: %v", failed)
	}
}
