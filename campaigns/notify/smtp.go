package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"recert/model"
)

// Server is the mail server that takes mail from Recert, its password in clear.
type Server struct {
	Host     string
	Port     int
	From     string // an address, with or without a name
	Username string // "" is no sign-in
	Password string
	Security string         // model.MailStartTLS, MailTLS or MailPlain
	Roots    *x509.CertPool // nil is the machine's
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Timeout  time.Duration // of connecting and signing in, and again of handing a mail over; 0 is 30 s
}

// SMTP hands mail to a mail server, a connection a mail.
type SMTP struct {
	// Server gives the settings as they are now; nil where mail is not set up. What is wrong with them
	// is an error without a secret in it.
	Server func(ctx context.Context) (*Server, error)
	Now    func() time.Time
}

// Ready tells whether there are settings, usable or not.
func (s *SMTP) Ready(ctx context.Context) (bool, error) {
	srv, err := s.Server(ctx)
	if err != nil && model.KindOf(err) == model.Internal {
		return false, err
	}
	return srv != nil || err != nil, nil // what is wrong with them is told at each message
}

// Send hands one mail over.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	srv, err := s.Server(ctx)
	switch {
	case err != nil && model.KindOf(err) == model.Internal:
		return err
	case err != nil:
		return &SendError{Server: true, Msg: "The mail settings do not work: " + model.Message(err)}
	case srv == nil:
		return &SendError{Server: true, Msg: "Mail is not set up."}
	}
	msg, err := s.message(srv, m)
	if err != nil {
		return err
	}
	return srv.send(ctx, msg)
}

func (s *SMTP) message(srv *Server, m Mail) (*gomail.Msg, error) {
	from, err := mail.ParseAddress(srv.From)
	if err != nil {
		return nil, &SendError{Server: true, Msg: "The mail settings do not work: from is not an address."}
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(&mail.Address{Address: m.To})
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetDateWithValue(s.Now())
	// Nobody's holiday notice is wanted in return.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

func (srv *Server) timeout() time.Duration {
	if srv.Timeout > 0 {
		return srv.Timeout
	}
	return 30 * time.Second
}

// send talks to the server. The connection is closed here, whatever happens: the library leaves it
// open where the talk before the first mail fails.
func (srv *Server) send(ctx context.Context, msg *gomail.Msg) error {
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close() // after QUIT it is closed already
		}
	}()
	c, err := srv.client(func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		conn, err = srv.dial(ctx, network, address)
		return conn, err
	})
	if err != nil {
		return &SendError{Server: true, Msg: "The mail settings do not work: " + said(err)}
	}
	talk, err := c.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &SendError{Server: true, Msg: fmt.Sprintf("The mail server %s:%d does not take mail from Recert: %s", srv.Host, srv.Port, said(err))}
	}
	// A server that hangs is left at the deadline, and where the caller waits no longer.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := c.SendWithSMTPClient(talk, msg); err != nil && !msg.IsDelivered() {
		return problem(err)
	}
	// It has been taken: a goodbye that fails changes nothing.
	_ = c.CloseWithSMTPClient(talk)
	return nil
}

func (srv *Server) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSMandatory
	if srv.Security != model.MailStartTLS {
		policy = gomail.NoTLS // with MailTLS the connection is encrypted before it is handed over
	}
	opts := []gomail.Option{
		gomail.WithPort(srv.Port), gomail.WithTimeout(srv.timeout()), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(srv.tls()),
		gomail.WithDialContextFunc(dial), gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	if srv.Username != "" {
		opts = append(opts, gomail.WithUsername(srv.Username), gomail.WithPassword(srv.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	return gomail.NewClient(srv.Host, opts...)
}

func (srv *Server) tls() *tls.Config {
	return &tls.Config{ServerName: srv.Host, RootCAs: srv.Roots, MinVersion: tls.VersionTLS12}
}

// dial connects, with TLS where the server speaks nothing else.
func (srv *Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if srv.Security == model.MailPlain && !loopback(srv.Host) {
		return nil, errors.New("tls none is for a server on this machine")
	}
	conn, err := srv.Dial(ctx, network, address)
	if err != nil || srv.Security != model.MailTLS {
		return conn, err
	}
	enc := tls.Client(conn, srv.tls())
	if err := enc.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return enc, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// problem sorts what the server said of a mail. Only an answer about the recipient or the mail is
// about this one alone; no answer tells nothing.
func problem(err error) error {
	var se *gomail.SendError
	if !errors.As(err, &se) {
		return err
	}
	text, _, _ := strings.Cut(se.Error(), ", affected recipient")
	text, _, _ = strings.Cut(text, ", affected message")
	code := se.ErrorCode()
	if m := answerRE.FindStringSubmatch(text); m != nil {
		if said, err := strconv.Unquote(m[2]); err == nil {
			text = m[1] + " " + said
		}
	}
	switch {
	case code == 0, code == 421, code == 530, code == 535, code == 538:
		return &SendError{Server: true, Msg: "The mail server did not let Recert finish: " + clean(text)}
	case se.Reason == gomail.ErrSMTPMailFrom:
		return &SendError{Server: true, Msg: "The mail server does not take mail from this sender: " + clean(text)}
	}
	return &SendError{Permanent: code >= 500, Msg: "The mail server refused it: " + clean(text)}
}

// answerRE finds the server's answer in what the library says.
var answerRE = regexp.MustCompile(`\b([45][0-9][0-9]) ("(?:[^"\\]|\\.)*")`)

func said(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is not signed by anybody that this machine trusts; name the certificates that vouch for it by ca_file"
	case errors.As(err, &host):
		return "its certificate is for another name"
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer in time"
	}
	return clean(err.Error())
}

// clean is a server's answer on one line, of a length that can be shown.
func clean(text string) string { return cut(oneLine(text), 300) }
