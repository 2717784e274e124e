-- What all workers know of how a source can be reached: nothing is asked of it before open_until.
CREATE TABLE IF NOT EXISTS source_health (
    source_id   BIGINT PRIMARY KEY REFERENCES sources (id),
    failures    BIGINT NOT NULL,           -- attempts in a row that could not read it
    open_until  BIGINT,                    -- nothing is asked before
    reason      TEXT COLLATE "C" NOT NULL, -- why, for people
    tokens      DOUBLE PRECISION NOT NULL, -- removals that its rate allows at refilled_at
    refilled_at BIGINT
);
