package ingest_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"recert/campaigns/ingest"
	"recert/model"
)

func itoa(i int) string { return strconv.Itoa(i) }

// TestFieldValues checks how one value of one column is understood: as JSON of the field, or as
// the reason of a reject.
func TestFieldValues(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const noTime = " is not an RFC 3339 time or a date such as 2026-03-31"
	const noYear = " is not in the years 1900 to 9999"
	const blank = " begins or ends with white space: nothing is repaired silently"
	for _, c := range []struct {
		kind                model.Kind
		column, value, want string
	}{
		{model.KindPeople, "name", "", "! name is required and is empty"},
		{model.KindPeople, "name", "  ", "! name is required and is blank"},
		{model.KindPeople, "manager_id", "", `""`},
		{model.KindPeople, "manager_id", "m 1", `"m 1"`},
		{model.KindPeople, "manager_id", " m1", `! the id " m1"` + blank},
		{model.KindPeople, "manager_id", "m1\u00a0", `! the id "m1\u00a0"` + blank},
		{model.KindPeople, "manager_id", "\ufeffm1", `! the id "\ufeffm1"` + blank},
		{model.KindPeople, "manager_id", "m\t1", `! the id "m\t1" has a control character`},
		{model.KindPeople, "manager_id", "m\x7f1", `! the id "m\x7f1" has a control character`},
		{model.KindPeople, "manager_id", "é", `"é"`},
		{model.KindPeople, "title", "a\tb", `"a\tb"`},
		{model.KindPeople, "status", "Terminated", `"terminated"`},
		{model.KindPeople, "status", "retired", `! "retired" is not one of active, leave, terminated`},
		{model.KindPeople, "status", "active ", `! "active " is not one of active, leave, terminated`},
		{model.KindPeople, "kind", "shared", `! "shared" is not one of human, service, agent`},
		{model.KindAccounts, "kind", "SHARED", `"shared"`},
		{model.KindAccounts, "status", "enabled", `"enabled"`},
		{model.KindAccounts, "status", strings.Repeat("x", 70), `! "` + strings.Repeat("x", 60) + `…" is not one of enabled, disabled`},
		{model.KindEntitlements, "risk", "critical", `"critical"`},
		{model.KindEntitlements, "kind", "licence", `"licence"`},
		{model.KindAccounts, "privileged", "", "null"},
		{model.KindAccounts, "privileged", "TRUE", "true"},
		{model.KindAccounts, "privileged", "Yes", "true"},
		{model.KindAccounts, "privileged", "1", "true"},
		{model.KindAccounts, "privileged", "no", "false"},
		{model.KindAccounts, "privileged", "0", "false"},
		{model.KindAccounts, "privileged", "false", "false"},
		{model.KindAccounts, "privileged", "y", `! "y" is not one of true, false, yes, no, 1, 0`},
		{model.KindAccounts, "privileged", " true", `! " true" is not one of true, false, yes, no, 1, 0`},
		{model.KindAccounts, "created_at", "", "null"},
		{model.KindAccounts, "created_at", "2024-03-31T10:20:30Z", `"2024-03-31T10:20:30Z"`},
		{model.KindAccounts, "created_at", "2024-02-29T10:20:30.123456Z", `"2024-02-29T10:20:30.123456Z"`},
		{model.KindAccounts, "created_at", "2024-01-02T10:20:30.5Z", `"2024-01-02T10:20:30.5Z"`},
		{model.KindAccounts, "created_at", "2024-01-02T10:20:30.123456789Z", `"2024-01-02T10:20:30.123456Z"`},
		{model.KindAccounts, "created_at", "2024-01-02T10:20:30+02:00", `"2024-01-02T08:20:30Z"`},
		{model.KindAccounts, "created_at", "1969-12-31T23:59:59Z", `"1969-12-31T23:59:59Z"`},
		{model.KindAccounts, "created_at", "2023-02-29T10:20:30Z", `! "2023-02-29T10:20:30Z"` + noTime},
		{model.KindAccounts, "created_at", "2023-02-30", `! "2023-02-30"` + noTime},
		{model.KindAccounts, "created_at", "2024-01-02 10:20:30", `! "2024-01-02 10:20:30"` + noTime},
		{model.KindAccounts, "created_at", "2024-01-02T10:20:30", `! "2024-01-02T10:20:30"` + noTime},
		{model.KindAccounts, "created_at", "2024-01-02T10:20:60Z", `! "2024-01-02T10:20:60Z"` + noTime},
		{model.KindAccounts, "created_at", "2024-01-02T1:20:30Z", `! "2024-01-02T1:20:30Z"` + noTime},
		{model.KindAccounts, "created_at", "31.12.2024", `! "31.12.2024"` + noTime},
		{model.KindAccounts, "created_at", "never", `! "never"` + noTime},
		{model.KindAccounts, "created_at", "1970-01-01T00:00:00Z", `! "1970-01-01T00:00:00Z" is a placeholder for an unknown time: leave the value empty`},
		{model.KindAccounts, "created_at", "1970-01-01T01:00:00+01:00", `! "1970-01-01T01:00:00+01:00" is a placeholder for an unknown time: leave the value empty`},
		{model.KindAccounts, "created_at", "1970-01-01T00:00:00.0000001Z", `! "1970-01-01T00:00:00.0000001Z" is a placeholder for an unknown time: leave the value empty`},
		{model.KindAccounts, "created_at", "1970-01-01", `! "1970-01-01" is a placeholder for an unknown date: leave the value empty`},
		{model.KindAccounts, "created_at", "0001-01-01T00:00:00Z", `! "0001-01-01T00:00:00Z"` + noYear},
		{model.KindAccounts, "created_at", "1899-12-31", `! "1899-12-31"` + noYear},
		{model.KindAccounts, "created_at", "1601-01-01T00:00:00Z", `! "1601-01-01T00:00:00Z"` + noYear},
		{model.KindAccounts, "created_at", "1900-01-01", `"1899-12-31T23:00:00Z"`},
		{model.KindAccounts, "created_at", "9999-12-31T23:59:59-01:00", `! "9999-12-31T23:59:59-01:00"` + noYear},
		{model.KindAccounts, "created_at", "2024-03-31", `"2024-03-30T23:00:00Z"`},
		{model.KindAccounts, "expires_at", "2024-03-31", `"2024-03-31T21:59:59.999999Z"`}, // 23 hours long
		{model.KindAccounts, "expires_at", "2024-03-31T10:00:00Z", `"2024-03-31T10:00:00Z"`},
		{model.KindGrants, "expires_at", "2024-12-31", `"2024-12-31T22:59:59.999999Z"`},
		{model.KindGrants, "last_used_at", "2024-12-31", `"2024-12-30T23:00:00Z"`},
		{model.KindPeople, "start_date", "2024-12-31", `"2024-12-30T23:00:00Z"`},
		{model.KindPeople, "end_date", "2024-12-31", `"2024-12-31T22:59:59.999999Z"`},
		{model.KindGrants, "via", "a", `"a"`},
		{model.KindGrants, "via", " a b > c", `"a b\u003ec"`},
		{model.KindGrants, "via", "a>>c", `! the path "a>>c" has an empty part`},
		{model.KindGrants, "via", ">a", `! the path ">a" has an empty part`},
		{model.KindGrants, "via", "a > ", `! the path "a > " has an empty part`},
		{model.KindGrants, "via", " ", `! the path is blank`},
		{model.KindGrants, "via", "a\x01>b", `! the id "a\x01" has a control character`},
	} {
		t.Run(fmt.Sprintf("%s %.30q", c.column, c.value), func(t *testing.T) {
			t.Parallel()
			if got := fieldValue(t, c.kind, c.column, c.value, berlin); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// fieldValue reads one row that has the value in the column.
func fieldValue(t *testing.T, kind model.Kind, column, value string, loc *time.Location) string {
	t.Helper()
	header, row := []string{column}, []string{`"` + strings.ReplaceAll(value, `"`, `""`) + `"`}
	for _, c := range ingest.FileColumns(kind) {
		if c.Required && c.Name != column {
			header, row = append(header, c.Name), append(row, "x")
		}
	}
	g, err := readFile(t, "f.csv", strings.Join(header, ",")+"\n"+strings.Join(row, ",")+"\n", kind, ingest.Layout{Location: loc})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.rejects) == 1 {
		if g.rejects[0].Column != column {
			t.Errorf("column %q is blamed", g.rejects[0].Column)
		}
		return "! " + g.rejects[0].Reason
	}
	var noun any
	switch r := g.rows[0]; kind {
	case model.KindPeople:
		noun = r.Person
	case model.KindAccounts:
		noun = r.Account
	case model.KindEntitlements:
		noun = r.Entitlement
	case model.KindGrants:
		noun = r.Grant
	}
	b, err := json.Marshal(noun)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	return string(fields[column])
}

// Every column of every kind lands in its own field: each gets a value that no other has.
func TestEveryColumnHasItsField(t *testing.T) {
	t.Parallel()
	for _, kind := range model.Kinds {
		var header, row []string
		want := map[string]string{}
		for i, c := range ingest.FileColumns(kind) {
			v := fmt.Sprintf("value-%d", i)
			switch {
			case c.Allowed != nil:
				v = c.Allowed[i%len(c.Allowed)]
			case c.Name == "privileged":
				v = "true"
			case strings.HasSuffix(c.Name, "_at"), strings.HasSuffix(c.Name, "_date"):
				v = fmt.Sprintf("2024-01-02T03:04:%02dZ", i)
			}
			header, row, want[c.Name] = append(header, c.Name), append(row, v), v
		}
		g, err := readFile(t, "f.csv", strings.Join(header, ",")+"\n"+strings.Join(row, ",")+"\n", kind, ingest.Layout{})
		if err != nil || len(g.rows) != 1 {
			t.Fatalf("%s: %v, %v", kind, err, g.rejects)
		}
		b, err := json.Marshal(map[model.Kind]any{model.KindPeople: g.rows[0].Person, model.KindAccounts: g.rows[0].Account, model.KindEntitlements: g.rows[0].Entitlement, model.KindGrants: g.rows[0].Grant}[kind])
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "attrs")
		if len(got) != len(want) {
			t.Errorf("%s has %d fields and %d columns", kind, len(got), len(want))
		}
		for name, v := range want {
			if fmt.Sprint(got[name]) != v {
				t.Errorf("%s.%s is %v, want %s", kind, name, got[name], v)
			}
		}
	}
}

// The fast way of reading instants agrees with the standard library's on every day of 400 years,
// and the last day there is stays a day wherever it is.
func TestFieldTimes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("account_id,entitlement_id,granted_at\n")
	first := time.Date(1900, 1, 1, 1, 2, 3, 0, time.UTC)
	const days = 146_097
	for i := range days {
		fmt.Fprintf(&b, "a,b,%s\n", first.AddDate(0, 0, i).Add(time.Duration(i)*time.Microsecond).Format(time.RFC3339Nano))
	}
	r, err := ingest.Open("g.csv", strings.NewReader(b.String()), model.KindGrants, ingest.Layout{})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	st, err := r.Read(t.Context(), func(r *model.Record) error {
		if want := model.TimeOf(first.AddDate(0, 0, i).Add(time.Duration(i) * time.Microsecond)); r.Grant.GrantedAt != want {
			return fmt.Errorf("got %s, want %s", r.Grant.GrantedAt, want)
		}
		i++
		return nil
	}, func(r model.Reject) error { return fmt.Errorf("rejected: %s", r.Reason) })
	if err != nil || st.Accepted != days {
		t.Errorf("%v after %d days", err, st.Accepted)
	}
	for zone, want := range map[string]string{
		"America/New_York": `"9999-12-31T23:59:59.999999Z"`, "Asia/Tokyo": `"9999-12-31T14:59:59.999999Z"`,
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := fieldValue(t, model.KindGrants, "expires_at", "9999-12-31", loc); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
	// Brazil skipped midnight: that day began at one o'clock, and the day before ended there.
	loc, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		t.Fatal(err)
	}
	if got := fieldValue(t, model.KindGrants, "granted_at", "2018-11-04", loc); got != `"2018-11-04T03:00:00Z"` {
		t.Errorf("a day without midnight begins at %s", got)
	}
	if got := fieldValue(t, model.KindGrants, "expires_at", "2018-11-03", loc); got != `"2018-11-04T02:59:59.999999Z"` {
		t.Errorf("the day before ends at %s", got)
	}
}
