package store

import (
	"context"
	"encoding/json"
	"fmt"

	"recert/model"
)

// Config is one document of declarative configuration as it is stored.
type Config struct {
	Kind      model.ConfigKind `bun:"kind"`
	Name      string           `bun:"name"`
	Spec      string           `bun:"spec"` // canonical JSON; secrets stay ${NAME} placeholders
	SHA256    string           `bun:"sha256"`
	Version   int64            `bun:"version"` // 1, 2, … with every change
	UpdatedAt model.Time       `bun:"updated_at"`
}

// Config is the document of a kind and name; none is NotFound.
func (q queries) Config(ctx context.Context, kind model.ConfigKind, name string) (Config, error) {
	var c Config
	err := q.one(ctx, &c, fmt.Sprintf("There is no %s named %q. Declare it in a file and run recert apply.", kind, name),
		"SELECT * FROM configs WHERE kind = ? AND name = ?", kind, name)
	return c, err
}

// Configs are all documents of a kind, by name; kind "" is every kind.
func (q queries) Configs(ctx context.Context, kind model.ConfigKind) ([]Config, error) {
	var cs []Config
	err := q.all(ctx, &cs, "SELECT * FROM configs WHERE kind = ? OR ? = '' ORDER BY kind, name", kind, kind)
	return cs, err
}

// SourceSpec is the declared spec of a source.
func (q queries) SourceSpec(ctx context.Context, name string) (model.SourceSpec, error) {
	var spec model.SourceSpec
	c, err := q.Config(ctx, model.ConfigSource, name)
	if err != nil {
		return spec, err
	}
	if err := json.Unmarshal([]byte(c.Spec), &spec); err != nil {
		return spec, fmt.Errorf("read the stored spec of source %s: %w", name, err)
	}
	return spec, nil
}

// Settings are the settings of the installation; without a document they are the zero ones.
func (q queries) Settings(ctx context.Context) (model.SettingsSpec, error) {
	var spec model.SettingsSpec
	cs, err := q.Configs(ctx, model.ConfigSettings)
	if err != nil || len(cs) == 0 {
		return spec, err
	}
	if err := json.Unmarshal([]byte(cs[0].Spec), &spec); err != nil {
		return spec, fmt.Errorf("read the stored settings %s: %w", cs[0].Name, err)
	}
	return spec, nil
}

// PutConfig stores a document and tells whether that created it, changed it, or did nothing
// because the same was there ("created", "changed", "").
func (tx *Tx) PutConfig(ctx context.Context, kind model.ConfigKind, name, spec, sha256 string) (action string, err error) {
	var old string
	err = tx.one(ctx, &old, "There is no such document.", "SELECT sha256 FROM configs WHERE kind = ? AND name = ?"+tx.forUpdate(), kind, name)
	switch {
	case model.KindOf(err) == model.NotFound:
		_, err = tx.exec(ctx, "INSERT INTO configs (kind, name, spec, sha256, version, updated_at) VALUES (?, ?, ?, ?, 1, ?)",
			kind, name, spec, sha256, tx.Now)
		return "created", err
	case err != nil:
		return "", err
	case old == sha256:
		return "", nil
	}
	err = tx.execOne(ctx, "UPDATE configs SET spec = ?, sha256 = ?, version = version + 1, updated_at = ? WHERE kind = ? AND name = ?",
		spec, sha256, tx.Now, kind, name)
	return "changed", err
}

// DeleteConfig removes a document; none is NotFound.
func (tx *Tx) DeleteConfig(ctx context.Context, kind model.ConfigKind, name string) error {
	n, err := tx.exec(ctx, "DELETE FROM configs WHERE kind = ? AND name = ?", kind, name)
	if err == nil && n == 0 {
		return model.Errorf(model.NotFound, "There is no %s named %q.", kind, name)
	}
	return err
}
