package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/campaigns/connector/scim"
	"recert/model/store"
)

// crashEnv makes the test binary a worker instead: a process that TestKilled kills.
const crashEnv = "RECERT_TEST_REMOVAL_WORKER"

func TestMain(m *testing.M) {
	if job := os.Getenv(crashEnv); job != "" {
		if err := crashChild(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The harness' clock runs faster, so that waits of minutes are fractions of a second. What a
// target is waited for is real time.
const (
	crashSpeed   = 1000
	crashLease   = 30 * time.Minute       // 1.8 s of real time: longer than a read, a call and a read
	crashTimeout = 250 * time.Millisecond // of one read or call
	crashSlow    = 400 * time.Millisecond // of a target that answers too late
)

// crashJob is what a worker process is told.
type crashJob struct {
	DSN, URL, Token string
	Epoch           time.Time     // when the harness' clock began
	Speed           time.Duration // how much faster it runs
	NoGuard         bool          // nothing is guarded by versions: the negative control
}

func (j crashJob) now() time.Time {
	return j.Epoch.Add(time.Since(j.Epoch) * j.Speed)
}

// crashChild is a worker as serve runs it. It says at which point of an attempt it is, and ends
// with its parent.
func crashChild(text string) error {
	var job crashJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent does
		os.Exit(2)
	}()
	ctx := context.Background()
	s, err := store.Open(ctx, job.DSN, store.Options{Now: job.now})
	if err != nil {
		return err
	}
	cfg := scim.Config{URL: job.URL, Token: job.Token, Now: job.now}
	if job.NoGuard {
		cfg.HTTP = &http.Client{Transport: unguarded{http.DefaultTransport}}
	}
	client, err := scim.New(cfg)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	w := &Worker{
		Store: s, Name: strconv.Itoa(os.Getpid()), Now: job.now, unsafe: unsafe{noGuard: job.NoGuard},
		Targets: func(context.Context, int64) (connector.Target, error) { return client, nil },
		Poll:    5 * time.Millisecond, Concurrency: 4, Lease: crashLease, ReadTimeout: crashTimeout, CallTimeout: crashTimeout,
		Fault: func(_ context.Context, p Point, _ int64) error {
			mu.Lock()
			defer mu.Unlock()
			_, err := fmt.Println(p)
			return err
		},
	}
	fmt.Println("ready")
	return w.Run(ctx)
}

// unguarded takes the version out of every request.
type unguarded struct{ http.RoundTripper }

func (u unguarded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Del("If-Match")
	return u.RoundTripper.RoundTrip(r)
}
