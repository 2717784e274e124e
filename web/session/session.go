// Package session keeps gorilla's sessions in the database. A cookie that only the browser could
// check would go on working after a logout; here the cookie holds a random token, the database
// its hash, and deleting the row ends the session at once, on every replica.
package session

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"recert/model"
	"recert/model/store"
)

// Names of the two kinds of sessions: of a signed-in user, and of a sign-in under way.
const (
	Name      = "recert"
	LoginName = "recert-login"
)

// LoginTTL is how long a sign-in may take at the identity provider.
const LoginTTL = 10 * time.Minute

// rowKey is where the typed row of a session stands among its values.
const rowKey = "row"

// Store is a gorilla sessions.Store over the database.
type Store struct {
	DB       *store.Store
	Secure   bool          // the site is served over https: cookies are __Host- and Secure
	Idle     time.Duration // without a request for so long, a session is over
	Absolute time.Duration // and after so long in any case
}

var _ sessions.Store = (*Store)(nil)

// Get gives the request's session of that name; the same one for every call in one request.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session from the cookie; without a valid one it is new and empty.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	sess := sessions.NewSession(s, name)
	sess.IsNew = true
	sess.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode}
	c, err := r.Cookie(s.cookie(name))
	if err != nil {
		return sess, nil //nolint:nilerr // no cookie, no session
	}
	row, err := s.DB.SessionByToken(r.Context(), Hash(c.Value))
	if model.KindOf(err) == model.NotFound {
		return sess, nil
	}
	if err != nil {
		return sess, fmt.Errorf("read session: %w", err)
	}
	now := model.TimeOf(s.DB.Now())
	if now >= row.ExpiresAt || now >= row.LastSeenAt.Add(s.Idle) || (name == Name) != (row.UserID != nil) {
		return sess, nil
	}
	values := map[string]string{}
	if err := json.Unmarshal([]byte(row.Data), &values); err != nil {
		return sess, fmt.Errorf("read session's data: %w", err)
	}
	for k, v := range values {
		sess.Values[k] = v
	}
	sess.Values[rowKey] = row
	sess.ID = c.Value
	sess.IsNew = false
	return sess, nil
}

// Save stores the session's values. A session without ID is new: it gets a fresh token, so
// setting ID to "" rotates it. A negative MaxAge deletes it.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, sess *sessions.Session) error {
	ctx := r.Context()
	if sess.Options.MaxAge < 0 {
		if err := s.delete(ctx, sess.ID); err != nil {
			return err
		}
		s.setCookie(w, sess.Name(), "", -1)
		return nil
	}
	values := map[string]string{}
	for k, v := range sess.Values {
		if ks, ok := k.(string); ok && ks != rowKey {
			values[ks], ok = v.(string)
			if !ok {
				return fmt.Errorf("session value %s is a %T, not a string", ks, v)
			}
		}
	}
	data, err := json.Marshal(values)
	if err != nil {
		return err
	}
	fresh := sess.ID == ""
	if fresh {
		sess.ID = rand.Text() + rand.Text() // 260 bits
	}
	err = s.DB.InTx(ctx, func(tx *store.Tx) error {
		row, _ := sess.Values[rowKey].(store.Session)
		row.TokenHash, row.Data, row.LastSeenAt = Hash(sess.ID), string(data), tx.Now
		if fresh {
			row.CreatedAt = tx.Now
			row.ExpiresAt = tx.Now.Add(LoginTTL)
			if sess.Name() == Name {
				row.ExpiresAt = tx.Now.Add(s.Absolute)
			}
			if row.IDToken, err = encrypt(sess.ID, row.IDToken); err != nil {
				return err
			}
		}
		sess.Values[rowKey] = row
		return tx.PutSession(ctx, row)
	})
	if err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	if fresh {
		s.setCookie(w, sess.Name(), sess.ID, 0)
	}
	return nil
}

func (s *Store) delete(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	return s.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.DeleteSession(ctx, Hash(token))
		return err
	})
}

// Touch records that a session is in use; at most once a minute, so that reading costs no write.
func (s *Store) Touch(ctx context.Context, sess *sessions.Session) error {
	row, ok := Row(sess)
	if !ok || model.TimeOf(s.DB.Now()) < row.LastSeenAt.Add(time.Minute) {
		return nil
	}
	return s.DB.InTx(ctx, func(tx *store.Tx) error { return tx.TouchSession(ctx, row.TokenHash) })
}

// Row is the stored row of a session that was read.
func Row(sess *sessions.Session) (store.Session, bool) {
	row, ok := sess.Values[rowKey].(store.Session)
	return row, ok
}

// SetRow gives a new session the columns of its user; Save fills in token and times, and
// encrypts the id token under the cookie's token, which the database does not hold.
func SetRow(sess *sessions.Session, row store.Session) { sess.Values[rowKey] = row }

// IDToken is the id token of a session, for the identity provider's logout; "" when there is none.
func IDToken(sess *sessions.Session) (string, error) {
	row, ok := Row(sess)
	if !ok || row.IDToken == "" {
		return "", nil
	}
	return decrypt(sess.ID, row.IDToken)
}

// Hash is what the database keeps of a token.
func Hash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// cookie has the __Host- prefix where the browser enforces it: no other host or path can set it.
func (s *Store) cookie(name string) string {
	if s.Secure {
		return "__Host-" + name
	}
	return name
}

func (s *Store) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(name), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode,
	})
}

func sealer(token string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "recert id token", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func encrypt(token, plain string) (string, error) {
	if plain == "" {
		return "", nil
	}
	aead, err := sealer(token)
	if err != nil {
		return "", err
	}
	return base64.RawStdEncoding.EncodeToString(aead.Seal(nil, nil, []byte(plain), nil)), nil
}

func decrypt(token, sealed string) (string, error) {
	b, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return "", err
	}
	aead, err := sealer(token)
	if err != nil {
		return "", err
	}
	plain, err := aead.Open(nil, nil, b, nil)
	if err != nil {
		return "", errors.New("the id token of the session cannot be read")
	}
	return string(plain), nil
}
