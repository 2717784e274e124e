package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"recert/campaigns/connector"
)

func oidText(oid uint32) string { return strconv.FormatUint(uint64(oid), 10) }

// quoted is a role's name as it stands in a statement.
func quoted(r *role) string {
	if r.oid == 0 {
		return "PUBLIC"
	}
	return pgx.Identifier{r.name}.Sanitize()
}

func (r *roles) revoke(ctx context.Context, a connector.Access, seen connector.Observation) (connector.Outcome, error) {
	before, err := r.glance(ctx, r.db, a)
	if err != nil {
		return "", err
	}
	if o := outcomeOf(before.obs.Presence); o != "" {
		return o, nil
	}
	guard := seen.Version
	if guard == "" {
		guard = before.obs.Version
	}
	if before.obs.Version != guard {
		return connector.Changed, nil
	}
	return r.changing(ctx, sql.LevelReadCommitted, connector.Removed, func(tx *sql.Tx) error {
		s, err := r.begin(ctx, tx, true)
		if err != nil {
			return err
		}
		g, err := s.look(ctx, a)
		if err != nil {
			return err
		}
		if o := outcomeOf(g.obs.Presence); o != "" {
			return &decided{o}
		}
		if g.obs.Version != guard {
			return &decided{connector.Changed}
		}
		statements, err := s.statements(ctx, g)
		if err != nil {
			return err
		}
		for _, q := range statements {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return r.explain(ctx, "Taking it away", err)
			}
		}
		after, err := s.look(ctx, a)
		switch {
		case err != nil:
			return err
		case after.obs.Presence == connector.WrongTarget:
			return &decided{connector.RefusedTarget} // renamed while we were at it
		case after.obs.Presence == connector.Present:
			// PostgreSQL only warns where nothing could be revoked.
			return r.fail(connector.Denied, "PostgreSQL took nothing away and only gave a warning: "+s.why(after)+"; everything was undone", nil)
		}
		return r.outside(ctx, a, guard)
	})
}

// outside compares what everybody else still sees with what was looked at. Our change holds the
// row until the end of the transaction, so what others see now is exactly what goes: a grant that
// was made anew since would have another version.
func (r *roles) outside(ctx context.Context, a connector.Access, guard string) error {
	g, err := r.glance(ctx, r.Client.outside, a)
	switch {
	case err != nil:
		return err
	case g.obs.Presence == connector.WrongTarget:
		return &decided{connector.RefusedTarget}
	case g.obs.Presence != connector.Present || g.obs.Version != guard:
		return &decided{connector.Changed}
	}
	return nil
}

// why guesses why nothing was revoked.
func (s *session) why(g *glance) string {
	for _, e := range g.rows {
		if e.grantorName != "" && e.grantor != s.now {
			return "it was granted by " + e.grantorName + ", in whose name the user that we sign in as may not act"
		}
	}
	for _, i := range g.items {
		if i.grantorName != "" && i.grantor != s.now {
			return "it was granted by " + i.grantorName + ", in whose name the user that we sign in as may not act"
		}
	}
	return "the user that we sign in as has no right to"
}

// statements are what takes an access away; names in them are the current ones, by id.
func (s *session) statements(ctx context.Context, g *glance) ([]string, error) {
	who := quoted(g.account)
	switch g.thing.class {
	case "":
		if g.account.oid == 0 {
			return nil, s.r.fail(connector.Refused, "PUBLIC is everybody, and cannot be closed", nil)
		}
		return []string{"ALTER ROLE " + who + " NOLOGIN"}, nil
	case classAttribute:
		return []string{"ALTER ROLE " + who + " NO" + attributes[attributeOf(g.thing.priv)].word}, nil
	case classRole:
		return s.revokeRole(g, who), nil
	}
	if g.thing.priv == privOwner {
		return nil, s.r.fail(connector.Refused, "Ownership cannot be taken away, only handed on: give the object another owner (ALTER … OWNER TO …)", nil)
	}
	if g.thing.class == classRelation {
		too, err := s.columnsToo(ctx, g)
		if err != nil {
			return nil, err
		}
		if too {
			return nil, s.r.fail(connector.Refused, "The role holds the same privilege on single columns of the table, which would go as well; take those away first, or do both by hand", nil)
		}
	}
	return s.revokePrivilege(g, who), nil
}

func (s *session) revokeRole(g *glance, who string) []string {
	option := ""
	if g.thing.priv == privAdmin {
		option = "ADMIN OPTION FOR "
	}
	from := fmt.Sprintf("REVOKE %s%s FROM %s", option, quoted(g.role), who)
	if s.version < 160000 {
		return []string{from}
	}
	// From version 16 on each grantor's grant is another one, and a plain REVOKE takes one's own.
	var out []string
	for _, e := range g.rows {
		q := from
		if e.grantorName != "" {
			q += " GRANTED BY " + pgx.Identifier{e.grantorName}.Sanitize()
		}
		out = append(out, q)
	}
	return out
}

func (s *session) revokePrivilege(g *glance, who string) []string {
	var out []string
	for _, i := range g.items {
		q := fmt.Sprintf("REVOKE %s ON %s FROM %s", g.thing.priv, objectIn(g), who)
		if g.thing.class == classColumn {
			q = fmt.Sprintf("REVOKE %s (%s) ON TABLE %s FROM %s", g.thing.priv, g.object.word, g.object.target, who)
		}
		if i.grantor == g.object.owner || i.grantorName == "" {
			out = append(out, q)
			continue
		}
		// A privilege belongs to its grantor, and a plain REVOKE acts as the owner: without an
		// error it would take nothing.
		out = append(out, "SET LOCAL ROLE "+pgx.Identifier{i.grantorName}.Sanitize(), q, "RESET ROLE")
	}
	return out
}

// objectIn is an object in GRANT and REVOKE; the catalog has quoted its name.
func objectIn(g *glance) string { return g.object.word + " " + g.object.target }

func (r *roles) grant(ctx context.Context, a connector.Access) (connector.Outcome, error) {
	before, err := r.glance(ctx, r.db, a)
	if err != nil {
		return "", err
	}
	if o, err := r.mayGrant(before); o != "" || err != nil {
		return o, err
	}
	return r.changing(ctx, sql.LevelReadCommitted, connector.Granted, func(tx *sql.Tx) error {
		s, err := r.begin(ctx, tx, true)
		if err != nil {
			return err
		}
		g, err := s.look(ctx, a)
		if err != nil {
			return err
		}
		if o, err := r.mayGrant(g); err != nil {
			return err
		} else if o != "" {
			return &decided{o}
		}
		q, err := s.grantStatement(g)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return r.explain(ctx, "Giving it", err)
		}
		after, err := s.look(ctx, a)
		switch {
		case err != nil:
			return err
		case after.obs.Presence == connector.WrongTarget:
			return &decided{connector.RefusedTarget}
		case after.obs.Presence != connector.Present:
			return r.fail(connector.Denied, "PostgreSQL gave nothing and only a warning: the user that we sign in as has no right to; everything was undone", nil)
		}
		return nil
	})
}

// mayGrant tells what stands in the way of a grant; both are empty where nothing does.
func (r *roles) mayGrant(g *glance) (connector.Outcome, error) {
	switch {
	case g.obs.Presence == connector.Present:
		return connector.AlreadyHeld, nil
	case g.obs.Presence == connector.WrongTarget:
		return connector.RefusedTarget, nil
	case g.account == nil:
		return "", r.fail(connector.Refused, "The role no longer exists, so nothing can be given", nil)
	case g.thing.class == classRole && g.role == nil, privileges[g.thing.class] != nil && g.object == nil:
		return "", r.fail(connector.Refused, "What was held no longer exists, so it cannot be given", nil)
	}
	return "", nil
}

func (s *session) grantStatement(g *glance) (string, error) {
	who := quoted(g.account)
	switch {
	case g.thing.priv == privOwner:
		return "", s.r.fail(connector.Refused, "Ownership is handed on by a person (ALTER … OWNER TO …)", nil)
	case g.thing.class == classRole && g.thing.priv == privAdmin:
		return fmt.Sprintf("GRANT %s TO %s WITH ADMIN OPTION", quoted(g.role), who), nil
	case g.thing.class == classRole:
		return fmt.Sprintf("GRANT %s TO %s", quoted(g.role), who), nil
	case g.thing.class == classAttribute && g.account.oid != 0:
		return "ALTER ROLE " + who + " " + attributes[attributeOf(g.thing.priv)].word, nil
	case g.thing.class == classAttribute:
		return "", s.r.fail(connector.Refused, "PUBLIC has no attributes", nil)
	case g.thing.class == classColumn:
		return fmt.Sprintf("GRANT %s (%s) ON TABLE %s TO %s", g.thing.priv, g.object.word, g.object.target, who), nil
	}
	return fmt.Sprintf("GRANT %s ON %s TO %s", g.thing.priv, objectIn(g), who), nil
}
