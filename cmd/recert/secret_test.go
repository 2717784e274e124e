package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// put keeps a secret as the form of a source does.
func (k *keeper) put(ctx context.Context, name, value string) error {
	s, err := k.seal(name, value)
	if err != nil {
		return err
	}
	return k.store.InTx(ctx, func(tx *store.Tx) error { return tx.PutSecret(ctx, s) })
}

// TestKeeper keeps secrets under one master key, then under another, and refuses what was moved,
// changed, or is under a key that is gone.
func TestKeeper(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx, dir := t.Context(), t.TempDir()
		file := filepath.Join(dir, "secrets.key")
		open := func(file string) *keeper {
			t.Helper()
			k, err := newKeeper(ctx, s, file)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		refused := func(k *keeper, ref, words string) {
			t.Helper()
			v, err := k.resolve(ctx, ref)
			if err == nil || v != "" || model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), words) {
				t.Errorf("%s gives %q, %v; want a refusal with %q", ref, v, err, words)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the refusal tells the secret")
			}
		}
		none := open("")
		if err := none.put(ctx, "A", "hunter2"); model.KindOf(err) != model.Invalid {
			t.Errorf("without a key: %v", err)
		}
		k := open(file)
		for name, v := range map[string]string{"A": "hunter2", "B": "other"} {
			if err := k.put(ctx, name, v); err != nil {
				t.Fatal(err)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key's file: %v, %v", info, err)
		}
		for _, k := range []*keeper{k, open(file)} {
			if v, err := k.resolve(ctx, "${A}"); v != "hunter2" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
		}
		before, err := k.version(ctx, "${A}")
		if err != nil || before == "" {
			t.Errorf("version %q, %v", before, err)
		}
		if err := k.put(ctx, "A", "hunter22"); err != nil {
			t.Fatal(err)
		}
		if v, _ := k.version(ctx, "${A}"); v == before {
			t.Error("a new value has the version of the old one")
		}
		row, err := s.Secret(ctx, "A")
		if err != nil || bytes.Contains(row.Sealed, []byte("hunter")) || bytes.Contains(row.Wrapped, []byte("hunter")) {
			t.Errorf("what is stored tells the secret, or %v", err)
		}
		refused(none, "${A}", "secrets-key-file")
		refused(k, "${MISSING}", "MISSING_FILE")
		refused(k, "hunter2", "reference")

		// Rotation: the new key first, the old one below it, once; then the old one can go.
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(dir, "next.key")
		keyOf, err := makeKeyFile(next)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(next, append(keyOf, old...), 0o600); err != nil {
			t.Fatal(err)
		}
		open(next)
		if err := os.WriteFile(next, keyOf, 0o600); err != nil {
			t.Fatal(err)
		}
		k = open(next)
		if v, err := k.resolve(ctx, "${A}"); v != "hunter22" || err != nil {
			t.Errorf("after the rotation: %q, %v", v, err)
		}
		if _, err := newKeeper(ctx, s, file); err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("the old key alone: %v", err)
		}

		// One secret in the place of another, and a changed one.
		b, err := s.Secret(ctx, "B")
		if err != nil {
			t.Fatal(err)
		}
		put := func(row store.Secret) {
			t.Helper()
			if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.PutSecret(ctx, row) }); err != nil {
				t.Fatal(err)
			}
		}
		put(store.Secret{Name: "A", KeyID: b.KeyID, Wrapped: b.Wrapped, Sealed: b.Sealed})
		refused(k, "${A}", "was changed")
		b.Sealed[len(b.Sealed)-1] ^= 1
		put(b)
		refused(k, "${B}", "was changed")

	})
}

func TestKeeperEnvironment(t *testing.T) {
	s := storetest.Open(t, storetest.DSN(t, store.SQLite), &storetest.Clock{T: storetest.Epoch})
	k := &keeper{store: s}
	t.Setenv("WIKI_TOKEN", "of the environment")
	if v, err := k.resolve(t.Context(), "${WIKI_TOKEN}"); v != "of the environment" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("of a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTHER_TOKEN_FILE", file)
	if v, err := k.resolve(t.Context(), "${OTHER_TOKEN}"); v != "of a file" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	for _, text := range []string{"", "short\n", "bm90IDMyIGJ5dGVz\n"} {
		bad := filepath.Join(t.TempDir(), "bad.key")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := newKeeper(t.Context(), s, bad); err == nil {
			t.Errorf("the key file %q was taken", text)
		}
	}
}

// TestKeyFileWarning: at the start the log names a file of keys that others may read, and what to do.
func TestKeyFileWarning(t *testing.T) {
	s := storetest.Open(t, storetest.DSN(t, store.SQLite), &storetest.Clock{T: storetest.Epoch})
	file := filepath.Join(t.TempDir(), "secrets.key")
	for _, c := range []struct {
		mode os.FileMode // 0 is that there is no file yet
		warn bool
	}{{0, false}, {0o600, false}, {0o400, false}, {0o640, true}, {0o604, true}, {0o620, true}} {
		if c.mode != 0 {
			if err := os.Chmod(file, c.mode); err != nil {
				t.Fatal(err)
			}
		}
		var logged bytes.Buffer
		a, err := newApp(t.Context(), s, ServeFlags{secretsKeyFile: file}, "https://recert.example.com", slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.live.close(); err != nil {
			t.Error(err)
		}
		text := logged.String()
		if got := strings.Contains(text, "level=WARN") && strings.Contains(text, file) && strings.Contains(text, "chmod 600"); got != c.warn {
			t.Errorf("mode %o: warned %v, want %v: %s", c.mode, got, c.warn, text)
		}
	}
}
