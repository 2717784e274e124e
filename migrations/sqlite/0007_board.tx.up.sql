-- When a removal should be proven at the latest: the source's time for it, counted from when it might go out. NULL in rows from before.
ALTER TABLE remediations ADD COLUMN due_at INTEGER;
-- While a snapshot loads: the rows read so far, for who waits.
ALTER TABLE snapshots ADD COLUMN read_rows INTEGER NOT NULL DEFAULT 0;
-- What people attached to tasks. The bytes are in blobs; none of it proves anything by itself.
CREATE TABLE IF NOT EXISTS task_reports (
    id             INTEGER PRIMARY KEY,
    remediation_id INTEGER NOT NULL REFERENCES remediations (id),
    actor          TEXT NOT NULL,
    note           TEXT NOT NULL,
    name           TEXT NOT NULL, -- of the file; '' where there is a note alone
    size           INTEGER NOT NULL,
    sha256         TEXT NOT NULL, -- hexadecimal; '' where there is no file
    blob           TEXT NOT NULL, -- token; '' where there is no file
    event_id       INTEGER NOT NULL,
    at             INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS task_reports_of ON task_reports (remediation_id, id);
CREATE INDEX IF NOT EXISTS remediations_assignee ON remediations (assignee_key, id) WHERE assignee_key IS NOT NULL AND mode = 'manual';
