package ingest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"recert/campaigns/ingest"
	"recert/model"
)

// benchRows is the size of the benchmark's file.
const benchRows = 1_000_000

// accountsFile has rows accounts in all 12 columns; one row in six has a quoted comma.
func accountsFile(rows int) []byte {
	rnd := rand.New(rand.NewPCG(3, 4)) // a benchmark needs the same rows each time
	var b bytes.Buffer
	b.WriteString("account_id,username,display_name,email,person_id,owner_id,kind,status,privileged,last_login_at,created_at,expires_at\n")
	kinds, states, truths := []string{"human", "service", "shared", "agent"}, []string{"enabled", "disabled"}, []string{"true", "false", ""}
	for i := range rows {
		name := fmt.Sprintf("Person Number %d", i)
		if i%6 == 0 {
			name = fmt.Sprintf(`"Number %d, Person"`, i)
		}
		fmt.Fprintf(&b, "acc-%08d,user%d,%s,user%d@example.com,p%07d,p%07d,%s,%s,%s,2025-%02d-%02dT%02d:%02d:%02dZ,20%02d-%02d-%02dT08:00:00Z,%s\n",
			i, i, name, i, i/3, i/40, kinds[rnd.IntN(4)], states[rnd.IntN(2)], truths[rnd.IntN(3)],
			1+rnd.IntN(12), 1+rnd.IntN(28), rnd.IntN(24), rnd.IntN(60), rnd.IntN(60), 10+rnd.IntN(15), 1+rnd.IntN(12), 1+rnd.IntN(28),
			[]string{"", "2027-12-31"}[rnd.IntN(2)])
	}
	return b.Bytes()
}

// BenchmarkCSV reads a million accounts of 12 columns into records, with the file's digest. The
// floor is the same file hashed and its lines counted; standard is encoding/csv, which makes
// nothing of the values.
func BenchmarkCSV(b *testing.B) {
	file := accountsFile(benchRows)
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			sha256.Sum256(file)
			if bytes.Count(file, []byte("\n")) != benchRows+1 {
				b.Fatal("the file is wrong")
			}
		}
	})
	b.Run("standard", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(file))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			f, err := ingest.Open("accounts.csv", bytes.NewReader(file), model.KindAccounts, ingest.Layout{})
			if err != nil {
				b.Fatal(err)
			}
			st, err := f.Read(context.Background(), func(*model.Record) error { return nil }, func(r model.Reject) error { return fmt.Errorf("%+v", r) })
			if err != nil || st.Accepted != benchRows {
				b.Fatalf("%v, %+v", err, st)
			}
		}
	})
}
