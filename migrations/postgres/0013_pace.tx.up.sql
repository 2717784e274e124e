-- When the items of a run were answered, and which are gone, without reading what each item shows: for its burn-down.
CREATE INDEX IF NOT EXISTS items_decided ON items (run_id, decided_at) WHERE decided_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_gone ON items (run_id, gone_snapshot) WHERE gone_snapshot IS NOT NULL;
