-- What a row of remediations does: 'remove' takes a reviewed access away, 'restore' gives one back that was removed, 'lower' gives the
-- weaker access before the reviewed one goes, 'rotate' is the task to change a secret that somebody knows who may use it no more.
ALTER TABLE remediations ADD COLUMN IF NOT EXISTS kind TEXT COLLATE "C" NOT NULL DEFAULT 'remove';
-- The row that this one follows from: of a restore the removal that it undoes, of a removal that lowers the 'lower' row that was proven
-- before it, of a rotate the removal. NULL where it follows from the answer alone.
ALTER TABLE remediations ADD COLUMN IF NOT EXISTS for_id BIGINT;
-- Who asked for a restore and why; '' in all other rows.
ALTER TABLE remediations ADD COLUMN IF NOT EXISTS asked_by TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE remediations ADD COLUMN IF NOT EXISTS asked_for TEXT COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX IF EXISTS remediations_once;
CREATE UNIQUE INDEX IF NOT EXISTS remediations_once ON remediations (run_id, item_id, grant_id) WHERE state <> 'cancelled' AND kind = 'remove';
CREATE UNIQUE INDEX IF NOT EXISTS remediations_lower_once ON remediations (run_id, item_id) WHERE state <> 'cancelled' AND kind = 'lower';
-- A removal is given back once; a restore that was cancelled leaves room for another.
CREATE UNIQUE INDEX IF NOT EXISTS remediations_restore_once ON remediations (for_id) WHERE state <> 'cancelled' AND kind = 'restore';
CREATE INDEX IF NOT EXISTS remediations_for ON remediations (for_id) WHERE for_id IS NOT NULL;
