package baton

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite" // the driver of files of version 1

	"recert/campaigns/connector"
	"recert/model"
)

const (
	magic1 = "C1ZF\x00" // zstd of an SQLite database
	magic3 = "C1Z3\x00"
)

// c1z is one sync in an unpacked file.
type c1z struct {
	c    *Client
	db   *sql.DB
	sync string // id
	at   model.Time
}

// openC1Z unpacks file into dir and finds the latest full sync that ended.
func (c *Client) openC1Z(ctx context.Context, file, dir string) (*c1z, error) {
	path := filepath.Join(dir, "unpacked.db")
	if err := c.unpack(ctx, file, path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&immutable=1&_pragma=query_only(1)")
	if err != nil {
		return nil, c.fail(connector.Broken, "The Baton file cannot be opened", err)
	}
	f := &c1z{c: c, db: db}
	if err := f.choose(ctx); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *c1z) close() { _ = f.db.Close() } // only read, and in a directory that goes away

// unpack writes the database in file to path.
func (c *Client) unpack(ctx context.Context, file, path string) error {
	in, err := os.Open(file)
	if err != nil {
		return c.fail(connector.Unreachable, "The Baton file cannot be read", err)
	}
	defer func() { _ = in.Close() }() // only read
	head := make([]byte, len(magic1))
	if _, err := io.ReadFull(in, head); err != nil {
		return c.fail(connector.Broken, "The Baton file is empty or cut off", err)
	}
	switch string(head) {
	case magic1:
	case magic3:
		return c.fail(connector.Refused, "The Baton file is of version 3, which other programs cannot read: let the connector write it with --storage-engine sqlite, or give the outputs of baton -f FILE resources, entitlements, grants and syncs, each with -o json", nil)
	default:
		return c.fail(connector.Broken, "This is no Baton file: it does not begin as one of version 1 does", nil)
	}
	zr, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(512<<20))
	if err != nil {
		return c.fail(connector.Broken, "The Baton file cannot be unpacked", err)
	}
	defer zr.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return c.fail(connector.Unreachable, "There is no room to unpack the Baton file", err)
	}
	n, err := io.Copy(out, io.LimitReader(reader{ctx, zr}, c.cfg.MaxSize+1))
	if cerr := out.Close(); err == nil && cerr != nil {
		return c.fail(connector.Unreachable, "The Baton file could not be unpacked to disk", cerr)
	}
	switch {
	case ctx.Err() != nil:
		return c.stopped(ctx)
	case err != nil:
		return c.fail(connector.Broken, "The Baton file is damaged or cut off", err)
	case n > c.cfg.MaxSize:
		return c.fail(connector.Broken, fmt.Sprintf("The Baton file is larger than %d bytes when unpacked; raise the limit if that is right", c.cfg.MaxSize), nil)
	}
	return nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads on, unless the context ended.
func (r reader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(b)
}

// choose finds the latest full sync that ended.
func (f *c1z) choose(ctx context.Context) error {
	columns, err := f.columns(ctx, "v1_sync_runs")
	if err != nil {
		return err
	}
	full := "1"
	if slices.Contains(columns, "sync_type") {
		full += " and sync_type = 'full'"
	}
	if slices.Contains(columns, "is_partial") {
		full += " and not is_partial"
	}
	// The cast keeps the driver from guessing at the zone.
	row := f.db.QueryRowContext(ctx, `select sync_id, cast(started_at as text) from v1_sync_runs
		where ended_at is not null and `+full+` order by ended_at desc, id desc limit 1`)
	var started string
	switch err := row.Scan(&f.sync, &started); {
	case errors.Is(err, sql.ErrNoRows):
		return f.c.fail(connector.Broken, "The Baton file has no full sync that ended: a partial or unfinished one would look as if access had been removed. Run the connector again without restrictions", nil)
	case err != nil:
		return f.wrong(ctx, "sync_runs", err)
	}
	f.at, err = f.c.parseTime(started)
	if err != nil {
		return f.c.fail(connector.Broken, "The Baton file says no time at which its sync began", err)
	}
	return nil
}

// parseTime reads a time as the files have it: without a zone, in the writer's own.
func (c *Client) parseTime(s string) (model.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST", time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return model.TimeOf(t), nil
		}
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", s, c.cfg.Location)
	if err == nil && t.After(c.cfg.Now()) {
		err = fmt.Errorf("%s would be in the future: see which time zone the file was written in", s)
	}
	return model.TimeOf(t), err
}

func (f *c1z) columns(ctx context.Context, table string) (names []string, err error) {
	err = f.query(ctx, table, "select name from pragma_table_info(?)", table, func(scan func(...any) error) error {
		name := ""
		err := scan(&name)
		names = append(names, name)
		return err
	})
	if err == nil && len(names) == 0 {
		err = f.c.fail(connector.Broken, "The Baton file has no table "+table+": it is not of the version that it says", nil)
	}
	return names, err
}

// query runs one statement with one argument.
func (f *c1z) query(ctx context.Context, table, statement, arg string, each func(scan func(...any) error) error) error {
	rows, err := f.db.QueryContext(ctx, statement, arg)
	if err != nil {
		return f.wrong(ctx, table, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return f.wrong(ctx, table, err)
	}
	return nil
}

func (f *c1z) wrong(ctx context.Context, table string, err error) error {
	if ctx.Err() != nil {
		return f.c.stopped(ctx)
	}
	return f.c.fail(connector.Broken, "The table "+table+" of the Baton file cannot be read", err)
}

// object scans one row and decodes its last column.
func object[T any](f *c1z, table string, decode func([]byte) (T, error), scan func(...any) error, columns ...any) (T, error) {
	var data []byte
	var v T
	if err := scan(append(columns, &data)...); err != nil {
		return v, f.c.fail(connector.Broken, "A row of the table "+table+" of the Baton file cannot be read", err)
	}
	v, err := decode(data)
	if err != nil {
		return v, f.c.fail(connector.Broken, "A row of the table "+table+" of the Baton file cannot be read", err)
	}
	return v, nil
}

func (f *c1z) contradiction(table, id string) error {
	return f.c.fail(connector.Broken, f.c.secrets.Show(fmt.Sprintf("The row %q of the table %s contradicts itself", id, table)), nil)
}

func (f *c1z) started() model.Time { return f.at }

func (f *c1z) types(ctx context.Context, yield func(resourceType) error) error {
	const table = "v1_resource_types"
	return f.query(ctx, table, "select external_id, data from "+table+" where sync_id = ? order by id", f.sync, func(scan func(...any) error) error {
		id := ""
		t, err := object(f, table, decodeType, scan, &id)
		switch {
		case err != nil:
			return err
		case t.id != id:
			return f.contradiction(table, id)
		}
		return yield(t)
	})
}

func (f *c1z) principals(ctx context.Context, yield func(string) error) error {
	const table = "v1_grants"
	return f.query(ctx, table, "select distinct principal_resource_type_id, principal_resource_id from "+table+" where sync_id = ?", f.sync, func(scan func(...any) error) error {
		typ, id := "", ""
		if err := scan(&typ, &id); err != nil {
			return f.wrong(ctx, table, err)
		}
		return yield(keyOf(typ, id))
	})
}

func (f *c1z) resources(ctx context.Context, yield func(resource) error) error {
	const table = "v1_resources"
	return f.query(ctx, table, "select external_id, resource_type_id, data from "+table+" where sync_id = ? order by id", f.sync, func(scan func(...any) error) error {
		key, typ := "", ""
		r, err := object(f, table, decodeResource, scan, &key, &typ)
		switch {
		case err != nil:
			return err
		case r.key != key || r.typ != typ:
			return f.contradiction(table, key)
		}
		return yield(r)
	})
}

func (f *c1z) entitlements(ctx context.Context, yield func(entitlement) error) error {
	const table = "v1_entitlements"
	return f.query(ctx, table, "select external_id, resource_type_id, resource_id, data from "+table+" where sync_id = ? order by id", f.sync, func(scan func(...any) error) error {
		id, typ, of := "", "", ""
		e, err := object(f, table, decodeEntitlement, scan, &id, &typ, &of)
		switch {
		case err != nil:
			return err
		case e.id != id || e.resource != "" && e.resource != keyOf(typ, of):
			return f.contradiction(table, id)
		}
		e.resource = keyOf(typ, of)
		return yield(e)
	})
}

// grants gives identity from the columns: newer versions leave the holder and the entitlement
// out of the rest.
func (f *c1z) grants(ctx context.Context, yield func(grant) error) error {
	const table = "v1_grants"
	return f.query(ctx, table, "select external_id, entitlement_id, principal_resource_type_id, principal_resource_id, data from "+table+" where sync_id = ? order by id", f.sync, func(scan func(...any) error) error {
		id, ent, typ, of := "", "", "", ""
		g, err := object(f, table, decodeGrant, scan, &id, &ent, &typ, &of)
		switch {
		case err != nil:
			return err
		case g.id != id && g.id != "", g.entitlement != "" && g.entitlement != ent, g.principal != "" && g.principal != keyOf(typ, of):
			return f.contradiction(table, id)
		}
		g.id, g.entitlement, g.principal, g.typ, g.of = id, ent, keyOf(typ, of), typ, of
		return yield(g)
	})
}
