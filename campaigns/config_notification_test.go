package campaigns

import (
	"strings"
	"testing"
)

func TestNotificationDocument(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ spec, want string }{
		"least":         {"mail: {host: smtp.example.com, from: recert@example.com}", ""},
		"all":           {"mail: {host: smtp.example.com, port: 2525, from: 'Reviews <r@example.com>', username: u, password: '${SMTP_PASSWORD}', tls: tls, ca_file: /etc/ca.pem}", ""},
		"plain here":    {"mail: {host: 127.0.0.1, from: r@example.com, tls: none}", ""},
		"plain there":   {"mail: {host: smtp.example.com, from: r@example.com, tls: none}", "tls none is for a server on this machine"},
		"clear secret":  {"mail: {host: h, from: r@example.com, username: u, password: hunter2}", "must be a reference"},
		"half a login":  {"mail: {host: h, from: r@example.com, username: u}", "together"},
		"no from":       {"mail: {host: h}", "from \"\" must be an address"},
		"two lines":     {"mail: {host: h, from: \"r@example.com\\r\\nBcc: x@example.com\"}", "must be an address"},
		"port in host":  {"mail: {host: 'h:25', from: r@example.com}", "the port has its own setting"},
		"port":          {"mail: {host: h, port: 70000, from: r@example.com}", "from 1 to 65535"},
		"tls":           {"mail: {host: h, from: r@example.com, tls: maybe}", "none of starttls"},
		"nothing":       {"{}", "give mail:"},
		"what is that":  {"mail: {host: h, from: r@example.com, pasword: x}", "pasword"},
		"loopback name": {"mail: {host: localhost, from: r@example.com, tls: none}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadDocuments("mail.yaml", strings.NewReader("apiVersion: recert/v1\nkind: Notification\nname: mail\nspec:\n  "+c.spec+"\n"))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the refusal repeats the password: %v", err)
			}
		})
	}
	_, err := ReadDocuments("mail.yaml", strings.NewReader("apiVersion: recert/v1\nkind: Notification\nname: post\nspec: {mail: {host: h, from: r@example.com}}\n"))
	if err == nil || !strings.Contains(err.Error(), "name must be mail") {
		t.Errorf("another name: %v", err)
	}
}
