package campaigns

import (
	"context"
	"fmt"
	"time"

	"recert/model"
)

// warn tells of what is known of the campaign's sources and of people, and would not be reviewed: a
// newer snapshot that waits for an admin, and rows that could not be taken in.
func (p *plan) warn(ctx context.Context, q Reader) error {
	held, err := q.HeldSnapshots(ctx)
	if err != nil {
		return err
	}
	for _, src := range p.frozenSources() {
		for _, h := range held {
			if h.SourceID != src.ID || h.AsOf <= src.AsOf {
				continue
			}
			ledgers, err := q.Ledgers(ctx, h.ID)
			if err != nil {
				return err
			}
			p.warnings = append(p.warnings, heldWarning(src.Name, src.Snapshot, h, ledgers))
		}
		used, err := q.Snapshot(ctx, src.Snapshot)
		if err != nil {
			return err
		}
		if used.Rejects > 0 {
			p.warnings = append(p.warnings, fmt.Sprintf("%s: %s of snapshot %d, which is used, could not be taken in and will not be reviewed; the page of the snapshot tells why.",
				src.Name, rowCount(used.Rejects), used.ID))
		}
	}
	return p.noticeMail(ctx, q)
}

// noticeMail tells where nobody will be told of the campaign.
func (p *plan) noticeMail(ctx context.Context, q Reader) error {
	_, err := q.Config(ctx, model.ConfigNotification, model.MailNotification)
	if model.KindOf(err) == model.NotFound {
		p.notices = append(p.notices, "Mail is not set up, so Recert tells nobody of this review and reminds nobody: tell the reviewers yourself.")
		return nil
	}
	return err
}

// heldWarning tells of a held snapshot, and by how many rows it differs from the one before it.
func heldWarning(source string, used int64, h model.Snapshot, ledgers []model.Ledger) string {
	var read, added, changed, gone int64
	for _, l := range ledgers {
		if l.Given {
			read, added, changed, gone = read+l.Read, added+l.New, changed+l.Changed, gone+l.Gone
		}
	}
	return fmt.Sprintf("%s: snapshot %d as of %s is newer and held, so snapshot %d is used. The held one has %s: %d new, %d changed, and %d gone. Release or discard it first, or what changed is not reviewed.",
		source, h.ID, h.AsOf.Std().Format(time.DateOnly), used, rowCount(read), added, changed, gone)
}

func rowCount(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
