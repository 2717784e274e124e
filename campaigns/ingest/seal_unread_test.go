package ingest_test

import (
	"strings"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
)

// TestUnreadGrant ingests grants of which one row cannot be read any more: where it may be a known
// grant that is missing now, the snapshot is held; where it is certainly another, it is sealed.
func TestUnreadGrant(t *testing.T) {
	first := []string{"a,x,,,,", "b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,"}
	tests := map[string]struct {
		second []string
		want   model.SnapshotState
	}{
		"a known grant's date":              {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "a,x,garbage,,,"}, model.SnapshotHeld},
		"invalid UTF-8 in its account":      {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "a\xff,x,,,,"}, model.SnapshotHeld},
		"NUL in its account":                {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "a\x00,x,,,,"}, model.SnapshotHeld},
		"its account is empty":              {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", ",x,,,,"}, model.SnapshotHeld},
		"another entitlement, no account":   {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", ",z,,,,"}, model.SnapshotSealed},
		"another account, no entitlement":   {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "zed,,,,,"}, model.SnapshotSealed},
		"too many fields":                   {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "zed,x,,,,,,,,"}, model.SnapshotHeld},
		"another grant's date":              {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "zed,x,garbage,,,"}, model.SnapshotSealed},
		"nothing is missing":                {append([]string{",x,,,,"}, first...), model.SnapshotSealed},
		"a duplicate is no row by itself":   {[]string{"b,x,,,,", "b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,"}, model.SnapshotSealed},
		"its entitlement is empty":          {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "a,,,,,"}, model.SnapshotHeld},
		"the missing one's account, no row": {[]string{"b,x,,,,", "c,x,,,,", "d,y,,,,", "e,y,,,,", "f,y,,,,", "g,y,,,,", "a,z,garbage,,,"}, model.SnapshotSealed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.apply("wiki", access())
				w.run(w.request("wiki", 1, grantsCSV(first...)))
				if res := w.run(w.request("wiki", 2, grantsCSV(tt.second...))); res.State != tt.want {
					w.Errorf("%s, want %s: %s", res.State, tt.want, mustJSON(w, res))
				}
			})
		})
	}
}

// TestUnreadComposed: a composed id stands nowhere in the text of its row.
func TestUnreadComposed(t *testing.T) {
	each(t, func(w *world) {
		spec := access()
		spec.Columns = map[string]model.Strings{"account_id": {"org", "login"}}
		w.apply("wiki", spec)
		file := func(rows ...string) ingest.File {
			return text(model.KindGrants, "grants.csv", "org,login,entitlement_id,granted_at\n"+strings.Join(rows, "\n")+"\n")
		}
		w.run(w.request("wiki", 1, file("acme,al,x,", "acme,bo,x,", "acme,cy,x,", "acme,di,x,", "acme,ed,x,", "acme,fy,x,")))
		if res := w.run(w.request("wiki", 2, file("acme,al,x,garbage", "acme,bo,x,", "acme,cy,x,", "acme,di,x,", "acme,ed,x,", "acme,fy,x,"))); res.State != model.SnapshotHeld {
			w.Errorf("a known grant could not be read: %s", mustJSON(w, res))
		}
		// The same as JSON, whose escapes may hide any id.
		rows := `{"org":"acme","login":"bo","entitlement_id":"x"}
{"org":"acme","login":"cy","entitlement_id":"x"}
{"org":"acme","login":"di","entitlement_id":"x"}
{"org":"acme","login":"ed","entitlement_id":"x"}
{"org":"acme","login":"fy","entitlement_id":"x"}
{"org":"acme","login":"\u0061l","entitlement_id":"x","granted_at":"garbage"}
`
		if res := w.run(w.request("wiki", 3, text(model.KindGrants, "grants.jsonl", rows))); res.State != model.SnapshotHeld {
			w.Errorf("a known grant could not be read as JSON: %s", mustJSON(w, res))
		}
	})
}

// TestUnreadAccount: an account's row that cannot be read hides whose the account is; where a grant
// names it the snapshot waits, the first one too.
func TestUnreadAccount(t *testing.T) {
	accounts := func(rows ...string) ingest.File {
		return text(model.KindAccounts, "accounts.csv", "account_id,person_id,last_login_at\n"+strings.Join(rows, "\n")+"\n")
	}
	tests := map[string]struct {
		accounts ingest.File
		grants   ingest.File
		want     model.SnapshotState
	}{
		"it holds something":         {accounts("adm1,m,1.1.1970", "b,m,"), grantsCSV("adm1,ROOT,,,,", "b,x,,,,"), model.SnapshotHeld},
		"nobody knows which it is":   {accounts(",m,", "b,m,"), grantsCSV("adm1,ROOT,,,,", "b,x,,,,"), model.SnapshotHeld},
		"it holds nothing":           {accounts("adm1,m,1.1.1970", "b,m,"), grantsCSV("b,x,,,,"), model.SnapshotSealed},
		"another one has no row":     {accounts("adm1,m,1.1.1970", "b,m,"), grantsCSV("b,x,,,,", "c,x,,,,"), model.SnapshotSealed},
		"every account has its row":  {accounts(",m,", "b,m,", "adm1,m,"), grantsCSV("adm1,ROOT,,,,", "b,x,,,,"), model.SnapshotSealed},
		"without a row, none is bad": {accounts("b,m,"), grantsCSV("adm1,ROOT,,,,", "b,x,,,,"), model.SnapshotSealed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				w.apply("wiki", access())
				if res := w.run(w.request("wiki", 1, tt.accounts, tt.grants)); res.State != tt.want {
					w.Errorf("%s, want %s: %s", res.State, tt.want, mustJSON(w, res))
				}
			})
		})
	}
	t.Run("grants of before", func(t *testing.T) {
		each(t, func(w *world) {
			w.apply("wiki", access())
			w.run(w.request("wiki", 1, grantsCSV("adm1,ROOT,,,,", "b,x,,,,")))
			if res := w.run(w.request("wiki", 2, accounts("adm1,m,1.1.1970", "b,m,"))); res.State != model.SnapshotHeld {
				w.Errorf("%s", mustJSON(w, res))
			}
		})
	})
}
