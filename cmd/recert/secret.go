package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"

	"recert/model"
	"recert/model/store"
)

// secretRefRE is how a configuration names a secret that it does not hold.
var secretRefRE = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// keeper finds the secrets that configuration names, and keeps those that were typed into a form:
// each under a data key of its own (AES-256-GCM), that key under the master key of a file. The name
// is authenticated with both, so that no secret can be put in the place of another.
type keeper struct {
	store *store.Store
	keys  []masterKey // the first one is for what is new; the others are only read with
	typed string      // stands for every secret, while a connection is tested; "" but then
}

type masterKey struct {
	id   string
	aead cipher.AEAD
}

// newKeeper reads the master keys; file "" is none. A file that does not exist is made.
func newKeeper(ctx context.Context, s *store.Store, file string) (*keeper, error) {
	k := &keeper{store: s}
	if file == "" {
		return k, nil
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = makeKeyFile(file)
	}
	if err != nil {
		return nil, model.Errorf(model.Invalid, "secrets-key-file: %v", err)
	}
	for i, line := range strings.Fields(string(b)) {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != 32 {
			return nil, model.Errorf(model.Invalid, "secrets-key-file: line %d of %s is not a key of 32 bytes in base64", i+1, file)
		}
		sum := sha256.Sum256(raw)
		aead, err := gcm(raw)
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, masterKey{hex.EncodeToString(sum[:8]), aead})
	}
	if len(k.keys) == 0 {
		return nil, model.Errorf(model.Invalid, "secrets-key-file: %s holds no key", file)
	}
	if err := k.rewrap(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// warnOfKeyFile says in the log where other accounts of the machine may read the master keys. It refuses nothing:
// what mounts secrets may give them such modes.
func warnOfKeyFile(ctx context.Context, log *slog.Logger, file string) {
	if file == "" {
		return
	}
	info, err := os.Stat(file)
	if err != nil {
		log.WarnContext(ctx, "whether other accounts may read the secrets-key-file could not be found out", slog.String("file", file), slog.Any("error", err))
		return
	}
	if exposed(info) {
		log.WarnContext(ctx, "other accounts of this machine may read the secrets-key-file: take that from them, as by chmod 600",
			slog.String("file", file), slog.String("mode", info.Mode().Perm().String()))
	}
}

func makeKeyFile(file string) ([]byte, error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	b := []byte(base64.StdEncoding.EncodeToString(raw) + "\n")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	return b, errors.Join(err, f.Sync(), f.Close())
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// rewrap puts every data key under the first master key: after it, the others can go.
func (k *keeper) rewrap(ctx context.Context) error {
	secrets, err := k.store.Secrets(ctx)
	if err != nil {
		return err
	}
	for _, s := range secrets {
		if s.KeyID == k.keys[0].id {
			continue
		}
		key, err := k.dataKey(s)
		if err != nil {
			return err
		}
		wrapped := k.keys[0].aead.Seal(nil, nil, key, []byte(s.Name))
		if err := k.store.InTx(ctx, func(tx *store.Tx) error { return tx.RewrapSecret(ctx, s.Name, k.keys[0].id, wrapped) }); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) dataKey(s store.Secret) ([]byte, error) {
	for _, m := range k.keys {
		if m.id == s.KeyID {
			key, err := m.aead.Open(nil, nil, s.Wrapped, []byte(s.Name))
			if err != nil {
				return nil, model.Errorf(model.Invalid, "the secret %s cannot be opened: its row was changed", s.Name)
			}
			return key, nil
		}
	}
	return nil, model.Errorf(model.Invalid, "the secret %s is under the master key %s, which the secrets-key-file does not hold", s.Name, s.KeyID)
}

// seal encrypts a secret that was typed into a form, to be stored with the settings that name it. The
// value is never shown again.
func (k *keeper) seal(name, value string) (store.Secret, error) {
	if len(k.keys) == 0 {
		return store.Secret{}, model.Errorf(model.Invalid, "No password can be kept here, because Recert runs without --secrets-key-file. Start it with one, or describe the source in a configuration file.")
	}
	key := make([]byte, 32)
	rand.Read(key)
	aead, err := gcm(key)
	if err != nil {
		return store.Secret{}, err
	}
	return store.Secret{
		Name: name, KeyID: k.keys[0].id, Wrapped: k.keys[0].aead.Seal(nil, nil, key, []byte(name)),
		Sealed: aead.Seal(nil, nil, []byte(value), []byte(name)),
	}, nil
}

// resolve gives the value behind ${NAME}: the environment's NAME, what the file that NAME_FILE names
// holds, or what was typed into a form. "" stays "".
func (k *keeper) resolve(ctx context.Context, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	m := secretRefRE.FindStringSubmatch(ref)
	if m == nil {
		return "", model.Errorf(model.Invalid, "a secret must be a reference like ${WIKI_TOKEN}")
	}
	if k.typed != "" {
		return k.typed, nil
	}
	name := m[1]
	if v, ok := os.LookupEnv(name); ok && v != "" {
		return v, nil
	}
	if file := os.Getenv(name + "_FILE"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", model.Errorf(model.Invalid, "%s_FILE: %v", name, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	s, err := k.store.Secret(ctx, name)
	switch {
	case model.KindOf(err) == model.NotFound:
		return "", model.Errorf(model.Invalid, "the secret %s is not set: set %s or %s_FILE in the environment", name, name, name)
	case err != nil:
		return "", err
	case len(k.keys) == 0:
		return "", model.Errorf(model.Invalid, "the secret %s is kept encrypted: name the file of its key by --secrets-key-file", name)
	}
	return k.open(s)
}

func (k *keeper) open(s store.Secret) (string, error) {
	key, err := k.dataKey(s)
	if err != nil {
		return "", err
	}
	aead, err := gcm(key)
	if err != nil {
		return "", err
	}
	v, err := aead.Open(nil, nil, s.Sealed, []byte(s.Name))
	if err != nil {
		return "", model.Errorf(model.Invalid, "the secret %s cannot be opened: its row was changed", s.Name)
	}
	return string(v), nil
}

// version tells one value of a kept secret from the next; "" is one that is not kept here.
func (k *keeper) version(ctx context.Context, ref string) (string, error) {
	m := secretRefRE.FindStringSubmatch(ref)
	if m == nil {
		return "", nil
	}
	s, err := k.store.Secret(ctx, m[1])
	if model.KindOf(err) == model.NotFound {
		return "", nil
	}
	return strconv.FormatInt(s.Version, 10), err
}
