package ingest

// Shrink makes chunks of so many rows and a cache of so many keys, so that a small file goes the
// ways of a large one.
func (s *Service) Shrink(rows, keys int) { s.chunkRows, s.cachedKeys = rows, keys }

// Lease is how long a loading snapshot is taken for alive.
const Lease = lease
