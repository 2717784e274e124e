package campaigns_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

const (
	kubernetesLast = "../../shared/data/kubernetes-org/grants-2026-07-01.csv"
	none           = "nobody"
)

// k8sGrant is one row of the file.
type k8sGrant struct{ user, org, kind, name, level string }

func (g k8sGrant) entitlement() string {
	return g.org + "/" + g.kind + "/" + g.name + "/" + g.level
}

func readKubernetes(t *testing.T) []k8sGrant {
	t.Helper()
	f, err := os.Open(kubernetesLast)
	mustNot(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	mustNot(t, err)
	var out []k8sGrant
	for _, r := range rows[1:] {
		out = append(out, k8sGrant{r[0], r[1], r[2], r[3], r[4]})
	}
	return out
}

// k8sScript derives, from the file alone, what a company would hand in: the owner of each
// entitlement, who is a maintainer of its team, else an admin of its organisation, and the named
// reviewers, who are admins of every organisation; and from the same rule who must review each
// grant.
type k8sScript struct {
	grants []k8sGrant
	owner  map[string]string // entitlement -> user
	named  []string
}

func newK8sScript(grants []k8sGrant) *k8sScript {
	s := &k8sScript{grants: grants, owner: map[string]string{}}
	maintainers, admins := map[string][]string{}, map[string][]string{}
	for _, g := range grants {
		switch {
		case g.kind == "team" && g.level == "maintainer":
			maintainers[g.org+"/"+g.name] = append(maintainers[g.org+"/"+g.name], g.user)
		case g.kind == "org" && g.level == "admin":
			admins[g.org] = append(admins[g.org], g.user)
		}
	}
	count := map[string]int{}
	for _, list := range admins {
		slices.Sort(list)
		for _, u := range list {
			count[u]++
		}
	}
	for _, u := range slices.Sorted(maps.Keys(count)) {
		if count[u] == len(admins) {
			s.named = append(s.named, u)
		}
	}
	for _, g := range grants {
		list := slices.Sorted(slices.Values(maintainers[g.org+"/"+g.name]))
		if g.kind == "org" || len(list) == 0 {
			list = admins[g.org]
		}
		s.owner[g.entitlement()] = list[0]
	}
	return s
}

// reviewer is who must be asked: the owner, else the first named one, never oneself.
func (s *k8sScript) reviewer(g k8sGrant) string {
	for _, u := range append([]string{s.owner[g.entitlement()]}, s.named...) {
		if u != g.user {
			return u
		}
	}
	return none
}

func (s *k8sScript) files() (people, accounts, entitlements string) {
	users := map[string]bool{}
	for _, g := range s.grants {
		users[g.user] = true
	}
	var p, a, e strings.Builder
	p.WriteString("person_id,name\n")
	a.WriteString("account_id,person_id\n")
	e.WriteString("entitlement_id,name,owner_id\n")
	for _, u := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&p, "%s,User %s\n", u, u)
		fmt.Fprintf(&a, "%s,%s\n", u, u)
	}
	for _, ent := range slices.Sorted(maps.Keys(s.owner)) {
		fmt.Fprintf(&e, "%s,%s,%s\n", ent, ent, s.owner[ent])
	}
	return p.String(), a.String(), e.String()
}

func text(kind model.Kind, body string) ingest.File {
	return ingest.File{Kind: kind, Name: string(kind) + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }}
}

// TestKubernetes reviews the last Kubernetes snapshot: the reviewer is a maintainer of the team,
// else an admin of the organisation, never oneself; every grant is exactly one item, and the
// counts of each reviewer are the script's.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		script := newK8sScript(readKubernetes(t))
		people, accounts, entitlements := script.files()
		for name, s := range map[string]model.SourceSpec{
			"hr":         {Provides: model.ProvidesPeople, Type: "csv"},
			"kubernetes": {Provides: model.ProvidesAccess, Type: "csv"},
		} {
			w.exec("INSERT INTO configs (kind, name, spec, sha256, version, updated_at) VALUES ('Source', ?, ?, '', 1, 1)", name, w.json(s))
			mustNot(t, w.store.InTx(t.Context(), func(tx *store.Tx) error {
				_, err := tx.PutSource(t.Context(), name, s.Provides, s.Type)
				return err
			}))
		}
		ing := &ingest.Service{Store: w.store, AfterSeal: []func(context.Context, *store.Tx, model.Snapshot) error{w.svc.AfterSeal}}
		load := func(source string, files ...ingest.File) {
			t.Helper()
			res, err := ing.Run(t.Context(), ingest.Request{Source: source, AsOf: w.clock.T, Files: files, Origin: ingest.OriginCLI, Actor: "test"})
			if err != nil || res.State != model.SnapshotSealed || res.Rejected != 0 {
				t.Fatalf("%s: %v, %+v", source, err, res)
			}
		}
		var grants strings.Builder
		grants.WriteString("account_id,entitlement_id\n")
		for _, g := range script.grants {
			fmt.Fprintf(&grants, "%s,%s\n", g.user, g.entitlement())
		}
		load("hr", text(model.KindPeople, people))
		load("kubernetes", text(model.KindAccounts, accounts), text(model.KindEntitlements, entitlements), text(model.KindGrants, grants.String()))
		w.campaign("teams", model.CampaignSpec{
			Scope:  model.ScopeSpec{Sources: model.Strings{"kubernetes"}},
			Stages: []model.StageSpec{{Reviewers: append(model.Strings{"entitlement_owner"}, script.named...), Due: "14d"}},
		})
		l, err := w.svc.Launch(t.Context(), admin, "teams")
		mustNot(t, err)

		want := map[string]int64{}
		pairs := map[string]string{}
		for _, g := range script.grants {
			r := script.reviewer(g)
			if r == none {
				t.Fatalf("the script finds nobody for %+v", g)
			}
			want[r]++
			pairs[g.user+" "+g.entitlement()] = r
		}
		if int64(len(script.grants)) != l.Run.Items || l.Run.Items != 6191 || l.Run.Excluded != 0 || l.Preview.WithoutReviewer != 0 {
			t.Errorf("%d grants, %d items, %d excluded, %d without a reviewer", len(script.grants), l.Run.Items, l.Run.Excluded, l.Preview.WithoutReviewer)
		}
		got := map[string]int64{}
		for _, row := range w.strings(`SELECT a.account_id || ' ' || e.entitlement_id || ' ' || p.person_id FROM items i JOIN accounts a ON a.key = i.account_key
			JOIN entitlements e ON e.key = i.entitlement_key JOIN people p ON p.key = i.reviewer_key WHERE i.run_id = ?`, l.Run.ID) {
			at := strings.LastIndexByte(row, ' ')
			pair, reviewer := row[:at], row[at+1:]
			got[reviewer]++
			if pairs[pair] != reviewer {
				t.Errorf("%s goes to %s, the script says %q", pair, reviewer, pairs[pair])
			}
			delete(pairs, pair)
		}
		if len(pairs) != 0 {
			t.Errorf("%d grants are no item", len(pairs))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("items a reviewer (-script +ours):\n%s", d)
		}
		t.Logf("%d reviewers, %d own reviews avoided", len(got), l.Preview.Avoided)
	})
}
