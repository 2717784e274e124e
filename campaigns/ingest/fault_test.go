package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/ingest"
	"recert/model"
	"recert/model/store"
)

// manyRows are n grants of distinct accounts.
func manyRows(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("user%05d,x,,,,", i)
	}
	return out
}

// intact checks that exactly the first snapshot is visible and that the next ingest works.
func (w *world) intact(src store.Source, before []string, n int) {
	w.Helper()
	if got := w.live(src, store.Live); !slices.Equal(got, before) {
		w.Fatalf("%d grants are live, want the %d of before", len(got), len(before))
	}
	res := w.run(w.request(src.Name, n, grantsCSV(manyRows(60)...)))
	if res.State != model.SnapshotSealed || res.Previous != 50 || res.New != 10 {
		w.Fatalf("the next ingest: %s", mustJSON(w, res))
	}
	w.counts("after the next ingest", map[string]int{"stage_grants": 0, "stage_rows": 0, "stage_deltas": 0})
}

// breakingReader reads some of a text and fails.
type breakingReader struct {
	r   io.Reader
	err error
	at  func() // before it fails
}

func (f *breakingReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if errors.Is(err, io.EOF) {
		if f.at != nil {
			f.at()
		}
		err = f.err
	}
	return n, err
}

// breaking is a file that ends with an error after its content.
func breaking(content string, err error, at func()) ingest.File {
	return ingest.File{Kind: model.KindGrants, Name: "grants.csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(&breakingReader{r: strings.NewReader(content), err: err, at: at}), nil
	}}
}

const grantsHeader = "account_id,entitlement_id,granted_at,granted_by,last_used_at,via\n"

func TestErrorsDiscard(t *testing.T) {
	good := grantsHeader + strings.Join(manyRows(40), "\n") + "\n"
	for _, c := range []struct {
		name  string
		file  func(cancel func()) ingest.File
		hook  error
		kind  model.ErrorKind
		words string
	}{
		{name: "the file breaks off", file: func(func()) ingest.File { return breaking(good, io.ErrUnexpectedEOF, nil) }, kind: model.Internal, words: "Reading grants.csv failed"},
		{name: "no such file", file: func(func()) ingest.File {
			return ingest.File{Kind: model.KindGrants, Name: "gone.csv", Open: func() (io.ReadCloser, error) { return nil, errors.New("no such file") }}
		}, kind: model.Invalid, words: "gone.csv cannot be opened"},
		{name: "a column is missing", file: func(func()) ingest.File { return text(model.KindGrants, "g.csv", "account_id,name\na,b\n") }, kind: model.Invalid, words: "entitlement_id"},
		{name: "stopped between chunks", file: func(cancel func()) ingest.File { return breaking(good, io.EOF, cancel) }, kind: model.Conflict, words: "stopped before it was done"},
		{name: "the sealing transaction fails at its end", file: func(func()) ingest.File { return text(model.KindGrants, "g.csv", good+"more,x,,,,\n") }, hook: errors.New("the disk is full"), kind: model.Internal, words: "the disk is full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(w *world) {
				w.svc.Shrink(7, 5)
				src := w.apply("wiki", access())
				w.run(w.request("wiki", 1, grantsCSV(manyRows(50)...)))
				before := w.live(src, store.Live)
				ctx, cancel := context.WithCancel(w.Context())
				defer cancel()
				w.svc.AfterSeal = []func(context.Context, *store.Tx, model.Snapshot) error{func(context.Context, *store.Tx, model.Snapshot) error { return c.hook }}
				_, err := w.svc.Run(ctx, w.request("wiki", 2, c.file(cancel)))
				w.wantError(err, c.kind, c.words)
				w.svc.AfterSeal = nil
				snaps, err := w.s.Snapshots(w.Context(), src.ID, 0, 10)
				if err != nil || len(snaps) != 2 || snaps[0].State != model.SnapshotDiscarded || snaps[0].Reasons == "[]" {
					w.Fatalf("snapshots: %+v (%v)", snaps, err)
				}
				w.counts("after the error", map[string]int{"stage_grants": 0, "stage_rows": 0, "stage_deltas": 0})
				w.intact(src, before, 2)
			})
		})
	}
}

// TestKilled leaves behind what a process leaves that is killed at each point where something is
// committed, and ingests anew.
func TestKilled(t *testing.T) {
	stage := func(w *world, id, source int64) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			keys, err := tx.InsertKeys(w.Context(), model.KindAccounts, source, []string{"half-loaded"})
			if err != nil {
				return err
			}
			return tx.StageGrants(w.Context(), id, []store.StageGrant{{AccountKey: keys[0], EntitlementKey: 1, N: 1, Hash: []byte("h")}})
		}
	}
	for name, kill := range map[string]func(w *world, src store.Source) (loading bool){
		"while it loads": func(w *world, src store.Source) bool {
			err := w.s.InTx(w.Context(), func(tx *store.Tx) error {
				id, err := tx.InsertSnapshot(w.Context(), model.Snapshot{SourceID: src.ID, AsOf: 1, StartedAt: tx.Now, Origin: ingest.OriginCLI})
				if err != nil {
					return err
				}
				return stage(w, id, src.ID)(tx)
			})
			if err != nil {
				w.Fatal(err)
			}
			return true
		},
		"between sealing and emptying": func(w *world, src store.Source) bool {
			last, err := w.s.LatestSealed(w.Context(), src.ID)
			if err != nil {
				w.Fatal(err)
			}
			if err := w.s.InTx(w.Context(), stage(w, last.ID, src.ID)); err != nil {
				w.Fatal(err)
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				src := w.apply("wiki", access())
				w.run(w.request("wiki", 1, grantsCSV(manyRows(50)...)))
				before := w.live(src, store.Live)
				if kill(w, src) {
					w.refused(w.request("wiki", 2, grantsCSV("a,x,,,,")), model.Conflict, "an ingest of source wiki has been running since")
					if n, err := w.svc.DiscardDead(w.Context()); err != nil || n != 0 {
						w.Errorf("%d discarded (%v), and it may be alive", n, err)
					}
					w.clock.Add(ingest.Lease)
				}
				w.intact(src, before, 2)
			})
		})
	}
}

func TestDiscardDead(t *testing.T) {
	each(t, func(w *world) {
		src := w.apply("wiki", access())
		err := w.s.InTx(w.Context(), func(tx *store.Tx) error {
			_, err := tx.InsertSnapshot(w.Context(), model.Snapshot{SourceID: src.ID, AsOf: 1, StartedAt: tx.Now})
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
		w.clock.Add(ingest.Lease)
		for _, want := range []int{1, 0} {
			if n, err := w.svc.DiscardDead(w.Context()); err != nil || n != want {
				w.Errorf("%d discarded (%v), want %d", n, err, want)
			}
		}
	})
}

// TestTakenForDead lets another process discard a snapshot whose process lives after all: it must
// not stage or seal any more.
func TestTakenForDead(t *testing.T) {
	each(t, func(w *world) {
		w.svc.Shrink(7, 100)
		src := w.apply("wiki", access())
		w.run(w.request("wiki", 1, grantsCSV(manyRows(50)...)))
		before := w.live(src, store.Live)
		file := breaking(grantsHeader+strings.Join(manyRows(55), "\n")+"\n", io.EOF, func() {
			snap, err := w.s.LoadingSnapshot(w.Context(), src.ID)
			if err == nil {
				err = w.s.InTx(w.Context(), func(tx *store.Tx) error {
					snap.State = model.SnapshotDiscarded
					return tx.UpdateSnapshot(w.Context(), *snap, model.SnapshotLoading)
				})
			}
			if err != nil {
				w.Error(err)
			}
		})
		_, err := w.svc.Run(w.Context(), w.request("wiki", 2, file))
		w.wantError(err, model.Conflict, "another process took this one for dead")
		w.intact(src, before, 2)
	})
}

// TestOneAtATime starts an ingest while another one of the same source waits for its file.
func TestOneAtATime(t *testing.T) {
	each(t, func(w *world) {
		src := w.apply("wiki", access())
		w.apply("vpn", access())
		opened, release := make(chan struct{}), make(chan struct{})
		slow := ingest.File{Kind: model.KindGrants, Name: "slow.csv", Open: func() (io.ReadCloser, error) {
			close(opened)
			<-release
			return io.NopCloser(strings.NewReader(grantsHeader + "a,x,,,,\n")), nil
		}}
		done := make(chan error)
		go func() {
			_, err := w.svc.Run(w.Context(), w.request("wiki", 1, slow))
			done <- err
		}()
		<-opened
		w.refused(w.request("wiki", 2, grantsCSV("b,x,,,,")), model.Conflict, "has been running since")
		if res := w.run(w.request("vpn", 1, grantsCSV("b,x,,,,"))); res.State != model.SnapshotSealed {
			w.Errorf("another source: %s", mustJSON(w, res))
		}
		close(release)
		if err := <-done; err != nil {
			w.Fatal(err)
		}
		if got := w.live(src, store.Live); len(got) != 1 || !strings.HasPrefix(got[0], "a x") {
			w.Errorf("live: %q", got)
		}
	})
}

// system is a live system for tests.
type system struct {
	rows   []model.Record
	totals map[model.Kind]int64
	err    error
}

func (s *system) Read(_ context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	for _, r := range s.rows {
		if err := yield(r); err != nil {
			return connector.Extraction{}, err
		}
	}
	return connector.Extraction{Endpoint: "https://wiki.example.com", Query: "all", Pages: 2, Totals: s.totals, StartedAt: model.TimeOf(day(0)), EndedAt: model.TimeOf(day(0).Add(time.Minute))}, s.err
}

func TestLive(t *testing.T) {
	account := func(id string) model.Record {
		return model.Record{Kind: model.KindAccounts, Account: model.Account{AccountID: id, Status: "enabled"}}
	}
	group := func(id string) model.Record {
		return model.Record{Kind: model.KindEntitlements, Entitlement: model.Entitlement{EntitlementID: id}}
	}
	grant := func(a, e string) model.Record {
		return model.Record{Kind: model.KindGrants, Grant: model.Grant{AccountID: a, EntitlementID: e, Via: "outer > inner"}}
	}
	rows := []model.Record{account("a"), account("b"), group("x"), grant("a", "x"), grant("b", "x")}
	for _, c := range []struct {
		name  string
		sys   system
		state model.SnapshotState
		words string // in the reasons, the rejects or the error
		kind  model.ErrorKind
	}{
		{"good", system{rows: rows, totals: map[model.Kind]int64{model.KindAccounts: 2, model.KindGrants: 2}}, model.SnapshotSealed, "", ""},
		{"its own count differs", system{rows: rows, totals: map[model.Kind]int64{model.KindAccounts: 3}}, model.SnapshotHeld, "The source says that it has 3 accounts, and 2 were read.", ""},
		{"bad rows", system{rows: append(slices.Clone(rows), grant("", "x"), grant("c", "x\xff"), grant("c\x00", "x"), grant(" c", "x"))}, model.SnapshotSealed, "account_id is required and is empty|not valid UTF-8|NUL|white space", ""},
		{"bad enum", system{rows: []model.Record{{Kind: model.KindAccounts, Account: model.Account{AccountID: "a", Status: "gone"}}, group("x"), grant("a", "x")}}, model.SnapshotHeld, `"gone" is not one of enabled, disabled`, ""},
		{"fails at the end", system{rows: rows, err: &connector.Failure{Kind: connector.Unreachable, Msg: "the last page did not come"}}, "", "Source wiki could not be read: the last page did not come", model.Invalid},
		{"kinds out of order", system{rows: []model.Record{grant("a", "x"), account("a")}}, "", "gave accounts after grants", model.Internal},
		{"a kind it does not provide", system{rows: []model.Record{{Kind: model.KindPeople}}}, "", "gave a row of people", model.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(w *world) {
				w.apply("wiki", access())
				req := w.request("wiki", 1)
				req.Live, req.Origin = &c.sys, ingest.OriginLive
				res, err := w.svc.Run(w.Context(), req)
				if c.kind != "" {
					w.wantError(err, c.kind, c.words)
					return
				}
				if err != nil || res.State != c.state {
					w.Fatalf("%v, %s", err, mustJSON(w, res))
				}
				said := strings.Join(res.Reasons, " ")
				said += rejectReasons(res)
				for word := range strings.SplitSeq(c.words, "|") {
					if !strings.Contains(said, word) {
						w.Errorf("%q, want %q", said, word)
					}
				}
				if len(res.Kinds) != 3 {
					w.Errorf("a live read gives every kind: %s", mustJSON(w, res.Kinds))
				}
				snap, err := w.s.Snapshot(w.Context(), res.Snapshot)
				if err != nil || snap.StartedAt != model.TimeOf(day(0)) || !strings.Contains(snap.Extraction, "https://wiki.example.com") {
					w.Errorf("%+v (%v)", snap, err)
				}
			})
		})
	}
}

func TestRefusedRequests(t *testing.T) {
	each(t, func(w *world) {
		w.apply("wiki", access())
		w.apply("hr", hr())
		w.refused(w.request("nowhere", 1, grantsCSV("a,x,,,,")), model.NotFound, `no source named "nowhere"`)
		w.refused(w.request("wiki", 1), model.Invalid, "nothing to ingest")
		w.refused(w.request("hr", 1, grantsCSV("a,x,,,,")), model.Invalid, "source hr provides people: it has no grants")
		w.refused(w.request("wiki", 1, peopleCSV("a,A,,,")), model.Invalid, "it has no people")
		w.refused(w.request("wiki", 1, grantsCSV("a,x,,,,"), grantsCSV("b,x,,,,")), model.Invalid, "grants are given twice")
		req := w.request("wiki", 1, grantsCSV("a,x,,,,"))
		req.Expect = map[model.Kind]int64{model.KindAccounts: 3}
		w.refused(req, model.Invalid, "no accounts are given")
		bad := access()
		bad.ShrinkLimit = "a lot"
		w.apply("wiki", bad)
		w.refused(w.request("wiki", 1, grantsCSV("a,x,,,,")), model.Invalid, `"a lot" is not a percentage`)
		w.counts("after nothing but refusals", map[string]int{"snapshots": 0, "events": 0})
	})
}

func rejectReasons(res ingest.Result) string {
	var said strings.Builder
	for _, r := range res.Rejects {
		said.WriteString(r.Reason)
	}
	return said.String()
}
