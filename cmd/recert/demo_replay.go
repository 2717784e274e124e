package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"recert/campaigns"
	"recert/campaigns/connector"
	"recert/campaigns/ingest"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
)

// demoLive is the one system that is read and changed over SCIM.
const demoLive = "courier"

// demoCampaign is the campaign that was closed twice and the one that runs.
const (
	demoClosed  = "quarterly-systems"
	demoRunning = "quarterly-managers"
)

// replay lets the past happen: two quarters of snapshots, reviews and removals, by the same code
// that a real past would have used, with the clock set to it.
func (d *demo) replay(ctx context.Context) error {
	defer d.clock.release()
	gens := d.company.Generations
	d.clock.set(gens[0].AsOf.Add(-time.Hour))
	if err := d.configure(ctx); err != nil {
		return err
	}
	for i := range gens[:len(gens)-1] {
		d.clock.set(gens[i].AsOf)
		if err := d.ingestFiles(ctx, i, false); err != nil {
			return err
		}
		if err := d.review(ctx, i); err != nil {
			return fmt.Errorf("review %d: %w", i+1, err)
		}
	}
	d.clock.release()
	if err := d.ingestFiles(ctx, len(gens)-1, true); err != nil {
		return err
	}
	if err := d.ingestLive(ctx); err != nil {
		return err
	}
	_, err := newCampaigns(d.store).Launch(ctx, demoAdmin(), demoRunning)
	return err
}

func demoAdmin() model.Actor {
	return model.Actor{Name: "demo", Roles: []model.Role{model.Admin}}
}

// configure applies the same documents that a real installation would have.
func (d *demo) configure(ctx context.Context) error {
	docs, err := campaigns.ReadDocuments("demo.yaml", strings.NewReader(d.documents()))
	if err != nil {
		return err
	}
	_, err = campaigns.Apply(ctx, d.store, "demo", docs, false)
	return err
}

// documents are the demo's configuration.
func (d *demo) documents() string {
	var b strings.Builder
	write := func(format string, args ...any) { fmt.Fprintf(&b, "---\napiVersion: recert/v1\n"+format, args...) }
	write("kind: Settings\nname: default\nspec: {organization: Fennmark Instruments, time_zone: Europe/Berlin}\n")
	write("kind: RoleMapping\nname: default\nspec:\n  admin: [recert-admins]\n  campaign_manager: [iam-team]\n  auditor: [internal-audit]\n")
	write("kind: Source\nname: hr\nspec: {provides: people, type: csv}\n")
	closed, fallback := []string{}, ""
	for _, s := range d.company.Systems {
		if s.Live {
			write("kind: Source\nname: %s\nspec:\n  provides: access\n  type: scim\n  url: %s\n  token: ${DEMO_COURIER_TOKEN}\n  owner: %s\n  revoke: {mode: connector}\n", s.ID, d.base+demoSCIMPath, s.OwnerID)
			continue
		}
		write("kind: Source\nname: %s\nspec: {provides: access, type: csv, owner: %s, revoke: {mode: manual}}\n", s.ID, s.OwnerID)
		if s.ID != "sextant" {
			closed = append(closed, s.ID)
		}
		if fallback == "" {
			fallback = s.OwnerID
		}
	}
	write("kind: Campaign\nname: %s\nspec:\n  title: Quarterly review of business systems\n  scope: {sources: [%s]}\n  stages: [{reviewers: [manager, source_owner], fallback: %s, due: 14d}]\n  on_no_answer: keep\n  control: ITGC-AC-04\n",
		demoClosed, strings.Join(closed, ", "), fallback)
	write("kind: Campaign\nname: %s\nspec:\n  title: Quarterly access review\n  scope: {sources: [ledger, atlas, %s]}\n  stages: [{reviewers: [manager, source_owner], fallback: %s, due: 14d}]\n  on_no_answer: keep\n  remove: decision\n  undo_for: 15s\n  control: ITGC-AC-04\n",
		demoRunning, demoLive, fallback)
	return b.String()
}

func (d *demo) ingestPeople(ctx context.Context, gen int) error {
	f, err := d.company.Generations[gen].peopleFile()
	if err != nil {
		return err
	}
	return d.ingest(ctx, "hr", []demoFile{f})
}

// ingestFiles takes one generation in; later leaves the live system to its own reader.
func (d *demo) ingestFiles(ctx context.Context, gen int, live bool) error {
	if err := d.ingestPeople(ctx, gen); err != nil {
		return err
	}
	for _, s := range d.company.Systems {
		if s.Live && live {
			continue
		}
		files, err := d.company.Generations[gen].files(s.ID)
		if err != nil {
			return err
		}
		if err := d.ingest(ctx, s.ID, files); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) ingest(ctx context.Context, source string, files []demoFile) error {
	req := ingest.Request{Source: source, Origin: ingest.OriginCLI, Actor: "demo"}
	for _, f := range files {
		req.Files = append(req.Files, ingest.File{Kind: f.Kind, Name: f.Name, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(f.Data)), nil
		}})
	}
	res, err := newIngest(d.store).Run(ctx, req)
	if err != nil {
		return fmt.Errorf("ingest %s: %w", source, err)
	}
	if res.State != model.SnapshotSealed || res.Rejected > 0 {
		return fmt.Errorf("ingest %s: state %s, %d rejected: %v", source, res.State, res.Rejected, res.Reasons)
	}
	return nil
}

// ingestLive reads the live system over SCIM.
func (d *demo) ingestLive(ctx context.Context) error {
	live, err := newConnectors(&keeper{store: d.store}).source(ctx, demoLive)
	if err != nil {
		return err
	}
	_, err = newIngest(d.store).Run(ctx, ingest.Request{Source: demoLive, Origin: ingest.OriginLive, Actor: "demo", Live: live})
	return err
}

// review answers one closed campaign as the company's people did, signs it off and closes it.
func (d *demo) review(ctx context.Context, gen int) error {
	svc := newCampaigns(d.store)
	launched, err := svc.Launch(ctx, demoAdmin(), demoClosed)
	if err != nil {
		return err
	}
	parts, err := d.store.RunReviewers(ctx, launched.Run.ID)
	if err != nil {
		return err
	}
	for i, part := range parts {
		d.clock.set(d.company.Generations[gen].AsOf.Add(24*time.Hour + time.Duration(i)*47*time.Minute))
		if err := d.answer(ctx, svc, launched.Run, part, gen+1); err != nil {
			return err
		}
	}
	d.clock.set(d.company.Generations[gen].AsOf.Add(14 * 24 * time.Hour))
	if _, err = svc.Close(ctx, demoAdmin(), launched.Run.ID, "Due date reached."); err != nil {
		return err
	}
	d.clock.set(d.company.Generations[gen].AsOf.Add(15 * 24 * time.Hour))
	worker := &remediate.Worker{
		Store: d.store, Log: d.logger(), Now: d.clock.now, Name: "demo",
		Targets: newConnectors(&keeper{store: d.store}).target,
	}
	return worker.Drain(ctx)
}

// answer gives one reviewer's answers, and signs them off where none is left open.
func (d *demo) answer(ctx context.Context, svc *campaigns.Service, run model.Run, part model.RunReviewer, review int) error {
	actor := model.Actor{PersonKey: part.PersonKey}
	var who struct {
		PersonID, Name, Email string
	}
	if err := json.Unmarshal([]byte(part.Value), &struct {
		PersonID *string `json:"person_id"`
		Name     *string `json:"name"`
		Email    *string `json:"email"`
	}{&who.PersonID, &who.Name, &who.Email}); err != nil {
		return err
	}
	actor.PersonID, actor.Name, actor.Email = who.PersonID, who.Name, who.Email
	open := false
	for after := int64(0); ; {
		rows, err := d.store.ItemRows(ctx, run.ID, store.ItemFilter{Reviewer: part.PersonKey, After: after, Limit: 200})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		after = rows[len(rows)-1].ID
		var ins []campaigns.DecideInput
		for _, row := range rows {
			in, err := d.answerOf(row, review)
			if err != nil {
				return err
			}
			if in.Answer == model.NoAnswer {
				open = true
				continue
			}
			ins = append(ins, in)
		}
		if len(ins) == 0 {
			continue
		}
		if _, err := svc.DecideMany(ctx, actor, run.ID, ins); err != nil {
			return err
		}
	}
	if open {
		return nil
	}
	_, err := svc.SignOff(ctx, actor, campaigns.SignOffInput{RunID: run.ID, Statement: campaigns.DefaultStatement})
	return err
}

func (d *demo) answerOf(row store.ItemRow, review int) (campaigns.DecideInput, error) {
	var subject model.Subject
	if err := json.Unmarshal([]byte(row.Subject), &subject); err != nil {
		return campaigns.DecideInput{}, err
	}
	var ent model.Entitlement
	if row.Entitlement != "" {
		if err := json.Unmarshal([]byte(row.Entitlement), &ent); err != nil {
			return campaigns.DecideInput{}, err
		}
	}
	a := d.company.answer(review, row.Source, subject.AccountID, ent.EntitlementID)
	return campaigns.DecideInput{
		RunID: row.RunID, ItemID: row.ID, Answer: model.Answer(a.Answer), Comment: a.Comment, Version: row.Version,
		Key: fmt.Sprintf("demo-%d", row.ID), Channel: "web",
	}, nil
}

// forget takes from the live system, which starts anew each time, what kept data say is gone.
func (d *demo) forget(ctx context.Context) error {
	src, err := d.store.Source(ctx, demoLive)
	if err != nil {
		return err
	}
	rows, err := d.store.ProvenAccesses(ctx, src.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		var a connector.Access
		if err := json.Unmarshal(r, &a); err != nil {
			return err
		}
		if err := d.scim.RemoveMember(a.EntitlementID, a.AccountID); err != nil {
			return err
		}
	}
	return nil
}
