package campaigns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"recert/campaigns/evidence"
	"recert/model"
	"recert/model/store"
)

// Document is one document of declarative configuration, read and checked by itself.
type Document struct {
	Kind ConfigKind
	Name string
	Spec any // *model.SourceSpec, *model.CampaignSpec, *model.RoleMappingSpec, *model.NotificationSpec or *model.SettingsSpec
	At   string

	file   string
	lines  map[string]int // of the spec's keys, the first of each name
	secret *store.Secret  // a credential that was typed with it
}

// at is the place that an error speaks of: the line of the key that it names, the innermost of a
// path as in "stages: due: …", else the document's.
func (d Document) at(msg string) string {
	at, found := d.At, false
	for word := range strings.FieldsFuncSeq(msg, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
		line, ok := d.lines[word]
		if !ok && found {
			break
		}
		if ok {
			at, found = fmt.Sprintf("%s:%d", d.file, line), true
		}
	}
	return at
}

// fault is an error about the document, with its place; what it is about is said once.
func (d Document) fault(kind model.ErrorKind, msg string) error {
	for _, prefix := range []string{"campaign", "source", "role mapping", "notification", "settings"} {
		msg = strings.TrimPrefix(msg, prefix+" "+d.Name+": ")
	}
	return model.Errorf(kind, "%s: %s %s: %s", d.at(msg), d.Kind, d.Name, msg)
}

// keyLines finds the lines of the keys below a node.
func keyLines(n ast.Node) map[string]int {
	lines := map[string]int{}
	for _, m := range ast.Filter(ast.MappingValueType, n) {
		if v, ok := m.(*ast.MappingValueNode); ok {
			key := v.Key.GetToken()
			if _, twice := lines[key.Value]; !twice {
				lines[key.Value] = key.Position.Line
			}
		}
	}
	return lines
}

// ConfigKind is model.ConfigKind, here for short.
type ConfigKind = model.ConfigKind

// Change is what applying one document does.
type Change struct {
	Kind   ConfigKind `json:"kind"`
	Name   string     `json:"name"`
	Action string     `json:"action"`         // created, changed, unchanged
	Note   string     `json:"note,omitempty"` // what else follows from it
}

// envelope is what every document has around its spec.
type envelope struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Name       string   `yaml:"name"`
	Spec       ast.Node `yaml:"spec"`
}

// ReadDocuments reads the YAML documents of a file. An error names the file, the line and what
// is expected there; a key that nobody knows is an error.
func ReadDocuments(file string, r io.Reader) ([]Document, error) {
	b, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, yamlError(file, err)
	}
	var docs []Document
	for _, d := range tree.Docs {
		if d.Body == nil || d.Body.Type() == ast.NullType {
			continue
		}
		doc, err := readDocument(file, d.Body)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	if len(docs) == 0 {
		return nil, model.Errorf(model.Invalid, "%s holds no document", file)
	}
	return docs, nil
}

func readDocument(file string, body ast.Node) (Document, error) {
	at := fmt.Sprintf("%s:%d", file, body.GetToken().Position.Line)
	var env envelope
	if err := yaml.NodeToValue(body, &env, yaml.Strict()); err != nil {
		return Document{}, yamlError(file, err)
	}
	if env.APIVersion != model.APIVersion {
		return Document{}, model.Errorf(model.Invalid, "%s: apiVersion must be %s", at, model.APIVersion)
	}
	if !model.ValidName(env.Name) {
		return Document{}, model.Errorf(model.Invalid, "%s: name %q: %s", at, env.Name, model.NameRule)
	}
	doc := Document{Kind: ConfigKind(env.Kind), Name: env.Name, At: at, file: file}
	if (doc.Kind == model.ConfigSource || doc.Kind == model.ConfigCampaign) && env.Name == "new" {
		return Document{}, model.Errorf(model.Invalid, "%s: name %q: it is an address of its own in the browser; choose another name", at, env.Name)
	}
	switch doc.Kind {
	case model.ConfigSource:
		doc.Spec = &model.SourceSpec{}
	case model.ConfigCampaign:
		doc.Spec = &model.CampaignSpec{}
	case model.ConfigRoleMapping:
		doc.Spec = &model.RoleMappingSpec{}
	case model.ConfigSettings:
		doc.Spec = &model.SettingsSpec{}
	case model.ConfigNotification:
		doc.Spec = &model.NotificationSpec{}
	case model.ConfigPolicy:
		return Document{}, model.Errorf(model.Invalid, "%s: kind %s is not supported by this version", at, env.Kind)
	default:
		return Document{}, model.Errorf(model.Invalid, "%s: kind %q is not known; the kinds are Source, Campaign, RoleMapping, Notification and Settings", at, env.Kind)
	}
	if env.Spec == nil {
		return Document{}, model.Errorf(model.Invalid, "%s: %s %s has no spec", at, env.Kind, env.Name)
	}
	if err := yaml.NodeToValue(env.Spec, doc.Spec, yaml.Strict(), yaml.UseJSONUnmarshaler()); err != nil {
		return Document{}, yamlError(file, err)
	}
	doc.lines = keyLines(env.Spec)
	if err := checkDocument(doc); err != nil {
		return Document{}, doc.fault(model.Invalid, err.Error())
	}
	return doc, nil
}

// yamlError is the library's error on one line, with the file before it.
func yamlError(file string, err error) error {
	first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	if m := yamlPosRE.FindStringSubmatch(first); m != nil {
		return model.Errorf(model.Invalid, "%s:%s: %s", file, m[1], m[2])
	}
	return model.Errorf(model.Invalid, "%s: %s", file, first)
}

var yamlPosRE = regexp.MustCompile(`^\[(\d+):\d+\] (.*)$`)

func checkDocument(d Document) error {
	switch spec := d.Spec.(type) {
	case *model.SourceSpec:
		return CheckSource(spec)
	case *model.RoleMappingSpec:
		for role := range *spec {
			if !slices.Contains(model.Roles, role) {
				return fmt.Errorf("there is no role %q; the roles are admin, campaign_manager and auditor", role)
			}
		}
	case *model.SettingsSpec:
		return checkSettings(spec)
	case *model.NotificationSpec:
		return checkNotification(d.Name, spec)
	}
	return nil
}

func checkSettings(s *model.SettingsSpec) error {
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "Local" {
		return fmt.Errorf("time_zone %q is not a zone like Europe/Berlin", s.TimeZone)
	}
	for _, n := range s.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return fmt.Errorf("networks: %q is not a network like 10.0.0.0/8", n)
		}
	}
	for name, v := range map[string]string{"session_idle": s.SessionIdle, "session_absolute": s.SessionAbsolute} {
		if v == "" {
			continue
		}
		if d, err := time.ParseDuration(v); err != nil || d < time.Minute || d > 30*24*time.Hour {
			return fmt.Errorf("%s %q must be a duration like 30m, from a minute to 30 days", name, v)
		}
	}
	return nil
}

// Apply brings the configuration to what docs say: sources first, so that campaigns can name
// them. It is one transaction: one document that does not fit and nothing is changed. With dry
// nothing is changed in any case. The actor stands in the evidence.
func Apply(ctx context.Context, s *store.Store, actor string, docs []Document, dry bool) ([]Change, error) {
	if err := refuseTwice(docs); err != nil {
		return nil, err
	}
	slices.SortStableFunc(docs, func(a, b Document) int { return configOrder(a.Kind) - configOrder(b.Kind) })
	var changes []Change
	in := s.InTx
	if dry {
		in = s.Dry
	}
	err := in(ctx, func(tx *store.Tx) error {
		changes = nil
		before, err := namedSecrets(ctx, tx)
		if err != nil {
			return err
		}
		for _, d := range docs {
			c, err := applyOne(ctx, tx, actor, d)
			if err != nil {
				if model.KindOf(err) == model.Internal {
					return fmt.Errorf("%s: %w", d.At, err)
				}
				return d.fault(model.KindOf(err), model.Message(err))
			}
			changes = append(changes, c)
		}
		return forgetUnnamed(ctx, tx, before)
	})
	return changes, err
}

func configOrder(k ConfigKind) int {
	return slices.Index([]ConfigKind{model.ConfigSettings, model.ConfigRoleMapping, model.ConfigNotification, model.ConfigSource, model.ConfigCampaign}, k)
}

func refuseTwice(docs []Document) error {
	seen := map[string]string{}
	for _, d := range docs {
		k := string(d.Kind) + "/" + d.Name
		if at, ok := seen[k]; ok {
			return model.Errorf(model.Invalid, "%s: %s %s stands already at %s", d.At, d.Kind, d.Name, at)
		}
		seen[k] = d.At
	}
	return nil
}

// applyOne checks d against what is stored, and stores it with its event where it differs.
func applyOne(ctx context.Context, tx *store.Tx, actor string, d Document) (Change, error) {
	c := Change{Kind: d.Kind, Name: d.Name}
	if spec, ok := d.Spec.(*model.CampaignSpec); ok {
		if err := ValidateSpec(ctx, tx, d.Name, *spec); err != nil {
			return c, err
		}
	}
	spec, err := CanonicalSpec(d.Spec)
	if err != nil {
		return c, err
	}
	hash := sumOf(spec)
	src, ok := d.Spec.(*model.SourceSpec)
	wasDry := false
	if ok {
		if wasDry, err = dryNow(ctx, tx, d.Name); err != nil {
			return c, err
		}
		if c.Note, err = applySource(ctx, tx, d.Name, src); err != nil {
			return c, err
		}
	}
	c.Action, err = tx.PutConfig(ctx, d.Kind, d.Name, string(spec), hash)
	if err != nil {
		return c, err
	}
	applied := evidence.ConfigApplied{Kind: string(d.Kind), Name: d.Name, Action: c.Action, SHA256: hash}
	switch {
	case d.secret != nil:
		if err := tx.PutSecret(ctx, *d.secret); err != nil {
			return c, err
		}
		if c.Action == "" {
			c.Action = "changed"
		}
		applied.Action, applied.Secret = c.Action, d.secret.Name
	case c.Action == "":
		c.Action = "unchanged"
		return c, nil
	}
	if wasDry && !src.Revoke.DryRun {
		if err := endDryRun(ctx, tx, d.Name); err != nil {
			return c, err
		}
	}
	_, err = evidence.Append(ctx, tx, evidence.Event{
		Type: evidence.TypeConfigApplied, Object: fmt.Sprintf("config:%s/%s", d.Kind, d.Name),
		Data:     applied,
		Personal: map[string]string{"actor": actor},
	})
	return c, err
}

// sumOf is the SHA-256 of a canonical spec, by which a document is known.
func sumOf(spec []byte) string {
	sum := sha256.Sum256(spec)
	return hex.EncodeToString(sum[:])
}

// CanonicalSpec is a spec as canonical JSON: the same meaning gives the same bytes.
func CanonicalSpec(spec any) ([]byte, error) {
	if reflect.ValueOf(spec).Kind() == reflect.Pointer {
		spec = reflect.ValueOf(spec).Elem().Interface()
	}
	b, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return evidence.Canonical(json.RawMessage(b))
}
