package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"recert/campaigns/connector"
	"recert/model"
)

func drop(model.Record) error { return nil }

// contents is a whole read, in a form that compares.
type contents struct {
	accounts, entitlements, grants []string
	kinds                          []model.Kind
}

func (h Harness) read(t *testing.T) (contents, connector.Extraction) {
	t.Helper()
	var c contents
	lines := map[model.Kind]int64{}
	ext, err := h.Source.Read(t.Context(), func(r model.Record) error {
		if len(c.kinds) == 0 || c.kinds[len(c.kinds)-1] != r.Kind {
			c.kinds = append(c.kinds, r.Kind)
		}
		if lines[r.Kind]++; r.Line != lines[r.Kind] || r.File == "" {
			t.Errorf("%s row %d says that it is line %d of %q", r.Kind, lines[r.Kind], r.Line, r.File)
		}
		switch r.Kind {
		case model.KindAccounts:
			c.accounts = append(c.accounts, r.Account.AccountID+" "+r.Account.Username)
		case model.KindEntitlements:
			c.entitlements = append(c.entitlements, r.Entitlement.EntitlementID+" "+r.Entitlement.Name)
		case model.KindGrants:
			c.grants = append(c.grants, r.Grant.AccountID+" "+r.Grant.EntitlementID+" "+r.Grant.Via)
		case model.KindPeople:
			t.Errorf("a target has no people: %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	for _, l := range [][]string{c.accounts, c.entitlements, c.grants} {
		slices.Sort(l)
	}
	return c, ext
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// fill makes a world of several pages, and is its truth.
func (h Harness) fill() contents {
	var c contents
	c.accounts = []string{alice + " alice", bob + " bob", carol + " carol"}
	c.entitlements = []string{editors + " Editors", staff + " Staff"}
	c.grants = []string{alice + " " + editors + " ", bob + " " + editors + " "}
	n := 2*h.Page + 1
	for i := range n {
		u, g := fmt.Sprintf("user-%03d", i), fmt.Sprintf("group-%03d", i)
		h.World.AddAccount(u, "name-"+u)
		h.World.AddEntitlement(g, "Name of "+g)
		c.accounts = append(c.accounts, u+" name-"+u)
		c.entitlements = append(c.entitlements, g+" Name of "+g)
	}
	for i := range n {
		for j := 0; j <= i%4; j++ {
			u, g := fmt.Sprintf("user-%03d", (i+j)%n), fmt.Sprintf("group-%03d", i)
			h.World.Grant(u, g)
			c.grants = append(c.grants, u+" "+g+" ")
		}
	}
	return c
}

func (h Harness) needsSource(t *testing.T) {
	t.Helper()
	if h.Source == nil {
		t.Skip("the connector reads no lists")
	}
}

func listed(t *testing.T, h Harness) {
	h.needsSource(t)
	want := h.fill()
	got, ext := h.read(t)
	same(t, "accounts", got.accounts, want.accounts)
	same(t, "entitlements", got.entitlements, want.entitlements)
	same(t, "grants", got.grants, want.grants)
	if !slices.Equal(got.kinds, []model.Kind{model.KindAccounts, model.KindEntitlements, model.KindGrants}) {
		t.Errorf("kinds came as %v", got.kinds)
	}
	if ext.Pages < 3 {
		t.Errorf("%d pages were read; the test needs several", ext.Pages)
	}
	if ext.Endpoint == "" || ext.Query == "" || !ext.StartedAt.Known() || ext.EndedAt < ext.StartedAt {
		t.Errorf("the extraction is not described: %+v", ext)
	}
	for kind, n := range map[model.Kind]int{model.KindAccounts: len(want.accounts), model.KindEntitlements: len(want.entitlements)} {
		if total, ok := ext.Totals[kind]; ok && total != int64(n) {
			t.Errorf("the source's own count of %s is %d, want %d", kind, total, n)
		}
	}
	// Every grant that was read is there when it is looked at.
	for _, a := range []connector.Access{access(), {AccountID: "user-000", EntitlementID: "group-000"}} {
		h.check(t, a, connector.Present)
	}
}

func listedNested(t *testing.T, h Harness) {
	h.needsSource(t)
	h.needs(t, "nesting")
	h.needs(t, "paths")
	h.World.AddEntitlement("g-mid", "Mid")
	h.World.Nest(staff, "g-mid")
	h.World.Nest("g-mid", editors)
	h.World.Nest(editors, staff) // a cycle
	h.World.Grant(carol, staff)
	got, _ := h.read(t)
	same(t, "grants", got.grants, []string{
		"u-1 g-1 ", "u-2 g-1 ", "u-3 g-2 ",
		"u-1 g-mid g-1", "u-2 g-mid g-1", "u-3 g-mid g-1>g-2",
		"u-1 g-2 g-mid>g-1", "u-2 g-2 g-mid>g-1",
		"u-3 g-1 g-2",
	})
}

// listFaults: a list that cannot be read whole is an error, never a short list.
func listFaults(t *testing.T, h Harness) {
	h.needsSource(t)
	h.fill()
	every := []connector.FailureKind{connector.Unreachable, connector.Broken, connector.Denied, connector.Refused}
	cases := []struct {
		fault Fault
		want  []connector.FailureKind
	}{
		{Fault{Kind: ShortPage}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: ShortPage, Skip: 1}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: CutPage, Times: 1}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: WrongTotal}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: WrongTotal, Skip: 1}, []connector.FailureKind{connector.Broken}}, // the total changes
		{Fault{Kind: WrongTotal, Skip: 4}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: DupPage}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: Garbage}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: Garbage, Skip: 2}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: Huge}, []connector.FailureKind{connector.Broken}},
		{Fault{Kind: DropRequest, Skip: 1}, []connector.FailureKind{connector.Unreachable}},
		{Fault{Kind: Stall, Skip: 1}, []connector.FailureKind{connector.Unreachable}},
		{Fault{Kind: Status, Status: 401}, []connector.FailureKind{connector.Denied}},
		{Fault{Kind: Status, Status: 500, Skip: 1}, []connector.FailureKind{connector.Unreachable}},
		{Fault{Kind: Status, Status: 404}, every},
		{Fault{Kind: Status, Status: 204}, every},
		{Fault{Kind: Status, Status: 429, RetryAfter: "7", Skip: 1}, []connector.FailureKind{connector.Unreachable}},
	}
	for _, c := range cases {
		c.fault.On = Lists
		if !h.World.Inject(c.fault) {
			continue
		}
		_, err := h.Source.Read(t.Context(), drop)
		if err == nil {
			t.Fatalf("%s: the read succeeded", c.fault)
		}
		h.failure(t, err, c.want...)
		h.World.ClearFaults()
	}
	h.read(t) // control: without a fault the same read works
}

func yieldFails(t *testing.T, h Harness) {
	h.needsSource(t)
	h.fill()
	full := errors.New("the disk is full")
	for _, kind := range []model.Kind{model.KindAccounts, model.KindEntitlements, model.KindGrants} {
		n := 0
		_, err := h.Source.Read(t.Context(), func(r model.Record) error {
			if r.Kind == kind {
				n++
				return full
			}
			return nil
		})
		if !errors.Is(err, full) || n != 1 {
			t.Errorf("%s: yield failed, called %d times, read returned %v", kind, n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := h.Source.Read(ctx, func(model.Record) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("context ended, read returned %v", err)
	}
}
