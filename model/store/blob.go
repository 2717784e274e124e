package store

import (
	"context"
	"fmt"
	"io"

	"recert/model"
)

// BlobChunk is how many bytes one row of a blob holds at most.
const BlobChunk = 1 << 20

// Blob is something large that any replica can read: an upload that waits for its mapping.
type Blob struct {
	Token     string     `bun:"token"`
	Purpose   string     `bun:"purpose"`
	Owner     string     `bun:"owner"`
	Meta      string     `bun:"meta"` // JSON
	CreatedAt model.Time `bun:"created_at"`
	ExpiresAt model.Time `bun:"expires_at"`
}

// Blob is the blob of a token for its owner; another's, an expired one and none are all NotFound.
func (q queries) Blob(ctx context.Context, token, purpose, owner string, now model.Time) (Blob, error) {
	var b Blob
	err := q.one(ctx, &b, "There is no such upload, or it has expired.",
		"SELECT * FROM blobs WHERE token = ? AND purpose = ? AND owner = ? AND (expires_at IS NULL OR expires_at > ?)", token, purpose, owner, now)
	return b, err
}

// Blobs are all blobs, the newest first; their parts are not read.
func (q queries) Blobs(ctx context.Context) ([]Blob, error) {
	var bs []Blob
	err := q.all(ctx, &bs, "SELECT * FROM blobs ORDER BY created_at DESC, token")
	return bs, err
}

// BlobReader reads the chunks of a blob from first on, count of them.
func (q queries) BlobReader(ctx context.Context, token string, first, count int64) io.Reader {
	return &blobReader{ctx: ctx, q: q, token: token, next: first, end: first + count}
}

type blobReader struct {
	ctx       context.Context //nolint:containedctx // io.Reader has no context
	q         queries
	token     string
	next, end int64
	rest      []byte
}

func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.next == r.end {
			return 0, io.EOF
		}
		var part struct {
			Data []byte `bun:"data"`
		}
		if err := r.q.one(r.ctx, &part, fmt.Sprintf("Part %d of the upload is missing.", r.next),
			"SELECT data FROM blob_chunks WHERE token = ? AND n = ?", r.token, r.next); err != nil {
			return 0, err
		}
		r.next++
		r.rest = part.Data
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// InsertBlob begins a blob.
func (tx *Tx) InsertBlob(ctx context.Context, b Blob) error {
	return tx.execOne(ctx, "INSERT INTO blobs (token, purpose, owner, meta, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
		b.Token, b.Purpose, b.Owner, b.Meta, tx.Now, b.ExpiresAt)
}

// InsertBlobChunk stores the n-th part of a blob.
func (tx *Tx) InsertBlobChunk(ctx context.Context, token string, n int64, data []byte) error {
	return tx.execOne(ctx, "INSERT INTO blob_chunks (token, n, data) VALUES (?, ?, ?)", token, n, data)
}

// SetBlobMeta stores what is known of a blob.
func (tx *Tx) SetBlobMeta(ctx context.Context, token, meta string) error {
	return tx.execOne(ctx, "UPDATE blobs SET meta = ? WHERE token = ?", meta, token)
}

// EmptyBlob removes the parts of a blob and keeps its row until it expires, so that a repeated
// request is told what became of it.
func (tx *Tx) EmptyBlob(ctx context.Context, token string) error {
	_, err := tx.exec(ctx, "DELETE FROM blob_chunks WHERE token = ?", token)
	return err
}

// DeleteBlob removes a blob.
func (tx *Tx) DeleteBlob(ctx context.Context, token string) error {
	if err := tx.EmptyBlob(ctx, token); err != nil {
		return err
	}
	_, err := tx.exec(ctx, "DELETE FROM blobs WHERE token = ?", token)
	return err
}

// DeleteExpiredBlobs removes what nobody came back for.
func (tx *Tx) DeleteExpiredBlobs(ctx context.Context) error {
	if _, err := tx.exec(ctx, "DELETE FROM blob_chunks WHERE token IN (SELECT token FROM blobs WHERE expires_at <= ?)", tx.Now); err != nil {
		return err
	}
	_, err := tx.exec(ctx, "DELETE FROM blobs WHERE expires_at <= ?", tx.Now)
	return err
}
