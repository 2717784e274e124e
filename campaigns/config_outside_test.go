package campaigns_test

import (
	"strings"
	"testing"

	"recert/campaigns"
)

// TestOutsideSettings: what cannot work is refused by recert apply, in one sentence that names the
// setting and repeats no secret.
func TestOutsideSettings(t *testing.T) {
	t.Parallel()
	const jira = `{system: jira, url: "https://jira.example.com", project: SEC, token: "${JIRA_TOKEN}"}`
	const hook = `{url: "https://hooks.example.com/x", secret: "${HOOK_SECRET}"}`
	for spec, want := range map[string]string{
		"mode: ticket, ticket: " + jira: "",
		`mode: ticket, ticket: {system: servicenow, url: "https://x.service-now.com", user: u, token: "${T}", table: sc_task, assignment_group: IAM, closed_states: [Closed Complete]}`: "",
		`mode: ticket, ticket: {system: jira, url: "http://127.0.0.1:9", project: SEC, token: "${T}", closed_states: [Done]}`:                                                           "",
		"mode: webhook, webhook: " + hook: "",
		"mode: ticket":                    "needs ticket:",
		"mode: webhook":                   "needs webhook:",
		"mode: carrier_pigeon":            "knows connector, manual, ticket and webhook",
		"mode: manual, ticket: " + jira:   "another mode",
		"mode: ticket, webhook: " + hook:  "needs ticket:",
		"mode: ticket, ticket: {system: trac, url: \"https://x\", token: \"${T}\"}":                                                 `system "trac"`,
		`mode: ticket, ticket: {system: jira, url: "http://jira.example.com", project: SEC, token: "${T}"}`:                         "https://",
		`mode: ticket, ticket: {system: jira, url: "https://canary@jira.example.com", project: SEC, token: "${T}"}`:                 "no user",
		`mode: ticket, ticket: {system: jira, url: "https://jira.example.com", project: SEC, token: canary}`:                        "token must be a reference",
		`mode: ticket, ticket: {system: jira, url: "https://jira.example.com", token: "${T}"}`:                                      "project",
		`mode: ticket, ticket: {system: jira, url: "https://x.atlassian.net", project: SEC, token: "${T}"}`:                         "user",
		`mode: ticket, ticket: {system: jira, url: "https://jira.example.com", project: SEC, token: "${T}", table: incident}`:       "table",
		`mode: ticket, ticket: {system: jira, url: "https://jira.example.com", project: SEC, token: "${T}", deployment: somewhere}`: "deployment",
		`mode: ticket, ticket: {system: servicenow, url: "https://x.service-now.com", project: SEC, token: "${T}"}`:                 "project",
		`mode: ticket, ticket: {system: jira, url: "https://jira.example.com", project: SEC, token: "${T}", colour: red}`:           "colour",
		`mode: webhook, webhook: {url: "https://hooks.example.com/x?key=canary", secret: "${S}"}`:                                   "no user, password, query",
		`mode: webhook, webhook: {url: "https://hooks.example.com/x", secret: whsec_canary}`:                                        "secret must be a reference",
		`mode: webhook, webhook: {url: "hooks.example.com/x", secret: "${S}"}`:                                                      "address like",
	} {
		text := "apiVersion: recert/v1\nkind: Source\nname: wiki\nspec: {provides: access, type: csv, revoke: {" + spec + "}}\n"
		_, err := campaigns.ReadDocuments("c.yaml", strings.NewReader(text))
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", spec, err)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("%s: the refusal shows a secret: %v", spec, err)
		}
	}
	people := "apiVersion: recert/v1\nkind: Source\nname: hr\nspec: {provides: people, type: csv, revoke: {mode: ticket, ticket: " + jira + "}}\n"
	if _, err := campaigns.ReadDocuments("c.yaml", strings.NewReader(people)); err == nil || !strings.Contains(err.Error(), "not of people") {
		t.Errorf("people by tickets: %v", err)
	}
}
