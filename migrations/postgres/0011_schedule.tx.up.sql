-- When campaigns with a schedule are launched next.
CREATE TABLE IF NOT EXISTS schedules (
    campaign TEXT COLLATE "C" PRIMARY KEY,
    rule     TEXT COLLATE "C" NOT NULL, -- the schedule and the zone that next_at was reckoned by
    next_at  BIGINT, -- NULL: never again
    try_at   BIGINT, -- after a launch that did not happen: not before
    problem  TEXT COLLATE "C" NOT NULL -- why it did not
);
