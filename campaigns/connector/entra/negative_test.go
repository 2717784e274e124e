package entra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/model"
)

// brokenEnv names, to the child process, the way in which its connector is broken.
const brokenEnv = "RECERT_TEST_BROKEN_ENTRA"

// broken is a Client with one mistake that connectors in the wild make.
type broken struct {
	*Client
	how    string
	belief map[string]bool
}

func (b *broken) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	switch {
	case b.how == "believes the answer" && b.belief[a.EntitlementID]:
		return connector.Observation{Presence: connector.Absent, Detail: "It said so."}, nil
	case b.how == "goes by id alone":
		a.Username, a.EntitlementName = "", ""
	}
	obs, err := b.Client.Check(ctx, a)
	if b.how == "sees direct members only" && obs.Presence == connector.NotDirect {
		obs.Presence = connector.Absent
	}
	if b.how == "takes an error for absence" && obs.Presence == "" {
		obs, err = connector.Observation{Presence: connector.Absent, Detail: "It failed."}, nil
	}
	return obs, b.leak(err)
}

func (b *broken) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	if b.how == "has no memory" {
		seen = connector.Observation{}
	}
	o, err := b.Client.Revoke(ctx, a, seen, key)
	if b.how == "tries again by itself" && err != nil {
		o, err = b.Client.Revoke(ctx, a, seen, key)
	}
	if b.how == "takes not found for gone" && o == connector.Changed {
		o = connector.AlreadyAbsent
	}
	if o == connector.Removed {
		b.belief[a.EntitlementID] = true
	}
	return o, b.leak(err)
}

func (b *broken) leak(err error) error {
	if err != nil && b.how == "repeats the secret" {
		f := *connector.FailureOf(err)
		f.Err = errors.New("with client_secret=" + b.cfg.ClientSecret)
		return &f
	}
	return err
}

func (b *broken) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	n := 0
	ext, err := b.Client.Read(ctx, func(r model.Record) error {
		if n++; n == 20 && b.how == "drops a row" {
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
	how := os.Getenv(brokenEnv)
	if how == "" {
		return
	}
	v := variant{wrap: func(c *Client) live { return &broken{Client: c, how: how, belief: map[string]bool{}} }}
	if how == "has no memory" || how == "takes not found for gone" {
		v.ents = ofApps // which have a guard
	}
	connectortest.Run(t, v.harness)
}

// TestSuiteCatches is the suite's negative control: each mistake fails the test that is about it.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for how, test := range map[string]string{
		"believes the answer":         "a_liar_is_found_out",
		"has no memory":               "changed_before",
		"takes not found for gone":    "changed_meanwhile",
		"tries again by itself":       "reply_dropped,_done",
		"goes by id alone":            "wrong_account",
		"sees direct members only":    "not_direct",
		"takes an error for absence":  "answers_that_are_none",
		"repeats the secret":          "statuses",
		"drops a row":                 "list",
		"is content with half a list": "list_faults",
		"none":                        "",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			out, err := child(t, "TestBrokenConnector", brokenEnv+"="+how)
			failed := strings.Contains(out, "--- FAIL: TestBrokenConnector/"+test+" ")
			switch {
			case test == "" && err != nil:
				t.Errorf("the control without a mistake fails:\n%s", out)
			case test == "":
				if !strings.Contains(out, "--- PASS: TestBrokenConnector/list ") {
					t.Errorf("the suite did not run:\n%s", out)
				}
			case err == nil || !failed:
				t.Errorf("%s passes:\n%s", test, out)
			}
		})
	}
}

// child runs one test of this very test binary in a process of its own.
func child(t *testing.T, test string, env ...string) (string, error) {
	t.Helper()
	//nolint:gosec // this very test binary
	cmd := exec.CommandContext(t.Context(), os.Args[0], fmt.Sprintf("-test.run=^%s$", test), "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
