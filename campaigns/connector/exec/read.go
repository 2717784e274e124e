package execconn

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"recert/campaigns/connector"
	"recert/model"
)

// reading is the state of one Read. Rows are handed on as they come; ids stay, and a number for
// each grant.
type reading struct {
	p     *process
	yield func(model.Record) error
	kinds []model.Kind
	now   int // in kinds
	lines map[model.Kind]int64

	seen map[model.Kind]map[string]struct{} // ids
	keys map[uint64]struct{}                // of grants
	seed maphash.Seed
}

// Read implements connector.Source: it runs the program's command list, and hands the rows on
// as they come. Whoever takes them must not keep them where Read fails.
func (c *Client) Read(ctx context.Context, yield func(model.Record) error) (connector.Extraction, error) {
	kinds := c.cfg.Provides.Kinds()
	ext := connector.Extraction{
		Endpoint: c.cfg.Command[0], Query: "list " + strings.Join(words(kinds), ", "), Pages: len(kinds),
		StartedAt: model.TimeOf(c.cfg.Now()),
	}
	p, err := c.start(ctx, c.cfg.ListTimeout, request{Command: cmdList, Kinds: kinds})
	if err != nil {
		return connector.Extraction{}, err
	}
	defer p.end()
	r := &reading{
		p: p, yield: yield, kinds: kinds, lines: map[model.Kind]int64{},
		seen: map[model.Kind]map[string]struct{}{}, keys: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
	}
	for _, k := range kinds {
		r.seen[k] = map[string]struct{}{}
	}
	if ext.Totals, err = r.run(); err != nil {
		return connector.Extraction{}, err
	}
	ext.EndedAt = model.TimeOf(c.cfg.Now())
	return ext, nil
}

func words(kinds []model.Kind) []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = string(k)
	}
	return out
}

// run reads the list to its end, which must be told, must match what came, and must be followed
// by nothing but a program that ends well.
func (r *reading) run() (map[model.Kind]int64, error) {
	for {
		b, err := r.p.line()
		if err != nil {
			return nil, r.p.broken("the list stopped without its end line, so rows may be missing", err)
		}
		l, err := parse(b)
		switch {
		case err != nil:
			return nil, r.p.broken(fmt.Sprintf("line %d cannot be read", r.p.lines), err)
		case l.err != nil:
			return nil, r.p.c.failure(cmdList, l.err)
		case l.end:
			return r.finish(l.totals)
		}
		if err := r.give(l.rec); err != nil {
			return nil, err
		}
	}
}

func (r *reading) finish(totals map[model.Kind]int64) (map[model.Kind]int64, error) {
	for _, k := range r.kinds {
		n, ok := totals[k]
		if !ok {
			return nil, r.p.failure(connector.Broken, fmt.Sprintf("the end line has no total of %s", k), nil)
		}
		if n != r.lines[k] {
			return nil, r.p.failure(connector.Broken, fmt.Sprintf("its end line counts %d %s, but %d came", n, k, r.lines[k]), nil)
		}
	}
	if len(totals) != len(r.kinds) {
		return nil, r.p.failure(connector.Broken, "the end line counts kinds that were not asked for", nil)
	}
	if _, err := r.p.line(); !errors.Is(err, io.EOF) {
		return nil, r.p.failure(connector.Broken, "more came after the end line", nil)
	}
	if err := r.p.wait(); err != nil {
		return nil, r.p.ended(err)
	}
	return totals, nil
}

// give checks one row against those before it, and hands it on.
func (r *reading) give(rec model.Record) error {
	if err := r.p.ctx.Err(); err != nil {
		return r.p.failure(connector.Unreachable, "", nil)
	}
	at := slices.Index(r.kinds, rec.Kind)
	switch {
	case at < 0:
		return r.wrong("is a row of %s, which were not asked for", rec.Kind)
	case at < r.now:
		return r.wrong("is a row of %s after rows of %s; they must come in the order %s", rec.Kind, r.kinds[r.now], strings.Join(words(r.kinds), ", "))
	}
	r.now = at
	if err := r.fits(rec); err != nil {
		return err
	}
	r.lines[rec.Kind]++
	rec.File, rec.Line = "list "+string(rec.Kind), r.lines[rec.Kind]
	return r.yield(rec)
}

func (r *reading) wrong(format string, args ...any) error {
	return r.p.failure(connector.Broken, fmt.Sprintf("line %d ", r.p.lines)+r.p.c.show(fmt.Sprintf(format, args...)), nil)
}

// fits checks that a row is new, and names only what came before. A row that came twice may
// stand where another one is missing, and an account that only a grant names shows that the
// list of accounts is short.
func (r *reading) fits(rec model.Record) error {
	id := ""
	switch rec.Kind {
	case model.KindPeople:
		id = rec.Person.PersonID
	case model.KindAccounts:
		id = rec.Account.AccountID
	case model.KindEntitlements:
		id = rec.Entitlement.EntitlementID
	case model.KindGrants:
		return r.fitsGrant(rec.Grant)
	}
	if _, twice := r.seen[rec.Kind][id]; twice {
		return r.wrong("gives %q of %s again, so another one may be missing", id, rec.Kind)
	}
	r.seen[rec.Kind][id] = struct{}{}
	return nil
}

func (r *reading) fitsGrant(g model.Grant) error {
	if _, ok := r.seen[model.KindAccounts][g.AccountID]; !ok {
		return r.wrong("names the account %q, which was not among the accounts", g.AccountID)
	}
	if _, ok := r.seen[model.KindEntitlements][g.EntitlementID]; !ok {
		return r.wrong("names the entitlement %q, which was not among the entitlements", g.EntitlementID)
	}
	key := maphash.Comparable(r.seed, [3]string{g.AccountID, g.EntitlementID, g.Via})
	if _, twice := r.keys[key]; twice {
		return r.wrong("gives the grant of %q to %q again, so another one may be missing", g.EntitlementID, g.AccountID)
	}
	r.keys[key] = struct{}{}
	return nil
}
