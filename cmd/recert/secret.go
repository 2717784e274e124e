package main

import (
	"os"
	"regexp"
	"strings"

	"recert/model"
)

// secretRefRE is how a configuration names a secret that the environment holds.
var secretRefRE = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// resolveSecret gives the value behind ${NAME}: the environment's NAME, or what the file that
// NAME_FILE names holds. "" stays "".
func resolveSecret(ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	m := secretRefRE.FindStringSubmatch(ref)
	if m == nil {
		return "", model.Errorf(model.Invalid, "a secret must be a reference like ${WIKI_TOKEN}")
	}
	if v, ok := os.LookupEnv(m[1]); ok && v != "" {
		return v, nil
	}
	if file := os.Getenv(m[1] + "_FILE"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", model.Errorf(model.Invalid, "%s_FILE: %v", m[1], err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	return "", model.Errorf(model.Invalid, "the secret %s is not set: set %s or %s_FILE in the environment", m[1], m[1], m[1])
}
