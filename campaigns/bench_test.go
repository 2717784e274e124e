package campaigns_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/model/store"
)

var benchRows = flag.Int("launch.rows", 100_000, "how many grants the launch benchmark has")

// insertMany inserts n rows by multi-row statements in one transaction.
func (w *world) insertMany(table string, cols, n int, row func(i int) []any) {
	w.tb.Helper()
	tx, err := w.db.Begin()
	mustNot(w.tb, err)
	const chunk = 500
	for i := 0; i < n; i += chunk {
		var args []any
		k := min(chunk, n-i)
		for j := range k {
			args = append(args, row(i+j)...)
		}
		one := "(" + strings.TrimSuffix(strings.Repeat("?,", cols), ",") + ")"
		_, err := tx.Exec(w.query("INSERT INTO "+table+" VALUES "+strings.TrimSuffix(strings.Repeat(one+",", k), ",")), args...)
		mustNot(w.tb, err)
	}
	mustNot(w.tb, tx.Commit())
}

// bigWorld has n grants: ten of each account, two accounts of each person, ten people of each manager.
func bigWorld(w *world, n int) {
	hr := w.source("hr", model.SourceSpec{Provides: model.ProvidesPeople})
	wiki := w.source("wiki", model.SourceSpec{Provides: model.ProvidesAccess, Owner: "p1"})
	accounts, ents := n/10, 2000
	people := accounts / 2
	w.insertMany("people (key, source_id, person_id)", 3, people, func(i int) []any { return []any{i + 1, hr.id, fmt.Sprint("p", i)} })
	w.insertMany("person_versions (person_key, first_snapshot, source_id, hash, data, id_fold, name_fold, email_fold, manager_id, status)", 10, people, func(i int) []any {
		p := model.Person{PersonID: fmt.Sprint("p", i), Name: fmt.Sprintf("Person Number %d", i), Email: fmt.Sprintf("p%d@example.com", i), ManagerID: fmt.Sprint("p", i/10), Status: "active", Department: "Sales", Title: "Clerk"}
		return []any{i + 1, hr.snapshot, hr.id, []byte("h"), w.json(p), p.PersonID, strings.ToLower(p.Name), p.Email, p.ManagerID, p.Status}
	})
	w.insertMany("accounts (key, source_id, account_id)", 3, accounts, func(i int) []any { return []any{i + 1, wiki.id, fmt.Sprint("acc-", i)} })
	w.insertMany("account_versions (account_key, first_snapshot, source_id, hash, data)", 5, accounts, func(i int) []any {
		return []any{i + 1, wiki.snapshot, wiki.id, []byte("h"), w.json(model.Account{AccountID: fmt.Sprint("acc-", i), Username: fmt.Sprint("user", i), Status: "enabled", Kind: "human"})}
	})
	w.insertMany("correlations (account_key, source_id, person_key, rule, reason)", 5, accounts, func(i int) []any { return []any{i + 1, wiki.id, i/2 + 1, "email", ""} })
	w.insertMany("entitlements (key, source_id, entitlement_id)", 3, ents, func(i int) []any { return []any{i + 1, wiki.id, fmt.Sprint("ent-", i)} })
	w.insertMany("entitlement_versions (entitlement_key, first_snapshot, source_id, hash, data)", 5, ents, func(i int) []any {
		return []any{i + 1, wiki.snapshot, wiki.id, []byte("h"), w.json(model.Entitlement{EntitlementID: fmt.Sprint("ent-", i), Name: fmt.Sprint("Entitlement ", i), Description: "May do a thing or two in this place", Risk: "low", Kind: "group"})}
	})
	w.insertMany("grants (source_id, id, account_key, entitlement_key, via, granted_at, hash, data, first_snapshot)", 9, n, func(i int) []any {
		return []any{wiki.id, i + 1, i/10 + 1, (i/10*7+i%10*199)%ents + 1, "", int64(granted) + int64(i), []byte("12345678901234567890123456789012"), `{"granted_by":"someone","reason":"needed for the job"}`, wiki.snapshot}
	})
	w.insertMany("grant_usage (source_id, grant_id, last_used_at)", 3, n/2, func(i int) []any { return []any{wiki.id, 2*i + 1, int64(granted) + 5} })
	if w.dialect == store.Postgres {
		w.exec("ANALYZE")
	}
	hr.ledger()
	wiki.ledger()
}

// bareSelect runs the join that a launch needs inside the database, which touches every column of
// it and hands nothing over: the floor without the driver's cost.
func (w *world) bareSelect() int {
	w.tb.Helper()
	var n, bytes, managers, used int
	mustNot(w.tb, w.db.QueryRow(`SELECT COUNT(*), SUM(LENGTH(g.data) + LENGTH(g.via) + LENGTH(a.data) + LENGTH(e.data) + LENGTH(p.data)), COUNT(m.person_key), COUNT(u.last_used_at)
		FROM grants g
		LEFT JOIN grant_usage u ON u.source_id = g.source_id AND u.grant_id = g.id
		LEFT JOIN account_versions a ON a.account_key = g.account_key AND a.last_snapshot IS NULL
		LEFT JOIN entitlement_versions e ON e.entitlement_key = g.entitlement_key AND e.last_snapshot IS NULL
		LEFT JOIN correlations c ON c.account_key = g.account_key
		LEFT JOIN person_versions p ON p.person_key = c.person_key AND p.last_snapshot IS NULL
		LEFT JOIN person_versions m ON m.id_fold = p.manager_id AND m.last_snapshot IS NULL
		WHERE g.last_snapshot IS NULL`).Scan(&n, &bytes, &managers, &used))
	if bytes == 0 || managers != n || used == 0 {
		w.tb.Fatalf("the join reads %d bytes, %d managers and %d uses", bytes, managers, used)
	}
	return n
}

// BenchmarkLaunch launches a campaign over -launch.rows grants and gives its time as a multiple of
// the bare join that reads the same.
func BenchmarkLaunch(b *testing.B) {
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(string(d), func(b *testing.B) {
			w := newWorld(b, d)
			bigWorld(w, *benchRows)
			var bare, launch time.Duration
			rounds := 0
			for b.Loop() {
				rounds++
				name := fmt.Sprint("big", rounds)
				w.campaign(name, model.CampaignSpec{
					Scope:  model.ScopeSpec{Sources: model.Strings{"wiki"}},
					Stages: []model.StageSpec{{Reviewers: model.Strings{"manager", "source_owner"}, Fallback: "p2", Due: "14d"}},
				})
				start := time.Now()
				if n := w.bareSelect(); n != *benchRows {
					b.Fatalf("the join gives %d rows", n)
				}
				bare += time.Since(start)
				start = time.Now()
				l, err := w.svc.Launch(w.ctx(), admin, name)
				mustNot(b, err)
				launch += time.Since(start)
				if l.Run.Items != int64(*benchRows) {
					b.Fatalf("%d items", l.Run.Items)
				}
			}
			b.ReportMetric(bare.Seconds()/float64(rounds), "bare-s")
			b.ReportMetric(launch.Seconds()/float64(rounds), "launch-s")
			b.ReportMetric(launch.Seconds()/bare.Seconds(), "x-bare")
		})
	}
}

// BenchmarkRun does with a campaign of -launch.rows items what who runs it does, as multiples of the bare join: look at
// the preview, launch, look at its page with half of it answered, and close it.
func BenchmarkRun(b *testing.B) {
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(string(d), func(b *testing.B) {
			w := newWorld(b, d)
			bigWorld(w, *benchRows)
			took := map[string]time.Duration{}
			rounds := 0
			step := func(name string, do func() error) {
				b.Helper()
				start := time.Now()
				mustNot(b, do())
				took[name] += time.Since(start)
			}
			for b.Loop() {
				rounds++
				name := fmt.Sprint("big", rounds)
				w.campaign(name, model.CampaignSpec{
					Scope:  model.ScopeSpec{Sources: model.Strings{"wiki"}},
					Stages: []model.StageSpec{{Reviewers: model.Strings{"manager", "source_owner"}, Fallback: "p2", Due: "14d"}},
				})
				var run model.Run
				step("bare", func() error { w.bareSelect(); return nil })
				step("preview", func() error {
					v, err := w.svc.Preview(w.ctx(), name, campaigns.PreviewOptions{Rows: 20})
					if err == nil && v.Items != int64(*benchRows) {
						b.Fatalf("%d items", v.Items)
					}
					return err
				})
				step("launch", func() error {
					l, err := w.svc.Launch(w.ctx(), admin, name)
					if err == nil {
						run = l.Run
					}
					return err
				})
				w.half(run)
				step("page", func() error {
					if _, err := w.svc.RunPage(w.ctx(), admin, run.ID); err != nil {
						return err
					}
					_, err := w.svc.Pace(w.ctx(), admin, run)
					return err
				})
				step("close", func() error {
					_, err := w.svc.Close(w.ctx(), admin, run.ID, "measured")
					return err
				})
			}
			for name, t := range took {
				b.ReportMetric(t.Seconds()/float64(rounds), name+"-s")
				if name != "bare" {
					b.ReportMetric(t.Seconds()/took["bare"].Seconds(), name+"-x-bare")
				}
			}
		})
	}
}

// half answers every second item, as its reviewer would have, an hour after the other.
func (w *world) half(run model.Run) {
	w.tb.Helper()
	const hour = 3_600_000_000
	w.exec("UPDATE items SET answer = 'keep', version = 1, decided_at = ? + id % 200 * ? WHERE run_id = ? AND id % 2 = 0", int64(run.LaunchedAt), int64(hour), run.ID)
	w.exec("INSERT INTO run_pace (run_id, hour, person_key, n) SELECT run_id, decided_at / ?, reviewer_key, COUNT(*) FROM items WHERE run_id = ? AND answer <> '' GROUP BY 1, 2, 3", int64(hour), run.ID)
	w.exec("UPDATE run_reviewers SET kept = (SELECT COUNT(*) FROM items i WHERE i.run_id = run_reviewers.run_id AND i.reviewer_key = run_reviewers.person_key AND i.answer <> '') WHERE run_id = ?", run.ID)
}

// BenchmarkDecideMany answers 500 items of one reviewer at once.
func BenchmarkDecideMany(b *testing.B) {
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		b.Run(string(d), func(b *testing.B) {
			w := newWorld(b, d)
			bigWorld(w, 20_000)
			w.campaign("big", model.CampaignSpec{
				Scope:  model.ScopeSpec{Sources: model.Strings{"wiki"}},
				Stages: []model.StageSpec{{Reviewers: model.Strings{"p1", "p2"}, Due: "14d"}},
			})
			l, err := w.svc.Launch(w.ctx(), admin, "big")
			mustNot(b, err)
			round := int64(0)
			for b.Loop() {
				ins := make([]campaigns.DecideInput, 500)
				for i := range ins {
					ins[i] = campaigns.DecideInput{RunID: l.Run.ID, ItemID: int64(i + 100), Answer: model.Keep, Version: round}
				}
				round++
				_, err := w.svc.DecideMany(w.ctx(), as(2, "p1"), l.Run.ID, ins)
				mustNot(b, err)
			}
		})
	}
}
