package campaigns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"recert/model"
	"recert/model/store"
)

// sourceTypes are what this version reads, and whether it is read live.
var sourceTypes = map[string]bool{"csv": false, "scim": true, "ldap": true, "sql": true, "exec": true, "baton": true, "entra": true}

// addressExamples are right addresses of other systems than those that speak HTTP.
var addressExamples = map[string]string{
	"postgres": "postgres://db.example.com:5432/app", "postgresql": "postgresql://db.example.com:5432/app", "mysql": "mysql://db.example.com:3306/app",
	"ldap": "ldap://ldap.example.com", "ldaps": "ldaps://ldap.example.com",
}

// CheckAddress refuses an address of a system that holds a password, or options, where passwords can
// hide. The refusal never repeats the address.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		for _, scheme := range []string{"postgresql", "postgres", "mysql", "ldaps", "ldap"} {
			if strings.HasPrefix(strings.ToLower(address), scheme) {
				return model.Errorf(model.Invalid, "url must be an address like %s", addressExamples[scheme])
			}
		}
		return model.Errorf(model.Invalid, "url must be an address like https://wiki.example.com/scim/v2, or of a database like %s", addressExamples["postgres"])
	}
	_, has := u.User.Password()
	if sql := u.Scheme == "postgres" || u.Scheme == "postgresql" || u.Scheme == "mysql"; has || u.User != nil && !sql || u.ForceQuery || u.RawQuery != "" || u.Fragment != "" {
		return model.Errorf(model.Invalid, "url must hold no password and no options, and a user only where it is a database; give credentials by their own settings")
	}
	return nil
}

// CheckSource refuses settings of a source that cannot work.
func CheckSource(s *model.SourceSpec) error {
	if s.Provides != model.ProvidesPeople && s.Provides != model.ProvidesAccess {
		return errors.New("provides must be people or access")
	}
	live, ok := sourceTypes[s.Type]
	switch {
	case !ok:
		return fmt.Errorf("type %q is not supported by this version; it reads csv (any file), scim, ldap, sql, entra, exec and baton", s.Type)
	case live && s.Type != "exec" && s.Type != "baton" && s.Type != "entra" && s.URL == "":
		return fmt.Errorf("type %s needs url", s.Type)
	case live && s.Provides == model.ProvidesPeople && s.Type != "exec":
		return fmt.Errorf("type %s provides access, not people", s.Type)
	case s.Type == "ldap" && s.LDAP == nil:
		return errors.New(`type ldap needs ldap: with the base, as in ldap: {base: "dc=example,dc=com"}`)
	case s.Type == "exec" && s.Exec == nil:
		return errors.New("type exec needs exec: with the command, as in exec: {command: [/usr/local/bin/wiki-access]}")
	case s.Type == "baton" && s.Baton == nil:
		return errors.New("type baton needs baton: with a command, a file, or the files that baton printed")
	case s.Type == "entra" && (s.Entra == nil || s.Entra.Tenant == "" || s.Entra.ClientID == "" || s.Password == ""):
		return errors.New("type entra needs entra: with the tenant and the client_id, and the client secret as password, as in password: ${ENTRA_CLIENT_SECRET}")
	case s.Type == "entra" && (s.URL != "" || s.Token != "" || s.Username != "" || s.PageSize != 0):
		return errors.New("type entra takes no url, token, username or page_size; another cloud's addresses stand in entra, as graph_url and login_url")
	case s.Entra != nil && s.Type != "entra", s.Baton != nil && s.Type != "baton", s.LDAP != nil && s.Type != "ldap", s.SQL != nil && s.Type != "sql", s.Exec != nil && s.Type != "exec":
		return fmt.Errorf("type %s has no settings of another type", s.Type)
	case s.Token != "" && s.Username != "":
		return errors.New("give token or username and password, not both")
	case s.URL != "" && CheckAddress(s.URL) != nil:
		return CheckAddress(s.URL)
	case s.Entra != nil && checkEntra(s.Entra) != nil:
		return checkEntra(s.Entra)
	case s.ReadEvery != "" && !live:
		return fmt.Errorf("read_every needs a live source; type %s has files only", s.Type)
	}
	if s.ReadEvery != "" {
		if d, err := time.ParseDuration(s.ReadEvery); err != nil || d < time.Minute {
			return fmt.Errorf("read_every %q must be a duration of at least a minute, like 6h", s.ReadEvery)
		}
	}
	for name, v := range map[string]string{"token": s.Token, "password": s.Password} {
		if v != "" && !secretRefRE.MatchString(v) {
			return fmt.Errorf("%s must be a reference like ${WIKI_TOKEN}: secrets are never stored", name)
		}
	}
	if err := checkColumns(s); err != nil {
		return err
	}
	if _, err := ShrinkLimit(s.ShrinkLimit); err != nil {
		return err
	}
	switch s.Revoke.Mode {
	case "", model.ModeManual:
	case model.ModeConnector:
		if !live {
			return fmt.Errorf("revoke mode connector needs a live source; type %s has files only", s.Type)
		}
	case model.ModeTicket, model.ModeWebhook:
	default:
		return fmt.Errorf("revoke mode %q is not supported by this version; it knows connector, manual, ticket and webhook", s.Revoke.Mode)
	}
	if err := checkOutside(s); err != nil {
		return err
	}
	if _, err := HourlyCap(s.Revoke.HourlyCap); err != nil {
		return err
	}
	if err := checkPace(s.Revoke); err != nil {
		return err
	}
	if _, err := removalDue(s.Revoke.Due); err != nil {
		return err
	}
	if s.Timeout != "" {
		if d, err := time.ParseDuration(s.Timeout); err != nil || d <= 0 {
			return fmt.Errorf("timeout %q must be a duration like 30s", s.Timeout)
		}
	}
	return nil
}

// checkEntra refuses addresses that hold a password.
func checkEntra(e *model.EntraSpec) error {
	for name, address := range map[string]string{"graph_url": e.GraphURL, "login_url": e.LoginURL} {
		if address != "" && CheckAddress(address) != nil {
			return fmt.Errorf("%s must be an address like https://graph.microsoft.us/v1.0, without a user, a password and options", name)
		}
	}
	return nil
}

// HourlyCap reads how many removals an hour need no second person; -1 is any number, "" is 500.
func HourlyCap(s string) (int64, error) {
	switch s {
	case "":
		return 500, nil
	case "none":
		return -1, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("revoke: hourly_cap %q must be a number of removals, or none", s)
	}
	return n, nil
}

// removalDue reads how many days a removal may take until it is proven; "" is 7.
func removalDue(s string) (int, error) {
	if s == "" {
		return 7, nil
	}
	days, err := model.ParseDays(s)
	if err != nil {
		return 0, fmt.Errorf("revoke: due: %w", err)
	}
	return days, nil
}

// RemovalCap reads how many removals of a run of so many items need no second person; -1 is any
// number.
func RemovalCap(s string, items int64) (int64, error) {
	if s == "" {
		return -1, nil
	}
	if share, ok := strings.CutSuffix(s, "%"); ok {
		v, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err == nil && v >= 0 && v <= 100 {
			return int64(v / 100 * float64(items)), nil
		}
	} else if n, err := strconv.ParseInt(s, 10, 32); err == nil && n >= 0 {
		return n, nil
	}
	return 0, fmt.Errorf("removal_cap: %q must be a number of removals or a share of the items like 30%%", s)
}

// noteMoved tells what follows from settings that name another system.
const noteMoved = "What was reviewed before waits for a second person: another system would show every access as gone."

// applySource keeps the source's row beside its document: snapshots hang on it. Where a live source
// that was read before gets settings that may name another system, what was reviewed before must not
// be taken for gone because that one does not show it; the note says so.
func applySource(ctx context.Context, tx *store.Tx, name string, spec *model.SourceSpec) (note string, err error) {
	old, err := tx.SourceSpec(ctx, name)
	if err != nil && model.KindOf(err) != model.NotFound {
		return "", err
	}
	known := err == nil
	src, err := tx.PutSource(ctx, name, spec.Provides, spec.Type)
	if err != nil || !known || spec.Provides != model.ProvidesAccess {
		return "", err
	}
	was, err := CanonicalSpec(systemOf(old))
	if err != nil {
		return "", err
	}
	is, err := CanonicalSpec(systemOf(*spec))
	if err != nil || bytes.Equal(was, is) {
		return "", err
	}
	if err := tx.MarkMoved(ctx, src.ID); err != nil {
		return "", err
	}
	read, err := tx.Snapshots(ctx, src.ID, 0, 1)
	if err != nil || len(read) == 0 {
		return "", err
	}
	return noteMoved, nil
}

// systemOf is what of a source's settings says which system it is and what of it is read.
func systemOf(s model.SourceSpec) model.SourceSpec {
	if s.Entra != nil { // whether last sign-ins are read makes it no other tenant
		e := *s.Entra
		e.SignInActivity, s.Entra = false, &e
	}
	return model.SourceSpec{
		Type: s.Type, URL: s.URL, Token: s.Token, Username: s.Username, Password: s.Password, LDAP: s.LDAP, SQL: s.SQL, Exec: s.Exec, Baton: s.Baton, Entra: s.Entra,
	}
}

// checkColumns refuses to rename what no file of the source has.
func checkColumns(s *model.SourceSpec) error {
	for _, our := range slices.Sorted(maps.Keys(s.Columns)) {
		if !slices.ContainsFunc(s.Provides.Kinds(), func(k model.Kind) bool { return slices.Contains(model.Columns(k), our) }) {
			return fmt.Errorf("columns: a source of %s has no column %q; the names on the left are Recert's, those on the right the file's", s.Provides, our)
		}
		if names := s.Columns[our]; len(names) == 0 || slices.Contains(names, "") {
			return fmt.Errorf("columns: %s names no column of the file", our)
		}
	}
	return nil
}

// ShrinkLimit reads "20%" as 0.2; "" is the default of 20 %.
func ShrinkLimit(s string) (float64, error) {
	if s == "" {
		return 0.2, nil
	}
	n, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
	if !ok || err != nil || !(v >= 0 && v <= 100) {
		return 0, fmt.Errorf("shrink_limit %q must be a share like 20%%", s)
	}
	return v / 100, nil
}

var secretRefRE = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
