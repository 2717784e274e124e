package notify_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recert/campaigns"
	"recert/campaigns/ingest"
	"recert/campaigns/notify"
	"recert/campaigns/remediate"
	"recert/model"
	"recert/model/store"
	"recert/model/store/storetest"
)

// quarter is an installation whose clock runs through a quarter, with a mail server.
type quarter struct {
	t     *testing.T
	store *store.Store
	clock *storetest.Clock
	svc   *campaigns.Service
	ing   *ingest.Service
	smtpd *smtpd
	mails []string // day, receiver and subject of each, in order
	run   model.Run
}

// TestQuarter: a campaign is launched by its schedule, reminds who has not finished, gives more time, then gives what
// nobody answered to the closer, closes, refuses what comes late, has what was revoked removed and proven, and is
// launched again a quarter later. Who is told of what, and when, is read back from the mail server.
func TestQuarter(t *testing.T) {
	t.Parallel()
	for _, d := range []store.Dialect{store.SQLite, store.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			newQuarter(t, d).live()
		})
	}
}

func newQuarter(t *testing.T, d store.Dialect) *quarter {
	t.Helper()
	q := &quarter{t: t, clock: &storetest.Clock{T: time.Date(2026, 12, 20, 12, 0, 0, 0, time.UTC)}, smtpd: startSMTP(t)}
	q.store = storetest.Open(t, storetest.Migrated(t, d), q.clock)
	q.svc = &campaigns.Service{Store: q.store}
	q.ing = &ingest.Service{Store: q.store, AfterSeal: []func(context.Context, *store.Tx, model.Snapshot) error{q.svc.AfterSeal}}
	_, err := campaigns.Apply(t.Context(), q.store, "test", []campaigns.Document{
		{Kind: model.ConfigSource, Name: "hr", Spec: &model.SourceSpec{Provides: model.ProvidesPeople, Type: "csv"}, At: "a"},
		{Kind: model.ConfigSource, Name: "wiki", Spec: &model.SourceSpec{Provides: model.ProvidesAccess, Type: "csv", Owner: "u3"}, At: "b"},
		{Kind: model.ConfigCampaign, Name: "access", Spec: &model.CampaignSpec{
			Scope: model.ScopeSpec{Sources: model.Strings{"wiki"}}, Stages: []model.StageSpec{{Reviewers: model.Strings{"manager", "source_owner"}, Due: "14d"}},
			OnNoAnswer: "escalate", Closer: "u9", Extend: "3d", Close: "due", Reminders: model.Strings{"7d", "0d", "+1d"},
			Schedule: "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1", TimeZone: "Europe/Berlin",
		}, At: "c"},
	}, false)
	q.must(err)
	q.ingest("hr", map[model.Kind]string{model.KindPeople: `person_id,name,email,manager_id,status
u1,Cora Vance,cora@example.com,,active
u2,Ana Ferreira,ana@example.com,u1,active
u3,Bo Lindqvist,bo@example.com,u1,active
u4,Dev Patel,dev@example.com,u2,active
u6,Fay Chen,fay@example.com,u3,active
u9,Quin Ash,quin@example.com,,active
`})
	q.ingest("wiki", map[model.Kind]string{
		model.KindAccounts: "account_id,username,email,person_id,kind\na2,ana,,u2,human\na3,bo,,u3,human\na4,dev,,u4,human\na6,fay,,u6,human\n",
		model.KindGrants:   quarterGrants + "a4,editors\n",
	})
	return q
}

const quarterGrants = "account_id,entitlement_id\na2,readers\na3,editors\na4,readers\na6,editors\n"

func (q *quarter) must(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

func (q *quarter) ingest(source string, files map[model.Kind]string) {
	q.t.Helper()
	req := ingest.Request{Source: source, Origin: ingest.OriginCLI, Actor: "test"}
	for kind, text := range files {
		req.Files = append(req.Files, ingest.File{Kind: kind, Name: string(kind) + ".csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }})
	}
	res, err := q.ing.Run(q.t.Context(), req)
	q.must(err)
	if res.State != model.SnapshotSealed {
		q.t.Fatalf("%s is %s", source, res.State)
	}
}

// until lets the time go on, with all that a server does by the clock each six hours.
func (q *quarter) until(text string) {
	q.t.Helper()
	end, err := time.Parse(time.DateOnly+" 15:04", text)
	q.must(err)
	for q.clock.T.Before(end) {
		q.clock.T = q.clock.T.Add(6 * time.Hour).Truncate(6 * time.Hour)
		if q.clock.T.After(end) {
			q.clock.T = end
		}
		for _, chore := range []func(context.Context) (int, error){
			q.svc.ExpireKeeps, q.svc.SettleUpheld, q.svc.LaunchScheduled, q.svc.ReplaceReviewers, q.svc.Deputize, q.svc.Escalate, q.svc.CloseByRule, q.svc.Remind,
		} {
			_, err := chore(q.t.Context())
			q.must(err)
		}
		q.must((&remediate.Worker{Store: q.store, Name: "w", Now: q.clock.Now}).Drain(q.t.Context()))
		q.must((&notify.Worker{Store: q.store, Sender: q.smtpd.sender(q.clock.Now), BaseURL: base, Now: q.clock.Now, Concurrency: 1, Log: slog.New(slog.DiscardHandler)}).Drain(q.t.Context()))
		q.collect()
	}
}

// collect reads what the mail server has got since, by receiver.
func (q *quarter) collect() {
	q.t.Helper()
	var got []string
	for _, m := range q.smtpd.mails()[len(q.mails):] {
		l := open(q.t, m.raw)
		name, _, _ := strings.Cut(m.to, "@")
		got = append(got, q.clock.T.Format("2 Jan")+" "+strings.TrimPrefix(name, "<")+": "+l.subject)
	}
	slices.Sort(got)
	q.mails = append(q.mails, got...)
}

func (q *quarter) actor(id string) model.Actor {
	q.t.Helper()
	p, err := q.store.PersonByID(q.t.Context(), id)
	q.must(err)
	return model.Actor{UserID: p.Key, PersonKey: p.Key, PersonID: id, Name: p.Name, Email: p.Email}
}

// answer gives an answer about an account's access.
func (q *quarter) answer(who, account, entitlement string, a model.Answer) error {
	q.t.Helper()
	rows, err := q.store.ItemRows(q.t.Context(), q.run.ID, store.ItemFilter{})
	q.must(err)
	for _, r := range rows {
		if strings.Contains(r.Subject, `"account_id":"`+account+`"`) && strings.Contains(r.Entitlement, `"entitlement_id":"`+entitlement+`"`) {
			_, err := q.svc.Decide(q.t.Context(), q.actor(who), campaigns.DecideInput{RunID: q.run.ID, ItemID: r.ID, Answer: a, Version: r.Version})
			return err
		}
	}
	q.t.Fatalf("no item of %s and %s", account, entitlement)
	return nil
}

func (q *quarter) sign(who string) {
	q.t.Helper()
	_, err := q.svc.SignOff(q.t.Context(), q.actor(who), campaigns.SignOffInput{RunID: q.run.ID, Statement: campaigns.DefaultStatement})
	q.must(err)
}

func (q *quarter) live() {
	q.t.Helper()
	var err error
	q.until("2027-01-04 12:00")
	q.run, err = q.store.RunByName(q.t.Context(), "access")
	q.must(err)
	if q.run.Name != "access@2027-01-01" || q.run.Items != 5 {
		q.t.Fatalf("launched %s with %d items", q.run.Name, q.run.Items)
	}
	q.must(q.answer("u1", "a2", "readers", model.Keep))
	q.must(q.answer("u1", "a3", "editors", model.Keep))
	q.sign("u1")
	q.must(q.answer("u2", "a4", "editors", model.Revoke))
	q.must(q.answer("u2", "a4", "readers", model.Unsure))
	q.until("2027-01-16 12:00")
	q.sign("u2")
	q.until("2027-01-20 12:00")
	q.must(q.answer("u9", "a4", "readers", model.Keep))
	q.until("2027-01-22 12:00")
	if err := q.answer("u9", "a6", "editors", model.Revoke); model.KindOf(err) != model.Conflict || !strings.Contains(err.Error(), "was closed on") {
		q.t.Errorf("a late answer: %v", err)
	}
	q.until("2027-01-25 12:00")
	q.ingest("wiki", map[model.Kind]string{model.KindGrants: quarterGrants})
	q.until("2027-04-02 00:00")
	q.ended()
}

// ended holds what came of it all against what had to.
func (q *quarter) ended() {
	q.t.Helper()
	status, err := q.svc.Status(q.t.Context(), "")
	q.must(err)
	var got []string
	for _, s := range status {
		got = append(got, s.Name+" "+string(s.State))
	}
	if d := cmp.Diff([]string{"access@2027-04-01 running", "access@2027-01-01 closed"}, got); d != "" {
		q.t.Error(d)
	}
	if c := status[1].Counts; c != (model.Counts{Items: 5, Kept: 3, Revoked: 1, Unanswered: 1}) {
		q.t.Errorf("the first quarter: %+v", c)
	}
	removals, err := q.store.RemediationCounts(q.t.Context(), store.RemediationFilter{RunID: q.run.ID})
	q.must(err)
	if removals[model.Confirmed] != 1 || len(removals) != 1 {
		q.t.Errorf("removals: %v", removals)
	}
	if d := cmp.Diff(quarterMails, q.mails); d != "" {
		q.t.Error(d)
	}
}

// quarterMails are all mails of the quarter. On the day after a due date nobody is reminded: by then it is due later, or closed.
var quarterMails = []string{
	"1 Jan ana: Please review who still needs access: access@2027-01-01, by Friday 15 January 2027, 17:00 CET",
	"1 Jan bo: Please review who still needs access: access@2027-01-01, by Friday 15 January 2027, 17:00 CET",
	"1 Jan cora: Please review who still needs access: access@2027-01-01, by Friday 15 January 2027, 17:00 CET",
	// Cora has signed off.
	"8 Jan ana: Reminder: access@2027-01-01, due Friday 15 January 2027, 17:00 CET",
	"8 Jan bo: Reminder: access@2027-01-01, due Friday 15 January 2027, 17:00 CET",
	"15 Jan ana: Reminder: access@2027-01-01, due Friday 15 January 2027, 17:00 CET",
	"15 Jan bo: Reminder: access@2027-01-01, due Friday 15 January 2027, 17:00 CET",
	// Both get more time.
	"15 Jan ana: Reminder: access@2027-01-01, due Monday 18 January 2027, 17:00 CET",
	"15 Jan bo: Reminder: access@2027-01-01, due Monday 18 January 2027, 17:00 CET",
	// Ana signs off: what she revoked goes, what she is not sure of goes to the closer.
	"16 Jan dev: Access of yours is being removed (access@2027-01-01)",
	"16 Jan quin: Please review who still needs access: access@2027-01-01, by Monday 18 January 2027, 17:00 CET",
	"17 Jan bo: For you to do: editors of Dev Patel in wiki",
	"18 Jan bo: Reminder: access@2027-01-01, due Monday 18 January 2027, 17:00 CET",
	"18 Jan quin: Reminder: access@2027-01-01, due Monday 18 January 2027, 17:00 CET",
	// What Bo did not answer goes to the closer, who leaves it.
	"18 Jan quin: Reminder: access@2027-01-01, due Thursday 21 January 2027, 17:00 CET",
	"21 Jan quin: Reminder: access@2027-01-01, due Thursday 21 January 2027, 17:00 CET",
	"1 Apr ana: Please review who still needs access: access@2027-04-01, by Thursday 15 April 2027, 17:00 CEST",
	"1 Apr bo: Please review who still needs access: access@2027-04-01, by Thursday 15 April 2027, 17:00 CEST",
	"1 Apr cora: Please review who still needs access: access@2027-04-01, by Thursday 15 April 2027, 17:00 CEST",
}
