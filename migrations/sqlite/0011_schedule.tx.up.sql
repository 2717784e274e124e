-- When campaigns with a schedule are launched next.
CREATE TABLE IF NOT EXISTS schedules (
    campaign TEXT PRIMARY KEY,
    rule     TEXT NOT NULL, -- the schedule and the zone that next_at was reckoned by
    next_at  INTEGER, -- NULL: never again
    try_at   INTEGER, -- after a launch that did not happen: not before
    problem  TEXT NOT NULL -- why it did not
);
