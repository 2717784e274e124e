package web

import (
	"strings"

	"recert/campaigns"
	"recert/campaigns/notify"
	"recert/model"
	"recert/views/campaign"
	"recert/views/ui"
)

// reminders tells when reviewers are reminded next, or that nobody is.
func (s *site) reminders(r *request, p *campaign.Page, run model.Run) error {
	next, err := campaigns.NextReminder(run, s.now())
	if err != nil {
		return err
	}
	ready, err := notify.SetUp(r.Context(), s.Store)
	p.Reminder, p.Mailless = ui.At(next, zone(run.TimeZone)), !ready
	return err
}

// reminderWords is "7d, 0d, +1d" as people say it.
func reminderWords(reminders []string) string {
	words := make([]string, 0, len(reminders))
	for _, r := range reminders {
		after, isAfter := strings.CutPrefix(r, "+")
		switch {
		case strings.Trim(after, "0") == "d" || strings.Trim(after, "0") == "w":
			words = append(words, "on the due date")
		case isAfter:
			words = append(words, dueWords(after)+" after")
		default:
			words = append(words, dueWords(after)+" before")
		}
	}
	return strings.Join(words, ", ")
}

// schedulePair says the schedules that the form offers in words, and any other as it is.
func schedulePair(rule string) ui.Pair {
	if words := campaign.ScheduleWords(rule); words != "" {
		return ui.Pair{Term: "Begins by itself", Text: words}
	}
	return ui.Pair{Term: "Begins by itself", Text: rule, Code: true}
}
