package store_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

func TestBlob(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := t.Context()
		parts := [][]byte{bytes.Repeat([]byte("a"), store.BlobChunk), {0, 1, 255}, []byte("end")}
		if err := s.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.InsertBlob(ctx, store.Blob{Token: "t", Purpose: "upload", Owner: "7", Meta: "{}", ExpiresAt: tx.Now.Add(time.Hour)}); err != nil {
				return err
			}
			for i, p := range parts {
				if err := tx.InsertBlobChunk(ctx, "t", int64(i), p); err != nil {
					return err
				}
			}
			return tx.SetBlobMeta(ctx, "t", `{"a":1}`)
		}); err != nil {
			t.Fatal(err)
		}
		now := model.TimeOf(clock.Now())
		if b, err := s.Blob(ctx, "t", "upload", "7", now); err != nil || b.Meta != `{"a":1}` {
			t.Errorf("%+v, %v", b, err)
		}
		for name, ask := range map[string][3]string{"another owner": {"t", "upload", "8"}, "another purpose": {"t", "package", "7"}, "another token": {"u", "upload", "7"}} {
			if _, err := s.Blob(ctx, ask[0], ask[1], ask[2], now); model.KindOf(err) != model.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := s.Blob(ctx, "t", "upload", "7", now.Add(time.Hour)); model.KindOf(err) != model.NotFound {
			t.Errorf("an expired one: %v", err)
		}
		for _, x := range []struct{ first, count int64 }{{0, 3}, {1, 2}, {2, 1}, {1, 0}} {
			got, err := io.ReadAll(s.BlobReader(ctx, "t", x.first, x.count))
			if want := bytes.Join(parts[x.first:x.first+x.count], nil); err != nil || !bytes.Equal(got, want) {
				t.Errorf("parts %d, %d: %d bytes, want %d, %v", x.first, x.count, len(got), len(want), err)
			}
		}
		if _, err := io.ReadAll(s.BlobReader(ctx, "t", 2, 2)); model.KindOf(err) != model.NotFound {
			t.Errorf("a part that is missing reads as an end: %v", err)
		}
		if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteExpiredBlobs(ctx) }); err != nil {
			t.Fatal(err)
		}
		if bs, err := s.Blobs(ctx); err != nil || len(bs) != 1 {
			t.Errorf("%d, %v", len(bs), err)
		}
		clock.Add(time.Hour)
		if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.DeleteExpiredBlobs(ctx) }); err != nil {
			t.Fatal(err)
		}
		if bs, err := s.Blobs(ctx); err != nil || len(bs) != 0 {
			t.Errorf("%d, %v", len(bs), err)
		}
	})
}
