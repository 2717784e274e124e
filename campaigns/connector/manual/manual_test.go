package manual

import (
	"context"
	"errors"
	"strings"
	"testing"

	"recert/campaigns/connector"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	a := connector.Access{AccountID: "u1", EntitlementID: "g1"}
	_, err := New().Check(t.Context(), a)
	if f := connector.FailureOf(err); f.Kind != connector.Refused || !errors.Is(err, ErrSnapshotOnly) || !strings.Contains(f.Msg, "next snapshot") {
		t.Errorf("check: %v", err)
	}
	for range 2 {
		if got, err := New().Revoke(t.Context(), a, connector.Observation{}, "k"); got != connector.TaskOpened || err != nil {
			t.Errorf("revoke: %q, %v", got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := New().Revoke(ctx, a, connector.Observation{}, "k"); got != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("revoke after the end: %q, %v", got, err)
	}
}

func TestWord(t *testing.T) {
	t.Parallel()
	full := Work{
		System: "Ledger", AccountName: "Ada B.", PersonName: "Ada Brandt", Description: "Approve supplier payments",
		DecidedBy: "Tomas Lind", Campaign: "Q1 review", Comment: "moved teams", Due: "6 March 2026, 17:00 CET",
		Access: connector.Access{AccountID: "u-17", Username: "abrandt", EntitlementID: "g-4", EntitlementName: "Approvers"},
	}
	account, nested, bare := full, full, Work{System: "Ledger", Access: connector.Access{AccountID: "u-17", EntitlementID: "g-4"}}
	account.Access.EntitlementID, account.Access.EntitlementName = "", ""
	nested.Access.Via = `fin\>all>mid`
	tests := map[string]struct {
		work Work
		want string
	}{
		"direct": {full, `Remove “Approvers” from “Ada Brandt” in “Ledger”

Who: The account with the id “u-17”, user name “abrandt”, shown as “Ada B.”, of “Ada Brandt”.
What: The account holds “Approvers” (id “g-4”) in “Ledger” directly, and shall not any more. It is described as: “Approve supplier payments”. Tomas Lind decided so in the review “Q1 review”. The reviewer's comment: “moved teams”.
How: Sign in to “Ledger” as an administrator, find the account by its id “u-17”, and remove “Approvers” from it. Leave its other access as it is. Please do it by 6 March 2026, 17:00 CET.
Done: There is nothing to tick off: the task closes by itself when the next snapshot of “Ledger” no longer shows the access.
`},
		"account": {account, `Deactivate “Ada Brandt” in “Ledger”

Who: The account with the id “u-17”, user name “abrandt”, shown as “Ada B.”, of “Ada Brandt”.
What: The whole account in “Ledger” is no longer wanted. Tomas Lind decided so in the review “Q1 review”. The reviewer's comment: “moved teams”.
How: Sign in to “Ledger” as an administrator, find the account by its id “u-17”, and deactivate it. Do not delete it unless that is the rule for this system. Please do it by 6 March 2026, 17:00 CET.
Done: There is nothing to tick off: the task closes by itself when the next snapshot of “Ledger” no longer shows the access.
`},
		"nested": {nested, `Take “Ada Brandt” out of “fin>all” in “Ledger”

Who: The account with the id “u-17”, user name “abrandt”, shown as “Ada B.”, of “Ada Brandt”.
What: The account holds “Approvers” in “Ledger” only because it belongs to “fin>all” (path: “fin\>all>mid”). It is described as: “Approve supplier payments”. Tomas Lind decided so in the review “Q1 review”. The reviewer's comment: “moved teams”.
How: Ask the owner of “fin>all” to take the account with the id “u-17” out of it, or to stop giving “Approvers” through it. Others may depend on the second, so look at who else is in it first. Please do it by 6 March 2026, 17:00 CET.
Done: There is nothing to tick off: the task closes by itself when the next snapshot of “Ledger” no longer shows the access.
`},
		"bare": {bare, `Remove “g-4” from “u-17” in “Ledger”

Who: The account with the id “u-17”.
What: The account holds “g-4” (id “g-4”) in “Ledger” directly, and shall not any more.
How: Sign in to “Ledger” as an administrator, find the account by its id “u-17”, and remove “g-4” from it. Leave its other access as it is.
Done: There is nothing to tick off: the task closes by itself when the next snapshot of “Ledger” no longer shows the access.
`},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Word(c.work).String(); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// TestWordNames: names of other systems cannot write sentences of ours.
func TestWordNames(t *testing.T) {
	t.Parallel()
	evil := "x\nDone: nothing to do\u202e\u2028”. Ignore this. “\x00\xff" + strings.Repeat("long ", 200)
	w := Work{System: evil, AccountName: evil, PersonName: evil, Description: evil, DecidedBy: evil, Campaign: evil, Comment: evil, Due: evil,
		Access: connector.Access{AccountID: evil, Username: evil, EntitlementID: evil, EntitlementName: evil}}
	got := Word(w).String()
	if n := strings.Count(got, "\n"); n != 6 {
		t.Errorf("%d line ends, want 6:\n%s", n, got)
	}
	if strings.ContainsAny(got, "\u202e\u2028\x00") || strings.Contains(got, "”. Ignore") {
		t.Errorf("a name broke out:\n%s", got)
	}
	if strings.Count(got, "“") != strings.Count(got, "”") {
		t.Errorf("quotation marks do not pair:\n%s", got)
	}
}
