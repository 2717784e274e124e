package scim

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/campaigns/connector/connectortest"
	"recert/campaigns/connector/scim/scimserver"
	"recert/model"
)

// brokenEnv names, to the child process, the way in which its connector is broken.
const brokenEnv = "RECERT_TEST_BROKEN_CONNECTOR"

// broken is a Client with one mistake that connectors in the wild make.
type broken struct {
	*Client
	how    string
	belief map[string]bool
}

func (b *broken) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	if b.how == "believes the answer" && b.belief[a.EntitlementID] {
		return connector.Observation{Presence: connector.Absent, Detail: "It said so."}, nil
	}
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	obs, err := b.Client.Check(ctx, a)
	if b.how == "sees direct members only" && obs.Presence == connector.NotDirect {
		obs.Presence = connector.Absent
	}
	if err != nil && b.how == "takes an error for absence" {
		return connector.Observation{Presence: connector.Absent, Detail: "It failed."}, nil
	}
	return obs, b.leak(err)
}

func (b *broken) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	if b.how == "goes by id alone" {
		a.Username, a.EntitlementName = "", ""
	}
	o, err := b.Client.Revoke(ctx, a, seen, key)
	switch {
	case b.how == "has no guard" && o == connector.Changed:
		o, err = b.Client.Revoke(ctx, a, connector.Observation{}, key)
	case b.how == "tries again by itself" && err != nil:
		o, err = b.Client.Revoke(ctx, a, seen, key)
	}
	if o == connector.Removed {
		b.belief[a.EntitlementID] = true
	}
	return o, b.leak(err)
}

func (b *broken) leak(err error) error {
	if err != nil && b.how == "repeats the token" {
		f := *connector.FailureOf(err)
		f.Err = fmt.Errorf("with Authorization: Bearer %s", b.cfg.Token)
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
	fresh := harness(scimserver.Config{}, scimserver.Traits{}, nil)
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		h := fresh(t)
		c, ok := h.Target.(*Client)
		if !ok {
			t.Fatal("no client")
		}
		b := &broken{Client: c, how: how, belief: map[string]bool{}}
		h.Target, h.Source = b, b
		return h
	})
}

// TestSuiteCatches is the suite's negative control: each mistake fails the test that is about
// it.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for how, test := range map[string]string{
		"believes the answer":         "a_liar_is_found_out",
		"has no guard":                "changed_before",
		"tries again by itself":       "reply_dropped,_done",
		"goes by id alone":            "wrong_account",
		"sees direct members only":    "not_direct",
		"takes an error for absence":  "answers_that_are_none",
		"repeats the token":           "statuses",
		"drops a row":                 "list",
		"is content with half a list": "list_faults",
		"none":                        "",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			//nolint:gosec // this very test binary
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenConnector$", "-test.v", "-test.count=1")
			cmd.Env = append(os.Environ(), brokenEnv+"="+how)
			out, err := cmd.CombinedOutput()
			failed := strings.Contains(string(out), "--- FAIL: TestBrokenConnector/"+test+" ")
			switch {
			case test == "" && err != nil:
				t.Errorf("the control without a mistake fails:\n%s", out)
			case test == "":
				if !strings.Contains(string(out), "--- PASS: TestBrokenConnector/list ") {
					t.Errorf("the suite did not run:\n%s", out)
				}
			case err == nil || !failed:
				t.Errorf("%s passes:\n%s", test, out)
			}
		})
	}
}
