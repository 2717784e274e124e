package sqldb

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"recert/campaigns/connector/connectortest"
)

// proxy stands between a connector and its server: it counts the changes, and spoils requests
// and answers.
type proxy struct {
	t     *testing.T
	to    *server
	l     net.Listener
	lists []string // what a statement that reads a list holds
	reads []string // what a statement that looks holds
	// change tells whether a statement is the request for a change.
	change func(statement string) bool

	mu       sync.Mutex
	conns    map[net.Conn]bool
	attempts int
	changes  int
	faults   []*connectortest.Fault
	then     func()
	cut      int // messages of answers to lists until the connection is cut; 0 is never
}

func newProxy(t *testing.T, to *server) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, to: to, l: l, conns: map[net.Conn]bool{}}
	p.change = func(q string) bool {
		word, _, _ := strings.Cut(q, " ")
		return slices.Contains([]string{"REVOKE", "GRANT", "ALTER", "DELETE", "UPDATE", "INSERT"}, strings.ToUpper(word))
	}
	if to.mysql {
		// Its transaction locks what it looks at, so the transaction is the request.
		p.change = func(q string) bool { return q == "START TRANSACTION" }
	}
	go p.accept()
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		for c := range p.conns {
			c.Close()
		}
	})
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", p.to.addr)
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.conns[c], p.conns[up] = true, true
		p.mu.Unlock()
		l := &line{p: p, down: c, up: up, first: !p.to.mysql}
		go l.forward()
		go l.back()
	}
}

// line is one connection through the proxy.
type line struct {
	p        *proxy
	down, up net.Conn
	first    bool // the message without a type is still to come

	mu      sync.Mutex
	changed bool                    // a change was sent in this transaction
	commit  bool                    // the answer to COMMIT is to come
	spoil   connectortest.FaultKind // what happens to that answer
	mute    bool                    // no answer is handed on any more
	list    bool                    // a list was asked for
}

func (l *line) close() {
	l.down.Close()
	l.up.Close()
}

// read reads one message, head included.
func (l *line) read(r io.Reader, first bool) ([]byte, error) {
	n := 5
	if l.p.to.mysql || first {
		n = 4
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var size int
	if l.p.to.mysql {
		size = int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	} else {
		size = int(binary.BigEndian.Uint32(head[n-4:])) - 4
	}
	body := make([]byte, size)
	_, err := io.ReadFull(r, body)
	return append(head, body...), err
}

// statement is the SQL in a message, or "".
func (l *line) statement(m []byte) string {
	switch {
	case l.p.to.mysql:
		if len(m) > 5 && m[3] == 0 && (m[4] == 3 || m[4] == 22) {
			return string(m[5:])
		}
	case m[0] == 'Q':
		return string(bytes.TrimRight(m[5:], "\x00"))
	case m[0] == 'P':
		_, rest, _ := bytes.Cut(m[5:], []byte{0})
		q, _, _ := bytes.Cut(rest, []byte{0})
		return string(q)
	}
	return ""
}

func (l *line) forward() {
	defer l.close()
	for {
		m, err := l.read(l.down, l.first)
		if err != nil {
			return
		}
		if !l.first {
			if m = l.request(m, strings.TrimSpace(l.statement(m))); m == nil {
				return
			}
		}
		l.first = false
		if _, err := l.up.Write(m); err != nil {
			return
		}
	}
}

// request is what goes on to the server; nil ends the connection.
func (l *line) request(m []byte, q string) []byte {
	if q == "" {
		return m
	}
	p := l.p
	on := p.kind(q)
	upper := strings.ToUpper(q)
	p.mu.Lock()
	var then func()
	if p.change(q) {
		p.attempts++
		then, p.then = p.then, nil
	}
	p.mu.Unlock()
	if then != nil {
		then()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.change(q) {
		l.changed = true
	}
	l.list = on == connectortest.Lists || l.list && upper != "COMMIT" && upper != "ROLLBACK"
	if upper == "ROLLBACK" {
		l.changed = false
	}
	if upper == "COMMIT" {
		on, l.commit = connectortest.Nothing, true
		if l.changed {
			on = connectortest.Writes
		}
	}
	switch kind := p.fault(on); kind {
	case connectortest.DropRequest:
		return nil
	case connectortest.Stall:
		_, _ = io.Copy(io.Discard, l.down) // until the connector gives up
		return nil
	case connectortest.Garbage:
		l.garbage()
		return nil
	case connectortest.SlowReply, connectortest.DropReply:
		l.spoil = kind
	case connectortest.Lie:
		l.spoil = kind
		return bytes.ReplaceAll(bytes.ReplaceAll(grow(m, p.to.mysql), []byte("COMMIT"), []byte("ROLLBACK")), []byte("commit"), []byte("rollback"))
	default:
	}
	return m
}

// grow makes a message say that it is two bytes longer.
func grow(m []byte, mysql bool) []byte {
	m = bytes.Clone(m)
	if mysql {
		m[0] += 2
	} else {
		m[4] += 2
	}
	return m
}

// garbage answers what the protocol does not have, with the password in it.
func (l *line) garbage() {
	text := []byte("HTTP/1.1 200 OK\r\n\r\n" + canary + strings.Repeat("x", 200))
	if l.p.to.mysql {
		text = append([]byte{byte(len(text)), 0, 0, 9}, text...) // out of order
	}
	_, _ = l.down.Write(text)
	_, _ = io.Copy(io.Discard, l.down)
}

func (l *line) back() {
	defer l.close()
	for {
		m, err := l.read(l.up, false)
		if err != nil {
			return
		}
		if m = l.answer(m); m == nil {
			return
		}
		l.mu.Lock()
		mute := l.mute
		l.mu.Unlock()
		if mute {
			continue
		}
		if _, err := l.down.Write(m); err != nil {
			return
		}
	}
}

// answer is what goes on to the connector; nil ends the connection.
func (l *line) answer(m []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list && l.p.cuts() {
		return nil
	}
	if !l.commit {
		return m
	}
	ok := l.p.to.mysql && len(m) > 4 && m[4] == 0
	if !l.p.to.mysql {
		if m[0] != 'C' {
			return m
		}
		ok = string(m[5:]) == "COMMIT\x00"
	}
	spoil := l.spoil
	if ok && l.changed && spoil != connectortest.Lie {
		l.p.mu.Lock()
		l.p.changes++
		l.p.mu.Unlock()
	}
	l.commit, l.changed, l.spoil = false, false, ""
	switch spoil {
	case connectortest.DropReply:
		return nil
	case connectortest.SlowReply:
		l.mute = true
	case connectortest.Lie:
		if !l.p.to.mysql {
			return []byte("C\x00\x00\x00\x0bCOMMIT\x00")
		}
	default:
	}
	return m
}

// cuts tells whether the connection is cut before this message.
func (p *proxy) cuts() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut == 0 {
		return false
	}
	p.cut--
	return p.cut == 0
}

func (p *proxy) cutAfter(messages int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = messages
}

func (p *proxy) kind(q string) connectortest.On {
	for _, s := range p.lists {
		if strings.Contains(q, s) {
			return connectortest.Lists
		}
	}
	for _, s := range p.reads {
		if strings.Contains(q, s) {
			return connectortest.Reads
		}
	}
	return connectortest.Nothing
}

// fault is what happens to a request, or "".
func (p *proxy) fault(on connectortest.On) connectortest.FaultKind {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, f := range p.faults {
		if f.On != on {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times == 1 {
			p.faults = slices.Delete(p.faults, i, i+1)
		}
		return f.Kind
	}
	return ""
}

func (p *proxy) Inject(f connectortest.Fault) bool {
	can := map[connectortest.On][]connectortest.FaultKind{
		connectortest.Writes: {connectortest.Stall, connectortest.DropRequest, connectortest.DropReply, connectortest.SlowReply, connectortest.Lie},
		connectortest.Reads:  {connectortest.Stall, connectortest.DropRequest, connectortest.Garbage},
		connectortest.Lists:  {connectortest.Stall, connectortest.DropRequest, connectortest.Garbage},
	}
	if !slices.Contains(can[f.On], f.Kind) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
	return true
}

func (p *proxy) ClearFaults() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

func (p *proxy) Meanwhile(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.then = f
}

func (p *proxy) Attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attempts
}

func (p *proxy) Changes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changes
}
