package entra

import "strings"

// Prefixes of entitlement ids that are no groups.
const (
	appPrefix  = "app:"  // and the resource's id, ":", the app role's id
	rolePrefix = "role:" // and the definition's id, ":", the scope, as "/"
)

// splitID takes the id of an entitlement apart; prefix is "" for a group's id.
func splitID(id string) (prefix, first, second string) {
	for _, p := range []string{appPrefix, rolePrefix} {
		if rest, ok := strings.CutPrefix(id, p); ok {
			if a, b, ok := strings.Cut(rest, ":"); ok && a != "" && b != "" {
				return p, a, b
			}
		}
	}
	return "", id, ""
}

var pathEscaper = strings.NewReplacer(`\`, `\\`, `>`, `\>`)

// joinPath writes ids as one path, outermost first.
func joinPath(ids ...string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = pathEscaper.Replace(id)
	}
	return strings.Join(out, ">")
}
