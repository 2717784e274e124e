package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"recert/model"
	"recert/views/layout"
	"recert/views/ui"
	"recert/web/auth"
)

// demoBanner stands on every page of a demo.
const demoBanner = "This is a demo. The company, its people and their access are invented."

// roleNames are the roles in words.
var roleNames = map[model.Role]string{model.Admin: "administrator", model.CampaignManager: "campaign manager", model.Auditor: "auditor"}

// frame is what stands around a page.
func (s *site) frame(r *request, title string, section layout.Section) layout.Frame {
	f := layout.Frame{Title: title, Version: s.Version, Flash: r.flash, Here: "/"}
	if s.Demo {
		f.Demo = demoBanner
	}
	if !r.signed {
		return f
	}
	f.Theme = r.user.Theme
	f.User = &layout.User{Name: r.actor.Name, Roles: roleWords(r.actor)}
	f.Nav = layout.Nav(layout.Roles{
		Admin: r.actor.Has(model.Admin), CampaignManager: r.actor.Has(model.CampaignManager), Auditor: r.actor.Has(model.Auditor),
	}, section)
	if r.Method == http.MethodGet {
		f.Here = auth.LocalPath(r.URL.RequestURI())
	}
	return f
}

func roleWords(a model.Actor) string {
	words := make([]string, 0, len(a.Roles)+1)
	for _, role := range model.Roles {
		if a.Has(role) {
			words = append(words, roleNames[role])
		}
	}
	if a.PersonKey != 0 {
		words = append(words, "reviewer")
	}
	return capital(strings.Join(words, ", "))
}

// staff tells whether the actor reads more than the own reviews.
func staff(a model.Actor) bool { return a.Has(readers...) }

// newKey is a fresh idempotency key.
func newKey() string { return rand.Text() }

// versionOf names what a reader was shown: another content has another version.
func versionOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// number reads an id of an address; anything else names nothing.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, errNotFound
	}
	return n, nil
}

func redirect(w http.ResponseWriter, r *request, to string) error {
	http.Redirect(w, r.Request, to, http.StatusSeeOther)
	return nil
}

// flashes are the results that the next page tells, by the name that travels in a cookie: what
// the cookie says is never shown itself.
var flashes = map[string]ui.Notice{
	"signed":       {Tone: ui.Good, Title: "Signed off. Thank you."},
	"launched":     {Tone: ui.Good, Title: "Launched.", Text: "The reviewers can answer from now on."},
	"closed":       {Tone: ui.Good, Title: "Closed.", Text: "Every answer is final, and the removals go out."},
	"connected":    {Tone: ui.Good, Title: "Saved.", Text: "Read it now, and look at what it holds."},
	"changed":      {Tone: ui.Good, Title: "Saved.", Text: "The next read goes by these settings."},
	"deputy":       {Tone: ui.Good, Title: "The deputy is named.", Text: "Items go to the deputy on the first day, within a minute where that is today."},
	"deputyend":    {Tone: ui.Good, Title: "It is called off.", Text: "What is not answered goes back within a minute."},
	"paused":       {Tone: ui.Good, Title: "It is paused.", Text: "Nobody can answer until you let it go on."},
	"goeson":       {Tone: ui.Good, Title: "It goes on."},
	"due":          {Tone: ui.Good, Title: "It is due on another day now.", Text: "Those who have not finished are told by mail, where mail is set up."},
	"handed":       {Tone: ui.Good, Title: "Handed over."},
	"handedown":    {Tone: ui.Warn, Title: "Nothing was handed over.", Text: "Who was to get it may not answer what is left, or nobody else may: choose somebody else."},
	"handednone":   {Tone: ui.Warn, Title: "Nothing was handed over.", Text: "The reviewer had nothing left that is not answered."},
	"handedsome":   {Tone: ui.Warn, Title: "Not everything was handed over.", Text: "What is the own access of who got the items stays where it was: choose somebody else for it."},
	"created":      {Tone: ui.Good, Title: "Saved.", Text: "Look at the preview before you launch it."},
	"released":     {Tone: ui.Good, Title: "Released.", Text: "The snapshot is the current one now."},
	"discarded":    {Tone: ui.Good, Title: "Discarded.", Text: "Nothing of the snapshot is used."},
	"ingested":     {Tone: ui.Good, Title: "Taken in.", Text: "Every row is accounted for below."},
	"held":         {Tone: ui.Warn, Title: "Read, and held.", Text: "The current snapshot stays the one before. Every row of this one is accounted for below."},
	"existing":     {Tone: ui.Info, Title: "Nothing new.", Text: "The same content as of the same time was there already, as this snapshot."},
	"retry":        {Tone: ui.Good, Title: "Queued again.", Text: "It goes out within seconds."},
	"reportedgive": {Tone: ui.Good, Title: "Noted. Thank you.", Text: "The task closes when the system, read again, shows the access."},
	"reported":     {Tone: ui.Good, Title: "Noted. Thank you.", Text: "The task closes when the system, read again, no longer shows the access."},
	"retryall":     {Tone: ui.Good, Title: "Queued again.", Text: "They go out within seconds."},
	"sendagain":    {Tone: ui.Good, Title: "Queued again.", Text: "It goes out within seconds, where mail is set up."},
	"testsent":     {Tone: ui.Good, Title: "It goes out within seconds.", Text: "Within minutes, where the mail server did not answer lately. Load this page again: it tells whether the server took it, and if not, why."},
	"restore":      {Tone: ui.Good, Title: "It is given back.", Text: "This page shows how far that is. It counts once the system, read again, shows the access."},
	"giveup":       {Tone: ui.Good, Title: "It is not given back.", Text: "The access stays as it is."},
	"letgo":        {Tone: ui.Good, Title: "It goes on.", Text: "It goes out within seconds."},
	"letgonone":    {Tone: ui.Warn, Title: "None of them goes on.", Text: "They are on dry run, or you answered them yourself, or they are your own access."},
	"letgoall":     {Tone: ui.Good, Title: "They go on.", Text: "What you answered yourself, or what is your own access, waits for another admin."},
	"contested":    {Tone: ui.Good, Title: "Sent.", Text: "Whoever runs the campaign reads it and answers here."},
	"answered":     {Tone: ui.Good, Title: "Answered.", Text: "The person concerned is told."},
	"declined":     {Tone: ui.Good, Title: "It will not be done.", Text: "The reason stands in the evidence."},
	"stopped":      {Tone: ui.Warn, Title: "Removals are stopped.", Text: "What was asked already is still read to its end."},
	"going":        {Tone: ui.Good, Title: "Removals go on."},
	"resumed":      {Tone: ui.Good, Title: "Removals in this source go on."},
	"read":         {Tone: ui.Good, Title: "Read."},
	"movedon":      {Tone: ui.Info, Title: "This is the first page.", Text: "Nothing is left on the later page that you asked for."},
}

func (s *site) flashCookie() string {
	if s.secure {
		return "__Host-recert-flash"
	}
	return "recert-flash"
}

// redirectWith sends the browser on, and lets the next page say what was done.
func (s *site) redirectWith(w http.ResponseWriter, r *request, to, flash string) error {
	http.SetCookie(w, s.flashOf(flash))
	return redirect(w, r, to)
}

func (s *site) flashOf(flash string) *http.Cookie {
	return &http.Cookie{Name: s.flashCookie(), Value: flash, Path: "/", MaxAge: 60, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
}

// takeFlash shows the result of the page before, once.
func (s *site) takeFlash(w http.ResponseWriter, r *request) {
	c, err := r.Cookie(s.flashCookie())
	if err != nil {
		return
	}
	r.flash = flashes[c.Value]
	http.SetCookie(w, &http.Cookie{Name: s.flashCookie(), Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
}

// left is how much time a running run has, or by how much it is late.
func (s *site) left(due model.Time, running bool, zoneName string) ui.Tag {
	if !running || !due.Known() {
		return ui.Tag{}
	}
	now := s.now()
	days := ui.Days(now, due, zone(zoneName))
	switch {
	case now > due && days == 0:
		return ui.Tag{Text: "Overdue since today", Tone: ui.Bad}
	case now > due:
		return ui.Tag{Text: "Overdue by " + ui.Count(int64(-days), "day", "days"), Tone: ui.Bad}
	case days == 0:
		return ui.Tag{Text: "Due today", Tone: ui.Warn}
	case days <= 3:
		return ui.Tag{Text: ui.Count(int64(days), "day", "days") + " left", Tone: ui.Warn}
	}
	return ui.Tag{Text: ui.Count(int64(days), "day", "days") + " left"}
}

// size is a number of bytes as people say it.
func size(n int64) string {
	switch {
	case n < 1000:
		return ui.Num(n) + " bytes"
	case n < 1_000_000:
		return strconv.FormatFloat(float64(n)/1e3, 'f', 1, 64) + " kB"
	case n < 1_000_000_000:
		return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
	}
	return strconv.FormatFloat(float64(n)/1e9, 'f', 1, 64) + " GB"
}
