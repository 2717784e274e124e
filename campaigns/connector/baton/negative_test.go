package baton

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// brokenVar names, to the child process, the way in which its connector is broken.
const brokenVar = "RECERT_TEST_BROKEN_CONNECTOR"

// broken is a Client without one of its guards.
type broken struct {
	short
	how    string
	belief map[string]bool
}

func (b *broken) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	if b.how == "believes the exit status" && b.belief[a.EntitlementID] {
		return connector.Observation{Presence: connector.Absent, Detail: "It said so."}, nil
	}
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	obs, err := b.short.Check(ctx, a)
	if err != nil && b.how == "takes an error for absence" {
		return connector.Observation{Presence: connector.Absent, Detail: "It failed."}, nil
	}
	if b.how == "takes expanded for direct" && obs.Presence == connector.NotDirect {
		obs.Presence = connector.Present
	}
	return obs, b.leak(err)
}

func (b *broken) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	o, err := b.short.Revoke(ctx, a, seen, key)
	if b.how == "tries again by itself" && err != nil {
		o, err = b.short.Revoke(ctx, a, seen, key)
	}
	if o == connector.Removed {
		b.belief[a.EntitlementID] = true
	}
	return o, b.leak(err)
}

func (b *broken) leak(err error) error {
	if err != nil && b.how == "repeats the secret" {
		f := *connector.FailureOf(err)
		f.Err = fmt.Errorf("with password %s", canary)
		return &f
	}
	return err
}

func (b *broken) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	n := 0
	ext, err := b.short.Read(ctx, func(r model.Record) error {
		if n++; n == 8 && b.how == "drops a row" {
			return nil
		}
		return yield(r)
	})
	if b.how == "is content with half a list" {
		err = nil
	}
	return ext, err
}

// TestBrokenConnector runs the suite over a broken connector; only as a child of
// TestSuiteCatches.
func TestBrokenConnector(t *testing.T) {
	how := os.Getenv(brokenVar)
	if how == "" {
		return
	}
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		h := harness(t)
		s, ok := h.Target.(short)
		if !ok {
			t.Fatal("no client")
		}
		b := &broken{short: s, how: how, belief: map[string]bool{}}
		h.Target, h.Source = b, b
		return h
	})
}

// TestSuiteCatches is the suite's negative control: without a guard, the test that is about it
// fails.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for how, test := range map[string]string{
		"believes the exit status":    "a_liar_is_found_out",
		"tries again by itself":       "reply_dropped,_done",
		"goes by id alone":            "wrong_account",
		"takes expanded for direct":   "not_direct",
		"takes an error for absence":  "answers_that_are_none",
		"repeats the secret":          "statuses",
		"drops a row":                 "list",
		"is content with half a list": "list_faults",
		"none":                        "list",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			//nolint:gosec // this very test binary
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenConnector$/^"+test+"$", "-test.v", "-test.count=1")
			cmd.Env = append(os.Environ(), brokenVar+"="+how, "GORACE=atexit_sleep_ms=0")
			out, err := cmd.CombinedOutput()
			verdict := "--- FAIL: TestBrokenConnector/" + test + " "
			if how == "none" {
				verdict = "--- PASS: TestBrokenConnector/" + test + " "
			}
			if !strings.Contains(string(out), verdict) || (err == nil) != (how == "none") {
				t.Errorf("%s: want %q, got %v:\n%s", test, verdict, err, out)
			}
		})
	}
}
