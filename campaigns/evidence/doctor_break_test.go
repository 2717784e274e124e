package evidence_test

import (
	"crypto/rand"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// corruption is one way to break an invariant behind the product's back.
type corruption struct {
	sql    []string // each must change something
	do     func(v *vandal)
	says   string // what the check says
	alone  bool   // no other check sees it (looked at with the first of each invariant)
	strict bool
}

func by(sql ...string) corruption { return corruption{sql: sql} }

// saying is by, with what the check must say.
func saying(says string, sql ...string) corruption { return corruption{sql: sql, says: says} }

const (
	firstRun  = "(SELECT MIN(id) FROM runs)"
	secondRun = "(SELECT MAX(id) FROM runs)"
	wiki      = "(SELECT id FROM sources WHERE name = 'wiki')"
	someGrant = "(SELECT MIN(id) FROM grants WHERE last_snapshot IS NULL)"
	byRead    = "(SELECT MIN(id) FROM remediations WHERE state = 'confirmed' AND proof = 'read')"
	bySnap    = "(SELECT MIN(id) FROM remediations WHERE state = 'confirmed' AND proof = 'snapshot')"
)

// corruptions are ways to break each invariant.
var corruptions = map[string][]corruption{
	"events.leaf": {
		saying("is not what its hash is of", "UPDATE events SET leaf = (SELECT leaf FROM events WHERE id = 2) WHERE id = 3"),
		saying("its leaf is", "UPDATE events SET type = 'item.gone' WHERE id = (SELECT MIN(id) FROM events WHERE type = 'item.decided')"),
		saying("its leaf is", "UPDATE events SET at = at + 1 WHERE id = (SELECT MIN(id) FROM events WHERE type = 'review.signed_off')"),
		{do: flipLeaf, says: "is not what its hash is of"},
	},
	"events.chain": {
		by("DELETE FROM events WHERE id = (SELECT MIN(d.event_id) FROM decisions d JOIN decisions o ON o.run_id = d.run_id AND o.item_id = d.item_id WHERE o.version > d.version)"),
		by("UPDATE events SET object = 'item:77' WHERE id = (SELECT MIN(event_id) FROM decisions WHERE version = 2)"),
	},
	"events.disclosures": {
		{sql: []string{"UPDATE disclosures SET value = 'nobody' WHERE field = 'actor' AND event_id = 2"}, alone: true},
		by("UPDATE disclosures SET field = 'other' WHERE field = 'to_email'"),
	},
	"log.index": {
		by("DELETE FROM log_entries WHERE idx = 3"),
		by("UPDATE log_entries SET idx = idx - 1 WHERE idx = 0"),
		by("DELETE FROM events WHERE id = (SELECT event_id FROM log_entries WHERE idx = 5)"),
	},
	"log.sequenced": {
		saying("later ones have", "INSERT INTO events (type, run, object, leaf, hash, at) SELECT type, run, 'log:other', leaf, hash, at FROM events WHERE id = 1"),
		{do: appendOne, strict: true, says: "has no place in the log"},
	},
	"log.tree": {
		{sql: []string{"UPDATE log_nodes SET hash = (SELECT hash FROM log_nodes WHERE idx = 0) WHERE idx = 2"}, says: "level 1", alone: true},
		{sql: []string{"DELETE FROM log_nodes WHERE idx = (SELECT MAX(idx) FROM log_nodes)"}, says: "no node", alone: true},
		{sql: []string{"INSERT INTO log_nodes (idx, hash) SELECT idx + 1, hash FROM log_nodes ORDER BY idx DESC LIMIT 1"}, says: "which no event gives", alone: true},
	},
	"log.checkpoints": {
		{sql: []string{"UPDATE checkpoints SET note = (SELECT note FROM checkpoints ORDER BY size LIMIT 1) WHERE size = (SELECT MAX(size) FROM checkpoints)"}, alone: true},
		saying("history is lost", "DELETE FROM log_entries WHERE idx >= (SELECT MAX(size) FROM checkpoints) - 1"),
		saying("history was changed", "UPDATE events SET hash = (SELECT hash FROM events WHERE id = 2) WHERE id = 3"),
		{do: func(v *vandal) { resign(v, false) }, says: "signature", alone: true},
	},
	"log.key": {
		{do: func(v *vandal) { resign(v, true) }, alone: true},
		by("UPDATE log_keys SET name = 'other'"),
		{sql: []string{"INSERT INTO log_keys (name, skey, vkey) SELECT name || 'x', '', vkey FROM log_keys"}},
		{do: func(v *vandal) {
			skey, _, err := note.GenerateKey(rand.Reader, strings.Split(v.strings("SELECT name FROM log_keys")[0], "+")[0])
			if err != nil {
				v.Fatal(err)
			}
			v.exec("UPDATE log_keys SET skey = ?", skey)
		}, says: "private key", alone: true},
	},
	"snapshots.ledger": {
		saying("does not balance", "UPDATE snapshot_kinds SET read_rows = read_rows + 1 WHERE kind = 'grants' AND snapshot_id = 3"),
		saying("its ledger says", "DELETE FROM grants WHERE source_id = "+wiki+" AND id = "+someGrant),
		saying("its ledger says", "DELETE FROM person_versions WHERE person_key = (SELECT MAX(key) FROM people)"),
		saying("not the rejected", "DELETE FROM rejects"),
		saying("no ledger", "DELETE FROM snapshot_kinds WHERE snapshot_id = (SELECT id FROM snapshots WHERE state = 'held')"),
	},
	"snapshots.events": {
		{sql: []string{"UPDATE snapshots SET digest = 'other' WHERE id = 1"}},
		{sql: []string{"UPDATE snapshots SET origin = 'live' WHERE id = 2"}, alone: true},
		by("UPDATE snapshot_kinds SET new_rows = new_rows - 1, unchanged = unchanged + 1 WHERE snapshot_id = 3 AND kind = 'grants'"),
		by("UPDATE snapshots SET state = 'sealed', sealed_at = started_at WHERE state = 'held'"),
		by("UPDATE snapshots SET released_by = '' WHERE released_by <> ''"),
		saying("by the events", "DELETE FROM snapshots WHERE id = 4"),
		{sql: []string{"UPDATE snapshot_files SET sha256 = 'other' WHERE snapshot_id = 2 AND kind = 'grants'"}, alone: true},
		saying("not the one that was held", "UPDATE snapshots SET digest = 'other' WHERE state = 'held'"),
	},
	"snapshots.rejects": {
		{sql: []string{"UPDATE rejects SET line = line + 1"}, alone: true},
		{sql: []string{"UPDATE rejects SET raw = 'other'"}, alone: true},
	},
	"snapshots.sealed_only": {
		by("INSERT INTO grant_changes (source_id, grant_id, last_snapshot, hash, data) SELECT source_id, id, (SELECT id FROM snapshots WHERE state = 'held'), hash, data FROM grants WHERE source_id = " + wiki),
		by("UPDATE grants SET last_snapshot = (SELECT id FROM snapshots WHERE state = 'discarded') WHERE source_id = " + wiki + " AND id = " + someGrant),
		by("UPDATE person_versions SET first_snapshot = 2"),
		by("UPDATE run_sources SET snapshot_id = (SELECT id FROM snapshots WHERE state = 'held') WHERE source_id = " + wiki),
		by("UPDATE items SET gone_snapshot = (SELECT id FROM snapshots WHERE state = 'held') WHERE gone_snapshot IS NOT NULL"),
		by("UPDATE remediations SET proof_snapshot = (SELECT id FROM snapshots WHERE state = 'held') WHERE proof_snapshot IS NOT NULL"),
	},
	"rows.hashes": {
		saying("not what was read", `UPDATE person_versions SET data = replace(data, '"name":"', '"name":"X') WHERE person_key = (SELECT MIN(key) FROM people)`),
		{sql: []string{"UPDATE person_versions SET manager_id = 'somebody'"}, says: "manager_id", alone: true},
		{sql: []string{"UPDATE person_versions SET status = 'active', email_fold = 'x'"}, says: "email_fold", alone: true},
		saying("not what was read", "UPDATE accounts SET account_id = account_id || 'x' WHERE key = (SELECT MIN(account_key) FROM account_versions)"),
		saying("not what was read", "UPDATE entitlement_versions SET data = replace(data, 'Writers', 'Readers')"),
		saying("not what was read", "UPDATE grants SET granted_at = 1 WHERE source_id = "+wiki+" AND id = "+someGrant),
		saying("not what was read", "INSERT INTO grant_changes (source_id, grant_id, last_snapshot, hash, data) SELECT source_id, id, first_snapshot, hash, '{}' FROM grants WHERE source_id = "+wiki+" AND id = "+someGrant),
	},
	"rows.sealed": {
		{do: rewriteRow, says: "not those that it was sealed with", alone: true},
		saying("not those that it was sealed with", "UPDATE grants SET hash = (SELECT hash FROM entitlement_versions ORDER BY hash LIMIT 1) WHERE source_id = "+wiki+" AND id = "+someGrant),
		saying("not those that it was sealed with", "UPDATE person_versions SET hash = (SELECT hash FROM entitlement_versions ORDER BY hash LIMIT 1) WHERE person_key = (SELECT MIN(key) FROM people)"),
	},
	"intervals.one_open": {
		by("DROP INDEX grants_live", `INSERT INTO grants (source_id, id, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot, last_snapshot)
			SELECT source_id, id + 1000, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot, last_snapshot FROM grants WHERE last_snapshot IS NULL AND id = `+someGrant),
		by("DROP INDEX account_versions_live", `INSERT INTO account_versions (account_key, first_snapshot, last_snapshot, source_id, hash, data)
			SELECT account_key, first_snapshot + 1, last_snapshot, source_id, hash, data FROM account_versions WHERE last_snapshot IS NULL`),
	},
	"intervals.overlap": {
		by(`INSERT INTO grants (source_id, id, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot, last_snapshot)
			SELECT source_id, id + 1000, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot, first_snapshot FROM grants WHERE last_snapshot IS NULL AND id = ` + someGrant),
		by(`INSERT INTO grants (source_id, id, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot, last_snapshot)
			SELECT source_id, id + 1000, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot, last_snapshot FROM grants WHERE last_snapshot IS NOT NULL`),
		saying("end before they begin", "UPDATE grants SET last_snapshot = first_snapshot - 1 WHERE last_snapshot IS NOT NULL"),
		saying("two versions", `INSERT INTO person_versions (person_key, first_snapshot, last_snapshot, source_id, hash, data, id_fold, name_fold, email_fold, manager_id, status)
			SELECT person_key, first_snapshot - 1, first_snapshot, source_id, hash, data, id_fold, name_fold, email_fold, manager_id, status FROM person_versions`),
	},
	"runs.events": {
		by("UPDATE runs SET state = 'running', closed_at = NULL WHERE id = " + firstRun),
		{sql: []string{"UPDATE runs SET closed_at = closed_at + 1 WHERE id = " + firstRun}, alone: true},
		{sql: []string{"UPDATE runs SET due_at = due_at + 1"}, alone: true},
		{sql: []string{"UPDATE runs SET paused_at = launched_at"}, alone: true},
		by("UPDATE runs SET spec = replace(spec, '14d', '15d')"),
		{sql: []string{"UPDATE run_sources SET snapshot_id = 3 WHERE source_id = " + wiki + " AND run_id = " + firstRun}, alone: true},
		saying("closed with", "UPDATE run_reviewers SET kept = kept + 1 WHERE run_id = "+firstRun),
	},
	"runs.sign_offs": {
		by("UPDATE run_reviewers SET signed_at = NULL WHERE signed_at IS NOT NULL"),
		{sql: []string{"UPDATE run_reviewers SET signed_at = signed_at + 1 WHERE signed_at IS NOT NULL"}, alone: true},
		by("UPDATE run_reviewers SET revoked = revoked - 1, kept = kept + 1 WHERE signed_at IS NOT NULL"),
	},
	"runs.population": {
		{sql: []string{"UPDATE items SET basis = 'fallback' WHERE id = 1"}, alone: true},
		{sql: []string{"DELETE FROM excluded"}, alone: true},
		{sql: []string{"UPDATE excluded SET reason = 'other'"}, alone: true},
		by("UPDATE run_entitlements SET value = replace(value, 'Writers', 'Readers')"),
		{sql: []string{"UPDATE items SET record_hash = text_hash WHERE id = 1"}, alone: true},
		by("DELETE FROM items WHERE id = (SELECT MAX(id) FROM items)"),
	},
	"runs.commitments": {
		by("UPDATE run_subjects SET value = replace(value, 'Ana', 'Eve')"),
		{sql: []string{"UPDATE run_reviewers SET value = replace(value, 'Boss', 'Eve')"}, alone: true},
	},
	"items.text": {
		by("UPDATE items SET facts = replace(facts, 'enabled', 'disabled')"),
		by("UPDATE items SET text_hash = record_hash"),
		{sql: []string{`UPDATE run_subjects SET value = replace(value, '"human"', '"service"')`}, alone: true}, // not part of what is committed to
	},
	"items.counters": {
		{sql: []string{"UPDATE run_reviewers SET unsure = unsure + 1 WHERE signed_at IS NULL AND run_id = " + secondRun}, alone: true},
		{sql: []string{"UPDATE run_pace SET n = n + 1 WHERE run_id = " + secondRun}, alone: true},
		by("UPDATE runs SET items = items + 1"),
	},
	"items.events": {
		{sql: []string{"UPDATE items SET version = version + 1 WHERE version > 0"}, alone: true},
		saying("without an event", "UPDATE items SET version = 1 WHERE version = 0"),
		saying("which is not there", "DELETE FROM items WHERE version > 0"),
		saying("gone", "UPDATE items SET outcome = '', gone_snapshot = NULL WHERE outcome = 'gone'"),
		saying("a default", "UPDATE items SET by_default = FALSE WHERE by_default"),
		saying("with somebody else", "UPDATE items SET reviewer_key = (SELECT MAX(key) FROM people) WHERE (run_id, id) IN (SELECT run_id, item_id FROM assignments)"),
	},
	"items.assignments": {
		{sql: []string{"UPDATE assignments SET to_key = from_key"}, alone: true},
		{sql: []string{"UPDATE assignments SET n = 2"}, alone: true},
		by("DELETE FROM assignments"),
	},
	"items.answers": {
		by("UPDATE items SET answer = 'keep', outcome = 'keep' WHERE outcome = 'revoke'"),
		{sql: []string{"UPDATE items SET decided_at = decided_at - 1 WHERE decided_at IS NOT NULL"}, alone: true},
		by("UPDATE decisions SET answer = 'keep' WHERE answer = 'revoke'"),
	},
	"items.outcomes": {
		by("UPDATE items SET outcome = 'keep' WHERE outcome = 'revoke'"),
		{sql: []string{"UPDATE items SET outcome = 'revoke' WHERE answer = 'revoke' AND run_id = " + secondRun}, says: "nobody signed off"},
		saying("still open", "UPDATE items SET outcome = '' WHERE answer = 'keep' AND run_id = "+firstRun),
	},
	"decisions.events": {
		{sql: []string{"UPDATE decisions SET comment = 'changed' WHERE comment <> ''"}, says: "comment", alone: true},
		{sql: []string{"UPDATE decisions SET comment = 'added' WHERE comment = ''"}, says: "comment", alone: true},
		{sql: []string{"UPDATE decisions SET until = '2027-01-01' WHERE answer = 'keep'"}, alone: true},
		{sql: []string{"UPDATE decisions SET reviewer_key = (SELECT MAX(key) FROM people)"}, says: "somebody else", alone: true},
		by("UPDATE decisions SET at = at + 1"),
		saying("in events", "DELETE FROM decisions WHERE event_id = (SELECT MIN(event_id) FROM decisions)"),
		saying("its event is of version", `INSERT INTO decisions (run_id, item_id, version, reviewer_key, answer, until, lower_to, comment, idem_key, event_id, at)
			SELECT run_id, item_id, version + 100, reviewer_key, answer, until, lower_to, comment, idem_key || 'x', event_id, at FROM decisions`),
		by("DELETE FROM events WHERE type = 'item.decided'"),
	},
	"decisions.own_access": {
		{sql: []string{"UPDATE items SET person_key = (SELECT MIN(d.reviewer_key) FROM decisions d) WHERE version > 0 AND person_key IS NOT NULL"}, alone: true},
		{sql: []string{"UPDATE items SET person_key = reviewer_key WHERE version = 0"}, alone: true, says: "is with the person"},
	},
	"decisions.late": {
		{do: func(v *vandal) { decideLate(v, "closed") }, says: "after the close"},
		{do: func(v *vandal) { decideLate(v, "running") }, says: "signed off"},
	},
	"removals.complete": {
		by("DELETE FROM remediations WHERE id = " + byRead),
		by("UPDATE remediations SET state = 'cancelled' WHERE id = " + bySnap),
		by("UPDATE remediations SET grant_id = grant_id + 1 WHERE id = " + byRead),
	},
	"removals.asked": {
		by("UPDATE items SET answer = 'keep', outcome = 'keep' WHERE outcome = 'revoke'"),
		by("UPDATE items SET answer = '' WHERE answer = 'revoke' AND run_id = " + secondRun),
		by("UPDATE remediations SET item_id = item_id + 100 WHERE id = " + byRead),
	},
	"removals.contests": {
		saying("is not what its events say", "INSERT INTO contests (remediation_id, person_key, reason, at, outcome, answered_by, answer) SELECT id, account_key, 'x', queued_at, '', '', '' FROM remediations WHERE id = "+byRead),
	},
	"removals.keeps": {
		saying("was not until a date", "INSERT INTO ended_keeps (run_id, item_id, result, at) SELECT run_id, id, 'gone', 1 FROM items WHERE answer = 'keep'"),
		saying("of which no keep has ended", "UPDATE remediations SET cause = 'keep_until' WHERE id = "+byRead),
	},
	"removals.events": {
		saying("by its events", "UPDATE remediations SET state = 'failed' WHERE state = 'confirmed'"),
		saying("attempt", "UPDATE attempts SET outcome = 'removed'"),
		saying("attempt", "DELETE FROM attempts"),
		saying("attempt", "UPDATE attempts SET ended_at = NULL"),
		saying("another access", "UPDATE remediations SET via = 'x>y' WHERE id = "+byRead),
		saying("another access", "UPDATE remediations SET access = replace(access, 'a-', 'b-')"),
		saying("proof", "UPDATE remediations SET proof_snapshot = 2 WHERE proof = 'snapshot'"),
		saying("were queued by the events", "DELETE FROM remediations WHERE id = "+byRead),
		{do: illegalMove, says: "moved from superseded to queued"},
	},
	"removals.proof": {
		saying("by nothing", "UPDATE remediations SET proof = '' WHERE id = "+byRead),
		saying(`shows it "present"`, `UPDATE attempts SET after = replace(after, 'absent', 'present')`),
		saying("there was no attempt", "DELETE FROM attempts"),
		saying("before the last call", "UPDATE attempts SET read_at = intent_at - 1"),
		{sql: []string{"UPDATE remediations SET called_at = called_at + 86400000000 WHERE id = " + bySnap}, says: "before the last call", alone: true},
		saying("shows it", "UPDATE remediations SET proof_snapshot = (SELECT MAX(id) FROM snapshots WHERE state = 'sealed') WHERE id = "+bySnap,
			"UPDATE grants SET last_snapshot = NULL WHERE source_id = "+wiki+" AND id = (SELECT grant_id FROM remediations WHERE id = "+bySnap+")"),
		saying("only a snapshot", "UPDATE remediations SET mode = 'manual' WHERE id = "+byRead),
		saying("not sealed", "UPDATE remediations SET proof_snapshot = (SELECT id FROM snapshots WHERE state = 'held') WHERE id = "+bySnap),
	},
	"removals.leases": {
		{sql: []string{"UPDATE remediations SET lease_until = 9000000000000000 WHERE state IN ('queued', 'sent', 'confirmed')"}, alone: true},
	},
	"removals.fences": {
		{sql: []string{"UPDATE remediations SET fence = 0 WHERE id = " + byRead}, alone: true},
		{sql: []string{"UPDATE remediations SET attempts = attempts + 1"}, alone: true},
		by("INSERT INTO attempts SELECT remediation_id, n + 1, fence, worker, intent_at, before, called_at, outcome, after, read_at, ended_at, detail FROM attempts WHERE remediation_id = " + byRead),
	},
	"removals.intents": {
		by("UPDATE attempts SET called_at = intent_at - 1 WHERE called_at IS NOT NULL"),
		by("UPDATE attempts SET before = '' WHERE called_at IS NOT NULL"),
		by("DELETE FROM attempts"),
	},
	"tasks.reports": {
		saying("is not what its event says", "INSERT INTO task_reports (remediation_id, actor, note, name, size, sha256, blob, event_id, at) SELECT id, 'x', 'y', '', 0, '', '', 1, 1 FROM remediations WHERE id = "+byRead),
	},
	"references": {
		by("UPDATE items SET grant_id = 999 WHERE id = 1"),
		by("DELETE FROM accounts WHERE account_id = 'a-ana'"),
		{sql: []string{"INSERT INTO users (iss, sub, email, name, person_key, roles, theme, created_at, last_login_at) VALUES ('i', 's', '', '', 999, '', '', 1, 1)"}, alone: true},
		by("DELETE FROM people WHERE person_id = 'u5'"),
	},
	"secrets": {
		{sql: []string{"UPDATE configs SET spec = replace(spec, '${WIKI_TOKEN}', 'hunter2')"}, says: "token stands in clear"},
		{sql: []string{"UPDATE remediations SET reason = 'GET https://me:hunter2@wiki.example.com failed'"}, alone: true},
		{sql: []string{"UPDATE attempts SET detail = 'Authorization: Bearer hunter2'"}, alone: true},
		{do: func(v *vandal) {
			v.exec("UPDATE snapshots SET extraction = ? WHERE id = 2", v.strings("SELECT skey FROM log_keys")[0])
		}, says: "extraction", alone: true},
		{do: leakInEvent, says: "event", alone: false},
	},
}

// flipLeaf changes one bit of one event.
func flipLeaf(v *vandal) {
	leaf := v.blob("SELECT leaf FROM events WHERE id = 5")
	leaf[len(leaf)/2] ^= 1
	v.exec("UPDATE events SET leaf = ? WHERE id = 5", leaf)
}

// event appends an event as the product does.
func (v *vandal) event(ev verify.Event) (id int64) {
	v.Helper()
	v.tx(func(tx *store.Tx) error {
		var err error
		id, err = evidence.Append(v.Context(), tx, ev)
		return err
	})
	return id
}

// appendOne leaves an event without a place for longer than a sequencer takes.
func appendOne(v *vandal) {
	v.event(verify.Event{Type: verify.TypeLoginLinkCreated, Object: "login_link:1", Data: verify.LoginLinkCreated{Role: "admin"}})
	if failed := v.failed(true); len(failed) > 0 {
		v.Errorf("an event that was made just now is no fault: %v", failed)
	}
	v.clock.Add(2 * 60e9)
	if failed := v.failed(false); len(failed) > 0 {
		v.Errorf("without a sequencer an event may wait: %v", failed)
	}
}

// resign signs the newest checkpoint with another key, and puts that key in the place of the log's.
func resign(v *vandal, replace bool) {
	name := v.strings("SELECT name FROM log_keys")[0]
	old := v.strings("SELECT vkey FROM log_keys")[0]
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		v.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		v.Fatal(err)
	}
	for _, size := range v.strings("SELECT CAST(size AS TEXT) FROM checkpoints") {
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			v.Fatal(err)
		}
		cp, err := verify.OpenCheckpoint([]byte(v.strings("SELECT note FROM checkpoints WHERE size = ?", n)[0]), old)
		if err != nil {
			v.Fatal(err)
		}
		msg, err := verify.SignCheckpoint(cp, signer)
		if err != nil {
			v.Fatal(err)
		}
		v.exec("UPDATE checkpoints SET note = ? WHERE size = ?", string(msg), n)
	}
	if replace {
		v.exec("UPDATE log_keys SET skey = ?, vkey = ?", skey, vkey)
	}
}

// decideLate stores an answer with a perfect event, only too late.
func decideLate(v *vandal, state string) {
	s := v.open()
	runs, err := s.RunList(v.Context(), store.RunFilter{State: model.RunState(state)})
	if err != nil || len(runs) == 0 {
		v.Fatalf("no run is %s: %v", state, err)
	}
	items, err := s.ItemRows(v.Context(), runs[0].ID, store.ItemFilter{Answer: model.Keep})
	if err != nil || len(items) == 0 {
		v.Fatalf("nothing is kept in %s: %v", runs[0].Name, err)
	}
	it := items[0].Item
	id := strconv.FormatInt(it.ID, 10)
	who := v.strings("SELECT person_id FROM people WHERE key = ?", it.ReviewerKey)[0]
	err = s.InTx(v.Context(), func(tx *store.Tx) error {
		event, err := evidence.Append(v.Context(), tx, verify.Event{
			Type: verify.TypeItemDecided, Run: runs[0].Name, Object: verify.ItemObject(id), Personal: map[string]string{"reviewer": who, "actor": who},
			Data: verify.ItemDecided{Item: id, Version: it.Version + 1, Answer: "keep", Channel: "web", TextHash: hexOf(it.TextHash)},
		})
		if err != nil {
			return err
		}
		return tx.InsertDecision(v.Context(), model.Decision{
			RunID: it.RunID, ItemID: it.ID, Version: it.Version + 1, ReviewerKey: it.ReviewerKey, Answer: model.Keep, IdemKey: "late", EventID: event, At: tx.Now,
		})
	})
	if err != nil {
		v.Fatal(err)
	}
	v.exec("UPDATE items SET version = version + 1, decided_at = ? WHERE run_id = ? AND id = ?", int64(model.TimeOf(v.clock.T)), it.RunID, it.ID)
	for name, why := range v.failed(false) {
		if name != "decisions.late" {
			v.Errorf("%s sees the late answer too: %s", name, why)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

// illegalMove takes a removal from a state that nothing leaves, with events as the product writes them.
func illegalMove(v *vandal) {
	id := v.strings("SELECT CAST(MIN(id) AS TEXT) FROM remediations WHERE state IN ('queued', 'sent')")[0]
	item := v.strings("SELECT CAST(item_id AS TEXT) FROM remediations WHERE CAST(id AS TEXT) = ?", id)[0]
	run := v.strings("SELECT u.name FROM remediations r JOIN runs u ON u.id = r.run_id WHERE CAST(r.id AS TEXT) = ?", id)[0]
	state := v.strings("SELECT state FROM remediations WHERE CAST(id AS TEXT) = ?", id)[0]
	for _, to := range []string{"superseded", "queued"} {
		v.event(verify.Event{
			Type: verify.TypeRevocationState, Run: run, Object: verify.RemediationObject(id),
			Data: verify.RevocationState{Remediation: id, Item: item, From: state, To: to},
		})
		state = to
	}
	v.exec("UPDATE remediations SET state = 'queued' WHERE CAST(id AS TEXT) = ?", id)
}

// leakInEvent logs a secret for good.
func leakInEvent(v *vandal) {
	v.event(verify.Event{Type: verify.TypeConfigApplied, Object: "config:Source/x", Data: verify.ConfigApplied{
		Kind: "Source", Name: "x", Action: "https://me:hunter2@wiki.example.com", SHA256: "",
	}})
}
