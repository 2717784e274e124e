package store

import (
	"fmt"
	"strings"

	"recert/model"
)

// The rules that SQL can check alone. Each reads in the order of an index or looks rows up by
// one, so that nothing grows with the tables.

// RuleLogIndex says: the places in the log are 0, 1, 2, …, each of one event.
var RuleLogIndex = Rule{
	`SELECT 'the log has ' || n || ' entries from index ' || low || ' to ' || high AS what
		FROM (SELECT COUNT(*) AS n, COALESCE(MIN(idx), 0) AS low, COALESCE(MAX(idx), -1) AS high FROM log_entries) t WHERE low <> 0 OR n <> high + 1`,
	`SELECT 'the log has no entry ' || (l.idx + 1) AS what FROM log_entries l
		WHERE l.idx < (SELECT MAX(idx) FROM log_entries) AND NOT EXISTS (SELECT 1 FROM log_entries o WHERE o.idx = l.idx + 1)`,
	`SELECT 'entry ' || l.idx || ' is of event ' || l.event_id || ', which is not there' AS what FROM log_entries l
		WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.id = l.event_id)`,
	`SELECT 'event ' || event_id || ' is in the log ' || COUNT(*) || ' times' AS what FROM log_entries GROUP BY event_id HAVING COUNT(*) > 1`,
}

// RuleSequenced says: no event from before a time waits for its place. The time is the argument.
var RuleSequenced = Rule{
	`SELECT 'event ' || e.id || ' has no place in the log' AS what FROM events e
		WHERE e.at < ?0 AND NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.event_id = e.id)`,
}

// RuleOvertaken says: no event waits while others, made more than a while (the argument, in
// microseconds) after it, have their places.
var RuleOvertaken = Rule{
	`SELECT 'event ' || e.id || ' has no place in the log, later ones have' AS what FROM events e
		WHERE e.at < (SELECT n.at FROM log_entries l JOIN events n ON n.id = l.event_id ORDER BY l.idx DESC LIMIT 1) - ?0
		AND NOT EXISTS (SELECT 1 FROM log_entries l WHERE l.event_id = e.id)`,
}

// RuleAnswers says: the answer of an item is its last decision.
var RuleAnswers = Rule{
	`SELECT 'item ' || i.id || ' of run ' || i.run_id || ' says "' || i.answer || '", its last decision "' || COALESCE(d.answer, '') || '"' AS what
		FROM items i LEFT JOIN decisions d ON d.run_id = i.run_id AND d.item_id = i.id AND d.version =
			(SELECT MAX(o.version) FROM decisions o WHERE o.run_id = i.run_id AND o.item_id = i.id)
		WHERE i.answer <> CASE WHEN d.answer IN ('keep', 'revoke', 'reduce', 'unsure') THEN d.answer ELSE '' END
			OR (i.answer <> '' AND i.decided_at IS DISTINCT FROM d.at) OR i.version < COALESCE(d.version, 0)`,
}

// RuleUntouched says: an item without any event is as it was launched.
var RuleUntouched = Rule{
	`SELECT 'item ' || i.id || ' of ' || r.name || ' was changed without an event' AS what FROM runs r JOIN items i ON i.run_id = r.id
		WHERE (i.version <> 0 OR i.answer <> '' OR i.by_default OR i.outcome = 'gone')
		AND NOT EXISTS (SELECT 1 FROM events e WHERE e.object = 'item:' || i.id AND e.run = r.name)`,
}

// RuleOutcomes says: an outcome is final for a reason, and is the answer unless it was a default.
var RuleOutcomes = Rule{
	`SELECT 'item ' || i.id || ' of ' || r.name || ' has the outcome "' || i.outcome || '" with the answer "' || i.answer || '"' AS what
		FROM runs r JOIN items i ON i.run_id = r.id WHERE i.outcome <> '' AND (
			(i.outcome = 'gone' AND (i.answer <> '' OR i.gone_snapshot IS NULL))
			OR (i.by_default AND (i.answer NOT IN ('', 'unsure') OR r.state <> 'closed'))
			OR (i.outcome <> 'gone' AND NOT i.by_default AND i.outcome <> i.answer))`,
	`SELECT 'item ' || i.id || ' of ' || r.name || ' is final, yet nobody signed off and the run is not closed' AS what
		FROM runs r JOIN items i ON i.run_id = r.id JOIN run_reviewers v ON v.run_id = i.run_id AND v.person_key = i.reviewer_key
		WHERE r.state = 'running' AND v.signed_at IS NULL AND i.outcome NOT IN ('', 'gone')`,
	`SELECT 'item ' || i.id || ' of ' || r.name || ' is still open after the sign-off or the close' AS what
		FROM runs r JOIN items i ON i.run_id = r.id JOIN run_reviewers v ON v.run_id = i.run_id AND v.person_key = i.reviewer_key
		WHERE i.outcome = '' AND (r.state = 'closed' OR v.signed_at IS NOT NULL)`,
}

// RuleCounters says: what a reviewer's row counts is what the items give.
var RuleCounters = Rule{
	`SELECT 'the counters of reviewer ' || v.person_key || ' of run ' || v.run_id || ' are not those of the items' AS what
		FROM run_reviewers v LEFT JOIN (SELECT run_id, reviewer_key, COUNT(*) AS items,
			SUM(CASE WHEN answer = 'keep' THEN 1 ELSE 0 END) AS kept, SUM(CASE WHEN answer = 'revoke' THEN 1 ELSE 0 END) AS revoked,
			SUM(CASE WHEN answer = 'reduce' THEN 1 ELSE 0 END) AS reduced, SUM(CASE WHEN answer = 'unsure' THEN 1 ELSE 0 END) AS unsure,
			SUM(CASE WHEN outcome = 'gone' THEN 1 ELSE 0 END) AS gone FROM items GROUP BY run_id, reviewer_key) t
		ON t.run_id = v.run_id AND t.reviewer_key = v.person_key
		WHERE v.items <> COALESCE(t.items, 0) OR v.kept <> COALESCE(t.kept, 0) OR v.revoked <> COALESCE(t.revoked, 0)
			OR v.reduced <> COALESCE(t.reduced, 0) OR v.unsure <> COALESCE(t.unsure, 0) OR v.gone <> COALESCE(t.gone, 0)`,
	`SELECT 'the hours of reviewer ' || v.person_key || ' of run ' || v.run_id || ' do not add up to the counters' AS what
		FROM run_reviewers v LEFT JOIN (SELECT run_id, person_key, SUM(n) AS n FROM run_pace GROUP BY run_id, person_key) p
		ON p.run_id = v.run_id AND p.person_key = v.person_key WHERE v.kept + v.revoked + v.reduced + v.unsure + v.gone <> COALESCE(p.n, 0)`,
	`SELECT r.name || ' was launched with ' || r.items || ' items and has ' || COUNT(i.id) AS what
		FROM runs r LEFT JOIN items i ON i.run_id = r.id GROUP BY r.id, r.name, r.items HAVING COUNT(i.id) <> r.items`,
}

// RuleAssignments says: who is asked is who the last move named, and each move left who was asked.
var RuleAssignments = Rule{
	`SELECT 'item ' || i.id || ' of run ' || i.run_id || ' is not with whom it moved to last' AS what
		FROM assignments a JOIN items i ON i.run_id = a.run_id AND i.id = a.item_id
		WHERE a.to_key <> i.reviewer_key AND NOT EXISTS (SELECT 1 FROM assignments o WHERE o.run_id = a.run_id AND o.item_id = a.item_id AND o.n > a.n)`,
	`SELECT 'move ' || a.n || ' of item ' || a.item_id || ' of run ' || a.run_id || ' does not follow the one before it' AS what
		FROM assignments a LEFT JOIN assignments b ON b.run_id = a.run_id AND b.item_id = a.item_id AND b.n = a.n - 1
		WHERE a.n <> 1 AND (b.to_key IS NULL OR b.to_key <> a.from_key)`,
	`SELECT m || ' moves of items are stored, and ' || e || ' in events' AS what
		FROM (SELECT (SELECT COUNT(*) FROM assignments) AS m, (SELECT COUNT(*) FROM events WHERE type = 'item.reassigned') AS e) t WHERE m <> e`,
}

// RuleOwnAccess says: nobody answers, or is asked about, their own access as it was frozen.
var RuleOwnAccess = Rule{
	`SELECT 'decision ' || d.version || ' of item ' || d.item_id || ' of run ' || d.run_id || ' is by the person whose access it is' AS what
		FROM decisions d JOIN items i ON i.run_id = d.run_id AND i.id = d.item_id WHERE i.person_key = d.reviewer_key AND d.answer <> 'not_mine'`,
	`SELECT 'item ' || i.id || ' of run ' || i.run_id || ' is with the person whose access it is' AS what FROM items i WHERE i.person_key = i.reviewer_key`,
}

// RuleLate says: no decision was logged after the sign-off of its reviewer or the close of its run.
var RuleLate = Rule{
	`SELECT 'decision ' || d.version || ' of item ' || d.item_id || ' of ' || r.name || ' came after the close' AS what
		FROM runs r JOIN events c ON c.object = 'run:' || r.name AND c.run = r.name AND c.type = 'campaign.closed'
		JOIN decisions d ON d.run_id = r.id WHERE d.event_id > c.id`,
	`SELECT 'decision ' || d.version || ' of item ' || d.item_id || ' of ' || r.name || ' came after its reviewer signed off' AS what
		FROM runs r JOIN decisions d ON d.run_id = r.id JOIN run_reviewers v ON v.run_id = d.run_id AND v.person_key = d.reviewer_key
		JOIN events s ON s.object = 'review:' || substr(v.commitment, 1, 32) AND s.run = r.name AND s.type = 'review.signed_off'
		WHERE d.event_id > s.id`,
}

// RuleEndedKeeps says: what is removed because a keep has ended was kept until a date, and whatever
// was kept until a date that is over was looked at once: its removals are queued, or it says why not.
var RuleEndedKeeps = Rule{
	`SELECT 'removal ' || r.id || ' is of item ' || r.item_id || ' of run ' || r.run_id || ', of which no keep has ended' AS what
		FROM remediations r LEFT JOIN items i ON i.run_id = r.run_id AND i.id = r.item_id
		LEFT JOIN ended_keeps k ON k.run_id = r.run_id AND k.item_id = r.item_id AND k.result = 'queued'
		WHERE r.cause <> '' AND (r.cause <> 'keep_until' OR k.run_id IS NULL OR i.outcome <> 'keep'
		OR NOT EXISTS (SELECT 1 FROM decisions d WHERE d.run_id = r.run_id AND d.item_id = r.item_id AND d.answer = 'keep' AND d.until <> ''))`,
	`SELECT 'the keep of item ' || k.item_id || ' of run ' || k.run_id || ' has ended, and nothing was queued for it' AS what FROM ended_keeps k
		WHERE k.result = 'queued' AND NOT EXISTS (SELECT 1 FROM remediations r WHERE r.run_id = k.run_id AND r.item_id = k.item_id AND r.cause = 'keep_until')`,
	`SELECT 'the keep of item ' || k.item_id || ' of run ' || k.run_id || ' was not until a date' AS what FROM ended_keeps k
		WHERE NOT EXISTS (SELECT 1 FROM decisions d WHERE d.run_id = k.run_id AND d.item_id = k.item_id AND d.answer = 'keep' AND d.until <> '')`,
}

// RuleUnaskedRemovals says: nothing is removed, or to be removed, that nobody said revoke to.
var RuleUnaskedRemovals = Rule{
	`SELECT 'removal ' || r.id || ' is of item ' || r.item_id || ' of run ' || r.run_id || ', which is not to be revoked' AS what
		FROM remediations r LEFT JOIN items i ON i.run_id = r.run_id AND i.id = r.item_id
		WHERE r.state <> 'cancelled' AND r.kind = 'remove' AND r.for_id IS NULL AND r.cause = ''
		AND (i.id IS NULL OR NOT (i.outcome = 'revoke' OR (i.outcome = '' AND i.answer = 'revoke')))`,
	`SELECT 'removal ' || r.id || ' is of item ' || r.item_id || ' of run ' || r.run_id || ', whose weaker access is not proven' AS what
		FROM remediations r LEFT JOIN remediations l ON l.id = r.for_id AND l.kind = 'lower' AND l.run_id = r.run_id AND l.item_id = r.item_id
		WHERE r.state <> 'cancelled' AND r.kind = 'remove' AND r.for_id IS NOT NULL AND (l.id IS NULL OR l.state <> 'confirmed')`,
	`SELECT r.kind || ' ' || r.id || ' gives item ' || r.item_id || ' of run ' || r.run_id || ' an access that nobody asked for' AS what
		FROM remediations r LEFT JOIN items i ON i.run_id = r.run_id AND i.id = r.item_id
		WHERE r.state <> 'cancelled' AND r.kind = 'lower' AND (i.id IS NULL OR NOT (i.outcome = 'reduce' OR (i.outcome = '' AND i.answer = 'reduce')))`,
	`SELECT 'restore ' || r.id || ' gives back what removal ' || COALESCE(r.for_id, 0) || ' did not take' AS what
		FROM remediations r LEFT JOIN remediations m ON m.id = r.for_id AND m.kind = 'remove' AND m.run_id = r.run_id AND m.item_id = r.item_id
			AND m.grant_id = r.grant_id AND m.access = r.access
		WHERE r.state <> 'cancelled' AND r.kind = 'restore' AND (m.id IS NULL OR m.state <> CASE r.state WHEN 'confirmed' THEN 'restored' ELSE 'confirmed' END)`,
	`SELECT 'removal ' || r.id || ' is restored, and nothing gave its access back' AS what FROM remediations r WHERE r.state = 'restored'
		AND NOT EXISTS (SELECT 1 FROM remediations o WHERE o.for_id = r.id AND o.kind = 'restore' AND o.state = 'confirmed')`,
}

// RuleLeases says: no two live leases on one account or entitlement; fences grow with attempts. The
// argument is now.
var RuleLeases = Rule{
	`SELECT 'removals ' || a.id || ' and ' || b.id || ' of one object are both being worked on' AS what FROM remediations a JOIN remediations b
		ON b.source_id = a.source_id AND b.id > a.id AND b.lease_until IS NOT NULL AND b.lease_until >= ?0
		AND (b.account_key = a.account_key OR b.entitlement_key = a.entitlement_key) WHERE a.lease_until IS NOT NULL AND a.lease_until >= ?0`,
}

// RuleFences says: each attempt has a higher fence than the one before it, and none a higher one than
// its removal; the removal counts them.
var RuleFences = Rule{
	`SELECT 'attempt ' || b.n || ' of removal ' || b.remediation_id || ' does not have a higher fence than the one before it' AS what
		FROM attempts a JOIN attempts b ON b.remediation_id = a.remediation_id AND b.n > a.n WHERE b.fence <= a.fence`,
	`SELECT 'removal ' || r.id || ' has fence ' || r.fence || ' and ' || r.attempts || ' attempts, which its attempts do not bear out' AS what FROM remediations r
		WHERE r.attempts <> (SELECT COUNT(*) FROM attempts a WHERE a.remediation_id = r.id)
		OR r.fence < COALESCE((SELECT MAX(a.fence) FROM attempts a WHERE a.remediation_id = r.id), 0)`,
}

// RuleIntents says: nothing is asked of a target before the intent is stored and the target was looked at. Of a source
// that only snapshots show, nothing can be looked at before another system is asked.
var RuleIntents = Rule{
	`SELECT 'attempt ' || n || ' of removal ' || remediation_id || ' has no intent before its call' AS what FROM attempts
		WHERE called_at < intent_at OR read_at < intent_at OR ended_at < intent_at OR (called_at IS NOT NULL AND before = ''
			AND NOT EXISTS (SELECT 1 FROM remediations r WHERE r.id = attempts.remediation_id AND r.mode IN ('ticket', 'webhook')))`,
	`SELECT 'removal ' || r.id || ' was asked for without an attempt' AS what FROM remediations r
		WHERE r.mode = 'connector' AND r.called_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.remediation_id = r.id)`,
}

// versions are the tables of intervals, with the columns of their key and how a row is named.
var versions = []struct {
	table string
	kind  model.Kind
	key   string
}{
	{"person_versions", model.KindPeople, "person_key"},
	{"account_versions", model.KindAccounts, "account_key"},
	{"entitlement_versions", model.KindEntitlements, "entitlement_key"},
	{"grants", model.KindGrants, ""},
}

// RuleOneOpen says: of one key there is at most one open interval.
var RuleOneOpen = func() Rule {
	r := Rule{`SELECT 'grants of account ' || account_key || ' and entitlement ' || entitlement_key || ' of source ' || source_id || ' are open ' || COUNT(*) || ' times' AS what
		FROM grants WHERE last_snapshot IS NULL GROUP BY source_id, account_key, entitlement_key, via HAVING COUNT(*) > 1`}
	for _, v := range versions[:3] {
		r = append(r, fmt.Sprintf(`SELECT '%s ' || %s || ' is open ' || COUNT(*) || ' times' AS what
			FROM %s WHERE last_snapshot IS NULL GROUP BY source_id, %[2]s HAVING COUNT(*) > 1`, v.kind, v.key, v.table))
	}
	return r
}()

// RuleOverlaps says: intervals of one key do not overlap, and none ends before it begins.
var RuleOverlaps = func() Rule {
	const same = "o.source_id = g.source_id AND o.account_key = g.account_key AND o.entitlement_key = g.entitlement_key AND o.via = g.via"
	r := Rule{
		`SELECT 'grants ' || o.id || ' and ' || g.id || ' of source ' || g.source_id || ' overlap' AS what FROM grants g JOIN grants o ON ` + same + `
			WHERE g.last_snapshot IS NOT NULL AND o.last_snapshot IS NOT NULL AND o.id < g.id AND o.first_snapshot <= g.last_snapshot AND g.first_snapshot <= o.last_snapshot`,
		`SELECT 'grants ' || o.id || ' and ' || g.id || ' of source ' || g.source_id || ' overlap' AS what FROM grants g JOIN grants o ON ` + same + `
			WHERE g.last_snapshot IS NOT NULL AND o.last_snapshot IS NULL AND o.first_snapshot <= g.last_snapshot`,
	}
	for _, v := range versions[:3] {
		r = append(r, fmt.Sprintf(`SELECT '%s ' || v.%s || ' has two versions at once' AS what FROM %s v JOIN %[3]s o ON o.%[2]s = v.%[2]s
			WHERE o.first_snapshot > v.first_snapshot AND (v.last_snapshot IS NULL OR v.last_snapshot >= o.first_snapshot)`, v.kind, v.key, v.table))
	}
	for _, v := range versions {
		r = append(r, fmt.Sprintf("SELECT '%s of source ' || source_id || ' end before they begin' AS what FROM %s WHERE last_snapshot < first_snapshot", v.kind, v.table))
	}
	return r
}()

// RuleSealedOnly says: only sealed snapshots have an effect that anybody can see. Where intervals begin
// and end is for Bounds to tell.
var RuleSealedOnly = Rule{
	`SELECT 'snapshot ' || id || ' is ' || state || ' and sealed at ' || COALESCE(sealed_at, 0) AS what FROM snapshots
			WHERE (state = 'sealed') <> (sealed_at IS NOT NULL)`,
	`SELECT 'run ' || f.run_id || ' is frozen at snapshot ' || f.snapshot_id || ', which is ' || n.state AS what
			FROM run_sources f JOIN snapshots n ON n.id = f.snapshot_id WHERE n.state <> 'sealed' OR n.source_id <> f.source_id`,
	`SELECT 'item ' || i.id || ' of run ' || i.run_id || ' is gone by snapshot ' || i.gone_snapshot || ', which is not sealed' AS what
			FROM items i LEFT JOIN snapshots n ON n.id = i.gone_snapshot WHERE i.gone_snapshot IS NOT NULL AND (n.id IS NULL OR n.state <> 'sealed' OR n.source_id <> i.source_id)`,
	`SELECT 'removal ' || r.id || ' is settled by snapshot ' || r.proof_snapshot || ', which is not sealed' AS what
			FROM remediations r LEFT JOIN snapshots n ON n.id = r.proof_snapshot WHERE r.proof_snapshot IS NOT NULL AND (n.id IS NULL OR n.state <> 'sealed' OR n.source_id <> r.source_id)`,
}

// RuleBalance says: the equations of the population ledger, and the rejected rows that it counts. What was
// live is for Bounds to tell.
var RuleBalance = Rule{
	`SELECT 'the ledger of ' || kind || ' of snapshot ' || snapshot_id || ' does not balance' AS what FROM snapshot_kinds
			WHERE (given AND (read_rows <> accepted + rejected OR accepted <> new_rows + changed + unchanged OR previous <> unchanged + changed + gone OR duplicates > rejected))
			OR (NOT given AND (read_rows <> 0 OR accepted <> 0 OR rejected <> 0))`,
	`SELECT 'snapshot ' || n.id || ' has not the rejected ' || k.kind || ' that its ledger counts' AS what FROM snapshots n JOIN snapshot_kinds k ON k.snapshot_id = n.id
			WHERE n.state IN ('sealed', 'held') AND k.rejected <> (SELECT COUNT(*) FROM rejects j WHERE j.snapshot_id = n.id AND j.kind = k.kind)`,
	`SELECT 'sealed snapshot ' || n.id || ' has no ledger' AS what FROM snapshots n
			WHERE n.state IN ('sealed', 'held') AND NOT EXISTS (SELECT 1 FROM snapshot_kinds k WHERE k.snapshot_id = n.id)`,
}

// references are what must be there for what points at it, whether or not the schema enforces it:
// table, columns, the other table, its columns. A NULL in the first column points at nothing.
var references = [][4]string{
	{"snapshots", "source_id", "sources", "id"},
	{"snapshots", "previous_id", "snapshots", "id"},
	{"snapshot_kinds", "snapshot_id", "snapshots", "id"},
	{"snapshot_files", "snapshot_id", "snapshots", "id"},
	{"rejects", "snapshot_id", "snapshots", "id"},
	{"people", "source_id", "sources", "id"},
	{"accounts", "source_id", "sources", "id"},
	{"entitlements", "source_id", "sources", "id"},
	{"person_versions", "person_key source_id", "people", "key source_id"},
	{"account_versions", "account_key source_id", "accounts", "key source_id"},
	{"entitlement_versions", "entitlement_key source_id", "entitlements", "key source_id"},
	{"account_usage", "account_key", "accounts", "key"},
	{"correlations", "account_key source_id", "accounts", "key source_id"},
	{"correlations", "person_key", "people", "key"},
	{"grants", "account_key source_id", "accounts", "key source_id"},
	{"grants", "entitlement_key source_id", "entitlements", "key source_id"},
	{"grant_changes", "grant_id source_id", "grants", "id source_id"},
	{"grant_usage", "grant_id source_id", "grants", "id source_id"},
	{"run_sources", "run_id", "runs", "id"},
	{"run_sources", "snapshot_id", "snapshots", "id"},
	{"run_subjects", "run_id", "runs", "id"},
	{"run_subjects", "account_key", "accounts", "key"},
	{"run_entitlements", "run_id", "runs", "id"},
	{"run_entitlements", "entitlement_key", "entitlements", "key"},
	{"run_reviewers", "run_id", "runs", "id"},
	{"run_reviewers", "person_key", "people", "key"},
	{"items", "run_id", "runs", "id"},
	{"items", "account_key run_id", "run_subjects", "account_key run_id"},
	{"items", "entitlement_key run_id", "run_entitlements", "entitlement_key run_id"},
	{"items", "reviewer_key run_id", "run_reviewers", "person_key run_id"},
	{"items", "grant_id source_id", "grants", "id source_id"},
	{"excluded", "account_key run_id", "run_subjects", "account_key run_id"},
	{"excluded", "grant_id source_id", "grants", "id source_id"},
	{"assignments", "item_id run_id", "items", "id run_id"},
	{"decisions", "item_id run_id", "items", "id run_id"},
	{"decisions", "event_id", "events", "id"},
	{"remediations", "item_id run_id", "items", "id run_id"},
	{"remediations", "source_id", "sources", "id"},
	{"source_health", "source_id", "sources", "id"},
	{"attempts", "remediation_id", "remediations", "id"},
	{"tickets", "remediation_id", "remediations", "id"},
	{"hook_messages", "source_id", "sources", "id"},
	{"contests", "remediation_id", "remediations", "id"},
	{"ended_keeps", "item_id run_id", "items", "id run_id"},
	{"disclosures", "event_id", "events", "id"},
	{"users", "person_key", "people", "key"},
	{"sessions", "user_id", "users", "id"},
	{"blob_chunks", "token", "blobs", "token"},
}

// RuleReferences says: whatever a row points at is there.
var RuleReferences = func() Rule {
	r := Rule{`SELECT 'removal ' || r.id || ' is of grant ' || r.grant_id || ', which is not there' AS what FROM remediations r
		WHERE r.grant_id <> 0 AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.source_id = r.source_id AND g.id = r.grant_id)`}
	for _, ref := range references {
		child, parent := strings.Fields(ref[1]), strings.Fields(ref[3])
		var on strings.Builder
		for i := range child {
			fmt.Fprintf(&on, " AND p.%q = c.%q", parent[i], child[i])
		}
		r = append(r, fmt.Sprintf(`SELECT '%s.%s ' || c.%q || ': no such row in %s' AS what FROM %[1]s c WHERE c.%[3]q IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM %[4]s p WHERE 1 = 1%[5]s)`, ref[0], child[0], child[0], ref[2], on.String()))
	}
	return r
}()
