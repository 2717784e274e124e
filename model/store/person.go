package store

import (
	"context"
	"database/sql"
	"iter"
	"strings"

	"recert/model"
)

// Person is a person as one version of a people source says.
type Person struct {
	model.Person

	Key           int64
	SourceID      int64
	FirstSnapshot int64
	LastSnapshot  *int64 // nil while it is the current version
}

const personColumns = "SELECT v.person_key, v.source_id, v.first_snapshot, v.last_snapshot, v.data FROM person_versions v WHERE "

func readPerson(rows *sql.Rows, p *Person) error {
	var data []byte
	if err := rows.Scan(&p.Key, &p.SourceID, &p.FirstSnapshot, &p.LastSnapshot, &data); err != nil {
		return err
	}
	return decode(data, &p.Person, "person", p.Key)
}

// People are the persons of all people sources, whatever their status, by key.
func (q queries) People(ctx context.Context) iter.Seq2[Person, error] {
	return each(ctx, q, readPerson, personColumns+"v.last_snapshot IS NULL ORDER BY v.person_key")
}

// PeopleAsOf are the persons of one source as a snapshot shows them (or Live), by key.
func (q queries) PeopleAsOf(ctx context.Context, sourceID, snapshot int64) iter.Seq2[Person, error] {
	cond, args := asOf("v", snapshot)
	return each(ctx, q, readPerson, personColumns+"v.source_id = ? AND "+cond+" ORDER BY v.person_key", append([]any{sourceID}, args...)...)
}

// PersonByKey is the latest known version of a person, also of one who is gone.
func (q queries) PersonByKey(ctx context.Context, key int64) (Person, error) {
	return first(each(ctx, q, readPerson, personColumns+"v.person_key = ? ORDER BY v.first_snapshot DESC LIMIT 1", key), "There is no such person.")
}

// PeopleByID are the current persons with a person_id, case-folded: one, unless several people
// sources have the same.
func (q queries) PeopleByID(ctx context.Context, personID string) ([]Person, error) {
	return collect(each(ctx, q, readPerson, personColumns+"v.id_fold = ? AND v.last_snapshot IS NULL ORDER BY v.person_key", Fold(personID)))
}

// PersonByID is the one current person with a person_id; none is NotFound, several are a Conflict.
func (q queries) PersonByID(ctx context.Context, personID string) (Person, error) {
	ps, err := q.PeopleByID(ctx, personID)
	switch {
	case err != nil:
		return Person{}, err
	case len(ps) == 0:
		return Person{}, model.Errorf(model.NotFound, "There is no person with the person_id %q.", personID)
	case len(ps) > 1:
		return Person{}, model.Errorf(model.Conflict, "%d people sources have a person with the person_id %q.", len(ps), personID)
	}
	return ps[0], nil
}

// PeopleByEmail are the current persons with an address, case-folded.
func (q queries) PeopleByEmail(ctx context.Context, email string) ([]Person, error) {
	if strings.TrimSpace(email) == "" {
		return nil, nil
	}
	return collect(each(ctx, q, readPerson, personColumns+"v.email_fold = ? AND v.last_snapshot IS NULL ORDER BY v.person_key", Fold(email)))
}

// Reports are the current persons whose manager_id is just this, by key.
func (q queries) Reports(ctx context.Context, managerID string) ([]Person, error) {
	if managerID == "" {
		return nil, nil
	}
	return collect(each(ctx, q, readPerson, personColumns+"v.manager_id = ? AND v.last_snapshot IS NULL ORDER BY v.person_key", managerID))
}

// SearchPeople are at most limit current persons after a key whose name, id or address has what
// was typed in it; "" is everybody.
func (q queries) SearchPeople(ctx context.Context, typed string, after int64, limit int) ([]Person, error) {
	p := like(typed)
	return collect(each(ctx, q, readPerson, personColumns+`v.last_snapshot IS NULL AND v.person_key > ?
 AND (v.name_fold LIKE ? ESCAPE '\' OR v.id_fold LIKE ? ESCAPE '\' OR v.email_fold LIKE ? ESCAPE '\')
ORDER BY v.person_key LIMIT ?`, after, p, p, p, limit))
}

// PersonVersions are all versions of a person, the oldest first.
func (q queries) PersonVersions(ctx context.Context, key int64) ([]Person, error) {
	return collect(each(ctx, q, readPerson, personColumns+"v.person_key = ? ORDER BY v.first_snapshot", key))
}
