package connectortest

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/model"
)

// Mistake is one that connectors in the wild make, in words.
type Mistake string

// The mistakes that Catches puts into any connector.
const (
	BelievesAnswer  Mistake = "believes the answer"
	NoGuard         Mistake = "has no guard"  // changes again what was changed meanwhile
	NoMemory        Mistake = "has no memory" // forgets what was seen before
	TriesAgain      Mistake = "tries again by itself"
	IDAlone         Mistake = "goes by id alone"
	DirectOnly      Mistake = "sees direct members only"
	ErrorForAbsence Mistake = "takes an error for absence"
	RepeatsSecret   Mistake = "repeats the secret"
	DropsRows       Mistake = "drops rows"
	HalfList        Mistake = "is content with half a list"
)

// caughtBy is the test of the suite that is about each mistake.
var caughtBy = map[Mistake]string{
	BelievesAnswer: "a liar is found out", NoGuard: "changed before", NoMemory: "changed before", TriesAgain: "reply dropped, done", IDAlone: "wrong account",
	DirectOnly: "not direct", ErrorForAbsence: "answers that are none", RepeatsSecret: "statuses", DropsRows: "list", HalfList: "list faults",
}

// Control is the suite's negative control for one connector.
type Control struct {
	// Fresh is as for Run. It makes the connector's own mistake m itself, and all others are made for it. The
	// harness's Target is its Source too, or it has none.
	Fresh func(t *testing.T, m Mistake) Harness
	// Tests names the test that is to catch a mistake of this connector's own, and of any other where it is
	// not the same as for all.
	Tests map[Mistake]string
	// Lacks are mistakes that it cannot make, with the reason.
	Lacks map[Mistake]string
	// Env is for the processes that the suite runs in.
	Env []string
}

// inChild names, to a child process, the mistake that its connector makes.
const inChild = "RECERT_TEST_BROKEN_CONNECTOR"

// none is a control without a mistake.
const none Mistake = "none"

// Catches runs the suite over connectors that each make one mistake, and over one that makes none: the test
// that is about the mistake fails with it, and passes without. Each runs in a process of its own, this very
// test again, because a test that fails cannot be taken back.
func Catches(t *testing.T, c Control) {
	t.Helper()
	if m := Mistake(os.Getenv(inChild)); m != "" {
		t.Run("suite", func(t *testing.T) { Run(t, func(t *testing.T) Harness { t.Helper(); return c.fresh(t, m) }) })
		return
	}
	tests := maps.Clone(caughtBy)
	maps.DeleteFunc(tests, func(m Mistake, _ string) bool { return c.Lacks[m] != "" })
	maps.Copy(tests, c.Tests)
	for m, test := range tests {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			if out := c.suite(t, m, test); !strings.Contains(out, "--- FAIL: "+c.name(t, test)+" ") {
				t.Errorf("the test %q passes:\n%s", test, out)
			}
		})
	}
	t.Run(string(none), func(t *testing.T) {
		t.Parallel()
		wanted := slices.Compact(slices.Sorted(maps.Values(tests)))
		out := c.suite(t, none, wanted...)
		for _, test := range wanted {
			if !strings.Contains(out, "--- PASS: "+c.name(t, test)+" ") {
				t.Errorf("without a mistake the test %q does not pass:\n%s", test, out)
			}
		}
	})
}

// name is what a test of the suite is called in a child; t is one of Catches' own.
func (Control) name(t *testing.T, test string) string {
	t.Helper()
	own := t.Name()[:strings.LastIndex(t.Name(), "/")]
	return own + "/suite/" + strings.ReplaceAll(test, " ", "_")
}

// suite runs tests of the suite in a child process, and gives what it says.
func (c Control) suite(t *testing.T, m Mistake, tests ...string) string {
	t.Helper()
	parts := strings.Split(c.name(t, ""), "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	names := make([]string, len(tests))
	for i, test := range tests {
		names[i] = regexp.QuoteMeta(strings.ReplaceAll(test, " ", "_"))
	}
	parts[len(parts)-1] = "^(" + strings.Join(names, "|") + ")$"
	//nolint:gosec // this very test binary
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+strings.Join(parts, "/"), "-test.v", "-test.count=1")
	cmd.Env = slices.Concat(os.Environ(), c.Env, []string{inChild + "=" + string(m), "GORACE=atexit_sleep_ms=0"})
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out)
}

// fresh is a connector with a mistake.
func (c Control) fresh(t *testing.T, m Mistake) Harness {
	t.Helper()
	h := c.Fresh(t, m)
	if caughtBy[m] == "" {
		return h
	}
	b := &broken{Target: h.Target, m: m, secret: h.Secrets[0], removed: map[connector.Access]bool{}}
	if h.Target = b; h.Source != nil {
		h.Source = b
	}
	return h
}

// broken is a connector with one mistake. It gives no access.
type broken struct {
	connector.Target

	m       Mistake
	secret  string
	removed map[connector.Access]bool
}

func (b *broken) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	if b.m == BelievesAnswer && b.removed[a] {
		return connector.Observation{Presence: connector.Absent, Detail: "It said so."}, nil
	}
	obs, err := b.Target.Check(ctx, b.meant(a))
	if b.m == DirectOnly && obs.Presence == connector.NotDirect {
		obs.Presence = connector.Absent
	}
	if b.m == ErrorForAbsence && err != nil {
		obs, err = connector.Observation{Presence: connector.Absent, Detail: "It failed."}, nil
	}
	return obs, b.leak(err)
}

func (b *broken) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if b.m == NoMemory {
		seen = connector.Observation{}
	}
	o, err := b.Target.Revoke(ctx, b.meant(a), seen, key)
	switch {
	case b.m == NoGuard && o == connector.Changed:
		o, err = b.Target.Revoke(ctx, b.meant(a), connector.Observation{}, key)
	case b.m == TriesAgain && err != nil:
		o, err = b.Target.Revoke(ctx, a, seen, key)
	}
	if o == connector.Removed {
		b.removed[a] = true
	}
	return o, b.leak(err)
}

func (b *broken) meant(a connector.Access) connector.Access {
	if b.m == IDAlone {
		a.Username, a.EntitlementName = "", ""
	}
	return a
}

func (b *broken) leak(err error) error {
	if err == nil || b.m != RepeatsSecret {
		return err
	}
	f := *connector.FailureOf(err)
	f.Err = errors.New("with the secret " + b.secret)
	return &f
}

func (b *broken) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	source, ok := b.Target.(connector.Source)
	if !ok {
		return connector.Extraction{}, errors.New("it reads no lists")
	}
	grants := 0
	ext, err := source.Read(ctx, func(r model.Record) error {
		if r.Kind == model.KindGrants {
			if grants++; b.m == DropsRows && grants%2 == 0 {
				return nil
			}
		}
		return yield(r)
	})
	if b.m == HalfList {
		err = nil
	}
	return ext, err
}
