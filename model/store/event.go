package store

import (
	"context"
	"encoding/hex"

	"recert/model"
)

// Event is one sealed leaf as it is stored.
type Event struct {
	ID     int64      `bun:"id"`
	Type   string     `bun:"type"`
	Run    string     `bun:"run"`
	Object string     `bun:"object"`
	Leaf   []byte     `bun:"leaf"`
	Hash   []byte     `bun:"hash"`
	At     model.Time `bun:"at"`
}

// Disclosure opens one commitment of an event; it can be erased, the event cannot.
type Disclosure struct {
	EventID int64  `bun:"event_id"`
	Field   string `bun:"field"`
	Salt    []byte `bun:"salt"`
	Value   string `bun:"value"`
}

// LastEventHash is the hexadecimal leaf hash of the latest event of an object, "" when it has none. The
// caller holds the lock on the object.
func (tx *Tx) LastEventHash(ctx context.Context, run, object string) (string, error) {
	if known, ok := tx.heads[eventPlace{run, object}]; ok {
		return known, nil
	}
	rows, err := tx.rows(ctx, "SELECT hash FROM events WHERE object = ? AND run = ? ORDER BY id DESC LIMIT 1", object, run)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var hash []byte
	for rows.Next() {
		if err := rows.Scan(&hash); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash), rows.Err()
}

// eventPlace is where an event belongs: each place has a chain of its own.
type eventPlace struct{ run, object string }

// maxHeads bounds what a transaction over a million objects remembers.
const maxHeads = 50_000

// ReadLastEvents reads at once what LastEventHash is to give for some objects of a run. The caller holds
// the locks on them.
func (tx *Tx) ReadLastEvents(ctx context.Context, run string, objects []string) error {
	var last []Event
	if err := tx.hot(ctx, &last, `SELECT o.value AS object, (SELECT e.hash FROM events e WHERE e.object = o.value AND e.run = ? ORDER BY e.id DESC LIMIT 1) AS hash
		FROM `+tx.each("text"), run, objects); err != nil {
		return err
	}
	if tx.heads == nil || len(tx.heads) > maxHeads {
		tx.heads = map[eventPlace]string{} // what is asked for again is read again
	}
	for _, e := range last {
		tx.heads[eventPlace{run, e.Object}] = hex.EncodeToString(e.Hash)
	}
	return nil
}

// knowEvent notes that an event is the latest one of its object.
func (tx *Tx) knowEvent(e Event) {
	if at := (eventPlace{e.Run, e.Object}); tx.heads != nil {
		tx.heads[at] = hex.EncodeToString(e.Hash)
	}
}

// LastEvent is the id of the latest event, 0 before the first one.
func (q queries) LastEvent(ctx context.Context) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COALESCE(MAX(id), 0) FROM events")
	return n, err
}

// LastRemovalEvent is the id of the latest event about a removal, among those after one; that one's
// where there is none.
func (q queries) LastRemovalEvent(ctx context.Context, after int64) (int64, error) {
	var n int64
	err := q.all(ctx, &n, "SELECT COALESCE(MAX(id), 0) FROM events WHERE id > ? AND (object LIKE 'remediation:%' OR object LIKE 'removals:%')", after)
	return max(n, after), err
}

// InsertEvent stores a sealed leaf with its disclosures and gives its id.
func (tx *Tx) InsertEvent(ctx context.Context, e Event, open []Disclosure) (int64, error) {
	id, err := tx.insertID(ctx, "INSERT INTO events (type, run, object, leaf, hash, at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
		e.Type, e.Run, e.Object, e.Leaf, e.Hash, e.At)
	if err != nil {
		return 0, err
	}
	for _, d := range open {
		if _, err := tx.exec(ctx, "INSERT INTO disclosures (event_id, field, salt, value) VALUES (?, ?, ?, ?)", id, d.Field, d.Salt, d.Value); err != nil {
			return 0, err
		}
	}
	tx.knowEvent(e)
	return id, nil
}

// InsertEventLater is InsertEvent for who needs no id: the event is sent to the database together with
// others of the transaction.
func (tx *Tx) InsertEventLater(e Event, open []Disclosure) error {
	if tx.dialect == Postgres {
		tx.pending.events.add(e, open)
		tx.knowEvent(e)
		return nil
	}
	if err := tx.later("INSERT INTO events (type, run, object, leaf, hash, at) VALUES (?, ?, ?, ?, ?, ?)", e.Type, e.Run, e.Object, e.Leaf, e.Hash, e.At); err != nil {
		return err
	}
	for _, d := range open {
		if err := tx.later("INSERT INTO disclosures (event_id, field, salt, value) VALUES ((SELECT MAX(id) FROM events WHERE object = ? AND run = ?), ?, ?, ?)",
			e.Object, e.Run, d.Field, d.Salt, d.Value); err != nil {
			return err
		}
	}
	tx.knowEvent(e)
	return nil
}

// eventColumns are events that wait, and what opens them, by column: PostgreSQL takes all of them in one
// statement.
type eventColumns struct {
	kind, run, object []string
	leaf, hash        [][]byte
	at                []int64
	open              struct {
		of, salt     [][]byte
		field, value []string
	}
}

func (c *eventColumns) add(e Event, open []Disclosure) {
	c.kind, c.run, c.object = append(c.kind, e.Type), append(c.run, e.Run), append(c.object, e.Object)
	c.leaf, c.hash, c.at = append(c.leaf, e.Leaf), append(c.hash, e.Hash), append(c.at, int64(e.At))
	for _, d := range open {
		c.open.of, c.open.salt = append(c.open.of, e.Hash), append(c.open.salt, d.Salt)
		c.open.field, c.open.value = append(c.open.field, d.Field), append(c.open.value, d.Value)
	}
}

// statement stores them. The ids follow the order in which they came: what is computed of a row of an
// INSERT from an ordered SELECT is computed after the ordering.
func (c *eventColumns) statement() statement {
	return statement{rows: int64(len(c.open.of)), query: `WITH e AS (INSERT INTO events (type, run, object, leaf, hash, at)
		SELECT type, run, object, leaf, hash, at FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS bytea[]), CAST(? AS bytea[]), CAST(? AS bigint[]))
			WITH ORDINALITY AS u(type, run, object, leaf, hash, at, n) ORDER BY n RETURNING id, hash)
		INSERT INTO disclosures (event_id, field, salt, value) SELECT e.id, d.field, d.salt, d.value
		FROM unnest(CAST(? AS bytea[]), CAST(? AS text[]), CAST(? AS bytea[]), CAST(? AS text[])) AS d(hash, field, salt, value) JOIN e ON e.hash = d.hash`,
		args: []any{c.kind, c.run, c.object, c.leaf, c.hash, c.at, c.open.of, c.open.field, c.open.salt, c.open.value}}
}

// EventByID is one event.
func (q queries) EventByID(ctx context.Context, id int64) (Event, error) {
	var e Event
	err := q.one(ctx, &e, "There is no such event.", "SELECT * FROM events WHERE id = ?", id)
	return e, err
}
