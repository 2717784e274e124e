package notify_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector/dial"
	"recert/campaigns/notify"
	"recert/model"
)

// smtpd is a mail server on loopback. It can be told to misbehave.
type smtpd struct {
	ln       net.Listener
	cert     *tls.Certificate // nil: no TLS
	roots    *x509.CertPool
	implicit bool   // TLS from the first byte
	user     string // "" takes mail from everybody
	password string

	// reply is asked before each command is answered: "" is the ordinary answer, "cut" ends the
	// connection, "hang" says nothing more; anything else is the answer. Command "." is the end of DATA.
	reply func(command, rest string) string

	mu    sync.Mutex
	taken []taken // also what was taken before the connection was cut
	conns []net.Conn
	done  chan struct{}
}

// taken is one mail that the server has.
type taken struct {
	from, to string // of the envelope
	raw      string
	tls      bool
	user     string
}

func startSMTP(tb testing.TB, change ...func(*smtpd)) *smtpd {
	tb.Helper()
	s := &smtpd{done: make(chan struct{})}
	for _, c := range change {
		c(s)
	}
	var err error
	if s.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	go s.accept()
	tb.Cleanup(func() {
		close(s.done)
		s.ln.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conns {
			c.Close()
		}
	})
	return s
}

// withTLS gives the server a certificate of an authority of its own.
func withTLS(tb testing.TB) func(*smtpd) {
	tb.Helper()
	return func(s *smtpd) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		tmpl := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
		if err != nil {
			tb.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			tb.Fatal(err)
		}
		s.cert = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
		s.roots = x509.NewCertPool()
		s.roots.AddCert(leaf)
	}
}

func (s *smtpd) accept() {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		go s.talk(conn)
	}
}

// talk is one connection.
func (s *smtpd) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	now := taken{tls: s.implicit}
	if s.implicit {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}})
	}
	r := bufio.NewReader(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") } // who hung up hears nothing
	line := func() string {
		text, err := r.ReadString('\n')
		if err != nil {
			return "\x00"
		}
		return strings.TrimRight(text, "\r\n")
	}
	// instead gives true where the ordinary answer is not wanted.
	instead := func(command, rest string) (answered, end bool) {
		s.mu.Lock()
		reply := s.reply
		s.mu.Unlock()
		if reply == nil {
			return false, false
		}
		switch a := reply(command, rest); a {
		case "":
			return false, false
		case "cut":
			return true, true
		case "hang":
			<-s.done
			return true, true
		default:
			say(a)
			return true, false
		}
	}
	if answered, end := instead("connect", ""); end {
		return
	} else if !answered {
		say("220 test")
	}
	for {
		text := line()
		if text == "\x00" {
			return
		}
		command, rest, _ := strings.Cut(text, " ")
		command = strings.ToUpper(command)
		answered, end := instead(command, rest)
		if end {
			return
		}
		if answered {
			continue
		}
		switch command {
		case "EHLO":
			say("250-test")
			if s.cert != nil && !now.tls {
				say("250-STARTTLS")
			}
			if s.user != "" && now.tls {
				say("250-AUTH PLAIN LOGIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			enc := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}})
			if enc.Handshake() != nil {
				return
			}
			conn, r, now.tls = enc, bufio.NewReader(enc), true
		case "AUTH":
			_, blob, _ := strings.Cut(rest, " ")
			b, _ := base64.StdEncoding.DecodeString(blob)
			if string(b) != "\x00"+s.user+"\x00"+s.password {
				say("535 5.7.8 no")
				continue
			}
			now.user = s.user
			say("235 yes")
		case "MAIL":
			if s.user != "" && now.user == "" {
				say("530 5.7.0 sign in first")
				continue
			}
			now.from = rest
			say("250 ok")
		case "RCPT":
			now.to = strings.TrimSuffix(strings.TrimPrefix(rest, "TO:<"), ">")
			say("250 ok")
		case "DATA":
			say("354 go on")
			raw, err := textproto.NewReader(r).ReadDotBytes()
			if err != nil {
				return
			}
			now.raw = string(raw)
			if answered, end := instead(".", now.to); answered || end {
				if end { // it has the mail, and does not say so
					s.keep(now)
					return
				}
				continue
			}
			s.keep(now)
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// misbehave tells a server that runs what to answer from now on.
func (s *smtpd) misbehave(reply func(command, rest string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = reply
}

func (s *smtpd) keep(m taken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, m)
}

func (s *smtpd) mails() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken(nil), s.taken...)
}

// server is how Recert would be told of it.
func (s *smtpd) server(change ...func(*notify.Server)) *notify.Server {
	ap := netip.MustParseAddrPort(s.ln.Addr().String())
	srv := &notify.Server{
		Host: ap.Addr().String(), Port: int(ap.Port()), From: "Access reviews <recert@example.com>", Security: model.MailPlain, Roots: s.roots,
		Dial: (&dial.Dialer{Allow: dial.Anywhere}).DialContext, Timeout: 5 * time.Second, Username: s.user, Password: s.password,
	}
	if s.cert != nil {
		srv.Security = model.MailStartTLS
	}
	if s.implicit {
		srv.Security = model.MailTLS
	}
	for _, c := range change {
		c(srv)
	}
	return srv
}

// sender sends through it.
func (s *smtpd) sender(now func() time.Time, change ...func(*notify.Server)) *notify.SMTP {
	return &notify.SMTP{Now: now, Server: func(context.Context) (*notify.Server, error) { return s.server(change...), nil }}
}

// letter is a mail taken apart as a reader would.
type letter struct {
	to      string
	header  mail.Header
	subject string
	text    string
	html    string
}

func open(tb testing.TB, raw string) letter {
	tb.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		tb.Fatalf("%v\n%s", err, raw)
	}
	l := letter{header: m.Header}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		tb.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		tb.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l
		}
		if err != nil {
			tb.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			tb.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			l.html = string(b)
		} else {
			l.text = string(b)
		}
	}
}
