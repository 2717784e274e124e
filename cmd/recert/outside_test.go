package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/scim/scimserver"
	"recert/campaigns/connector/ticket/ticketserver"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

const outsideConfig = `
apiVersion: recert/v1
kind: Source
name: hr
spec: {provides: people, type: csv}
---
apiVersion: recert/v1
kind: Source
name: wiki
spec:
  provides: access
  owner: p1
  correlate: [username=email]
SPEC
---
apiVersion: recert/v1
kind: Campaign
name: quarterly
spec:
  scope: {sources: [wiki]}
  stages: [{reviewers: [manager, source_owner], fallback: p3, due: 14d}]
  on_no_answer: keep
`

const outsidePeople = "person_id,name,email,manager_id,status\np1,Olga Owner,olga@example.com,,active\np2,Mara Manager,mara@example.com,p1,active\n" +
	"p3,Fay Fallback,fay@example.com,,active\np4,Ana Able,ana@example.com,p2,active\np5,Bo Best,bo@example.com,p2,active\n"

// outsideWorld is a database with a review that is signed off, and a program on it.
type outsideWorld struct {
	t   *testing.T
	dsn string
	dir string
	s   *store.Store
	app *app
	url string
}

// newOutsideWorld loads what config says; load brings the wiki's access in.
func newOutsideWorld(t *testing.T, dsn, spec string, load func(w *outsideWorld)) *outsideWorld {
	t.Helper()
	w := &outsideWorld{t: t, dsn: dsn, dir: t.TempDir()}
	w.cli("migrate")
	w.cli("apply", "-f", writeFile(t, w.dir, "recert.yaml", strings.ReplaceAll(outsideConfig, "SPEC", spec)))
	w.cli("ingest", "--source", "hr", "people="+writeFile(t, w.dir, "people.csv", outsidePeople))
	load(w)
	w.cli("campaign", "launch", "quarterly")
	loopDecide(t.Context(), t, dsn)
	var err error
	if w.s, err = store.Open(t.Context(), dsn, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.s.Close() })
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.app.handler.ServeHTTP(rw, r) }))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	e := &env{cli: &cli{LogLevel: "error"}, out: t.Output(), errOut: t.Output()}
	if w.app, err = newApp(t.Context(), w.s, ServeFlags{}, srv.URL, e.logger()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *outsideWorld) cli(args ...string) string {
	w.t.Helper()
	return cliRun(w.t, exitDone, append([]string{"--database=" + w.dsn}, args...)...)
}

// removal is the one removal.
func (w *outsideWorld) removal() store.RemediationRow {
	w.t.Helper()
	rows, err := w.s.Remediations(w.t.Context(), store.RemediationFilter{})
	if err != nil || len(rows) != 1 {
		w.t.Fatalf("there are %d removals (%v)", len(rows), err)
	}
	return rows[0]
}

// until works until something is so, with no wait between looks.
func (w *outsideWorld) until(what string, so func() bool) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), 40*time.Second)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- w.app.work(ctx) }()
	for ctx.Err() == nil && !so() {
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	if ctx.Err() != nil {
		w.t.Errorf("it did not happen that %s; the removal is %s (%s)", what, w.removal().State, w.removal().Reason)
	}
	stop()
	if err := <-worked; err != nil {
		w.t.Error(err)
	}
}

func (w *outsideWorld) hurry() {
	w.t.Helper()
	if err := w.s.InTx(w.t.Context(), func(tx *store.Tx) error { return tx.HurryRemediation(w.t.Context(), w.removal().ID) }); err != nil {
		w.t.Fatal(err)
	}
}

// proven ends the review: the package verifies, and the doctor finds nothing.
func (w *outsideWorld) proven(secrets ...string) {
	w.t.Helper()
	if row := w.removal(); row.State != model.Confirmed {
		w.t.Fatalf("the removal is %s (%s)", row.State, row.Reason)
	}
	w.cli("campaign", "close", "quarterly")
	file := filepath.Join(w.dir, "package.zip")
	w.cli("export", "quarterly", "--out", file)
	if out := cliRun(w.t, exitDone, "verify", file); !strings.HasSuffix(out, "OK (key not pinned)\n") {
		w.t.Errorf("verify: %s", out)
	}
	b := readFile(w.t, file)
	for _, s := range secrets {
		if bytes.Contains(b, []byte(s)) {
			w.t.Error("the package holds a secret")
		}
	}
	w.cli("doctor", "--strict")
}

func bothDatabases(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) { fn(t, storetest.DSN(t, d)) })
	}
}

// TestTicketLoop: a source of files, whose removals are tickets: a ticket that is closed proves nothing,
// a snapshot does.
func TestTicketLoop(t *testing.T) {
	const token = "ticket-secret-canary"
	t.Setenv("LOOP_JIRA_TOKEN", token)
	bothDatabases(t, func(t *testing.T, dsn string) {
		jira := ticketserver.New(ticketserver.JiraServer, "Bearer "+token, now)
		srv := httptest.NewServer(jira)
		defer srv.Close()
		const accounts = "account_id,username,display_name,status\nu-ana,ana@example.com,Ana,enabled\nu-bo,bo@example.com,Bo,enabled\n"
		const grants = "account_id,entitlement_id,via\nu-bo,g-edit,\n"
		ingest := func(w *outsideWorld, n int, more string) {
			w.cli("ingest", "--source", "wiki", "accounts="+writeFile(t, w.dir, fmt.Sprintf("accounts%d.csv", n), accounts),
				"grants="+writeFile(t, w.dir, fmt.Sprintf("grants%d.csv", n), grants+more))
		}
		spec := "  type: csv\n  shrink_limit: 90%\n  revoke: {mode: ticket, due: 5d, ticket: {system: jira, url: \"" + srv.URL + "\", project: SEC, token: \"${LOOP_JIRA_TOKEN}\"}}"
		w := newOutsideWorld(t, dsn, spec, func(w *outsideWorld) { ingest(w, 1, "u-ana,g-edit,staff\n") })
		w.until("a ticket was opened", func() bool { return strings.Contains(w.removal().Reason, "was asked for") })
		all := jira.Tickets()
		if len(all) != 1 {
			t.Fatalf("there are %d tickets", len(all))
		}
		for _, want := range []string{"“u-ana”", "Ana Able", "“staff”", "Mara Manager decided so", "Closing this ticket does not end it: Recert reads “wiki” again", w.url + "/revocations/", "Please do it by "} {
			if !strings.Contains(all[0].Text, want) {
				t.Errorf("the ticket lacks %q:\n%s", want, all[0].Text)
			}
		}
		jira.Set(all[0].Key, func(tk *ticketserver.Ticket) { tk.Status = "Done" })
		w.hurry()
		w.until("the ticket is seen to be closed", func() bool { return strings.Contains(w.removal().Reason, "next snapshot") })
		if row := w.removal(); row.State != model.Sent {
			t.Fatalf("a closed ticket made it %s", row.State)
		}
		ingest(w, 2, "u-ana,g-edit,staff\n")
		w.hurry()
		w.until("its people are told", func() bool { return len(jira.Tickets()[0].Comments) == 1 })
		if row := w.removal(); row.State != model.Sent || !strings.Contains(jira.Tickets()[0].Comments[0], "still there") {
			t.Errorf("the removal is %s, the comment %q", row.State, jira.Tickets()[0].Comments)
		}
		page := w.page(t, "/revocations/"+strconv.FormatInt(w.removal().ID, 10))
		for _, want := range []string{`href="` + srv.URL + `/browse/SEC-1"`, "SEC-1", "“Done”, in its own words; closed there, which proves nothing", "Last looked at there"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		ingest(w, 3, "")
		w.proven(token)
	})
}

// page opens a page as an administrator.
func (w *outsideWorld) page(t *testing.T, path string) string {
	t.Helper()
	link := strings.TrimSpace(w.cli("login-link", "--email", "admin@example.com", "--role", "admin"))
	_, token, ok := strings.Cut(link, "token=")
	if !ok {
		t.Fatalf("the link is %q", link)
	}
	token = strings.Fields(token)[0]
	q := httptest.NewRequest(http.MethodPost, w.url+"/login/link", strings.NewReader("token="+token))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", w.url)
	rec := httptest.NewRecorder()
	w.app.handler.ServeHTTP(rec, q)
	get := httptest.NewRequest(http.MethodGet, w.url+path, http.NoBody)
	for _, c := range rec.Result().Cookies() {
		get.AddCookie(c)
	}
	rec = httptest.NewRecorder()
	w.app.handler.ServeHTTP(rec, get)
	if rec.Code != http.StatusOK {
		t.Fatalf("GET %s: %d", path, rec.Code)
	}
	return rec.Body.String()
}

// hookSide is the other side of a webhook: it checks signatures in its own words, and may take access
// away.
type hookSide struct {
	t      *testing.T
	key    []byte
	answer int
	do     func(account, group string)

	mu  sync.Mutex
	got []hookMessage
}

type hookMessage struct {
	id  string
	ack string
}

func (h *hookSide) sign(id string, at time.Time, body string) http.Header {
	m := hmac.New(sha256.New, h.key)
	m.Write(fmt.Appendf(nil, "%s.%d.%s", id, at.Unix(), body))
	return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))}}
}

func (h *hookSide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Error(err)
	}
	id := r.Header.Get("webhook-id")
	seconds, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		h.t.Error(err)
	}
	if want := h.sign(id, time.Unix(seconds, 0), string(body)).Get("Webhook-Signature"); r.Header.Get("webhook-signature") != want {
		h.t.Errorf("the message is signed %q", r.Header.Get("webhook-signature"))
	}
	var m struct {
		Data struct {
			Ack         string `json:"acknowledge_url"`
			Account     struct{ ID string }
			Entitlement struct{ ID string }
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		h.t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, hookMessage{id: id, ack: m.Data.Ack})
	if h.do != nil {
		h.do(m.Data.Account.ID, m.Data.Entitlement.ID)
	}
	w.WriteHeader(h.answer)
}

func (h *hookSide) messages() []hookMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]hookMessage{}, h.got...)
}

// report sends a report and gives the answer's status.
func (h *hookSide) report(to string, header http.Header, body string) int {
	h.t.Helper()
	q, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	q.Header = header
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// hookWorld is a live source whose removals are asked for by a webhook.
func hookWorld(t *testing.T, dsn string, h *hookSide) (*outsideWorld, *scimserver.Server) {
	t.Helper()
	const token = "loop-secret-canary"
	t.Setenv("LOOP_TOKEN", token)
	target := scimserver.New(scimserver.Config{Token: token, BasePath: "/scim/v2", Now: now})
	target.PutUser(scimserver.User{ID: "u-ana", UserName: "ana@example.com", DisplayName: "Ana", Active: true})
	target.PutUser(scimserver.User{ID: "u-bo", UserName: "bo@example.com", DisplayName: "Bo", Active: true})
	target.PutGroup(scimserver.Group{ID: "g-edit", DisplayName: "Edit every page", Members: []string{"u-ana", "u-bo"}})
	srv, other := httptest.NewServer(target), httptest.NewServer(h)
	t.Cleanup(srv.Close)
	t.Cleanup(other.Close)
	spec := "  type: scim\n  url: " + srv.URL + "/scim/v2\n  token: ${LOOP_TOKEN}\n  shrink_limit: 90%\n  revoke: {mode: webhook, webhook: {url: \"" + other.URL + "/in\", secret: \"${LOOP_HOOK_SECRET}\"}}"
	return newOutsideWorld(t, dsn, spec, func(w *outsideWorld) { w.cli("ingest", "--source", "wiki") }), target
}

// TestWebhookLoop: a signed message, reports that are forged, late, repeated or for nobody, and one that
// makes Recert look: only that proves.
func TestWebhookLoop(t *testing.T) {
	key := bytes.Repeat([]byte("k3y!"), 8)
	t.Setenv("LOOP_HOOK_SECRET", "whsec_"+base64.StdEncoding.EncodeToString(key))
	bothDatabases(t, func(t *testing.T, dsn string) {
		h := &hookSide{t: t, key: key, answer: http.StatusAccepted}
		w, target := hookWorld(t, dsn, h)
		w.until("the message was taken", func() bool { return strings.Contains(w.removal().Reason, "was asked for") })
		got := h.messages()
		if len(got) != 1 || !strings.HasPrefix(got[0].ack, w.url+"/hooks/removals/") {
			t.Fatalf("the messages are %+v", got)
		}
		ack, at := got[0].ack, now()
		const done = `{"status":"done","note":"job\n4711"}`
		forged := h.sign("m1", at, done)
		forged.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
		for name, c := range map[string]struct {
			to     string
			header http.Header
			body   string
			want   int
		}{
			"unknown address": {ack + "x", h.sign("m1", at, done), done, http.StatusNotFound},
			"no address":      {w.url + "/hooks/removals/", h.sign("m1", at, done), done, http.StatusNotFound},
			"forged":          {ack, forged, done, http.StatusUnauthorized},
			"another body":    {ack, h.sign("m1", at, done), `{"status":"refused"}`, http.StatusUnauthorized},
			"unsigned":        {ack, http.Header{}, done, http.StatusBadRequest},
			"expired":         {ack, h.sign("m1", at.Add(-6*time.Minute), done), done, http.StatusBadRequest},
			"from the future": {ack, h.sign("m1", at.Add(6*time.Minute), done), done, http.StatusBadRequest},
			"no such status":  {ack, h.sign("m1", at, `{"status":"confirmed"}`), `{"status":"confirmed"}`, http.StatusBadRequest},
			"no JSON":         {ack, h.sign("m1", at, "done"), "done", http.StatusBadRequest},
			"too long":        {ack, h.sign("m1", at, strings.Repeat(" ", 20<<10)), strings.Repeat(" ", 20<<10), http.StatusRequestEntityTooLarge},
		} {
			if s := h.report(c.to, c.header, c.body); s != c.want {
				t.Errorf("%s: %d, want %d", name, s, c.want)
			}
		}
		if row := w.removal(); row.State != model.Sent || row.NextAt < model.TimeOf(at) {
			t.Errorf("after reports that count for nothing it is %s, next at %s", row.State, row.NextAt)
		}
		// A report before the work is done: a look shows that it is not.
		if s := h.report(ack, h.sign("m2", now(), done), done); s != http.StatusNoContent {
			t.Errorf("a report: %d", s)
		}
		if s := h.report(ack, h.sign("m2", now(), done), done); s != http.StatusConflict {
			t.Errorf("the same report again: %d", s)
		}
		w.until("the source was looked at", func() bool { return strings.Contains(w.removal().Reason, "still there") })
		if row := w.removal(); row.State != model.Sent {
			t.Fatalf("a report made it %s", row.State)
		}
		page := w.page(t, "/revocations/"+strconv.FormatInt(w.removal().ID, 10))
		if !strings.Contains(page, "job 4711") || !strings.Contains(page, "“done”") {
			t.Error("the page does not show what was reported")
		}
		if err := target.RemoveMember("g-edit", "u-ana"); err != nil {
			t.Fatal(err)
		}
		if s := h.report(ack, h.sign("m3", now(), done), done); s != http.StatusNoContent {
			t.Errorf("a second report: %d", s)
		}
		w.until("it was proven", func() bool { return w.removal().State == model.Confirmed })
		if s := h.report(ack, h.sign("m4", now(), done), done); s != http.StatusNotFound {
			t.Errorf("a report for nothing: %d", s)
		}
		w.proven("loop-secret-canary", base64.StdEncoding.EncodeToString(key))
	})
}

// TestWebhookRefused: what the other side will not do is for a person; trying again is another message.
func TestWebhookRefused(t *testing.T) {
	key := bytes.Repeat([]byte("k3y!"), 8)
	t.Setenv("LOOP_HOOK_SECRET", "whsec_"+base64.StdEncoding.EncodeToString(key))
	bothDatabases(t, func(t *testing.T, dsn string) {
		h := &hookSide{t: t, key: key, answer: http.StatusInternalServerError}
		w, target := hookWorld(t, dsn, h)
		w.until("it is not taken", func() bool { return strings.Contains(w.removal().Reason, "not known") })
		h.mu.Lock()
		h.answer = http.StatusOK
		h.mu.Unlock()
		w.hurry()
		w.until("the message was taken", func() bool { return strings.Contains(w.removal().Reason, "was asked for") })
		got := h.messages()
		if len(got) != 2 || got[0].id != got[1].id || got[0].ack != got[1].ack {
			t.Fatalf("the second try is another message: %+v", got)
		}
		const no = `{"status":"refused","note":"needed until Friday"}`
		if s := h.report(got[0].ack, h.sign("m1", now(), no), no); s != http.StatusNoContent {
			t.Errorf("the report: %d", s)
		}
		if row := w.removal(); row.State != model.Failed || strings.Contains(row.Reason, "Friday") {
			t.Fatalf("it is %s (%s)", row.State, row.Reason)
		}
		if !strings.Contains(w.page(t, "/revocations/"+strconv.FormatInt(w.removal().ID, 10)), "needed until Friday") {
			t.Error("the page does not show why")
		}
		h.mu.Lock()
		h.do = func(account, group string) {
			if err := target.RemoveMember(group, account); err != nil {
				t.Error(err)
			}
		}
		h.mu.Unlock()
		if err := remediate.Retry(t.Context(), w.s, model.Actor{Name: "Ada", Roles: []model.Role{model.Admin}}, w.removal().ID); err != nil {
			t.Fatal(err)
		}
		w.until("it was sent anew", func() bool { return len(h.messages()) == 3 && strings.Contains(w.removal().Reason, "was asked for") })
		if m := h.messages(); m[2].id == m[0].id {
			t.Error("trying again sent the same message")
		}
		w.cli("ingest", "--source", "wiki")
		w.proven()
	})
}
