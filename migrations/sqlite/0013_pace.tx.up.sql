-- When the items of a run were answered, and which are gone, without reading what each item shows: for its burn-down.
CREATE INDEX IF NOT EXISTS items_decided ON items (run_id, decided_at) WHERE decided_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_gone ON items (run_id, gone_snapshot) WHERE gone_snapshot IS NOT NULL;
DELETE FROM sqlite_stat1 WHERE idx IN ('items_decided', 'items_gone');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('items', 'items_decided', '100000 10000 1'), ('items', 'items_gone', '1000 100 10');
ANALYZE sqlite_schema;
