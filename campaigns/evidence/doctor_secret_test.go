package evidence

import (
	"testing"

	"recert/model"
	"recert/model/store"
)

// TestConfigSecretInURL: what the address of a source holds is a secret where it is a password.
func TestConfigSecretInURL(t *testing.T) {
	t.Parallel()
	for address, secret := range map[string]bool{
		"":                                  false,
		"postgres://db/app":                 false,
		"postgres://recert@db/app":          false,
		"postgres://recert:@db/app":         false,
		"ldaps://recert@dc.example.com:636": false,
		"postgres://recert:hunter2@db/app":  true,
		"https://:hunter2@wiki.example.com": true,
	} {
		why := configSecret(&store.Config{Kind: model.ConfigSource, Name: "db", Spec: `{"url":"` + address + `"}`})
		if (why != "") != secret {
			t.Errorf("%q: %q", address, why)
		}
	}
}
