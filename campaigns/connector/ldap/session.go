package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector"
)

const (
	mostIdle = 4                // connections that are kept for the next operation
	idleFor  = 20 * time.Second // for how long; servers and firewalls end idle ones themselves
)

// session is one connection that is signed in.
type session struct {
	c     *Client
	raw   net.Conn
	frame *framed
	conn  *goldap.Conn
	srv   *server
	root  string      // the tree that holds the base, as far up as it may be searched; "" is not known yet
	rest  *time.Timer // ends it while it is idle
}

// open gives a connection that is signed in; close it with done. One that was idle is tried
// out first, so that a connection which the server has dropped meanwhile fails no operation.
func (c *Client) open(ctx context.Context) (*session, error) {
	for {
		s := c.takeIdle()
		if s == nil {
			return c.dial(ctx)
		}
		_, err := s.readDSE(ctx)
		if err == nil {
			return s, nil
		}
		s.end()
		if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
			return nil, err // the server hangs; another connection would wait as long
		}
	}
}

func (c *Client) takeIdle() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := len(c.idle); n > 0; n = len(c.idle) {
		s := c.idle[n-1]
		c.idle = c.idle[:n-1]
		if s.rest.Stop() {
			return s
		}
	}
	return nil
}

// done gives the session back: kept for the next operation, or ended where it failed.
func (s *session) done() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.conn.IsClosing() || s.frame.fault() != nil || len(s.c.idle) >= mostIdle {
		go s.end() // ending takes a word with the server; nobody waits for that
		return
	}
	s.rest = time.AfterFunc(idleFor, s.retire)
	s.c.idle = append(s.c.idle, s)
}

// retire ends a session that was idle for long.
func (s *session) retire() {
	s.c.mu.Lock()
	for i, other := range s.c.idle {
		if other == s {
			s.c.idle = append(s.c.idle[:i], s.c.idle[i+1:]...)
			break
		}
	}
	s.c.mu.Unlock()
	s.end()
}

// end closes the connection at once; the raw one first, so that nothing waits for the server.
func (s *session) end() {
	_ = s.raw.Close()
	_ = s.conn.Close()
}

// Close ends the connections that are kept for later. The Client can still be used.
func (c *Client) Close() {
	for s := c.takeIdle(); s != nil; s = c.takeIdle() {
		s.end()
	}
}

// dial connects, encrypts, signs in, and reads what the server says of itself.
func (c *Client) dial(ctx context.Context) (*session, error) {
	bound, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	raw, err := c.cfg.Dial(bound, "tcp", c.address)
	if err != nil {
		return nil, c.unreachable(ctx, "The directory cannot be reached at "+c.address, err)
	}
	// The deadline holds for whatever is done on the connection until it is set up.
	stop := context.AfterFunc(bound, func() { _ = raw.Close() })
	conn, err := c.encrypt(bound, raw)
	if err != nil {
		stop()
		_ = raw.Close()
		return nil, c.withContext(ctx, err)
	}
	s := &session{c: c, raw: raw, frame: newFramed(conn)}
	s.frame.budget.Store(c.cfg.MaxAnswer)
	s.conn = goldap.NewConn(s.frame, c.tls != nil)
	s.conn.Start()
	stop()
	if err := s.bind(ctx); err != nil {
		s.end()
		return nil, err
	}
	if s.srv, err = s.readDSE(ctx); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *session) bind(ctx context.Context) error {
	err := s.do(ctx, "The sign-in", func() error { return s.conn.Bind(s.c.cfg.BindDN, s.c.cfg.Password) })
	if code, ok := resultOf(err); ok {
		switch code {
		case goldap.LDAPResultInvalidCredentials:
			return fail(connector.Denied, "The directory refuses the connector's user name or password", code)
		case goldap.LDAPResultStrongAuthRequired, goldap.LDAPResultConfidentialityRequired:
			return fail(connector.Denied, "The directory takes no password over an unencrypted connection; use ldaps://, or ldap:// with StartTLS", code)
		case goldap.LDAPResultNoSuchObject, goldap.LDAPResultInvalidDNSyntax:
			return fail(connector.Denied, "The directory does not know the connector's user name; it must be the account's DN", code)
		}
	}
	return s.sort("The sign-in", err)
}

// startTLS is the request of RFC 4511, 4.14, with the message number 1.
var startTLS = append([]byte{0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16}, "1.3.6.1.4.1.1466.20037"...)

// encrypt makes the connection a verified TLS one, where it is to be.
func (c *Client) encrypt(ctx context.Context, raw net.Conn) (net.Conn, error) {
	if c.tls == nil {
		return raw, nil
	}
	if !c.ldaps {
		if err := askTLS(raw); err != nil {
			return nil, err
		}
	}
	conn := tls.Client(raw, c.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, &connector.Failure{Kind: connector.Unreachable, Err: err,
			Msg: "The encrypted connection to the directory failed; check the address, the authority that is trusted, and the name in the server's certificate"}
	}
	return conn, nil
}

// askTLS asks for StartTLS in clear. The answer is read byte by byte to its end: whatever
// somebody sends in clear behind it is taken for the handshake, and breaks that.
func askTLS(raw net.Conn) error {
	lost := func(err error) error {
		return &connector.Failure{Kind: connector.Unreachable, Msg: "The directory gave no answer to StartTLS", Err: err}
	}
	if _, err := raw.Write(startTLS); err != nil {
		return lost(err)
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(raw, head); err != nil {
		return lost(err)
	}
	size := int(head[1])
	if more := size - 0x80; more > 0 && more <= 4 { // the long form, which Active Directory always has
		long := make([]byte, more)
		if _, err := io.ReadFull(raw, long); err != nil {
			return lost(err)
		}
		size = 0
		for _, b := range long {
			size = size<<8 | int(b)
		}
		head = append(head, long...)
	}
	broken := &connector.Failure{Kind: connector.Broken, Msg: "The answer to StartTLS is not LDAP; is this the address of a directory server?"}
	if head[0] != 0x30 || head[1] > 0x84 || head[1] == 0x80 || size > 64<<10 {
		return broken
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(raw, body); err != nil {
		return lost(err)
	}
	packet, err := ber.DecodePacketErr(append(head, body...))
	if err != nil {
		return broken
	}
	if err := goldap.GetLDAPError(packet); err != nil {
		code, _ := resultOf(err)
		return fail(connector.Refused, "The directory offers no StartTLS; use ldaps://, or set the server up for it", code)
	}
	return nil
}

// do runs one operation with a deadline; a connection whose deadline passes is closed, which
// ends the operation. The error is not sorted yet.
func (s *session) do(ctx context.Context, what string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return s.c.unreachable(ctx, what+" was not begun", err)
	}
	bound, cancel := context.WithTimeout(ctx, s.c.cfg.Timeout)
	defer cancel()
	s.frame.budget.Store(s.c.cfg.MaxAnswer)
	stop := context.AfterFunc(bound, func() { _ = s.raw.Close() })
	err := f()
	stop()
	if err == nil {
		return nil
	}
	if _, ok := resultOf(err); ok {
		return err
	}
	switch fault := s.frame.fault(); {
	case errors.Is(fault, errTooLong):
		return &connector.Failure{Kind: connector.Broken, Err: fault,
			Msg: fmt.Sprintf("%s was answered with more than %d bytes; raise the limit, or ask for smaller pages", what, s.c.cfg.MaxAnswer)}
	case fault != nil:
		return &connector.Failure{Kind: connector.Broken, Msg: what + " was answered with something that is not LDAP", Err: fault}
	case bound.Err() != nil && ctx.Err() == nil:
		return &connector.Failure{Kind: connector.Unreachable, Err: bound.Err(),
			Msg: fmt.Sprintf("%s was not answered within %v", what, s.c.cfg.Timeout)}
	case ctx.Err() != nil:
		return s.c.unreachable(ctx, what+" was given up", ctx.Err())
	case s.conn.IsClosing() || goldap.IsErrorWithCode(err, goldap.ErrorNetwork):
		return &connector.Failure{Kind: connector.Unreachable, Msg: what + ": the connection to the directory broke", Err: errBroke}
	}
	return &connector.Failure{Kind: connector.Broken, Msg: what + " was answered with something that is not LDAP", Err: errNotLDAP}
}

// errBroke stands for the library's error, which may quote what the server sent.
var errBroke = errors.New("connection lost")

// withContext makes an error of setting up tell that the caller's context ended.
func (c *Client) withContext(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return c.unreachable(ctx, "Connecting to the directory was given up", ctx.Err())
	}
	return err
}

// unreachable is a failure to reach the directory; err is of the dialer, a context or TLS, and
// so never quotes the server.
func (c *Client) unreachable(ctx context.Context, msg string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &connector.Failure{Kind: connector.Unreachable, Msg: msg, Err: err}
}
