package main

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// OIDCFlags is how the identity provider is reached.
type OIDCFlags struct {
	OIDCIssuer       string `name:"oidc-issuer" help:"Address of the OpenID provider." placeholder:"URL"`
	OIDCClientID     string `name:"oidc-client-id" help:"Client id of Recert at the provider."`
	OIDCClientSecret string `name:"oidc-client-secret" help:"Client secret; better in the file that RECERT_OIDC_CLIENT_SECRET_FILE names." secret:"RECERT_OIDC_CLIENT_SECRET"`
	OIDCScopes       string `name:"oidc-scopes" help:"Scopes to ask for." default:"openid profile email groups"`
	OIDCGroupsClaim  string `name:"oidc-groups-claim" help:"The claim that holds the groups." default:"groups"`
}

// scopes splits the scopes; the provider wants openid among them.
func (f OIDCFlags) scopes() []string { return strings.Fields(f.OIDCScopes) }

type configCmd struct {
	ServeFlags
}

// Run prints every setting of serve with its variable and its value, secrets redacted.
func (c *configCmd) Run(e *env) error {
	settings := append(settingsOf(reflect.ValueOf(e.cli.Database), c.ServeFlags),
		setting{"RECERT_JSON", strconv.FormatBool(e.cli.JSON)}, setting{"RECERT_LOG_LEVEL", e.cli.LogLevel},
		setting{"RECERT_SECRETS_KEY_FILE", e.cli.SecretsKeyFile})
	if e.cli.JSON {
		out := map[string]string{}
		for _, s := range settings {
			out[s.env] = s.value
		}
		return printJSON(e.out, out)
	}
	for _, s := range settings {
		if _, err := fmt.Fprintf(e.out, "%-28s %s\n", s.env, s.value); err != nil {
			return err
		}
	}
	return nil
}

type setting struct{ env, value string }

func settingsOf(database reflect.Value, flags any) []setting {
	out := []setting{{"RECERT_DATABASE", redactURL(database.String())}}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			f, t := v.Field(i), v.Type().Field(i)
			if !t.IsExported() && !t.Anonymous {
				continue
			}
			if f.Kind() == reflect.Struct {
				walk(f)
				continue
			}
			name := t.Tag.Get("name")
			if name == "" {
				name = kebab(t.Name)
			}
			value := fmt.Sprint(f.Interface())
			if t.Tag.Get("secret") != "" && value != "" {
				value = "(set)"
			}
			out = append(out, setting{"RECERT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")), value})
		}
	}
	walk(reflect.ValueOf(flags))
	return out
}

// kebab is how kong names the flag of a field: BaseURL is base-url.
func kebab(s string) string {
	var b strings.Builder
	for i, r := range s {
		upper := r >= 'A' && r <= 'Z'
		prevLower := i > 0 && s[i-1] >= 'a' && s[i-1] <= 'z'
		if upper && prevLower {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// redactURL hides the password of a database address.
func redactURL(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return "(cannot be read)"
	}
	return u.Redacted()
}
