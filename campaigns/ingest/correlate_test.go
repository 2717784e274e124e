package ingest_test

import (
	"fmt"
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

func peopleCSV(lines ...string) ingest.File {
	return text(model.KindPeople, "people.csv", "person_id,name,email,manager_id,badge\n"+strings.Join(lines, "\n")+"\n")
}

func hr() model.SourceSpec { return model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"} }

// matches gives "account=person rule reason" for every correlated account of a source.
func (w *world) matches(src store.Source) map[string]string {
	w.Helper()
	accounts := map[int64]string{}
	for a, err := range w.s.AccountsAsOf(w.Context(), src.ID, store.Live) {
		if err != nil {
			w.Fatal(err)
		}
		accounts[a.Key] = a.AccountID
	}
	var all []store.Correlation
	for c, err := range w.s.Correlations(w.Context(), src.ID) {
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, c)
	}
	if len(all) != len(accounts) {
		w.Errorf("%d correlations of %d accounts", len(all), len(accounts))
	}
	out := map[string]string{}
	for _, c := range all {
		person := ""
		if c.PersonKey != nil {
			p, err := w.s.PersonByKey(w.Context(), *c.PersonKey)
			if err != nil {
				w.Fatal(err)
			}
			person = p.PersonID + " by " + c.Rule
		}
		out[accounts[c.AccountKey]] = person + c.Reason
	}
	return out
}

func TestCorrelate(t *testing.T) {
	each(t, func(w *world) {
		w.apply("hr", hr())
		spec := access()
		spec.Correlate = model.Strings{"person_id", "email", "card=badge"}
		wiki, vpn := w.apply("wiki", spec), w.apply("vpn", access())
		w.run(w.request("hr", 1, peopleCSV("U1,Ann,ann@example.com,,7", "u2,Bob,shared@example.com,,8", "u3,Cat,Shared@Example.com,,9", "u4,Straße,STRASSE@example.com,,9")))
		accounts := text(model.KindAccounts, "accounts.csv", "account_id,person_id,email,card\n"+strings.Join([]string{
			"by-id,u1,nobody@example.com,8", "by-email,,ANN@EXAMPLE.COM,", "folded,,straße@example.com,", "two,,shared@example.com,7",
			"unknown-id,u9,ann@example.com,", "by-card,,nobody@example.com,8", "two-cards,,,9", "none,,nobody@example.com,77", "nothing,,,",
		}, "\n")+"\n")
		res := w.run(w.request("wiki", 1, accounts, grantsCSV("implied,x,,,,")))
		want := map[string]string{
			"by-id": "U1 by person_id", "by-email": "U1 by email", "folded": "u4 by email", "by-card": "u2 by card=badge",
			"two": "several people have this email", "unknown-id": "nobody has this person_id", "two-cards": "several people have this badge",
			"none": "nobody has this badge", "nothing": "nothing to match by", "implied": "nothing to match by",
		}
		if got := w.matches(wiki); fmt.Sprint(got) != fmt.Sprint(want) {
			w.Errorf("matches:\n got %v\nwant %v", got, want)
		}
		if res.Unmatched["nothing to match by"] != 2 || res.Unmatched["nobody has this person_id"] != 1 || len(res.Unmatched) != 5 {
			w.Errorf("unmatched: %v", res.Unmatched)
		}
		if live, err := w.s.Unmatched(w.Context(), wiki.ID); err != nil || fmt.Sprint(live) != fmt.Sprint(res.Unmatched) {
			w.Errorf("unmatched now: %v (%v)", live, err)
		}
		w.run(w.request("vpn", 1, text(model.KindAccounts, "a.csv", "account_id,person_id\nv1,u2\nv2,u3\nv3,u4\n")))

		// Somebody leaves the people source, another address comes: all sources are matched anew.
		hrSpec := hr()
		hrSpec.ShrinkLimit = "50%"
		w.apply("hr", hrSpec)
		w.run(w.request("hr", 2, peopleCSV("U1,Ann,ann@example.com,,7", "u2,Bob,shared@example.com,,8", "u4,Straße,nobody@example.com,,9", "u9,New,,,")))
		want["two"], want["unknown-id"], want["two-cards"] = "u2 by email", "u9 by person_id", "u4 by card=badge"
		want["folded"], want["by-card"], want["none"] = "nobody has this email", "u4 by email", "u4 by email"
		if got := w.matches(wiki); fmt.Sprint(got) != fmt.Sprint(want) {
			w.Errorf("matches after the people changed:\n got %v\nwant %v", got, want)
		}
		if got := w.matches(vpn); got["v2"] != "nobody has this person_id" || got["v1"] != "u2 by person_id" {
			w.Errorf("the other source: %v", got)
		}
		w.run(w.request("wiki", 3, text(model.KindAccounts, "a.csv", strings.Replace("account_id,person_id\nby-id,u1\nby-email,u1\nfolded,u1\ntwo,u1\nby-card,u1\nnone,u1\nnothing,u1\ntwo-cards,u1\n", "u1\nby-email", "u2\nby-email", 1))))
		if got := w.matches(wiki); got["by-id"] != "u2 by person_id" || got["unknown-id"] != "" {
			w.Errorf("after an account changed and one went: %v", got)
		}
	})
}

func TestPeopleProblems(t *testing.T) {
	each(t, func(w *world) {
		w.apply("hr", hr())
		res := w.run(w.request("hr", 1, peopleCSV(
			"a,A,,b,", "b,B,,C,", "c,C,same@x,a,", "d,D,SAME@x,d,", "e,E,,nobody,", "f,F,,g,", "g,G,,f,", "h,H,,a,", "i,I,,,", "x,,,,")))
		if res.State != model.SnapshotSealed || res.Counts != (ingest.Counts{Read: 10, Accepted: 9, Rejected: 1, New: 9}) {
			w.Fatalf("%s", mustJSON(w, res))
		}
		want := map[string]ingest.Problem{
			"manager_cycles":   {Count: 2, Examples: []string{"a > b > c", "f > g"}},
			"self_managers":    {Count: 1, Examples: []string{"d"}},
			"unknown_managers": {Count: 1, Examples: []string{"e: nobody"}},
			"shared_emails":    {Count: 1, Examples: []string{"same@x: c, d"}},
		}
		if mustJSON(w, res.Problems) != mustJSON(w, want) {
			w.Errorf("problems: %s", mustJSON(w, res.Problems))
		}
	})
}

func TestAccessProblems(t *testing.T) {
	each(t, func(w *world) {
		w.apply("hr", hr())
		w.apply("wiki", access())
		w.run(w.request("hr", 1, peopleCSV("u1,Ann,,,")))
		res := w.run(w.request("wiki", 1,
			text(model.KindAccounts, "a.csv", "account_id,owner_id\na1,U1\na2,u2\n"),
			text(model.KindEntitlements, "e.csv", "entitlement_id,owner_id,lower_id\nx,u1,y\ny,u3,z\n"),
			grantsCSV("a1,x,,,,", "a9,w,,,,")))
		want := map[string]ingest.Problem{
			"unknown_owners":    {Count: 2, Examples: []string{"account a2: u2", "entitlement y: u3"}},
			"unknown_lower_ids": {Count: 1, Examples: []string{"y: z"}},
		}
		if res.State != model.SnapshotSealed || mustJSON(w, res.Problems) != mustJSON(w, want) {
			w.Errorf("problems: %s", mustJSON(w, res))
		}
		if res.Kinds[model.KindAccounts].Implied != 1 || res.Kinds[model.KindEntitlements].Implied != 1 {
			w.Errorf("implied: %s", mustJSON(w, res.Kinds))
		}
	})
}
