package dial

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	listed := &Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/16"), netip.MustParsePrefix("64:ff9b:1:7::/64")}}
	const never, private = "not an address", "is a private address"
	tests := []struct {
		d       *Dialer
		address string
		refused string // what the refusal says; "" is none
	}{
		{listed, "93.184.216.34:443", ""},
		{listed, "[2606:2800:220:1::1]:443", ""},
		{listed, "10.1.2.3:389", ""},
		{listed, "[fd12::5]:389", ""},
		{listed, "10.2.0.1:389", `networks: ["10.2.0.1/32"]`},
		{listed, "192.168.1.1:389", private},
		{listed, "172.16.0.1:1", private},
		{listed, "100.64.1.1:1", private},
		{listed, "127.0.0.1:80", private},
		{listed, "[::1]:80", `networks: ["::1/128"]`},
		{listed, "[fd13::1]:80", private},
		{listed, "[fec0::1]:80", private},
		{listed, "169.254.169.254:80", never},
		{listed, "100.100.100.200:80", never},
		{listed, "168.63.129.16:80", never},
		{listed, "[fd00:ec2::254]:80", never},
		{listed, "[fe80::1%eth0]:80", never},
		{listed, "[2001:db8::1%eth0]:80", never},
		{listed, "0.0.0.0:80", never},
		{listed, "224.0.0.1:80", never},
		{listed, "nonsense", "cannot be read"},
		// IPv4 in the form of IPv6, and what leads to it.
		{listed, "[::ffff:93.184.216.34]:80", ""},
		{listed, "[::ffff:10.1.2.3]:80", ""},
		{listed, "[::ffff:10.2.0.1]:80", private},
		{listed, "[::ffff:169.254.169.254]:80", never},
		{listed, "[::93.184.216.34]:80", ""},
		{listed, "[::10.2.0.1]:80", private},
		{listed, "[::169.254.169.254]:80", never},
		{listed, "[::ffff:0:169.254.169.254]:80", never},
		{listed, "[::ffff:0:127.0.0.1]:80", private},
		{listed, "[64:ff9b::93.184.216.34]:80", ""},
		{listed, "[64:ff9b::10.1.2.3]:80", ""}, // what it leads to is listed
		{listed, "[64:ff9b::10.2.0.1]:80", `networks: ["10.2.0.1/32"]`},
		{listed, "[64:ff9b::127.0.0.1]:80", private},
		{listed, "[64:ff9b::169.254.169.254]:80", never},
		{listed, "[64:ff9b::168.63.129.16]:80", never},
		{listed, "[64:ff9b:1::93.184.216.34]:80", private}, // a translator of somebody's own
		{listed, "[64:ff9b:1:7::10.2.0.1]:80", ""},
		{listed, "[64:ff9b:1:7::169.254.169.254]:80", never},
		{listed, "[64:ff9b:1:7:a9:fea9:fe00:0]:80", never}, // behind a prefix of 64 bits
		{listed, "[2002:5db8:d822::1]:80", ""},
		{listed, "[2002:a01:203::1]:80", ""},
		{listed, "[2002:a02:1::1]:80", private},
		{listed, "[2002:7f00:1::1]:80", private},
		{listed, "[2002:a9fe:a9fe::1]:80", never},
		{listed, "[2001:0:5db8:d822::a247:27dd]:80", ""}, // Teredo, to 93.184.216.34
		{listed, "[2001:0:5db8:d822::5601:5601]:80", never},
		{listed, "[2001:0:a9fe:a9fe::a247:27dd]:80", never},
		{listed, "[2001:0:5db8:d822::80ff:fffe]:80", private}, // to 127.0.0.1
		{listed, "[2001:db8::7f00:1]:80", ""},
		// Whatever is listed, some are not dialled.
		{&Dialer{Allow: Anywhere}, "127.0.0.1:80", ""},
		{&Dialer{Allow: Anywhere}, "[::1]:80", ""},
		{&Dialer{Allow: Anywhere}, "10.2.0.1:80", ""},
		{&Dialer{Allow: Anywhere}, "[64:ff9b::10.2.0.1]:80", ""},
		{&Dialer{Allow: Anywhere}, "169.254.169.254:80", never},
		{&Dialer{Allow: Anywhere}, "[fe80::1]:80", never},
		{&Dialer{Allow: Anywhere}, "[::]:80", never},
		{&Dialer{Allow: Anywhere}, "[64:ff9b::169.254.169.254]:80", never},
	}
	for _, tt := range tests {
		err := tt.d.check(tt.address, false)
		if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
			t.Errorf("%s: %v, want %q", tt.address, err, tt.refused)
		}
	}
}

// TestDial connects to this machine where that is what is written, and by another name only where it is
// listed.
func TestDial(t *testing.T) {
	t.Parallel()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	listed := &Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, c := range []struct {
		d       *Dialer
		host    string
		refused string
	}{
		{new(Dialer), "127.0.0.1", ""},
		{new(Dialer), "localhost", ""},
		{new(Dialer), "10.255.255.1", "list its network"},
		{listed, "169.254.169.254", "not an address"},
	} {
		conn, err := c.d.DialContext(t.Context(), "tcp", net.JoinHostPort(c.host, port))
		if err == nil {
			conn.Close()
		}
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %v, want %q", c.host, err, c.refused)
		}
	}
}
