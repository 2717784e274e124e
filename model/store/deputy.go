package store

import (
	"context"

	"recert/model"
)

const noDeputy = "There is no such deputy."

// OpenDeputies are the deputies of whom not everything has gone back, by id. person 0 is those of all.
func (q queries) OpenDeputies(ctx context.Context, person int64) ([]model.Deputy, error) {
	var out []model.Deputy
	err := q.all(ctx, &out, "SELECT * FROM deputies WHERE ended_at IS NULL AND (? = 0 OR person_key = ? OR deputy_key = ?) ORDER BY id", person, person, person)
	return out, err
}

// Deputy is one, whether it is over or not.
func (q queries) Deputy(ctx context.Context, id int64) (model.Deputy, error) {
	var d model.Deputy
	err := q.one(ctx, &d, noDeputy, "SELECT * FROM deputies WHERE id = ?", id)
	return d, err
}

// InsertDeputy stores a new one.
func (tx *Tx) InsertDeputy(ctx context.Context, d model.Deputy) error {
	_, err := tx.insertID(ctx, "INSERT INTO deputies (person_key, deputy_key, from_day, until_day, reason, made_by, made_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
		d.PersonKey, d.DeputyKey, d.FromDay, d.UntilDay, d.Reason, d.MadeBy, tx.Now)
	return err
}

// StopDeputy calls a deputy off; the second time changes nothing.
func (tx *Tx) StopDeputy(ctx context.Context, id int64) error {
	_, err := tx.exec(ctx, "UPDATE deputies SET stopped_at = ? WHERE id = ? AND stopped_at IS NULL AND ended_at IS NULL", tx.Now, id)
	return err
}

// EndDeputy says that what the deputy had not answered went back.
func (tx *Tx) EndDeputy(ctx context.Context, id int64) error {
	_, err := tx.exec(ctx, "UPDATE deputies SET ended_at = ? WHERE id = ? AND ended_at IS NULL", tx.Now, id)
	return err
}
