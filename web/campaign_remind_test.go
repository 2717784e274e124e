package web

import "testing"

func TestReminderWords(t *testing.T) {
	t.Parallel()
	for want, in := range map[string][]string{
		"7 days before, on the due date, 1 day after": {"7d", "0d", "+1d"},
		"on the due date, on the due date":            {"+0d", "0w"},
		"10 days before, 2w after":                    {"10d", "+2w"},
	} {
		if got := reminderWords(in); got != want {
			t.Errorf("%v: %q, want %q", in, got, want)
		}
	}
}
