package campaigns_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/model"
	"recert/model/store"
)

// rebuild makes the roots of a run anew from what its tables hold, as a package does.
func (w *world) rebuild(run model.Run) (items, excluded string) {
	w.tb.Helper()
	type bound struct {
		value      string
		salt       []byte
		commitment string
	}
	load := func(q string) map[int64]bound {
		rows, err := w.db.Query(w.query(q), run.ID)
		mustNot(w.tb, err)
		defer rows.Close()
		out := map[int64]bound{}
		for rows.Next() {
			var key int64
			var b bound
			mustNot(w.tb, rows.Scan(&key, &b.value, &b.salt, &b.commitment))
			out[key] = b
		}
		mustNot(w.tb, rows.Err())
		return out
	}
	subjects := load("SELECT account_key, value, salt, commitment FROM run_subjects WHERE run_id = ?")
	reviewers := load("SELECT person_key, value, salt, commitment FROM run_reviewers WHERE run_id = ?")
	subjectOf := func(key int64) (s model.Subject, b verify.Bound) {
		mustNot(w.tb, json.Unmarshal([]byte(subjects[key].value), &s))
		b, err := evidence.BindSubject(subjects[key].salt, s)
		mustNot(w.tb, err)
		if b.Commitment != subjects[key].commitment {
			w.tb.Errorf("the commitment of account %d does not open", key)
		}
		return s, b
	}
	var root, xroot verify.Root
	rows, err := w.store.ItemRows(w.ctx(), run.ID, store.ItemFilter{})
	mustNot(w.tb, err)
	for _, r := range rows {
		p := evidence.ItemParts{ID: r.ID, Source: r.Source, Basis: r.Basis}
		p.Subject, p.SubjectBound = subjectOf(r.AccountKey)
		if r.Entitlement != "" {
			mustNot(w.tb, json.Unmarshal([]byte(r.Entitlement), &p.Entitlement))
		}
		p.Facts, err = campaigns.ParseFacts([]byte(r.Facts))
		mustNot(w.tb, err)
		hash := evidence.TextHash([]byte(r.Entitlement), []byte(r.Facts), []byte(r.Subject), subjects[r.AccountKey].salt)
		if !bytes.Equal(hash[:], r.TextHash) {
			w.tb.Errorf("item %d: the text's hash does not fit", r.ID)
		}
		p.TextHash = r.TextHash
		asked := r.ReviewerKey
		moves, err := w.store.Assignments(w.ctx(), run.ID, r.ID)
		mustNot(w.tb, err)
		if len(moves) > 0 {
			asked = moves[0].FromKey
		}
		mustNot(w.tb, json.Unmarshal([]byte(reviewers[asked].value), &p.Reviewer))
		p.ReviewerBound, err = evidence.BindReviewer(reviewers[asked].salt, p.Reviewer)
		mustNot(w.tb, err)
		rec := evidence.ItemRecord(&p)
		h, err := rec.Hash()
		mustNot(w.tb, err)
		if !bytes.Equal(h[:], r.RecordHash) {
			w.tb.Errorf("item %d: the record's hash does not fit", r.ID)
		}
		root.Add(h)
	}
	xs, err := w.db.Query(w.query(`SELECT s.name, x.account_key, COALESCE(e.value, '{}'), COALESCE(g.via, ''), x.reason FROM excluded x JOIN sources s ON s.id = x.source_id
		LEFT JOIN grants g ON g.source_id = x.source_id AND g.id = x.grant_id LEFT JOIN run_entitlements e ON e.run_id = x.run_id AND e.entitlement_key = g.entitlement_key
		WHERE x.run_id = ? ORDER BY x.n`), run.ID)
	mustNot(w.tb, err)
	defer xs.Close()
	for xs.Next() {
		var source, ent, via, reason string
		var account int64
		mustNot(w.tb, xs.Scan(&source, &account, &ent, &via, &reason))
		var e model.Entitlement
		mustNot(w.tb, json.Unmarshal([]byte(ent), &e))
		s, b := subjectOf(account)
		rec := evidence.ExclusionRecord(source, s, b, e, via, reason)
		h, err := rec.Hash()
		mustNot(w.tb, err)
		xroot.Add(h)
	}
	mustNot(w.tb, xs.Err())
	a, b := root.Sum(), xroot.Sum()
	return hex.EncodeToString(a[:]), hex.EncodeToString(b[:])
}

func TestRootsAreOfTheTables(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		run := o.launch("q", func(s *model.CampaignSpec) {
			s.Scope.Where = "entitlement.risk != 'low'"
			s.Stages[0].Reviewers = model.Strings{"entitlement_owner", "manager"}
		})
		o.mustAnswer(run, as(o.cleo, "u4"), 2, model.NotMine, "x")
		items, excluded := w.rebuild(run)
		if items != run.ItemsRoot || excluded != run.ExcludedRoot || run.Excluded != 2 {
			t.Errorf("roots %s and %s, frozen %s and %s", items, excluded, run.ItemsRoot, run.ExcludedRoot)
		}
		leaf := []byte(w.strings("SELECT leaf FROM events WHERE type = 'campaign.launched'")[0])
		_, body, err := verify.ParseLeaf(leaf)
		mustNot(t, err)
		b, ok := body.(*verify.CampaignLaunched)
		if !ok || b.ItemsRoot != items || b.ExcludedRoot != excluded || b.Items != run.Items || b.ItemGrants != 4 || b.GrantsInSources["wiki"] != 6 || b.Unknown != 1 || b.SelfReviewAvoided != 1 || len(b.Sources) != 2 {
			t.Errorf("the event says %+v", body)
		}
	})
}

// TestAnyWorld launches campaigns over worlds that chance made, and holds what they freeze against
// a plain recount.
func TestAnyWorld(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, []store.Dialect{store.SQLite, store.Postgres}[seed%4/3])
			testAnyWorld(t, w, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

func testAnyWorld(t *testing.T, w *world, r *rand.Rand) {
	hr := w.source("hr", model.SourceSpec{Provides: model.ProvidesPeople})
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	ids := []string{""}
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("u%d", i))
	}
	people := []int64{0}
	for _, id := range ids[1:] {
		people = append(people, hr.person(model.Person{PersonID: id, Name: "N" + id + pick("", "\"<é>", "\n"), ManagerID: pick(ids...), OwnerID: pick(ids...),
			Status: pick("", "active", "active", "leave", "terminated"), Kind: pick("", "human", "service", "agent")}))
	}
	last := hr.person(model.Person{PersonID: "last", Name: "Last Resort"})
	hr.ledger()
	for _, name := range []string{"wiki", "crm"} {
		src := w.source(name, model.SourceSpec{Provides: model.ProvidesAccess, Owner: pick(ids...)})
		var ents []int64
		for i := range 5 {
			ents = append(ents, src.entitlement(model.Entitlement{EntitlementID: fmt.Sprint("e", i), Name: pick("", "A", "B"), Risk: pick("", "low", "high"), OwnerID: pick(ids...)}))
		}
		for i := range 15 {
			acc := model.Account{AccountID: fmt.Sprint("a", i), Username: pick("", "x"), OwnerID: pick(ids...), Status: pick("", "enabled", "disabled")}
			var key int64
			if r.IntN(3) == 0 {
				key = src.named(acc.AccountID, people[r.IntN(len(people))])
			} else {
				key = src.account(acc, people[r.IntN(len(people))])
			}
			for _, e := range ents {
				for _, via := range []string{"", "g1", "g1>e0"} {
					if r.IntN(4) == 0 {
						src.grant(key, e, via, model.Time(r.IntN(2)*1000))
					}
				}
			}
		}
		src.ledger()
	}
	var rules model.Strings
	for range 1 + r.IntN(3) {
		rules = append(rules, pick("manager", "source_owner", "entitlement_owner", "account_owner", "u3"))
	}
	w.campaign("any", model.CampaignSpec{
		Scope:  model.ScopeSpec{Sources: model.Strings{"crm", "wiki"}, Where: pick("", "entitlement.risk == 'high'", "account.status == 'enabled' || grant.direct")},
		Stages: []model.StageSpec{{Reviewers: rules, Fallback: "last", Due: "1d"}},
	})
	shown, err := w.svc.Preview(t.Context(), "any", campaigns.PreviewOptions{Rows: -1})
	mustNot(t, err)
	l, err := w.svc.Launch(t.Context(), admin, "any")
	mustNot(t, err)
	run := l.Run

	// Every live grant is in just one item or one exclusion, every pair in at most one item.
	inItems := map[string]int{}
	for _, f := range w.strings("SELECT CAST(source_id AS TEXT) || '|' || facts FROM items WHERE run_id = ?", run.ID) {
		source, text, _ := strings.Cut(f, "|")
		facts, err := campaigns.ParseFacts([]byte(text))
		mustNot(t, err)
		for _, p := range facts.Paths {
			inItems[fmt.Sprintf("%s/%d", source, p.GrantID)]++
		}
		if b, err := verify.Canonical(json.RawMessage(text)); err != nil || string(b) != text {
			t.Fatalf("facts are not canonical: %s, %v", text, err)
		}
	}
	for _, x := range w.strings("SELECT CAST(source_id AS TEXT) || '/' || CAST(grant_id AS TEXT) FROM excluded WHERE run_id = ? AND grant_id IS NOT NULL", run.ID) {
		inItems[x]++
	}
	live := w.strings("SELECT CAST(source_id AS TEXT) || '/' || CAST(id AS TEXT) FROM grants WHERE last_snapshot IS NULL")
	for _, g := range live {
		if inItems[g] != 1 {
			t.Errorf("grant %s is in %d places", g, inItems[g])
		}
	}
	if len(inItems) != len(live) {
		t.Errorf("%d grants in items and exclusions, %d live", len(inItems), len(live))
	}
	// Nobody reviews the own access, and whoever reviews is active and no machine.
	if n := w.id("SELECT COUNT(*) FROM items i JOIN correlations c ON c.account_key = i.account_key WHERE i.run_id = ? AND c.person_key = i.reviewer_key", run.ID); n != 0 {
		t.Errorf("%d items are the reviewer's own access", n)
	}
	for _, data := range w.strings("SELECT DISTINCT v.data FROM items i JOIN person_versions v ON v.person_key = i.reviewer_key WHERE i.run_id = ?", run.ID) {
		var p model.Person
		mustNot(t, json.Unmarshal([]byte(data), &p))
		if p.Status == "leave" || p.Status == "terminated" || p.Kind == "service" || p.Kind == "agent" {
			t.Errorf("%s reviews, who is %s and %s", p.PersonID, p.Status, p.Kind)
		}
	}
	// The preview showed what the launch froze.
	var n int64
	for _, r := range shown.Reviewers {
		got := w.id("SELECT COUNT(*) FROM items i JOIN people p ON p.key = i.reviewer_key WHERE i.run_id = ? AND p.person_id = ?", run.ID, r.ID)
		if got != r.Items {
			t.Errorf("%s has %d items, shown %d", r.ID, got, r.Items)
		}
		n += r.Items
	}
	if n != run.Items || shown.Items != run.Items || shown.Excluded != run.Excluded {
		t.Errorf("shown %d items and %d excluded, frozen %d and %d", shown.Items, shown.Excluded, run.Items, run.Excluded)
	}
	if unknown := w.id(`SELECT COUNT(*) FROM items WHERE run_id = ? AND facts LIKE '%"unknown":true}'`, run.ID); unknown != shown.Unknown {
		t.Errorf("%d unknown, shown %d", unknown, shown.Unknown)
	}
	answerAll(t, w, run, last, r)
}

// answerAll gives random answers, closes, and checks that the totals are those of the items.
func answerAll(t *testing.T, w *world, run model.Run, last int64, r *rand.Rand) {
	t.Helper()
	for range 60 {
		id := 1 + r.Int64N(run.Items)
		it, err := w.store.Item(t.Context(), run.ID, id)
		mustNot(t, err)
		a := []model.Answer{model.Keep, model.Revoke, model.Unsure, model.NoAnswer, model.NotMine}[r.IntN(5)]
		_, err = w.svc.Decide(t.Context(), as(it.ReviewerKey, "p"), campaigns.DecideInput{RunID: run.ID, ItemID: id, Answer: a, Comment: "c", Version: it.Version})
		if err != nil && (a != model.NotMine || !strings.Contains(err.Error(), "Nobody else is left")) {
			t.Fatal(err)
		}
	}
	w.checkCounts(run.ID)
	w.clock.Add(time.Hour)
	done, err := w.svc.Close(t.Context(), admin, run.ID, "")
	mustNot(t, err)
	c := done.Counts
	if c.Items != run.Items || c.Items != c.Kept+c.Revoked+c.Reduced+c.Unsure+c.Unanswered+c.Gone {
		t.Errorf("counts %+v", c)
	}
	// A removal for each path of each revoked item, or for the account.
	if missing := w.id(`SELECT COUNT(*) FROM items i WHERE run_id = ? AND outcome = 'revoke' AND
		(SELECT COUNT(*) FROM remediations r WHERE r.run_id = i.run_id AND r.item_id = i.id) <>
		(CASE WHEN i.grant_id IS NULL THEN 1 ELSE (SELECT COUNT(*) FROM grants g WHERE g.source_id = i.source_id AND g.account_key = i.account_key AND g.entitlement_key = i.entitlement_key) END)`, run.ID); missing != 0 {
		t.Errorf("%d revoked items have not the removals that they need", missing)
	}
	w.checkChains(run)
}
