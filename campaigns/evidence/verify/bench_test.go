package verify

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"testing"
)

// bigFixture is a running review of n items by n/50 reviewers, each item decided once.
func bigFixture(tb testing.TB, n int) *fixture {
	tb.Helper()
	f := &fixture{log: newTestLog(tb, 7)}
	l := f.log
	l.add(TypeLogKey, "", "", LogKey{VKey: l.vkey})
	given := []string{"Amara", "Bilal", "Chiara", "Dmitri", "Eun-ji", "Farah", "Goran", "Hana", "Ines", "Jorge"}
	family := []string{"Okafor", "Lindqvist", "Moreau", "Petrov", "Nakamura", "Haddad", "Silva", "Novák", "O'Brien", "Ivers"}
	rights := []string{"Approve supplier payments up to EUR 50,000", "Read customer addresses", "Administer the production cluster", "Merge to the main branch"}
	words := []string{"finance/approvers", "crm/readers", "atlas/admins", "depot/maintainers"}
	reviewer := make([]*Item, n/50+1)
	for i := range reviewer {
		name := given[i*7%10] + " " + family[i*3%10]
		r := Reviewer{PersonID: fmt.Sprintf("u%05d", i), Name: name, Email: fmt.Sprintf("user%d@example.com", i)}
		reviewer[i] = &Item{Reviewer: r, ReviewerBound: l.bind(l.salt(), "reviewer", r)}
	}
	var items, none Root
	for i := range n {
		id := fmt.Sprintf("01KJ%022d", i*7919)
		account := fmt.Sprintf("acc-%06d", i/3)
		s := Subject{
			AccountID: account, Username: "user" + account[4:], DisplayName: given[i%10] + " " + family[i/10%10], PersonID: fmt.Sprintf("p%06d", i/3),
			Name: given[i%10] + " " + family[i/10%10], Email: "user" + account[4:] + "@example.com", Title: "Controller", Department: "Finance", ManagerID: fmt.Sprintf("u%05d", i/50),
		}
		it := &Item{
			Item: id, Source: "wiki", Subject: s, SubjectBound: l.bind(l.salt(), "subject", s), Entitlement: words[i%4], EntitlementName: words[i%4], Description: rights[i%4],
			Risk: "high", Privileged: "no", Kind: "group", Direct: true, Paths: []string{""}, GrantedAt: Instant(l.at) - Time(i)*3_700_000_000,
			Status: "enabled", Basis: "manager", TextHash: sum(id), Reviewer: reviewer[i/50].Reviewer, ReviewerBound: reviewer[i/50].ReviewerBound,
		}
		h, err := it.Hash()
		if err != nil {
			tb.Fatal(err)
		}
		items.Add(h)
		f.items = append(f.items, it)
	}
	snap := f.sealed(2, "wiki", "access", map[string]KindCount{"grants": {Read: int64(n), Accepted: int64(n), New: int64(n)}}, nil)
	l.add(TypeSnapshotSealed, "", "", snap)
	root, empty := items.Sum(), none.Sum()
	l.add(TypeCampaignLaunched, testRun, "", CampaignLaunched{
		Campaign: "quarterly", Spec: json.RawMessage("{}"), SpecSHA256: sum("{}"),
		Sources:         []SourceSnapshot{{Source: "wiki", Provides: "access", Snapshot: 2, AsOf: snap.AsOf, Digest: snap.Digest}},
		GrantsInSources: map[string]int64{"wiki": int64(n)}, Items: int64(n), ItemGrants: int64(n), ItemsRoot: hex.EncodeToString(root[:]),
		ExcludedRoot: hex.EncodeToString(empty[:]), Reviewers: int64((n + 49) / 50),
	})
	for i, it := range f.items {
		answer := "keep"
		if i%20 == 3 {
			answer = "revoke"
		}
		f.decide(it.Item, 1, answer, it.Reviewer.PersonID, "")
		if answer == "revoke" {
			l.add(TypeRevocationQueued, testRun, "", RevocationQueued{Remediation: "r" + it.Item, Item: it.Item, Source: "wiki", Mode: "connector", Grant: int64(i), PathKind: "direct", Entitlement: it.Entitlement}, "account", it.Subject.AccountID, "username", it.Subject.Username)
		}
	}
	return f
}

func BenchmarkWrite(b *testing.B) {
	f := bigFixture(b, 20_000)
	for b.Loop() {
		if _, err := f.pack(f.size()).Write(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	f := bigFixture(b, 20_000)
	pkg := write(b, f.pack(f.size()))
	b.Logf("%d bytes", len(pkg))
	for b.Loop() {
		r, err := Reader(b.Context(), bytes.NewReader(pkg), int64(len(pkg)), Options{}, nil, 0)
		if err != nil || !r.OK() {
			b.Fatal(r.Result, err)
		}
	}
}
