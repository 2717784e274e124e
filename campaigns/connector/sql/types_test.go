package sqldb

import (
	"maps"
	"strings"
	"testing"

	"recert/campaigns/connector"
	"recert/model"
)

// TestReadRareTypes: columns of any type become text, the way the database writes them.
func TestReadRareTypes(t *testing.T) {
	t.Parallel()
	queries := map[*server]string{
		pgServer: `SELECT '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid AS account_id, '{"a": [1]}'::jsonb AS j, '{x,"y z"}'::text[] AS arr, '10.0.0.1/8'::inet AS net,
			'n'::name AS nam, 12::oid AS o, 'c'::"char" AS ch, 'b'::char(3) AS bp, '1 day'::interval AS iv, 1.5::float4 AS f4, 2.25::float8 AS f8, 7::int2 AS i2,
			'10:11:12'::time AS tim, true AS yes, '[1,3)'::int4range AS rng, '2026-01-02 03:04:05+09'::timestamptz AS ts, 12345678901234567890.5::numeric AS num`,
		myServer: `SELECT UUID_SHORT() > 0 AS account_id, JSON_OBJECT('a', 1) AS j, CAST('1.5' AS double) AS f8, CAST(7 AS unsigned) AS i2, CAST('10:11:12' AS time) AS tim,
			true AS yes, CAST('2026-01-02 03:04:05' AS datetime) AS ts, 12345678901234567890.5 AS num, CAST('ä' AS char) AS nam, CAST('0000-00-00' AS date) AS created_at`,
	}
	want := map[*server]map[string]string{
		pgServer: {
			"j": `{"a": [1]}`, "arr": `{x,"y z"}`, "net": "10.0.0.1/8", "nam": "n", "o": "12", "ch": "c", "bp": "b  ", "iv": "1 day", "f4": "1.5", "f8": "2.25", "i2": "7",
			"tim": "10:11:12", "yes": "true", "rng": "[1,3)", "ts": "2026-01-01T18:04:05Z", "num": "12345678901234567890.5",
		},
		myServer: {"j": `{"a": 1}`, "f8": "1.5", "i2": "7", "tim": "10:11:12", "yes": "1", "ts": "2026-01-02T03:04:05Z", "num": "12345678901234567890.5", "nam": "ä"},
	}
	for s, query := range queries {
		w := newTables(t, s)
		c := w.client(t, func(c *Config) { c.Queries.Accounts = query })
		var got model.Account
		if _, err := c.Read(t.Context(), func(r model.Record) error { got = r.Account; return nil }); err != nil {
			t.Error(err)
			continue
		}
		if !maps.Equal(got.Attrs, want[s]) || got.AccountID == "" {
			t.Errorf("%q\n got %q\nwant %q", got.AccountID, got.Attrs, want[s])
		}
	}
	// Not a time, and no guess at one.
	c := newTables(t, pgServer).client(t, func(c *Config) {
		c.Queries.Accounts = `SELECT 'x' AS account_id, 'infinity'::timestamptz AS expires_at`
	})
	_, err := c.Read(t.Context(), func(model.Record) error { return nil })
	if err == nil || connector.FailureOf(err).Kind != connector.Broken || !strings.Contains(err.Error(), "row 1") {
		t.Errorf("infinity: %v", err)
	}
}
