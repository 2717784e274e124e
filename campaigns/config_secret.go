package campaigns

import (
	"context"
	"regexp"

	"recert/model/store"
)

// anySecretRE finds what names a secret anywhere in a document.
var anySecretRE = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// namedSecrets are the names of the secrets that some document of the configuration names.
func namedSecrets(ctx context.Context, tx *store.Tx) (map[string]bool, error) {
	docs, err := tx.Configs(ctx, "")
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, d := range docs {
		for _, m := range anySecretRE.FindAllStringSubmatch(d.Spec, -1) {
			names[m[1]] = true
		}
	}
	return names, nil
}

// forgetUnnamed forgets those of the secrets kept here that were named before a change of the configuration, and by
// no document after it: nothing can use them any more.
func forgetUnnamed(ctx context.Context, tx *store.Tx, before map[string]bool) error {
	after, err := namedSecrets(ctx, tx)
	if err != nil {
		return err
	}
	for name := range before {
		if after[name] {
			continue
		}
		if err := tx.DeleteSecret(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
