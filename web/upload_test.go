package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"recert/campaigns"
	"recert/model"
	"recert/web/webtest"
)

// multi is a form with files: fields first, then each kind's file.
func multi(t *testing.T, fields, files map[string]string) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	m := multipart.NewWriter(body)
	for k, v := range fields {
		if err := m.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range files {
		f, err := m.CreateFormFile(k, `C:\temp\`+k+`.csv`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), body
}

var peopleFile = "Employee No;Full Name;Mail;Boss\nu1;Cora Vance;cora@example.com;\nu2;Ana Ferreira;ana@example.com;u1\n;No Id;x@example.com;u1\nu9;\"" + strings.ReplaceAll(uhoh, `"`, `""`) + "\";;u1\nu10;a\"b;;u1\n"

func TestUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "hr", Spec: &model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"}, At: "a"})
		admin := w.as("", model.Admin)
		admin.Get("/sources/hr").Want(http.StatusOK, webtest.In("main", webtest.HasText("It has not been read yet."), webtest.HasText("Upload files")))
		send := func(fields, files map[string]string) *webtest.Page {
			ct, body := multi(t, fields, files)
			return admin.Do(http.MethodPost, "/sources/hr/upload", ct, body)
		}
		send(nil, nil).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Choose a file.")))
		send(map[string]string{"as_of": "yesterday", "expect_people": "many"}, map[string]string{"people": peopleFile}).Want(http.StatusUnprocessableEntity,
			webtest.In("main", webtest.HasText("Give a day like"), webtest.HasText("Give a whole number.")), webtest.Count("input[value=yesterday]", 1))
		send(nil, map[string]string{"people": ""}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("The file is empty.")))
		send(nil, map[string]string{"people": "\x1f\x8b\x08broken"}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Nothing was taken in.")))
		if kept, err := w.store.Blobs(t.Context()); err != nil || len(kept) != 0 {
			t.Errorf("%d refused uploads are kept, %v", len(kept), err)
		}

		mapping := admin.Follow(send(map[string]string{"expect_people": "5"}, map[string]string{"people": peopleFile})).Want(http.StatusOK,
			webtest.In("main", webtest.HasText("people.csv"), webtest.HasText(uhoh), webtest.HasText("Cora Vance"), webtest.HasText("people.csv, line 6:")), webtest.Count("em", 0))
		form := mapping.Form("form.stack")
		for our, want := range map[string]string{"map_people_person_id": "Employee No", "map_people_name": "Full Name", "map_people_email": "Mail", "map_people_manager_id": "Boss", "map_people_title": ""} {
			if got := form.Values.Get(our); got != want {
				t.Errorf("%s is guessed as %q, want %q", our, got, want)
			}
		}
		admin.Submit(form, url.Values{"map_people_person_id": {""}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Choose the column.")))
		admin.Submit(form, url.Values{"map_people_person_id": {"Nonsense"}}).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("The file has no such column.")))
		other := w.as("", model.Admin, model.Auditor)
		other.Get(strings.TrimSuffix(form.Action, "/")).Want(http.StatusNotFound) // it is somebody's

		first := admin.Submit(form, nil)
		snap := admin.Follow(first).Want(http.StatusOK, webtest.In("main", webtest.HasText("Taken in."), webtest.HasText("people.csv"), webtest.HasText("line 4"), webtest.HasText("As expected: 5")))
		if again := admin.Submit(form, nil).Want(http.StatusSeeOther); again.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("the second click leads to %q", again.Header.Get("Location"))
		}
		p, err := w.store.PersonByID(t.Context(), "u2")
		if err != nil || p.Name != "Ana Ferreira" || p.ManagerID != "u1" || p.Email != "ana@example.com" {
			t.Errorf("%+v, %v", p.Person, err)
		}
		csv := admin.Get(snap.Attrs("a[download]", "href")[0])
		if csv.Status != http.StatusOK || !strings.HasPrefix(csv.Body, "kind,file,line,column,reason,row\npeople,people.csv,4,Employee No,person_id is required") || !strings.HasSuffix(csv.Body, "# 2 rejected rows,,,,,\n") {
			t.Errorf("rejects: %d %q", csv.Status, csv.Body)
		}
		token := form.Action[strings.LastIndex(form.Action, "/")+1:]
		if _, err := io.ReadAll(w.store.BlobReader(t.Context(), token, 0, 1)); model.KindOf(err) != model.NotFound {
			t.Errorf("the parts are left: %v", err)
		}
		snaps, err := w.store.Snapshots(t.Context(), 1, 0, 10)
		if err != nil || len(snaps) != 1 {
			t.Errorf("%d snapshots, %v", len(snaps), err)
		}
	})
}

// TestComposed: a column that the source composes is left as declared, and said.
func TestComposed(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.apply(campaigns.Document{Kind: model.ConfigSource, Name: "k8s", Spec: &model.SourceSpec{
		Provides: model.ProvidesAccess, Type: "csv", Columns: map[string]model.Strings{"entitlement_id": {"org", "team"}, "account_id": {"user"}},
	}, At: "a"})
	admin := w.as("", model.Admin)
	ct, body := multi(t, nil, map[string]string{"grants": "user,org,team\nann,a,b/c\nann,a/b,c\n"})
	form := admin.Follow(admin.Do(http.MethodPost, "/sources/k8s/upload", ct, body)).Want(http.StatusOK, webtest.In("main", webtest.HasText("entitlement_id = org + team"))).Form("form.stack")
	admin.Follow(admin.Submit(form, nil)).Want(http.StatusOK)
	src, err := w.store.Source(t.Context(), "k8s")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{`a/b\/c`, `a\/b/c`} {
		if _, err := w.store.EntitlementKey(t.Context(), src.ID, id); err != nil {
			t.Error(err)
		}
	}
	admin.Get("/access?q=ann").Want(http.StatusOK, webtest.Count("tbody tr", 2), webtest.In("main", webtest.HasText("k8s: read")))
	admin.Get("/access?q=ANN&source=k8s&as_of=2026-10-01").Want(http.StatusOK, webtest.Count("tbody tr", 2))
	admin.Get("/access?q=ann&as_of=2026-09-30").Want(http.StatusOK, webtest.Count("tbody tr", 0), webtest.In("main", webtest.HasText("not read by then")))
	admin.Get("/access?q=ann&as_of=soon").Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Give a day")))
	admin.Get("/access?q=ann").Want(http.StatusOK)
	admin.Get("/access?q=name").Want(http.StatusOK, webtest.Count("tbody tr", 0)) // names of fields are no data
}

// TestUploadHeld: of an upload that is held nobody is told that it was taken in, nor of one that
// was there already.
func TestUploadHeld(t *testing.T) {
	t.Parallel()
	w := sqliteWorld(t)
	w.fill()
	w.later(time.Second)
	admin := w.as("loader", model.Admin)
	for _, want := range []struct{ tone, title string }{{"main > .notice.warn:first-child", "Read, and held."}, {"main > .notice.info:first-child", "Nothing new."}} {
		ct, body := multi(t, map[string]string{"as_of": "2026-10-02"}, map[string]string{"grants": "account_id,entitlement_id,granted_at\na2,readers,2026-01-02\n"})
		form := admin.Follow(admin.Do(http.MethodPost, "/sources/wiki/upload", ct, body)).Want(http.StatusOK).Form("form.stack")
		admin.Follow(admin.Submit(form, nil)).Want(http.StatusOK, webtest.In(want.tone, webtest.HasText(want.title)),
			webtest.In("main", webtest.HasText("This snapshot is held."), webtest.HasNoText("Taken in.")))
	}
}

// TestHeld: whoever loaded a held snapshot cannot release it; another admin can, once, with a
// reason.
func TestHeld(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.fill()
		loader, other := w.as("loader", model.Admin), w.as("second", model.Admin)
		w.later(1e9)
		few := "account_id,entitlement_id,granted_at\na2,readers,2026-01-02\n"
		res := w.ingest(model.Actor{Name: "Name of loader", Email: "loader@example.com"}.Label(), "wiki", map[model.Kind]string{model.KindGrants: few})
		if res.State != model.SnapshotHeld {
			t.Fatalf("it is %s", res.State)
		}
		path := "/snapshots/" + itoa(res.Snapshot)
		loader.Get(path).Want(http.StatusOK, webtest.In("main", webtest.HasText("You loaded it yourself"), webtest.HasText("7 of the 8 grants")), webtest.Count("form[action$='/release']", 0))
		w.as("", model.Auditor).Get(path).Want(http.StatusOK, webtest.Count("main form", 0))
		reason := url.Values{"reason": {"a wiki was split " + uhoh}}
		loader.Post(path+"/release", reason).Want(http.StatusForbidden, webtest.In("main", webtest.HasText("another admin must release it")))
		form := other.Get(path).Form("form[action$='/release']")
		other.Submit(form, nil).Want(http.StatusUnprocessableEntity, webtest.In("main", webtest.HasText("Say why")))
		other.Follow(other.Submit(form, reason)).Want(http.StatusOK, webtest.In("main", webtest.HasText("Released.")))
		other.Submit(form, reason).Want(http.StatusSeeOther)

		w.later(1e9)
		res = w.ingest("cli", "wiki", map[model.Kind]string{model.KindGrants: "account_id,entitlement_id\n"})
		path = "/snapshots/" + itoa(res.Snapshot)
		form = other.Get(path).Form("form[action$='/release']")
		form.Values.Set("do", "discard")
		other.Follow(other.Submit(form, url.Values{"reason": {"a broken export"}})).Want(http.StatusOK, webtest.In("main", webtest.HasText("Discarded.")))
		other.Submit(form, reason).Want(http.StatusSeeOther)
		other.Get("/sources").Want(http.StatusOK)
	})
}
