-- What a ticket is told of which it is not known whether it was taken, and since when: it is looked for before it is told again.
ALTER TABLE tickets ADD COLUMN saying TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN saying_at INTEGER;
