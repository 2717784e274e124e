-- Since when nobody can answer in a running run, as somebody paused it; NULL is that it goes on.
ALTER TABLE runs ADD COLUMN paused_at INTEGER;
