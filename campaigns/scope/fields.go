package scope

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"recert/model"
)

// field is one name that an expression may use. Its value is unknown where the source says
// nothing, which CEL then carries through the expression.
type field struct {
	kind *cel.Type
	get  func(*activation) ref.Val
}

// unknown is the value of whatever a source does not say.
var unknown = types.NewUnknown(1, nil)

func text(s string) ref.Val {
	if s == "" {
		return unknown
	}
	return types.String(s)
}

func instant(t model.Time) ref.Val {
	if !t.Known() {
		return unknown
	}
	return types.Timestamp{Time: t.Std()}
}

func tri(t model.Tri) ref.Val {
	switch t {
	case model.Yes:
		return types.True
	case model.No:
		return types.False
	case model.Unknown:
		return unknown
	}
	return unknown
}

func attrs(m map[string]string) ref.Val {
	if m == nil {
		m = map[string]string{}
	}
	return types.DefaultTypeAdapter.NativeToValue(m)
}

var attrsType = cel.MapType(cel.StringType, cel.StringType)

func ofPerson(kind *cel.Type, get func(*Person) ref.Val) field {
	return field{kind: kind, get: func(a *activation) ref.Val {
		if a.row.Account.Person == nil {
			return unknown
		}
		return get(a.row.Account.Person)
	}}
}

func ofAccount(kind *cel.Type, get func(*Account) ref.Val) field {
	return field{kind: kind, get: func(a *activation) ref.Val { return get(a.row.Account) }}
}

func ofEntitlement(kind *cel.Type, get func(*Entitlement) ref.Val) field {
	return field{kind: kind, get: func(a *activation) ref.Val {
		if a.row.Entitlement == nil {
			return unknown
		}
		return get(a.row.Entitlement)
	}}
}

func ofGrant(kind *cel.Type, get func(*model.Grant) ref.Val) field {
	return field{kind: kind, get: func(a *activation) ref.Val {
		if a.row.Grant == nil {
			return unknown
		}
		return get(a.row.Grant)
	}}
}

func ofSource(get func(*Source) ref.Val) field {
	return ofAccount(cel.StringType, func(a *Account) ref.Val { return get(a.Source) })
}

// fields are the columns of CONTRACT.md's tables, and a few that follow from them:
// account.matched (somebody is known to hold it), grant.direct, source.* and now.
var fields = map[string]field{
	"person.person_id":       ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.PersonID) }),
	"person.name":            ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Name) }),
	"person.email":           ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Email) }),
	"person.manager_id":      ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.ManagerID) }),
	"person.title":           ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Title) }),
	"person.department":      ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Department) }),
	"person.cost_center":     ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.CostCenter) }),
	"person.location":        ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Location) }),
	"person.employment_type": ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.EmploymentType) }),
	"person.status":          ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Status) }),
	"person.kind":            ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.Kind) }),
	"person.owner_id":        ofPerson(cel.StringType, func(p *Person) ref.Val { return text(p.OwnerID) }),
	"person.start_date":      ofPerson(cel.TimestampType, func(p *Person) ref.Val { return instant(p.StartDate) }),
	"person.end_date":        ofPerson(cel.TimestampType, func(p *Person) ref.Val { return instant(p.EndDate) }),
	"person.attrs":           ofPerson(attrsType, func(p *Person) ref.Val { return attrs(p.Attrs) }),

	"account.account_id":    ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.AccountID) }),
	"account.username":      ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.Username) }),
	"account.display_name":  ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.DisplayName) }),
	"account.email":         ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.Email) }),
	"account.person_id":     ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.PersonID) }),
	"account.owner_id":      ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.OwnerID) }),
	"account.kind":          ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.Kind) }),
	"account.status":        ofAccount(cel.StringType, func(a *Account) ref.Val { return text(a.Status) }),
	"account.privileged":    ofAccount(cel.BoolType, func(a *Account) ref.Val { return tri(a.Privileged) }),
	"account.last_login_at": ofAccount(cel.TimestampType, func(a *Account) ref.Val { return instant(a.LastLoginAt) }),
	"account.created_at":    ofAccount(cel.TimestampType, func(a *Account) ref.Val { return instant(a.CreatedAt) }),
	"account.expires_at":    ofAccount(cel.TimestampType, func(a *Account) ref.Val { return instant(a.ExpiresAt) }),
	"account.attrs":         ofAccount(attrsType, func(a *Account) ref.Val { return attrs(a.Attrs) }),
	"account.matched":       ofAccount(cel.BoolType, func(a *Account) ref.Val { return types.Bool(a.Person != nil) }),

	"entitlement.entitlement_id": ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.EntitlementID) }),
	"entitlement.name":           ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.Name) }),
	"entitlement.description":    ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.Description) }),
	"entitlement.kind":           ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.Kind) }),
	"entitlement.risk":           ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.Risk) }),
	"entitlement.owner_id":       ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.OwnerID) }),
	"entitlement.privileged":     ofEntitlement(cel.BoolType, func(e *Entitlement) ref.Val { return tri(e.Privileged) }),
	"entitlement.lower_id":       ofEntitlement(cel.StringType, func(e *Entitlement) ref.Val { return text(e.LowerID) }),
	"entitlement.attrs":          ofEntitlement(attrsType, func(e *Entitlement) ref.Val { return attrs(e.Attrs) }),

	"grant.granted_at":   ofGrant(cel.TimestampType, func(g *model.Grant) ref.Val { return instant(g.GrantedAt) }),
	"grant.granted_by":   ofGrant(cel.StringType, func(g *model.Grant) ref.Val { return text(g.GrantedBy) }),
	"grant.reason":       ofGrant(cel.StringType, func(g *model.Grant) ref.Val { return text(g.Reason) }),
	"grant.expires_at":   ofGrant(cel.TimestampType, func(g *model.Grant) ref.Val { return instant(g.ExpiresAt) }),
	"grant.last_used_at": ofGrant(cel.TimestampType, func(g *model.Grant) ref.Val { return instant(g.LastUsedAt) }),
	// The empty path is the direct one, not an unknown one.
	"grant.via":    ofGrant(cel.StringType, func(g *model.Grant) ref.Val { return types.String(g.Via) }),
	"grant.direct": ofGrant(cel.BoolType, func(g *model.Grant) ref.Val { return types.Bool(g.Via == "") }),
	"grant.attrs":  ofGrant(attrsType, func(g *model.Grant) ref.Val { return attrs(g.Attrs) }),

	"source.name":  ofSource(func(s *Source) ref.Val { return types.String(s.Name) }),
	"source.type":  ofSource(func(s *Source) ref.Val { return text(s.Type) }),
	"source.owner": ofSource(func(s *Source) ref.Val { return text(s.Owner) }),

	"now": {kind: cel.TimestampType, get: func(a *activation) ref.Val { return a.now }},
}

// activation gives one row's values to CEL.
type activation struct {
	row Row
	now types.Timestamp
}

// ResolveName is the value of a field.
func (a *activation) ResolveName(name string) (any, bool) {
	f, ok := fields[name]
	if !ok {
		return nil, false
	}
	return f.get(a), true
}

// Parent is nobody: there are no other variables.
func (a *activation) Parent() cel.Activation { return nil }

func timestamp(t time.Time) types.Timestamp { return types.Timestamp{Time: t} }
