package web

import (
	"archive/zip"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/campaigns/evidence"
	"recert/campaigns/evidence/verify"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/web/webtest"
)

// graceful launches a campaign whose removals go out at the answer, after three days, and has u2
// revoke the first access of u4: "Change every page".
func (w *world) graceful(change ...func(*model.CampaignSpec)) (model.Run, store.RemediationRow) {
	w.t.Helper()
	w.fill()
	spec := w.spec()
	spec.Remove, spec.Grace, spec.Owner = "decision", "3d", "u3"
	for _, c := range change {
		c(spec)
	}
	w.apply(campaigns.Document{Kind: model.ConfigCampaign, Name: "quarterly", Spec: spec, At: "c"})
	run := w.launch()
	for _, it := range w.items(run, "u2") {
		if !strings.Contains(it.Subject, "Dev Patel") || !strings.Contains(it.Entitlement, "editors") {
			continue
		}
		ana := model.Actor{PersonKey: *w.person("u2"), PersonID: "u2", Name: "Ana Ferreira", Email: "ana@example.com"}
		if _, err := w.svc.Decide(w.t.Context(), ana, campaigns.DecideInput{RunID: run.ID, ItemID: it.ID, Answer: model.Revoke}); err != nil {
			w.t.Fatal(err)
		}
	}
	rs, err := w.store.Remediations(w.t.Context(), store.RemediationFilter{})
	if err != nil || len(rs) != 1 {
		w.t.Fatal(len(rs), err)
	}
	return run, rs[0]
}

// proven has the doctor look at everything, and the verifier at the run's package.
func (w *world) proven(run model.Run) map[string]string {
	w.t.Helper()
	if _, err := w.log.Barrier(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	checks, err := evidence.Doctor(w.t.Context(), w.store, true)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range checks {
		if !c.OK && c.Check != "sessions.roles" && c.Check != "users.roles" { // tests sign in without an event
			w.t.Errorf("%s: %s", c.Check, c.Detail)
		}
	}
	file := filepath.Join(w.t.TempDir(), "package.zip")
	if _, err := w.log.ExportFile(w.t.Context(), "tester", run.Name, evidence.ExportOptions{}, file); err != nil {
		w.t.Fatal(err)
	}
	return verified(w.t, file)
}

// TestNotices: a person sees the own access that goes away, says that it is needed, and reads the
// answer; another person's does not exist.
func TestNotices(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, r := w.graceful()
		id := itoa(r.ID)
		dev, fay, m := w.as("u4"), w.as("u6"), w.as("", model.CampaignManager)
		dev.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasText("Change every page"), webtest.HasText("Goes out on"), webtest.HasText("Q4 review "+uhoh), webtest.HasText("Bo Lindqvist")), webtest.Count("em", 0))
		fay.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=leaving]", 0))
		fay.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("None of your access is being removed.")))
		path := "/notices/" + id + "/contest"
		for _, form := range []url.Values{{"reason": {"mine"}}, {"reason": {""}}, nil} {
			fay.Post(path, form).Want(http.StatusNotFound)
			m.Post(path, form).Want(http.StatusNotFound)
		}
		dev.Post("/notices/99999/contest", url.Values{"reason": {"mine"}}).Want(http.StatusNotFound)
		dev.Post("/notices/x/contest", url.Values{"reason": {"mine"}}).Want(http.StatusNotFound)

		// What says that one may say something leads to the very place, by way of a sign-in too.
		dev.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=leaving] a[href='/notices#notice-"+id+"']", 2))
		dev.Get("/notices").Want(http.StatusOK, webtest.Count("section#notice-"+id+"[tabindex='-1']", 1))
		if to := dev.Get("/notices/" + id).Want(http.StatusSeeOther).Header.Get("Location"); to != "/notices#notice-"+id {
			t.Errorf("a mail leads to %q", to)
		}
		dev.Get("/notices/x").Want(http.StatusNotFound)

		form := dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("Going away"), webtest.HasText("I need this access"))).Form("form[action='" + path + "']")
		dev.Submit(form, url.Values{"reason": {"  "}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Say why you need the access")))
		for range 2 { // the second click changes nothing
			dev.Follow(dev.Submit(form, url.Values{"reason": {"I am on call " + uhoh}})).Want(http.StatusOK,
				webtest.In("main", webtest.HasText("You need it"), webtest.HasText("I am on call "+uhoh), webtest.HasText("Nobody has answered yet.")), webtest.Count("em", 0), webtest.Count("form[action='"+path+"']", 0))
		}
		dev.Submit(form, url.Values{"reason": {"Something else"}}).Want(http.StatusConflict)
		dev.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasText("You need it"), webtest.HasText("Waits for somebody to look at it."),
			webtest.HasText("You said on"), webtest.HasText("that you need it. Nobody has answered yet."), webtest.HasText("See what you said"), webtest.HasNoText("Say that you need it")))

		// It waits, and is let go on by an answer alone.
		page := "/revocations/" + id
		admin, auditor := w.as("", model.Admin), w.as("", model.Auditor)
		admin.Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("The person concerned contests it.")), webtest.Count("form[action$='/approve']", 0), webtest.Count("form[action$='/decline']", 0))
		admin.Post(page+"/approve", url.Values{"version": {itoa(r.Fence + 1)}}).Want(http.StatusForbidden)
		auditor.Get(page).Want(http.StatusOK, webtest.In("main", webtest.HasText("I am on call "+uhoh), webtest.HasText("Nobody has answered yet.")), webtest.Count("main form[method=post]", 0))
		auditor.Post(page+"/contest", url.Values{"reason": {"so"}, "outcome": {"upheld"}}).Want(http.StatusNotFound)
		dev.Post(page+"/contest", url.Values{"reason": {"so"}, "outcome": {"upheld"}}).Want(http.StatusNotFound)
		w.as("u4", model.Admin).Post(page+"/contest", url.Values{"reason": {"so"}, "outcome": {"upheld"}}).Want(http.StatusForbidden)
		answer := m.Get(page).Form("form[action$='/contest']")
		m.Submit(answer, url.Values{"reason": {"so"}}).Want(http.StatusUnprocessableEntity)
		m.Submit(answer, url.Values{"reason": {" "}, "outcome": {"dismissed"}}).Want(http.StatusUnprocessableEntity)
		for range 2 {
			m.Follow(m.Submit(answer, url.Values{"reason": {"On call is over " + uhoh}, "outcome": {"dismissed"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Answered: it goes on."), webtest.HasText("Waiting")), webtest.Count("em", 0))
		}
		m.Submit(answer, url.Values{"reason": {"Oh, keep it"}, "outcome": {"upheld"}}).Want(http.StatusConflict)
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("Answered: it goes on."), webtest.HasText("On call is over "+uhoh)), webtest.Count("em", 0))
		dev.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasText("that you need it. Answered: it goes on."), webtest.HasNoText("Say that you need it")))
		w.proven(run)

		// It goes out when its time has come, not before; then it can be asked for back no more than once.
		worker := &remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now}
		w.step(worker)
		if now, err := w.store.Remediation(t.Context(), r.ID); err != nil || now.State != model.Queued {
			t.Fatal(now.State, err)
		}
		w.later(3*24*time.Hour + time.Minute)
		w.step(worker)
		w.later(time.Minute)
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: strings.Replace(hurt(grantsCSV), hurt("a4,editors,2026-01-02,UHOH,UHOH,2026-02-01,\n"), "", 1)})
		dev = w.as("u4")
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("Gone since"), webtest.HasText("Answered: it stays gone.")), webtest.Count("main form[method=post]", 0))
		// What went away is found from the first page too: the mail may come when it is gone.
		dev.Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasText("Access of yours that went away"), webtest.HasText("Show what ended in the last 30 days (1)")), webtest.Count("section[aria-labelledby=leaving] a[href='/notices']", 1))
		if x := w.proven(run)["exceptions.csv"]; !strings.Contains(x, "contest_dismissed") || !strings.Contains(x, "On call is over") {
			t.Errorf("exceptions:\n%s", x)
		}
		w.later(31 * 24 * time.Hour)
		dev = w.as("u4")
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasNoText("Gone since")))
		dev.Get("/").Want(http.StatusOK, webtest.Count("section[aria-labelledby=leaving]", 0))
		dev.Post(path, url.Values{"reason": {"mine"}}).Want(http.StatusNotFound)
	})
}

func (w *world) step(worker *remediate.Worker) {
	w.t.Helper()
	if err := worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// TestNoticeUpheld: the access stays where the answer says so, and the package tells it.
func TestNoticeUpheld(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, r := w.graceful()
		dev, admin := w.as("u4"), w.as("", model.Admin)
		page := "/revocations/" + itoa(r.ID)
		dev.Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
		answer := admin.Get(page).Form("form[action$='/contest']")
		admin.Follow(admin.Submit(answer, url.Values{"reason": {"Right."}, "outcome": {"upheld"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Cancelled"), webtest.HasText("the access is to stay")))
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("Stays"), webtest.HasText("Right.")))
		if _, err := w.svc.Close(t.Context(), model.Actor{Name: "Closer", Roles: []model.Role{model.Admin}}, run.ID, "over"); err != nil {
			t.Fatal(err)
		}
		tables := w.proven(run)
		if x := tables["exceptions.csv"]; !strings.Contains(x, "removal_declined") || !strings.Contains(x, "contest_upheld") || strings.Contains(x, "no_removal_queued,item:"+itoa(r.ItemID)+",") {
			t.Errorf("exceptions:\n%s", x)
		}
		if !strings.Contains(tables["remediation.csv"], ",cancelled,") {
			t.Errorf("remediation:\n%s", tables["remediation.csv"])
		}
	})
}

// TestNoticeUpheldAfterwards: where the access is proven gone, the answer that the person is right gives it
// back, as its button says, in the one place.
func TestNoticeUpheldAfterwards(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, r := w.graceful(func(s *model.CampaignSpec) { s.Grace = "" })
		w.work()
		w.grantsWithout(hurt("a4,editors,2026-01-02,UHOH,UHOH,2026-02-01,\n"))
		dev, m := w.as("u4"), w.as("", model.CampaignManager)
		page := "/revocations/" + itoa(r.ID)
		dev.Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
		answer := m.Get(page).Want(http.StatusOK, webtest.In("section[aria-labelledby=contest]",
			webtest.In("button[value=dismissed]", webtest.HasText("It stays gone")), webtest.In("button[value=upheld]", webtest.HasText("Give it back")), webtest.HasText("at once"))).Form("form[action$='/contest']")
		for range 2 {
			m.Follow(m.Submit(answer, url.Values{"reason": {"Right " + uhoh}, "outcome": {"upheld"}})).Want(http.StatusOK,
				webtest.In("main", webtest.HasText("the access is to stay"), webtest.HasText("Given back by"), webtest.HasText("Waiting")), webtest.Count("form[action$='/restore']", 0), webtest.Count("em", 0))
		}
		w.work()
		w.grantsWithout("")
		dev.Get("/notices").Want(http.StatusOK, webtest.In("main", webtest.HasText("It was given back.")))
		w.proven(run)
	})
}

// TestNoticeUpheldInBetween: what was asked for when the person was found right is settled beside the answer,
// with its words.
func TestNoticeUpheldInBetween(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	_, r := w.graceful(func(s *model.CampaignSpec) { s.Grace = "" })
	page := "/revocations/" + itoa(r.ID)
	w.as("u4").Post("/notices/"+itoa(r.ID)+"/contest", url.Values{"reason": {"I am on call"}}).Want(http.StatusSeeOther)
	put := func(state model.RemediationState) {
		t.Helper()
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			now, err := tx.LockRemediation(t.Context(), r.ID)
			if err != nil {
				return err
			}
			from := now.State
			now.State = state
			return tx.MoveRemediation(t.Context(), now, from)
		}); err != nil {
			t.Fatal(err)
		}
	}
	admin := w.as("", model.Admin)
	put(model.Confirmed) // answered as gone, and then of another mind: only what the page offers matters here
	if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.AnswerContest(t.Context(), model.Contest{RemediationID: r.ID, Outcome: model.ContestUpheld, AnsweredBy: "Bo", Answer: "True."})
	}); err != nil {
		t.Fatal(err)
	}
	admin.Get(page).Want(http.StatusOK, webtest.Count("section[aria-labelledby=contest] details[open] form[action$='/restore'] input[value='True.']", 1), webtest.Count("form[action$='/restore']", 1))
	put(model.Failed)
	admin.Get(page).Want(http.StatusOK, webtest.In("section[aria-labelledby=contest] details[open] form[action$='/decline']", webtest.HasText("True.")), webtest.Count("form[action$='/decline']", 1))
}

// TestDeclineForm: an admin decides that a held removal will not be done, with a reason, once.
func TestDeclineForm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, r := w.graceful(func(s *model.CampaignSpec) { s.Grace = "" })
		if err := w.store.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.HoldRemediation(t.Context(), r.ID, "Nobody else holds it.")
			if err != nil {
				return err
			}
			_, err = evidence.Append(t.Context(), tx, evidence.Event{Type: evidence.TypeRevocationState, Run: run.Name, Object: evidence.RemediationObject(itoa(r.ID)), Data: evidence.RevocationState{
				Remediation: itoa(r.ID), Item: itoa(r.ItemID), From: "queued", To: "held", Reason: "Nobody else holds it.",
			}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		path := "/revocations/" + itoa(r.ID)
		admin, m := w.as("", model.Admin), w.as("", model.CampaignManager)
		m.Get(path).Want(http.StatusOK, webtest.Count("form[action$='/decline']", 0))
		m.Post(path+"/decline", url.Values{"reason": {"so"}, "version": {itoa(r.Fence + 1)}}).Want(http.StatusNotFound)
		form := admin.Get(path).Form("form[action$='/decline']")
		admin.Submit(form, url.Values{"reason": {""}}).Want(http.StatusUnprocessableEntity)
		admin.Submit(form, url.Values{"reason": {"so"}, "version": {"0"}}).Want(http.StatusConflict)
		admin.Submit(form, url.Values{"reason": {"so"}, "version": {"x"}}).Want(http.StatusConflict)
		w.as("u2", model.Admin).Submit(form, url.Values{"reason": {"so"}}).Want(http.StatusForbidden) // who answered
		w.as("u4", model.Admin).Submit(form, url.Values{"reason": {"so"}}).Want(http.StatusForbidden) // whose access it is
		for range 2 {
			admin.Follow(admin.Submit(form, url.Values{"reason": {"It is the break-glass account " + uhoh}})).Want(http.StatusOK,
				webtest.In("main", webtest.HasText("Cancelled"), webtest.HasText("It is the break-glass account "+uhoh)), webtest.Count("form[action$='/decline']", 0), webtest.Count("em", 0))
		}
		if x := w.proven(run)["exceptions.csv"]; !strings.Contains(x, "removal_declined") || !strings.Contains(x, "break-glass") {
			t.Errorf("exceptions:\n%s", x)
		}
	})
}

// TestKeepUntilForm: an access is kept until a date by the row's note; after that day it goes, and the
// package says why.
func TestKeepUntilForm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		run := w.launch()
		ana := w.as("u2")
		var item store.ItemRow
		for _, it := range w.items(run, "u2") {
			if strings.Contains(it.Subject, "Dev Patel") && strings.Contains(it.Entitlement, "editors") {
				item = it
			}
		}
		review := "/reviews/" + run.Name
		form := ana.Get(review).Form("form[action$='/items/" + itoa(item.ID) + "']")
		until := w.clock.T.AddDate(0, 0, 9).Format(time.DateOnly)
		ana.Submit(form, url.Values{"answer": {"keep"}, "until": {"2020-01-01"}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("is over already")))
		for range 2 {
			ana.Follow(ana.Submit(form, url.Values{"answer": {"keep"}, "until": {until}})).Want(http.StatusOK)
		}
		ana.Get(review+"?state=all").Want(http.StatusOK, webtest.In("#item-"+itoa(item.ID), webtest.HasText("Until "+w.clock.T.AddDate(0, 0, 9).Format("2 Jan 2006"))))
		if _, err := w.svc.Close(t.Context(), model.Actor{Name: "Closer", Roles: []model.Role{model.Admin}}, run.ID, "over"); err != nil {
			t.Fatal(err)
		}
		w.later(9 * 24 * time.Hour)
		for _, want := range []int{0, 1, 0} {
			if n, err := w.svc.ExpireKeeps(t.Context()); n != want || err != nil {
				t.Errorf("%d keeps ended, want %d: %v", n, want, err)
			}
			w.later(24 * time.Hour)
		}
		w.as("u4").Get("/").Want(http.StatusOK, webtest.In("section[aria-labelledby=leaving]", webtest.HasText("Change every page")))
		if x := w.proven(run)["remediation.csv"]; !strings.Contains(x, ",keep_until") {
			t.Errorf("remediation:\n%s", x)
		}
	})
}

// verified checks a package as an auditor does, and gives its tables.
func verified(t *testing.T, file string) map[string]string {
	t.Helper()
	report, err := verify.File(t.Context(), file, verify.Options{})
	if err != nil || !report.OK() {
		t.Fatal(report, err)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	tables := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		tables[f.Name] = string(b)
	}
	return tables
}

// TestGraceField: the form of a new campaign takes the time that removals wait, and says what is wrong
// with it.
func TestGraceField(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	m := w.as("", model.CampaignManager)
	form := m.Get("/campaigns/new").Form("form[action='/campaigns/new']")
	typed := url.Values{"name": {"graceful"}, "source": {"wiki"}, "reviewer": {"manager"}, "fallback": {"u1"}, "due": {"14"}, "grace": {"soon"}}
	m.Submit(form, typed).Want(http.StatusUnprocessableEntity, webtest.In("#grace-error", webtest.HasText("is not a number of hours, days or weeks")))
	typed.Set("grace", "3d")
	m.Submit(form, typed).Want(http.StatusSeeOther)
	c, err := w.store.Config(t.Context(), model.ConfigCampaign, "graceful")
	if err != nil || !strings.Contains(c.Spec, `"grace":"3d"`) {
		t.Error(c.Spec, err)
	}
}

// TestRotateForm: who has the task says that the secret was changed, and the package tells it.
func TestRotateForm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		run, r := w.graceful(func(s *model.CampaignSpec) { s.Grace = "" })
		w.later(time.Minute)
		w.ingest("loader", "wiki", map[model.Kind]string{
			model.KindEntitlements: hurt("entitlement_id,name,description,risk,owner_id,shared_account\neditors,Editors,Change every page,high,u3,bot\nreaders,Readers,Read every page,low,u3,\nuhoh,UHOH,UHOH,medium,u3,\n"),
		})
		w.later(time.Minute)
		w.step(&remediate.Worker{Store: w.store, Name: "w1", Now: w.clock.Now})
		w.later(time.Minute)
		w.ingest("loader", "wiki", map[model.Kind]string{model.KindGrants: strings.Replace(hurt(grantsCSV), hurt("a4,editors,2026-01-02,UHOH,UHOH,2026-02-01,\n"), "", 1)})
		rows, err := w.store.Remediations(t.Context(), store.RemediationFilter{Kinds: []model.RemediationKind{model.KindRotate}})
		if err != nil || len(rows) != 1 || *rows[0].ForID != r.ID {
			t.Fatal(len(rows), err)
		}
		path := "/tasks/" + itoa(rows[0].ID)
		bo := w.as("u3")
		bo.Get("/").Want(http.StatusOK, webtest.In("main", webtest.HasText("Change the secret")))
		w.as("u4").Get(path).Want(http.StatusNotFound)
		bo.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("Change the secret of bot")), webtest.Count("form[action='"+path+"']", 1))
		done := func(c *webtest.Client) *webtest.Page {
			kind, body := multi(t, map[string]string{"note": "Changed in the vault."}, nil)
			return c.Do(http.MethodPost, path, kind, body)
		}
		done(w.as("u4", model.Admin)).Want(http.StatusForbidden)
		for range 2 {
			bo.Follow(done(bo)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Changed")))
		}
		w.as("", model.Auditor).Get("/revocations/"+itoa(rows[0].ID)).Want(http.StatusOK, webtest.In("main", webtest.HasText("The secret was changed.")))
		if x := w.proven(run)["remediation.csv"]; !strings.Contains(x, ",rotate,") {
			t.Errorf("remediation:\n%s", x)
		}
	})
}
