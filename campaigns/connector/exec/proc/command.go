package proc

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"recert/model"
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Check checks a command and the variables of its environment, of which some are secret. what
// begins the message of an error. Names that begin with reserved are refused; "" is none.
func Check(what string, command []string, env, secrets map[string]string, reserved string) error {
	bad := func(format string, args ...any) error {
		return model.Errorf(model.Invalid, what+": "+format, args...)
	}
	switch {
	case len(command) == 0 || command[0] == "":
		return bad("command is missing: give the program and its arguments as a list")
	case !filepath.IsAbs(command[0]):
		return bad("command must begin with the absolute path of a program, and %q is none", command[0])
	}
	for _, arg := range command {
		if strings.ContainsRune(arg, 0) {
			return bad("command holds a zero byte, which no argument can carry")
		}
	}
	for _, set := range []map[string]string{env, secrets} {
		for name, value := range set {
			switch {
			case !variable.MatchString(name):
				return bad("env: %q cannot be the name of a variable", name)
			case reserved != "" && strings.HasPrefix(name, reserved):
				return bad("env: %s is taken: names that begin with %s carry the request", name, reserved)
			case strings.ContainsRune(value, 0):
				return bad("env: the value of %s holds a zero byte, which no variable can carry", name)
			}
		}
	}
	for name, secret := range secrets {
		if _, twice := env[name]; twice {
			return bad("env: %s is given twice, once as a secret", name)
		}
		for _, arg := range command {
			if secret != "" && strings.Contains(arg, secret) {
				return bad("command repeats the secret %s; everybody on the machine can read arguments, so let the program take it from its environment", name)
			}
		}
	}
	return nil
}

// DefaultPath is the PATH of a program where none is configured.
const DefaultPath = "/usr/local/bin:/usr/bin:/bin"

// Environ is a program's whole environment; of a name that is given twice, the later counts.
func Environ(sets ...map[string]string) []string {
	vars := map[string]string{}
	for _, set := range sets {
		maps.Copy(vars, set)
	}
	list := make([]string, 0, len(vars))
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		list = append(list, fmt.Sprintf("%s=%s", name, vars[name]))
	}
	return list
}
