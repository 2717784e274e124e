package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"

	"recert/model"
)

// demoFile is one file as a source would have exported it, with the columns that ingest reads.
type demoFile struct {
	Kind model.Kind
	Name string
	Data []byte
}

// peopleFile is the people source's file.
func (g *demoGeneration) peopleFile() (demoFile, error) {
	return demoCSV(model.KindPeople, "people", []string{
		"person_id", "name", "email", "manager_id", "title", "department", "cost_center", "location",
		"employment_type", "status", "kind", "owner_id", "start_date", "end_date",
	}, g.People, func(p model.Person) []string {
		return []string{
			p.PersonID, p.Name, p.Email, p.ManagerID, p.Title, p.Department, p.CostCenter, p.Location,
			p.EmploymentType, p.Status, p.Kind, p.OwnerID, p.StartDate.String(), p.EndDate.String(),
		}
	})
}

// files are the three files of one system.
func (g *demoGeneration) files(system string) ([]demoFile, error) {
	access, ok := g.Access[system]
	if !ok {
		return nil, fmt.Errorf("the demo company has no system %q", system)
	}
	accounts, err := demoCSV(model.KindAccounts, system+"-accounts", []string{
		"account_id", "username", "display_name", "email", "person_id", "owner_id", "kind", "status", "privileged",
		"last_login_at", "created_at", "expires_at",
	}, access.Accounts, func(a model.Account) []string {
		return []string{
			a.AccountID, a.Username, a.DisplayName, a.Email, a.PersonID, a.OwnerID, a.Kind, a.Status, a.Privileged.String(),
			a.LastLoginAt.String(), a.CreatedAt.String(), a.ExpiresAt.String(),
		}
	})
	if err != nil {
		return nil, err
	}
	entitlements, err := demoCSV(model.KindEntitlements, system+"-entitlements", []string{
		"entitlement_id", "name", "description", "kind", "risk", "owner_id", "privileged", "lower_id",
	}, access.Entitlements, func(e model.Entitlement) []string {
		return []string{
			e.EntitlementID, e.Name, e.Description, e.Kind, e.Risk, e.OwnerID, e.Privileged.String(), e.LowerID,
		}
	})
	if err != nil {
		return nil, err
	}
	grants, err := demoCSV(model.KindGrants, system+"-grants", []string{
		"account_id", "entitlement_id", "granted_at", "granted_by", "reason", "expires_at", "last_used_at", "via",
	}, access.Grants, func(r model.Grant) []string {
		return []string{
			r.AccountID, r.EntitlementID, r.GrantedAt.String(), r.GrantedBy, r.Reason, r.ExpiresAt.String(),
			r.LastUsedAt.String(), r.Via,
		}
	})
	if err != nil {
		return nil, err
	}
	return []demoFile{accounts, entitlements, grants}, nil
}

func demoCSV[T any](kind model.Kind, name string, header []string, rows []T, cells func(T) []string) (demoFile, error) {
	var buf bytes.Buffer
	if err := writeDemoCSV(&buf, header, rows, cells); err != nil {
		return demoFile{}, fmt.Errorf("write %s.csv: %w", name, err)
	}
	return demoFile{Kind: kind, Name: name + ".csv", Data: buf.Bytes()}, nil
}

func writeDemoCSV[T any](w io.Writer, header []string, rows []T, cells func(T) []string) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	for _, row := range rows {
		if err := out.Write(cells(row)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
