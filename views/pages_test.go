package views_test

import (
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"recert/views/campaign"
	"recert/views/home"
	"recert/views/layout"
	"recert/views/review"
	"recert/views/snapshot"
	"recert/views/ui"
)

func show[P any](t *testing.T, p P, f func(P) page) *xhtml.Node {
	t.Helper()
	pg := f(p)
	_, doc := draw(t, pg, pg.data())
	return doc
}

func reviewOf(p review.Page) page {
	return pageOf("review", func() review.Page { return p }, review.Show)
}

func one(t *testing.T, n *xhtml.Node, sel string) *xhtml.Node {
	t.Helper()
	got := all(n, sel)
	if len(got) != 1 {
		t.Fatalf("%d of %s, want one", len(got), sel)
	}
	return got[0]
}

func none(t *testing.T, n *xhtml.Node, sel string) {
	t.Helper()
	if got := all(n, sel); len(got) != 0 {
		t.Errorf("%d of %s, want none: %s", len(got), sel, outline(got[0]))
	}
}

func reads(t *testing.T, n *xhtml.Node, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text(n), w) {
			t.Errorf("%q is not in %q", w, text(n))
		}
	}
}

func field(t *testing.T, form *xhtml.Node, name string) string {
	t.Helper()
	return attr(one(t, form, "input[type=hidden][name="+name+"]"), "value")
}

func TestRowAsksOneQuestion(t *testing.T) {
	t.Parallel()
	doc := show(t, reviewPage(), reviewOf)
	row := one(t, doc, "#item-8")
	form := one(t, row, "form")
	if attr(form, "method") != "post" || attr(form, "action") != "/reviews/q4/items/8" {
		t.Errorf("the form goes to %s %s", attr(form, "method"), attr(form, "action"))
	}
	if got := []string{field(t, form, review.FieldVersion), field(t, form, review.FieldKey), field(t, form, review.FieldBack)}; strings.Join(got, " ") != "10 k-7 state=all&source=sap" {
		t.Errorf("hidden fields = %q", got)
	}
	var values []string
	for _, r := range all(form, "input[type=radio][name=answer]") {
		values = append(values, attr(r, "value"))
		if has(r, "checked") {
			t.Errorf("%s is chosen before anybody chose", attr(r, "value"))
		}
	}
	if strings.Join(values, " ") != "keep revoke unsure" {
		t.Errorf("answers = %q", values)
	}
	reads(t, one(t, form, "legend"), "Still needed? Kwame Mensah: AP_APPROVER_ALL_REGIONS_UNLIMITED")
	one(t, form, "textarea[name=comment]")
	one(t, form, ".ask button[type=submit]")
	none(t, row, "form[action$=undo]")
}

func TestRowStates(t *testing.T) {
	t.Parallel()
	doc := show(t, reviewPage(), reviewOf)

	kept := one(t, doc, "#item-2")
	if got := attr(one(t, kept, "input[checked]"), "value"); got != "keep" {
		t.Errorf("chosen is %q", got)
	}
	if got := attr(one(t, kept, "form[action$=undo]"), "action"); got != "/reviews/q4/items/2/undo" {
		t.Errorf("undo goes to %s", got)
	}

	// What was refused looks unlike what is stored, and stays in the form.
	reads(t, kept, "Not saved. 2020-01-31 is over already.", "Stored: Keep", "Account fzahra.adm", "Keep until a date, lower, add a note, pass it on")
	none(t, doc, "#item-2.done")
	if got := attr(one(t, kept, "details[open] input[type=date]"), "value"); got != "2020-01-31" {
		t.Errorf("the day that was typed is %q", got)
	}

	sent := one(t, doc, "#item-1")
	if attr(sent, "data-row") != "yes" || attr(one(t, sent, ".removal a"), "href") != "/revocations/r1" {
		t.Error("a removal on its way is not watched, or not linked")
	}
	reads(t, sent, "Sent", "Note: Moved to another team.", "127 days ago")
	proven := one(t, doc, "#item-5")
	if attr(proven, "data-row") != "no" {
		t.Error("a settled removal is watched")
	}
	reads(t, proven, "Proven gone", "Tue 1 Dec 2026, 12:03 CET")
	none(t, proven, "form[action$=undo]")

	reads(t, one(t, doc, "#item-3 [role=alert]"), "Choose an answer first.")
	unknown := one(t, doc, "#item-3")
	reads(t, unknown, "Usage unknown", "unknown")
	if strings.Contains(strings.ToLower(text(unknown)), "unused") {
		t.Error("unknown reads as unused")
	}

	gone := one(t, doc, "#item-6")
	reads(t, gone, "Gone since 28 Nov 2026")
	none(t, gone, "form")
}

func TestConflictShowsBothAnswers(t *testing.T) {
	t.Parallel()
	row := one(t, show(t, reviewPage(), reviewOf), "#item-4")
	reads(t, row, "Someone answered meanwhile", "Tom Achebe said “Remove”", "14:02 CET", "Your answer: “Keep”.")
	form := one(t, row, "form")
	if field(t, form, review.FieldAnswer) != "keep" || field(t, form, review.FieldVersion) != "6" || field(t, form, review.FieldComment) != "on call" {
		t.Errorf("use mine sends another answer: %s", outline(form))
	}
	reads(t, one(t, form, "button"), "Use mine")
	theirs := one(t, form, "a")
	if attr(theirs, "href") != "/reviews/q4?state=all&source=sap" {
		t.Errorf("keep theirs leads to %s", attr(theirs, "href"))
	}
	none(t, row, "input[type=radio]")
}

func TestSignOff(t *testing.T) {
	t.Parallel()
	p := reviewPage()
	part := one(t, show(t, p, reviewOf), "#sign-off")
	reads(t, part, "2 removals", "Jon Þórsson: Approve supplier payments", "1 without an answer", "Lucía Gómez", "118 are still without an answer")
	none(t, part, "form")

	p.SignOff.Blocked = ""
	part = one(t, show(t, p, reviewOf), "#sign-off")
	form := one(t, part, "form")
	if attr(form, "action") != "/reviews/q4/sign-off" || field(t, form, review.FieldKey) != "k-sign" || field(t, form, review.FieldVersion) != "17" {
		t.Errorf("form = %s", outline(form))
	}
	reads(t, form, p.SignOff.Statement, "can no longer be changed")
}

func TestSignedReviewIsReadOnly(t *testing.T) {
	t.Parallel()
	doc := show(t, signedPage(), reviewOf)
	none(t, doc, "main form[method=post]")
	none(t, doc, "#sign-off")
	reads(t, one(t, doc, "main"), "Signed off. Thank you.", "Mara Voss, Tue 1 Dec 2026, 14:03 CET", digest, "168")
	reads(t, one(t, doc, "#item-1"), "Remove", "Note: Moved to another team.")
}

func TestEmptyListsSayWhy(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"home-empty": "Nothing to review right now. The next review is planned for 11 Jan 2027.", "review-answered": "You have answered everything.",
		"review-no-match": "Nothing matches.", "review-empty": "There is nothing for you to answer", "campaigns-empty": "No campaign yet.",
		"sources-empty": "No source is set up yet.", "source-empty": "It has not been read yet.", "revocations-empty": "No removal is open.",
		"revocations-no-match": "Nothing matches.", "evidence-empty": "No campaign is closed yet.", "access-none": "Nobody had it on that day",
		"access-empty": "Ask who has what.", "person-empty": "No access is known.", "snapshot-empty": "Every row could be read.", "campaign-preview-empty": "No reviewer would get anything.",
	}
	for _, p := range pages() {
		if w, ok := want[p.name]; ok {
			_, doc := draw(t, p, p.data())
			reads(t, one(t, doc, "main"), w)
			delete(want, p.name)
		}
	}
	for name := range want {
		t.Errorf("no page %s", name)
	}
}

func TestNavigationFollowsTheRoles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		roles layout.Roles
		want  string
	}{
		{layout.Roles{}, "My reviews"},
		{layout.Roles{Admin: true}, "My reviews Campaigns Sources Access Revocations Evidence"},
		{layout.Roles{CampaignManager: true}, "My reviews Campaigns Sources Access Revocations Evidence"},
		{layout.Roles{Auditor: true}, "My reviews Campaigns Sources Access Revocations Evidence"},
	} {
		f := frame("x", layout.Reviews)
		f.Nav = layout.Nav(tt.roles, layout.Campaigns)
		doc := show(t, f, func(f layout.Frame) page {
			return pageOf("home", func() home.Page { return home.Page{Frame: f} }, home.Show)
		})
		nav := one(t, doc, "nav[aria-label=Main]")
		if text(nav) != tt.want && strings.ReplaceAll(text(nav), " ", "") != strings.ReplaceAll(tt.want, " ", "") {
			t.Errorf("%+v: %q", tt.roles, text(nav))
		}
		if n := len(all(nav, "[aria-current=page]")); tt.roles != (layout.Roles{}) && n != 1 {
			t.Errorf("%+v: %d current", tt.roles, n)
		}
	}
}

func TestFrame(t *testing.T) {
	t.Parallel()
	for theme, want := range map[string]string{"": "system", "system": "system", "light": "light", "dark": "dark", `"><script>`: "system"} {
		f := frame("x", layout.Reviews)
		f.Theme = theme
		doc := show(t, f, func(f layout.Frame) page {
			return pageOf("home", func() home.Page { return home.Page{Frame: f} }, home.Show)
		})
		if got := attr(one(t, doc, "html"), "data-theme"); got != want {
			t.Errorf("theme %q gives %q", theme, got)
		}
		if got := attr(one(t, doc, "button[name=theme][aria-pressed=true]"), "value"); got != want {
			t.Errorf("theme %q presses %q", theme, got)
		}
		if attr(one(t, doc, `form[action="/logout"]`), "method") != "post" || field(t, one(t, doc, `form[action="/preferences"]`), layout.FieldBack) != "/x?y=1" {
			t.Error("sign out or preferences")
		}
		if first := all(doc, "body a")[0]; attr(first, "href") != "#main" {
			t.Errorf("the first link is %s", outline(first))
		}
	}
	doc := show(t, layout.NotFound(layout.Frame{}), func(p layout.ErrorPage) page {
		return pageOf("404", func() layout.ErrorPage { return p }, layout.Error)
	})
	none(t, doc, ".menu")
	none(t, doc, ".bar nav")
}

func TestLedgerBalancesVisibly(t *testing.T) {
	t.Parallel()
	good := snapshot.Ledger{Kind: "Grants", Read: 6191, Accepted: 6180, Rejected: 11, New: 40, Changed: 3, Unchanged: 6137, Previous: 6152, Gone: 12}
	for _, tt := range []struct {
		name  string
		spoil func(*snapshot.Ledger)
		off   string // of the sums that do not balance
	}{
		{"as it should be", func(*snapshot.Ledger) {}, ""},
		{"one row lost in reading", func(l *snapshot.Ledger) { l.Read++ }, "Read"},
		{"one row accepted twice", func(l *snapshot.Ledger) { l.Accepted++ }, "Read Accepted"},
		{"one row vanished", func(l *snapshot.Ledger) { l.Previous++ }, "Previous"},
		{"one row neither new nor old", func(l *snapshot.Ledger) { l.Unchanged-- }, "Accepted Previous"},
	} {
		l := good
		tt.spoil(&l)
		var off []string
		for _, s := range l.Sums() {
			if !s.Balances() {
				off = append(off, s.Total)
			}
		}
		if strings.Join(off, " ") != tt.off {
			t.Errorf("%s: off is %q, want %q", tt.name, off, tt.off)
		}
		doc := show(t, snapshot.Page{ID: "1", Source: "wiki", Ledgers: []snapshot.Ledger{l}}, func(p snapshot.Page) page {
			return pageOf("s", func() snapshot.Page { return p }, snapshot.Show)
		})
		if got := len(all(doc, "td .tag.bad")); got != len(off) {
			t.Errorf("%s: %d bad tags, want %d", tt.name, got, len(off))
		}
		reads(t, one(t, doc, "main table"), "= accepted ", " + rejected 11", "= unchanged ")
	}
}

func TestHeldSnapshotNeedsAReason(t *testing.T) {
	t.Parallel()
	for _, p := range pages() {
		_, doc := draw(t, p, p.data())
		switch p.name {
		case "snapshot-held":
			form := one(t, doc, `form[action="/snapshots/8/release"]`)
			if !has(one(t, form, "textarea[name=reason]"), "required") {
				t.Error("the reason may be left out")
			}
		case "snapshot-held-own":
			none(t, doc, `main form`)
			reads(t, one(t, doc, ".notice.warn"), "You loaded it yourself.")
		case "snapshot":
			none(t, doc, `main form`)
		}
	}
}

func TestCampaignCountsEveryItemOnce(t *testing.T) {
	t.Parallel()
	c := campaign.Counts{Items: 21, Kept: 1, Revoked: 2, Reduced: 3, Unsure: 4, Unanswered: 5, Gone: 6}
	if !c.Balances() {
		t.Error("21 is the sum of 1 to 6")
	}
	c.Items++
	if c.Balances() {
		t.Error("22 is not")
	}
	for _, p := range pages() {
		_, doc := draw(t, p, p.data())
		switch p.name {
		case "campaign":
			reads(t, one(t, doc, "main"), "Every item is counted once", "220 of 220", "Has not started")
			one(t, doc, `form[action="/campaigns/q4/export"][method=post]`)
		case "campaign-unbalanced":
			reads(t, one(t, doc, ".tag.bad"), "Does not balance: the parts make 6,181")
		case "campaign-preview":
			none(t, doc, `form[action$=launch]`)
		case "campaign-preview-ready":
			form := one(t, doc, `form[action="/campaigns/q4/launch"][method=post]`)
			if !has(one(t, form, "input[type=checkbox][name=confirm]"), "required") || field(t, form, campaign.FieldVersion) != "v-1" {
				t.Error("a launch without a look")
			}
		case "campaign-close":
			one(t, doc, `form[action="/campaigns/q4/close"][method=post]`)
			reads(t, one(t, doc, "main table"), "No answer 4,910 stays, and is shown as unanswered")
		case "campaign-close-blocked":
			none(t, doc, `main form`)
		}
	}
}

func TestNewCampaignKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	for _, p := range pages() {
		if p.name != "campaign-new" {
			continue
		}
		_, doc := draw(t, p, p.data())
		reads(t, one(t, doc, "#name-error"), "Another campaign has this name.")
		if attr(one(t, doc, "#name"), "value") != "quarterly-managers" || attr(one(t, doc, "input[name=source][checked]"), "value") != "wiki" ||
			attr(one(t, doc, "#reviewer-2 option[selected]"), "value") != "source_owner" || attr(one(t, doc, "input[name=remove][checked]"), "value") != "decision" {
			t.Error("something typed is lost")
		}
		return
	}
	t.Fatal("no such page")
}

func TestAnswersInWords(t *testing.T) {
	t.Parallel()
	for a, want := range map[review.Answer]ui.Tag{
		review.None: {Text: "No answer"}, review.Keep: {Text: "Keep", Tone: ui.Good}, review.Revoke: {Text: "Remove", Tone: ui.Bad},
		review.Unsure: {Text: "Not sure"}, review.Reduce: {Text: "Lower", Tone: ui.Bad},
	} {
		if got := a.Tag(); got != want {
			t.Errorf("%q: %+v, want %+v", a, got, want)
		}
	}
}
