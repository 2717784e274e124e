-- Who answers for a reviewer who is away: from the first to the last day, in the installation's zone.
CREATE TABLE IF NOT EXISTS deputies (
    id         INTEGER PRIMARY KEY,
    person_key INTEGER NOT NULL,
    deputy_key INTEGER NOT NULL,
    from_day   TEXT NOT NULL, -- YYYY-MM-DD
    until_day  TEXT NOT NULL,
    reason     TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at    INTEGER NOT NULL,
    stopped_at INTEGER, -- called off before its last day
    ended_at   INTEGER  -- what the deputy had not answered went back
);
CREATE INDEX IF NOT EXISTS deputies_open ON deputies (person_key) WHERE ended_at IS NULL;
