package campaigns

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"

	"recert/model"
)

// checkNotification refuses mail settings that cannot work, or that would show a password or what
// people are told to the network.
func checkNotification(name string, n *model.NotificationSpec) error {
	if name != model.MailNotification {
		return fmt.Errorf("name must be %s: messages go by mail", model.MailNotification)
	}
	if n.Mail == nil {
		return errors.New("give mail: with host and from, as in mail: {host: smtp.example.com, from: recert@example.com}")
	}
	m := n.Mail
	switch {
	case m.Host == "" || strings.ContainsAny(m.Host, " \t\r\n/@") || strings.Contains(m.Host, ":") && !isIP(m.Host):
		return fmt.Errorf("host %q must be a name or an address like smtp.example.com; the port has its own setting", m.Host)
	case m.Port < 0 || m.Port > 65535:
		return fmt.Errorf("port %d must be from 1 to 65535", m.Port)
	case (m.Username == "") != (m.Password == ""):
		return errors.New("give username and password together, or neither")
	case m.Password != "" && !secretRefRE.MatchString(m.Password):
		return errors.New("password must be a reference like ${SMTP_PASSWORD}: secrets are never stored")
	}
	if a, err := mail.ParseAddress(m.From); err != nil || strings.ContainsAny(a.Address+a.Name, "\r\n") {
		return fmt.Errorf("from %q must be an address like recert@example.com", m.From)
	}
	switch m.TLS {
	case "", model.MailStartTLS, model.MailTLS:
	case model.MailPlain:
		if !isLoopback(m.Host) {
			return fmt.Errorf("tls none is for a server on this machine, and %s is another: use starttls or tls", m.Host)
		}
	default:
		return fmt.Errorf("tls %q is none of starttls, tls and none", m.TLS)
	}
	return nil
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
