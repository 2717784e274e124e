package ldap

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"recert/campaigns/connector/connectortest"
)

// done is the last answer to a request.
func done(id int64, op *ber.Packet, code int, diagnostic string, referral string) []byte {
	tag := ber.Tag(goldap.ApplicationSearchResultDone)
	if op.Tag == goldap.ApplicationModifyRequest {
		tag = goldap.ApplicationModifyResponse
	}
	answer := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "answer")
	answer.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	answer.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	answer.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, diagnostic, ""))
	if referral != "" {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "referral")
		list.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, referral, ""))
		answer.AppendChild(list)
	}
	return message(id, answer)
}

func message(id int64, op *ber.Packet) []byte {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "message")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	return m.Bytes()
}

// codes of the directory that mean what a status of HTTP does.
var codes = map[int]int{
	400: 2, 401: 49, 403: 50, 404: 32, 408: 3, 418: 53, 422: 19, 500: 80, 502: 52, 503: 52, 504: 51,
}

// before carries out what a fault does to a request; ok is false where the connection ends.
func (l *link) before(id int64, op *ber.Packet, x *exchange) (forward, ok bool) {
	answer := func(b []byte) (bool, bool) {
		_, err := l.client.Write(b)
		return false, err == nil
	}
	switch x.fault.Kind {
	case connectortest.Status:
		return answer(done(id, op, codes[x.fault.Status], "you sent "+l.p.secret, ""))
	case connectortest.Redirect:
		return answer(done(id, op, goldap.LDAPResultReferral, l.p.secret, x.fault.Location))
	case connectortest.Lie:
		return answer(done(id, op, 0, "", ""))
	case connectortest.Garbage:
		return answer([]byte("HTTP/1.1 400 Bad Request\r\n\r\n" + l.p.secret))
	case connectortest.Huge:
		head := []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, byte(id), 0x64, 0x84, 0x7f, 0xff, 0xff, 0xf0, 0x04, 0x84, 0x7f, 0xff, 0xff, 0xe0}
		if _, err := l.client.Write(head); err != nil {
			return false, false
		}
		for {
			if _, err := io.WriteString(l.client, strings.Repeat(l.p.secret, 100)); err != nil {
				return false, false
			}
		}
	case connectortest.Stall:
		return false, true
	case connectortest.DropRequest:
		return false, false
	default: // what happens to the answer
	}
	return true, true
}

func (l *link) answers() {
	r := bufio.NewReader(l.server)
	for {
		packet, err := ber.ReadPacket(r)
		if err != nil || len(packet.Children) < 2 {
			return
		}
		id, op := number(packet.Children[0]), packet.Children[1]
		l.mu.Lock()
		x := l.waiting[id]
		l.mu.Unlock()
		if x == nil {
			x = &exchange{}
		}
		final := op.Tag != goldap.ApplicationSearchResultEntry && op.Tag != goldap.ApplicationSearchResultReference
		if final && x.write && number(op.Children[0]) == 0 {
			l.p.mu.Lock()
			l.p.changes++
			l.p.mu.Unlock()
		}
		out, ok := l.after(id, packet, x, final)
		if !ok {
			return
		}
		for _, b := range out {
			if _, err := l.client.Write(b); err != nil {
				return
			}
		}
	}
}

// after carries out what a fault does to an answer.
func (l *link) after(id int64, packet *ber.Packet, x *exchange, final bool) (out [][]byte, ok bool) {
	op := packet.Children[1]
	kind := connectortest.FaultKind("")
	if x.fault != nil {
		kind = x.fault.Kind
	}
	if x.paged && x.first && op.Tag == goldap.ApplicationSearchResultEntry {
		l.page = append(l.page, op)
	}
	if x.paged && x.first && final {
		x.held, l.page = l.page, nil
		l.mu.Lock()
		l.waiting[-1] = x // the first page, for DupPage
		l.mu.Unlock()
	}
	switch {
	case kind == connectortest.DropReply && final:
		return nil, false
	case kind == connectortest.SlowReply && final:
		time.Sleep(l.p.patience + 300*time.Millisecond)
	case kind == connectortest.ShortPage && final:
		return [][]byte{done(id, &ber.Packet{}, goldap.LDAPResultSizeLimitExceeded, l.p.secret, "")}, true
	case kind == connectortest.CutPage && !final && x.held == nil:
		x.held = []*ber.Packet{op}
		return nil, true
	case kind == connectortest.DupPage && !final:
		return nil, true
	case kind == connectortest.DupPage:
		l.mu.Lock()
		first := l.waiting[-1]
		l.mu.Unlock()
		for _, e := range first.held {
			out = append(out, message(id, e))
		}
	case l.p.most > 0 && op.Tag == goldap.ApplicationSearchResultEntry:
		l.ranges(op)
		return [][]byte{message(id, op)}, true
	case kind == connectortest.WrongResource && !final:
		l.mistake(op)
		return [][]byte{message(id, op)}, true
	}
	return append(out, packet.Bytes()), true
}

// ranges gives a part of the members only, as a domain controller does with more than 1500.
func (l *link) ranges(entry *ber.Packet) {
	l.p.mu.Lock()
	most, lossy := l.p.most, l.p.lossy
	l.p.mu.Unlock()
	l.rewrite(entry, func(name string, vals []*ber.Packet) (string, []*ber.Packet) {
		name, option, _ := strings.Cut(name, ";")
		if !strings.EqualFold(name, "member") || len(vals) <= most {
			return name + ";" + option, vals
		}
		from := 0
		if option != "" {
			if _, err := fmt.Sscanf(option, "range=%d-", &from); err != nil {
				return name + ";" + option, vals // the last part, as range=20-*
			}
		}
		name = fmt.Sprintf("member;range=%d-%d", from, from+most-1)
		if lossy && from > 0 {
			most--
		}
		return name, vals[:most]
	})
}

// rewrite gives an entry other attributes.
func (l *link) rewrite(entry *ber.Packet, f func(name string, vals []*ber.Packet) (string, []*ber.Packet)) {
	changed := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attributes")
	for _, a := range entry.Children[1].Children {
		name, vals := f(text(a.Children[0]), a.Children[1].Children)
		a = ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "attribute")
		a.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, strings.TrimSuffix(name, ";"), ""))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, v := range vals {
			set.AppendChild(v)
		}
		a.AppendChild(set)
		changed.AppendChild(a)
	}
	dn := entry.Children[0]
	entry.Children, entry.Data = nil, newBuffer()
	entry.AppendChild(dn)
	entry.AppendChild(changed)
}

// mistake makes an entry another one.
func (l *link) mistake(entry *ber.Packet) {
	l.rewrite(entry, func(name string, vals []*ber.Packet) (string, []*ber.Packet) {
		if slices.ContainsFunc(l.p.ids, func(id string) bool { return strings.EqualFold(id, name) }) {
			vals = []*ber.Packet{ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "another-"+l.p.secret, "")}
		}
		return name, vals
	})
}

// inject implements World.Inject.
func (p *proxy) inject(f connectortest.Fault) bool {
	switch f.Kind {
	case connectortest.WrongTotal:
		return false // a list claims no total
	case connectortest.Garbage, connectortest.Huge:
		if f.On == connectortest.Writes {
			return false // the answer to a change is its status; see TestGarbageAfterChange
		}
	case connectortest.Status:
		if _, ok := codes[f.Status]; !ok || f.RetryAfter != "" {
			return false // LDAP has no such status, and no time to wait
		}
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &injected{Fault: f})
	return true
}
