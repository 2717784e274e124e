-- What all workers know of how a source can be reached: nothing is asked of it before open_until.
CREATE TABLE IF NOT EXISTS source_health (
    source_id   INTEGER PRIMARY KEY REFERENCES sources (id),
    failures    INTEGER NOT NULL, -- attempts in a row that could not read it
    open_until  INTEGER,          -- nothing is asked before
    reason      TEXT NOT NULL,    -- why, for people
    tokens      REAL NOT NULL,    -- removals that its rate allows at refilled_at
    refilled_at INTEGER
);
