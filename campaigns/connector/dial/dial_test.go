package dial

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	d := &Dialer{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/16")}}
	tests := []struct {
		address string
		named   bool
		refused string // what the refusal says; "" is none
	}{
		{"93.184.216.34:443", true, ""},
		{"[2606:2800:220:1::1]:443", true, ""},
		{"10.1.2.3:389", true, ""},
		{"[fd12::5]:389", true, ""},
		{"10.2.0.1:389", true, "networks: [10.2.0.1/32]"},
		{"10.2.0.1:389", false, ""},
		{"192.168.1.1:389", true, "private"},
		{"172.16.0.1:1", true, "private"},
		{"100.64.1.1:1", true, "private"},
		{"127.0.0.1:80", true, "private"},
		{"127.0.0.1:80", false, ""},
		{"[::1]:80", true, "private"},
		{"[::ffff:10.2.0.1]:80", true, "private"},
		{"[::ffff:169.254.169.254]:80", false, "not an address"},
		{"169.254.169.254:80", false, "not an address"},
		{"100.100.100.200:80", false, "not an address"},
		{"168.63.129.16:80", true, "not an address"},
		{"[fd00:ec2::254]:80", false, "not an address"},
		{"[fe80::1%eth0]:80", false, "not an address"},
		{"0.0.0.0:80", false, "not an address"},
		{"224.0.0.1:80", false, "not an address"},
		{"nonsense", true, "cannot be read"},
	}
	for _, tt := range tests {
		err := d.check(tt.address, tt.named)
		if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
			t.Errorf("%s (named %v): %v, want %q", tt.address, tt.named, err, tt.refused)
		}
	}
}

// TestDial connects to this machine by its address and by localhost, and not by a name that leads here.
func TestDial(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		conn, err := new(Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		conn.Close()
	}
	if _, err := new(Dialer).DialContext(t.Context(), "tcp", "169.254.169.254:80"); err == nil || !strings.Contains(err.Error(), "not an address") {
		t.Errorf("the metadata service: %v", err)
	}
	if conn, err := new(Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort("localhost.", port)); err == nil {
		conn.Close()
		t.Error("a name that leads to this machine was dialled")
	}
}
