package sqldb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"recert/campaigns/connector"
	"recert/model"
)

// row is one row of a query of the configuration, by column name in lower case.
type row struct {
	what    string
	number  int64
	columns []string
	values  []any
	types   []string // the database's names of the columns' types
	zone    *time.Location
}

// each runs a query and calls f for each of its rows; w, which may be nil, bounds the waits for
// the database.
func (c *Client) each(ctx context.Context, tx *sql.Tx, s *statement, a connector.Access, w *watch, f func(r *row) error) error {
	w.wait()
	defer w.rest()
	rows, err := tx.QueryContext(ctx, s.text, s.arguments(a, c.addr.mysql)...)
	if err != nil {
		return c.explain(ctx, "The query "+s.what, err)
	}
	defer rows.Close()
	r, err := c.header(s.what, rows)
	if err != nil {
		return err
	}
	into := make([]any, len(r.values))
	for i := range into {
		into[i] = &r.values[i]
	}
	for rows.Next() {
		w.rest()
		r.number++
		if err := rows.Scan(into...); err != nil {
			return c.fail(connector.Broken, fmt.Sprintf("The query %s: row %d cannot be read", s.what, r.number), err)
		}
		if err := f(r); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return c.explain(ctx, "The query "+s.what, context.Cause(ctx))
		}
		w.wait()
	}
	if err := rows.Err(); err != nil {
		return c.explain(ctx, "The query "+s.what, err)
	}
	return nil
}

func (c *Client) header(what string, rows *sql.Rows) (*row, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, c.fail(connector.Broken, "The query "+what+": its columns cannot be read", err)
	}
	r := &row{what: what, values: make([]any, len(types)), zone: c.zone()}
	seen := map[string]bool{}
	for _, t := range types {
		name := strings.ToLower(t.Name())
		if seen[name] {
			return nil, c.fail(connector.Refused, fmt.Sprintf("The query %s gives two columns named %s; name each once", what, name), nil)
		}
		seen[name] = true
		r.columns = append(r.columns, name)
		r.types = append(r.types, strings.ToUpper(t.DatabaseTypeName()))
	}
	return r, nil
}

func (r *row) index(column string) int {
	for i, name := range r.columns {
		if name == column {
			return i
		}
	}
	return -1
}

func (r *row) has(column string) bool { return r.index(column) >= 0 }

// bad is that a value cannot be what its column is for.
func (r *row) bad(column, why string) error {
	return &connector.Failure{
		Kind: connector.Broken,
		Msg:  fmt.Sprintf("The query %s: row %d, column %s: %s", r.what, r.number, column, why),
	}
}

// text is the value of a column as text; "" where it is NULL or is not there.
func (r *row) text(column string) (string, error) {
	i := r.index(column)
	if i < 0 {
		return "", nil
	}
	return r.textAt(i)
}

func (r *row) textAt(i int) (string, error) {
	var s string
	switch v := r.values[i].(type) {
	case nil:
		return "", nil
	case string:
		s = v
	case []byte:
		if strings.Contains(r.types[i], "BINARY") || r.types[i] == "BYTEA" || r.types[i] == "BIT" {
			return hex.EncodeToString(v), nil
		}
		s = string(v)
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		if r.types[i] == "DATE" {
			return v.Format(time.DateOnly), nil
		}
		return model.TimeOf(v).String(), nil
	default:
		return "", r.bad(r.columns[i], fmt.Sprintf("a value of type %T cannot be read; cast it to text in the query", v))
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", r.bad(r.columns[i], "the text is not UTF-8, or holds a zero byte")
	}
	return s, nil
}

// truth is the value of a column as a truth.
func (r *row) truth(column string) (model.Tri, error) {
	s, err := r.text(column)
	if err != nil {
		return model.Unknown, err
	}
	switch strings.ToLower(s) {
	case "":
		return model.Unknown, nil
	case "true", "t", "yes", "y", "1", "01": // 01 is a BIT(1)
		return model.Yes, nil
	case "false", "f", "no", "n", "0", "00":
		return model.No, nil
	}
	return model.Unknown, r.bad(column, "the value is none of true, false, yes, no, 1, 0")
}

// Years in which times are taken for real.
const firstYear, lastYear = 1900, 9999

// instant is the value of a column as a time; with end, a bare date ends when that day does.
func (r *row) instant(column string, end bool) (model.Time, error) {
	i := r.index(column)
	if i < 0 || r.values[i] == nil {
		return 0, nil
	}
	t, isTime := r.values[i].(time.Time)
	date := isTime && r.types[i] == "DATE"
	if !isTime {
		s, err := r.textAt(i)
		if err != nil || s == "" {
			return 0, err
		}
		if t, err = time.Parse(time.DateOnly, s); err == nil {
			date = true
		} else if t, err = time.Parse(time.RFC3339Nano, s); err != nil {
			return 0, r.bad(column, "the value is no RFC 3339 time and no date such as 2026-03-31")
		}
	}
	if t.IsZero() {
		return 0, nil // MySQL's 0000-00-00
	}
	if date {
		y, m, d := t.Date()
		if end {
			t = time.Date(y, m, d+1, 0, 0, 0, 0, r.zone).Add(-time.Microsecond)
		} else {
			t = time.Date(y, m, d, 0, 0, 0, 0, r.zone)
		}
	}
	if y := t.UTC().Year(); y < firstYear-1 || y > lastYear || t.UnixMicro() == 0 {
		return 0, r.bad(column, fmt.Sprintf("the time is a placeholder or not in the years %d to %d; give NULL where it is unknown", firstYear, lastYear))
	}
	return model.TimeOf(t), nil
}

// watch ends a read that waits too long for the database; the time that the reader itself takes
// does not count.
type watch struct {
	timer *time.Timer
	limit time.Duration
}

// watched is a context that ends where a wait takes longer than the timeout.
func (c *Client) watched(ctx context.Context) (context.Context, *watch, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{limit: c.cfg.Timeout}
	w.timer = time.AfterFunc(w.limit, func() { cancel(context.DeadlineExceeded) })
	return ctx, w, func() { w.timer.Stop(); cancel(context.Canceled) }
}

func (w *watch) wait() {
	if w != nil {
		w.timer.Reset(w.limit)
	}
}

func (w *watch) rest() {
	if w != nil {
		w.timer.Stop()
	}
}
