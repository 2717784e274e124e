package notify_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recert/campaigns/connector/dial"
	"recert/campaigns/notify"
	"recert/model"
)

func noon() time.Time { return time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC) }

var hello = notify.Mail{ID: "abc", To: "ana@example.com", Subject: "Zugriff für Zoë", Text: "Hello\n.\nfrom a dot", HTML: "<p>Hello</p>"}

func TestSMTPSends(t *testing.T) {
	t.Parallel()
	login := func(s *smtpd) { s.user, s.password = "recert", "hunter2" }
	for name, c := range map[string]struct {
		change []func(*smtpd)
		tls    bool
	}{
		"plain":              {nil, false},
		"starttls":           {[]func(*smtpd){withTLS(t)}, true},
		"starttls and login": {[]func(*smtpd){withTLS(t), login}, true},
		"tls and login":      {[]func(*smtpd){withTLS(t), login, func(s *smtpd) { s.implicit = true }}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSMTP(t, c.change...)
			if err := s.sender(noon).Send(t.Context(), hello); err != nil {
				t.Fatal(err)
			}
			got := s.mails()
			if len(got) != 1 || got[0].to != "ana@example.com" || got[0].tls != c.tls || got[0].user != s.user {
				t.Fatalf("taken: %+v", got)
			}
			l := open(t, got[0].raw)
			if l.subject != hello.Subject || strings.ReplaceAll(l.text, "\r\n", "\n") != hello.Text || l.html != hello.HTML {
				t.Errorf("letter: %+v", l)
			}
			for header, want := range map[string]string{
				"From": `"Access reviews" <recert@example.com>`, "To": "<ana@example.com>", "Message-Id": "<abc@example.com>", "Auto-Submitted": "auto-generated",
				"Date": "Thu, 01 Oct 2026 12:00:00 +0000",
			} {
				if got := l.header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
		})
	}
}

// TestSMTPProblems: what goes wrong is told from what goes wrong with this one mail.
func TestSMTPProblems(t *testing.T) {
	t.Parallel()
	on := func(command, answer string) func(*smtpd) {
		return func(s *smtpd) {
			s.reply = func(c, _ string) string {
				if c == command {
					return answer
				}
				return ""
			}
		}
	}
	login := func(s *smtpd) { s.user, s.password = "recert", "hunter2" }
	stranger := func(srv *notify.Server) { srv.Roots = nil }
	for name, c := range map[string]struct {
		server             []func(*smtpd)
		settings           func(*notify.Server)
		permanent, server_ bool
		want               string
		taken              int
	}{
		"nobody of that name":    {[]func(*smtpd){on("RCPT", "550 5.1.1 no such user")}, nil, true, false, "550 5.1.1 no such user", 0},
		"later":                  {[]func(*smtpd){on("RCPT", "451 4.7.1 greylisted")}, nil, false, false, "451 4.7.1 greylisted", 0},
		"too long":               {[]func(*smtpd){on(".", "552 5.3.4 too big")}, nil, true, false, "552 5.3.4 too big", 0},
		"full":                   {[]func(*smtpd){on(".", "452 4.3.1 full")}, nil, false, false, "452 4.3.1 full", 0},
		"not from you":           {[]func(*smtpd){on("MAIL", "553 5.7.1 sender denied")}, nil, false, true, "sender denied", 0},
		"going down":             {[]func(*smtpd){on("RCPT", "421 4.3.2 shutting down")}, nil, false, true, "shutting down", 0},
		"not today":              {[]func(*smtpd){on("connect", "554 no service")}, nil, false, true, "no service", 0},
		"cut before anything":    {[]func(*smtpd){on("connect", "cut")}, nil, false, true, "does not take mail", 0},
		"cut at the recipient":   {[]func(*smtpd){on("RCPT", "cut")}, nil, false, true, "did not let Recert finish", 0},
		"cut after the mail":     {[]func(*smtpd){on(".", "cut")}, nil, false, true, "did not let Recert finish", 1},
		"hangs at once":          {[]func(*smtpd){on("connect", "hang")}, func(s *notify.Server) { s.Timeout = 200 * time.Millisecond }, false, true, "does not take mail", 0},
		"hangs after the mail":   {[]func(*smtpd){on(".", "hang")}, func(s *notify.Server) { s.Timeout = 200 * time.Millisecond }, false, true, "did not let Recert finish", 0},
		"wrong password":         {[]func(*smtpd){withTLS(t), login}, func(s *notify.Server) { s.Password = "other" }, false, true, "535", 0},
		"password not asked for": {[]func(*smtpd){withTLS(t)}, func(s *notify.Server) { s.Username, s.Password = "u", "p" }, false, true, "AUTH", 0},
		"password needed":        {[]func(*smtpd){withTLS(t), login}, func(s *notify.Server) { s.Username, s.Password = "", "" }, false, true, "sign in first", 0},
		"unknown authority":      {[]func(*smtpd){withTLS(t)}, stranger, false, true, "ca_file", 0},
		"unknown authority, tls": {[]func(*smtpd){withTLS(t), func(s *smtpd) { s.implicit = true }}, stranger, false, true, "ca_file", 0},
		"no starttls":            {nil, func(s *notify.Server) { s.Security = model.MailStartTLS }, false, true, "STARTTLS", 0},
		"plain to somebody else": {nil, func(s *notify.Server) { s.Host, s.Security = "192.0.2.1", model.MailPlain }, false, true, "tls none is for a server on this machine", 0},
		"an address of the inside": {nil, func(s *notify.Server) {
			s.Host, s.Port, s.Security = "169.254.169.254", 25, model.MailStartTLS
			s.Dial = (&dial.Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}).DialContext
		}, false, true, "is not an address that a system of yours may have", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSMTP(t, c.server...)
			var change []func(*notify.Server)
			if c.settings != nil {
				change = append(change, c.settings)
			}
			began := time.Now()
			err := s.sender(noon, change...).Send(t.Context(), hello)
			var p *notify.SendError
			if !errors.As(err, &p) || p.Permanent != c.permanent || p.Server != c.server_ || !strings.Contains(p.Msg, c.want) {
				t.Fatalf("got %#v (%v), want permanent %v, server %v, %q", p, err, c.permanent, c.server_, c.want)
			}
			if strings.Contains(p.Msg, "hunter2") || strings.Contains(p.Msg, "other") || strings.ContainsAny(p.Msg, "\r\n") {
				t.Errorf("said %q", p.Msg)
			}
			if n := len(s.mails()); n != c.taken {
				t.Errorf("%d mails taken", n)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestSMTPGoodbye: a mail that was taken is sent, whatever becomes of the goodbye.
func TestSMTPGoodbye(t *testing.T) {
	t.Parallel()
	s := startSMTP(t, func(s *smtpd) {
		s.reply = func(c, _ string) string {
			if c == "QUIT" {
				return "cut"
			}
			return ""
		}
	})
	if err := s.sender(noon).Send(t.Context(), hello); err != nil || len(s.mails()) != 1 {
		t.Errorf("%v, %d taken", err, len(s.mails()))
	}
}

// TestSMTPEnds: whoever waits no longer is not kept by a server that hangs.
func TestSMTPEnds(t *testing.T) {
	t.Parallel()
	var at atomic.Bool
	s := startSMTP(t, func(s *smtpd) {
		s.reply = func(c, _ string) string {
			if c == "." {
				at.Store(true)
				return "hang"
			}
			return ""
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if err := s.sender(noon, func(s *notify.Server) { s.Timeout = time.Minute }).Send(ctx, hello); err == nil || !at.Load() {
		t.Errorf("got %v, after the mail %v", err, at.Load())
	}
}

func TestSMTPNotSetUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		ready bool
		want  string
	}{
		"nothing":      {nil, false, "not set up"},
		"half of it":   {model.Errorf(model.Invalid, "the secret SMTP_PASSWORD is not set"), true, "SMTP_PASSWORD is not set"},
		"our database": {errors.New("disk"), false, "disk"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &notify.SMTP{Now: noon, Server: func(context.Context) (*notify.Server, error) { return nil, c.err }}
			if ready, _ := s.Ready(t.Context()); ready != c.ready {
				t.Errorf("ready %v", ready)
			}
			if err := s.Send(t.Context(), hello); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
