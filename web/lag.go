package web

import (
	"fmt"
	"strings"
	"time"

	"recert/campaigns/report"
	"recert/model"
	"recert/model/store"
	"recert/views/revocation"
	"recert/views/ui"
)

// lagDays is how far back the board's figures of what is proven go.
const lagDays = 90

// boardLag adds how long removals take in what the board is narrowed to, and what of messages needs somebody.
func (s *site) boardLag(r *request, p *revocation.ListPage, f store.RemediationFilter) error {
	now := model.TimeOf(s.Now())
	figures, err := report.LagFigures(r.Context(), s.Store, store.LagFilter{RunID: f.RunID, SourceID: f.SourceID, Since: now.Add(-lagDays * 24 * time.Hour)}, now)
	if err != nil {
		return err
	}
	p.Lag = revocation.Lag{Days: lagDays, How: report.LagHow}
	for _, l := range figures {
		row := revocation.LagRow{Source: l.Source, Called: times(l.Called), Proven: times(l.Proven), Open: l.Open}
		if l.Open > 0 {
			row.Oldest = precise(l.Oldest)
		}
		p.Lag.Rows = append(p.Lag.Rows, row)
	}
	if len(p.Lag.Rows) == 2 {
		p.Lag.Rows = p.Lag.Rows[1:] // all together is the one
	}
	counts, err := s.Store.MessageCounts(r.Context())
	if err != nil {
		return err
	}
	setup, err := s.mailSetup(r, 0)
	if err != nil {
		return err
	}
	p.Messages = revocation.Messages{Failed: counts[model.MessageFailed], NoMail: setup != nil && counts[model.MessageQueued] > 0}
	return nil
}

func times(s report.Spread) revocation.Times {
	return revocation.Times{N: s.N, Of: s.Of, Median: precise(s.Median), P95: precise(s.P95), Worst: precise(s.Worst)}
}

// precise is a duration in its two largest units, cut off after them: "2 days 3 hours", "45 seconds".
func precise(d time.Duration) string {
	if d < time.Second {
		return "under a second"
	}
	units := []struct {
		of        time.Duration
		one, many string
	}{{24 * time.Hour, "day", "days"}, {time.Hour, "hour", "hours"}, {time.Minute, "minute", "minutes"}, {time.Second, "second", "seconds"}}
	var parts []string
	for _, u := range units {
		n := int64(d / u.of)
		if n == 0 && len(parts) == 0 {
			continue
		}
		if n > 0 {
			parts = append(parts, ui.Count(n, u.one, u.many))
		}
		d -= time.Duration(n) * u.of
		if len(parts) == 2 || n == 0 {
			break
		}
	}
	return strings.Join(parts, " ")
}

// toldOf adds the messages about a removal; and, as long as it is open, that nobody could be told that it came
// back, or that it is contested, where nobody was.
func (s *site) toldOf(r *request, p *revocation.Page, row *store.RemediationRow) error {
	ms, err := s.Store.RemovalMessages(r.Context(), row.ID)
	if err != nil {
		return err
	}
	for i := range ms {
		m := messageRow(&ms[i], r.zone)
		p.Told = append(p.Told, revocation.Told{Text: fmt.Sprintf("%s: %s", m.To, m.What), Href: "/messages/" + m.ID, At: m.At, State: m.State, Why: m.Why})
	}
	cameBack, contested, err := s.Campaigns.Untold(r.Context(), row, ms)
	if err != nil {
		return err
	}
	why := "Neither the campaign nor " + row.Source + " has an owner whom a source of people knows. Name one: owner in the campaign's definition or in the source's. It counts from the next one on."
	for _, x := range []struct {
		is   bool
		what string
	}{{cameBack, "That it came back"}, {contested, "That it is contested"}} {
		if x.is {
			p.Told = append(p.Told, revocation.Told{Text: x.what + ": nobody could be told by mail", State: ui.Tag{Text: "Not told", Tone: ui.Bad}, Why: why})
		}
	}
	p.Untold = cameBack
	if p.Contest != nil {
		p.Contest.Untold = contested
	}
	return nil
}

// unlink takes from a removal's page what leads where the reader may not go: the owner of a campaign reads its
// removals, and not all that staff does.
func (s *site) unlink(r *request, p *revocation.Page, row *store.RemediationRow) error {
	if staff(r.actor) {
		return nil
	}
	if p.PersonID != "" {
		may := false
		if row.PersonKey != nil {
			var err error
			if may, err = s.Campaigns.CanSeePerson(r.Context(), r.actor, *row.PersonKey); err != nil {
				return err
			}
		}
		if !may {
			p.PersonID = ""
		}
	}
	for i := range p.Facts {
		if !strings.HasPrefix(p.Facts[i].Href, "/revocations/") { // those are of the same campaign
			p.Facts[i].Href = ""
		}
	}
	for i := range p.Told {
		p.Told[i].Href = ""
	}
	if p.Manual != nil && (row.AssigneeKey == nil || *row.AssigneeKey != r.actor.PersonKey) {
		p.Manual.Href = ""
	}
	return nil
}
