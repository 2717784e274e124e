-- Whose access it is, as frozen at the launch; NULL where the account is of no person.
ALTER TABLE remediations ADD COLUMN person_key INTEGER;
-- Why it was queued where no answer of revoke asked for it: 'keep_until', a keep that has ended; else ''.
ALTER TABLE remediations ADD COLUMN cause TEXT NOT NULL DEFAULT '';
-- Who decided that it will not be done, of one that is cancelled for that; else ''.
ALTER TABLE remediations ADD COLUMN declined TEXT NOT NULL DEFAULT '';
UPDATE remediations SET person_key = (SELECT i.person_key FROM items i WHERE i.run_id = remediations.run_id AND i.id = remediations.item_id);
CREATE INDEX IF NOT EXISTS remediations_person ON remediations (person_key, id) WHERE person_key IS NOT NULL;
-- There is one task to change a secret for an item at a time.
CREATE UNIQUE INDEX IF NOT EXISTS remediations_rotate_once ON remediations (run_id, item_id) WHERE kind = 'rotate' AND state NOT IN ('confirmed', 'cancelled');
CREATE INDEX IF NOT EXISTS remediations_rotate ON remediations (source_id, id) WHERE kind = 'rotate' AND state = 'sent';
-- What the person concerned says against a removal, once, and what was answered.
CREATE TABLE IF NOT EXISTS contests (
    remediation_id INTEGER PRIMARY KEY REFERENCES remediations (id),
    person_key     INTEGER NOT NULL,
    reason         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    outcome        TEXT NOT NULL, -- dismissed, upheld; '' while nobody has answered
    answered_by    TEXT NOT NULL,
    answer         TEXT NOT NULL, -- why
    answered_at    INTEGER
);
CREATE INDEX IF NOT EXISTS contests_open ON contests (remediation_id) WHERE outcome = '';
-- Keeps that were to end on a date, and have.
CREATE INDEX IF NOT EXISTS decisions_until ON decisions (until) WHERE until <> '';
CREATE TABLE IF NOT EXISTS ended_keeps (
    run_id  INTEGER NOT NULL,
    item_id INTEGER NOT NULL,
    result  TEXT NOT NULL, -- queued: its removals are; superseded: a later review decided; gone: there was nothing left to remove
    at      INTEGER NOT NULL,
    PRIMARY KEY (run_id, item_id)
);
