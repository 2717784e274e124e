package store

// Know makes Once give v under key in this transaction.
func Know[T any](tx *Tx, key string, v T) {
	if tx.once == nil {
		tx.once = map[string]any{}
	}
	tx.once[key] = v
}

// Once gives what read gave the first time it was asked for under key in this transaction. It is for
// what many changes that share a transaction look at and none of them changes.
func Once[T any](tx *Tx, key string, read func() (T, error)) (T, error) {
	if v, ok := tx.once[key].(T); ok {
		return v, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	Know(tx, key, v)
	return v, nil
}
