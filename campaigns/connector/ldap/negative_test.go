package ldap

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

// brokenEnv names, to the child process, the way in which its connector is broken.
const brokenEnv = "RECERT_TEST_BROKEN_LDAP"

// flawed is a Client with one mistake that connectors in the wild make.
type flawed struct {
	*Client
	how     string
	removed map[string]bool
}

func (b *flawed) Check(ctx context.Context, a connector.Access) (connector.Observation, error) {
	switch {
	case b.how == "believes the answer" && b.removed[a.EntitlementID]:
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

func (b *flawed) Revoke(ctx context.Context, a connector.Access, seen connector.Observation, key string) (connector.Outcome, error) {
	switch b.how {
	case "goes by id alone":
		a.Username, a.EntitlementName = "", ""
	case "has no memory":
		seen = connector.Observation{}
	}
	o, err := b.Client.Revoke(ctx, a, seen, key)
	if b.how == "tries again by itself" && err != nil {
		o, err = b.Client.Revoke(ctx, a, seen, key)
	}
	if o == connector.Removed {
		b.removed[a.EntitlementID] = true
	}
	return o, b.leak(err)
}

func (b *flawed) leak(err error) error {
	if err != nil && b.how == "repeats the password" {
		f := *connector.FailureOf(err)
		f.Err = fmt.Errorf("with the password %s", b.cfg.Password)
		return &f
	}
	return err
}

func (b *flawed) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
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
	fresh := harness(ofNames)
	connectortest.Run(t, func(t *testing.T) connectortest.Harness {
		h := fresh(t)
		c, ok := h.Target.(*Client)
		if !ok {
			t.Fatal("no client")
		}
		w, ok := h.World.(*world)
		if !ok {
			t.Fatal("no world")
		}
		w.proxy.unguarded = how == "sends no guard"
		b := &flawed{Client: c, how: how, removed: map[string]bool{}}
		h.Target, h.Source = b, b
		return h
	})
}

// TestSuiteCatches is the suite's negative control: each mistake fails the test that is about
// it, and the same test passes without the mistake.
func TestSuiteCatches(t *testing.T) {
	t.Parallel()
	for how, test := range map[string]string{
		"sends no guard":              "changed_meanwhile",
		"has no memory":               "changed_before",
		"believes the answer":         "a_liar_is_found_out",
		"tries again by itself":       "reply_dropped,_done",
		"goes by id alone":            "wrong_account",
		"sees direct members only":    "not_direct",
		"takes an error for absence":  "answers_that_are_none",
		"repeats the password":        "statuses",
		"drops a row":                 "list",
		"is content with half a list": "list_faults",
		"none":                        "[a-kn-z].*|list|list_nested", // all of these but the slow ones
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			//nolint:gosec // this very test binary
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenConnector$/^("+test+")$", "-test.v", "-test.count=1")
			cmd.Env = append(os.Environ(), brokenEnv+"="+how)
			out, err := cmd.CombinedOutput()
			failed := strings.Contains(string(out), "--- FAIL: TestBrokenConnector/"+test+" ")
			switch {
			case how == "none" && err != nil:
				t.Errorf("the control without a mistake fails:\n%s", out)
			case how == "none":
				for _, name := range []string{"list", "changed_meanwhile", "changed_before", "not_direct", "wrong_account"} {
					if !strings.Contains(string(out), "--- PASS: TestBrokenConnector/"+name+" ") {
						t.Errorf("%s did not run:\n%s", name, out)
					}
				}
			case err == nil || !failed:
				t.Errorf("%s passes:\n%s", test, out)
			}
		})
	}
}
