package connector_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"recert/campaigns/connector"
	"recert/model"
)

// system is a source of so many rows a kind; what fails does so after its rows, and what hangs then waits.
type system struct {
	people, accounts, entitlements, grants int
	fails                                  error
	hangs                                  bool
	given                                  int
}

func (s *system) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	for _, k := range []struct {
		kind model.Kind
		n    int
	}{{model.KindPeople, s.people}, {model.KindAccounts, s.accounts}, {model.KindEntitlements, s.entitlements}, {model.KindGrants, s.grants}} {
		if err := s.give(k.kind, k.n, yield); err != nil {
			return connector.Extraction{}, fmt.Errorf("wrapped without its cause: %v", err) //nolint:errorlint // as a connector may
		}
	}
	if s.hangs {
		<-ctx.Done()
		return connector.Extraction{}, ctx.Err()
	}
	return connector.Extraction{}, s.fails
}

func (s *system) give(kind model.Kind, n int, yield func(model.Record) error) error {
	for i := range n {
		id := fmt.Sprintf("%s-%d", kind, i)
		rec := model.Record{Kind: kind}
		rec.Person.PersonID, rec.Account.AccountID, rec.Entitlement.EntitlementID = id, id, id
		rec.Account.Username = "user " + id
		rec.Grant = model.Grant{AccountID: fmt.Sprintf("accounts-%d", i), EntitlementID: "entitlements-0"}
		if err := yield(rec); err != nil {
			return err
		}
		s.given++
	}
	return nil
}

// TestSample: reading stops where there is enough to look at, says why it stopped, and fails where the source
// does.
func TestSample(t *testing.T) {
	t.Parallel()
	refused := &connector.Failure{Kind: connector.Refused, Msg: "The account may not read groups"}
	for _, c := range []struct {
		name  string
		src   system
		end   connector.SampleEnd
		fails error
		seen  [3]int64 // accounts, entitlements, grants
	}{
		{"whole", system{accounts: 3, entitlements: 2, grants: 4}, connector.Whole, nil, [3]int64{3, 2, 4}},
		{"empty", system{}, connector.Whole, nil, [3]int64{}},
		{"many grants", system{accounts: 30, entitlements: 12, grants: 500}, connector.Enough, nil, [3]int64{30, 12, 20}},
		{"many accounts", system{accounts: 100_000, entitlements: 1, grants: 1}, connector.Enough, nil, [3]int64{5000, 0, 0}},
		{"refused", system{accounts: 3, fails: refused}, "", refused, [3]int64{}},
		{"refused after enough", system{accounts: 3, entitlements: 1, grants: 21, fails: refused}, connector.Enough, nil, [3]int64{3, 1, 20}},
		{"slow", system{accounts: 3, hangs: true}, connector.TimeIsUp, nil, [3]int64{3, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if c.src.hangs {
				limit = 20 * time.Millisecond
			}
			s, err := connector.ReadSample(t.Context(), &c.src, limit)
			if !errors.Is(err, c.fails) || s.End != c.end {
				t.Fatalf("ends %q, %v", s.End, err)
			}
			if seen := [3]int64{s.Seen[model.KindAccounts], s.Seen[model.KindEntitlements], s.Seen[model.KindGrants]}; seen != c.seen {
				t.Errorf("seen %v, want %v", seen, c.seen)
			}
			for kind, rows := range s.Rows {
				if want := min(s.Seen[kind], connector.SampleRows); int64(len(rows)) != want {
					t.Errorf("%d rows of %s, want %d", len(rows), kind, want)
				}
			}
			if int64(c.src.given) > c.seen[0]+c.seen[1]+c.seen[2] && c.fails == nil {
				t.Errorf("the source gave %d rows", c.src.given)
			}
			if c.seen[0] > 0 && s.Names[model.KindAccounts]["accounts-2"] != "user accounts-2" {
				t.Errorf("names %v", s.Names)
			}
		})
	}
}

// TestSamplePeople: a source of people is enough with people.
func TestSamplePeople(t *testing.T) {
	t.Parallel()
	src := system{people: 1000}
	s, err := connector.ReadSample(t.Context(), &src, time.Minute)
	if err != nil || s.End != connector.Enough || len(s.Rows[model.KindPeople]) != connector.SampleRows || src.given > 20 {
		t.Errorf("%+v, %v: the source gave %d rows", s, err, src.given)
	}
}

// TestSampleGone: where the one who asked is gone, that is an error, and no preview.
func TestSampleGone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := connector.ReadSample(ctx, &system{hangs: true}, time.Minute); !errors.Is(err, context.Canceled) || len(s.Rows) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
